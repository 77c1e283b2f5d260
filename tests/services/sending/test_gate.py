"""Acceptance and departure ask the same question: whatever changes while mail is queued, it fares as new mail would."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.db import gate_queries
from core.db.store import Store
from core.db.tables import MAILBOX, RECIPIENT, REVIEW, STREAM
from core.model import ContentClass, Mode, Outcome, Reason, Reply
from core.rules.addresses import parse_address
from core.rules.policy import Policy
from core.services.control import emergency
from core.services.control import policy as control_policy
from core.services.feedback import consents, suppressions
from core.services.identity import mailbox_settings
from core.services.sending import review
from core.services.sending.submit_result import Answer
from tests.factories import effort
from tests.factories.delivery import attempt, claim, events, number, pass_a_moment, settle
from tests.factories.desk import ADDRESS, ALICE, BOB, DOMAIN, GAIL, OLIVE, WIDE, Bench, add_mailbox, issue, make_desk
from tests.services.sending.test_delivery import depths_agree, states

pytestmark = pytest.mark.both_databases

PLAIN, COMMITMENT = ContentClass.TRANSACTIONAL, ContentClass.COMMITMENT
ONE, TWO = "ann@one.test", "bob@two.test"
_NUMBERS = itertools.count(1)


def apply(store: Store, **sections: Any) -> None:
    new = Policy.model_validate(sections)
    store.transact(lambda tx: control_policy.apply_policy(tx, new, reason="other times", actor=GAIL))


def reasons(store: Store, message: int) -> list[str]:
    row = store.row(select(REVIEW.c.reasons).where(REVIEW.c.id == message, REVIEW.c.status == "pending"))
    return [] if row is None else [one["code"] for one in row.reasons]


def approve(store: Store, message: int, actor: Any = ALICE) -> None:
    store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=actor))
    pass_a_moment(store)


def narrow(store: Store, *allow: str) -> None:
    store.transact(
        lambda tx: mailbox_settings.change_limits(
            tx, ADDRESS, mailbox_settings.Change(allow=list(allow)), reason="x", actor=GAIL
        )
    )


def protect(store: Store) -> None:
    store.transact(lambda tx: tx.write(update(STREAM).values(protected=True, owners=["somebody-else"])))


# --- one tightening at a time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tighten", "codes"),
    [
        (lambda store: narrow(store, "elsewhere.test"), ["allow_list"]),
        (
            lambda store: store.transact(lambda tx: tx.write(update(MAILBOX).values(classes=["reply"]))),
            ["class_not_signed_off"],
        ),
        (protect, ["protected"]),
        (lambda store: apply(store, classes={"hold": (PLAIN,)}), ["class"]),
        (lambda store: apply(store, consent={"require": (PLAIN,)}), ["consent"]),
    ],
    ids=["allow-list", "class", "protected", "policy", "consent"],
)
def test_queued_mail_goes_back_to_a_person_when_what_let_it_through_is_taken_away(
    store: Store, tighten: Callable[[Store], None], codes: list[str]
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit("jane@example.com").message_id)
    tighten(store)
    assert desk.submit("jane@example.com").status != "queued", "new mail is stopped"
    assert attempt(store, [one for one in claim(store) if one.message_id == message]) == set()
    assert reasons(store, message) == codes
    assert getattr(events(store, "email.pending")[-1], "message", None) == message
    depths_agree(store)
    approve(store, message)
    going = attempt(store, claim(store))
    assert {key[0] for key in going} == {message}, "a person saw the rule and said yes"


def test_what_the_allow_list_no_longer_names_ends_where_policy_blocks_it(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit([ONE, TWO])
    narrow(store, "two.test")
    apply(store, allow_list={"outside": "block"})
    pass_a_moment(store)
    going = attempt(store, claim(store))
    assert len(going) == 1
    rows = store.rows(select(RECIPIENT.c.address, RECIPIENT.c.status).order_by(RECIPIENT.c.n))
    assert [tuple(row) for row in rows] == [(ONE, "blocked"), (TWO, "sending")]
    assert [getattr(one, "error", None) for one in events(store, "email.blocked")] == ["not_allow_listed"]


def test_a_message_is_judged_as_a_whole_before_the_first_of_it_leaves(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit([ONE, TWO]).message_id)
    pass_a_moment(store)
    first, _ = claim(store)
    narrow(store, first.domain)
    assert attempt(store, [first]) == set(), "its other recipient is outside, which holds new mail to both"
    assert states(store) == ["pending", "pending"]
    assert reasons(store, message) == ["allow_list"]


def test_a_delivery_that_had_started_when_its_message_went_back_is_settled(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit([ONE, TWO])
    pass_a_moment(store)
    first, second = claim(store)
    assert attempt(store, [first]) == {first.key}
    narrow(store, "elsewhere.test")
    assert attempt(store, [second]) == set()
    settle(store, [first], reply=Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example"))
    assert sorted(states(store)) == ["deferred", "pending"]
    depths_agree(store)


def test_answers_that_would_go_outside_the_allow_list_are_held_at_both_ends(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"allow": ["example.com", "partner.test"]}))
    outside = ("eve@evil.test", "x%evil.test@example.com", "eve@example.com.evil.test", f"eve@not-{DOMAIN}")
    for text in outside:
        answer = desk.submit("jane@example.com", reply_to=parse_address(text))
        assert (answer.status, [one.code for one in answer.reasons]) == ("pending", ["reply_to"]), text
    assert desk.submit("jane@example.com", reply_to=parse_address(f"other@{DOMAIN}")).status == "queued"
    message = number(desk.submit("jane@example.com", reply_to=parse_address("ann@partner.test")).message_id)
    narrow(store, "example.com")
    pass_a_moment(store)
    attempt(store, mine(store, message))
    assert reasons(store, message) == ["reply_to"]


def test_messages_of_one_turn_share_a_decision_only_if_nothing_tells_them_apart(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    both = parse_address(TWO)
    plain = [number(desk.submit(to).message_id) for to in (ONE, "amy@one.test")]
    held = [
        number(desk.submit(TWO).message_id),
        number(desk.submit([ONE, TWO]).message_id),
        number(desk.submit(ONE, reply_to=both).message_id),
        number(desk.submit(ONE, content_class=ContentClass.NOTIFICATION).message_id),
    ]
    narrow(store, "one.test")
    apply(store, classes={"hold": (ContentClass.NOTIFICATION,)})
    claimed = []
    while flying := claim(store):
        claimed += flying
        pass_a_moment(store)
    assert {key[0] for key in attempt(store, claimed)} == set(plain)
    assert [reasons(store, message) for message in held] == [["allow_list"], ["allow_list"], ["reply_to"], ["class"]]


# --- a person's approval covers what the person saw -----------------------------------------------------------------


def test_a_policy_that_is_tightened_after_an_approval_asks_once_more_and_names_its_rule(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    message = number(desk.submit().message_id)
    approve(store, message)
    apply(store, classes={"hold": (PLAIN,)})
    assert attempt(store, claim(store)) == set()
    assert reasons(store, message) == ["class"], "the mode was approved and is not asked again"
    approve(store, message)
    assert len(attempt(store, claim(store))) == 1


def test_what_the_reviewer_saw_does_not_hold_again_and_two_rules_do_not_alternate(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **(WIDE | {"allow": ["elsewhere.test"]}))
    message = number(desk.submit().message_id)
    assert reasons(store, message) == ["mode", "allow_list"]
    approve(store, message)
    apply(store, classes={"hold": (PLAIN,)})
    assert attempt(store, claim(store)) == set()
    approve(store, message)
    protect(store)
    assert attempt(store, claim(store)) == set()
    assert reasons(store, message) == ["protected"]
    approve(store, message)
    assert len(attempt(store, claim(store))) == 1


def test_another_recipient_that_falls_outside_is_a_new_rule(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"allow": ["two.test"]}))
    message = number(desk.submit([ONE, TWO]).message_id)
    approve(store, message)
    narrow(store, "elsewhere.test")
    assert attempt(store, claim(store)) == set()
    assert reasons(store, message) == ["allow_list"]


def test_a_lower_mode_does_not_ask_again_for_what_a_person_approved(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    approve(store, number(desk.submit().message_id))
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="read_only", mode_since=tx.now)))
    assert len(attempt(store, claim(store))) == 1


def test_a_class_that_comes_to_need_two_people_needs_them_of_mail_that_one_approved(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    message = number(desk.submit().message_id)
    approve(store, message)
    apply(store, review={"four_eyes": (PLAIN,)})
    assert attempt(store, claim(store)) == set()
    assert reasons(store, message) == ["four_eyes"]
    approve(store, message)
    assert claim(store) == []
    approve(store, message, BOB)
    assert len(attempt(store, claim(store))) == 1


def test_an_approval_from_before_rules_were_recorded_covers_what_its_reasons_name(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **(WIDE | {"allow": ["elsewhere.test"]}))
    message = number(desk.submit().message_id)
    old = [{"code": "mode", "text": "m"}, {"code": "allow_list", "text": "a"}]
    store.transact(lambda tx: tx.write(update(REVIEW).values(reasons=old, settled=None)))
    approve(store, message)
    assert len(attempt(store, claim(store))) == 1


# --- anything that can change ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """What a change may touch: one agent's mailbox on a stream of its own."""

    desk: Bench
    address: str
    agent: str
    domain: str

    @property
    def store(self) -> Store:
        return self.desk.store

    def mailbox(self, **values: Any) -> None:
        self.store.transact(
            lambda tx: tx.write(update(MAILBOX).where(MAILBOX.c.id == self.desk.mailbox_id).values(**values))
        )

    def stream(self, **values: Any) -> None:
        self.store.transact(
            lambda tx: tx.write(update(STREAM).where(STREAM.c.id == self.desk.stream_id).values(**values))
        )

    def suppress(self, *listed: str) -> None:
        for address in listed:
            entry = suppressions.Entry(address=address, stream=self.domain)
            self.store.transact(lambda tx, one=entry: suppressions.add(tx, one, actor=ALICE))  # type: ignore[misc]  # bound now

    def withdraw(self) -> None:
        for address in (ONE, TWO):
            self.store.transact(lambda tx, to=address: consents.withdraw(tx, to, stream=self.domain, actor=ALICE))  # type: ignore[misc]  # bound now

    def policy(self, **sections: Any) -> None:
        apply(self.store, **sections)


