"""Receivers' words at the doors: signed ones are absorbed once, forged ones are answered 401 and told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from sqlalchemy import select

from core.api import app as api_app
from core.api import errors
from core.api.middleware.request_limits import RequestLimits
from core.api.routes.feedback import Feedback
from core.db.store import Store
from core.db.tables import BODY, SUPPRESSION
from core.demo.clock import START, FakeClock
from core.durations import MICROS, MINUTE
from core.errors import Unavailable
from core.events import FeedbackUnverified
from core.model import Mode
from core.rules import signed_ids
from core.services.feedback.fetching import Absent, fetch
from core.settings import Feedback as Configured
from core.settings import feedback_model
from tests.api.api_client import JSON, Visitor, chunks, opened, problem
from tests.factories.delivery import events, leave
from tests.factories.desk import DOMAIN, KEYRING, WIDE, make_desk
from tests.rules.test_provider_signatures import KEY, TOPIC, certificate, confirmation, envelope, instant, sign

SENDGRID = ec.generate_private_key(ec.SECP256R1())
PUBLIC = SENDGRID.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
SET_UP: Configured = feedback_model().model_validate(
    {
        "report_open": True,
        "ses": {"topics": (TOPIC,)},
        "sendgrid": {"public_key": base64.b64encode(PUBLIC).decode()},
        "mailgun": {"signing_key": "key-1"},
        "postmark": {"username": "desk", "password": "secret", "token": "a-token"},
    }
)
SOURCES = ("ses", "sendgrid", "mailgun", "postmark")


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """A stranger at a desk whose providers are set up and whose agent may send."""
    desk = make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE)
    with opened(desk, tmp_path, feedback=SET_UP) as visitor:
        yield visitor.using(None)


def unproven(visitor: Visitor) -> list[FeedbackUnverified]:
    found = events(visitor.bench.store, "feedback.unverified")
    return [one for one in found if isinstance(one, FeedbackUnverified)]


def suppressed(visitor: Visitor) -> list[str]:
    return [row.cause for row in visitor.bench.store.rows(select(SUPPRESSION))]


# --- what each provider sends -------------------------------------------------------------------------------------


def sendgrid(visitor: Visitor, rows: list[JSON], *, key: ec.EllipticCurvePrivateKey = SENDGRID) -> httpx.Response:
    at = str(visitor.bench.store.clock.now() // MICROS)
    body = json.dumps(rows).encode()
    signature = base64.b64encode(key.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": at,
    }
    return visitor.post("/feedback/sendgrid", content=body, headers=headers)


def mailgun(visitor: Visitor, event: JSON, *, token: str = "t" * 50, key: str = "key-1") -> httpx.Response:
    at = str(visitor.bench.store.clock.now() // MICROS)
    signature = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": at, "token": token, "signature": signature}
    return visitor.post("/feedback/mailgun", {"signature": signed, "event-data": event})


def complaint_mailgun(message_id: str, *, unique: str = "e1") -> JSON:
    return {
        "event": "complained", "id": unique, "recipient": "jane@example.com",
        "message": {"headers": {"message-id": message_id}},
    }  # fmt: skip


BOUNCE_POSTMARK = {
    "RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "ID": 42, "Email": "jane@example.com",
    "MessageID": "pm-1", "Details": "550 5.1.1 no such user",
}  # fmt: skip


def with_ses(visitor: Visitor, *, pem: bytes | None = None) -> tuple[Visitor, list[str]]:
    """The same desk, with Amazon played by a list of what was fetched from it."""
    fetched: list[str] = []

    async def amazon(url: str) -> bytes:
        fetched.append(url)
        return certificate(until=START + 30 * 24 * 60 * MINUTE) if pem is None else pem

    app = FastAPI()
    errors.install(app)
    app.add_middleware(RequestLimits, chance=visitor.bench.ctx.chance, bodies=visitor.desk.traffic.inside.bodies)
    app.include_router(Feedback(visitor.desk, visitor.settings, fetch=amazon).router)
    return visitor.at(app), fetched


def notification(event: JSON, **changes: str) -> JSON:
    stamp = instant(START - MINUTE).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return dict(sign(envelope(Message=json.dumps(event), Timestamp=stamp, **changes), KEY))


def bounce_ses(provider_id: str) -> JSON:
    return {
        "eventType": "Bounce",
        "mail": {"messageId": provider_id, "destination": ["jane@example.com"]},
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f1",
            "bouncedRecipients": [{"emailAddress": "jane@example.com", "status": "5.1.1"}],
        },
    }  # fmt: skip


# --- unsigned, forged, not set up ---------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"signature": {}}', b"null"])
def test_unsigned_webhook_is_401_and_an_event(world: Visitor, source: str, body: bytes) -> None:
    problem(world.post(f"/feedback/{source}", content=body), 401, "unauthenticated")
    (event,) = unproven(world)
    assert (event.source, event.kind) == (source, "webhook")
    assert event.digest == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("source", SOURCES)
def test_provider_that_nobody_set_up_answers_401(agent: Visitor, source: str) -> None:
    problem(agent.using(None).post(f"/feedback/{source}", {}), 401, "unauthenticated")
    assert [event.source for event in unproven(agent)] == [source]


def test_answer_does_not_say_what_was_wrong(world: Visitor) -> None:
    forged = mailgun(world, complaint_mailgun("<x@y>"), key="another")
    assert "signature does not match" not in forged.text
    assert unproven(world)[0].reason == "the signature does not match"


def test_flood_of_forgeries_is_counted_and_told_sixty_times_a_minute(world: Visitor) -> None:
    for _ in range(65):
        world.post("/feedback/postmark", {})
    assert len(unproven(world)) == 60


def test_forged_batch_of_sendgrid_moves_nothing(world: Visitor) -> None:
    leave(world.bench, "jane@example.com", provider_id="sg-1")
    rows = [{"event": "spamreport", "email": "jane@example.com", "sg_message_id": "sg-1", "sg_event_id": "e1"}]
    stranger = ec.generate_private_key(ec.SECP256R1())
    problem(sendgrid(world, rows, key=stranger), 401, "unauthenticated")
    assert suppressed(world) == []


# --- genuine ------------------------------------------------------------------------------------------------------


def test_bounce_of_ses_suppresses_and_its_certificate_is_fetched_once(world: Visitor) -> None:
    ses, fetched = with_ses(world)
    leave(world.bench, "jane@example.com", provider_id="ses-1")
    answer = ses.post("/feedback/ses", notification(bounce_ses("ses-1")))
    assert answer.json() == {"events": 1, "matched": 1, "fresh": 1}
    again = ses.post("/feedback/ses", notification(bounce_ses("ses-1")))
    assert again.json() == {"events": 1, "matched": 1, "fresh": 0}
    assert suppressed(world) == ["bounced"]
    assert fetched == [envelope()["SigningCertURL"]]


def test_notification_with_one_changed_field_is_forged(world: Visitor) -> None:
    ses, _ = with_ses(world)
    leave(world.bench, "jane@example.com", provider_id="ses-1")
    given = notification(bounce_ses("ses-1")) | {"MessageId": "another"}
    problem(ses.post("/feedback/ses", given), 401, "unauthenticated")
    assert suppressed(world) == []


@pytest.mark.parametrize("changes", [{"TopicArn": f"{TOPIC}-other"}, {"SigningCertURL": "https://sns.evil.test/x.pem"}])
def test_nothing_is_fetched_for_strangers(world: Visitor, changes: dict[str, str]) -> None:
    ses, fetched = with_ses(world)
    problem(ses.post("/feedback/ses", notification(bounce_ses("ses-1"), **changes)), 401, "unauthenticated")
    assert fetched == []


def test_subscription_of_our_topic_is_confirmed_at_amazon_alone(world: Visitor) -> None:
    ses, fetched = with_ses(world)
    stamp = instant(START - MINUTE).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    good = dict(sign(confirmation(Timestamp=stamp)))
    assert ses.post("/feedback/ses", good).json()["confirmed"] == TOPIC
    assert fetched[-1] == good["SubscribeURL"]
    evil = dict(sign(confirmation(Timestamp=stamp, SubscribeURL="https://evil.test/?Action=ConfirmSubscription")))
    problem(ses.post("/feedback/ses", evil), 401, "unauthenticated")
    assert len(fetched) == 2, "the certificate and the confirmation"


def test_batch_of_sendgrid_is_absorbed_in_hands(world: Visitor) -> None:
    leave(world.bench, "jane@example.com", provider_id="sg-1")
    row = {"event": "spamreport", "email": "jane@example.com", "sg_message_id": "sg-1.filter0001"}
    rows = [row | {"sg_event_id": f"e{n}"} for n in range(120)]
    assert sendgrid(world, rows).json() == {"events": 120, "matched": 120, "fresh": 1}
    assert suppressed(world) == ["complained"]


def test_mailgun_token_is_good_for_one_payload(world: Visitor) -> None:
    leave(world.bench, "jane@example.com")
    first = mailgun(world, {"event": "opened", "id": "e0", "recipient": "jane@example.com"})
    assert first.status_code == 200
    again = mailgun(world, {"event": "opened", "id": "e0", "recipient": "jane@example.com"})
    assert again.status_code == 200, "Mailgun repeats what it got no answer to"
    other = {"event": "complained", "id": "e1", "recipient": "jane@example.com"}
    for _ in range(2):
        problem(mailgun(world, other), 401, "unauthenticated")
    assert suppressed(world) == []


def test_complaint_of_mailgun_suppresses(world: Visitor) -> None:
    (message,) = leave(world.bench, "jane@example.com")
    rfc = signed_ids.message_id(message, domain=DOMAIN, keyring=KEYRING)
    assert mailgun(world, complaint_mailgun(rfc)).json()["fresh"] == 1
    assert suppressed(world) == ["complained"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic " + base64.b64encode(b"desk:secret").decode()},
        {"X-Postroom-Token": "a-token"},
    ],
)
def test_postmark_is_believed_by_either_secret(world: Visitor, headers: dict[str, str]) -> None:
    leave(world.bench, "jane@example.com", provider_id="pm-1")
    answer = world.post("/feedback/postmark", BOUNCE_POSTMARK, headers=headers)
    assert answer.json() == {"events": 1, "matched": 1, "fresh": 1}


def test_genuine_webhook_of_an_odd_shape_is_422(world: Visitor) -> None:
    answer = world.post("/feedback/postmark", {"RecordType": []}, headers={"X-Postroom-Token": "a-token"})
    assert fields(answer) == ["RecordType"]
    assert fields(mailgun(world, {"event": 7})) == ["event-data.event"]
    assert fields(mailgun(world, {"event": "opened", "recipient": []})) == ["recipient"]
    assert unproven(world) == []


def fields(answer: httpx.Response) -> list[str]:
    return [one["field"] for one in problem(answer, 422, "invalid_request")["errors"]]


def test_a_forgery_is_not_told_to_set_up_what_is_set_up(world: Visitor) -> None:
    told = problem(mailgun(world, complaint_mailgun("<x@y>"), key="another"), 401, "unauthenticated")
    assert told["fix"].startswith("the secret under [feedback.mailgun] in postroom.toml must be the provider's own")


def test_genuine_event_about_no_mail_of_ours_is_told_and_answered(world: Visitor) -> None:
    answer = world.post("/feedback/postmark", BOUNCE_POSTMARK, headers={"X-Postroom-Token": "a-token"})
    assert answer.json() == {"events": 1, "matched": 0, "fresh": 0}
    assert len(unproven(world)) == 1


def test_payload_over_the_limit_is_413(world: Visitor) -> None:
    body = chunks(*[b" " * 2**20] * 5)
    problem(world.post("/feedback/postmark", content=body), 413, "too_large")


# --- what is fetched ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "size", "error"),
    [(302, 10, Unavailable), (503, 10, Unavailable), (429, 10, Unavailable), (404, 10, Absent), (200, 100_000, Absent)],
    ids=["redirect", "busy", "too many", "missing", "huge"],
)
def test_only_a_small_plain_answer_of_amazon_is_taken(status: int, size: int, error: type[Exception]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} X\r\nLocation: /other\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + b"x" * size)
        writer.close()

    async def story() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await fetch(f"http://127.0.0.1:{port}/x.pem")

    with pytest.raises(error):
        asyncio.run(story())


# --- raw reports --------------------------------------------------------------------------------------------------


def bounce(message: int, *, to: str | None = None) -> bytes:
    """A delivery status notification (RFC 3464) that came to a return path."""
    path = to or signed_ids.return_path(message, 0, domain=DOMAIN, keyring=KEYRING)
    return (
        f"From: MAILER-DAEMON@mx.example.com\r\nTo: {path}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThe mail system: user unknown\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        "Final-Recipient: rfc822; jane@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b--\r\n"
    ).encode()


def report(visitor: Visitor, raw: bytes, **headers: str) -> httpx.Response:
    return visitor.post("/feedback/report", content=raw, headers={"Content-Type": "message/rfc822"} | headers)


def test_report_is_read_matched_and_told_back(world: Visitor) -> None:
    (message,) = leave(world.bench, "jane@example.com")
    answer = report(world, bounce(message))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["kind"], told["matched"], told["fresh"], told["reason"]) == ("bounce", True, True, None)
    assert told["recipients"] == [
        {
            "address": "jane@example.com", "event": "bounced", "status": "5.1.1", "permanent": True,
            "diagnostic": "550 5.1.1 user unknown", "cause": "unknown_user", "suppress": True,
        }
    ]  # fmt: skip
    assert suppressed(world) == ["bounced"]
    assert report(world, bounce(message)).json()["fresh"] is False


def test_report_without_our_mark_is_told_as_unproven_and_moves_nothing(world: Visitor) -> None:
    leave(world.bench, "jane@example.com")
    raw = bounce(0, to=f"b-forged@bounces.{DOMAIN}")
    told = report(world, raw).json()
    assert (told["kind"], told["matched"]) == ("bounce", False)
    assert told["reason"]
    (event,) = unproven(world)
    assert (event.source, event.digest) == ("report", hashlib.sha256(raw).hexdigest())
    assert suppressed(world) == []


@pytest.mark.parametrize("raw", [b"", b"\x00\xff", b"Subject: lunch?\r\n\r\nAt noon.\r\n", b"(" * 100_000])
def test_anything_else_is_other_and_no_event(world: Visitor, raw: bytes) -> None:
    assert report(world, raw).json()["kind"] == "other"
    assert unproven(world) == []


def test_report_that_returns_a_large_original_is_still_read(world: Visitor) -> None:
    (message,) = leave(world.bench, "jane@example.com")
    raw = bounce(message).replace(b"--b--\r\n", b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n")
    body = chunks(raw, *[b"x" * 76 + b"\r\n" + b"y" * 2**20] * 3)
    assert world.post("/feedback/report", content=body).json()["matched"] is True


def complaint(to: str, kept: bytes) -> bytes:
    """A report of which the provider redacted everything but `kept`, some of the original's header (RFC 9477 3.5)."""
    return (
        b"From: <fbl@provider.example>\r\nTo: <%b>\r\nSubject: FBL report\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nA user reported this message.\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        b"Feedback-Type: abuse\r\nUser-Agent: FBL/0.1\r\nVersion: 1\r\nSource-IP: 192.0.2.1\r\n\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers; charset=UTF-8\r\n\r\n%b\r\n--b--\r\n"
    ) % (to.encode(), kept)


