"""POST /inbound/PROVIDER: mail that providers post, each with its own proof, stored before the answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_from_bytes

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from core.api import app as api_app
from core.api import errors
from core.api.middleware.request_limits import RequestLimits
from core.api.routes.inbound import ProviderInbound
from core.db.store import Store
from core.demo.clock import START
from core.durations import DAY, MICROS, MINUTE
from core.errors import Unavailable
from core.events import FeedbackUnverified
from core.rules.inbound.message import MAX_BYTES
from core.settings import feedback_model
from tests.api.api_client import Visitor, opened, problem
from tests.factories.delivery import events
from tests.factories.desk import ADDRESS, DOMAIN, make_desk
from tests.factories.inbound import JANE, mail, received
from tests.rules.test_provider_signatures import KEY, TOPIC, certificate, confirmation, envelope, instant, sign

PARSE: Final = ec.generate_private_key(ec.SECP256R1())
PUBLIC: Final = PARSE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
SET_UP: Final = feedback_model().model_validate(
    {
        "ses": {"topics": (TOPIC,)},
        "sendgrid": {"inbound_public_key": base64.b64encode(PUBLIC).decode()},
        "mailgun": {"signing_key": "key-1"},
        "postmark": {"token": "a-token"},
    }
)
TOKEN: Final = "t" * 50
NOBODY: Final = f"nobody@{DOMAIN}"
ODD: Final = mail("Gr\u00fc\u00dfe & 1+1=2%").replace("\u00fc".encode(), b"\xfc")
"""Bytes that no charset explains: they must arrive as they are."""


@dataclass(frozen=True, slots=True)
class Post:
    path: str
    body: bytes
    headers: Mapping[str, str]


def multipart(fields: Mapping[str, bytes], *, end: str = "--") -> tuple[bytes, str]:
    parts = [
        f'--b0undary\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + f"--b0undary{end}\r\n".encode(), 'multipart/form-data; boundary="b0undary"'


def urlencoded(fields: Mapping[str, bytes]) -> tuple[bytes, str]:
    body = "&".join(f"{name}={quote_from_bytes(value, safe='').replace('%20', '+')}" for name, value in fields.items())
    return body.encode(), "application/x-www-form-urlencoded"


def mailgun(
    raw: bytes, to: str = ADDRESS, *, key: str = "key-1", token: str | None = None, at: int = START,
    form: Callable[[Mapping[str, bytes]], tuple[bytes, str]] = multipart,
) -> Post:  # fmt: skip
    stamp = str(at // MICROS)
    token = token or hashlib.sha256(raw + to.encode()).hexdigest()
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    fields = {"recipient": to, "sender": JANE, "subject": "x"} | signed
    body, kind = form({name: value.encode() for name, value in fields.items()} | {"body-mime": raw})
    return Post("/inbound/mailgun/mime", body, {"Content-Type": kind})


def postmark(raw: bytes, to: str = ADDRESS, *, token: str = "a-token", **more: Any) -> Post:
    record = {"OriginalRecipient": to, "RawEmail": raw.decode("utf-8", "replace")} | more
    return Post(
        "/inbound/postmark", json.dumps(record).encode(),
        {"Content-Type": "application/json; charset=utf-8", "X-Postroom-Token": token},
    )  # fmt: skip


def sendgrid(raw: bytes, to: str = ADDRESS, *, key: ec.EllipticCurvePrivateKey = PARSE, at: int = START) -> Post:
    body, kind = multipart({"email": raw, "envelope": json.dumps({"to": [to], "from": JANE}).encode(), "to": b"x"})
    stamp = str(at // MICROS)
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }
    return Post("/inbound/sendgrid", body, headers | {"Content-Type": kind})


def ses(raw: bytes, to: str = ADDRESS, *, plain: bool = False, content: bool = True, **changes: str) -> Post:
    action = {"type": "SNS", "topicArn": TOPIC} | ({} if plain else {"encoding": "BASE64"})
    text = raw.decode() if plain else base64.b64encode(raw).decode()
    record = {
        "notificationType": "Received",
        "mail": {"source": JANE},
        "receipt": {"recipients": [to], "action": action},
    }
    message = json.dumps(record | ({"content": text} if content else {}))
    stamp = instant(START - MINUTE).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    signed = sign(envelope(Message=message, Timestamp=stamp, **changes), KEY)
    return Post("/inbound/ses", json.dumps(signed).encode(), {"Content-Type": "text/plain; charset=UTF-8"})


ALL: Final[Mapping[str, Callable[..., Post]]] = {
    "mailgun": mailgun, "postmark": postmark, "sendgrid": sendgrid, "ses": ses,
}  # fmt: skip
EACH = pytest.mark.parametrize("posted", ALL.values(), ids=ALL)


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """A provider at the port that faces the internet, with Amazon's certificate within reach."""
    desk = make_desk(sqlite_store)
    with opened(desk, tmp_path, feedback=SET_UP, inbound={"mailbox_megabytes": 1}) as visitor:
        yield served(visitor.using(None))


