"""Composed bytes, read back by Python's own parser: they say what the draft said, and nothing an agent smuggled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import Address as Registered
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.model import Envelope
from core.rules.compose import Additions, Attachment, Draft, compose, digest, preview, with_date
from tests.factories import effort


@dataclass(frozen=True)
class Who:
    local: str
    domain_ascii: str = "example.com"
    display: str = ""


DRAFT = Draft(sender=Who("help", "support-bot.acme.com"), to=(Who("jane"),), subject="Your refund", text="Hello\n")
GATEWAY = Additions(
    rfc_message_id="<m0000000000005.k1.abcdefghijklmnopqrstuvwx@support-bot.acme.com>",
    postroom_message_id="m0000000000005.k1.abcdefghijklmnopqrstuvwx",
    agent_id="support",
    run_id="run-7",
    feedback_id="support:m5:transactional:acme",
    orders=("x-relay-order",),
)

header_text = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], max_codepoint=0x1FFFF),
        st.sampled_from(' "\\,<>@=?_'),
    ),
    max_size=120,
)
phrases = header_text.filter(lambda text: not re.search("[\u202a-\u202e\u2066-\u2069]", text))
lines = st.sampled_from(
    [".", "..", "From me", "From From From ", "x" * 998, "x" * 999, "ö" * 700, "a ", "\t", "=_=", "--"]
)
bodies = st.lists(
    st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), lines, st.text("ab .=F\t", max_size=200)),
    max_size=8,
).flatmap(lambda rows: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(rows)))


def parsed(message: bytes) -> EmailMessage:
    found = message_from_bytes(message, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def content(part: EmailMessage) -> str:
    found = part.get_content()
    assert isinstance(found, str)
    return unified(found)


def unified(text: str) -> str:
    """Line ends as one; whether the last line has one is not the message's to say."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


def assert_fit_for_the_wire(message: bytes) -> None:
    assert message.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", message)
    rows = message.split(b"\r\n")
    assert max(map(len, rows)) <= 998
    assert b"\0" not in message
    header, _, body = message.partition(b"\r\n\r\n")
    assert all(re.match(rb"[!-9;-~]+:|[ ]\S", row) for row in header.split(b"\r\n"))
    assert not re.search(rb"(?m)^From |[ \t]\r$", body)


@given(header_text)
@example("=?utf-8?q?not=20ours?=")
@example("  two  spaces  ")
@example("x" * 68 + "  " + "y" * 30)
@example("x" * 68 + "   " + "y" * 76)
@example("x" * 900)
@example("word " * 190 + "end")
@example("ä" * 900)
@example("👩‍👩‍👧‍👦" * 20)
@example("")
def test_any_subject_reads_back_as_it_was_written(subject: str) -> None:
    message = compose(replace(DRAFT, subject=subject), GATEWAY).message
    assert_fit_for_the_wire(message)
    read = parsed(message)["Subject"]
    assert read == subject
    assert not read.defects
    raw = message.partition(b"\r\nSubject:")[2].partition(b"\r\nMessage-ID:")[0]
    encoded = [row for row in raw.split(b"\r\n") if b"=?utf-8?" in row]
    assert all(len(row) <= 76 for row in encoded)  # RFC 2047 2
    if encoded:
        assert max(map(len, re.findall(rb"=\?utf-8\?[qb]\?\S*?\?=", raw))) <= 75
        assert raw.isascii()


@given(phrases, st.lists(phrases, min_size=1, max_size=5))
@example('Jane "J" Doe, the \\ of', ["=?utf-8?q?x?=", "Ärzte ohne Grenzen " * 8, "x" * 100])
def test_names_beside_addresses_read_back_and_stay_beside_their_own(sender: str, names: list[str]) -> None:
    to = tuple(Who(f"user{number}", display=name) for number, name in enumerate(names))
    message = compose(replace(DRAFT, display_name=sender, to=to, cc=to), GATEWAY).message
    assert_fit_for_the_wire(message)
    plain = message_from_bytes(message, policy=policy.compat32)
    read = parsed(message)
    for name, wanted in (
        ("From", [(sender, "help@support-bot.acme.com")]),
        ("To", [(w.display, f"{w.local}@example.com") for w in to]),
    ):
        assert [address.addr_spec for address in read[name].addresses] == [spec for _, spec in wanted]
        decoded = str(make_header(decode_header(re.sub(r"\r\n(?= )", "", plain[name]))))
        for display, _ in wanted:
            squeezed = " ".join(display.split())
            assert squeezed in decoded or squeezed.replace("\\", "\\\\").replace('"', '\\"') in decoded
    assert [a.addr_spec for a in read["Cc"].addresses] == [a.addr_spec for a in read["To"].addresses]