Change = Callable[[World], object]
CHANGES: Final[dict[str, Change]] = {
    "allow-list of one": lambda world: world.mailbox(allow=["one.test"]),
    "allow-list of none": lambda world: world.mailbox(allow=["ann@elsewhere.test"]),
    "allow-list of both": lambda world: world.mailbox(allow=["one.test", "bob@two.test"]),
    "classes taken away": lambda world: world.mailbox(classes=["reply"]),
    "stream protected": lambda world: world.stream(protected=True, owners=["somebody-else"]),
    "stream protected and owned": lambda world: world.stream(protected=True, owners=[world.agent]),
    "policy holds the class": lambda world: world.policy(classes={"hold": (PLAIN,)}),
    "policy holds another": lambda world: world.policy(classes={"hold": (COMMITMENT,)}),
    "policy blocks outsiders": lambda world: world.policy(allow_list={"outside": "block"}),
    "consent needed": lambda world: world.policy(consent={"require": (PLAIN,)}),
    "consent needed or blocked": lambda world: world.policy(
        consent={"require": (PLAIN,), "missing": "block"}
    ),
    "consent withdrawn": lambda world: world.withdraw(),
    "one suppressed": lambda world: world.suppress(ONE),
    "both suppressed": lambda world: world.suppress(ONE, TWO),
    "suspended": lambda world: world.store.transact(
        lambda tx: emergency.suspend_agent(tx, world.agent, reason="odd", actor=ALICE)
    ),
    "mailbox expired": lambda world: world.mailbox(expires_at=world.store.clock.now()),
    "mailbox retired": lambda world: world.mailbox(status="retired"),
    "mode gated_send": lambda world: world.mailbox(mode="gated_send"),
    "mode gated_all": lambda world: world.mailbox(mode="gated_all"),
    "mode read_only": lambda world: world.mailbox(mode="read_only"),
    "mode monitored": lambda world: world.mailbox(mode="monitored"),
    "desk stopped": lambda world: world.store.transact(lambda tx: emergency.stop(tx, reason="odd", actor=ALICE)),
}  # fmt: skip
ONE_OF: Final = st.lists(st.sampled_from(sorted(CHANGES)), max_size=3, unique=True)
WAITS: Final = {"agent_suspended", "mailbox_not_active", "desk_stopped"}
ENDS: Final = {"recipients_suppressed", "not_allow_listed", "consent_required"}


