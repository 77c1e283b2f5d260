"""After a stranger's mail was read, no sequence of an agent's calls makes mail to others leave without a person.

A walk over the real verbs on a real database: strangers and known contacts write, with forged references; an agent with
several tokens reads, replies, sends, delegates, names new runs, cancels, repeats keys and tags; people change modes.
What may leave is decided by an oracle of its own, which knows what was read before each message was handed in.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, update

from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import INBOUND_MESSAGE, MAILBOX
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.errors import PostroomError
from core.model import Action, Actor, Mode
from core.rules.addresses import parse_address
from core.services.identity import tokens
from core.services.identity.tokens import Grant
from core.services.receiving.read_mail import read_mail
from core.services.receiving.receive import Handover, receive
from core.services.sending import gated_actions, review
from core.services.sending.submission import RunClaim
from tests.factories import effort
from tests.factories.delivery import attempt, claim, number, settle
from tests.factories.desk import DOMAIN, WIDE, Bench, add_mailbox, issue, make_desk
from tests.factories.inbound import SERVER, mail

STRANGERS: Final = ("mallory@evil.example", "eve@other.example")
KNOWN: Final = "jane@customer.example"
EVERYBODY: Final = (*STRANGERS, KNOWN, "victim@elsewhere.example")
_NUMBERS: Final = itertools.count(1)

people = st.lists(st.sampled_from(EVERYBODY), min_size=1, max_size=2, unique=True)
places = st.integers(0, 5)
runs = st.sampled_from([None, "a", "b", "c"])


@dataclass(frozen=True, slots=True)
class Arrived:
    """A received message. `strange`: it is no DMARC pass of a known contact."""

    id: int
    author: str
    message_id: str
    strange: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that was handed in: its recipients, what it answers, and what its holder had read by then."""

    to: frozenset[str]
    answers: str | None
    read: frozenset[int]


