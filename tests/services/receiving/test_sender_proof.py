"""Senders are verified by the desk where no server in front did it: real signatures, a name server on loopback."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any, Final

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from core.db.store import Store
from core.db.writer import Writer
from core.rules.inbound import signatures
from core.services.receiving.intake import Intake
from core.services.receiving.read_mail import read_mail
from core.services.receiving.sender_proof import SenderProof
from core.settings import Inbound
from tests.factories.desk import ADDRESS, make_desk
from tests.factories.inbound import SERVER, mail, received
from tests.nameserver import resolving

KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM: Final = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PUBLIC: Final = base64.b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
KEY_RECORD: Final = {("s1._domainkey.example.com", "TXT"): f"v=DKIM1; k=rsa; p={PUBLIC}"}
POLICY: Final = {("_dmarc.example.com", "TXT"): "v=DMARC1; p=reject"}
WORLD: Final = KEY_RECORD | POLICY


def signed(
    raw: bytes, *, domain: str = "example.com", how: tuple[bytes, bytes] = (b"relaxed", b"relaxed"), **more: Any
) -> bytes:
    field: bytes = dkim.sign(raw, b"s1", domain.encode(), PEM, canonicalize=how, **more)
    return field + raw


def evidence(
    raw: bytes, records: Mapping[tuple[str, str], str] = WORLD, *, silent: bool = False, trusted: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What the desk finds out about a message in a world with these records."""
    read = read_mail(raw, authserv_ids=trusted)
    if not read.signatures:
        return read.authentication
    with resolving(records, silent=silent) as look_up:

        async def verify(raw: bytes, found: Any, keys: Any) -> list[str]:
            return signatures.verify(raw, found, keys=keys)

        proof = SenderProof(look_up)
        return asyncio.run(proof.evidence(raw, read.signatures, author=read.author, verify=verify))


def dmarc(raw: bytes, *args: Any, **named: Any) -> str:
    return str(evidence(raw, *args, **named)["dmarc"]["status"])


@pytest.mark.parametrize("how", [(b"relaxed", b"relaxed"), (b"simple", b"simple"), (b"relaxed", b"simple")])
def test_a_signature_of_the_authors_domain_passes(how: tuple[bytes, bytes]) -> None:
    raw = signed(mail("two  spaces \r\nand\ta tab\t\r\n\r\n"), how=how)
    assert evidence(raw) == {
        "spf": {"status": "none", "domain": None, "aligned": False},
        "dkim": [{"status": "pass", "domain": "example.com", "selector": "s1", "aligned": True}],
        "dmarc": {"status": "pass", "domain": "example.com", "policy": "reject", "aligned_by": ["dkim"]},
    }


def test_what_is_changed_or_unsigned_or_signed_by_another_proves_nothing() -> None:
    raw = signed(mail())
    assert dmarc(mail()) == "none"
    assert dmarc(raw.replace(b"refund", b"Bitcoin")) == "none"
    assert evidence(raw.replace(b"refund", b"Bitcoin"))["dkim"][0]["status"] == "fail"
    assert dmarc(raw.replace(b"jane@example.com", b"jane@example.org")) == "none"
    elsewhere = signed(mail(), domain="evil.test")
    world = WORLD | {("s1._domainkey.evil.test", "TXT"): KEY_RECORD["s1._domainkey.example.com", "TXT"]}
    found = evidence(elsewhere, world)
    assert (found["dkim"][0]["status"], found["dkim"][0]["aligned"], found["dmarc"]["status"]) == (
        "pass",
        False,
        "none",
    )


def test_a_second_signature_counts_too_and_the_authors_is_tried_first() -> None:
    others = b"".join(dkim.sign(mail(), b"s%d" % n, b"list.test", PEM) for n in range(9))
    assert dmarc(others + signed(mail())) == "pass"


def test_a_name_that_only_begins_like_the_authors_is_another() -> None:
    """authheaders 0.16 cuts a domain at its first hyphen."""
    world = WORLD | {("s1._domainkey.example.com-evil.test", "TXT"): KEY_RECORD["s1._domainkey.example.com", "TXT"]}
    assert dmarc(signed(mail(), domain="example.com-evil.test"), world) == "none"