def sent_with(world: Visitor, address: str, **ctx: Any) -> Message:
    """The header of a message that left."""
    desk = replace(world.bench, ctx=replace(world.bench.ctx, **ctx))
    (message,) = leave(desk, address)
    row = world.bench.store.row(select(BODY.c.rendered).where(BODY.c.message_id == message))
    assert row is not None
    return message_from_bytes(row.rendered)


def test_complaint_to_the_address_in_cfbl_address_is_matched_by_what_rfc_9477_lets_it_keep(world: Visitor) -> None:
    header = sent_with(world, "jane@example.com", cfbl=SET_UP.invites_complaints)
    to = header["CFBL-Address"].partition(";")[0]
    # RFC 9477 5.2: white space may be put into the identifier anywhere
    kept = f"CFBL-Feedback-ID: {header['CFBL-Feedback-ID'][:30]}\r\n {header['CFBL-Feedback-ID'][30:]}".encode()
    forged = kept.replace(b":k1:", b":k2:")
    assert report(world, complaint(to, forged)).json()["matched"] is False
    assert suppressed(world) == []
    told = report(world, complaint(to, kept)).json()
    assert (told["kind"], told["matched"], told["fresh"]) == ("complaint", True, True)
    assert suppressed(world) == ["complained"]


@pytest.mark.parametrize("sender", ["postroom", "acme-mail"])
def test_complaint_is_matched_whatever_feedback_id_ends_in(world: Visitor, sender: str) -> None:
    """Mail of earlier versions, which all ended in `postroom`, is complained about for weeks."""
    header = sent_with(world, "jane@example.com", feedback_sender=sender)
    names = ("From", "To", "Feedback-ID", "X-Postroom-Message-ID")
    kept = "".join(f"{name}: {header[name]}\r\n" for name in names).encode()
    assert f":{sender}\r\n".encode() in kept
    assert report(world, complaint("abuse@provider.example", kept)).json()["fresh"] is True
    assert suppressed(world) == ["complained"]