class Walk(RuleBasedStateMachine):
    """One agent of the desk; each example has an agent of its own."""

    desk: Bench

    @initialize()
    def founds(self) -> None:
        n = next(_NUMBERS)
        self.address = f"bot{n}@{DOMAIN}"
        store = self.desk.store
        self.agent_id, self.mailbox_id = store.transact(
            lambda tx: add_mailbox(
                tx, agent=f"bot{n}", address=self.address, stream=self.desk.stream_id, mode=Mode.AUTONOMOUS,
                **(WIDE | {"allow": ["*", KNOWN]}),
            )
        )  # fmt: skip
        # The agent holds the first three; a platform gave the last one to another execution.
        self.mine = [issue(store, self.agent_id, secret=f"{name}{n}") for name in ("one", "two")]
        self.arrived: list[Arrived] = []
        self.sent: dict[int, Handed] = {}
        self.read: set[int] = set()

    def holder(self, place: int) -> TokenFacts:
        return self.mine[place % len(self.mine)]

    # --- people and the world ---

    @rule(author=st.sampled_from([*STRANGERS, *STRANGERS, KNOWN]), refers=st.none() | places, passes=st.booleans())
    def somebody_writes(self, author: str, refers: int | None, passes: bool) -> None:  # noqa: FBT001
        own = f"<{next(_NUMBERS)}@{author.partition('@')[2]}>"
        more = "Reply-To: victim@elsewhere.example\nCc: victim@elsewhere.example\n"
        if refers is not None and self.arrived:
            more += f"References: {self.arrived[refers % len(self.arrived)].message_id}\n"
        if passes:
            more += f"Authentication-Results: {SERVER}; dmarc=pass header.from={author.partition('@')[2]}\n"
        raw = mail("Do as I say.", sender=author, to=self.address, message_id=own, more=more)
        handed = Handover(
            mail=read_mail(raw, authserv_ids=(SERVER,)), sender=author, recipients=(self.address,), source="lmtp"
        )
        self.desk.store.transact(lambda tx: receive(tx, handed, ctx=self.desk.ctx))
        row = self.desk.store.row(
            select(INBOUND_MESSAGE.c.id).where(INBOUND_MESSAGE.c.rfc_message_id == own)
        )  # fmt: skip
        assert row is not None
        self.arrived.append(Arrived(row.id, author, own, strange=not (passes and author == KNOWN)))

    @rule(mode=st.sampled_from([Mode.AUTONOMOUS, Mode.AUTONOMOUS, Mode.MONITORED, Mode.GATED_SEND]))
    def people_change_the_mode(self, mode: Mode) -> None:
        wanted = update(MAILBOX).where(MAILBOX.c.id == self.mailbox_id).values(mode=mode.value)
        self.desk.store.transact(lambda tx: tx.write(wanted))

    @rule()
    def mail_leaves(self) -> None:
        store = self.desk.store
        self.desk.store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # a test's clock
        claimed = claim(store)
        going = attempt(store, claimed)
        for key in going:
            self.check(key[0])
        settle(store, [one for one in claimed if one.key in going])

    # --- what the agent can do ---

    @precondition(lambda self: self.arrived)
    @rule(which=places, holder=places, headers=st.booleans())
    def reads(self, which: int, holder: int, *, headers: bool = False) -> None:
        one = self.arrived[which % len(self.arrived)]
        self.desk.store.transact(
            lambda tx: gated_actions.read(
                tx,
                self.address,
                f"body:{one.id}",
                token=self.holder(holder),
                ctx=self.desk.ctx,
                received=[one.id],
                unsigned=[one.id] if headers else (),
            )
        )
        if one.strange or headers:
            self.read.add(one.id)

    @rule(
        to=people, bcc=st.none() | st.sampled_from(EVERYBODY), answers=st.none() | places, run=runs, holder=places,
        key=st.none() | st.sampled_from(["k1", "k2"]), kind=st.sampled_from([Action.SEND, Action.REPLY]),
    )  # fmt: skip
    def hands_in(
        self, to: list[str], bcc: str | None, answers: int | None, run: str | None, holder: int, key: str | None,
        kind: Action,
    ) -> None:  # fmt: skip
        answered = (
            self.arrived[answers % len(self.arrived)].message_id if answers is not None and self.arrived else None
        )
        bench = dataclasses.replace(self.desk, token=self.holder(holder), mailbox_id=self.mailbox_id)
        with contextlib.suppress(PostroomError):
            answer = bench.submit(
                to, sender=self.address, kind=kind, in_reply_to=answered, run=RunClaim(key=run), idempotency_key=key,
                bcc=(parse_address(bcc),) if bcc else (), issued=f"{sorted(to)}{bcc}{answered}".encode(),
            )  # fmt: skip
            if answer.message_id is not None:
                named = frozenset([*to, *([bcc] if bcc else [])])
                self.sent[number(answer.message_id)] = Handed(named, answered, frozenset(self.read))

    @rule(holder=places, run=st.sampled_from(["a", "d"]))
    def delegates(self, holder: int, run: str) -> None:
        parent = self.holder(holder)
        secret = hashlib.sha256(f"delegated{next(_NUMBERS)}".encode()).digest()
        grant = Grant(ttl=HOUR, run=run)
        actor = Actor("agent", parent.agent_name)
        with contextlib.suppress(PostroomError):
            made = self.desk.store.transact(
                lambda tx: tokens.delegate(tx, parent=parent.id, grant=grant, token_hash=secret, actor=actor)
            )
            self.mine.append(dataclasses.replace(parent, id=made.token, run_key=run, own_run=parent.own_run))

    @precondition(lambda self: self.sent)
    @rule(which=places)
    def cancels(self, which: int) -> None:
        ids = list(self.sent)
        actor = Actor("agent", self.mine[0].agent_name)
        with contextlib.suppress(PostroomError):
            self.desk.store.transact(lambda tx: review.cancel(tx, ids[which % len(ids)], actor=actor))

    @precondition(lambda self: self.arrived)
    @rule(which=places)
    def tags(self, which: int) -> None:
        one = self.arrived[which % len(self.arrived)]
        self.desk.store.transact(
            lambda tx: gated_actions.tag(tx, one.id, ["x"], self.address, token=self.mine[0], ctx=self.desk.ctx)
        )
        if one.strange:  # the answer shows it
            self.read.add(one.id)

    @rule(
        author=st.sampled_from(STRANGERS), to=people, answers=st.none() | places, run=runs, holder=places,
        then=st.sampled_from(["delegates", "mode", "nothing"]),
    )  # fmt: skip
    def reads_and_writes(
        self, author: str, to: list[str], answers: int | None, run: str | None, holder: int, then: str
    ) -> None:
        """The whole way at one go: chance alone seldom brings it about."""
        self.people_change_the_mode(Mode.AUTONOMOUS)
        self.somebody_writes(author, None, passes=False)
        self.reads(len(self.arrived) - 1, holder)
        if then == "delegates":
            self.delegates(holder, "d")
        elif then == "mode":
            self.people_change_the_mode(Mode.MONITORED)
        self.hands_in(to, None, answers, run, holder + 1, None, Action.SEND)
        self.mail_leaves()

    # --- what never happens ---

    def check(self, message: int) -> None:
        handed = self.sent.get(message)
        if handed is None:
            return  # another example's
        authors = {one.id: one for one in self.arrived}
        for number_ in handed.read:
            one = authors[number_]
            assert handed.to == {one.author}, f"{handed.to} got mail of a run that had read {one.author}"
            assert handed.answers is not None, "it answers nothing"


@pytest.mark.both_databases
def test_no_sequence_of_calls_sends_what_a_stranger_says_to_anyone_else(store: Store, clock: FakeClock) -> None:
    del clock
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)

    class OfThisDesk(Walk):
        pass

    OfThisDesk.desk = desk
    run_state_machine_as_test(
        OfThisDesk,
        settings=settings(
            max_examples=effort.times(6, 300), stateful_step_count=effort.times(16, 30), deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
