"""What would deceive a reviewer fails a check; what people really write fails none."""

from __future__ import annotations

import pytest

from core.rules.content import Rendered, examined, host_of, likeness, links_of

SHOP = "<p>See <a href='https://shop.acme.example/q?x=1'>{}</a></p>"


def failed(said: Rendered, **more: object) -> list[str]:
    return [reason.code for reason in examined(said, own=("acme.test",))]


# --- hidden characters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        Rendered("Invoice \u202efdp.exe"),
        Rendered("x", text="a\u200bb"),
        Rendered("x", html="<p>pay&#8203;pal</p>\u2066"),
        Rendered("x", text="\x1b[2J"),
        Rendered("x", people=("a\u00ad@b.example",)),
        Rendered("x", attached=("invoice\u202efdp.exe",)),
        Rendered("tab\tin a subject"),
    ],
)
def test_hidden_characters_fail_wherever_they_are(said: Rendered) -> None:
    assert failed(said) == ["hidden_characters"]


def test_the_sentence_counts_them_apart() -> None:
    (found,) = examined(Rendered("\u202e", text="\u200b\u200b", attached=("\u202e",)))
    assert found.text == "hidden or bidi characters: subject 1, body 2, names 1"


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "www.bank.example",
        "https://bank.example/login",
        "Go to bank.example.",
        "\uff57\uff57\uff57\uff0ebank\uff0eexample",
        "https://report.pdf",
        "example",  # no host at all is checked below: this one must not fail
    ],
)
def test_words_that_name_another_host_fail(said: str) -> None:
    assert failed(Rendered("x", html=SHOP.format(said))) == ([] if said == "example" else ["link_differs"])


@pytest.mark.parametrize(
    "html",
    [
        SHOP.format("our shop"),
        SHOP.format("shop.acme.example"),
        SHOP.format("www.shop.acme.example/q"),
        SHOP.format("acme.example"),  # what belongs to the named host is no other one
        SHOP.format("report.pdf"),
        "<a href='mailto:jane@acme.example'>jane@acme.example</a>",
        "<a href='tel:+49'>+49 30 1.234</a>",
        "<a name='top'>www.bank.example</a>",
    ],
)
def test_links_that_go_where_they_say_fail_nothing(html: str) -> None:
    assert failed(Rendered("x", html=html)) == []


@pytest.mark.parametrize(
    "html",
    [
        "<a href='https://evil.example/'>www.bank.example",  # never closed
        "<a href='https://evil.example/'>www.bank.example<a href='https://bank.example'>x</a>",
        "<a href='https://evil.example/'><img alt='www.bank.example'></a>",
        "<map><area href='https://evil.example/' alt='www.bank.example'></map>",
        "<a href='https://www.bank.example@evil.example/'>www.bank.example</a>",
        "<a href='https:\\\\evil.example\\'>www.bank.example</a>",
        "<a href='https:/evil.example'>www.bank.example</a>",
        "<a href='//evil.example'>www.bank.example</a>",
        "<a href='ht\ntps://evil\t.example'>www.bank.example</a>",
        "<A HREF=https://evil.example>WWW.BANK.EXAMPLE</A>",
        "<a href='https://bank.example.evil.example'>bank.example</a>",
        "<a href='https://notbank.example'>bank.example</a>",
        "<a href='javascript:go()'>bank.example</a>",
    ],
)
def test_no_spelling_hides_where_a_link_goes(html: str) -> None:
    assert "link_differs" in failed(Rendered("x", html=html))


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("https://Evil.Example./x", "evil.example"),
        ("//evil.example/x", "evil.example"),
        ("https:\\\\evil.example", "evil.example"),
        ("http:evil.example", "evil.example"),
        ("https://a.example@evil.example:444/", "evil.example"),
        ("https://ev%69l.example", "evil.example"),
        ("www.acme.example/x", "www.acme.example"),
        ("mailto:a@acme.example", "acme.example"),
        ("javascript:go()", "javascript"),
        ("https://[", "?"),
        ("", "?"),
    ],
)
def test_the_host_is_the_one_a_browser_would_open(target: str, host: str) -> None:
    assert host_of(target) == host


@pytest.mark.parametrize(
    "link",
    [
        "https://xn--pypal-4ve.example/",
        "https://p\u0430ypal.example/",
        "https://\u0430\u0440\u0440\u04cf\u0435.example/",
        "https://xn--mller-kva.example/",
        "https://xn--99999999999.example/",
    ],
)
def test_hosts_of_look_alike_letters_fail_in_text_and_html(link: str) -> None:
    assert failed(Rendered("x", text=f"see {link} now")) == ["link_host"]
    assert failed(Rendered("x", html=f"<a href='{link}'>here</a>")) == ["link_host"]


def test_the_senders_own_name_is_spelled_as_it_is() -> None:
    said = Rendered("x", text="https://shop.xn--mller-kva.test/")
    assert [reason.code for reason in examined(said, own=("xn--mller-kva.test",))] == []


def test_a_recipient_at_a_domain_of_mixed_letters_fails_and_a_foreign_one_does_not() -> None:
    assert failed(Rendered("x", people=("ann@p\u0430ypal.example",))) == ["recipient_host"]
    assert failed(Rendered("x", people=("ann@例え.example", "bo@müller.example", "c@ドメイン例え.example"))) == []