def served(visitor: Visitor, *, pem: bytes | None = b"") -> Visitor:
    async def amazon(_url: str) -> bytes:
        if pem is None:
            raise Unavailable("the provider does not answer")
        return pem or certificate(until=START + 30 * DAY)

    app = FastAPI()
    errors.install(app)
    app.add_middleware(RequestLimits, chance=visitor.bench.ctx.chance, bodies=visitor.desk.traffic.public.bodies)
    app.include_router(ProviderInbound(visitor.desk, visitor.settings, fetch=amazon).router)
    return visitor.at(app)


def send(visitor: Visitor, post: Post) -> httpx.Response:
    return visitor.post(post.path, content=post.body, headers=dict(post.headers))


def raws(visitor: Visitor) -> list[bytes]:
    return [zlib.decompress(row.raw) for row in received(visitor.bench.store)]


@EACH
def test_posted_mail_is_stored_once_with_its_envelope(world: Visitor, posted: Callable[..., Post]) -> None:
    raw = mail("x" * 5_000)
    answer = send(world, posted(raw))
    assert (answer.status_code, answer.json()) == (200, {"recipients": [{"address": ADDRESS, "status": "stored"}]})
    assert send(world, posted(raw)).json()["recipients"][0]["status"] == "duplicate"
    assert raws(world) == [raw]
    assert received(world.bench.store)[0].source == posted.__name__


@EACH
def test_mail_for_nobody_here_is_taken_with_a_reason_and_for_a_full_mailbox_it_is_asked_for_later(
    world: Visitor, posted: Callable[..., Post]
) -> None:
    answer = send(world, posted(mail(), NOBODY))
    assert (answer.status_code, answer.json()["recipients"][0]["status"]) == (200, "unknown")
    assert "no mailbox" in answer.json()["reason"]
    full = send(world, posted(mail("x" * 1_100_000)))
    assert (full.status_code, full.headers["retry-after"]) == (503, "600")
    assert raws(world) == []


def other_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    "forged",
    [
        mailgun(mail(), key="key-2"),
        mailgun(mail(), at=START - DAY),
        mailgun(mail(), form=lambda fields: multipart({"body-mime": fields["body-mime"]})),
        postmark(mail(), token="another"),
        sendgrid(mail(), key=other_key()),
        sendgrid(mail(), at=START - 5 * DAY),
        ses(mail(), TopicArn="arn:aws:sns:eu-west-1:1:x"),
        Post("/inbound/ses", b"{}", {"Content-Type": "text/plain"}),
    ],
    ids=lambda one: one.path,
)
def test_what_proves_nothing_is_401_and_an_event_and_stores_nothing(world: Visitor, forged: Post) -> None:
    problem(send(world, forged), 401, "unauthenticated")
    (event,) = events(world.bench.store, "feedback.unverified")
    assert isinstance(event, FeedbackUnverified)
    assert (event.source, event.kind) == (forged.path.split("/")[2], "mail")
    assert raws(world) == []


