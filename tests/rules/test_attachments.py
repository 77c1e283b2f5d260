"""Pictures in HTML, invitations, attached messages: read back by Python's parser, fit for the wire, verified."""

from __future__ import annotations

import types
from dataclasses import replace
from email.message import EmailMessage, Message

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.rules.compose import Attachment, compose, with_date
from core.rules.content import read_mail
from core.rules.dkim import sign
from tests.factories import effort
from tests.rules.test_compose import DRAFT, GATEWAY, assert_fit_for_the_wire, content, parsed
from tests.rules.test_dkim import AT, KEYS, _VerifyKey, verified

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
LOGO = Attachment("logo.png", "image/png", PNG, content_id="<logo@acme.test>")
INVITE = Attachment(
    "invite.ics", "text/calendar; method=REQUEST",
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Caf\xc3\xa9\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
)  # fmt: skip
LETTER = Attachment("a.eml", "message/rfc822", b"From: a@b.test\nSubject: Hi\n\nHello\n")
PDF = Attachment("a.pdf", "application/pdf", b"%PDF-1.7")


@pytest.fixture(autouse=True)
def nacl(monkeypatch: pytest.MonkeyPatch) -> None:
    shim = types.SimpleNamespace(
        signing=types.SimpleNamespace(VerifyKey=_VerifyKey),
        encoding=types.SimpleNamespace(Base64Encoder=None),
        exceptions=types.SimpleNamespace(ValueError=ValueError),
    )
    monkeypatch.setattr(dkim, "nacl", shim, raising=False)


def shape(part: Message) -> object:
    """The tree as nested lists of types."""
    kind = part.get_content_type()
    if part.get_content_maintype() != "multipart":
        return kind
    return [kind, *(shape(one) for one in part.get_payload() if isinstance(one, Message))]


def read(**draft: object) -> EmailMessage:
    message = compose(replace(DRAFT, **draft), GATEWAY).message  # type: ignore[arg-type]
    assert_fit_for_the_wire(message)
    found = parsed(message)
    assert not any(part.defects for part in found.walk())
    return found


def test_everything_stands_where_mail_programs_look_for_it() -> None:
    found = read(html="<img src='cid:logo@acme.test'>", attachments=(LOGO, INVITE, LETTER, PDF))
    assert shape(found) == [
        "multipart/mixed",
        [
            "multipart/alternative",
            "text/plain",
            ["multipart/related", "text/html", "image/png"],
            "text/calendar",
        ],
        "message/rfc822",
        "application/pdf",
    ]


