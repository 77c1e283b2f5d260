"""What the gateway takes a message for: promises and first contacts raise, nothing lowers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import DEFAULT_CLASSES, ContentClass
from core.rules.classification import LONGEST, Raised, promises, raise_class

COLD, COMMITMENT = ContentClass.COLD_OUTREACH, ContentClass.COMMITMENT
OUTREACH = (*DEFAULT_CLASSES, COLD)

PROMISES = [
    ("We have refunded your order.", "We have refunded"),
    ("Your order has been refunded.", "has been refunded"),
    ("I have scheduled a meeting for Tuesday.", "I have scheduled"),
    ("Your appointment is scheduled for 3 pm.", "is scheduled"),
    ("Ann scheduled a call with you.", "Ann scheduled"),
    ("We agreed to a discount of 10 %.", "We agreed"),
    ("As we agreed on the phone, it costs 300.", "we agreed"),
    ("The customer agreed to the terms.", "customer agreed"),
    ("Ann has signed the contract.", "has signed"),
    ("I signed it on your behalf.", "I signed"),
    ("Delivery by Friday is guaranteed.", "is guaranteed"),
    ("We guarantee delivery by Friday.", "We guarantee"),
    ("I promise to call back.", "I promise"),
    ("You have my word.", "You have my word"),
    ("I commit to Monday.", "I commit"),
    ("we will refund you in full", "we will refund"),
    ("We\u2019ll refund you in full.", "We'll refund"),
    ("We are going to waive the fee.", "We are going to waive"),
    ("It will be refunded tomorrow.", "It will be refunded"),
    ("You'll get a full refund.", "You'll get a full refund"),
    ("We issued a full refund.", "We issued a full refund"),
    ("Your refund has been approved.", "refund has been approved"),
    ("If you return it, we will refund you.", "we will refund"),
    ("I am not at my desk, but we will refund you.", "we will refund"),
    ("Not only have we refunded you, there is more.", "have we refunded"),
    ("We won't forget to refund you.", "We won't forget to refund"),
    ("We have refunded you, ok?", "We have refunded"),
    ("we\r\nwill\r\nrefund you", "we will refund"),
    ("> we will refund you", "we will refund"),
    ("WE WILL REFUND YOU", "WE WILL REFUND"),
]
NO_PROMISES = [
    "Your refund",
    "Your refund is on its way.",
    "How do I get a refund?",
    "Our refund policy is on the site.",
    "The scheduled maintenance starts at noon.",
    "As agreed, here is the file.",
    "I agree, that is annoying.",
    "We will not refund this order.",
    "We won't refund this order.",
    "We can't guarantee that.",
    "We guarantee nothing.",
    "Results are not guaranteed.",
    "Nothing was agreed.",
    "No refund has been issued.",
    "Has the meeting been scheduled?",
    "Hello Jane, has it been scheduled?",
    "Please tell us whether the call was scheduled.",
    "If it is scheduled, tell me.",
    "You signed up for our newsletter.",
    "You are signed in from a new device.",
    "You will need to sign the form.",
    "Please sign the form.",
    "This message is digitally signed.",
    "The design is assigned to Ann.",
    "Signed-off-by: Ann",
    "Thank you for your order. It left our house today.",
    "",
]


def raised(text: str = "Hello.", declared: ContentClass = ContentClass.TRANSACTIONAL, **rest: object) -> Raised:
    first_contact = bool(rest.get("first_contact"))
    classes = OUTREACH if rest.get("outreach") else DEFAULT_CLASSES
    return raise_class(declared, subject="Hello", text=text, first_contact=first_contact, mailbox_classes=classes)


@pytest.mark.parametrize(("text", "phrase"), PROMISES)
def test_a_promise_raises_with_the_words_that_make_it(text: str, phrase: str) -> None:
    found = raised(text)
    assert found.content_class is COMMITMENT
    assert found.rule == "promise"
    assert phrase in found.words


@pytest.mark.parametrize("text", NO_PROMISES)
def test_what_is_denied_asked_supposed_or_merely_named_does_not_raise(text: str) -> None:
    assert promises(text) == ()
    assert raised(text) == Raised(ContentClass.TRANSACTIONAL, ContentClass.TRANSACTIONAL)


def test_a_promise_in_the_subject_counts_too() -> None:
    found = raise_class(
        ContentClass.REPLY, subject="We refunded you", text="", first_contact=False, mailbox_classes=DEFAULT_CLASSES
    )
    assert found.words == ("We refunded",)


WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in "refunded")
BOLD = "".join(chr(ord(letter) + 0x1D3B9) for letter in "refunded")


@pytest.mark.parametrize(
    "text", [f"we {WIDE} you", f"we {BOLD} you", "we re\u00adfun\u200bded you", "we r\u0301efunded you"]
)
def test_look_alike_and_invisible_characters_hide_no_promise(text: str) -> None:
    assert promises(text) == ("we refunded",)


def test_every_promise_is_shown_once_and_at_most_eight() -> None:
    assert promises("We refunded you. We refunded you. I promise.") == ("We refunded", "I promise")
    assert len(promises(" ".join(f"Person{n} signed the form." for n in range(50)))) == 8


def test_a_question_s_words_count_once_it_turns_out_to_be_none() -> None:
    assert promises("Has anybody told you we refunded you?") == ()
    assert promises("Has anybody told you we refunded you.") != ()
    assert promises("Has anybody told you we refunded you") != ()


def test_padding_hides_no_promise() -> None:
    assert promises("Hello there.\n" * 20_000 + "We will refund you.") == ("We will refund",)


def test_a_text_too_long_to_read_is_raised_unread() -> None:
    found = raised("a" * LONGEST)
    assert found.content_class is COMMITMENT
    assert found.rule == "unread"


@pytest.mark.parametrize(
    "text",
    [
        "refund " * (LONGEST // 7),
        "we will " * (LONGEST // 8) + "refund",
        "\n" * LONGEST + "refund",
        "\n>" * (LONGEST // 2) + "refund",
        "\n" + " " * LONGEST + "refund",
        "a'" * (LONGEST // 2) + "refund",
        "\u0301\u0323" * (LONGEST // 2) + "refund",
        "is refunded " * (LONGEST // 12) + "?",
        "." * LONGEST + "refund",
    ],
    ids=["stems", "modals", "lines", "quotes", "spaces", "apostrophes", "marks", "question", "dots"],
)
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    assert len(promises(text)) <= 8  # quadratic work would meet the time limit


def test_first_contact_raises_where_the_mailbox_is_signed_off_for_it_and_nowhere_else() -> None:
    assert raised(first_contact=True, outreach=True).content_class is COLD
    assert raised(first_contact=True, outreach=True).rule == "first_contact"
    assert raised(first_contact=True).content_class is ContentClass.TRANSACTIONAL
    assert raised(outreach=True).content_class is ContentClass.TRANSACTIONAL


def test_a_promise_in_a_cold_mail_hides_neither() -> None:
    found = raised("We guarantee it.", first_contact=True, outreach=True)
    assert found.content_class is COLD
    assert set(found.classes) == {ContentClass.TRANSACTIONAL, COLD, COMMITMENT}
    assert found.words == ("We guarantee",)
    declared = raised("We guarantee it.", declared=COLD)
    assert declared.content_class is COLD
    assert COMMITMENT in declared.classes


def test_a_declared_commitment_to_a_stranger_stays_one_beside_being_cold() -> None:
    found = raised(declared=COMMITMENT, first_contact=True, outreach=True)
    assert found.content_class is COLD
    assert found.classes == (COMMITMENT, COLD)


WORDS = st.lists(
    st.sampled_from("we I you will not refund refunded scheduled agreed signed up the has been is , . ? and".split()),  # noqa: SIM905 - a line of words
    max_size=25,
).map(" ".join)


@given(st.one_of(WORDS, st.text()), st.sampled_from(ContentClass), st.booleans(), st.booleans())
def test_raising_never_lowers_and_always_says_why(
    text: str,
    declared: ContentClass,
    first_contact: bool,  # noqa: FBT001 - hypothesis hands them over in order
    outreach: bool,  # noqa: FBT001 - the same
) -> None:
    found = raised(text, declared, first_contact=first_contact, outreach=outreach)
    assert declared in found.classes
    assert found.content_class in found.classes
    if declared in {COLD, COMMITMENT}:
        assert found.content_class in {COLD, COMMITMENT}
    if found.content_class is declared:
        assert found.rule is None
    else:
        assert found.rule in {"promise", "first_contact"}
        assert found.rule != "promise" or found.words


@given(st.text(), st.text())
def test_a_promise_survives_whatever_paragraph_stands_around_it(before: str, after: str) -> None:
    assert promises(f"{before}\n\nWe will refund you.\n\n{after}") != ()
