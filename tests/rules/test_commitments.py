"""Promises and ordinary sentences in seven languages: how many of each the rules hold, and how they are disguised."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from core.model import DEFAULT_CLASSES, ContentClass
from core.rules.classification import LONGEST, promises, raise_class
from core.rules.compose import Attachment, attached, beyond, invites, reading

CORPUS = Path(__file__).parent / "commitments"
LANGUAGES = {"en", "de", "fr", "es", "pt", "it", "nl"}


def sentences(half: str) -> list[tuple[str, str, str]]:
    rows = [line.split(" ", 2) for line in (CORPUS / f"{half}.txt").read_text().splitlines() if line[:1] in {"+", "-"}]
    return [(sign, language, sentence) for sign, language, sentence in rows]


LEAST = {
    "dev": 0.94, "dev_2": 0.89, "dev_3": 0.68, "held_out": 0.94, "blind_1": 0.94, "blind_2": 0.90, "round_3": 0.95,
    "round_4": 0.92, "round_5": 0.92, "round_6": 0.87, "round_7": 0.93,
    "round_8": 0.90, "round_9": 0.80,
}  # fmt: skip
"""How many of the promises of each file are found; the weights were fitted with all of them but the last two.

Sentences that nobody had seen are found less often. On the day each file was written, before anything was learned from
it: `blind_2` 63 % of the promises and 4 % of the ordinary sentences, `round_3` 73 % and 12 % (both by the rules of
then), `round_4` 78 % and 7 %, `round_5` 80 % and 1 %, `round_6` 69 % and 15 %, `round_7` 91 % and 8 %,
`round_8` 93 % and 3 %, `round_9` 85 % and 6 %. Over all files,
by weights fitted without the sentence in question: 88 % and 4.5 % (`python -m tests.bench.commitments folds`).
"""


@pytest.mark.parametrize("file", LEAST)
def test_most_promises_are_found_and_few_ordinary_sentences_taken_for_one(file: str) -> None:
    rows = sentences(file)
    promised = [sentence for sign, _, sentence in rows if sign == "+"]
    ordinary = [sentence for sign, _, sentence in rows if sign == "-"]
    missed = [sentence for sentence in promised if not promises(sentence)]
    wrong = [sentence for sentence in ordinary if promises(sentence)]
    assert {language for _, language, _ in rows} == LANGUAGES
    assert len(promised) - len(missed) >= len(promised) * LEAST[file], missed
    assert len(wrong) <= len(ordinary) * 0.065, wrong


def test_the_corpus_is_as_large_as_it_claims() -> None:
    rows = [row for file in LEAST for row in sentences(file)]
    assert sum(sign == "+" for sign, _, _ in rows) >= 150
    assert sum(sign == "-" for sign, _, _ in rows) >= 300
    assert len({row[2] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    "html",
    [
        "<p>We will re<b></b>fund you.</p>",
        "<p>We will re<span></span>fu<i>n</i>d you.</p>",
        "<p>We will re&shy;fund you.</p>",
        "<p>We will re<!-- x -->fund you.</p>",
        "<p>We will <a href='https://x.test'>refund</a> you.</p>",
    ],
)
def test_tags_inside_a_word_hide_no_promise(html: str) -> None:
    assert promises(reading(None, html))


@pytest.mark.parametrize(
    "text",
    [
        "We will r e f u n d you.",
        "We will r.e.f.u.n.d you.",
        "We will R-E-F-U-N-D you.",
        "w e w i l l r e f u n d y o u",
        "We will re-fund you.",
        "We will r3fund you.",
        "We will r\u0435fund you.",
        "We will \u0433efund y\u043eu.",
        "We will \uff52\uff45\uff46\uff55\uff4e\uff44 you.",
        "We will re\u200bfund you.",
        "We will re\u2060fu\u00adnd you.",
        "We\u2019ll refund you.",
        "We will ref\u0301und you.",
        "Ich habe den Term\u0456n f\u00fcr Dienstag gebucht.",
        "Wir werden Ihnen den Betrag z u r \u00fc c k e r s t a t t e n.",
    ],
)
def test_disguised_words_hide_no_promise(text: str) -> None:
    assert promises(text)


def test_a_calendar_invitation_is_a_commitment_and_its_words_count() -> None:
    entry = b"BEGIN:VEVENT\r\nSUMMARY:We will ref\r\n und you\r\nEND:VEVENT\r\n"
    body = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n" + entry + b"END:VCALENDAR\r\n"
    file = Attachment("invite.ics", "text/calendar", body)
    assert invites([file])
    assert promises(attached([file])) == ("We will refund",)
    published = Attachment("invite.ics", "text/calendar", body.replace(b"REQUEST", b"PUBLISH"))
    assert not invites([published])
    found = raise_class(
        ContentClass.REPLY,
        subject="Tuesday",
        text="",
        first_contact=False,
        mailbox_classes=DEFAULT_CLASSES,
        invites=True,
    )
    assert found.content_class is ContentClass.COMMITMENT
    assert found.words == ("a calendar invitation",)


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("a.txt", "text/plain", b"We will refund you."),
        ("a.txt", "application/octet-stream", b"We will refund you."),
        ("a.html", "text/html", b"<p>We will re<b></b>fund you.</p>"),
        ("a.txt", "text/plain; charset=utf-16", "We will refund you.".encode("utf-16")),
        ("a.eml", "message/rfc822", b"Subject: x\r\n\r\nWe will refund you.\r\n"),
    ],
)
def test_attached_text_is_read(name: str, kind: str, content: bytes) -> None:
    assert promises(attached([Attachment(name, kind, content)])) == ("We will refund",)


def test_what_is_not_text_is_not_read() -> None:
    assert attached([Attachment("a.pdf", "application/pdf", b"We will refund you.")]) == ""


def test_policy_names_further_phrases() -> None:
    assert promises("It goes on the  House\u2019s account.", named=("on the house's account",)) == (
        "on the house's account",
    )
    assert promises("It goes on a house.", named=("on the house's account",)) == ()


def test_a_quoted_reply_is_not_our_own_promise_but_a_bare_mark_hides_none() -> None:
    assert promises("Thanks.\n\nOn Monday Jane wrote:\n> We will refund you.\n> Jane") == ()
    assert promises("Thanks.\n> We will refund you.") == ("We will refund",)
    assert promises("On Monday Jane wrote:\n> Hello\n\nWe will refund you.") == ("We will refund",)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "unit",
    ["we, refund, ", "r e f u n d ", "a-b-c-", "a1b2", "> a:\n", "you can count on ", "ich wir erstatte ", "a'", ". "],
)
def test_the_work_grows_with_the_length_and_no_faster(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        begun = process_time()
        promises(text)
        return process_time() - begun

    seconds(10_000)
    assert seconds(LONGEST - 100) < 60 * max(seconds(LONGEST // 10), 0.005)  # quadratic work would take a hundred times


def test_a_quoted_original_in_html_is_not_our_own_promise_but_a_bare_blockquote_hides_none() -> None:
    quoted = "<blockquote><p>We will refund you.</p>\n<p>We signed.</p><blockquote>Older</blockquote></blockquote>"
    assert promises(reading(None, f"<p>Hello.</p><p>On Monday Jane wrote:</p>{quoted}<p>Bye.</p>")) == ()
    assert promises(reading(None, f"<p>Hello.</p>{quoted}")) == ("We will refund", "We signed")
    after = f"<p>On Monday Jane wrote:</p>{quoted}<p>We will refund you.</p>"
    assert promises(reading(None, after)) == ("We will refund",)
    assert promises(reading(None, f"<p>Jane wrote:</p></blockquote>{quoted}</blockquote><p>We will refund you.</p>"))


def test_more_attached_text_than_is_read_is_held_with_a_reason_that_says_so() -> None:
    files = [Attachment("a.txt", "text/plain", b"x " * 90_000), Attachment("b.txt", "text/plain", b"y " * 90_000)]
    assert beyond(files)
    assert not beyond(files[:1])
    assert not beyond([Attachment("a.pdf", "application/pdf", b"x" * 300_000)])
    found = raise_class(
        ContentClass.REPLY,
        subject="Tuesday",
        text=attached(files),
        first_contact=False,
        mailbox_classes=DEFAULT_CLASSES,
        unread=True,
    )
    assert found.content_class is ContentClass.COMMITMENT
    assert found.rule == "unread"
    assert found.words == ("more attached text than is read",)


@pytest.mark.parametrize(
    "text",
    [
        "Your refund", "Your refund 12", "Your refund of 20 EUR", "Votre remboursement", "Re: your refund",
        "Your refund 3\n\nIt is on its way.", "Order 5 confirmed", "Your order is confirmed.", "Bestellung 7 bestätigt",
        "Thanks, we have received your refund request.", "We got your message.",
    ],
)  # fmt: skip
def test_headings_and_receipts_promise_nothing(text: str) -> None:
    assert promises(text) == ()