def test_report_needs_the_token_where_one_is_set_up(sqlite_store: Store, tmp_path: Path) -> None:
    guarded = Configured.model_validate({"report_token": "pipe"})
    with opened(make_desk(sqlite_store), tmp_path, feedback=guarded) as visitor:
        stranger = visitor.using(None)
        problem(report(stranger, b"x"), 401, "unauthenticated")
        problem(report(stranger, b"x", Authorization="Bearer other"), 401, "unauthenticated")
        assert report(stranger, b"x", Authorization="Bearer pipe").status_code == 200
        assert [event.source for event in unproven(visitor)] == ["report", "report"]


def test_report_is_refused_where_no_token_is_set_up_unless_the_door_is_opened(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with opened(make_desk(sqlite_store), tmp_path, feedback=Configured()) as visitor:
        stranger = visitor.using(None)
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
            told = problem(report(stranger, b"x", **headers), 401, "unauthenticated")
            assert "report_open" in told["fix"]


def test_mailgun_s_legacy_form_is_refused_with_what_to_set(world: Visitor) -> None:
    form = {"event": "bounced", "recipient": "jane@example.com", "timestamp": "1", "token": "t", "signature": "s"}
    told = problem(world.post("/feedback/mailgun", data=form), 401, "unauthenticated")
    assert "Sending > Webhooks" in told["fix"]
    assert [event.reason for event in unproven(world)] == ["a legacy webhook: it posts a form and not JSON"]


# --- the public side ----------------------------------------------------------------------------------------------


def test_public_side_serves_feedback_and_unsubscribing_and_nothing_else(world: Visitor) -> None:
    outside = world.at(api_app.public(world.desk, world.settings))
    problem(outside.post("/feedback/postmark", {}), 401, "unauthenticated")
    assert outside.get("/u/x").status_code == 404
    for path in ("/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/audit", f"/mailboxes/x@{DOMAIN}"):
        problem(outside.operator("alice").get(path), 404, "not_found")
    problem(outside.using("pra_test1False").post("/emails/send", {}), 404, "not_found")


def test_webhook_signed_too_long_ago_is_a_replay(world: Visitor, clock: FakeClock) -> None:
    given: dict[str, Any] = {"event": "opened", "id": "e0", "recipient": "jane@example.com"}
    at = str(clock.now() // MICROS)
    clock.advance(seconds=16 * 60)
    signature = hmac.new(b"key-1", f"{at}{'t' * 50}".encode(), hashlib.sha256).hexdigest()
    body = {"signature": {"timestamp": at, "token": "t" * 50, "signature": signature}, "event-data": given}
    problem(world.post("/feedback/mailgun", body), 401, "unauthenticated")
