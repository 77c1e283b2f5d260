"""Tokens of agents, and that no sequence of what agents can do changes what they may do; on both databases."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select, update

from core.db import directory, gate_queries
from core.db.store import Store
from core.db.tables import AGENT, CONSENT, MAILBOX, OPERATOR, POLICY_VERSION, RUN, SIGNOFF, STREAM, SUPPRESSION, TOKEN
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from core.ids import read_id
from core.model import Actor, ContentClass, Mode, Role, Scope
from core.rules.issuance import Kind
from core.security import credentials
from core.services.identity import mailbox_settings, mailboxes, operators, retirement, tokens
from core.services.identity.mailbox_settings import Change
from core.services.identity.tokens import LONGEST_LIFE, USUAL_LIFE, Grant, Issued
from core.services.sending import review
from core.services.sending.limits import OPEN_RUNS_HOUR
from tests.factories import effort
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, DORA, GAIL, OLIVE, ROOT, WIDE, Bench, add_mailbox, make_desk
from tests.factories.records import SALES, filing, last, request, told

SUPPORT_BOT = Actor("agent", "support-bot", frozenset(Role))
"""An agent that claims every role there is."""
DIGESTS = (bytes([number // 256, number % 256]) * 16 for number in itertools.count(1))


def issue(store: Store, *, actor: Actor = GAIL, agent: str = "support-bot", **grant: Any) -> Issued:
    wanted, digest = Grant(**grant), next(DIGESTS)
    return store.transact(lambda tx: tokens.issue(tx, agent=agent, grant=wanted, token_hash=digest, actor=actor))


def delegate(store: Store, parent: int, *, actor: Actor = SUPPORT_BOT, **grant: Any) -> Issued:
    wanted, digest = Grant(**grant), next(DIGESTS)
    return store.transact(lambda tx: tokens.delegate(tx, parent=parent, grant=wanted, token_hash=digest, actor=actor))


def revoke(store: Store, token: int, *, actor: Actor = ALICE) -> int:
    return store.transact(lambda tx: tokens.revoke(tx, token=token, actor=actor, reason="done"))


def known(store: Store, token: int) -> directory.TokenRecord:
    with store.read() as conn:
        found = directory.token(conn, token)
    assert found is not None
    return found


# --- issuing ------------------------------------------------------------------------------------------------------


def test_governance_issues_a_token_for_a_working_day(store: Store) -> None:
    make_desk(store)
    issued = issue(store)
    assert issued.expires_at == store.clock.now() + USUAL_LIFE == store.clock.now() + 8 * HOUR
    event = last(store, "token.issued")
    assert (event.actor, event.token, event.scopes, event.test) == ("gail", issued.token, ["send", "read"], False)


def test_a_token_may_be_narrow_bound_and_a_test(store: Store) -> None:
    make_desk(store)
    token = known(store, issue(store, scopes=(Scope.READ,), run="run-7", user="ann@acme.test", test=True).token)
    assert (token.scopes, token.run_key, token.run_user, token.test) == (("read",), "run-7", "ann@acme.test", True)
    assert last(store, "token.issued").bound_run == "run-7"


@pytest.mark.parametrize("actor", [ALICE, OLIVE, DORA, ROOT, SUPPORT_BOT], ids=str)
def test_nobody_but_governance_issues_tokens(store: Store, actor: Actor) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        issue(store, actor=actor)


@pytest.mark.parametrize(
    "grant", [{"ttl": LONGEST_LIFE + 1}, {"ttl": 0}, {"scopes": ()}, {"run": ""}, {"run": "a\r\nBcc: x"}], ids=repr
)
def test_a_token_without_end_or_use_is_refused(store: Store, grant: dict[str, Any]) -> None:
    make_desk(store)
    with pytest.raises(Invalid):
        issue(store, **grant)


def test_a_token_ends_no_later_than_the_identity_it_opens(store: Store) -> None:
    ends = make_desk(store).store.clock.now() + 2 * DAY
    store.transact(lambda tx: tx.write(update(MAILBOX).values(expires_at=ends)))
    assert issue(store, ttl=30 * DAY).expires_at == ends


def test_a_token_lives_as_long_as_the_last_of_its_agents_identities(store: Store) -> None:
    desk = make_desk(store)
    now = store.clock.now()
    second = store.transact(lambda tx: add_mailbox(tx, agent="x", address=f"b@{DOMAIN}", stream=desk.stream_id)[1])
    ends = {desk.mailbox_id: now + DAY, second: now + 3 * DAY}
    for box, at in ends.items():
        change = update(MAILBOX).where(MAILBOX.c.id == box).values(agent_id=desk.agent_id, expires_at=at)
        store.transact(lambda tx, change=change: tx.write(change))  # type: ignore[misc]  # bound now
    assert issue(store, ttl=30 * DAY).expires_at == now + 3 * DAY


def test_who_has_no_active_mailbox_gets_no_token(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    request(store)
    with pytest.raises(Conflict, match="no active mailbox") as refused:
        issue(store, agent="sales-bot")
    assert refused.value.fix
    with pytest.raises(NotFound):
        issue(store, agent="nobody")
    clock.advance(micros=91 * DAY)
    with pytest.raises(Conflict, match="no active mailbox"):
        issue(store)


def test_a_suspended_agent_gets_no_token_and_passes_none_on(store: Store) -> None:
    make_desk(store)
    token = issue(store).token
    store.transact(lambda tx: tx.write(update(AGENT).values(status="suspended")))
    with pytest.raises(Conflict, match="suspended"):
        issue(store)
    with pytest.raises(Conflict, match="suspended"):
        delegate(store, token, run="run-1")


# --- revoking -----------------------------------------------------------------------------------------------------


def test_whoever_watches_revokes_a_token_and_all_that_was_made_from_it(store: Store) -> None:
    make_desk(store)
    parent = issue(store).token
    child = delegate(store, parent, run="run-1").token
    assert revoke(store, parent) == 2
    assert not known(store, parent).alive(store.clock.now())
    assert not known(store, child).alive(store.clock.now())
    assert told(store)[-2:] == ["token.revoked", "token.revoked"]
    with pytest.raises(Conflict, match="already"):
        revoke(store, parent)
    with pytest.raises(NotFound):
        revoke(store, 10**6)


@pytest.mark.parametrize("actor", [ROOT, SUPPORT_BOT], ids=str)
def test_neither_admin_nor_agent_revokes(store: Store, actor: Actor) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        revoke(store, issue(store).token, actor=actor)


def test_tokens_are_read_in_pages_the_newest_first(store: Store) -> None:
    make_desk(store)
    ids = [issue(store).token for _ in range(5)]
    with store.read() as conn:
        first = directory.tokens(conn, agent="support-bot", limit=3)
        rest = directory.tokens(conn, agent="support-bot", before=first[-1].id, limit=3)
    assert [one.id for one in (*first, *rest)][:5] == ids[::-1]


# --- delegating ---------------------------------------------------------------------------------------------------


def test_an_agent_narrows_its_own_token_to_one_run(store: Store) -> None:
    make_desk(store)
    parent = issue(store, ttl=HOUR, test=True)
    child = delegate(store, parent.token, scopes=(Scope.READ,), run="run-9", ttl=DAY)
    token = known(store, child.token)
    assert (token.scopes, token.run_key, token.test, token.parent_id) == (("read",), "run-9", True, parent.token)
    assert token.expires_at == parent.expires_at
    event = last(store, "token.delegated")
    assert (event.actor, event.token, event.parent) == ("agent:support-bot", child.token, parent.token)


def test_nothing_wider_is_passed_on(store: Store) -> None:
    make_desk(store)
    parent = issue(store, scopes=(Scope.READ,), run="run-1", user="ann").token
    with pytest.raises(Forbidden, match="lacks send"):
        delegate(store, parent)
    with pytest.raises(Forbidden, match="bound to its run"):
        delegate(store, parent, scopes=(Scope.READ,), run="run-2")
    with pytest.raises(Forbidden, match="bound to its user"):
        delegate(store, parent, scopes=(Scope.READ,), user="bob")
    with pytest.raises(Invalid, match="for one run"):
        delegate(store, issue(store).token)


def test_only_its_own_living_first_hand_token_is_passed_on(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    parent = issue(store).token
    for actor in (Actor("agent", "sales-bot"), Actor("operator", "support-bot", frozenset(Role)), GAIL):
        with pytest.raises(Forbidden):
            delegate(store, parent, actor=actor, run="run-1")
    child = delegate(store, parent, run="run-1").token
    with pytest.raises(Forbidden, match="cannot be delegated further"):
        delegate(store, child, run="run-1")
    clock.advance(micros=USUAL_LIFE)
    with pytest.raises(Unauthenticated):
        delegate(store, parent, run="run-1")


def test_delegating_buys_no_more_runs_than_the_token_itself_may_open(store: Store) -> None:
    make_desk(store)
    parent = issue(store).token
    for number in range(OPEN_RUNS_HOUR):
        delegate(store, parent, run=f"run-{number}")
    with pytest.raises(Conflict, match="runs within the hour"):
        delegate(store, parent, run="one more")


def test_a_token_bound_to_a_run_sends_in_it_however_many_were_delegated_from_it(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    bound = issue(store, run="run-1").token
    for _ in range(OPEN_RUNS_HOUR):
        delegate(store, bound, run="run-1")
    token = store.look(lambda tx: gate_queries.token(tx, bound))
    assert token is not None
    assert replace(desk, token=token).submit(run="run-1").status == "pending"
    assert store.row(select(RUN.c.key, RUN.c.implicit)) == ("run-1", False)


def test_a_delegated_token_says_the_end_of_its_parent_where_that_is_earlier(store: Store) -> None:
    """An agent that plans by the answer must not learn from a 401 that its tool's token has ended."""
    make_desk(store)
    parent = issue(store, ttl=HOUR)
    assert delegate(store, parent.token, run="run-1", ttl=2 * HOUR).expires_at == parent.expires_at
    assert last(store, "token.delegated").expires_at == parent.expires_at


