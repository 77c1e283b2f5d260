"""Operators come and go; on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest
from sqlalchemy import select

from core import minting
from core.demo.clock import FakeClock
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from core.flow import access, house, operators
from core.flow.operators import CLAIM_WITHIN, Founder
from core.ledger import log, people
from core.ledger.people import OperatorFacts
from core.ledger.store import Store
from core.ledger.tables import Operator, table
from core.rules.policy import Policy
from core.words import Actor, Role
from tests.desk import ALICE, DORA, GAIL, OLIVE, ROOT, make_desk
from tests.filing import last, told

AGENT = Actor("agent", "support-bot", frozenset(Role))
CODE, TOKEN = b"c" * 32, b"t" * 32


def founders(**roles: Role) -> list[Founder]:
    return [Founder(name, frozenset({role}), hashlib.sha256(name.encode()).digest()) for name, role in roles.items()]


def add(
    store: Store, name: str = "olga", roles: Iterable[str] = ("owner",), *, actor: Actor = ROOT, code: bytes = CODE
) -> OperatorFacts:
    return store.transact(lambda tx: operators.add(tx, name=name, roles=roles, claim_hash=code, actor=actor))


def confirm(store: Store, name: str = "olga", *, actor: Actor = GAIL) -> OperatorFacts:
    return store.transact(lambda tx: operators.confirm(tx, name=name, actor=actor))


def claim(store: Store, *, code: bytes = CODE, token: bytes = TOKEN) -> OperatorFacts:
    return store.transact(lambda tx: operators.claim(tx, claim_hash=code, token_hash=token))


def disable(store: Store, name: str, *, actor: Actor = ROOT) -> OperatorFacts:
    return store.transact(lambda tx: operators.disable(tx, name=name, actor=actor))


def who(store: Store, token: bytes = TOKEN) -> Actor | None:
    with store.read() as conn:
        try:
            return access.sign_in(conn, token, now=store.clock.now())
        except Unauthenticated:
            return None


# --- the first desk -----------------------------------------------------------------------------------------------


def test_a_first_desk_has_its_policy_its_operators_and_their_facts_in_the_log(store: Store) -> None:
    some = founders(root=Role.ADMIN, gail=Role.GOVERNANCE)
    store.transact(lambda tx: operators.first_desk(tx, some, policy=Policy()))
    assert told(store) == ["policy.changed", "operator.added", "operator.added"]
    assert who(store, some[1].token_hash) == Actor("operator", "gail")
    actor = who(store, some[1].token_hash)
    assert actor is not None
    assert actor.roles == {Role.GOVERNANCE}
    assert store.transact(house.policy) == (1, Policy())


def test_a_desk_that_is_there_is_never_founded_again(store: Store) -> None:
    some = founders(root=Role.ADMIN, gail=Role.GOVERNANCE)
    store.transact(lambda tx: operators.first_desk(tx, some, policy=Policy()))
    others = founders(eve=Role.ADMIN, mallory=Role.GOVERNANCE)
    with pytest.raises(Conflict, match="a desk here already"):
        store.transact(lambda tx: operators.first_desk(tx, others, policy=Policy()))
    with store.read() as conn:
        assert [one.name for one in people.operators(conn)] == ["gail", "root"]


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


def test_a_new_operator_claims_a_token_that_nobody_else_has_seen(store: Store) -> None:
    make_desk(store)
    code, token = minting.new_claim_code(), minting.new_operator_token()
    assert not add(store, "rita", ["reviewer"], code=code.digest).claimed
    assert claim(store, code=minting.digest(code.secret), token=token.digest).claimed
    assert who(store, minting.digest(token.secret)) == Actor("operator", "rita")
    assert told(store) == ["operator.added", "operator.signed_in"]
    assert last(store, "operator.signed_in").actor == "rita"


def test_a_code_is_good_once(store: Store) -> None:
    make_desk(store)
    add(store)
    claim(store)
    with pytest.raises(Unauthenticated):
        claim(store, token=b"another")
    assert who(store) is not None


def test_a_code_is_good_for_three_days_and_then_the_person_is_added_again(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    add(store)
    with pytest.raises(Conflict, match="already"):
        add(store, code=b"new")
    clock.advance(micros=CLAIM_WITHIN)
    with pytest.raises(Unauthenticated):
        claim(store)
    add(store, roles=["reviewer"], code=b"new")
    assert claim(store, code=b"new").roles == (Role.REVIEWER,)


def test_roles_that_answer_for_identities_count_only_once_governance_confirmed_them(store: Store) -> None:
    make_desk(store)
    added = add(store, roles=["owner", "reviewer", "deliverability"])
    assert (added.roles, added.unconfirmed) == ((Role.REVIEWER,), (Role.OWNER, Role.DELIVERABILITY))
    claim(store)
    before = who(store)
    assert before is not None
    assert before.roles == {Role.REVIEWER}
    assert confirm(store).confirmed_by == "gail"
    after = who(store)
    assert after is not None
    assert after.roles == {Role.REVIEWER, Role.OWNER, Role.DELIVERABILITY}
    event = last(store, "operator.confirmed")
    assert (event.actor, event.roles, event.confirmed) == (
        "gail", ["reviewer", "owner", "deliverability"], ["owner", "deliverability"],
    )  # fmt: skip


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
    with pytest.raises(Forbidden):
        confirm(store, actor=actor)


def test_nobody_confirms_their_own_roles(store: Store) -> None:
    make_desk(store)
    add(store, "gail2", ["governance"])
    with pytest.raises(Unauthenticated):
        confirm(store, "gail2", actor=Actor("operator", "Gail2", frozenset({Role.GOVERNANCE})))


def test_there_is_something_to_confirm_once(store: Store) -> None:
    make_desk(store)
    add(store)
    confirm(store)
    with pytest.raises(Conflict, match="no role that waits"):
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
    add(store, roles=["reviewer"])
    claim(store)
    disable(store, "olga")
    assert who(store) is None
    assert told(store)[-1] == "operator.disabled"
    with pytest.raises(Conflict, match="disabled"):
        disable(store, "olga")
    with pytest.raises(Conflict, match="already"):
        add(store, roles=["reviewer"], code=b"again")


def test_a_disabled_operators_code_opens_nothing_either(store: Store) -> None:
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
    confirm(store, "gina")
    with pytest.raises(Conflict, match="last operator"):
        disable(store, "gail")
    claim(store)
    assert disable(store, "gail").disabled_at == store.clock.now()


def test_who_is_not_there_is_not_found(store: Store) -> None:
    make_desk(store)
    with pytest.raises(NotFound):
        disable(store, "nobody")
    with pytest.raises(NotFound):
        confirm(store, "nobody")


def test_signing_in_is_kept(store: Store) -> None:
    make_desk(store)
    store.transact(lambda tx: operators.signed_in(tx, actor=ALICE, door="console"))
    assert last(store, "operator.signed_in").door == "console"
    with pytest.raises(Forbidden):
        store.transact(lambda tx: operators.signed_in(tx, actor=AGENT, door="console"))


def test_the_desk_keeps_no_secret_of_an_operator(store: Store) -> None:
    make_desk(store)
    code, token = minting.new_claim_code(), minting.new_operator_token()
    add(store, code=code.digest)
    claim(store, code=code.digest, token=token.digest)
    with store.read() as conn:
        rows = repr([tuple(row) for row in conn.execute(select(table(Operator)))])
        entries = repr([entry.as_json() for entry in log.read(conn, after=0)])
    for secret in (code.secret, token.secret):
        assert secret not in rows + entries
    assert secret not in repr(token)


def test_minted_secrets_say_whose_they_are_and_are_never_alike() -> None:
    assert minting.new_agent_token().secret.startswith("pra_")
    assert minting.new_operator_token().secret.startswith("pro_")
    assert minting.new_claim_code().secret.startswith("prc_")
    assert minting.new_webhook_secret().startswith("whsec_")
    assert len({minting.new_agent_token().secret for _ in range(100)}) == 100