def test_short_names_read_back_exactly() -> None:
    names = ["Jane Doe", 'J. "Jay" Doe', "Müller, Jörg", "O'Neil \\ Sons", "株式会社"]
    to = tuple(Who(f"u{number}", display=name) for number, name in enumerate(names))
    read = parsed(compose(replace(DRAFT, to=to), GATEWAY).message)["To"].addresses
    assert [address.display_name for address in read] == names


@settings(max_examples=effort.times(50, 1000))
@given(bodies, bodies, st.sampled_from(["text", "html", "both"]), st.booleans())
@example("", "", "both", True)
@example("From x\nFrom " + "ö" * 30 + " " + "y" * 80 + "From From From", "<p>.</p>", "both", False)
def test_any_body_reads_back_as_it_was_written(text: str, html: str, which: str, attached: bool) -> None:  # noqa: FBT001
    draft = replace(
        DRAFT,
        text=text if which != "html" else None,
        html=html if which != "text" else None,
        attachments=(Attachment("a.bin", "application/octet-stream", text.encode()),) if attached else (),
    )
    message = compose(draft, GATEWAY).message
    assert_fit_for_the_wire(message)
    leaves = [part for part in parsed(message).walk() if not part.is_multipart()]
    kinds = {"text": ["text/plain"], "html": ["text/html"], "both": ["text/plain", "text/html"]}[which]
    assert [part.get_content_type() for part in leaves] == kinds + ["application/octet-stream"] * attached
    for part in leaves:
        assert not part.defects
        if part.get_content_type() == "text/plain":
            assert content(part) == unified(text)
        elif part.get_content_type() == "text/html":
            assert content(part) == unified(html)
        else:
            assert part.get_content() == text.encode()