def test_a_delegated_token_ends_with_its_parent_though_its_own_row_says_otherwise(
    store: Store, clock: FakeClock
) -> None:
    """A child that is delegated while its parent is being revoked is not among those that are revoked with it."""
    make_desk(store)
    parent = issue(store, ttl=HOUR).token
    child = delegate(store, parent, run="run-1", ttl=HOUR).token

    def alive() -> bool:
        found = store.look(lambda tx: gate_queries.token(tx, child))
        assert found is not None
        return found.alive(store.clock.now())

    def change(token: int, **values: Any) -> None:
        store.transact(lambda tx: tx.write(update(TOKEN).where(TOKEN.c.id == token).values(**values)))

    assert alive()
    change(parent, revoked_at=store.clock.now())
    assert not alive()
    change(parent, revoked_at=None)
    change(child, expires_at=store.clock.now() + DAY)
    assert alive()
    clock.advance(micros=HOUR)
    assert not alive()


def test_what_is_delegated_from_a_test_token_is_a_test_token_and_says_so(store: Store) -> None:
    make_desk(store)
    made = delegate(store, issue(store, test=True, user="ann").token, run="run-1")
    assert (made.test, made.run, made.user) == (True, "run-1", "ann")
    kept = store.look(lambda tx: gate_queries.token(tx, made.token))
    assert kept is not None
    assert kept.test  # or a tool of a test agent would send real mail
    assert last(store, "token.delegated").bound_run == "run-1"


