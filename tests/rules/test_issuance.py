"""Issuing an identity: what the record needs, who may sign it, what counts as wider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.durations import DAY
from core.errors import ChecklistOpen, Conflict, Forbidden, Invalid
from core.model import DEFAULT_CLASSES, Actor, ContentClass, Mode, Role
from core.rules.issuance import (
    CHECKLISTS,
    By,
    Finding,
    Kind,
    Request,
    Signoff,
    answers,
    complete,
    is_wider,
    is_wider_allow,
    may_sign,
    may_veto,
    missing,
    needed,
    stuck,
    waiting_for,
    widened,
    widened_allow,
    widened_classes,
)

REQUEST = Request(
    address="help@support-bot.acme.com",
    agent="support-bot",
    requester="rita",
    owner="olga",
    purpose="answers support tickets",
    systems="tickets",
    system_owner="sam",
    revoke_when="the pilot ends",
    expires_at=90 * DAY,
)
OWNER, GOVERNANCE, DELIVERABILITY = Kind
PEOPLE = ["rita", "olga", "gail", "dora"]


def operator(name: str, *roles: Role) -> Actor:
    return Actor("operator", name, frozenset(roles or (set(Role) - {Role.ADMIN})))


def signed(**by: str) -> list[Signoff]:
    return [Signoff(Kind(kind), name) for kind, name in by.items()]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("agent", "agent"),
        ("purpose", "purpose"),
        ("owner", "owner"),
        ("system_owner", "system_owner"),
        ("systems", "systems"),
        ("revoke_when", "revoke_when"),
        ("expires_at", "expires"),
    ],
)
def test_each_empty_field_is_missing_by_its_name_and_stops_every_signature(field: str, name: str) -> None:
    fields: dict[str, str | None] = {field: None}
    lacking = replace(REQUEST, **fields)  # type: ignore[arg-type]  # the point is the name
    assert missing(lacking) == (name,)
    with pytest.raises(Conflict, match=name):
        may_sign(GOVERNANCE, operator("gail"), request=lacking)


def test_blanks_fill_nothing_in() -> None:
    assert missing(replace(REQUEST, owner="  ", purpose="\t")) == ("purpose", "owner")


def test_a_full_record_lacks_nothing() -> None:
    assert missing(REQUEST) == ()


@pytest.mark.parametrize("mode", Mode)
def test_acting_unattended_needs_a_reason_for_a_standing_identity(mode: Mode) -> None:
    expected = ("standing_reason",) if mode in {Mode.MONITORED, Mode.AUTONOMOUS} else ()
    assert missing(replace(REQUEST, mode=mode)) == expected
    assert missing(replace(REQUEST, mode=mode, standing_reason="tickets come at night")) == ()


def test_three_people_sign_and_the_identity_is_complete() -> None:
    earlier: list[Signoff] = []
    for kind, name in ((OWNER, "olga"), (GOVERNANCE, "gail"), (DELIVERABILITY, "dora")):
        assert not complete(REQUEST, earlier)
        may_sign(kind, operator(name, kind.role), request=REQUEST, earlier=earlier)
        earlier.append(Signoff(kind, name))
    assert complete(REQUEST, earlier)
    assert waiting_for(REQUEST, earlier) == ()


def test_signatures_may_come_in_any_order() -> None:
    may_sign(DELIVERABILITY, operator("dora"), request=REQUEST)
    may_sign(OWNER, operator("olga"), request=REQUEST, earlier=signed(deliverability="dora", governance="gail"))


@pytest.mark.parametrize("kind", Kind)
def test_who_asks_never_approves_under_any_spelling(kind: Kind) -> None:
    record = replace(REQUEST, owner="RITA")
    with pytest.raises(Forbidden, match="a requester cannot approve"):
        may_sign(kind, operator(" Rita "), request=record)


@pytest.mark.parametrize("kind", Kind)
def test_a_signature_takes_its_own_role(kind: Kind) -> None:
    others = set(Role) - {kind.role}
    with pytest.raises(Forbidden, match=kind.role):
        may_sign(kind, operator("olga", *others), request=REQUEST)


@pytest.mark.parametrize("kind", Kind)
def test_no_agent_signs_whatever_roles_it_claims(kind: Kind) -> None:
    with pytest.raises(Forbidden):
        may_sign(kind, Actor("agent", "olga", frozenset(Role)), request=REQUEST)


def test_only_the_owner_whom_the_record_names_signs_as_owner() -> None:
    with pytest.raises(Forbidden, match="names olga as its owner"):
        may_sign(OWNER, operator("otto"), request=REQUEST)


def test_owner_and_governance_are_two_people_whoever_came_first() -> None:
    with pytest.raises(Forbidden, match="two people"):
        may_sign(GOVERNANCE, operator("olga"), request=REQUEST, earlier=signed(owner="olga"))
    with pytest.raises(Forbidden, match="two people"):
        may_sign(OWNER, operator("olga"), request=REQUEST, earlier=signed(governance="Olga"))


@pytest.mark.parametrize("name", ["olga", "gail", "dora"])
def test_deliverability_may_be_one_of_the_two_or_a_third(name: str) -> None:
    may_sign(DELIVERABILITY, operator(name), request=REQUEST, earlier=signed(owner="olga", governance="gail"))


def test_nobody_signs_twice_for_the_same() -> None:
    with pytest.raises(Conflict, match="dora has already signed"):
        may_sign(DELIVERABILITY, operator("dan"), request=REQUEST, earlier=signed(deliverability="dora"))


def test_a_veto_ends_the_request_for_everybody() -> None:
    vetoed = [*signed(owner="olga", governance="gail"), Signoff(DELIVERABILITY, "dora", approved=False)]
    assert not complete(REQUEST, [*vetoed, Signoff(DELIVERABILITY, "dan")])
    with pytest.raises(Conflict, match="dora vetoed"):
        may_sign(DELIVERABILITY, operator("dan"), request=REQUEST, earlier=vetoed)
    with pytest.raises(Conflict, match="already"):
        may_veto(GOVERNANCE, operator("gail"), request=REQUEST, earlier=vetoed)


def test_a_veto_needs_the_role_and_nothing_else() -> None:
    may_veto(DELIVERABILITY, operator("rita", Role.DELIVERABILITY), request=replace(REQUEST, purpose=None))
    with pytest.raises(Forbidden):
        may_veto(DELIVERABILITY, operator("rick", Role.REVIEWER), request=REQUEST)


def test_an_active_identity_is_retired_and_not_vetoed() -> None:
    everybody = signed(owner="olga", governance="gail", deliverability="dora")
    with pytest.raises(Conflict, match="active"):
        may_veto(DELIVERABILITY, operator("dora"), request=REQUEST, earlier=everybody)


@pytest.mark.parametrize("mode", Mode)
def test_only_reading_that_stays_inside_goes_without_deliverability(mode: Mode) -> None:
    lighter = mode is Mode.READ_ONLY
    assert needed(replace(REQUEST, mode=mode)) == ((OWNER, GOVERNANCE) if lighter else tuple(Kind))
    assert needed(replace(REQUEST, mode=mode, stores_or_forwards=True)) == tuple(Kind)


def test_a_reader_that_is_to_send_owes_the_third_signature() -> None:
    reader = replace(REQUEST, mode=Mode.READ_ONLY)
    two = signed(owner="olga", governance="gail")
    assert complete(reader, two)
    assert waiting_for(replace(reader, mode=Mode.GATED_ALL), two) == (DELIVERABILITY,)
    may_sign(DELIVERABILITY, operator("dora"), request=reader, earlier=two)


@given(st.lists(st.builds(Signoff, st.sampled_from(Kind), st.sampled_from(PEOPLE), st.booleans()), max_size=6))
def test_no_pile_of_signatures_completes_without_two_people_or_with_the_requester(pile: list[Signoff]) -> None:
    if complete(REQUEST, pile):
        assert all(signoff.approved for signoff in pile)
        by = {signoff.kind: signoff.by for signoff in pile}
        assert set(by) == set(Kind)
        assert by[OWNER] == "olga" != by[GOVERNANCE]
        assert "rita" not in {signoff.by for signoff in pile}


@pytest.mark.parametrize(
    "pile",
    [
        signed(owner="olga", governance="Olga", deliverability="dora"),
        signed(owner="otto", governance="gail", deliverability="dora"),
        signed(owner="olga", governance="gail", deliverability="RITA"),
        [Signoff(GOVERNANCE, "rita"), *signed(owner="olga", governance="gail", deliverability="dora")],
    ],
)
def test_signatures_that_may_sign_would_refuse_do_not_add_up(pile: list[Signoff]) -> None:
    assert waiting_for(REQUEST, pile) == ()
    assert not complete(REQUEST, pile)


@given(st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from(PEOPLE)), max_size=12))
def test_whatever_may_be_signed_in_turn_is_complete_exactly_when_nothing_is_waited_for(
    turns: list[tuple[Kind, str]],
) -> None:
    earlier: list[Signoff] = []
    for kind, name in turns:
        try:
            may_sign(kind, operator(name), request=REQUEST, earlier=earlier)
        except (Forbidden, Conflict):
            continue
        earlier.append(Signoff(kind, name))
    assert complete(REQUEST, earlier) == (not waiting_for(REQUEST, earlier))


def test_a_record_whose_owner_asks_for_it_is_stuck_and_says_so() -> None:
    assert stuck(REQUEST) is None
    assert "another owner" in (stuck(replace(REQUEST, owner="Rita")) or "")


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (OWNER, ["purpose", "systems", "users", "standing_identity"]),
        (GOVERNANCE, ["ownership", "naming", "credential_type", "expiration", "logging", "revocation_path"]),
        (
            DELIVERABILITY,
            ["subdomain_own", "keys_published", "limits", "suppression_connected", "feedback_connected", "classes"],
        ),
    ],
)
def test_checklists_have_the_points_of_the_contract_each_with_a_sentence(kind: Kind, codes: list[str]) -> None:
    assert [item.code for item in CHECKLISTS[kind]] == codes
    assert all(item.sentence.endswith(".") for item in CHECKLISTS[kind])


CODES = [item.code for item in CHECKLISTS[GOVERNANCE]]


def found(**verdicts: bool | None) -> dict[str, Finding]:
    return {code: Finding(code, so, f"looked at {code}.") for code, so in verdicts.items()}


def test_a_checklist_is_signed_whole_and_says_who_answers_for_each_item() -> None:
    answered = answers(GOVERNANCE, found(logging=True), affirmed=set(CODES) - {"logging"}, reasons={})
    assert answered == dict.fromkeys(CODES, By.SIGNER) | {"logging": By.DESK}
    with pytest.raises(ChecklistOpen, match="not affirmed yet: naming") as refused:
        answers(GOVERNANCE, {}, affirmed=set(CODES) - {"naming"}, reasons={})
    assert (refused.value.open_items, refused.value.found_false) == (("naming",), ())


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_is_affirmed_unless_it_is_named(kind: Kind) -> None:
    with pytest.raises(ChecklistOpen) as refused:
        answers(kind, {}, affirmed=(), reasons={})
    assert refused.value.open_items == tuple(item.code for item in CHECKLISTS[kind])


def test_what_the_desk_found_false_takes_a_reason_and_no_affirmation_mends_it() -> None:
    seen = found(expiration=False, logging=True)
    with pytest.raises(ChecklistOpen, match="expiration false: looked at expiration") as refused:
        answers(GOVERNANCE, seen, affirmed=CODES, reasons={})
    assert (refused.value.open_items, refused.value.found_false) == ((), ("expiration",))
    answered = answers(GOVERNANCE, seen, affirmed=CODES, reasons={"expiration": "agreed with the board"})
    assert answered["expiration"] is By.OVERRIDE
    assert answered["logging"] is By.DESK


def test_a_reason_answers_for_its_own_item_only() -> None:
    seen = found(expiration=False, ownership=False)
    with pytest.raises(ChecklistOpen) as refused:
        answers(GOVERNANCE, seen, affirmed=CODES, reasons={"expiration": "agreed with the board"})
    assert refused.value.found_false == ("ownership",)


@pytest.mark.parametrize(
    "wrong",
    [{"affirmed": ["everything"], "reasons": {}}, {"affirmed": [], "reasons": {"everything": "why"}},
     {"affirmed": CODES, "reasons": {"naming": " "}}, {"affirmed": CODES, "reasons": {"naming": "x" * 501}}],
    ids=["affirms no item", "overrides no item", "empty reason", "endless reason"],
)  # fmt: skip
def test_an_answer_that_nobody_could_read_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        answers(GOVERNANCE, {}, **wrong)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ({"day": 10}, {"day": 11}, ("day",)),
        ({"day": 10}, {"day": 10}, ()),
        ({"day": 10}, {"day": 9}, ()),
        ({"day": 10}, {}, ("day",)),  # a limit taken away
        ({"day": 10}, {"day": None}, ("day",)),
        ({"day": None}, {"day": 10}, ()),
        ({}, {"day": 10}, ()),
        ({"day": 10, "hour": 5}, {"day": 20, "hour": 1}, ("day",)),  # lower here does not pay for wider there
    ],
)
def test_a_limit_is_wider_when_any_figure_is(
    old: dict[str, int | None], new: dict[str, int | None], names: tuple[str, ...]
) -> None:
    assert widened(old, new) == names
    assert is_wider(old, new) == bool(names)


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ([], [], []),
        ([], ["jane@example.com"], ["jane@example.com"]),
        (["*"], ["*@example.com", "*.example.com", "jane@example.com", "*"], []),
        (["example.com"], ["jane@example.com", "*@example.com", "EXAMPLE.com"], []),
        (["*@example.com"], ["*"], ["*"]),
        (["example.com"], ["*.example.com"], ["*.example.com"]),
        (["*.example.com"], ["example.com"], ["example.com"]),
        (["*.example.com"], ["a.example.com", "*@b.a.example.com", "*.a.example.com", "jo@*.example.com"], []),
        (["*.example.com"], ["notexample.com", "x@badexample.com"], ["notexample.com", "x@badexample.com"]),
        (["jane@example.com"], ["example.com"], ["example.com"]),
        (["jane@*.example.com"], ["jane@a.example.com", "joe@a.example.com"], ["joe@a.example.com"]),
        (["a.com", "b.com"], ["b.com"], []),
    ],
)
def test_an_allow_list_is_wider_when_it_names_somebody_new(old: list[str], new: list[str], wider: list[str]) -> None:
    assert list(widened_allow(old, new)) == wider
    assert is_wider_allow(old, new) == bool(wider)


LOCALS = st.sampled_from(["a", "b"])
DOMAINS = st.sampled_from(["x.com", "y.x.com", "z.y.x.com", "ax.com", "com.x"])
PATTERNS = st.one_of(
    st.just("*"),
    DOMAINS,
    DOMAINS.map("*.{}".format),
    st.builds("{}@{}".format, LOCALS, DOMAINS),
    st.builds("{}@*.{}".format, LOCALS, DOMAINS),
)


def names(pattern: str, address: str) -> bool:
    """The meaning of a pattern, written down a second time."""
    local, _, domain = address.partition("@")
    want_local, at, want_domain = pattern.rpartition("@")
    if at and want_local not in {"*", local}:
        return False
    if want_domain.startswith("*."):
        return domain.endswith(want_domain[1:])
    return want_domain in {"*", domain}


@given(st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=3), st.builds("{}@{}".format, LOCALS, DOMAINS))
def test_a_list_that_is_not_wider_names_nobody_new(old: list[str], new: list[str], address: str) -> None:
    if not is_wider_allow(old, new) and any(names(pattern, address) for pattern in new):
        assert any(names(pattern, address) for pattern in old)


def test_added_classes_are_named_and_dropped_ones_are_not() -> None:
    cold = ContentClass.COLD_OUTREACH
    assert widened_classes(DEFAULT_CLASSES, [ContentClass.REPLY, cold, cold]) == (cold,)
    assert widened_classes(DEFAULT_CLASSES, [ContentClass.REPLY]) == ()


@pytest.mark.parametrize("spelling", ["RITA", " rita ", "Rita"])
@pytest.mark.parametrize("kind", list(Kind))
def test_who_asks_never_signs_however_the_name_is_spelled(kind: Kind, spelling: str) -> None:
    asked = replace(REQUEST, requester=spelling, owner="olga")
    with pytest.raises(Forbidden):
        may_sign(kind, operator("rita"), request=asked)


@pytest.mark.parametrize("spelling", ["OLGA", " olga "])
def test_a_second_spelling_is_not_a_second_person(spelling: str) -> None:
    with pytest.raises(Forbidden):
        may_sign(GOVERNANCE, operator("olga"), request=REQUEST, earlier=signed(owner=spelling))
