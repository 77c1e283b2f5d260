"""Operators come and go; on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest
from sqlalchemy import select

from core.db import audit_log, directory
from core.db.directory import OperatorFacts
from core.db.store import Store
from core.db.tables import OPERATOR
from core.demo.clock import FakeClock
from core.durations import DAY
from core.errors import AccessEnded, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from core.model import Actor, Role
from core.rules.policy import Policy
from core.security import credentials
from core.services import access, context
from core.services.identity import operators
from core.services.identity.operators import CLAIM_EVERY, CLAIM_WITHIN, Founder
from tests.factories.desk import ALICE, DORA, GAIL, OLIVE, ROOT, make_desk
from tests.factories.records import last, told

AGENT = Actor("agent", "support-bot", frozenset(Role))
TOKEN, OTHER = b"t" * 32, b"o" * 32


def founders(**roles: Role) -> list[Founder]:
    return [Founder(name, frozenset({role}), hashlib.sha256(name.encode()).digest()) for name, role in roles.items()]


def add(store: Store, name: str = "olga", roles: Iterable[str] = ("owner",), *, actor: Actor = ROOT) -> OperatorFacts:
    return store.transact(lambda tx: operators.add(tx, name=name, roles=roles, actor=actor))


def claim(store: Store, name: str = "olga", *, token: bytes = TOKEN) -> OperatorFacts:
    return store.transact(lambda tx: operators.claim(tx, name=name, token_hash=token))


def confirm(store: Store, name: str = "olga", *, token: bytes = TOKEN, actor: Actor = GAIL) -> OperatorFacts:
    seen = credentials.fingerprint(token)
    return store.transact(lambda tx: operators.confirm(tx, name=name, fingerprint=seen, actor=actor))


def hired(
    store: Store, name: str = "olga", roles: Iterable[str] = ("owner",), *, token: bytes = TOKEN
) -> OperatorFacts:
    add(store, name, roles)
    claim(store, name, token=token)
    return confirm(store, name, token=token)


def disable(store: Store, name: str, *, actor: Actor = ROOT) -> OperatorFacts:
    return store.transact(lambda tx: operators.disable(tx, name=name, actor=actor))


def who(store: Store, token: bytes = TOKEN) -> Actor | None:
    with store.read() as conn:
        try:
            return access.sign_in(conn, token, now=store.clock.now())
        except Unauthenticated:
            return None


def people_of(store: Store, name: str) -> OperatorFacts:
    with store.read() as conn:
        found = directory.operator(conn, name)
    assert found is not None
    return found


# --- the first desk -----------------------------------------------------------------------------------------------


def test_a_first_desk_has_its_policy_its_operators_and_their_facts_in_the_log(store: Store) -> None:
    some = founders(root=Role.ADMIN, gail=Role.GOVERNANCE)
    store.transact(lambda tx: operators.first_desk(tx, some, policy=Policy()))
    assert told(store) == ["policy.changed", "operator.added", "operator.added"]
    assert who(store, some[1].token_hash) == Actor("operator", "gail")
    actor = who(store, some[1].token_hash)
    assert actor is not None
    assert actor.roles == {Role.GOVERNANCE}
    assert store.transact(context.current_policy) == (1, Policy())


def test_a_desk_that_is_there_is_never_founded_again(store: Store) -> None:
    some = founders(root=Role.ADMIN, gail=Role.GOVERNANCE)
    store.transact(lambda tx: operators.first_desk(tx, some, policy=Policy()))
    others = founders(eve=Role.ADMIN, mallory=Role.GOVERNANCE)
    with pytest.raises(Conflict, match="a desk already exists"):
        store.transact(lambda tx: operators.first_desk(tx, others, policy=Policy()))
    with store.read() as conn:
        assert [one.name for one in directory.operators(conn)] == ["gail", "root"]


@pytest.mark.parametrize(
    "some",
    [
        founders(root=Role.ADMIN),
        founders(gail=Role.GOVERNANCE, alice=Role.REVIEWER),
        founders(root=Role.ADMIN, gail=Role.GOVERNANCE, Gail=Role.REVIEWER),
        founders(system=Role.ADMIN, gail=Role.GOVERNANCE),
        [Founder("root", frozenset({Role.ADMIN, Role.GOVERNANCE}), b"x")],
    ],
    ids=["no governance", "no admin", "one person twice", "a reserved name", "admin beside another role"],
)
def test_a_first_desk_that_could_not_work_is_refused(store: Store, some: list[Founder]) -> None:
    with pytest.raises(Invalid):
        store.transact(lambda tx: operators.first_desk(tx, some, policy=Policy()))
    assert told(store) == []


# --- adding, confirming, claiming ---------------------------------------------------------------------------------


def test_an_admin_a_person_and_governance_make_an_operator(store: Store) -> None:
    make_desk(store)
    added = add(store, "rita", ["reviewer"])
    assert (added.roles, added.unconfirmed, added.claimed) == ((), (Role.REVIEWER,), False)
    assert not claim(store, "rita").claimed
    assert who(store) is None
    assert confirm(store, "rita").roles == (Role.REVIEWER,)
    assert who(store) == Actor("operator", "rita")
    assert told(store) == ["operator.added", "operator.claimed", "operator.confirmed"]
    claimed, event = last(store, "operator.claimed"), last(store, "operator.confirmed")
    assert (claimed.actor, claimed.fingerprint) == ("system:claim", credentials.fingerprint(TOKEN))
    assert (event.actor, event.confirmed, event.fingerprint) == ("gail", ["reviewer"], credentials.fingerprint(TOKEN))


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_an_admin_alone_gets_no_second_token_whatever_role_they_hand_out(store: Store, role: str) -> None:
    """The case that was found: the admin adds a reviewer, claims it, and approves what another admin would."""
    make_desk(store)
    add(store, "mallory", [role])
    claim(store, "mallory")
    with pytest.raises(Unauthenticated, match="not confirmed yet"), store.read() as conn:
        access.sign_in(conn, TOKEN, now=store.clock.now())
    with pytest.raises(Forbidden):
        confirm(store, "mallory", actor=ROOT)
    assert people_of(store, "mallory").roles == ()


def test_only_the_token_whose_fingerprint_was_read_out_is_confirmed(store: Store) -> None:
    make_desk(store)
    add(store)
    claim(store)
    with pytest.raises(Conflict, match="not the fingerprint"):
        confirm(store, token=OTHER)
    assert who(store) is None


def test_a_later_claim_takes_the_place_of_an_earlier_and_both_are_told(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    add(store)
    claim(store, token=OTHER)
    with pytest.raises(Conflict, match="less than a minute ago"):
        claim(store)
    clock.advance(micros=CLAIM_EVERY)
    claim(store)
    assert last(store, "operator.claimed").replaces == credentials.fingerprint(OTHER)
    with pytest.raises(Conflict, match="not the fingerprint"):
        confirm(store, token=OTHER)
    confirm(store)
    assert who(store) is not None
    assert who(store, OTHER) is None


def test_a_token_that_is_in_use_is_not_taken_again(store: Store) -> None:
    make_desk(store)
    hired(store)
    with pytest.raises(Conflict, match="already in use"):
        store.transact(lambda tx: operators.rotate(tx, token_hash=TOKEN, actor=ALICE))
    add(store, "rita")
    with pytest.raises(Conflict, match="already in use"):
        claim(store, "rita")


def test_a_fingerprint_is_read_whatever_its_capitals_and_dashes(store: Store) -> None:
    make_desk(store)
    add(store)
    claim(store)
    spoken = credentials.fingerprint(TOKEN).lower().replace("-", " ")
    store.transact(lambda tx: operators.confirm(tx, name="olga", fingerprint=spoken, actor=GAIL))


@pytest.mark.parametrize("name", ["nobody", "alice", "gail"])
def test_nobody_claims_for_who_has_a_token_or_is_not_there(store: Store, name: str) -> None:
    make_desk(store)
    with pytest.raises(Unauthenticated):
        claim(store, name)
    assert told(store) == []


def test_a_claim_waits_three_days_and_then_the_person_claims_again(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    add(store)
    claim(store)
    with pytest.raises(Conflict, match="already"):
        add(store)
    clock.advance(micros=CLAIM_WITHIN)
    with pytest.raises(Conflict, match="no claimed token"):
        confirm(store)
    add(store, roles=["reviewer"])
    claim(store)
    assert confirm(store).roles == (Role.REVIEWER,)


# --- rotating, revoking -------------------------------------------------------------------------------------------


def test_an_operator_replaces_their_token_and_the_old_one_ends(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    hired(store, roles=["reviewer"])
    olga = who(store)
    assert olga is not None
    store.transact(lambda tx: operators.rotate(tx, token_hash=OTHER, actor=olga, ttl=DAY))
    assert who(store) is None
    assert who(store, OTHER) == olga
    with pytest.raises(AccessEnded, match="revoked or replaced"):
        store.transact(lambda tx: operators.rotate(tx, token_hash=b"third", actor=olga))
    clock.advance(micros=DAY)
    assert who(store, OTHER) is None
    claim(store)  # a token that has ended is claimed anew, and confirmed anew
    assert who(store) is None
    confirm(store)
    assert who(store) == olga


def test_a_lost_token_is_revoked_and_claimed_and_confirmed_again(store: Store) -> None:
    make_desk(store)
    hired(store, roles=["reviewer"])
    with pytest.raises(Forbidden):
        store.transact(lambda tx: operators.revoke(tx, name="olga", reason="lost", actor=ALICE))
    store.transact(lambda tx: operators.revoke(tx, name="olga", reason="lost", actor=ROOT))
    assert who(store) is None
    claim(store, token=OTHER)
    assert who(store, OTHER) is None
    assert confirm(store, token=OTHER).roles == (Role.REVIEWER,)


def test_the_last_governance_loses_no_token_and_takes_none_that_ends(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Conflict, match="last operator"):
        store.transact(lambda tx: operators.revoke(tx, name="gail", reason="lost", actor=ROOT))
    with pytest.raises(Conflict, match="last operator"):
        store.transact(lambda tx: operators.rotate(tx, token_hash=OTHER, ttl=DAY, actor=GAIL))
    store.transact(lambda tx: operators.rotate(tx, token_hash=OTHER, actor=GAIL))
    assert who(store, OTHER) == GAIL


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [ALICE, GAIL, OLIVE, DORA, AGENT], ids=str)
def test_only_an_admin_adds_and_disables(store: Store, actor: Actor) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        add(store, actor=actor)
    with pytest.raises(Forbidden):
        disable(store, "alice", actor=actor)
    assert told(store) == []


@pytest.mark.parametrize("actor", [ROOT, ALICE, OLIVE, DORA, AGENT], ids=str)
def test_only_governance_confirms_and_never_the_admin(store: Store, actor: Actor) -> None:
    make_desk(store)
    add(store)
    claim(store)
    with pytest.raises(Forbidden):
        confirm(store, actor=actor)


def test_there_is_something_to_confirm_once(store: Store) -> None:
    make_desk(store)
    hired(store)
    with pytest.raises(Conflict, match="no claimed token"):
        confirm(store)


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("eve", ["admin", "governance"]),
        ("eve", []),
        ("eve", ["boss"]),
        ("agent:eve", ["reviewer"]),
        ("Guard", ["reviewer"]),
        ("a b", ["reviewer"]),
        ("", ["reviewer"]),
    ],
)
def test_names_and_roles_that_would_mislead_are_refused(store: Store, name: str, roles: list[str]) -> None:
    make_desk(store)
    with pytest.raises(Invalid):
        add(store, name, roles)


def test_another_spelling_of_a_name_is_not_another_person(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Conflict, match="operator gail already"):
        add(store, "GAIL", ["reviewer"])


# --- going --------------------------------------------------------------------------------------------------------


def test_a_disabled_operators_token_opens_nothing(store: Store) -> None:
    make_desk(store)
    hired(store, roles=["reviewer"])
    disable(store, "olga")
    assert who(store) is None
    assert told(store)[-1] == "operator.disabled"
    with pytest.raises(Conflict, match="disabled"):
        disable(store, "olga")
    with pytest.raises(Conflict, match="already"):
        add(store, roles=["reviewer"])


def test_nobody_claims_for_who_is_disabled(store: Store) -> None:
    make_desk(store)
    add(store)
    disable(store, "olga")
    with pytest.raises(Unauthenticated):
        claim(store)


def test_the_last_admin_and_the_last_governance_stay(store: Store) -> None:
    make_desk(store)
    for name in ("root", "gail"):
        with pytest.raises(Conflict, match="last operator"):
            disable(store, name)
    add(store, "gina", ["governance"])
    claim(store, "gina")
    with pytest.raises(Conflict, match="last operator"):
        disable(store, "gail")
    confirm(store, "gina")
    assert disable(store, "gail").disabled_at == store.clock.now()


def test_who_is_not_there_is_not_found(store: Store) -> None:
    make_desk(store)
    with pytest.raises(NotFound):
        disable(store, "nobody")
    with pytest.raises(NotFound):
        confirm(store, "nobody")


def test_signing_in_is_kept(store: Store) -> None:
    make_desk(store)
    store.transact(lambda tx: operators.signed_in(tx, actor=ALICE, entry_point="console"))
    assert last(store, "operator.signed_in").door == "console"
    with pytest.raises(Forbidden):
        store.transact(lambda tx: operators.signed_in(tx, actor=AGENT, entry_point="console"))


def test_the_desk_keeps_no_secret_of_an_operator(store: Store) -> None:
    make_desk(store)
    token = credentials.new_operator_token()
    hired(store, token=token.digest)
    with store.read() as conn:
        rows = repr([tuple(row) for row in conn.execute(select(OPERATOR))])
        entries = repr([entry.as_json() for entry in audit_log.read(conn, after=0)])
    assert token.secret not in rows + entries + repr(token)


def test_minted_secrets_say_whose_they_are_and_are_never_alike() -> None:
    assert credentials.new_agent_token().secret.startswith("pra_")
    assert credentials.new_operator_token().secret.startswith("pro_")
    assert credentials.new_webhook_secret().startswith("whsec_")
    assert len({credentials.new_agent_token().secret for _ in range(100)}) == 100