def test_an_inline_picture_has_its_content_id_and_its_bytes() -> None:
    found = read(html="<img src='cid:logo@acme.test'>", attachments=(LOGO,))
    picture = next(part for part in found.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<logo@acme.test>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_payload(decode=True) == PNG
    related = next(part for part in found.walk() if part.get_content_type() == "multipart/related")
    assert related.get_param("type") == "text/html"


def test_a_picture_without_html_hangs_on_the_message() -> None:
    assert shape(read(attachments=(LOGO,))) == ["multipart/mixed", "text/plain", "image/png"]


def test_an_invitation_is_an_alternative_with_its_method() -> None:
    found = read(attachments=(INVITE,))
    assert shape(found) == ["multipart/alternative", "text/plain", "text/calendar"]
    part = next(part for part in found.walk() if part.get_content_type() == "text/calendar")
    assert isinstance(part, EmailMessage)
    assert part.get_param("method") == "REQUEST"
    assert part.get_param("charset") == "utf-8"
    assert "SUMMARY:Café" in content(part)
    guessed = read(attachments=(replace(INVITE, content_type="text/calendar"),))
    assert shape(guessed) == shape(found)


def test_a_calendar_without_a_method_or_meant_as_a_file_is_a_file() -> None:
    plain = replace(INVITE, content_type="text/calendar", content=INVITE.content.replace(b"METHOD:REQUEST\r\n", b""))
    for file in (plain, replace(INVITE, disposition="attachment")):
        assert shape(read(attachments=(file,))) == ["multipart/mixed", "text/plain", "text/calendar"]


def test_an_attached_message_is_not_encoded_and_is_no_part_of_ours() -> None:
    found = read(attachments=(LETTER,))
    part = next(part for part in found.walk() if part.get_content_type() == "message/rfc822")
    assert part["Content-Transfer-Encoding"] == "7bit"
    inner = part.get_content()
    assert isinstance(inner, EmailMessage)
    assert inner["Subject"] == "Hi"
    html = replace(LETTER, content=b"Subject: x\nContent-Type: text/html\n\n<p>We own this.</p>\n")
    seen = read_mail(compose(replace(DRAFT, attachments=(html,)), GATEWAY).message)
    assert seen.html is None
    assert [one.name for one in seen.attachments] == ["a.eml"]


@pytest.mark.parametrize(
    "body",
    [
        b"Subject: x\n\nH\xc3\xa9llo\n",
        b"Subject: x\n\n" + b"x" * 999,
        b"Subject: x\n\nspace \n",
        b"\x00",
        b"Hello",
        b"a: b\n\nFrom x\n",
    ],
)
def test_a_message_that_a_relay_would_recode_leaves_as_octets(body: bytes) -> None:
    found = read(attachments=(replace(LETTER, content=body),))
    (part,) = found.iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == body


@pytest.mark.parametrize("kind", ["", " ", "*/*", "image/*", "*/png", "pdf", "application"])
def test_a_type_that_says_nothing_is_refused_with_what_to_do(kind: str) -> None:
    with pytest.raises(Invalid) as caught:
        compose(replace(DRAFT, attachments=(replace(PDF, content_type=kind),)), GATEWAY)
    assert caught.value.problems[0][0] == "attachments[0].content_type"
    assert caught.value.fix
    assert "leave content_type out" in caught.value.fix


def test_content_ids_are_checked() -> None:
    for files, field in (
        ((replace(LOGO, content_id="a b"),), "attachments[0].content_id"),
        ((replace(LOGO, content_id="a\r\nBcc: x"),), "attachments[0].content_id"),
        ((LOGO, replace(LOGO, content_id="logo@acme.test")), "attachments[1].content_id"),
    ):
        with pytest.raises(Invalid) as caught:
            compose(replace(DRAFT, html="<p>x", attachments=files), GATEWAY)
        assert [where for where, _ in caught.value.problems] == [field]


def test_a_calendar_whose_methods_differ_is_refused() -> None:
    with pytest.raises(Invalid, match="METHOD:REQUEST"):
        compose(replace(DRAFT, attachments=(replace(INVITE, content_type="text/calendar; method=CANCEL"),)), GATEWAY)


files = st.lists(
    st.sampled_from([LOGO, INVITE, LETTER, PDF, replace(PDF, disposition="inline"), replace(LETTER, content=b"x")]),
    max_size=4,
    unique_by=lambda file: (file.filename, file.disposition, len(file.content)),
)


@settings(max_examples=effort.times(20, 300))
@given(files, st.sampled_from([None, "<img src='cid:logo@acme.test'>"]), st.sampled_from(["Hi", "Höhö " * 50, "=_x"]))
def test_any_mixture_reads_back_and_its_signatures_verify(
    attached: list[Attachment], html: str | None, text: str
) -> None:
    message = compose(replace(DRAFT, text=text, html=html, attachments=tuple(attached)), GATEWAY).message
    assert_fit_for_the_wire(message)
    found = parsed(message)
    assert not any(part.defects for part in found.walk())
    names = [part.get_filename() for part in found.walk() if part.get_filename()]
    assert len(names) == len([file for file in attached if file is not INVITE])
    whole = with_date(message, AT)
    assert verified(sign(whole, keys=KEYS, at=AT) + whole) == [True, True]
