"""The 80,000-message incident: agents told at 4 a.m. to follow up with the whole pipeline, on a fake clock at speed.

A gated, a monitored and an autonomous agent each try it, once with a new mailbox's default budgets and once with
widened mailboxes, a warm stream and a confirmed run, so that only feedback can stop them. Password resets are sent at
the same time. Everything goes through a gateway's verbs on a real database; only time and the receivers are simulated.
`incident_runner.py` plays both cases, each in a process of its own.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import select

from core.db import gate_queries
from core.db.gate_queries import TokenFacts
from core.db.queue import Claimed
from core.db.store import Store
from core.db.tables import AGENT, BODY
from core.db.transaction import Transaction
from core.db.writer import BATCH
from core.demo import scripts
from core.demo.clock import FakeClock, Shown, ShownClock
from core.demo.reports import Received, bounce, complaint
from core.demo.results import CaseFigures, ModeFigures, read_figures
from core.demo.seed import WIDE, Cast, SeededDesk, found
from core.durations import HOUR, MICROS, MINUTE, SECOND
from core.ids import Ids
from core.model import ContentClass, Mode, Outcome, Reply
from core.rules import reports, signed_ids
from core.rules.addresses import parse_address
from core.rules.policy import Policy
from core.security.key_file import provenance_keys
from core.services.context import ServiceContext
from core.services.feedback import ingest
from core.services.sending import delivery, runs
from core.services.sending.delivery import Settlement
from core.services.sending.prepare import prepare
from core.services.sending.submission import RunClaim, Submission
from core.services.sending.submit import Submit
from core.settings import MASTER
from core.workers.scheduler import DUE, FULL_BATCH, LOOK, PERIODIC, PeriodicTask

MESSAGES: Final = 80_000
SPAN: Final = 5 * HOUR
"""From 04:00 to 09:00."""
SEED: Final = 20_260_105
COMPLAIN: Final = 0.01
BOUNCE: Final = 0.04
COMPLAINS_AFTER: Final = (120.0, 14_400.0)
BOUNCES_AFTER: Final = (3.0, 600.0)
"""Seconds after delivery, log-uniform: most come early, some take all morning."""
FEWEST_TURNS: Final = 120
FLIGHT: Final = 2.0
"""Seconds from the commit of an attempt to the receiver's reply."""
PACE: Final = 20
"""Speed of a watched scenario, as a multiple of real time, until it is decided; then full speed."""
DECIDED_WITHIN: Final = 10 * MINUTE
INSTANT: Final = 0.01
"""Seconds between claims: at 6,000 a minute a site's rate allows one in that time."""
PROMPT: Final = 10 * SECOND
"""A password reset that waited longer counts as delayed."""
RESETS: Final = "accounts-bot"
_TASKS: Final = (*DUE, *PERIODIC)
RESETS_A_MINUTE: Final = 4
RUN: Final = "follow-up"
MODES: Final = (Mode.GATED_SEND, Mode.MONITORED, Mode.AUTONOMOUS)
FOLLOW_UP: Final = "Hi,\n\nthank you for the call. The summary is in your account.\n\nAcme Sales\n"
RESET: Final = "Hi,\n\nhere is the link for your new password. It works for an hour.\n\nAcme\n"


@dataclass(frozen=True, slots=True)
class Case:
    """What the desk permits the agents at the start; `confirmed`: a human has confirmed the run."""

    name: str
    limits: Mapping[str, int | None]
    confirmed: bool


DEFAULT: Final = Case("default budgets", limits={}, confirmed=False)
WIDENED: Final = Case("widened, confirmed", limits=WIDE | {"run": None}, confirmed=True)


