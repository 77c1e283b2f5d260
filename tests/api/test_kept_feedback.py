"""A desk that cannot reach Amazon: forgeries are refused at once, what may be genuine is kept and proved later."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from sqlalchemy import select

from core.api import errors
from core.api.middleware.request_limits import RequestLimits
from core.api.routes.feedback import Feedback
from core.db.store import Store
from core.db.tables import KEPT_WEBHOOK
from core.demo.clock import START, FakeClock
from core.durations import DAY, HOUR, MINUTE, stamp
from core.errors import Unavailable
from core.model import Mode
from core.services.feedback import kept_webhooks
from core.services.feedback.fetching import Absent
from core.services.feedback.provider_webhooks import ProviderWebhooks
from tests.api.api_client import JSON, Visitor, opened, problem
from tests.api.routes.test_feedback import SET_UP, bounce_ses, notification, suppressed, unproven
from tests.factories.delivery import leave
from tests.factories.desk import WIDE, make_desk
from tests.rules.test_provider_signatures import KEY, TOPIC, certificate, confirmation, envelope, instant, sign

OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Amazon:
    """What lies at Amazon's addresses, and whether the network leads there."""

    reachable: bool = False
    there: bool = True
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if not self.reachable:
            raise Unavailable("the provider does not answer")
        if not self.there:
            raise Absent("the provider answered 404")
        return certificate(until=START + 30 * DAY)


@dataclass
class Office:
    """A desk whose feedback asks `amazon`, with the loop that looks at what is kept."""

    visitor: Visitor
    amazon: Amazon
    clock: FakeClock

    def __post_init__(self) -> None:
        app = FastAPI()
        errors.install(app)
        app.add_middleware(
            RequestLimits, chance=self.visitor.bench.ctx.chance, bodies=self.visitor.desk.traffic.inside.bodies
        )
        app.include_router(Feedback(self.visitor.desk, self.visitor.settings, fetch=self.amazon.fetch).router)
        self.door = self.visitor.at(app)
        desk = self.visitor.desk
        self.later = ProviderWebhooks(
            store=desk.store, writer=desk.writer, clock=self.clock, configured=SET_UP, fetch=self.amazon.fetch
        )

    def post(self, body: JSON) -> httpx.Response:
        return self.door.post("/feedback/ses", body)

    def kept(self) -> int:
        return len(self.visitor.bench.store.rows(select(KEPT_WEBHOOK)))

    def look_after(self, micros: int) -> int:
        self.clock.advance(micros=micros)
        return asyncio.run(self.later.take_kept())


@pytest.fixture
def office(sqlite_store: Store, tmp_path: Path, clock: FakeClock) -> Iterator[Office]:
    desk = make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE)
    with opened(desk, tmp_path, feedback=SET_UP) as visitor:
        yield Office(visitor.using(None), Amazon(), clock)


def signed_by(key: rsa.RSAPrivateKey, event: JSON) -> JSON:
    given = notification(event)
    return dict(sign({name: value for name, value in given.items() if name != "Signature"}, key))


@pytest.mark.parametrize(
    "changes",
    [
        {"SigningCertURL": "https://sns.evil.test/x.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem?to=evil"},
        {"TopicArn": f"{TOPIC}-other"},
        {"Signature": "no signature"},
        {"Signature": base64.b64encode(b"short").decode()},
        {"SignatureVersion": "9"},
        {"Timestamp": "2020-01-01T00:00:00.000Z"},
    ],
    ids=["stranger's certificate", "odd address", "stranger's topic", "no base64", "too short", "version", "old"],
)
def test_a_forgery_is_refused_at_once_while_amazon_cannot_be_reached(office: Office, changes: JSON) -> None:
    problem(office.post(notification(bounce_ses("ses-1")) | changes), 401, "unauthenticated")
    assert (office.kept(), office.amazon.asked) == (0, [])
    assert len(unproven(office.visitor)) == 1


def test_what_may_be_genuine_is_kept_and_absorbed_once_amazon_can_be_reached(office: Office) -> None:
    leave(office.visitor.bench, "jane@example.com", provider_id="ses-1")
    answer = office.post(notification(bounce_ses("ses-1")))
    assert answer.status_code == 202
    until = stamp(office.clock.now() + kept_webhooks.KEPT_FOR)
    assert answer.json() == {"events": 0, "matched": 0, "fresh": 0, "kept_until": until}
    assert (office.kept(), suppressed(office.visitor), unproven(office.visitor)) == (1, [], [])
    assert office.look_after(2 * MINUTE) == 0
    assert (office.kept(), suppressed(office.visitor)) == (1, [])
    office.amazon.reachable = True
    assert office.look_after(3 * HOUR) == 1, "its time of arrival counts, not the time of the proof"
    assert (office.kept(), suppressed(office.visitor), unproven(office.visitor)) == (0, ["bounced"], [])


