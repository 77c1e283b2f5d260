"""Reading received mail: any bytes, within bounds, to what a person would see."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import inbound
from core.rules.inbound import message, mime
from core.rules.inbound.file_types import sniff

CORPUS: Final = sorted((Path(__file__).parents[1] / "corpus").glob("*.eml"))


def simple(head: str = "", body: str = "hello") -> bytes:
    return f"From: Jane Doe <jane@example.com>\r\n{head}\r\n{body}\r\n".encode()


QUOTED: Final = "Content-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: Quoted-Printable\r\n"
BASE64: Final = base64.b64encode("✓".encode()).decode()
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


# --- any bytes ----------------------------------------------------------------------------------------------------


_LINES = st.sampled_from(
    [
        b"From: a@b.test",
        b"Content-Type: multipart/mixed; boundary=b",
        b'Content-Type: multipart/digest; boundary="b"',
        b"--b",
        b"--b--",
        b"",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Subject: =?utf-8?b?4pyT?= =?x?q?=",
        b" folded",
        b'To: a@b.test, "c, d" <c@d.test>, (',
        b"=E2=9C",
        b"4pyT",
        b"Content-Type: text/html; charset=punycode",
        b"<p style='display:none'>x",
        b"References: <a@b> <c@d>",
        b"Date: Thu, 99 Jan 0000 99:99:99 +9999",
        b"Content-Disposition: attachment; filename*0*=utf-8''%ff",
    ]
)


@given(st.lists(st.one_of(_LINES, st.binary(max_size=40)), max_size=60), st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_no_bytes_break_the_reader_and_all_it_returns_can_be_stored(lines: list[bytes], end: bytes) -> None:
    raw = end.join(lines)
    mail = inbound.read(raw)
    words = [mail.subject, mail.text or "", mail.html or "", inbound.without_quotes(mail.text or ""), *mail.references]
    words += [one.address + one.name for one in mail.addresses] + [one.name for one in mail.attachments]
    for text in words:
        text.encode()
        assert "\0" not in text
    for one in mail.attachments:
        found = message.attached(raw, one.index)
        assert found is not None
        assert found[0] == one
        assert len(found[1]) == one.size


def test_reports_of_every_mail_system_are_read_without_problems_other_than_a_missing_sender() -> None:
    read = {file.name: inbound.read(file.read_bytes()) for file in CORPUS}
    assert {problem for mail in read.values() for problem in mail.problems} <= {"it names no sender"}
    assert sum(bool(mail.text or mail.html) for mail in read.values()) > 0.97 * len(read)


@pytest.mark.parametrize(
    ("head", "body", "problem"),
    [
        (b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n\r\nx\r\n" * 300, "more than 200 parts"),
        (b"X: " + b"a" * 300_000 + b"\r\n", b"", "longer than 256 KiB"),
        (b"X: a\r\n" * 3_000, b"", "more than 2,000 fields"),
        (b"", b"word " * 300_000, "more than 1 MiB of text"),
        (b"Content-Type: text/html\r\n", b"<i>a</i>" * 60_000, "characters of HTML"),
        (b"To: " + b"a@b.test, " * 600 + b"c@d.test\r\n", b"", "more than 500 addresses"),
        (b"From: eve@example.net\r\n", b"", "several From fields"),
    ],
    ids=["parts", "header", "fields", "text", "html", "addresses", "from"],
)
def test_a_message_beyond_a_bound_says_which(head: bytes, body: bytes, problem: str) -> None:
    mail = inbound.read(b"From: jane@example.com\r\n" + head + b"\r\n" + body)
    assert [one for one in mail.problems if problem in one], mail.problems


def test_parts_nested_a_thousand_deep_are_one_attachment_and_a_problem() -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1_000))
    mail = inbound.read(b"From: jane@example.com\r\n" + deep + b"Content-Type: text/plain\r\n\r\nhidden")
    assert mail.problems == (f"its parts are nested more than {mime.MAX_DEPTH} deep",)
    assert len(mail.attachments) == 1


# --- what a reader sees -------------------------------------------------------------------------------------------


def test_a_message_of_every_kind_of_part_is_read_as_its_program_wrote_it() -> None:
    built = EmailMessage(policy=SMTP)
    built["From"] = '"Doe, Jane" <jane@example.com>'
    built["To"] = "help@acme.test, Grüße <bob@example.com>"
    built["Cc"] = "carol@example.com"
    built["Subject"] = "Größe ✓"
    built["Message-ID"] = "<a1@example.com>"
    built["In-Reply-To"] = "<p1@example.com>"
    built["References"] = "<r1@example.com> <p1@example.com>"
    built["Date"] = "Thu, 01 Jan 2026 10:00:00 +0100"
    built.set_content("Grüße,\nJane\n")
    built.add_alternative("<p>Gr&uuml;&szlig;e</p>", subtype="html")
    built.add_attachment(b"%PDF-1.7 ...", maintype="application", subtype="pdf", filename="Rechnung für Jane.pdf")
    built.add_attachment(b"MZ\x90", maintype="image", subtype="png", filename="cat.png")
    mail = inbound.read(built.as_bytes())
    assert mail.problems == ()
    assert (mail.text, mail.html) == ("Grüße,\nJane\n", "<p>Gr&uuml;&szlig;e</p>\n")
    assert [(one.role, one.address, one.name) for one in mail.addresses] == [
        ("from", "jane@example.com", "Doe, Jane"), ("to", "help@acme.test", ""), ("to", "bob@example.com", "Grüße"),
        ("cc", "carol@example.com", ""),
    ]  # fmt: skip
    assert (mail.subject, mail.message_id, mail.in_reply_to) == ("Größe ✓", "<a1@example.com>", "<p1@example.com>")
    assert mail.references == ("<r1@example.com>", "<p1@example.com>")
    assert mail.dated_at == 1_767_258_000_000_000
    assert [(one.name, one.declared, one.sniffed, one.size) for one in mail.attachments] == [
        ("Rechnung für Jane.pdf", "application/pdf", "application/pdf", 12),
        ("cat.png", "image/png", "application/x-msdownload", 3),
    ]


def test_a_forwarded_message_is_an_attachment_with_all_its_bytes() -> None:
    inner = b"From: eve@example.net\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nx\r\n--o--"
    raw = (
        b"From: jane@example.com\r\nContent-Type: multipart/mixed; boundary=o1\r\n\r\n"
        b"--o1\r\n\r\nSee below.\r\n--o1\r\n"
        b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--o1--\r\n"
    )
    mail = inbound.read(raw)
    assert mail.text == "See below."
    (one,) = mail.attachments
    assert one.sniffed == "message/rfc822"
    found = message.attached(raw, one.index)
    assert found is not None
    assert found[1] == inner


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (
            "Content-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: Quoted-Printable\r\n",
            "caf=E9",
            "café",
        ),
        (
            'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n',
            base64.b64encode("✓".encode()).decode(),
            "✓",
        ),
        ("Content-Type: text/plain; charset=klingon\r\n", "plain", "plain"),
        ("Content-Type: nonsense\r\n", "plain", None),
        ("Content-Type: multipart/mixed\r\n", "--b\r\n\r\nno boundary", None),
        ("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\nnever closed", "never closed"),
        ("", "a\0b", "a\ufffdb"),
    ],
)
def test_what_programs_get_wrong_is_still_read(head: str, body: str, text: str | None) -> None:
    mail = inbound.read(simple(head, body))
    assert (mail.text or "").strip() == (text or "")
    assert bool(mail.attachments) == (text is None), "what is no text can still be fetched"


def test_an_encoded_word_adds_no_address() -> None:
    mail = inbound.read(b"From: =?utf-8?q?eve=40example=2Enet=2C?= <jane@example.com>\r\n\r\nx")
    assert [(one.address, one.name) for one in mail.addresses] == [("jane@example.com", "eve@example.net,")]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "text/plain"),
        (b"PK\x03\x04....word/document.xml", DOCX),
        (b"PK\x03\x04", "application/zip"),
        (b"\xef\xbb\xbf<!DOCTYPE html>", "text/html"),
        (b"\x00\x01", "application/octet-stream"),
        ("ü".encode() * 3_000, "text/plain"),
        (b"#!/bin/sh", "text/x-script"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(content: bytes, kind: str) -> None:
    assert sniff(content) == kind


# --- quotes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quoted",
    [
        "On Mon, 1 Jan 2026 at 10:00, Help <help@acme.test> wrote:\n> Hello\n> Jane",
        "On Mon, 1 Jan 2026 at 10:00, Help Desk of the Acme Company\n<help@acme.test> wrote:\n\n> Hello",
        "Am Mo., 1. Jan. 2026 um 10:00 Uhr schrieb Help <help@acme.test>:\n> Hallo",
        "Le lun. 1 janv. 2026 à 10:00, Help <help@acme.test> a écrit :\n> Bonjour",
        "El lun, 1 ene 2026 a las 10:00, Help (<help@acme.test>) escribió:\n> Hola",
        "Il giorno lun 1 gen 2026 alle ore 10:00 Help <help@acme.test> ha scritto:\n> Ciao",
        "-----Original Message-----\nFrom: Help\n\nHello",
        "_______________\nFrom: Help <help@acme.test>\nSent: Monday\nTo: Jane\nSubject: Refund\n\nHello",
        "Von: Help <help@acme.test>\nGesendet: Montag\nAn: Jane\nBetreff: Geld\n\nHallo",
        "> only quoted\n> lines",
        "On Mon, 1 Jan 2026 at 10:00, Help <help@acme.test> wrote:\nHello Jane\nquoted without marks",
    ],
)
def test_the_quotation_at_the_end_is_cut(quoted: str) -> None:
    assert inbound.without_quotes(f"Yes, please.\n\nJane\n\n{quoted}\n") == "Yes, please.\n\nJane"


@pytest.mark.parametrize(
    "text",
    [
        "> Do you want it?\nYes.\n> And when?\nNow.",
        "From: is a word\nthat may begin a line",
        "On the other hand: no.\n\nThe invoice says\n-- \nJane",
        "> all of it is quoted",
        "",
    ],
)
def test_text_that_is_not_a_quotation_at_the_end_is_kept(text: str) -> None:
    assert inbound.without_quotes(text) == text.strip()


# --- authentication -----------------------------------------------------------------------------------------------

PASS: Final = (
    'mx.acme.test; dkim=pass (2048-bit key) header.d=example.com header.s=s1 header.b="x"; '
    "spf=pass smtp.mailfrom=bounce@mail.example.com; dmarc=pass (p=REJECT sp=NONE) header.from=example.com"
)


def evidence(
    *values: str, author: str = "example.com", trusted: tuple[str, ...] = ("mx.acme.test",)
) -> dict[str, object]:
    fields = [("authentication-results", value) for value in values]
    fields.append(("dkim-signature", "v=1; d=example.com; s=s1; h=From; b=x"))
    return inbound.evidence(fields, author=author, trusted=trusted)


def test_the_configured_servers_verdicts_are_evidence_with_their_alignment() -> None:
    assert evidence(PASS) == {
        "spf": {"status": "pass", "domain": "mail.example.com", "aligned": True},
        "dkim": [{"status": "pass", "domain": "example.com", "selector": "s1", "aligned": True}],
        "dmarc": {"status": "pass", "domain": "example.com", "policy": "reject", "aligned_by": ["spf", "dkim"]},
    }


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ((PASS.replace("mx.acme.test", "mx.evil.test"),), "none"),
        (("mx.acme.test; dmarc=fail header.from=example.com", PASS), "fail"),
        ((PASS, "mx.acme.test; dmarc=fail header.from=example.com"), "fail"),
        ((PASS.replace("header.from=example.com", "header.from=example.net"),), "none"),
        (("(dmarc=pass) mx.acme.test; none",), "none"),
        (("mx.acme.test 1; dmarc=bestguesspass header.from=example.com",), "none"),
        (("mx.acme.test; x=y (; dmarc=pass header.from=example.com)",), "none"),
        ((), "none"),
    ],
)
def test_nothing_but_an_undisputed_pass_of_the_author_s_domain_is_a_pass(values: tuple[str, ...], status: str) -> None:
    found = evidence(*values)["dmarc"]
    assert isinstance(found, dict)
    assert found["status"] == status


def test_a_verdict_below_the_second_received_field_counts_for_nothing() -> None:
    fields = [("received", "by mx.acme.test"), ("received", "by elsewhere"), ("authentication-results", PASS)]
    assert inbound.evidence(fields, author="example.com", trusted=["mx.acme.test"])["dmarc"]["status"] == "none"
    assert (
        inbound.evidence([fields[0], fields[2]], author="example.com", trusted=["MX.acme.test"])["dmarc"]["status"]
        == "pass"
    )


def test_a_message_with_two_authors_passes_nothing() -> None:
    found = evidence(PASS, author="")["dmarc"]
    assert isinstance(found, dict)
    assert found["status"] == "none"