def test_an_unproven_postmark_body_is_not_even_read(world: Visitor) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        raise AssertionError("it was read on")

    answer = world.post("/inbound/postmark", content=never(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


def test_a_mailgun_signature_is_good_for_one_message_and_for_the_retries_of_it(world: Visitor) -> None:
    """It does not cover the message: whoever saw one post could put any mail under it."""
    assert send(world, mailgun(mail(), token=TOKEN)).status_code == 200
    assert send(world, mailgun(mail(), token=TOKEN, form=urlencoded)).json()["recipients"][0]["status"] == "duplicate"
    problem(send(world, mailgun(mail("another"), token=TOKEN)), 401, "unauthenticated")
    assert send(world, mailgun(mail("another"))).status_code == 200
    assert len(raws(world)) == 2


@pytest.mark.parametrize("post", [mailgun(ODD), mailgun(ODD, form=urlencoded), sendgrid(ODD), ses(ODD)])
def test_every_byte_arrives(world: Visitor, post: Post) -> None:
    assert send(world, post).status_code == 200
    assert raws(world) == [ODD]


def test_ses_posts_utf_8_too_and_other_notifications_are_no_mail(world: Visitor) -> None:
    raw = mail("Gr\u00fc\u00dfe")
    assert send(world, ses(raw, plain=True)).status_code == 200
    assert raws(world) == [raw]
    problem(send(world, ses(raw, content=False)), 422, "invalid_request")
    sent = Post("/inbound/ses", json.dumps(sign(envelope(Timestamp=instant(START).isoformat()), KEY)).encode(),
                {"Content-Type": "text/plain"})  # fmt: skip
    assert send(world, sent).json() == {"recipients": []}
    wanted = sign(confirmation(Timestamp=instant(START).isoformat()), KEY)
    answer = send(world, Post("/inbound/ses", json.dumps(wanted).encode(), {"Content-Type": "text/plain"}))
    assert answer.json() == {"recipients": [], "confirmed": TOPIC}


def test_while_amazon_cannot_be_reached_its_mail_is_asked_for_again(world: Visitor) -> None:
    answer = send(served(world, pem=None), ses(mail()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert raws(world) == []


def test_mail_that_postmark_received_is_for_its_envelope_whoever_its_sender_names(world: Visitor) -> None:
    named: dict[str, Any] = {key: [{"Email": ADDRESS}] for key in ("ToFull", "CcFull", "BccFull")}
    assert send(world, postmark(mail(), NOBODY, **named)).json()["recipients"] == [
        {"address": NOBODY, "status": "unknown"}
    ]
    forwarded = send(world, postmark(mail(), "abc123@inbound.postmarkapp.com", **named))
    assert (forwarded.status_code, raws(world)) == (422, [])
    assert "inbound domain" in forwarded.json()["fix"]


@pytest.mark.parametrize(
    ("post", "status"),
    [
        (Post("/inbound/mailgun", b"{}", {"Content-Type": "application/json"}), 415),
        (Post("/inbound/postmark", b"{}", {"X-Postroom-Token": "a-token"}), 415),
        (postmark(mail(), RawEmail=None), 422),
        (postmark(mail(), OriginalRecipient=None), 422),
        (sendgrid(b" \r\n"), 422),
        (mailgun(b"x" * (MAX_BYTES + 1)), 413),
        (mailgun(mail(), form=lambda fields: multipart(fields, end="")), 401),
        (mailgun(mail(), form=lambda fields: multipart({f"f{n}": b"" for n in range(300)} | dict(fields))), 401),
        (mailgun(mail(), form=lambda fields: urlencoded({f"f{n}": b"" for n in range(300)} | dict(fields))), 401),
        (mailgun(mail(), form=lambda fields: urlencoded({k: v for k, v in fields.items() if k != "body-mime"})), 422),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_with_its_own_status(world: Visitor, post: Post, status: int) -> None:
    assert send(world, post).status_code == status
    assert raws(world) == []


def test_the_port_that_faces_the_internet_takes_mail_of_providers_under_any_name_and_no_raw_mail(
    world: Visitor,
) -> None:
    public = world.at(api_app.public(world.desk, world.settings))
    large = postmark(mail(), Attachments="x" * (27 << 20))
    headers = dict(large.headers) | {"Host": "mail.acme.test"}
    assert public.post(large.path, content=large.body, headers=headers).status_code == 200
    assert public.post(f"/inbound/raw?recipient={ADDRESS}", content=mail()).status_code == 404


def test_while_the_database_is_away_the_provider_is_asked_to_come_again(world: Visitor) -> None:
    file = Path(str(world.bench.store.engine.url.database))
    aside = file.with_name("aside.db")
    file.rename(aside)
    try:
        answer = send(world, mailgun(mail()))
    finally:
        aside.rename(file)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert send(world, mailgun(mail())).status_code == 200


def test_the_same_mail_posted_by_two_attempts_at_once_is_stored_once(world: Visitor) -> None:
    async def both() -> list[str]:
        posts = [mailgun(mail(), token=letter * 50) for letter in "abc"]
        answers = await asyncio.gather(*(asyncio.to_thread(send, world, post) for post in posts))
        return sorted(one.json()["recipients"][0]["status"] for one in answers)

    assert asyncio.run(both()) == ["duplicate", "duplicate", "stored"]
