"""`kill -9` while budgets are spent and feedback comes in: nothing answered is lost, nothing is counted twice."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import case, func, select

from core.clock import SystemClock
from core.db import audit_log
from core.db.store import Store
from core.db.tables import AGENT, COUNTER, MESSAGE, RECIPIENT, SUPPRESSION
from core.demo import reports
from core.demo.reports import Received
from core.demo.seed import WIDE
from core.durations import MICROS, SECOND
from core.events import EmailBounced, EmailComplained, EmailDelivered, EmailSent, Event
from core.rules.policy import Policy
from core.rules.policy.sections import BounceGuard, ComplaintGuard, Delivery, Guards
from core.settings import POLICY
from tests.durability.gateway_processes import BOT, Running, Site, number, site, uncertain
from tests.factories import effort

KILLS = effort.times(4, 40)
CAP = 60
KEY = "key-of-the-provider"
LENIENT = Policy(
    delivery=Delivery(first_retry=SECOND),
    guards=Guards(
        complaints=ComplaintGuard(warn=1.0, suspend=1.0, min_events=1_000),
        bounces=BounceGuard(warn=1.0, suspend=1.0, min_events=1_000),
    ),
)
"""Guards that look and never suspend: what is tested is that they count right."""
pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite in the desk's own directory."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("empty_postgres"))


@dataclass(frozen=True)
class Post:
    """One thing a receiver or provider has to say, until it is answered."""

    path: str
    body: bytes
    kind: str
    rfc_message_id: str


@dataclass
class World:
    """What happens to mail that arrived, by its number; each report is repeated, some through two doors."""

    tested: Site
    ahead: int = 0
    waiting: list[Post] = field(default_factory=list)
    answered: list[Post] = field(default_factory=list)
    seen: int = 0
    _tokens: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def hear(self) -> None:
        """Make posts of what has arrived since."""
        messages = self.tested.world.messages
        for raw in messages[self.seen :]:
            self.waiting += self._said_of(raw)
        self.seen = len(messages)

    def _said_of(self, raw: bytes) -> list[Post]:
        head = raw.partition(b"\r\n\r\n")[0]
        fields = dict(line.partition(": ")[::2] for line in head.decode().split("\r\n") if ": " in line)
        rfc, to = fields["Message-ID"], fields["To"].strip("<>")
        about = Received(at=0, sender=BOT, recipient=to, agent="bot", raw=raw)
        raw_bounce = Post("/feedback/report", reports.bounce(about, headers=head, at=0), "bounced", rfc)
        raw_complaint = Post("/feedback/report", reports.complaint(about, headers=head, at=0), "complained", rfc)
        match int(to[1:].partition("@")[0]) % 8:
            case 0:
                return [raw_bounce, raw_bounce, self._event("failed", rfc, to)]
            case 1:
                return [self._event("failed", rfc, to), raw_bounce]
            case 2:
                return [raw_complaint, self._event("complained", rfc, to), raw_complaint]
            case 3:
                return [self._event("complained", rfc, to)] * 2
            case _:
                return [self._event("delivered", rfc, to)] * 2

    def _event(self, kind: str, rfc: str, to: str) -> Post:
        words = {"failed": "bounced"}.get(kind, kind)
        event: dict[str, Any] = {
            "event": kind, "severity": "permanent", "reason": "bounce", "recipient": to, "id": f"{kind}-{rfc}",
            "timestamp": 1.0, "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "no such user"},
            "message": {"headers": {"message-id": rfc.strip("<>")}},
        }  # fmt: skip
        return Post("/feedback/mailgun", httpx.Request("POST", "http://x", json=event).content, words, rfc)

    def sign(self, post: Post) -> bytes:
        """As the provider signs each try anew, at the hour of the gateway's clock."""
        at, token = str(SystemClock().now() // MICROS + self.ahead), f"{next(self._tokens):050d}"
        made = hmac.new(KEY.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
        signature = f'{{"timestamp":"{at}","token":"{token}","signature":"{made}"}}'.encode()
        return b'{"signature":' + signature + b',"event-data":' + post.body + b"}"

    async def speak(self, running: Running, *, over: asyncio.Event | None = None) -> None:
        """Say all that is to be said, again and again until each is answered.

        Ends when nobody answers, when `over` is set, or without it when there is nothing left to say.
        """
        answering = True
        while answering and not (over and over.is_set()):
            self.hear()
            if not self.waiting:
                if over is None:
                    return
                await asyncio.sleep(0.01)  # more mail will arrive; nobody tells us when
                continue
            async with asyncio.TaskGroup() as group:
                said = [group.create_task(self._say(running, post)) for post in self.waiting[:6]]
            answering = all(one.result() for one in said)

    async def _say(self, running: Running, post: Post) -> bool:
        """Whether it was answered."""
        body = self.sign(post) if post.path.endswith("mailgun") else post.body
        token = {"Authorization": f"Bearer {self.tested.desk.report_token}"} if post.path.endswith("report") else {}
        try:
            answer = await running.client.post(post.path, content=body, headers=token)
        except httpx.HTTPError:
            return False
        assert answer.status_code == 200, answer.text
        self.waiting.remove(post)
        self.answered.append(post)
        return True


@contextlib.asynccontextmanager
async def talking(world: World, running: Running) -> AsyncIterator[None]:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(world.speak(running, over=over))
        try:
            yield
        finally:
            over.set()


def told(store: Store) -> Sequence[Event]:
    """Every event of the log, which verifies."""
    found: list[Event] = []
    with store.read() as conn:
        assert audit_log.verify(conn).ok
        after = 0
        while entries := audit_log.read(conn, after=after):
            found += [entry.event for entry in entries]
            after = entries[-1].seq
    return found


def counted(store: Store, scope: str, kind: str) -> int:
    c = COUNTER.c
    row = store.row(select(func.coalesce(func.sum(c.n), 0)).where(c.scope == scope, c.kind == kind))
    assert row is not None
    return int(row[0])


def nothing_answered_is_lost(world: World, store: Store) -> None:
    """The worst word that was answered stands beside its recipient."""
    rank = ("delivered", "bounced", "complained")
    wanted: dict[str, str] = {}
    for post in world.answered:
        known = wanted.get(post.rfc_message_id, "delivered")
        wanted[post.rfc_message_id] = max(known, post.kind, key=rank.index)
    joined = select(MESSAGE.c.rfc_message_id, RECIPIENT.c.feedback).join(
        RECIPIENT, RECIPIENT.c.message_id == MESSAGE.c.id
    )
    stands = {row.rfc_message_id: row.feedback for row in store.rows(joined)}
    assert {rfc: stands[rfc] for rfc in wanted} == wanted
    assert set(wanted.values()) == {"delivered", "bounced", "complained"}


def nothing_is_counted_twice(store: Store) -> None:
    """Each word of each recipient is one event, and every counter says what the events say."""
    events = told(store)
    told_of = {
        kind: Counter((e.message, getattr(e, "n", 0)) for e in events if isinstance(e, kind))
        for kind in (EmailSent, EmailBounced, EmailComplained, EmailDelivered)
    }
    assert {most for kind in told_of.values() for most in kind.values()} == {1}
    n = {kind: sum(of.values()) for kind, of in told_of.items()}
    assert counted(store, "agent", "bounced_1h") == counted(store, "mailbox", "bounced_1h") == n[EmailBounced]
    assert counted(store, "agent", "complained_1h") == counted(store, "mailbox", "complained_1h") == n[EmailComplained]
    assert counted(store, "desk", "delivered") == n[EmailDelivered]
    assert counted(store, "agent", "sent_1h") == counted(store, "desk", "sent") == n[EmailSent]
    condemned = {e.message for e in events if isinstance(e, EmailBounced | EmailComplained)}
    rows = store.rows(select(SUPPRESSION.c.address))
    assert len(rows) == len({row.address for row in rows}) == len(condemned)


def budgets_held(tested: Site, store: Store) -> None:
    """What was claimed was paid for once, and no more was claimed than the cap allows."""
    charged = store.row(select(func.count()).where(RECIPIENT.c.charged.is_(True)))
    assert charged is not None
    assert counted(store, "agent", "left") == counted(store, "mailbox", "left") == charged[0] == CAP
    assert len(tested.received()) <= CAP
    waiting = store.row(select(func.count()).where(RECIPIENT.c.charged.is_(False)))
    assert waiting is not None
    assert counted(store, "agent", "waiting") == waiting[0] > 0


@pytest.mark.timeout(effort.times(900, 1_500))
def test_feedback_and_budgets_survive_a_gateway_that_is_killed_again_and_again(
    tmp_path: Path, database: str | None
) -> None:
    moments = random.Random(3)
    limits = WIDE | {"hour": CAP}
    secrets = f'[feedback.mailgun]\nsigning_key = "{KEY}"\n'

    async def story() -> None:
        async with site(tmp_path / "desk", database, policy=LENIENT, limits=limits, more_settings=secrets) as tested:
            lenient_file(tested.desk.directory / POLICY)
            world = World(tested)
            for life in range(KILLS):
                world.ahead = 40 * life  # so that the leases of the last life have lapsed
                async with (
                    tested.gateway(ahead=world.ahead) as running,
                    running.load(agents=4) as first,
                    talking(world, running),
                ):
                    await first.wait()
                    await asyncio.sleep(moments.uniform(0.05, 0.4))  # the moment is what is tested
                    await running.kill()
            world.ahead = 40 * KILLS
            async with tested.gateway(ahead=world.ahead) as running:
                while len(tested.accepted) < CAP + 5:
                    await running.submit()
                await tested.until(all_that_is_paid_for_has_gone)
                await world.speak(running)
                assert await running.terminate() == 0
            with tested.store() as store:
                accepted = {number(public) for public in tested.accepted}
                assert accepted <= {row.id for row in store.rows(select(MESSAGE.c.id))}
                assert {id_ for id_, times in sent_twice(tested, store).items() if times > 1} <= uncertain(store)
                nothing_answered_is_lost(world, store)
                nothing_is_counted_twice(store)
                budgets_held(tested, store)
                assert store.rows(select(AGENT.c.status)) == [("active",)]

    asyncio.run(story())


def lenient_file(file: Path) -> None:
    """The file that gateways watch says what is in force: its own lines would tighten the guards again."""
    text = re.sub(r"(?m)^(warn|suspend) = .*$", r"\1 = 1.0", file.read_text())
    file.write_text(re.sub(r"(?m)^min_events = .*$", "min_events = 1000", text))


def all_that_is_paid_for_has_gone(store: Store) -> bool:
    """Whether the cap is spent and nothing that was paid for is still on its way; the rest stays behind."""
    c = RECIPIENT.c
    row = store.row(select(func.count(), func.sum(case((c.status == "sent", 1), else_=0))).where(c.charged.is_(True)))
    return row is not None and tuple(row) == (CAP, CAP)


def sent_twice(tested: Site, store: Store) -> dict[int, int]:
    """Message id -> how often a receiver took it."""
    received = tested.received()
    return {row.id: received[row.rfc_message_id] for row in store.rows(select(MESSAGE.c.id, MESSAGE.c.rfc_message_id))}