def another(desk: Bench, mode: Mode) -> World:
    """A mailbox of a new agent on a new stream, with consent of everybody it will write to."""
    n = next(_NUMBERS)
    domain, agent, store = f"bot{n}.acme.test", f"bot-{n}", desk.store

    def build(tx: Any) -> tuple[int, int, int]:
        stream = tx.create(
            STREAM,
            {"domain": domain, "route": "smtp://127.0.0.1:2525", "created_at": tx.now, "warm": True, "owners": []},
        )
        ids = add_mailbox(tx, agent=agent, address=f"help@{domain}", stream=stream, mode=mode, **WIDE)
        return (stream, *ids)

    stream_id, agent_id, mailbox_id = store.transact(build)
    for address in (ONE, TWO):
        entry = consents.Entry(subject=address, basis="opt_in", source="form", stream=domain)
        store.transact(lambda tx, one=entry: consents.add(tx, one, actor=OLIVE))  # type: ignore[misc]  # bound now
    token = issue(store, agent_id, secret=agent)
    bench = replace(desk, agent_id=agent_id, stream_id=stream_id, mailbox_id=mailbox_id, token=token)
    return World(bench, f"help@{domain}", agent, domain)


def status_of(store: Store, message: int) -> list[str]:
    r = RECIPIENT.c
    return [row.status for row in store.rows(select(r.status).where(r.message_id == message).order_by(r.n))]