def test_a_repetition_is_kept_once_and_counts_once(office: Office) -> None:
    leave(office.visitor.bench, "jane@example.com", provider_id="ses-1")
    given = notification(bounce_ses("ses-1"))
    first = office.post(given).json()
    office.clock.advance(micros=MINUTE)
    assert office.post(given).json() == first
    assert office.kept() == 1
    office.amazon.reachable = True
    office.clock.advance(micros=MINUTE)
    assert office.post(given).json() == {"events": 1, "matched": 1, "fresh": 1}
    assert office.look_after(HOUR) == 1
    assert suppressed(office.visitor) == ["bounced"]


def test_a_plausible_forgery_that_was_kept_moves_nothing_and_is_told(office: Office) -> None:
    leave(office.visitor.bench, "jane@example.com", provider_id="ses-1")
    assert office.post(signed_by(OTHER, bounce_ses("ses-1"))).status_code == 202
    office.amazon.reachable = True
    assert office.look_after(HOUR) == 1
    assert [one.reason for one in unproven(office.visitor)] == ["the signature does not match"]
    assert (office.kept(), suppressed(office.visitor)) == (0, [])


def test_a_certificate_that_amazon_does_not_have_makes_a_forgery(office: Office) -> None:
    office.amazon.reachable, office.amazon.there = True, False
    problem(office.post(notification(bounce_ses("ses-1"))), 401, "unauthenticated")
    assert office.kept() == 0


def test_a_subscription_is_confirmed_when_amazon_can_be_reached(office: Office) -> None:
    at = instant(office.clock.now()).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    given = dict(sign(confirmation(Timestamp=at), KEY))
    assert office.post(given).status_code == 202
    office.amazon.reachable = True
    assert office.look_after(HOUR) == 1
    assert office.amazon.asked[-1] == given["SubscribeURL"]
    assert office.kept() == 0


def test_what_cannot_be_proved_for_three_days_is_given_up_and_told(office: Office) -> None:
    office.post(notification(bounce_ses("ses-1")))
    assert office.look_after(kept_webhooks.KEPT_FOR - MINUTE) == 0
    assert office.look_after(kept_webhooks.LONGEST_WAIT) == 1
    assert office.kept() == 0
    assert [one.reason for one in unproven(office.visitor)] == ["its certificate could not be fetched in 3 days"]


def test_what_is_kept_has_a_bound_and_beyond_it_amazon_is_asked_to_come_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_webhooks, "MOST", 2)
    given = [notification(bounce_ses(f"ses-{n}")) for n in range(3)]
    assert [office.post(one).status_code for one in given] == [202, 202, 503]
    assert office.post(given[2]).headers["retry-after"] == "300"
    assert office.post(given[0]).status_code == 202, "this one is there already"
    monkeypatch.setattr(kept_webhooks, "MOST", 99)
    monkeypatch.setattr(kept_webhooks, "MOST_OCTETS", 10)
    assert office.post(given[2]).status_code == 503
    assert office.kept() == 2


def test_an_unreachable_amazon_is_asked_once_in_half_a_minute_whatever_comes_in(office: Office) -> None:
    for n in range(5):
        assert office.post(notification(bounce_ses(f"ses-{n}"))).status_code == 202
    assert office.amazon.asked == [envelope()["SigningCertURL"]]
    office.clock.advance(seconds=31)
    office.amazon.reachable = True
    assert office.post(notification(bounce_ses("ses-9"))).status_code == 200


def test_one_kept_webhook_that_breaks_does_not_stop_those_behind_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(office.visitor.bench, "jane@example.com", provider_id="ses-2")
    for n in (1, 2):
        office.post(notification(bounce_ses(f"ses-{n}")))
    with office.visitor.bench.store.read() as conn:
        first, _ = kept_webhooks.due(conn, now=office.clock.now() + DAY, limit=9)
    again = ProviderWebhooks._again

    async def breaks(self: ProviderWebhooks, kept: kept_webhooks.Kept) -> bool:
        if kept.id == first.id:
            raise RuntimeError("a fault of ours")
        return await again(self, kept)

    monkeypatch.setattr(ProviderWebhooks, "_again", breaks)
    office.amazon.reachable = True
    assert office.look_after(HOUR) == 1
    assert (office.kept(), suppressed(office.visitor)) == (1, ["bounced"])
