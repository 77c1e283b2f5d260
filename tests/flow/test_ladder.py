"""The ladder through the real verbs: every mode and action, and no sequence of an agent's calls that gets around it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import select, update

from core.demo.clock import FakeClock
from core.errors import Conflict, PostroomError, Unauthenticated
from core.flow import actions, controls, depart, review
from core.flow.answers import Answer
from core.ledger.store import Store
from core.ledger.tables import Agent, Mailbox, Message, Recipient, Review, Token, table
from core.words import HOUR, Action, Actor, Mode
from tests.desk import ADDRESS, ALICE, GAIL, WIDE, Bench, make_desk
from tests.flow.leaving import OK, attempt, claim, events, number, settle
from tests.ledger.fresh import Fresh

MAILBOX, AGENT, RECIPIENT, REVIEW = table(Mailbox), table(Agent), table(Recipient), table(Review)
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
                lambda tx: actions.ask(tx, action, ADDRESS, "messages:", token=desk.token, house=desk.house)
            )
        case Action.TAG:
            return store.transact(
                lambda tx: actions.tag(tx, message, ["vip"], ADDRESS, token=desk.token, house=desk.house)
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
    tags = store.row(select(table(Message).c.tags).where(table(Message).c.id == message))
    assert tags == ((["vip"] if wanted is DONE and action is Action.TAG else []),)


def test_a_suspended_agent_is_refused_in_every_mode_for_every_action(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit().message_id)
    store.transact(lambda tx: controls.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
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
    store.transact(lambda tx: tx.write(update(table(Token)).values(**dead)))
    for action in (Action.SEND, Action.READ):
        with pytest.raises(Unauthenticated):
            act(desk, action, prepared.id)
    assert claim(store) == []


class Insider(RuleBasedStateMachine):
    """An agent that tries everything it can, in any order, while people decide, suspend and resume."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.fresh = Fresh(self.clock)
        self.store = self.fresh.store
        self.desk = make_desk(self.store, mode=Mode.GATED_SEND, **(WIDE | {"limit_run": 6}))
        self.mode = Mode.GATED_SEND
        self.messages: list[int] = []
        self.approved: set[int] = set()
        self.free: set[int] = set()
        self.started: set[int] = set()
        self.suspended = False

    def teardown(self) -> None:
        self.fresh.close()

    # --- what the agent does ---

    @rule(
        to=st.sampled_from(["jane@example.com", "joe@example.org"]),
        run=st.sampled_from([None, "r1", "r2"]),
        reply=st.booleans(),
        headers=st.sampled_from([{}, {"X-Priority": "1"}]),
    )
    def hands_in(self, to: str, run: str | None, reply: bool, headers: dict[str, str]) -> None:  # noqa: FBT001 - hypothesis names it
        self.clock.advance(seconds=1)
        more: dict[str, Any] = {"kind": Action.REPLY, "in_reply_to": "<x@example.com>"} if reply else {}
        try:
            answer = self.desk.submit(to, run=run, headers=headers, **more)
        except PostroomError:
            return
        if answer.message_id:
            self.messages.append(number(answer.message_id))
            if answer.status == "queued":
                assert self.mode in (Mode.MONITORED, Mode.AUTONOMOUS)
                self.free.add(self.messages[-1])

    @rule(action=st.sampled_from([Action.READ, Action.TAG]))
    def asks(self, action: Action) -> None:
        if self.messages:
            act(self.desk, action, self.messages[-1])

    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        if self.messages:
            which = data.draw(st.sampled_from(self.messages))
            try:
                self.store.transact(lambda tx: review.cancel(tx, which, actor=BOT))
            except Conflict:
                return

    @rule(data=st.data(), approve=st.booleans())
    def pretends_to_review(self, data: st.DataObject, approve: bool) -> None:  # noqa: FBT001 - hypothesis names it
        if self.messages:
            which = data.draw(st.sampled_from(self.messages))
            with pytest.raises(PostroomError):
                self.store.transact(lambda tx: review.decide(tx, review.Decision(which, approve=approve), actor=BOT))

    # --- what people and the desk do ---

    @rule(data=st.data(), approve=st.booleans())
    def a_human_decides(self, data: st.DataObject, approve: bool) -> None:  # noqa: FBT001 - hypothesis names it
        if self.messages:
            which = data.draw(st.sampled_from(self.messages))
            try:
                self.store.transact(lambda tx: review.decide(tx, review.Decision(which, approve=approve), actor=ALICE))
            except PostroomError:
                return
            if approve:
                self.approved.add(which)

    @rule(mode=st.sampled_from(list(Mode)))
    def a_human_changes_the_mode(self, mode: Mode) -> None:
        self.clock.advance(seconds=1)
        self.mode = mode
        change = update(MAILBOX).values(mode=mode.value, mode_since=self.clock.now())
        self.store.transact(lambda tx: tx.write(change))

    @rule()
    def a_human_pulls_or_lets_go_the_brake(self) -> None:
        if self.suspended:
            self.store.transact(lambda tx: controls.resume_agent(tx, "support-bot", reason="ok", actor=GAIL))
        else:
            self.store.transact(lambda tx: controls.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
        self.suspended = not self.suspended

    @rule(brake_between=st.booleans(), crash=st.booleans())
    def mail_leaves(self, brake_between: bool, crash: bool) -> None:  # noqa: FBT001 - hypothesis names it
        self.clock.advance(seconds=1)
        taken = claim(self.store)
        if brake_between:
            self.a_human_pulls_or_lets_go_the_brake()
        going = attempt(self.store, taken)
        assert not (going and self.suspended)
        for one in taken:
            if one.key in going:
                # promise 3: the mode let it, or a human did
                assert one.message_id in self.free | self.approved
                if one.message_id not in self.approved:
                    assert self.mode in (Mode.MONITORED, Mode.AUTONOMOUS)
                assert one.message_id not in self.started or one.attempts > 0
                self.started.add(one.message_id)
        if not crash:
            settle(self.store, [one for one in taken if one.key in going])

    @rule()
    def time_passes(self) -> None:
        self.clock.advance(micros=HOUR)
        self.store.transact(depart.reclaim)
        self.store.transact(review.release_due)
        self.store.transact(review.expire_due)

    # --- what never happens ---

    @invariant()
    def the_mode_is_what_people_made_it(self) -> None:
        assert self.store.row(select(MAILBOX.c.mode)) == (self.mode.value,)

    @invariant()
    def the_brake_is_where_people_left_it(self) -> None:
        assert self.store.row(select(AGENT.c.status)) == ("suspended" if self.suspended else "active",)

    @invariant()
    def figures_agree(self) -> None:
        pending = self.store.rows(select(REVIEW.c.id).where(REVIEW.c.status == "pending"))
        assert self.store.look(lambda tx: tx.total("desk", "", "pending")) == len(pending)
        r = RECIPIENT.c
        unpaid = select(r.n).where(r.status.in_(["queued", "deferred"]), r.charged.is_(False))
        assert self.store.look(lambda tx: tx.total("agent", "1", "waiting")) == len(self.store.rows(unpaid))


TestInsider = Insider.TestCase
TestInsider.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