def play(
    case: Case,
    directory: Path,
    *,
    messages: int,
    progress: Callable[[float], None] | None = None,
    seed: int = SEED,
    shown: Shown | None = None,
) -> CaseFigures:
    """Play one case at a new desk, in this process. If its time is `shown`, it is paced for a viewer."""
    started = time.monotonic()
    morning = Morning(case, directory, messages=messages, seed=seed, shown=shown)
    try:
        morning.pass_by(progress or (lambda _: None))
        figures = morning.figures()
    finally:
        morning.close()
    figures.seconds = round(time.monotonic() - started, 1)
    return figures


@dataclass(slots=True)
class Sender:
    """A simulated agent: how much it has sent, and its identity."""

    agent: str
    address: str
    mode: Mode
    token: TokenFacts
    given: int = 0


@dataclass(order=True, slots=True)
class _Letter:
    """A report on its way back."""

    at: int
    order: int
    raw: bytes = field(compare=False)


class Morning:
    """One desk, a gateway's verbs called directly, and the receivers."""

    def __init__(self, case: Case, directory: Path, *, messages: int, seed: int, shown: Shown | None = None) -> None:
        self._case = case
        self._messages = messages
        self._seed = seed
        self._clock = FakeClock() if shown is None else ShownClock(shown)
        self._watched = shown is not None
        self._began = self._clock.now()
        self._senders, self._store, self._ctx = self._found(directory)
        self._agents = [one for one in self._senders if one.agent != RESETS]
        self._figures = CaseFigures(case.name, [ModeFigures(one.agent, one.mode.value) for one in self._agents])
        self._by_id = {one.token.agent_id: of for one, of in zip(self._agents, self._figures.modes, strict=True)}
        self._domains = {one.token.agent_id: one.address.partition("@")[2] for one in self._senders}
        self._resets = next(one for one in self._senders if one.agent == RESETS)
        self._worker = self._ctx.ids.mint(self._clock.now())
        self._store.transact(lambda tx: delivery.register_worker(tx, worker=self._worker, pid=0))
        self._mail: list[_Letter] = []
        self._order = itertools.count()
        self._done_at = dict.fromkeys(_TASKS, self._began)

    def close(self) -> None:
        self._store.close()

    def pass_by(self, progress: Callable[[float], None]) -> None:
        """Run from 04:00 to 09:00, then on until the last report has arrived."""
        turns = max(FEWEST_TURNS, -(-self._messages // BATCH))
        for turn in range(turns):
            self._wait_until(self._began + SPAN * turn // turns)
            self._run_tasks()
            share = (turn + 1) / turns
            self._submit(
                [(one, range(one.given, int(self._messages * share))) for one in self._agents]
                + [(self._resets, range(self._resets.given, int(RESETS_A_MINUTE * SPAN // MINUTE * share)))]
            )
            if turn == 0 and self._case.confirmed:
                self._confirm()
            self._depart()
            if turn % 10 == 0:
                progress(turn / turns)
        while self._mail:
            self._wait_until(max(self._mail[0].at, self._clock.now()))
            self._run_tasks()
            self._depart()

    def figures(self) -> CaseFigures:
        """Return figures from the desk's log, with those only the scenario has."""
        for one, of in zip(self._agents, self._figures.modes, strict=True):
            of.attempted = one.given
        self._figures.transactional.submitted = self._resets.given
        read_figures(self._store, self._figures, beside=RESETS, since=self._began)
        return self._figures

    # --- founding ---

    def _found(self, directory: Path) -> tuple[list[Sender], Store, ServiceContext]:
        casts = [
            Cast(f"pipeline-{mode.value.replace('_', '-')}", f"hello@{mode.value.replace('_', '-')}.acme.example", mode,
                 "follows up with yesterday's callers", limits=self._case.limits)
            for mode in MODES
        ]  # fmt: skip
        casts.append(Cast(RESETS, "noreply@accounts.acme.example", Mode.AUTONOMOUS, "sends password resets"))
        self._founded = founded = found(
            directory, casts, relay="smtp://127.0.0.1:2525", clock=self._clock, policy=_notifying_policy(),
            protected=["accounts.acme.example"],
        )  # fmt: skip
        store = Store(f"sqlite:///{directory / 'postroom.db'}", clock=self._clock)
        ring = provenance_keys((directory / MASTER).read_text())
        ctx = ServiceContext(keyring=ring, ids=Ids.seeded(self._seed), chance=lambda _: 0)
        senders = [Sender(c.agent, c.address, c.mode, _token(store, founded, c.agent)) for c in casts]
        return senders, store, ctx

    def _confirm(self) -> None:
        olive = self._founded.person("olive")
        for one in self._agents:
            self._store.transact(
                lambda tx, agent=one.agent: runs.confirm_run(  # type: ignore[misc]  # bound now
                    tx, agent=agent, key=RUN, up_to=self._messages, reason="the whole pipeline", actor=olive
                )
            )

    # --- coming in ---

    def _submit(self, turns: Sequence[tuple[Sender, range]]) -> None:
        """Submit each sender's messages for this turn, in transactions of the writer's batch size."""
        drafts = [(one, n) for one, numbers in turns for n in numbers]
        for start in range(0, len(drafts), BATCH):
            verbs = [
                Submit(prepare(self._store, self._draft(one, n), token=one.token, ctx=self._ctx))
                for one, n in drafts[start : start + BATCH]
            ]
            with self._store.begin() as tx:
                Submit.prefetch(tx, verbs)
                for verb in verbs:
                    tx.run(verb)
        for one, numbers in turns:
            one.given = max(one.given, numbers.stop)

    def _draft(self, one: Sender, n: int) -> Submission:
        reset = one is self._resets
        to = f"{one.agent}.{n}@{self._domain(one, n)}"
        hour = (self._clock.now() - self._began) // HOUR
        return Submission(
            sender=parse_address(one.address),
            to=(parse_address(to),),
            subject="Your new password" if reset else "After our call",
            text=RESET if reset else FOLLOW_UP,
            issued=b"{}",
            content_class=ContentClass.TRANSACTIONAL if reset else ContentClass.NOTIFICATION,
            run=RunClaim(key=f"resets-{hour}" if reset else RUN, user="ann@acme.example"),
        )

    def _domain(self, one: Sender, n: int) -> str:
        drawn = self._draw("domain", one.agent, n)
        for domain, share in scripts.DOMAINS.items():
            drawn -= share
            if drawn < 0:
                return domain
        return next(iter(scripts.DOMAINS))

    # --- leaving ---

    def _depart(self) -> None:
        """Claim, attempt and settle until nothing is due; feedback is processed at every step in between."""
        self._store.transact(lambda tx: delivery.heartbeat(tx, worker=self._worker))
        while claimed := self._claim():
            self._absorb()
            going = self._attempt(claimed)
            self._clock.advance(seconds=FLIGHT)
            self._absorb()
            self._settle(going)
        self._absorb()

    def _claim(self) -> list[Claimed]:
        claimed: list[Claimed] = []
        while len(claimed) < BATCH:
            left = BATCH - len(claimed)
            more = self._store.transact(lambda tx, left=left: delivery.claim(tx, worker=self._worker, limit=left))  # type: ignore[misc]  # bound now
            if not more:
                break
            claimed += more
            self._clock.advance(seconds=INSTANT)
        return claimed

    def _attempt(self, claimed: Sequence[Claimed]) -> list[Claimed]:
        """Commit the start of deliveries, and read in the same transaction which agents are suspended."""

        def verb(tx: Transaction) -> tuple[set[tuple[int, int]], set[int]]:
            going = delivery.attempt(tx, claimed, worker=self._worker)
            return going, {row.id for row in tx.all(select(AGENT.c.id).where(AGENT.c.status == "suspended"))}

        keys, suspended = self._store.transact(verb)
        going = [one for one in claimed if one.key in keys]
        for one in going:
            if one.agent_id in suspended and one.agent_id in self._by_id:
                self._by_id[one.agent_id].left_after_suspension += 1
            if one.agent_id == self._resets.token.agent_id:
                waited = self._clock.now() - one.submitted_at
                beside = self._figures.transactional
                beside.delayed += waited > PROMPT
                beside.longest_wait = max(beside.longest_wait, round(waited / MICROS, 1))
        return going

    def _settle(self, going: Sequence[Claimed]) -> None:
        reply = Reply(Outcome.SENT, 250, "2.0.0", "2.0.0 Ok: queued", "dot")
        settlements = [Settlement(one, reply) for one in going]
        self._store.transact(lambda tx: delivery.settle(tx, settlements, worker=self._worker))
        self._receive(going)

    def _run_tasks(self) -> None:
        now = self._clock.now()
        for task in _TASKS:
            every = task.every if isinstance(task, PeriodicTask) else LOOK
            if now - self._done_at[task] >= every * MICROS:
                self._done_at[task] = now
                while self._store.transact(task.verb) >= FULL_BATCH:
                    pass

    def _wait_until(self, at: int) -> None:
        left = max(0, at - self._clock.now())
        if self._watched and self._clock.now() - self._began < DECIDED_WITHIN:
            time.sleep(left / MICROS / PACE)
        self._clock.advance(micros=left)

    # --- the receivers ---

    def _receive(self, going: Sequence[Claimed]) -> None:
        """Accept everything; a few recipients complain later, and a few addresses turn out not to exist."""
        answers = {}
        for one in going:
            drawn = self._draw("temper", one.agent_id, one.address)
            if one.agent_id in self._by_id and drawn < COMPLAIN + BOUNCE:
                answers[one.message_id] = (one, complaint if drawn < COMPLAIN else bounce)
        if not answers:
            return
        rows = self._store.rows(select(BODY.c.message_id, BODY.c.rendered).where(BODY.c.message_id.in_(answers)))
        for row in rows:
            one, report = answers[row.message_id]
            raw, now = bytes(row.rendered), self._clock.now()
            domain = self._domains[one.agent_id]
            sender = signed_ids.return_path(one.message_id, one.n, domain=domain, keyring=self._ctx.keyring)
            received = Received(now, sender, one.path, str(one.agent_id), raw)
            low, high = COMPLAINS_AFTER if report is complaint else BOUNCES_AFTER
            at = now + int(low * (high / low) ** self._draw("delay", one.agent_id, one.address) * MICROS)
            report_message = report(received, headers=raw[: raw.find(b"\r\n\r\n") + 2], at=at)
            heapq.heappush(self._mail, _Letter(at, next(self._order), report_message))

    def _absorb(self) -> None:
        """Process the reports that are due with the desk's own parser, matching and guards."""
        while self._mail and self._mail[0].at <= self._clock.now():
            with self._store.begin() as tx:
                for _ in range(BATCH):
                    if not self._mail or self._mail[0].at > self._clock.now():
                        break
                    raw = heapq.heappop(self._mail).raw
                    tx.run(
                        lambda tx, raw=raw: ingest.absorb_report(  # type: ignore[misc]  # bound now
                            tx, reports.read(raw), source="report", keyring=self._ctx.keyring
                        )
                    )

    def _draw(self, *what: object) -> float:
        """Return a number in [0, 1) determined by the seed and `what` alone."""
        text = "\0".join(map(str, (self._seed, *what))).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) / 2**64


def _notifying_policy() -> Policy:
    """The default policy, with a notification for every send: a monitored mailbox needs that."""
    notify = {"urls": ("mailto://postroom@example.com",), "events": ("email.sent", "agent.suspended", "agent.warned")}
    return Policy.model_validate({"notify": notify})


def _token(store: Store, founded: SeededDesk, agent: str) -> TokenFacts:
    with store.read() as conn:
        token = gate_queries.token_by_hash(conn, hashlib.sha256(founded.agents[agent].encode()).digest())
    assert token is not None, f"{agent} was founded with a token"
    return token