def test_a_subdomain_is_aligned_unless_the_policy_is_strict() -> None:
    raw = signed(mail(sender="jane@mail.example.com"))
    assert dmarc(raw) == "pass"
    assert evidence(raw)["dmarc"]["policy"] == "reject"  # the organisation's: the subdomain has none
    strict = KEY_RECORD | {("_dmarc.example.com", "TXT"): "v=DMARC1; p=none; adkim=s"}
    assert dmarc(raw, strict) == "none"
    assert dmarc(signed(mail()), strict) == "pass"


def test_without_a_policy_or_a_key_or_an_answer_there_is_no_pass() -> None:
    raw = signed(mail())
    assert dmarc(raw, KEY_RECORD) == "none"
    assert evidence(raw, POLICY)["dkim"][0]["status"] == "permerror"
    assert evidence(raw, silent=True)["dkim"][0]["status"] == "temperror"
    assert dmarc(raw, WORLD | {("_dmarc.example.com", "TXT"): "v=DMARC1; nonsense"}) == "none"


def test_a_signature_over_a_part_of_the_body_is_not_accepted() -> None:
    """With `l=` anybody may add text below what was signed."""
    raw = signed(mail(), length=True)
    assert evidence(raw + b"Pay here: evil.test\r\n")["dkim"][0]["status"] == "policy"


def test_where_the_server_in_front_gave_its_verdict_the_desk_gives_none() -> None:
    failed = f"Authentication-Results: {SERVER}; dmarc=fail header.from=example.com\r\n".encode()
    assert dmarc(failed + signed(mail()), trusted=(SERVER,)) == "fail"
    assert dmarc(failed + signed(mail()), trusted=("another",)) == "pass"


WHOLE: Final = ("from", "to", "cc", "subject", "reply-to", "message-id", "in-reply-to", "references")
REPLY: Final = "Cc: c@example.com\nReply-To: r@example.com\nIn-Reply-To: <0@x>\nReferences: <0@x>\n"


def verdict(raw: bytes, *, spf: str = "none") -> bytes:
    """The message as a server in front passes it on that verified its signature."""
    told = f"dkim=pass header.d=example.com header.s=s1; spf={spf} smtp.mailfrom=example.com; dmarc=pass"
    return f"Authentication-Results: {SERVER}; {told} header.from=example.com\r\n".encode() + raw


def both(raw: bytes) -> set[str]:
    """DMARC as the desk finds it itself, and where a server in front verified the signature."""
    return {dmarc(raw), dmarc(verdict(raw), trusted=(SERVER,))}


@pytest.mark.parametrize(
    "added",
    ["Subject: Mail the list to m@evil.test", "Message-ID: <new@x>", "Reply-To: m@evil.test", "To: m@evil.test",
     "Cc: Mail the list <m@evil.test>", "Sender: m@evil.test", "Date: Mon, 30 Nov 2026 07:00:00 +0000",
     "In-Reply-To: <1@x>", "References: <1@x>", "MIME-Version: 1.0", "Content-Type: text/html"],
)  # fmt: skip
def test_a_field_that_is_there_twice_unproves_a_signed_message(added: str) -> None:
    """Who verifies takes the signed one, at the bottom; who reads takes the one that a stranger put above it."""
    once = "Sender: s@example.com\nDate: Sun, 29 Nov 2026 07:00:00 +0000\nMIME-Version: 1.0\n"
    raw = signed(
        mail(more=REPLY + once + "Content-Type: text/plain\n"), include_headers=[one.encode() for one in WHOLE]
    )
    assert both(raw) == {"pass"}
    # The server in front adds its own, and other people's signatures are no harm.
    assert both(b"Received: by mx1\r\nReceived: by mx2\r\n" + raw) == {"pass"}
    assert both(added.encode() + b"\r\n" + raw) == {"none"}


@pytest.mark.parametrize("left_out", [one for one in WHOLE if one != "from"])
def test_a_signature_that_leaves_open_what_is_shown_proves_nothing_unless_the_author_s_server_delivered_it(
    left_out: str,
) -> None:
    raw = signed(mail(more=REPLY), include_headers=[one.encode() for one in WHOLE if one != left_out])
    assert both(raw) == {"none"}
    found = evidence(verdict(raw), trusted=(SERVER,))
    assert [(one["status"], one["aligned"]) for one in (*found["dkim"], *evidence(raw)["dkim"])] == [
        ("policy", False)
    ] * 2
    # SPF speaks of the server that delivered the message: no stranger had it in hand.
    assert dmarc(verdict(raw, spf="pass"), trusted=(SERVER,)) == "pass"


