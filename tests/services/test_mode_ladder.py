"""The ladder through the real verbs: every mode and action, and no sequence of an agent's calls that gets around it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.db.store import Store
from core.db.tables import AGENT, MAILBOX, MESSAGE, RECIPIENT, REVIEW, TOKEN
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.errors import Conflict, PostroomError, Unauthenticated
from core.model import Action, Actor, Mode
from core.services.control import emergency
from core.services.sending import delivery, gated_actions, review
from core.services.sending.submit_result import Answer
from tests.db.empty_database import Fresh
from tests.factories import effort
from tests.factories.delivery import OK, attempt, claim, events, number, settle
from tests.factories.desk import ADDRESS, ALICE, GAIL, WIDE, Bench, make_desk

BOT = Actor("agent", "support-bot")

DONE, HELD, REFUSED = "done", "pending", "blocked"
LADDER = {
    #                  send      reply     read     tag
    Mode.READ_ONLY: (REFUSED, REFUSED, DONE, REFUSED),
    Mode.GATED_ALL: (HELD, HELD, HELD, HELD),
    Mode.GATED_SEND: (HELD, HELD, DONE, DONE),
    Mode.MONITORED: (DONE, DONE, DONE, DONE),
    Mode.AUTONOMOUS: (DONE, DONE, DONE, DONE),
}


def act(desk: Bench, action: Action, message: int) -> Answer | None:
    store = desk.store
    match action:
        case Action.SEND:
            return desk.submit()
        case Action.REPLY:
            return desk.submit(kind=Action.REPLY, in_reply_to="<theirs@example.com>")
        case Action.READ:
            return store.transact(
                lambda tx: gated_actions.read(tx, ADDRESS, "messages:", token=desk.token, ctx=desk.ctx)
            )
        case Action.TAG:
            return store.transact(
                lambda tx: gated_actions.tag(tx, message, ["vip"], ADDRESS, token=desk.token, ctx=desk.ctx)
            )


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(("place", "action"), list(enumerate(Action)))
def test_every_action_in_every_mode_comes_to_what_the_ladder_says(
    store: Store, mode: Mode, place: int, action: Action
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit("first@example.com").message_id)
    settled = claim(store)
    attempt(store, settled)
    settle(store, settled, reply=OK)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode=mode.value)))
    answer = act(desk, action, message)
    wanted = LADDER[mode][place]
    if wanted is DONE:
        assert answer is None or (answer.status, answer.http) == ("queued", 202)
    else:
        assert answer is not None
        assert answer.status == wanted
        assert answer.http == (202 if wanted is HELD else 403)
    store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the test's own clock
    leaves = wanted is DONE and action in (Action.SEND, Action.REPLY)
    assert len(claim(store)) == leaves
    assert len(events(store, "email.blocked")) == (wanted is REFUSED)
    held = store.rows(select(REVIEW.c.kind).where(REVIEW.c.status == "pending"))
    assert [row.kind for row in held] == ([action.value] if wanted is HELD else [])
    tags = store.row(select(MESSAGE.c.tags).where(MESSAGE.c.id == message))
    assert tags == ((["vip"] if wanted is DONE and action is Action.TAG else []),)


def test_a_suspended_agent_is_refused_in_every_mode_for_every_action(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit().message_id)
    store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    for mode in Mode:
        store.transact(lambda tx, m=mode: tx.write(update(MAILBOX).values(mode=m.value)))  # type: ignore[misc]  # bound now
        for action in Action:
            answer = act(desk, action, message)
            assert answer is not None
            assert (answer.http, answer.error) == (403, "agent_suspended")


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_dead_token_does_nothing(store: Store, how: str) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    prepared = desk.prepared()
    dead = {"revoked_at": 1} if how == "revoked" else {"expires_at": store.clock.now()}
    store.transact(lambda tx: tx.write(update(TOKEN).values(**dead)))
    for action in (Action.SEND, Action.READ):
        with pytest.raises(Unauthenticated):
            act(desk, action, prepared.id)
    assert claim(store) == []


class Insider:
    """An agent that tries everything it can, in any order, while people decide, change the mode, pull the brake.

    Each step takes a number that stands for every choice there is in it.
    """

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.desk = make_desk(store, mode=Mode.GATED_SEND, **(WIDE | {"limit_run": 6}))
        self.mode = Mode.GATED_SEND
        self.messages: list[int] = []
        self.approved: set[int] = set()
        self.free: set[int] = set()
        self.started: set[int] = set()
        self.suspended = False

    # --- what the agent does ---

    def hands_in(self, dice: int) -> None:
        self.clock.advance(seconds=1)
        to = ("jane@example.com", "joe@example.org")[dice % 2]
        more: dict[str, Any] = {"kind": Action.REPLY, "in_reply_to": "<x@example.com>"} if dice % 3 == 0 else {}
        answer = self.desk.submit(to, run=(None, "r1", "r2", "r3")[dice % 4], **more)
        if answer.message_id:
            self.messages.append(number(answer.message_id))
            if answer.status == "queued":
                assert not self.suspended
                assert self.mode in (Mode.MONITORED, Mode.AUTONOMOUS)
                self.free.add(self.messages[-1])

    def tries_something(self, dice: int) -> None:
        if not self.messages:
            return
        which = self.messages[dice % len(self.messages)]
        match dice % 4:
            case 0 | 1:
                act(self.desk, (Action.READ, Action.TAG)[dice % 2], which)
            case 2:
                with contextlib.suppress(Conflict):
                    self.store.transact(lambda tx: review.cancel(tx, which, actor=BOT))
            case _:
                decision = review.Decision(which, approve=dice % 8 > 3)
                with pytest.raises(PostroomError):
                    self.store.transact(lambda tx: review.decide(tx, decision, actor=BOT))

    # --- what people and the desk do ---

    def human_decides(self, dice: int) -> None:
        c = REVIEW.c
        pending = self.store.rows(select(c.id).where(c.status == "pending", c.message_id.is_not(None)).order_by(c.id))
        if pending:
            which = pending[dice % len(pending)].id
            decision = review.Decision(which, approve=dice % 3 > 0)
            with contextlib.suppress(Conflict):  # it has run out, and the clock has not come by yet
                self.store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))
                self.approved |= {which} if decision.approve else set()

    def human_changes_the_mode(self, dice: int) -> None:
        self.clock.advance(seconds=1)
        self.mode = [*Mode, Mode.MONITORED, Mode.AUTONOMOUS, Mode.AUTONOMOUS][dice % 8]
        change = update(MAILBOX).values(mode=self.mode.value, mode_since=self.clock.now())
        self.store.transact(lambda tx: tx.write(change))

    def human_brakes(self, dice: int) -> None:
        if self.suspended:
            self.store.transact(lambda tx: emergency.resume_agent(tx, "support-bot", reason="ok", actor=GAIL))
        else:
            self.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
        self.suspended = not self.suspended

    def mail_leaves(self, dice: int) -> None:
        if self.suspended:
            assert claim(self.store) == []
            self.human_brakes(dice)
        self.clock.advance(seconds=1)
        taken = claim(self.store)
        if dice % 4 == 0:
            self.human_brakes(dice)
        elif dice % 4 == 1:
            self.human_changes_the_mode(dice // 4)
        going = attempt(self.store, taken)
        assert not (going and self.suspended)
        for one in taken:
            if one.key in going:
                # promise 3: the mode in force lets it, or a human did
                assert one.message_id in self.free | self.approved
                assert one.message_id in self.approved or self.mode in (Mode.MONITORED, Mode.AUTONOMOUS)
                assert one.message_id not in self.started or one.attempts > 0
                self.started.add(one.message_id)
        if dice % 3:  # or else the worker dies
            settle(self.store, [one for one in taken if one.key in going])

    def time_passes(self, dice: int) -> None:
        self.clock.advance(micros=(dice % 5) * HOUR)
        for chore in (delivery.reclaim, review.release_due, review.expire_due):
            self.store.transact(chore)

    # --- what never happens ---

    def check(self) -> None:
        assert self.store.row(select(MAILBOX.c.mode)) == (self.mode.value,)
        assert self.store.row(select(AGENT.c.status)) == ("suspended" if self.suspended else "active",)
        pending = self.store.rows(select(REVIEW.c.id).where(REVIEW.c.status == "pending"))
        assert self.store.look(lambda tx: tx.counters.total("desk", "", "pending")) == len(pending)
        r = RECIPIENT.c
        unpaid = select(r.n).where(r.status.in_(["queued", "deferred"]), r.charged.is_(False))
        assert self.store.look(lambda tx: tx.counters.total("agent", "1", "waiting")) == len(self.store.rows(unpaid))


STEPS = (
    Insider.hands_in, Insider.hands_in, Insider.hands_in, Insider.tries_something, Insider.human_decides,
    Insider.human_changes_the_mode, Insider.human_brakes, Insider.mail_leaves, Insider.mail_leaves, Insider.mail_leaves,
    Insider.time_passes,
)  # fmt: skip


@settings(max_examples=effort.times(12, 150), deadline=None, suppress_health_check=list(HealthCheck))
@given(walk=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 10_000)), min_size=20, max_size=40))
def test_no_sequence_of_calls_changes_a_mode_skips_a_hold_or_sends_after_a_suspension(
    walk: list[tuple[Callable[[Insider, int], None], int]],
) -> None:
    clock = FakeClock()
    fresh = Fresh(clock)
    insider = Insider(fresh.store, clock)
    for step, dice in walk:
        step(insider, dice)
        insider.check()
    fresh.close()