STILL: Final = {"suspended", "mailbox expired", "mailbox retired", "desk stopped"}
"""Nothing of theirs is attempted, whatever else new mail would hear first."""


def expected(new: Answer, changes: list[str]) -> list[str]:
    """How queued mail to two people must stand after its attempt, by what new mail to them hears."""
    if STILL & set(changes):
        return ["queued", "queued"]
    if new.status == "blocked" and new.error in WAITS and "protected" not in (new.reason or ""):
        return ["queued", "queued"]
    if new.status == "blocked" and new.error in ENDS:
        return ["blocked", "blocked"]
    rest = "sending" if new.status == "queued" else "pending"
    return ["blocked" if one.status == "blocked" and new.status != "blocked" else rest for one in new.recipients]


@settings(max_examples=effort.times(10, 100), deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=ONE_OF, claimed_before=st.booleans())
def test_queued_mail_fares_as_new_mail_would_whatever_has_changed(
    store: Store, changes: list[str], claimed_before: bool  # noqa: FBT001 - hypothesis hands it over
) -> None:  # fmt: skip
    with _examples(store) as desk:
        world = another(desk, Mode.AUTONOMOUS)
        old = number(world.desk.submit([ONE, TWO], sender=world.address, content_class=PLAIN).message_id)
        taken = mine(store, old) if claimed_before else []
        for change in changes:
            CHANGES[change](world)
        pass_a_moment(store)
        store.clock.advance(seconds=2)  # type: ignore[attr-defined]  # a door remembers a mailbox for a second
        new = world.desk.submit([ONE, TWO], sender=world.address, content_class=PLAIN)
        held = new
        if new.error == "action_blocked" or "protected" in (new.reason or ""):
            # such an answer names no recipient; what was accepted before is held, as gated_all holds what is new
            was = store.rows(select(MAILBOX.c.mode).where(MAILBOX.c.id == world.desk.mailbox_id))[0].mode
            kept = store.rows(select(STREAM.c.protected).where(STREAM.c.id == world.desk.stream_id))[0].protected
            world.mailbox(mode="gated_all")
            world.stream(protected=False)
            store.clock.advance(seconds=2)  # type: ignore[attr-defined]  # as above
            held = world.desk.submit([ONE, TWO], sender=world.address, content_class=PLAIN)
            world.mailbox(mode=was)
            world.stream(protected=kept)
        attempt(store, taken or mine(store, old))
        assert status_of(store, old) == expected(held, changes), (changes, new, held)
        if new.status == "pending":
            assert reasons(store, old) == [reason.code for reason in new.reasons]