# --- what agents can never do -------------------------------------------------------------------------------------

_GUARDED: Final = (MAILBOX, SIGNOFF, OPERATOR, AGENT, STREAM, POLICY_VERSION, SUPPRESSION, CONSENT)
_TURNS_AT_THE_GATE: Final = {"wake_at", "served_at", "waits_for"}


def _snapshot(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that says what an agent may do, but the mailbox's turn at the gate."""

    def rows(guarded: Table) -> list[tuple[Any, ...]]:
        columns = [column for column in guarded.c if column.name not in _TURNS_AT_THE_GATE]
        return [tuple(row) for row in store.rows(select(*columns).order_by(guarded.c[columns[0].name]))]

    return {kind.name: rows(kind) for kind in _GUARDED}


def _attempts(desk: Bench, n: int) -> list[Callable[[Transaction], object]]:
    """Every verb of the desk in an agent's hands; `n` varies the arguments."""
    store = desk.store
    mode, kind, now = list(Mode)[n % 5], list(Kind)[n % 3], store.clock.now()
    change = [
        Change(limits={"day": n}),
        Change(allow=["*"] * (n % 2)),
        Change(classes=list(ContentClass)[: n % 6]),
        Change(pending_expiry=HOUR),
        Change(display_name="x"),
        Change(),
    ][n % 6]
    address = (ADDRESS, SALES)[n % 2]
    digest, grant = next(DIGESTS), Grant(run=f"run-{n}")
    return [
        lambda tx: mailboxes.request(tx, filing(store, f"box{n}@{ADDRESS.partition('@')[2]}"), actor=SUPPORT_BOT),
        lambda tx: mailboxes.sign(tx, SALES, kind, actor=SUPPORT_BOT),
        lambda tx: mailboxes.veto(tx, SALES, kind, actor=SUPPORT_BOT, reason="no"),
        lambda tx: mailboxes.renew(tx, address, expires_at=now + DAY, reason="more", actor=SUPPORT_BOT),
        lambda tx: retirement.retire(tx, address, reason="gone", actor=SUPPORT_BOT),
        lambda tx: mailbox_settings.change_mode(tx, address, mode, reason="mine", actor=SUPPORT_BOT),
        lambda tx: mailbox_settings.change_limits(tx, address, change, reason="mine", actor=SUPPORT_BOT),
        lambda tx: mailbox_settings.change_webhook(
            tx, address, url=None, secret=None, reason="mine", actor=SUPPORT_BOT
        ),
        lambda tx: mailbox_settings.rotate_secret(tx, address, secret=b"x", reason="mine", actor=SUPPORT_BOT),
        lambda tx: operators.add(tx, name=f"eve{n}", roles=["reviewer"], actor=SUPPORT_BOT),
        lambda tx: operators.confirm(tx, name="alice", fingerprint=credentials.fingerprint(digest), actor=SUPPORT_BOT),
        lambda tx: operators.claim(tx, name="alice", token_hash=digest),
        lambda tx: operators.disable(tx, name="alice", actor=SUPPORT_BOT),
        lambda tx: tokens.issue(tx, agent="support-bot", grant=grant, token_hash=digest, actor=SUPPORT_BOT),
        lambda tx: tokens.revoke(tx, token=desk.token.id, actor=SUPPORT_BOT),
    ]


_STEPS: Final = st.lists(
    st.tuples(st.sampled_from(["submit", "cancel", "approve", "delegate", "attempt"]), st.integers(0, 10_000)),
    max_size=25,
)


def _step(desk: Bench, op: str, n: int, sent: list[int]) -> None:
    store = desk.store
    match op:
        case "submit":
            answer = desk.submit(f"p{n}@example.com", run=f"run-{n % 7}")
            sent += [item for item in [read_id("m", answer.message_id or "")] if item is not None]
        case "cancel" if sent:
            item = sent[n % len(sent)]
            store.transact(lambda tx: review.cancel(tx, item, actor=SUPPORT_BOT))
        case "approve" if sent:
            decision = review.Decision(sent[n % len(sent)], approve=n % 2 == 0)
            with pytest.raises(Forbidden):
                store.transact(lambda tx: review.decide(tx, decision, actor=SUPPORT_BOT))
        case "delegate":
            delegate(store, desk.token.id, run=f"run-{n}")
        case "attempt":
            attempts = _attempts(desk, n)
            with pytest.raises((Forbidden, Unauthenticated)):
                store.transact(attempts[n % len(attempts)])


def test_no_sequence_of_what_an_agent_can_do_changes_what_it_may_do(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    request(store)
    before = _snapshot(store)

    @settings(max_examples=effort.times(8, 60), deadline=None, suppress_health_check=list(HealthCheck))
    @given(_STEPS)
    def holds(steps: list[tuple[str, int]]) -> None:
        sent: list[int] = []
        for op, n in steps:
            # A message may be final already, and an hour has only so many runs; all else must go as it says.
            with contextlib.suppress(*([Conflict] if op in ("cancel", "delegate") else [])):
                _step(desk, op, n, sent)
        assert _snapshot(store) == before

    holds()
    with store.read() as conn:
        children = directory.tokens_alive(conn, now=store.clock.now(), parent=desk.token.id)
    assert all(set(child.scopes) <= set(desk.token.scopes) for child in children)


def test_every_verb_refuses_an_agent_whatever_roles_it_claims(store: Store) -> None:
    desk = make_desk(store)
    request(store)
    before = _snapshot(store), told(store)
    for n in range(30):
        for attempt in _attempts(desk, n):
            with pytest.raises((Forbidden, Unauthenticated)):
                store.transact(attempt)
    assert (_snapshot(store), told(store)) == before
