"""Who may do what: the table against the contract's sentences, and the refusals that name a way on."""

from __future__ import annotations

import itertools

import pytest

from core.errors import Forbidden, Invalid
from core.model import TIGHTENERS, Actor, Role
from core.rules.roles import (
    LOOSENS,
    MAY,
    Verb,
    check,
    check_first_desk,
    check_other,
    may,
    may_start,
    valid_roles,
)

TIGHTENING = [
    Verb.MESSAGE_REJECT,
    Verb.AGENT_SUSPEND,
    Verb.STREAM_PAUSE,
    Verb.LANE_PAUSE,
    Verb.DESK_STOP,
    Verb.MODE_LOWER,
    Verb.LIMITS_LOWER,
    Verb.ALLOW_NARROW,
    Verb.SUPPRESS,
    Verb.POLICY_TIGHTEN,
    Verb.TOKEN_REVOKE,
]
ONLY = {
    Verb.MESSAGE_APPROVE: {Role.REVIEWER},
    Verb.AGENT_RESUME: {Role.GOVERNANCE},
    Verb.MODE_RAISE: {Role.GOVERNANCE},
    Verb.LIMITS_WIDEN: {Role.GOVERNANCE},
    Verb.ALLOW_WIDEN: {Role.GOVERNANCE},
    Verb.TOKEN_ISSUE: {Role.GOVERNANCE},
    Verb.POLICY_LOOSEN: {Role.GOVERNANCE},
    Verb.OPERATOR_CONFIRM: {Role.GOVERNANCE},
    Verb.RUN_CONFIRM: {Role.OWNER, Role.GOVERNANCE},
    Verb.CONSENT_ADD: {Role.OWNER},
    Verb.RECIPIENT_ERASE: {Role.GOVERNANCE},
    Verb.STREAM_ADD: {Role.DELIVERABILITY},
    Verb.STREAM_CHANGE: {Role.DELIVERABILITY},
    Verb.STREAM_ROTATE: {Role.DELIVERABILITY},
    Verb.STREAM_RESUME: {Role.DELIVERABILITY},
    Verb.LANE_RESUME: {Role.DELIVERABILITY},
    Verb.UNSUPPRESS: {Role.DELIVERABILITY},
    Verb.DESK_START: {Role.GOVERNANCE, Role.ONCALL},
    Verb.AUDIT_EXPORT: {Role.AUDITOR},
    Verb.OPERATOR_ADD: {Role.ADMIN},
    Verb.OPERATOR_DISABLE: {Role.ADMIN},
}


def operator(*roles: Role, name: str = "ann") -> Actor:
    return Actor("operator", name, frozenset(roles))


def test_every_verb_has_its_row_and_every_row_somebody() -> None:
    assert set(MAY) == set(Verb)
    assert all(MAY.values())


@pytest.mark.parametrize("verb", TIGHTENING)
def test_tightening_is_open_to_everybody_who_watches_mail(verb: Verb) -> None:
    assert MAY[verb] == TIGHTENERS


@pytest.mark.parametrize(("verb", "roles"), list(ONLY.items()))
def test_loosening_is_for_the_roles_the_contract_names_and_no_other(verb: Verb, roles: set[Role]) -> None:
    assert MAY[verb] == roles


EVERYBODY = {Verb.MAILBOX_REQUEST, Verb.OPERATOR_ROTATE}
"""What any operator may do: ask for a mailbox, and change their own token."""


def test_admin_may_handle_operators_and_touch_nothing_else() -> None:
    allowed = {verb for verb in Verb if may(operator(Role.ADMIN), verb)}
    people = {Verb.OPERATOR_ADD, Verb.OPERATOR_DISABLE, Verb.OPERATOR_REVOKE}
    assert allowed == people | EVERYBODY | {Verb.DESK_READ, Verb.GATEWAY_LOG_READ}


def test_the_auditor_changes_nothing() -> None:
    allowed = {verb for verb in Verb if may(operator(Role.AUDITOR), verb)}
    reads = {
        Verb.DESK_READ, Verb.MESSAGE_READ, Verb.AUDIT_READ, Verb.AUDIT_EXPORT, Verb.TRACE_READ, Verb.GATEWAY_LOG_READ,
    }  # fmt: skip
    # A signature of the log's head changes nothing of the desk: it is what an auditor takes away.
    assert allowed == reads | EVERYBODY | {Verb.AUDIT_CHECKPOINT}