def reference(draft: Draft) -> EmailMessage:
    """The same draft by the standard library."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Registered(draft.display_name, draft.sender.local, draft.sender.domain_ascii)
    message["To"] = [Registered(who.display, who.local, who.domain_ascii) for who in draft.to]
    if draft.cc:
        message["Cc"] = [Registered(who.display, who.local, who.domain_ascii) for who in draft.cc]
    message["Subject"] = draft.subject
    for name, value in draft.headers.items():
        message[name] = value
    message.set_content(draft.text)
    if draft.html is not None:
        message.add_alternative(draft.html, subtype="html")
    for file in draft.attachments:
        kind, _, subtype = file.content_type.partition("/")
        message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.filename)
    return message


FULL = replace(
    DRAFT,
    display_name="Support, Böt",
    to=(Who("jane", display="Jane Doe"), Who("bob", "xn--exmple-cua.com", "Bób")),
    cc=(Who("cc"),),
    bcc=(Who("hidden", display="Hidden Person"),),
    subject="Ihre Erstattung: endlich 😀, mit einem langen Betreff, der umbrochen werden muss",
    text="Grüße\n.\nFrom me\n" + "x" * 3_000 + "\n",
    html="<html><body><p>Grüße</p></body></html>\n",
    attachments=(
        Attachment("a.pdf", "application/pdf", bytes(range(256)) * 40),
        Attachment("Übersicht 2024.csv", "text/csv", b"a;b\r\n"),
        Attachment("日本語" * 40 + ".png", "image/png", b""),
    ),
    headers={"X-Ticket": "42", "X-Note": "naïve " * 6 + "end", "Importance": "high"},
)


def test_it_reads_like_what_the_standard_library_would_have_made() -> None:
    ours, theirs = parsed(compose(FULL, GATEWAY).message), parsed(reference(FULL).as_bytes())
    for name in theirs:
        if name != "Content-Type":
            assert ours[name] == theirs[name], name
    shapes = [[part.get_content_type() for part in message.walk()] for message in (ours, theirs)]
    assert shapes[0] == shapes[1]
    for our, their in zip(ours.walk(), theirs.walk(), strict=True):
        assert our.get_filename() == their.get_filename()
        assert our.get_content_disposition() == their.get_content_disposition()
        if not our.is_multipart():
            said, wanted = our.get_payload(decode=True), their.get_payload(decode=True)
            assert isinstance(said, bytes)
            assert isinstance(wanted, bytes)
            text = our.get_content_maintype() == "text" and our.get_content_disposition() is None
            assert (said.replace(b"\r\n", b"\n") == wanted.replace(b"\r\n", b"\n")) if text else said == wanted


def test_every_header_of_the_contract_is_there_once_and_bcc_nowhere() -> None:
    cfbl = ("fbl@bounces.support-bot.acme.com", "m0000000000005:k1:abcdefghijklmnopqrstuvwx")
    gateway = replace(GATEWAY, list_unsubscribe="https://mail.acme.com/u/k1abc", disclosure_header=True, cfbl=cfbl)
    draft = replace(
        FULL, reply_to=Who("desk", display="The Desk"), tags=("vip",), in_reply_to="<p@x>", references=("<r@x>",)
    )
    message = with_date(compose(draft, gateway).message, 1_700_000_000_123_456)
    read = parsed(message)
    assert {name: read.get_all(name) for name in ("Date", "Message-ID", "X-Agent-ID", "X-Agent-Run-ID")} == {
        "Date": ["Tue, 14 Nov 2023 22:13:20 +0000"],
        "Message-ID": [GATEWAY.rfc_message_id],
        "X-Agent-ID": ["support"],
        "X-Agent-Run-ID": ["run-7"],
    }
    assert read.get_all("X-Postroom-Message-ID") == [GATEWAY.postroom_message_id]
    assert read.get_all("Auto-Submitted") == ["auto-generated"]
    assert read.get_all("Feedback-ID") == [GATEWAY.feedback_id]
    assert read.get_all("CFBL-Address") == [f"{cfbl[0]}; report=arf"]
    assert read.get_all("CFBL-Feedback-ID") == [cfbl[1]]
    assert read.get_all("List-Unsubscribe") == ["<https://mail.acme.com/u/k1abc>"]
    assert read.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert read.get_all("X-AI-Generated") == ["yes"]
    assert read.get_all("Reply-To") == ["The Desk <desk@example.com>"]
    assert read.get_all("In-Reply-To") == ["<p@x>"]
    assert read.get_all("References") == ["<r@x> <p@x>"]
    assert read["Bcc"] is None
    assert b"idden" not in message
    assert b"vip" not in message
    assert len(read.keys()) == len({name.lower() for name in read})


def test_a_bare_draft_carries_no_optional_header() -> None:
    message = compose(DRAFT, GATEWAY).message
    for name in (
        b"Date",
        b"CFBL-",
        b"List-",
        b"X-AI",
        b"In-Reply-To",
        b"References",
        b"Reply-To",
        b"Cc",
        b"DKIM",
        b"Received",
    ):
        assert b"\r\n" + name not in b"\r\n" + message


def test_the_same_draft_gives_the_same_bytes_and_the_boundary_hides_from_a_body_that_knows_it() -> None:
    first = compose(replace(FULL, text="plain\n"), GATEWAY).message
    assert compose(replace(FULL, text="plain\n"), GATEWAY).message == first
    marks = [part.get_boundary() or "" for part in parsed(first).walk() if part.is_multipart()]
    text = "".join(f"--{mark}\nContent-Type: text/html\n\n<b>smuggled</b>\n--{mark}--\n" for mark in marks)
    read = parsed(compose(replace(FULL, text=text, html="x"), GATEWAY).message)
    assert [part.get_content_type() for part in read.walk()][:4] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    body = read.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    assert content(body) == unified(text)


@given(st.lists(st.text("abc@.-é", min_size=1, max_size=60), min_size=1, max_size=12, unique=True))
def test_references_fold_and_read_back(names: list[str]) -> None:
    ids = [f"<{name.encode().hex()}@x>" for name in names]
    message = compose(replace(DRAFT, references=tuple(ids), in_reply_to=ids[-1]), GATEWAY).message
    assert_fit_for_the_wire(message)
    assert parsed(message)["References"].split() == ids


@pytest.mark.parametrize("length", [1, 60])
def test_long_references_keep_the_first_and_the_last(length: int) -> None:
    ids = [f"<{'r' * length}{number}@x>" for number in range(500)]
    message = compose(replace(DRAFT, references=tuple(ids), in_reply_to="<parent@x>"), GATEWAY).message
    assert_fit_for_the_wire(message)
    kept = parsed(message)["References"].split()
    assert kept[0] == ids[0]
    assert kept[1:] == [*ids, "<parent@x>"][-len(kept) + 1 :]
    assert 4 <= len(kept) <= 21
    assert len(" ".join(kept)) <= 4_000


def test_what_arrived_without_an_at_sign_may_be_referred_to_but_not_answered() -> None:
    arrived = compose(replace(DRAFT, references=("<20260101>",)), GATEWAY).message
    assert parsed(arrived)["References"] == "<20260101>"
    for bad in (replace(DRAFT, references=("19c7b7738ee7297f",)), replace(DRAFT, in_reply_to="19c7b7738ee7297f")):
        with pytest.raises(Invalid, match="Message-ID") as caught:
            compose(bad, GATEWAY)
        assert caught.value.fix


def test_a_local_part_beyond_ascii_stays_utf8_and_asks_for_smtputf8() -> None:
    rendered = compose(replace(DRAFT, to=(Who("jané", display="Jané"),)), GATEWAY)
    assert rendered.needs_smtputf8
    assert "To: =?utf-8?q?Jan=C3=A9?= <jané@example.com>\r\n".encode() in rendered.message
    hidden = compose(replace(DRAFT, bcc=(Who("jané"),), subject="é"), GATEWAY)
    assert not hidden.needs_smtputf8


@given(st.dictionaries(st.from_regex(r"\AX-Ticket-[A-Za-z0-9]{1,20}\Z"), header_text, max_size=8))
def test_an_agents_own_headers_read_back(headers: Mapping[str, str]) -> None:
    headers = {name: value for name, value in headers.items() if [n.lower() for n in headers].count(name.lower()) == 1}
    message = compose(replace(DRAFT, headers=headers), GATEWAY).message
    assert_fit_for_the_wire(message)
    read = parsed(message)
    assert {name: read[name] for name in headers} == headers


FORBIDDEN = [
    "From", "TO", "cc", "Bcc", "bCC", "Sender", "Subject", "Author", "Reply-To", "reply_to", "Date", "Message-ID",
    "message-id", "In-Reply-To", "References", "Return-Path", "Received", "Received-SPF", "X-Received",
    "DKIM-Signature", "DKIM-Anything", "DomainKey-Signature", "ARC-Seal", "ARC-Message-Signature",
    "ARC-Authentication-Results", "Authentication-Results", "X-Authentication-Warning", "X-Agent-ID",
    "X-Agent-Run-ID", "X-AGENT-Other", "X_Agent_ID", "X-Postroom-Message-ID", "X-Postroom-Anything",
    "Auto-Submitted", "auto_submitted", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "List-Post",
    "List-Help", "Feedback-ID", "X-Feedback-ID", "CFBL-Address", "CFBL-Feedback-ID", "MIME-Version", "Content-Type",
    "content-type", "Content-Transfer-Encoding", "Content-Disposition", "Content-Anything", "Resent-From",
    "Resent-To", "Resent-Bcc", "Resent-Message-ID", "Disposition-Notification-To",
    "Disposition-Notification-Options", "Return-Receipt-To", "X-Confirm-Reading-To", "X-Relay-Order",
    "X-RELAY_ORDERS", "X-MC-Tags", "X-MC-PreserveRecipients", "X-MJ-CustomID", "X-Mailin-custom", "X-MSYS-API",
    "Precedence", "Errors-To", "X-Errors-To", "Apparently-To", "Delivered-To", "X-Delivered-To",
    "Original-Recipient", "Original-From", "X-Original-To", "Envelope-To", "X-Envelope-From", "BIMI-Selector",
    "Require-Recipient-Valid-Since", "TLS-Required", "VBR-Info", "Autocrypt", "HP-Outer", "X-AI-Generated",
    "AI-Disclosure", "X-Spam-Status", "X-Gm-Message-State", "X-MS-Exchange-Organization-SCL",
    "X-Forefront-Antispam-Report", "Mail-Followup-To", "Alternate-Recipient", "X-Bcc",
]  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_an_agent_may_not_set_what_the_gateway_says_or_what_routes_or_signs(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        compose(replace(DRAFT, headers={name: "x"}), GATEWAY)
    assert refused.value.problems[0][0] == f"headers['{name}']"


@pytest.mark.parametrize(
    "name",
    ["", " ", "From ", " From", "From:", "From\t", "X-A:", "X A", "X-A\r\nBcc", "X-A\n", "X-A\0", "X-\u00c4",
     "Fr\u043em", "X-\u200bA", "X-A\ud800", "\ufeffFrom", "X-" + "a" * 75],
)  # fmt: skip
def test_what_is_no_field_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=r"header field name|longer"):
        compose(replace(DRAFT, headers={name: "x"}), GATEWAY)


@pytest.mark.parametrize(
    "name", ["X-Ticket", "X-Token", "X-Topic", "X-Priority", "Importance", "Comments", "Keywords", "Organization",
             "Ticket-Id", "X-Mailer", "X-Auto-Response-Suppress", "X-Customer_ID", "X-Source-System"],
)  # fmt: skip
def test_an_agents_harmless_headers_pass(name: str) -> None:
    assert parsed(compose(replace(DRAFT, headers={name: "42"}), GATEWAY).message)[name] == "42"


CONTROLS = [
    "\r\nBcc: eve@example.com",
    "\nX-A: b",
    "\r",
    "\0",
    "\t",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\ud800",
]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("subject", lambda bad: replace(DRAFT, subject=bad)),
        ("display_name", lambda bad: replace(DRAFT, display_name=bad)),
        ("from[0]", lambda bad: replace(DRAFT, sender=Who(bad))),
        ("to[0]", lambda bad: replace(DRAFT, to=(Who("jane", display=bad),))),
        ("to[1]", lambda bad: replace(DRAFT, to=(Who("jane"), Who("jane", bad)))),
        ("cc[0]", lambda bad: replace(DRAFT, cc=(Who("jane", display=bad),))),
        ("bcc[0]", lambda bad: replace(DRAFT, bcc=(Who(bad),))),
        ("reply_to[0]", lambda bad: replace(DRAFT, reply_to=Who("jane", display=bad))),
        ("headers['X-A']", lambda bad: replace(DRAFT, headers={"X-A": bad})),
        ("in_reply_to", lambda bad: replace(DRAFT, in_reply_to=f"<a{bad}@b>")),
        ("in_reply_to", lambda bad: replace(DRAFT, in_reply_to=f"<a@b>{bad}")),
        ("references[1]", lambda bad: replace(DRAFT, references=("<a@b>", f"<a{bad}@b>"))),
        ("tags[0]", lambda bad: replace(DRAFT, tags=(bad,))),
        ("attachments[0].filename", lambda bad: replace(DRAFT, attachments=(Attachment(bad, "text/csv", b""),))),
        (
            "attachments[0].content_type",
            lambda bad: replace(DRAFT, attachments=(Attachment("a", f"text/csv{bad}", b""),)),
        ),
    ],
)
def test_no_control_character_enters_a_header(where: str, change: object, control: str) -> None:
    assert callable(change)
    with pytest.raises(Invalid) as refused:
        compose(change(f"good{control}"), GATEWAY)
    assert [problem for problem in refused.value.problems if problem[0] == where]
    assert refused.value.reason.isprintable()


@pytest.mark.parametrize(
    "where", ["agent_id", "run_id", "feedback_id", "list_unsubscribe", "rfc_message_id", "auto_submitted"]
)
def test_not_even_the_gateways_own_values_carry_a_line_end(where: str) -> None:
    changes: dict[str, str] = {where: "x\r\nBcc: eve@example.com"}
    with pytest.raises(Invalid):
        compose(DRAFT, replace(GATEWAY, **changes))  # type: ignore[arg-type]  # the fields named are all strings
    with pytest.raises(Invalid):
        compose(DRAFT, replace(GATEWAY, cfbl=("fbl@bounces.acme.com", "x\r\nBcc: eve@example.com")))


def test_every_problem_is_named_at_once() -> None:
    bad = replace(DRAFT, to=(), subject="a\nb", headers={"Bcc": "x", "X-A": "\r\n"}, text="\ud800", in_reply_to="<a b>")
    with pytest.raises(Invalid) as refused:
        compose(bad, GATEWAY)
    assert {where for where, _ in refused.value.problems} == {
        "to", "subject", "headers['Bcc']", "headers['X-A']", "text", "in_reply_to"
    }  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        {f"X-A{number}": "x" for number in range(51)},
        {"X-A": "x" * 10_001},
        {"X-A": "ä" * 5_001},
        {"X-Ticket": "1", "x-ticket": "2"},
    ],
)
def test_headers_are_bounded_and_unique(headers: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        compose(replace(DRAFT, headers=headers), GATEWAY)


def test_direction_overrides_may_not_disguise_a_name_or_a_file() -> None:
    with pytest.raises(Invalid, match="direction override"):
        compose(replace(DRAFT, attachments=(Attachment("invoice\u202efdp.exe", "application/pdf", b""),)), GATEWAY)
    with pytest.raises(Invalid, match="direction override"):
        compose(replace(DRAFT, display_name="\u202eknaB"), GATEWAY)


@pytest.mark.parametrize(
    ("given_type", "sent"),
    [
        ("application/pdf", "application/pdf"),
        ("Message/RFC822", "application/octet-stream"),  # its bytes are no message
        ("message/partial; number=1", "application/octet-stream"),
        ("multipart/mixed; boundary=x", "application/octet-stream"),
        ('text/csv; header=present; charset=UTF-8; name="a.csv"', "text/csv; charset=UTF-8"),
    ],
)
def test_an_attachments_type_is_kept_unless_it_would_be_opened(given_type: str, sent: str) -> None:
    message = compose(replace(DRAFT, attachments=(Attachment("a", given_type, b"x"),)), GATEWAY).message
    assert f"\r\nContent-Type: {sent}\r\n".encode() in message


@pytest.mark.parametrize(
    "content_type", ["pdf", "a/b/c", "text/", "/x", "text/plain;", "text/plain; x", "te xt/plain", "ä/b"]
)
def test_a_malformed_type_is_refused_or_harmless(content_type: str) -> None:
    draft = replace(DRAFT, attachments=(Attachment("a", content_type, b"x"),))
    if content_type == "text/plain;":
        assert b"\r\nContent-Type: text/plain\r\n" in compose(draft, GATEWAY).message
    else:
        with pytest.raises(Invalid, match="media type"):
            compose(draft, GATEWAY)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.pdf", "a.pdf"),
        (".bashrc", "bashrc"),
        ("..", "attachment"),
        ("", "attachment"),
        ('a"b;c.txt', 'a"b;c.txt'),
        ("x" * 240 + ".txt", "x" * 240 + ".txt"),
        ("=?utf-8?q?a?=.txt", "=?utf-8?q?a?=.txt"),
        ("100% 'ja'.txt", "100% 'ja'.txt"),
        ("résumé.pdf", "résumé.pdf"),
    ],
)
def test_a_filename_loses_its_path_and_nothing_else(name: str, sent: str) -> None:
    message = compose(replace(DRAFT, attachments=(Attachment(name, "text/csv", b"x"),)), GATEWAY).message
    assert_fit_for_the_wire(message)
    assert [part.get_filename() for part in parsed(message).iter_attachments()] == [sent]


FOOTER = replace(GATEWAY, footer="Written by an AI of <Acme> & Co.", identity=("Acme, 1 Road", "Town"))
BLOCK = "Written by an AI of &lt;Acme&gt; &amp; Co.<br>Acme, 1 Road<br>Town</div>"


def test_the_footer_stands_below_the_text() -> None:
    message = parsed(compose(replace(DRAFT, text="Hello\n\n"), FOOTER).message)
    assert content(message) == "Hello\n\nWritten by an AI of <Acme> & Co.\nAcme, 1 Road\nTown"
    assert content(parsed(compose(replace(DRAFT, text=None), FOOTER).message)).startswith("Written by")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<html><body><p>Hi</p></BODY></html>", f"<html><body><p>Hi</p>{BLOCK}\n</BODY></html>"),
        ("<p>Hi</p>", f"<p>Hi</p>{BLOCK}\n"),
        ("<html>İİİ</html>", f"<html>İİİ{BLOCK}\n</html>"),
        ("<p>Hi</p><!-- </body> -->", f"<p>Hi</p><!-- </body> -->{BLOCK}\n"),
        ("<p>Hi</p><!-- hidden", f"<p>Hi</p><!-- hidden-->{BLOCK}\n"),
        ("<body>Hi<style>x", f"<body>Hi<style>x</style>{BLOCK}\n"),
        ("Hi<script></body>", f"Hi<script></script>{BLOCK}\n</body>"),
    ],
)
def test_the_footer_stands_escaped_where_a_reader_sees_it(html: str, expected: str) -> None:
    shown = content(parsed(compose(replace(DRAFT, text=None, html=html), FOOTER).message))
    assert re.sub(r"<div style=[^>]*>", "", shown) + "\n" == unified(expected) + "\n"


def test_commercial_mail_shows_the_link_of_its_header_in_both_parts() -> None:
    link = "https://mail.acme.com/u/k1abc?a=1&b=2"
    message = parsed(compose(replace(DRAFT, html="<p>Hi</p>"), replace(FOOTER, list_unsubscribe=link)).message)
    assert message["List-Unsubscribe"] == f"<{link}>"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert content(text).endswith(f"\nUnsubscribe: {link}")
    assert 'href="https://mail.acme.com/u/k1abc?a=1&amp;b=2"' in content(html)
    assert ">Unsubscribe</a>" in content(html)


def test_the_digest_tells_apart_what_the_eye_may_not() -> None:
    message = compose(DRAFT, GATEWAY).message
    envelopes = [
        Envelope("a@x", ("b@x",)),
        Envelope("a@x", (), ("b@x",)),
        Envelope("a@x", (), (), ("b@x",)),
        Envelope("a@x", ("b@x", "c@x")),
        Envelope("a@x", ("b@xc@x",)),
        Envelope("a@x", ("b@x",), ("c@x",)),
        Envelope("b@x", ("a@x",)),
    ]
    digests = {digest(message, envelope) for envelope in envelopes} | {digest(message + b" ", envelopes[0])}
    assert len(digests) == len(envelopes) + 1
    assert digest(message, envelopes[0]) == digest(bytes(message), Envelope("a@x", ("b@x",)))


@pytest.mark.parametrize(
    ("text", "html", "expected"),
    [
        ("Hello\n\n  world\t!", None, "Hello world !"),
        (None, None, ""),
        (" \n", "<p>Hi &amp; <b>bye</b></p>", "Hi & bye"),
        (None, "plain", "plain"),
        (None, "<head><title>T</title><body><style>p{}</style><script>x<y</script>Seen", "Seen"),
        (None, "a<!-- b -->c", "ac"),
        (None, "before<![weird[", "before"),
        ("a\u202eb\u200bc\x1b[31m", None, "abc[31m"),
        ("x" * 500, None, "x" * 199 + "…"),
    ],
)
def test_a_reviewer_sees_the_beginning_on_one_line(text: str | None, html: str | None, expected: str) -> None:
    assert preview(text, html) == expected


@given(st.text(st.sampled_from("<>!-[]/&;#x \"'=abody?"), max_size=200) | st.text(max_size=200))
def test_no_html_breaks_the_preview(html: str) -> None:
    assert len(preview(None, html)) <= 200
