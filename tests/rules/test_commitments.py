"""Promises and ordinary sentences in seven languages: how many of each the rules hold, and how they are disguised."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from core.model import DEFAULT_CLASSES, ContentClass
from core.rules.classification import phrases, promises, raise_class, weighing, weights
from core.rules.compose import Attachment, attached, beyond, invites, reading
from tests.bench.commitments import HOSTILE, WEIGHTS, written

CORPUS = Path(__file__).parents[1] / "corpus" / "commitments"
LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl")
RECALL = 0.90
FALSE_HOLDS = 0.05


def sentences() -> list[tuple[str, str, str]]:
    """Sign, language and text of every sentence in the corpus."""
    lines = [line for file in sorted(CORPUS.glob("*.txt")) for line in file.read_text().splitlines()]
    rows = [line.split(" ", 2) for line in lines if line[:2] in {"+ ", "- "}]
    return [(sign, language, text) for sign, language, text in rows]


def test_in_each_language_most_promises_are_found_and_few_ordinary_sentences_taken_for_one() -> None:
    """A floor for sentences the weights were fitted with; tests/bench/commitments.py measures unseen ones."""
    rows = sentences()
    wrong = [(sign, language, text) for sign, language, text in rows if bool(promises(text)) != (sign == "+")]
    assert len(rows) == len({text for _, _, text in rows if text}) > 450
    for language in LANGUAGES:
        promised, ordinary = (sum(row[:2] == (sign, language) for row in rows) for sign in "+-")
        missed, vain = ([row[2] for row in wrong if row[:2] == (sign, language)] for sign in "+-")
        assert len(missed) <= promised * (1 - RECALL), (language, missed)
        assert len(vain) <= ordinary * FALSE_HOLDS, (language, vain)


def test_every_weight_is_that_of_a_finding_and_stands_as_the_fit_writes_it() -> None:
    """A weight of a finding that was renamed would count for nothing, and nobody would hear of it."""
    named = {name for names in (*weights.WEIGHTS, *weights.PAIRS) for name in names.split(" & ")}
    assert named <= set(weighing.ATOMS)
    assert len(weighing.ATOMS) == len(set(weighing.ATOMS))
    assert WEIGHTS.read_text() == written(weights.ENOUGH, weights.WEIGHTS, weights.PAIRS)


@pytest.mark.parametrize(
    "text",
    [
        "Please post the charger back and we will credit your account with 40 euros.",
        "Unfortunately the blue one is sold out, but we will send you a red one for free.",
        "Usually we charge for this, but we will repair it at no cost to you.",
        "Leider ist der Dienstag belegt, aber ich habe Ihnen den Mittwoch um 10 Uhr reserviert.",
        "Malheureusement le vol est complet, mais nous vous rembourserons le billet.",
        "Normalmente se cobra, pero le devolvemos los gastos de envío.",
        "Purtroppo il volo è pieno, ma le rimborseremo il biglietto.",
    ],
)
def test_a_request_a_refusal_or_a_rule_beside_a_promise_does_not_hide_it(text: str) -> None:
    assert promises(text)


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


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_work_grows_with_the_length_and_no_faster(unit: str) -> None:
    def steps(size: int) -> int:
        """Lines executed; the bench measures the CPU time of what runs in C."""
        text = unit * (size // len(unit))
        count = 0

        def line(frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
            nonlocal count
            count += event == "line"
            return line

        phrases.forget()
        before = sys.gettrace()
        sys.settrace(line)
        try:
            promises(text)
        finally:
            sys.settrace(before)
        return count

    steps(1_000)
    assert steps(20_000) < 2.5 * steps(10_000) + 1_000  # quadratic work would take four times as many


@pytest.mark.parametrize(
    "text",
    [
        'The form says "we will refund you within 14 days"; is that right?',
        "Tom wrote: \u00abwe will refund you the money\u00bb",
        "Auf dem Formular steht \u201ewir erstatten Ihnen den Betrag\u201c, stimmt das?",
    ],
)
def test_words_quoted_within_a_sentence_are_not_our_own_promise(text: str) -> None:
    assert promises(text) == ()


def test_our_own_words_in_quotation_marks_still_promise() -> None:
    assert promises('As I said, "we will refund you today".')
    assert promises('We say "you will get a full refund".')


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
        "Thanks, we have received your refund request.", "We got your message.", "jane@firm.ca", "From: joe@firm.ca",
    ],
)  # fmt: skip
def test_headings_and_receipts_promise_nothing(text: str) -> None:
    assert promises(text) == ()


COURTESIES = """\
Good morning Olga,
Good morning,
Good afternoon Mr Smith,
Good evening everyone,
Good day,
Happy Friday,
Happy new year!
Happy Monday team,
Dear Jane,
Hi Jane,
Hello there,
Hey team,
To whom it may concern,
I hope this email finds you well.
Hope you had a great weekend.
Thank you for your patience.
Thanks for getting in touch.
Many thanks in advance,
Please let me know if you have any questions.
Let me know if you have any questions.
Looking forward to hearing from you.
I look forward to hearing from you.
Have a great day!
Have a nice weekend,
Kind regards,
Best wishes,
All the best,
Sincerely yours,
Talk soon,
See you soon,
See you on Friday,
Cheers,
Welcome aboard!
You're welcome.
No worries.
Apologies for the delay.
Sorry for the late reply.
Just a quick note on the numbers below.
Please find attached the report.
Here is the summary of yesterday.
Attached is invoice 400.
Weekly report for 24 November
Your invoice 2026-400
Your receipt from Acme
Password reset
Reset your password
Your code is 482913.
This message was written by an AI agent of Acme.
Guten Morgen Frau Weber,
Guten Tag Herr Meyer,
Schönen Feierabend,
Mit freundlichen Grüßen
Vielen Dank für Ihre Geduld.
Ich hoffe, es geht Ihnen gut.
Bitte melden Sie sich bei Fragen.
Bonjour Madame,
Bonsoir,
Cordialement,
Bonne journée,
Merci pour votre patience.
Buenos días,
Buenas tardes,
Un saludo,
Gracias por su paciencia.
Bom dia,
Boa tarde,
Atenciosamente,
Buongiorno,
Buona giornata,
Cordiali saluti,
Goedemorgen,
Goedemiddag,
Goedenavond Jan,
Met vriendelijke groet,
Fijne dag,
Prettig weekend,
Gute Nacht,
Frohe Weihnachten,
Merry Christmas,
"""
"""What nearly every message opens or ends with: a promise seen in one of these holds all mail of an agent."""


def test_greetings_and_closings_are_no_promises_in_bodies_and_subjects() -> None:
    found = {
        line: promises(line) or promises(f"{line}\n\nThe numbers are below.\n") for line in COURTESIES.splitlines()
    }
    assert [line for line, words in found.items() if words] == []


@pytest.mark.parametrize(
    "text", ["Good morning Olga, we will refund you 50 EUR today.", "Good. Monday at ten it is, we have a deal."]
)
def test_a_greeting_hides_no_promise(text: str) -> None:
    assert promises(text)
