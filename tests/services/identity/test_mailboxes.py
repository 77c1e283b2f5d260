"""Asking for an identity, signing it, saying no, renewing it; on both databases."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sqlalchemy import update

from core.db import directory, gate_queries, signoff_queries
from core.db.store import Store
from core.db.tables import MAILBOX, OPERATOR
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from core.model import Actor, Mode, Role
from core.rules.issuance import Kind
from core.services.identity import mailbox_settings, mailboxes, missing_signoffs
from tests.factories import records
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, DORA, GAIL, OLIVE, ROOT, also, hire, make_desk, person
from tests.factories.records import SALES, add_stream, issued, last, make_keyed_desk, request, sign, told

TWO_HATS = person("gina", Role.OWNER, Role.GOVERNANCE, Role.DELIVERABILITY)
AGENT = Actor("agent", "support-bot", frozenset(Role))


# --- asking -------------------------------------------------------------------------------------------------------


def test_any_operator_asks_and_nothing_is_active_before_it_is_signed(store: Store) -> None:
    make_keyed_desk(store)
    for number, actor in enumerate((ALICE, GAIL, OLIVE, DORA, ROOT)):
        filed = request(store, actor=actor, address=f"box{number}@{DOMAIN}", owner="olive")
        assert filed.record.status == "requested"
        assert filed.record.requested_by == actor.name
        assert filed.missing == ()
    assert told(store) == ["mailbox.requested"] * 5


def test_a_request_takes_the_policys_mode_where_it_names_none(store: Store) -> None:
    make_desk(store)
    assert request(store).record.mode == Mode.GATED_SEND


def test_a_request_names_a_new_agent_into_being_and_finds_a_known_one(store: Store) -> None:
    desk = make_desk(store)
    assert request(store).record.agent == "sales-bot"
    known = request(store, address=f"more@{DOMAIN}", agent="support-bot").record
    assert known.agent_id == desk.agent_id


def test_what_a_record_lacks_is_listed_and_keeps_everybody_from_signing(store: Store) -> None:
    make_keyed_desk(store)
    filed = request(store, agent=None, purpose=None, owner=" ", system_owner=None, systems=None, revoke_when=None,
                    expires_at=None)  # fmt: skip
    assert filed.missing == ("agent", "purpose", "owner", "system_owner", "systems", "revoke_when", "expires")
    assert last(store, "mailbox.requested").missing == [*filed.missing]
    for kind in Kind:
        with pytest.raises(Conflict, match="not complete"):
            sign(store, kind)


def test_who_asked_fills_in_what_lacks_and_that_voids_what_was_signed(store: Store) -> None:
    make_keyed_desk(store)
    filed = request(store)
    sign(store, Kind.OWNER)
    again = dataclasses.replace(mailboxes.as_filing(filed.record), purpose="answers questions about invoices")
    store.transact(lambda tx: mailboxes.request(tx, again, actor=ALICE))
    with store.read() as conn:
        record = directory.mailbox(conn, SALES)
        assert record is not None
        assert record.purpose == "answers questions about invoices"
        assert signoff_queries.signoffs(conn, record.id) == ()


def test_nobody_else_rewrites_a_request_and_nobody_an_identity(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    with pytest.raises(Conflict, match="alice has already requested"):
        request(store, actor=GAIL)
    with pytest.raises(Conflict, match="is active"):
        request(store, address=ADDRESS)


def test_a_request_on_a_domain_without_a_stream_says_how_to_add_one(store: Store) -> None:
    make_desk(store)
    with pytest.raises(NotFound) as refused:
        request(store, address="help@elsewhere.example.com")
    assert "postroom stream add elsewhere.example.com" in (refused.value.fix or "")


def test_a_protected_stream_is_off_limits_but_for_the_agents_that_own_it(store: Store) -> None:
    make_desk(store)
    add_stream(store, "billing.acme.test", protected=True, owners=["invoice-bot"])
    with pytest.raises(Forbidden, match="protected"):
        request(store, address="help@billing.acme.test")
    assert request(store, address="help@billing.acme.test", agent="invoice-bot").record.protected


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_at": 1},
        {"pending_expiry": HOUR - 1},
        {"pending_expiry": 30 * DAY + 1},
        {"limits": {"hour": -1}},
        {"limits": {"fortnight": 3}},
        {"display_name": "Sales\r\nBcc: all@example.com"},
        {"allow": ("sales*@example.com",)},
        {"agent": "sales bot\n"},
        {"mode": Mode.MONITORED, "standing_reason": "answers at night"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_record_that_could_not_hold_is_refused_when_it_is_filed(store: Store, wrong: dict[str, Any]) -> None:
    make_desk(store)
    with pytest.raises(Invalid):
        request(store, **wrong)
    assert told(store) == []


def test_a_request_that_nobody_can_sign_says_so(store: Store) -> None:
    make_desk(store)
    assert "name another owner" in (request(store, actor=OLIVE).stuck or "")
    assert "nobody can sign" in (request(store, address=f"b@{DOMAIN}", owner="nobody").stuck or "")
    nobody = request(store, actor=DORA, address=f"d@{DOMAIN}", owner="olive").stuck
    assert nobody == "no operator of this desk can sign as deliverability"
    assert request(store, address=f"c@{DOMAIN}").stuck is None


# --- signing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gone",
    [{"disabled_at": 1}, {"token_hash": None}, {"token_expires_at": 1}],
    ids=["disabled", "unclaimed", "expired"],
)
def test_who_cannot_sign_in_is_not_named_as_a_signer(store: Store, gone: dict[str, Any]) -> None:
    make_desk(store)
    hire(store, person("gus", Role.GOVERNANCE))
    record = request(store).record

    def named(tx: Transaction) -> set[str]:
        return {who for one in missing_signoffs.owed(tx, record) if one.kind is Kind.GOVERNANCE for who in one.may}

    assert store.look(named) == {"gail", "gus"}
    store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "gus").values(**gone)))
    assert store.look(named) == {"gail"}


def test_three_signatures_of_three_people_bring_an_identity_into_being(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    assert sign(store, Kind.OWNER).status == "requested"
    assert sign(store, Kind.GOVERNANCE).status == "requested"
    record = sign(store, Kind.DELIVERABILITY)
    assert (record.status, record.governance_reviewer) == ("active", "gail")
    assert record.activated_at == store.clock.now()
    assert told(store) == [
        "mailbox.requested", "mailbox.owner_approved", "mailbox.governance_approved", "mailbox.signed_off",
        "mailbox.activated",
    ]  # fmt: skip


UNSIGNED = {
    "id", "agent_id", "stream_id", "status", "mode_since", "raised_at", "governance_reviewer", "requested_at",
    "activated_at", "warned_expiry_at", "retired_at", "updated_at", "webhook_secret", "webhook_previous",
    "webhook_previous_until", "waits_for", "agent_status", "protected", "owners",
}  # fmt: skip
"""What is no part of a signed record: what happened to it since, sealed secrets, and facts of its stream and agent."""


def signed(store: Store, address: str = SALES) -> dict[str, str | None]:
    with store.read() as conn:
        record = directory.mailbox(conn, address)
        assert record is not None
        return {one.kind: one.record_digest for one in signoff_queries.signoffs(conn, record.id)}


def alter(store: Store, **values: object) -> None:
    """What no verb does: another record under the signatures of the first."""
    store.transact(lambda tx: tx.write(update(MAILBOX).where(MAILBOX.c.address == SALES).values(**values)))


def test_a_signature_names_the_record_that_was_signed(store: Store) -> None:
    make_keyed_desk(store)
    record = request(store).record
    sign(store, Kind.OWNER)
    sign(store, Kind.GOVERNANCE, digest=record.digest.upper())
    assert signed(store) == {"owner": record.digest, "governance": record.digest}
    for kind in ("mailbox.owner_approved", "mailbox.governance_approved"):
        assert last(store, kind).record_digest == record.digest
    assert sign(store, Kind.DELIVERABILITY).status == "active"
    assert last(store, "mailbox.signed_off").record_digest == record.digest


def test_nobody_signs_another_record_than_they_were_shown(store: Store) -> None:
    make_keyed_desk(store)
    filed = request(store)
    again = dataclasses.replace(mailboxes.as_filing(filed.record), purpose="answers questions about invoices")
    changed = store.transact(lambda tx: mailboxes.request(tx, again, actor=ALICE)).record
    with pytest.raises(Conflict, match="has changed since it was shown") as refused:
        sign(store, Kind.OWNER, digest=filed.record.digest)
    assert "mailbox show" in (refused.value.fix or "")
    assert signed(store) == {}
    sign(store, Kind.OWNER, digest=changed.digest)
    assert signed(store) == {"owner": changed.digest}


def test_every_field_that_people_sign_for_is_part_of_the_digest(store: Store) -> None:
    make_desk(store)
    record = request(store).record
    for one in dataclasses.fields(record):
        value = getattr(record, one.name)
        other: Any = (
            [*value, "x"] if isinstance(value, tuple) else not value if isinstance(value, bool) else f"{value}x"
        )
        changed = dataclasses.replace(record, **{one.name: other})
        assert (changed.digest == record.digest) == (one.name in UNSIGNED), one.name


def test_a_record_that_changed_after_a_signature_is_not_active_before_it_is_signed_again(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    sign(store, Kind.OWNER)
    sign(store, Kind.GOVERNANCE)
    alter(store, purpose="sends offers")
    assert sign(store, Kind.DELIVERABILITY).status == "requested"
    assert sign(store, Kind.OWNER).status == "requested"
    assert sign(store, Kind.GOVERNANCE).status == "active"
    assert len(set(signed(store).values())) == 1


def test_what_changes_after_activation_leaves_signatures_as_they_are(store: Store) -> None:
    make_keyed_desk(store)
    digest = issued(store).digest
    record = store.transact(
        lambda tx: mailbox_settings.change_mode(tx, SALES, Mode.READ_ONLY, reason="odd", actor=GAIL)
    )
    assert record.digest != digest
    assert set(signed(store).values()) == {digest}


def test_the_order_of_signatures_does_not_matter(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    sign(store, Kind.DELIVERABILITY)
    sign(store, Kind.GOVERNANCE)
    assert sign(store, Kind.OWNER).status == "active"


def test_who_asks_never_signs(store: Store) -> None:
    make_keyed_desk(store)
    hire(store, TWO_HATS)
    asker = dataclasses.replace(TWO_HATS, name="GINA")
    request(store, actor=TWO_HATS, owner="gina")
    for kind in Kind:
        with pytest.raises(Forbidden, match="a requester cannot approve"):
            sign(store, kind, actor=asker)


def test_owner_and_governance_are_two_people(store: Store) -> None:
    make_keyed_desk(store)
    hire(store, TWO_HATS)
    request(store, owner="gina")
    sign(store, Kind.OWNER, actor=TWO_HATS)
    with pytest.raises(Forbidden, match="two people"):
        sign(store, Kind.GOVERNANCE, actor=TWO_HATS)
    sign(store, Kind.GOVERNANCE)
    assert sign(store, Kind.DELIVERABILITY, actor=TWO_HATS).status == "active"


@pytest.mark.parametrize("kind", list(Kind))
def test_each_signature_takes_its_role_and_no_admin_or_agent_has_it(store: Store, kind: Kind) -> None:
    make_keyed_desk(store)
    request(store)
    others = [actor for role, actor in records.SIGNERS.items() if role is not kind]
    for actor in (*others, ALICE, ROOT, AGENT):
        with pytest.raises(Forbidden):
            sign(store, kind, actor=actor)
    assert told(store) == ["mailbox.requested"]


def test_only_the_owner_whom_the_record_names_signs_as_owner(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    hire(store, otto := person("otto", Role.OWNER))
    with pytest.raises(Forbidden, match="names olive as its owner"):
        sign(store, Kind.OWNER, actor=otto)


def test_nobody_signs_twice_nor_what_is_active(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    sign(store, Kind.OWNER)
    with pytest.raises(Conflict, match="already"):
        sign(store, Kind.OWNER)
    sign(store, Kind.GOVERNANCE)
    sign(store, Kind.DELIVERABILITY)
    with pytest.raises(Conflict, match="is active"):
        sign(store, Kind.DELIVERABILITY)


def test_a_mailbox_that_only_reads_takes_two_signatures_and_the_third_before_it_sends(store: Store) -> None:
    make_keyed_desk(store)
    request(store, mode=Mode.READ_ONLY)
    sign(store, Kind.OWNER)
    assert sign(store, Kind.GOVERNANCE).status == "active"
    assert sign(store, Kind.DELIVERABILITY).status == "active"
    assert told(store).count("mailbox.activated") == 1


def test_a_reading_mailbox_that_feeds_tools_takes_all_three(store: Store) -> None:
    make_keyed_desk(store)
    request(store, mode=Mode.READ_ONLY, stores_or_forwards=True)
    sign(store, Kind.OWNER)
    assert sign(store, Kind.GOVERNANCE).status == "requested"


def test_a_request_whose_end_has_passed_is_not_signed_any_more(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    request(store)
    clock.advance(micros=91 * DAY)
    with pytest.raises(Conflict, match="already have expired"):
        sign(store, Kind.OWNER)


# --- saying no ----------------------------------------------------------------------------------------------------


def test_one_no_ends_the_request_whoever_said_yes(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    sign(store, Kind.OWNER)
    sign(store, Kind.GOVERNANCE)
    veto = store.transact(
        lambda tx: mailboxes.veto(tx, SALES, Kind.DELIVERABILITY, actor=DORA, reason="no warm-up planned")
    )
    assert veto.status == "vetoed"
    assert last(store, "mailbox.vetoed").kind == "deliverability"
    with pytest.raises(Conflict):
        sign(store, Kind.DELIVERABILITY)
    with store.read() as conn:
        box = gate_queries.gate_by_address(conn, SALES)
    assert box is not None
    assert box.status == "vetoed"


def test_a_no_takes_the_place_of_an_earlier_yes_of_its_kind(store: Store) -> None:
    make_keyed_desk(store)
    record = request(store).record
    sign(store, Kind.OWNER)
    store.transact(lambda tx: mailboxes.veto(tx, SALES, Kind.OWNER, actor=OLIVE, reason="not mine after all"))
    with store.read() as conn:
        assert [(one.kind, one.approved) for one in signoff_queries.signoffs(conn, record.id)] == [("owner", False)]


def test_a_veto_takes_a_signers_role_a_reason_and_a_request(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    for actor in (ALICE, ROOT, AGENT, GAIL):
        with pytest.raises(Forbidden):
            store.transact(
                lambda tx, actor=actor: mailboxes.veto(tx, SALES, Kind.OWNER, actor=actor, reason="no")  # type: ignore[misc]  # a default binds the loop's name
            )
    with pytest.raises(Invalid):
        store.transact(lambda tx: mailboxes.veto(tx, SALES, Kind.OWNER, actor=OLIVE, reason=" "))
    with pytest.raises(Conflict, match="is active"):
        store.transact(lambda tx: mailboxes.veto(tx, ADDRESS, Kind.OWNER, actor=OLIVE, reason="no"))


def test_a_vetoed_address_can_be_asked_for_again_and_begins_without_signatures(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    sign(store, Kind.OWNER)
    store.transact(lambda tx: mailboxes.veto(tx, SALES, Kind.GOVERNANCE, actor=GAIL, reason="vague purpose"))
    filed = request(store, actor=GAIL, purpose="answers questions about deliveries")
    with store.read() as conn:
        assert signoff_queries.signoffs(conn, filed.record.id) == ()
    with pytest.raises(Forbidden, match="a requester cannot approve"):
        sign(store, Kind.GOVERNANCE)


# --- renewing -----------------------------------------------------------------------------------------------------


def renew(store: Store, *, actor: Actor = GAIL, days: int = 180, reason: str = "still needed") -> Any:
    ends = store.clock.now() + days * DAY
    return store.transact(lambda tx: mailboxes.renew(tx, SALES, expires_at=ends, reason=reason, actor=actor))


def test_governance_moves_the_end_of_a_living_identity(store: Store) -> None:
    make_keyed_desk(store)
    issued(store)
    record = renew(store)
    assert record.expires_at == store.clock.now() + 180 * DAY
    event = last(store, "mailbox.renewed")
    assert (event.actor, event.new - event.old, event.reason) == ("gail", 90 * DAY, "still needed")


@pytest.mark.parametrize("actor", [ALICE, OLIVE, DORA, ROOT, AGENT], ids=str)
def test_nobody_but_governance_renews(store: Store, actor: Actor) -> None:
    make_keyed_desk(store)
    issued(store)
    with pytest.raises(Forbidden):
        renew(store, actor=actor)


def test_neither_who_asked_nor_the_owner_renews_in_another_hat(store: Store) -> None:
    make_keyed_desk(store)
    issued(store)
    for one in (also(store, ALICE, Role.GOVERNANCE), also(store, OLIVE, Role.GOVERNANCE)):
        with pytest.raises(Forbidden, match="somebody else"):
            renew(store, actor=one)


def test_a_renewal_wants_a_reason_and_an_end_to_come(store: Store) -> None:
    make_keyed_desk(store)
    issued(store)
    with pytest.raises(Invalid):
        renew(store, reason="")
    with pytest.raises(Invalid):
        renew(store, days=0)


def test_what_has_ended_or_was_never_signed_is_not_renewed(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    request(store)
    with pytest.raises(Conflict, match="not active yet"):
        renew(store)
    for kind in Kind:
        sign(store, kind)
    clock.advance(micros=91 * DAY)
    with pytest.raises(Conflict, match="expired"):
        renew(store)


# --- reading ------------------------------------------------------------------------------------------------------


def test_mailboxes_and_agents_are_read_in_pages_by_key(store: Store) -> None:
    make_desk(store)
    for number in range(5):
        request(store, address=f"box{number}@{DOMAIN}", agent=f"bot{number}")
    with store.read() as conn:
        seen, after = [], ""
        while page := directory.mailboxes(conn, after=after, limit=2):
            seen += [record.address for record in page]
            after = page[-1].address
        assert seen == sorted(seen)
        assert len(seen) == 6
        assert [one.name for one in directory.agents(conn, after="bot1", limit=2)] == ["bot2", "bot3"]
        assert [one.address for one in directory.mailboxes(conn, agent="bot3")] == [f"box3@{DOMAIN}"]
        assert [one.address for one in directory.mailboxes(conn, status="active")] == [ADDRESS]


def test_what_is_not_there_is_not_found(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Refused, match="no mailbox"):
        sign(store, Kind.OWNER, address="nobody@nowhere.test")