@settings(max_examples=effort.times(10, 100), deadline=None, suppress_health_check=list(HealthCheck))
@example(before=["allow-list of none"], after=["one suppressed"])  # the reason counts two, then one of the two
@given(before=ONE_OF, after=ONE_OF)
def test_approved_mail_leaves_exactly_when_new_mail_would_hear_nothing_that_the_reviewer_did_not_see(
    store: Store, before: list[str], after: list[str]
) -> None:
    with _examples(store) as desk:
        world = another(desk, Mode.GATED_SEND)
        for change in before:
            CHANGES[change](world)
        store.clock.advance(seconds=2)  # type: ignore[attr-defined]  # a door remembers a mailbox for a second
        first = world.desk.submit([ONE, TWO], sender=world.address, content_class=PLAIN)
        if first.status != "pending":
            return
        old = number(first.message_id)
        approve(store, old)
        for change in after:
            if change not in before:  # consent is withdrawn once, an agent is suspended once
                CHANGES[change](world)
        store.clock.advance(seconds=2)  # type: ignore[attr-defined]  # as above
        alive = [one.address for one in first.recipients if one.status != "blocked"]  # whom the policy of then let in
        new = world.desk.submit(alive, sender=world.address, content_class=PLAIN, run="run-2")
        attempt(store, mine(store, old))
        fresh = [r for r in new.reasons if r.code != "mode" and not any(_covers(one, r) for one in first.reasons)]
        stands = [one for one in status_of(store, old) if one != "blocked"]
        if new.status == "blocked" and new.error in WAITS and "protected" not in (new.reason or ""):
            assert set(stands) <= {"queued"}
        elif new.status == "blocked" and new.error in ENDS:
            assert stands == []
        elif new.status == "blocked":
            assert "sending" not in stands or new.error == "action_blocked"
        elif stands:
            assert set(stands) == {"pending" if fresh else "sending"}, (before, after, first, new)


def _covers(seen: Reason, later: Reason) -> bool:
    """Whether who read the one has read the other: the same rule, about nobody that the first did not name."""
    if seen.code != later.code:
        return False
    return seen.text == later.text or (bool(_named(later)) and _named(later) <= _named(seen))


def _named(reason: Reason) -> set[str]:
    counted = reason.text.split()[0]
    if counted.isdecimal():  # "1 recipient is outside": of the two, only TWO can be outside alone
        return {ONE, TWO} if int(counted) > 1 else {TWO}
    return {ONE, TWO} if " more" in reason.text else {one for one in (ONE, TWO) if one in reason.text}


def mine(store: Store, message: int) -> list[Any]:
    taken: list[Any] = []
    for _ in range(2):  # two lanes, and a pace for each
        pass_a_moment(store)
        taken += [one for one in claim(store) if one.message_id == message]
    return taken


@contextlib.contextmanager
def _examples(store: Store) -> Iterator[Bench]:
    """The desk of all examples, put back after each, also after one that fails."""
    try:
        yield _common_desk(store)
    finally:
        _start_again(store)


def _common_desk(store: Store) -> Bench:
    """The desk of all examples; made by the first of them."""
    known = _DESKS.get(id(store))
    if known is None or known[0] is not store:
        known = _DESKS[id(store)] = (store, make_desk(store, mode=Mode.AUTONOMOUS, **WIDE))
    return known[1]


_DESKS: Final[dict[int, tuple[Store, Bench]]] = {}


def _start_again(store: Store) -> None:
    """Policy and desk as they were, and nothing left to claim."""
    store.transact(lambda tx: emergency.start(tx, reason="fine", actor=GAIL) if _stopped(tx) else None)
    apply(store)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(status="retired")))


def _stopped(tx: Any) -> bool:
    return gate_queries.desk(tx).stopped_at is not None
