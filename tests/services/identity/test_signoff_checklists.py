"""What the desk shows whoever signs, what it claims for itself, and what a signature against its NO takes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import insert, update

from core.db import directory, signoff_queries
from core.db.directory import MailboxRecord
from core.db.store import Store
from core.db.tables import LOG_ENTRY, STREAM
from core.demo.clock import FakeClock
from core.durations import DAY
from core.errors import ChecklistOpen, Conflict, Forbidden, Invalid
from core.model import Actor, ContentClass, Mode, Role
from core.rules.issuance import CHECKLISTS, Finding, Kind
from core.rules.policy import parse
from core.services.control import policy
from core.services.identity import mailbox_record, mailboxes, retirement, signoff_checklists
from core.services.identity.sender_checks import Look, Lookups
from core.services.identity.signoff_checklists import Sheet
from tests.factories.desk import ALICE, DORA, GAIL, OLIVE, hire, person
from tests.factories.inbound import arrive, mail
from tests.factories.records import SALES, add_keys, add_stream, issued, last, make_keyed_desk, request, sign

SEEN = Lookups(
    published=Look(True, "All 8 records are published."),
    zone=Look(True, "acme.test has a DMARC policy."),
    feedback=Look(True, "A way in is set up."),
    unsubscribe=Look(True, "Links are https."),
)
OWN = "quotes.acme.test"
"""A stream that nobody else sends from."""
QUOTES = f"quotes@{OWN}"


def shown(store: Store, kind: Kind, *, address: str = SALES, lookups: Lookups | None = None) -> dict[str, Finding]:
    return sheet(store, kind, address=address, lookups=lookups).by_code


def sheet(store: Store, kind: Kind, *, address: str = SALES, lookups: Lookups | None = None) -> Sheet:
    return store.look(lambda tx: signoff_checklists.sheet(tx, mailbox_record.found(tx, address), kind, lookups))


def own_stream(store: Store, domain: str = OWN, **more: Any) -> None:
    stream_id = add_stream(store, domain, **more)
    store.transact(lambda tx: add_keys(tx, stream_id))


def alone(store: Store, **more: Any) -> None:
    """A request on a stream of its own."""
    own_stream(store)
    request(store, address=QUOTES, agent="quote-bot", **more)


# --- signing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_is_ticked_for_the_signer(store: Store, kind: Kind) -> None:
    make_keyed_desk(store)
    request(store)
    with pytest.raises(ChecklistOpen) as refused:
        sign(store, kind, affirmed=(), overrides={})
    found = shown(store, kind)
    open_items = [item.code for item in CHECKLISTS[kind] if found[item.code].found is None]
    assert refused.value.open_items == tuple(open_items)
    assert open_items


def test_every_signature_keeps_who_answers_for_each_item_and_what_was_found(store: Store) -> None:
    make_keyed_desk(store)
    alone(store)
    for kind, event in (
        (Kind.OWNER, "mailbox.owner_approved"),
        (Kind.GOVERNANCE, "mailbox.governance_approved"),
        (Kind.DELIVERABILITY, "mailbox.signed_off"),
    ):
        before = sheet(store, kind, address=QUOTES, lookups=SEEN)
        sign(store, kind, address=QUOTES, lookups=SEEN, overrides={}, digest=before.digest)
        said = last(store, event)
        by = {code: "desk" if finding.found else "signer" for code, finding in before.by_code.items()}
        assert said.checklist == by
        assert (said.found_false, said.reasons) == ({}, {})
        assert (said.record_digest, said.shown_digest) == (before.record.digest, before.digest)
        with store.read() as conn:
            kept = signoff_queries.signoffs(conn, before.record.id)[-1]
        assert kept.findings == {one.code: {"found": one.found, "detail": one.detail} for one in before.findings}
        assert (kept.checklist, kept.shown_digest) == (by, before.digest)
    assert last(store, "mailbox.activated").agent is not None


def test_what_the_desk_finds_false_is_signed_with_a_reason_only_and_the_reason_is_kept(store: Store) -> None:
    make_keyed_desk(store)
    alone(store)
    lookups = Lookups(published=Look(False, "8 of 8 records are not as they should be."), zone=SEEN.zone)
    with pytest.raises(ChecklistOpen, match="keys_published false: 8 of 8") as refused:
        sign(store, Kind.DELIVERABILITY, address=QUOTES, lookups=lookups, overrides={})
    assert refused.value.found_false == ("keys_published",)
    why = {"keys_published": "DNS goes out with the change of Tuesday"}
    sign(store, Kind.DELIVERABILITY, address=QUOTES, lookups=lookups, overrides=why)
    said = last(store, "mailbox.signed_off")
    assert said.checklist["keys_published"] == "override"
    assert said.found_false == {"keys_published": "8 of 8 records are not as they should be."}
    assert said.reasons == why
    with store.read() as conn:
        record = directory.mailbox(conn, QUOTES)
        assert record is not None
        assert signoff_queries.signoffs(conn, record.id)[-1].reasons == why


def test_a_reason_for_an_item_that_is_not_on_the_list_is_refused(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    with pytest.raises(Invalid, match="no item keys_published"):
        sign(store, Kind.OWNER, overrides={"keys_published": "later"})


def test_nobody_signs_over_findings_that_changed_since_they_were_shown(store: Store) -> None:
    make_keyed_desk(store)
    alone(store)
    before = sheet(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN)
    request(store, address=f"more@{OWN}", agent="offer-bot")
    with pytest.raises(Conflict, match="has changed since it was shown"):
        sign(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN, overrides={}, digest=before.digest)
    after = sheet(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN)
    assert (after.digest == before.digest, after.record.digest == before.record.digest) == (False, True)
    sign(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN, overrides={}, digest=after.digest)


def test_whoever_may_not_sign_is_told_before_they_go_through_the_list(store: Store) -> None:
    make_keyed_desk(store)
    request(store)

    def ask(actor: Actor, kind: Kind) -> Sheet:
        return store.look(lambda tx: mailboxes.to_sign(tx, SALES, kind, actor=actor))

    with pytest.raises(Forbidden):
        ask(ALICE, Kind.GOVERNANCE)
    with pytest.raises(Forbidden):
        ask(OLIVE, Kind.GOVERNANCE)
    sign(store, Kind.GOVERNANCE)
    with pytest.raises(Conflict, match="already"):
        ask(GAIL, Kind.GOVERNANCE)
    assert ask(OLIVE, Kind.OWNER).kind is Kind.OWNER


# --- the owner ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.GATED_ALL, Mode.GATED_SEND])
def test_the_owner_is_asked_in_every_mode_whether_it_needs_a_standing_identity(store: Store, mode: Mode) -> None:
    make_keyed_desk(store)
    request(store, mode=mode)
    others = {item.code for item in CHECKLISTS[Kind.OWNER]} - {"standing_identity"}
    with pytest.raises(ChecklistOpen) as refused:
        sign(store, Kind.OWNER, affirmed=others)
    assert refused.value.open_items == ("standing_identity",)


def test_the_owner_sees_purpose_systems_and_people_as_the_record_has_them_and_answers_for_all(store: Store) -> None:
    make_keyed_desk(store)
    request(store, users="customers of the shop", allow=("example.com",), standing_reason="answers at night")
    found = shown(store, Kind.OWNER)
    assert {one.found for one in found.values()} == {None}
    assert found["purpose"].detail == "answers questions about orders."
    assert "order database" in found["systems"].detail
    assert "platform team" in found["systems"].detail
    assert found["users"].detail == "customers of the shop. It may write to *@example.com."
    assert found["standing_identity"].detail == "answers at night. Its mode is gated_send."


def test_a_record_that_names_nobody_and_allows_everybody_says_so(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    found = shown(store, Kind.OWNER)
    assert found["users"].detail == "The record does not name them. It may write to anyone."
    assert found["standing_identity"].detail == "The record gives no reason. Its mode is gated_send."


def test_the_people_an_identity_touches_are_part_of_what_is_signed(store: Store) -> None:
    make_keyed_desk(store)
    digests = {request(store, users=users).record.digest for users in (None, "customers", "customers and suppliers")}
    assert len(digests) == 3


# --- governance ---------------------------------------------------------------------------------------------------


def test_ownership_is_the_desks_to_claim_only_once_the_owner_has_signed(store: Store) -> None:
    make_keyed_desk(store)
    request(store)
    assert shown(store, Kind.GOVERNANCE)["ownership"].found is None
    sign(store, Kind.OWNER)
    found = shown(store, Kind.GOVERNANCE)["ownership"]
    assert found.found is True
    assert found.detail.startswith("olive signed as owner at ")


def test_an_owner_who_is_no_operator_is_no_owner(store: Store) -> None:
    make_keyed_desk(store)
    request(store, owner="nobody")
    found = shown(store, Kind.GOVERNANCE)["ownership"]
    assert (found.found, "nobody" in found.detail) == (False, True)


@pytest.mark.parametrize(("owner", "found"), [("olive", None), ("otto", False)])
def test_governance_is_shown_whose_mail_a_retired_address_brings_with_it(
    store: Store, clock: FakeClock, owner: str, *, found: bool | None
) -> None:
    desk = make_keyed_desk(store)
    hire(store, person("otto", Role.OWNER))
    issued(store)
    arrive(desk, mail("a customer's"), SALES)
    store.transact(lambda tx: retirement.retire(tx, SALES, reason="no longer needed", actor=OLIVE))
    clock.advance(micros=DAY)
    request(store, owner=owner)
    seen = shown(store, Kind.GOVERNANCE)["ownership"]
    assert seen.found is found
    assert seen.detail.endswith("belonged to olive before: its 1 message(s) are kept, and sales-bot will read them.")


@pytest.mark.parametrize(
    ("failures", "unreached", "said"),
    [([], [], "passed."), ([], ["8025 on b.test"], "is incomplete."), (["a door opens"], [], "failed.")],
    ids=["passed", "incomplete", "failed"],
)
def test_revocation_is_the_desks_to_claim_only_once_a_drill_passed(
    store: Store, failures: list[str], unreached: list[str], said: str
) -> None:
    make_keyed_desk(store)
    record = request(store).record
    found = shown(store, Kind.GOVERNANCE)["revocation_path"]
    assert (found.found, "never been drilled" in found.detail) == (None, True)

    def drilled(tx: Any) -> None:
        tx.write(
            insert(LOG_ENTRY).values(
                seq=1_000, at=tx.now, type="identity.drilled", actor="operator:gail", agent=record.agent_id,
                data=orjson.dumps({"failures": failures, "unreached": unreached}), prev=bytes(32), hash=bytes(32),
            )
        )  # fmt: skip

    store.transact(drilled)
    found = shown(store, Kind.GOVERNANCE)["revocation_path"]
    assert (found.found, said in found.detail) == (said == "passed.", True)


# --- deliverability -----------------------------------------------------------------------------------------------


def test_the_desk_claims_what_it_saw_and_nothing_that_it_did_not_look_at(store: Store) -> None:
    make_keyed_desk(store)
    alone(store)
    claimed = {code for code, one in shown(store, Kind.DELIVERABILITY, address=QUOTES).items() if one.found}
    assert claimed == {"limits", "suppression_connected"}
    found = shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN)
    claimed = {code for code, one in found.items() if one.found}
    assert claimed == {"subdomain_own", "keys_published", "limits", "suppression_connected"}
    # A way in that is set up proves nothing before something came back over it.
    assert "Nothing has come back" in found["feedback_connected"].detail


def test_a_stream_that_other_agents_send_from_is_not_its_own(store: Store) -> None:
    make_keyed_desk(store)
    own_stream(store)
    for number in range(11):
        issued(store, address=f"bot{number:02}@{OWN}", agent=f"bot{number:02}")
    request(store, address=QUOTES, agent="quote-bot")
    found = shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN)["subdomain_own"]
    assert found.found is False
    assert found.detail == f"11 other agents (bot00, bot01, bot02 and 8 more) send from {OWN} as well."


@pytest.mark.parametrize(
    ("domain", "whole"),
    [("acme.co.uk", True), ("acme.test", True), ("bot.acme.co.uk", False), ("x.bot.eu.test", False)],
)
def test_an_organisations_own_domain_is_told_from_a_subdomain(store: Store, domain: str, *, whole: bool) -> None:
    make_keyed_desk(store)
    own_stream(store, domain)
    request(store, address=f"quotes@{domain}", agent="quote-bot")
    found = shown(store, Kind.DELIVERABILITY, address=f"quotes@{domain}", lookups=SEEN)["subdomain_own"]
    assert found.detail.startswith(f"{domain} looks like a whole organisation's domain.") is whole


def test_a_second_mailbox_of_the_same_agent_shares_with_nobody(store: Store) -> None:
    make_keyed_desk(store)
    own_stream(store)
    issued(store, address=QUOTES, agent="quote-bot")
    request(store, address=f"more@{OWN}", agent="quote-bot")
    assert shown(store, Kind.DELIVERABILITY, address=f"more@{OWN}", lookups=SEEN)["subdomain_own"].found is True


def test_requests_of_other_agents_are_said_and_left_to_the_signer(store: Store) -> None:
    make_keyed_desk(store)
    alone(store)
    request(store, address=f"more@{OWN}", agent="offer-bot")
    found = shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN)["subdomain_own"]
    assert found.found is None
    assert "1 other agent (offer-bot) asked for addresses on it." in found.detail


def test_identities_that_have_ended_share_the_stream_no_more(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    own_stream(store)
    issued(store, address=f"old@{OWN}", agent="old-bot")
    clock.advance(micros=91 * DAY)
    request(store, address=QUOTES, agent="quote-bot")
    assert shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN)["subdomain_own"].found is True


def test_what_dns_says_about_the_parent_stands_on_the_sheet(store: Store) -> None:
    make_keyed_desk(store)
    alone(store)
    for so in (False, None):
        lookups = Lookups(zone=Look(so, "acme.test does not exist in DNS."))
        found = shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=lookups)["subdomain_own"]
        assert (found.found, found.detail.endswith("acme.test does not exist in DNS.")) == (so, True)


def test_keys_that_the_desk_does_not_have_are_not_published_whatever_dns_says(store: Store) -> None:
    make_keyed_desk(store)
    add_stream(store, OWN)
    request(store, address=QUOTES, agent="quote-bot")
    found = shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=SEEN)["keys_published"]
    assert found.found is False
    assert "slot a rsa" in found.detail


def test_limits_above_the_policys_are_a_persons_to_judge(store: Store) -> None:
    make_keyed_desk(store)
    alone(store, limits={"hour": 500})
    found = shown(store, Kind.DELIVERABILITY, address=QUOTES)["limits"]
    assert (found.found, "hour 500 (policy 10)" in found.detail) == (None, True)


def test_a_daily_cap_that_the_warm_up_of_its_stream_forbids_does_not_fit(store: Store) -> None:
    make_keyed_desk(store)
    alone(store, limits={"day": 5_000})
    found = shown(store, Kind.DELIVERABILITY, address=QUOTES)["limits"]
    assert (found.found, "allows 50 a day" in found.detail) == (False, True)
    store.transact(lambda tx: tx.write(update(STREAM).where(STREAM.c.domain == OWN).values(warm=True)))
    found = shown(store, Kind.DELIVERABILITY, address=QUOTES)["limits"]
    assert (found.found, "stream is warm" in found.detail) == (None, True)


def test_a_class_that_owes_an_unsubscribe_needs_a_link_that_works(store: Store) -> None:
    make_keyed_desk(store)
    alone(store, classes=(ContentClass.COLD_OUTREACH,))
    for so in (True, False, None):
        lookups = Lookups(unsubscribe=Look(so, "Links."))
        assert shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=lookups)["suppression_connected"].found is so


def test_feedback_without_a_way_in_is_false(store: Store) -> None:
    make_keyed_desk(store)
    alone(store)
    lookups = Lookups(feedback=Look(False, "No way in."))
    assert shown(store, Kind.DELIVERABILITY, address=QUOTES, lookups=lookups)["feedback_connected"].found is False


# --- how long it lives --------------------------------------------------------------------------------------------


def shorten(store: Store) -> None:
    """No identity lives longer than 30 days from now on."""
    new = parse('[identities]\nlongest_life = "30d"')
    store.transact(lambda tx: policy.apply_policy(tx, new, reason="shorter", actor=GAIL))


def test_no_identity_is_asked_for_or_renewed_beyond_the_longest_life(store: Store) -> None:
    make_keyed_desk(store)
    now = store.clock.now()
    with pytest.raises(Invalid, match="at most 365d"):
        request(store, expires_at=now + 366 * DAY)
    record = issued(store, expires_at=now + 365 * DAY)
    assert record.expires_at == now + 365 * DAY

    def renew(days: int) -> MailboxRecord:
        ends = now + days * DAY
        return store.transact(lambda tx: mailboxes.renew(tx, SALES, expires_at=ends, reason="goes on", actor=GAIL))

    with pytest.raises(Invalid, match="at most 365d"):
        renew(366)
    assert renew(364).expires_at == now + 364 * DAY


def test_a_request_that_a_tighter_policy_has_overtaken_is_filed_again(store: Store) -> None:
    make_keyed_desk(store)
    request(store, expires_at=store.clock.now() + 90 * DAY)
    shorten(store)
    with pytest.raises(Conflict, match="longer than the policy allows, 30d"):
        sign(store, Kind.OWNER)
    request(store, expires_at=store.clock.now() + 30 * DAY)
    assert sign(store, Kind.OWNER).status == "requested"


def test_what_lives_already_goes_on_under_a_shorter_longest_life(store: Store) -> None:
    make_keyed_desk(store)
    request(store, mode=Mode.READ_ONLY)
    sign(store, Kind.OWNER)
    assert sign(store, Kind.GOVERNANCE).status == "active"
    shorten(store)
    assert sign(store, Kind.DELIVERABILITY, actor=DORA).status == "active"