@pytest.mark.parametrize(("verb", "role"), list(itertools.product(Verb, Role)))
def test_check_agrees_with_the_table_for_every_role(verb: Verb, role: Role) -> None:
    if role in MAY[verb]:
        check(operator(role), verb)
        return
    with pytest.raises(Forbidden) as refused:
        check(operator(role), verb)
    assert refused.value.error == "forbidden"
    assert verb in refused.value.reason
    assert all(allowed in refused.value.reason for allowed in MAY[verb])
    assert refused.value.fix


@pytest.mark.parametrize(("kind", "verb"), list(itertools.product(["agent", "guard", "system", "recipient"], Verb)))
def test_nobody_but_an_operator_has_a_verb_whatever_roles_are_claimed(kind: str, verb: Verb) -> None:
    with pytest.raises(Forbidden):
        check(Actor(kind, "x", frozenset(Role)), verb)


def test_an_operator_without_roles_is_told_so() -> None:
    with pytest.raises(Forbidden, match=r"ann \(no role\) may not resume an agent: governance may"):
        check(operator(), Verb.AGENT_RESUME)


def test_who_suspended_an_agent_never_resumes_it_under_any_spelling() -> None:
    with pytest.raises(Forbidden):
        check_other(operator(Role.GOVERNANCE, name="Ann"), Verb.AGENT_RESUME, first="ann")


def test_another_person_resumes_it_and_anybody_after_a_guard() -> None:
    check_other(operator(Role.GOVERNANCE), Verb.AGENT_RESUME, first="bob")
    check_other(operator(Role.GOVERNANCE), Verb.AGENT_RESUME, first="")


@pytest.mark.parametrize(
    ("yes", "enough"),
    [
        ([], False),
        ([operator(Role.GOVERNANCE)], True),
        ([operator(Role.ONCALL)], False),
        ([operator(Role.ONCALL), operator(Role.ONCALL)], False),
        ([operator(Role.ONCALL), operator(Role.ONCALL, name="Ann")], False),
        ([operator(Role.ONCALL), operator(Role.ONCALL, name="bob")], True),
        ([operator(Role.ONCALL), operator(Role.REVIEWER, name="bob")], False),
        ([operator(Role.ONCALL), Actor("agent", "bot", frozenset({Role.GOVERNANCE}))], False),
    ],
)
def test_the_all_stop_ends_by_one_governance_or_two_people_on_call(yes: list[Actor], *, enough: bool) -> None:
    assert may_start(yes) == enough


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
def test_admin_stands_alone(role: Role) -> None:
    assert valid_roles(["admin"]) == {Role.ADMIN}
    with pytest.raises(Invalid, match="admin excludes"):
        valid_roles(["admin", role])


def test_other_roles_go_together() -> None:
    assert valid_roles(set(Role) - {Role.ADMIN}) == frozenset(Role) - {Role.ADMIN}


@pytest.mark.parametrize("roles", [[], ["root"], ["reviewer", "Reviewer"]])
def test_no_role_and_unknown_roles_are_refused_with_the_list(roles: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        valid_roles(roles)
    assert "governance" in (refused.value.fix or "")


def test_a_first_desk_wants_an_admin_and_a_governance_operator() -> None:
    check_first_desk({"root": frozenset({Role.ADMIN}), "gail": frozenset({Role.GOVERNANCE})})
    with pytest.raises(Invalid, match="governance"):
        check_first_desk({"root": frozenset({Role.ADMIN})})
    with pytest.raises(Invalid, match="admin and one with role governance"):
        check_first_desk({})


NEITHER = {
    Verb.MESSAGE_EDIT, Verb.STREAM_ROTATE, Verb.RECIPIENT_ERASE, Verb.AGENT_DRILL, Verb.OPERATOR_DISABLE,
    Verb.OPERATOR_REVOKE, Verb.MAILBOX_VETO, Verb.MAILBOX_RETIRE, Verb.EXPIRY_CHANGE, Verb.NAME_CHANGE,
    Verb.WEBHOOK_REPLAY, Verb.AUDIT_EXPORT, Verb.GATEWAY_LOG_READ,
}  # fmt: skip
"""Open to few, and yet nothing that a guarded desk asks its name for."""


def test_every_verb_that_few_may_use_is_one_that_a_guarded_desk_asks_about_or_is_known_not_to_be() -> None:
    assert {verb for verb in Verb if not MAY[verb] >= TIGHTENERS} == LOOSENS | NEITHER
    assert not LOOSENS & NEITHER


def test_what_everybody_who_watches_may_do_never_counts_as_loosening() -> None:
    assert not [verb for verb in LOOSENS if MAY[verb] >= TIGHTENERS]
    assert not LOOSENS.intersection(TIGHTENING)
    assert {verb for verb in Verb if verb.name.endswith(("_WIDEN", "_RAISE", "_RESUME", "_LOOSEN"))} <= LOOSENS