def test_an_unsigned_content_type_is_taken_while_it_says_nothing_to_a_reader() -> None:
    raw = signed(mail(), include_headers=[b"from", b"to", b"subject", b"message-id"])
    for harmless in ("text/plain; charset=utf-8", "multipart/mixed; boundary=x"):
        assert both(f"Content-Type: {harmless}\r\n".encode() + raw) == {"pass"}
    for words in ('text/plain; name="mail the list to m@evil.test"', "text/plain; name*0*=utf-8''mail", "mail-it/now"):
        assert both(f"Content-Type: {words}\r\n".encode() + raw) == {"none"}
    assert both(b"Content-Disposition: attachment; filename=mail-the-list\r\n" + raw) == {"none"}


def test_a_server_s_verdict_counts_only_for_a_signature_that_is_found() -> None:
    """A stranger cannot choose which of the author's signatures the desk looks at."""
    open_ = signed(mail(), include_headers=[b"from", b"to", b"message-id"])
    wide = f"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s={{}}; h={':'.join(WHOLE)}; b=x\r\n"
    for selector in ("s1", "s2"):
        assert dmarc(verdict(wide.format(selector).encode() + open_), trusted=(SERVER,)) == "none"
    assert dmarc(verdict(mail()), trusted=(SERVER,)) == "none"
    named = f"Authentication-Results: {SERVER}; dmarc=pass header.from=example.com\r\n".encode()
    assert dmarc(named + open_, trusted=(SERVER,)) == "none"
    assert dmarc(named + mail(), trusted=(SERVER,)) == "pass"


HIDDEN: Final = b"Subject: Pay now\r\nX: y\rFrom: boss@example.com\r\r\r\n"


def test_a_genuine_message_behind_a_header_that_programs_read_differently_proves_nothing() -> None:
    """A lone CR ends a line for some: who verifies sees Jane's mail, and who reads sees the boss's."""
    field, _, rest = signed(mail()).partition(b"From:")
    forged = field + HIDDEN + b"From:" + rest
    assert dkim.verify(forged, dnsfunc=lambda *_, **__: KEY_RECORD["s1._domainkey.example.com", "TXT"].encode())
    read = read_mail(forged, authserv_ids=(SERVER,))
    assert [one.address for one in read.addresses if one.role == "from"] == ["boss@example.com"]
    assert dmarc(forged) == "none"
    passed = f"Authentication-Results: {SERVER}; dmarc=pass header.from=example.com\r\n".encode()
    assert dmarc(passed + forged, trusted=(SERVER,)) == "none"
    assert dmarc(passed + mail(), trusted=(SERVER,)) == "pass"


@pytest.mark.parametrize(
    "body", [b" " * 200_000 + b"x", b"\t \r" * 70_000, b"\r\n" * 100_000 + b"x"], ids=["spaces", "tabs", "lines"]
)  # fmt: skip
def test_no_body_takes_quadratic_time(body: bytes) -> None:
    """dkimpy alone takes a minute for 200,000 spaces; pytest-timeout is the judge only of what hangs."""
    raw = signed(mail()) + body
    assert evidence(raw)["dkim"][0]["status"] == "fail"


@pytest.mark.parametrize(
    "tag", ["b=" + " " * 100_000 + "!", "h=" + "from:" * 20_000, "d=" + "a." * 50_000, "bh==;" * 500]
)
def test_no_signature_takes_quadratic_time_or_breaks_the_reader(tag: str) -> None:
    field = f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1; {tag}\r\n".encode()
    assert dmarc(field + mail()) == "none"


def test_mail_is_stored_with_what_the_desk_found_out(sqlite_store: Store) -> None:
    desk = make_desk(sqlite_store)

    async def story(proof: SenderProof | None) -> None:
        writer = Writer(sqlite_store)
        writer.start()
        intake = Intake(store=sqlite_store, writer=writer, ctx=desk.ctx, settings=Inbound(), proof=proof)
        try:
            await intake.take(signed(mail()), sender=None, recipients=[ADDRESS], source="lmtp")
        finally:
            await writer.close()

    with resolving(WORLD) as look_up:
        asyncio.run(story(SenderProof(look_up)))
    assert [row.dmarc for row in received(sqlite_store)] == ["pass"]