def test_a_part_too_long_to_look_at_fails() -> None:
    assert "too_long" in failed(Rendered("x", html="<p>a</p>" * 60_000))


def test_everyday_mail_fails_nothing() -> None:
    said = Rendered(
        "Your quote Q-1182 ✔", text="Dear Ms Doé,\r\n\tsee https://acme.test/q/1182 ❤️\r\n",
        html="<p>Dear Ms Doé, see <a href='https://acme.test/q/1182'>acme.test</a></p>",
        people=("Jane Döe <jane@beta.example>",), attached=("Angebot Müller.pdf",),
    )  # fmt: skip
    assert failed(said) == []
    assert [link.host for link in links_of(said.text, said.html)] == ["acme.test", "acme.test"]


# --- likeness ---------------------------------------------------------------------------------------------------------

TEXT = "Dear Ms Doe,\n\nyour quote {} is at https://pay.acme.test/q/{}. Write to {} about it.\n"


def like(to: str, subject: str = "Your quote Q-1182", text: str = "", **more: object) -> int:
    return likeness(subject, [text], recipients=[to], attached=[])


def test_messages_that_differ_in_what_is_their_recipients_are_alike() -> None:
    one = like("jane.doe@beta.example", text=TEXT.format(1182, 1182, "jane.doe@beta.example"))
    two = like(
        "sam@gamma.example", "Your quote Q-77", TEXT.format(77, 77, "sam@gamma.example").replace("Ms Doe", "Sam")
    )
    assert one == two


@pytest.mark.parametrize(
    "other",
    [
        TEXT.format(1, 1, "me@evil.example"),
        TEXT.format(1, 1, "jane@beta.example").replace("pay.acme.test", "pay.evil.example"),
        TEXT.format(1, 1, "jane@beta.example").replace("your quote", "your invoice"),
        TEXT.format(1, 1, "jane@beta.example") + "Please wire it to Mallory.",
    ],
)
def test_what_matters_to_a_reviewer_sets_messages_apart(other: str) -> None:
    assert like("jane@beta.example", text=TEXT.format(1, 1, "jane@beta.example")) != like(
        "jane@beta.example", text=other
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "[/]"),
        ("", "jane"),
        ("", "7"),
        ("Your quote", "Your quote!"),
        ("Your quote", "[b]Your quote[/b]"),
        ("Your quote", "Your quote \U000e0041\U000e0042"),
        ("Your quote", "Your\u200b quote"),
        ("Your quote", "Your \u202equote"),
        ("Your quote", "YOUR QUOTE"),
        ("Quote for you", "Quote for sam@gamma.example"),
        ("Quote for jane", "Quote for sam"),
        ("Pay 10 EUR", "Pay 10,000 EUR"),
        ("Pay € 10", "Pay € 99"),
        ("5 % off", "50 % off"),
        ("To DE89 3704 0044 0532 0130 00", "To DE12 5001 0517 5407 3249 31"),
        ("Call 030 1234 5678", "Call 030 8765 4321"),
        ("https://a.example/pay", "https://a.example/login"),
        ("\ud800", "?"),
    ],
)
def test_what_a_reader_would_want_to_see_sets_messages_apart(one: str, other: str) -> None:
    to = "jane@beta.example"
    assert like(to, one) != like(to, other)
    assert like(to, text=f"Hello,\n{one}") != like(to, text=f"Hello,\n{other}")


def test_a_subject_of_blanks_is_not_an_empty_one() -> None:
    assert like("jane@beta.example", "") != like("jane@beta.example", " ")


def test_a_greeting_hides_a_name_and_no_message() -> None:
    assert like("a@b.example", text="Hi Sam,\nbye") == like("a@b.example", text="Hi Ms Anne-Marie O'Neill,\nbye")
    assert like("a@b.example", text="Hello please wire it to us at once") != like("a@b.example", text="Hello")
    assert like("a@b.example", text="Hi [/],") != like("a@b.example", text="Hi Sam,")


def test_what_names_the_recipient_is_left_out_where_it_stands() -> None:
    jane = like("jane@beta.example", "Quote 7 for jane", "It goes to jane@beta.example on 2026-11-29")
    sam = like("sam@gamma.example", "Quote 12 for Sam", "It goes to sam@gamma.example on 2027-01-02")
    assert jane == sam
    assert jane != like("jane@beta.example", "Quote 7 for sam", "It goes to jane@beta.example on 2026-11-29")


def test_more_recipients_or_another_file_set_messages_apart() -> None:
    alone = likeness("s", ["t"], recipients=["a@b.example"], attached=[])
    assert likeness("s", ["t"], recipients=["a@b.example", "spy@c.example"], attached=[]) != alone
    assert likeness("s", ["t"], recipients=["a@b.example"], attached=["x.exe"]) != alone


def test_beyond_what_is_compared_word_by_word_every_letter_counts() -> None:
    long = "word " * 4_000
    assert like("a@b.example", text=long + "1") != like("a@b.example", text=long + "2")
