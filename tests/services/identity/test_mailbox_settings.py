"""What an identity may do: modes, limits, allow-lists, classes, webhooks; on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from core.db.directory import MailboxRecord
from core.db.store import Store
from core.db.tables import LANE, MAILBOX
from core.demo.clock import FakeClock
from core.durations import DAY, FAR_FUTURE, HOUR, stamp
from core.errors import Conflict, Forbidden, Invalid
from core.model import Actor, ContentClass, Mode, Role
from core.rules.issuance import Kind
from core.rules.policy import Policy
from core.services.identity import mailbox_settings
from core.services.identity.mailbox_settings import Change
from core.services.sending import delivery
from tests.factories.desk import ADDRESS, ALICE, BOB, DORA, GAIL, OLIVE, ROOT, WIDE, also, hire, make_desk, person
from tests.factories.records import SALES, issued, last, make_keyed_desk, request, sign, told

AGENT = Actor("agent", "support-bot", frozenset(Role))
OPEN = {**WIDE, "webhook_url": "https://hooks.acme.test/x"}


def set_mode(
    store: Store, mode: Mode, *, actor: Actor = GAIL, reason: str = "30 days, no complaint", address: str = ADDRESS
) -> MailboxRecord:
    return store.transact(lambda tx: mailbox_settings.change_mode(tx, address, mode, reason=reason, actor=actor))


def change(store: Store, *, actor: Actor = GAIL, address: str = ADDRESS, **more: Any) -> MailboxRecord:
    reason = more.pop("reason", "agreed in review")
    wanted = Change(**more)
    return store.transact(lambda tx: mailbox_settings.change_limits(tx, address, wanted, reason=reason, actor=actor))


def sign_as_owner(store: Store) -> None:
    """An identity that went the whole way."""
    issued(store, webhook_url="https://hooks.acme.test/x")


# --- the mode -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [ALICE, BOB, OLIVE, GAIL, DORA], ids=str)
def test_whoever_watches_lowers_a_mode_by_several_rungs_at_once(store: Store, actor: Actor) -> None:
    make_desk(store, mode=Mode.AUTONOMOUS)
    record = set_mode(store, Mode.READ_ONLY, actor=actor, reason="odd mail")
    assert (record.mode, record.mode_since, record.updated_at) == ("read_only", store.clock.now(), store.clock.now())
    event = last(store, "mailbox.mode_changed")
    assert (event.actor, event.old, event.new, event.reason) == (actor.name, "autonomous", "read_only", "odd mail")


@pytest.mark.parametrize("actor", [ROOT, AGENT, person("audrey", Role.AUDITOR)], ids=str)
def test_admin_auditor_and_agent_change_no_mode_in_either_direction(store: Store, actor: Actor) -> None:
    make_desk(store)
    hire(store, person("audrey", Role.AUDITOR))
    for mode in Mode:
        with pytest.raises(Forbidden):
            set_mode(store, mode, actor=actor)
    assert told(store) == []


@pytest.mark.parametrize("actor", [ALICE, OLIVE, DORA], ids=str)
def test_only_governance_raises_a_mode(store: Store, actor: Actor) -> None:
    make_desk(store, mode=Mode.GATED_ALL)
    with pytest.raises(Forbidden, match="raise a mode"):
        set_mode(store, Mode.GATED_SEND, actor=actor)


def test_a_mode_rises_one_rung_at_a_time(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    sign_as_owner(store)
    with pytest.raises(Conflict, match="one step"):
        set_mode(store, Mode.AUTONOMOUS, address=SALES)
    assert set_mode(store, Mode.MONITORED, address=SALES).mode == "monitored"
    clock.advance(micros=DAY)
    assert set_mode(store, Mode.AUTONOMOUS, address=SALES).mode == "autonomous"


def test_two_rungs_are_not_climbed_in_two_calls(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    sign_as_owner(store)
    raised = set_mode(store, Mode.MONITORED, address=SALES)
    assert raised.raised_at == store.clock.now()
    clock.advance(micros=DAY - 1)
    with pytest.raises(Conflict, match="24h between two raises") as refused:
        set_mode(store, Mode.AUTONOMOUS, address=SALES)
    assert stamp(raised.raised_at + DAY) in (refused.value.fix or "")
    clock.advance(micros=1)
    assert set_mode(store, Mode.AUTONOMOUS, address=SALES).mode == "autonomous"


def test_to_lower_and_raise_again_is_no_way_around_the_pause(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    sign_as_owner(store)
    set_mode(store, Mode.MONITORED, address=SALES)
    clock.advance(micros=HOUR)
    assert set_mode(store, Mode.GATED_ALL, address=SALES).mode == "gated_all"
    with pytest.raises(Conflict, match="between two raises"):
        set_mode(store, Mode.GATED_SEND, address=SALES)
    clock.advance(micros=23 * HOUR)
    assert set_mode(store, Mode.GATED_SEND, address=SALES).mode == "gated_send"
    with pytest.raises(Conflict, match="between two raises"):
        set_mode(store, Mode.MONITORED, address=SALES)


def test_the_first_raise_waits_for_nothing_also_after_lowering(store: Store) -> None:
    make_keyed_desk(store)
    sign_as_owner(store)
    set_mode(store, Mode.GATED_ALL, address=SALES)
    assert set_mode(store, Mode.GATED_SEND, address=SALES).mode == "gated_send"


def test_policy_says_how_long_the_pause_between_two_raises_is(store: Store) -> None:
    make_keyed_desk(store, policy=Policy.model_validate({"oversight": {"minimum_time_on_rung": 0}}))
    sign_as_owner(store)
    set_mode(store, Mode.MONITORED, address=SALES)
    assert set_mode(store, Mode.AUTONOMOUS, address=SALES).mode == "autonomous"


def test_neither_who_asked_nor_the_owner_raises_a_mode_in_another_hat(store: Store) -> None:
    make_keyed_desk(store)
    sign_as_owner(store)
    for one in (also(store, ALICE, Role.GOVERNANCE), also(store, OLIVE, Role.GOVERNANCE)):
        with pytest.raises(Forbidden, match="somebody else"):
            set_mode(store, Mode.MONITORED, actor=one, address=SALES)


def test_a_mailbox_that_nobody_would_hear_of_is_not_monitored(store: Store) -> None:
    make_keyed_desk(store)
    issued(store)
    with pytest.raises(Invalid, match="nowhere to notify"):
        set_mode(store, Mode.MONITORED, address=SALES)


def test_lowering_to_monitored_needs_an_ear_too(store: Store) -> None:
    make_desk(store, mode=Mode.AUTONOMOUS)
    with pytest.raises(Invalid, match="nowhere to notify"):
        set_mode(store, Mode.MONITORED)
    assert set_mode(store, Mode.GATED_SEND).mode == "gated_send"


def test_a_notification_of_every_send_is_an_ear(store: Store) -> None:
    policy = Policy.model_validate({"notify": {"urls": ("json://alerts.acme.test",), "events": ("email.sent",)}})
    make_keyed_desk(store, policy=policy)
    issued(store)
    assert set_mode(store, Mode.MONITORED, address=SALES).mode == "monitored"


def test_a_mode_change_says_why(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Invalid) as refused:
        set_mode(store, Mode.GATED_ALL, reason="  ")
    assert refused.value.problems == (("change_reason", "is missing"),)


def test_the_mode_in_force_changes_nothing_and_is_no_event(store: Store) -> None:
    make_desk(store)
    assert set_mode(store, Mode.GATED_SEND, reason="").mode == "gated_send"
    assert told(store) == []


def test_why_a_mode_was_raised_stands_in_the_log_and_not_in_the_record_people_signed(store: Store) -> None:
    make_keyed_desk(store)
    sign_as_owner(store)
    assert set_mode(store, Mode.MONITORED, reason="answers at night", address=SALES).standing_reason is None
    assert last(store, "mailbox.mode_changed").reason == "answers at night"


def test_a_mailbox_signed_for_reading_only_does_not_send_before_deliverability_has_signed(store: Store) -> None:
    make_keyed_desk(store)
    request(store, mode=Mode.READ_ONLY)
    sign(store, Kind.OWNER)
    sign(store, Kind.GOVERNANCE)
    with pytest.raises(Conflict, match="deliverability") as refused:
        set_mode(store, Mode.GATED_ALL, address=SALES)
    assert "--as deliverability" in (refused.value.fix or "")
    sign(store, Kind.DELIVERABILITY)
    assert set_mode(store, Mode.GATED_ALL, address=SALES).mode == "gated_all"


def test_no_mode_of_what_is_not_active_changes(store: Store) -> None:
    make_desk(store)
    request(store)
    with pytest.raises(Conflict, match="not active yet"):
        set_mode(store, Mode.READ_ONLY, address=SALES)


def test_pending_mail_is_untouched_by_a_mode_change(store: Store) -> None:
    desk = make_desk(store, **OPEN)
    desk.submit()
    before = told(store)
    set_mode(store, Mode.GATED_ALL)
    set_mode(store, Mode.READ_ONLY)
    assert told(store) == [*before, "mailbox.mode_changed", "mailbox.mode_changed"]
    assert store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)) == []


# --- limits -------------------------------------------------------------------------------------------------------


def test_governance_widens_and_the_log_has_both_figures(store: Store) -> None:
    make_desk(store)
    record = change(store, limits={"day": 500, "hour": 60})
    assert (record.limit_day, record.limit_hour, record.limit_run) == (500, 60, None)
    event = last(store, "mailbox.limits_changed")
    assert (event.changes, event.widened) == ({"day": [None, 500], "hour": [None, 60]}, True)


@pytest.mark.parametrize("actor", [ALICE, OLIVE, DORA, ROOT, AGENT], ids=str)
def test_nobody_but_governance_widens_a_limit(store: Store, actor: Actor) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        change(store, actor=actor, limits={"day": 11})
    assert told(store) == []


def test_whoever_watches_narrows_a_limit(store: Store) -> None:
    make_desk(store)
    assert change(store, actor=ALICE, limits={"day": 5}).limit_day == 5
    assert not last(store, "mailbox.limits_changed").widened
    for actor in (ROOT, AGENT):
        with pytest.raises(Forbidden):
            change(store, actor=actor, limits={"day": 4})


def test_one_wider_limit_among_narrower_ones_makes_the_change_governances(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        change(store, actor=ALICE, limits={"day": 5, "hour": 11})


def test_going_back_to_the_policys_figure_widens_what_was_narrower(store: Store) -> None:
    make_desk(store, limit_day=5)
    with pytest.raises(Forbidden):
        change(store, actor=ALICE, limits={"day": None})
    assert change(store, limits={"day": None}).limit_day is None


def test_an_own_pace_that_is_wider_than_one_sites_is_wider(store: Store) -> None:
    make_desk(store, policy=Policy.model_validate({"budgets": {"sites": {"gmail.com": {"minute": 20}}}}))
    with pytest.raises(Forbidden):
        change(store, actor=ALICE, limits={"site_minute": 30})
    assert change(store, actor=ALICE, limits={"site_minute": 20}).limit_site_minute == 20


def test_a_change_without_a_reason_or_of_no_limit_is_refused(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Invalid):
        change(store, limits={"day": 5}, reason="")
    with pytest.raises(Invalid):
        change(store, limits={"week": 5})


def test_a_widened_budget_takes_effect_at_once(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **{**WIDE, "limit_hour": 1, "limit_day": 1})
    desk.submit(["a@example.com", "b@example.com"])
    assert len(store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10))) == 1
    clock.advance(seconds=1)  # past the pace, far from the refill of the hour
    assert store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)) == []
    change(store, limits={"hour": 10, "day": 10})
    assert len(store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10))) == 1


def test_a_lane_that_waits_for_its_pace_wakes_and_one_that_backs_off_does_not(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit(["a@example.com", "b@example.net"])

    def hold(domain: str, why: str) -> None:
        later = store.clock.now() + HOUR
        values = {"not_before": later, "next_at": later, "waits_for": why}
        store.transact(lambda tx: tx.write(update(LANE).where(LANE.c.domain == domain).values(**values)))

    hold("example.com", "site_minute")
    hold("example.net", "lane backs off")
    change(store, limits={"site_minute": 10**6 + 1})
    claimed = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10))
    assert [one.domain for one in claimed] == ["example.com"]


def test_a_paused_lane_stays_paused_when_budgets_widen(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("a@example.com")
    paused = {"paused_at": store.clock.now(), "next_at": FAR_FUTURE, "not_before": FAR_FUTURE, "waits_for": "site_hour"}
    store.transact(lambda tx: tx.write(update(LANE).values(**paused)))
    change(store, limits={"site_hour": 10**6 + 1})
    row = store.row(select(LANE.c.next_at))
    assert row is not None
    assert row.next_at == FAR_FUTURE


# --- allow-list, classes, expiry, name ----------------------------------------------------------------------------


def test_an_allow_list_is_narrowed_by_whoever_watches_and_widened_by_governance(store: Store) -> None:
    make_desk(store, allow=["*@example.com", "*@example.net"])
    assert change(store, actor=ALICE, allow=["jane@example.com"]).allow == ("jane@example.com",)
    for actor in (ALICE, OLIVE, ROOT, AGENT):
        with pytest.raises(Forbidden):
            change(store, actor=actor, allow=["jane@example.com", "joe@example.com"])
    assert change(store, allow=["*"]).allow == ("*",)


def test_the_log_holds_no_address_of_an_allow_list(store: Store) -> None:
    make_desk(store)
    change(store, actor=ALICE, allow=["jane@example.com"])
    assert last(store, "mailbox.limits_changed").changes == {"allow": {"old": 1, "new": 1, "added": 1, "removed": 1}}


def test_further_classes_are_deliverabilitys_and_never_who_asked(store: Store) -> None:
    make_desk(store)
    wider = [ContentClass.TRANSACTIONAL, ContentClass.COLD_OUTREACH]
    for actor in (ALICE, GAIL, AGENT):
        with pytest.raises(Forbidden):
            change(store, actor=actor, classes=wider)
    with pytest.raises(Forbidden, match="somebody else"):
        change(store, actor=also(store, ALICE, Role.DELIVERABILITY), classes=wider)
    assert change(store, actor=DORA, classes=wider).classes == ("transactional", "cold_outreach")
    assert change(store, actor=ALICE, classes=wider[:1]).classes == ("transactional",)


def test_pending_mail_waits_an_hour_to_thirty_days(store: Store) -> None:
    make_desk(store)
    assert change(store, actor=OLIVE, pending_expiry=HOUR).pending_expiry == HOUR
    assert change(store, pending_expiry=30 * DAY).pending_expiry == 30 * DAY
    assert change(store, pending_expiry=0).pending_expiry is None
    with pytest.raises(Invalid):
        change(store, pending_expiry=30 * DAY + 1)
    with pytest.raises(Forbidden):
        change(store, actor=ALICE, pending_expiry=HOUR)


def test_the_name_recipients_see_is_signed_for_by_governance(store: Store) -> None:
    make_desk(store)
    assert change(store, display_name="Acme support").display_name == "Acme support"
    assert change(store, display_name="").display_name is None
    with pytest.raises(Forbidden):
        change(store, actor=ALICE, display_name="The bank")
    with pytest.raises(Invalid):
        change(store, display_name="a\nb")


def test_a_change_is_made_whole_or_not_at_all(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        change(store, actor=ALICE, limits={"day": 1}, allow=["*", "x@example.com"], classes=[ContentClass.COMMITMENT])
    row = store.row(select(MAILBOX.c.limit_day))
    assert row is not None
    assert row.limit_day is None


# --- webhooks -----------------------------------------------------------------------------------------------------


def hook(store: Store, url: str | None, *, actor: Actor = OLIVE) -> MailboxRecord:
    secret = b"sealed" if url else None
    return store.transact(
        lambda tx: mailbox_settings.change_webhook(tx, ADDRESS, url=url, secret=secret, reason="moved", actor=actor)
    )


def test_a_webhook_changes_by_owner_or_governance_and_the_log_has_its_host_only(store: Store) -> None:
    make_desk(store)
    assert hook(store, "https://hooks.acme.test/T0/secret").webhook_url == "https://hooks.acme.test/T0/secret"
    assert last(store, "mailbox.limits_changed").changes == {"approval_webhook": [None, "hooks.acme.test"]}
    for actor in (ALICE, ROOT, AGENT):
        with pytest.raises(Forbidden):
            hook(store, None, actor=actor)


def test_a_monitored_mailbox_keeps_its_ear(store: Store) -> None:
    make_desk(store, mode=Mode.MONITORED, **OPEN)
    with pytest.raises(Invalid, match="nowhere to notify"):
        hook(store, None)


def test_a_rotated_secret_is_good_beside_the_old_one_for_a_day(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Conflict, match="no webhook"):
        store.transact(
            lambda tx: mailbox_settings.rotate_secret(tx, ADDRESS, secret=b"new", reason="routine", actor=GAIL)
        )
    hook(store, "https://hooks.acme.test/x")
    record = store.transact(
        lambda tx: mailbox_settings.rotate_secret(tx, ADDRESS, secret=b"new", reason="routine", actor=GAIL)
    )
    assert (record.webhook_secret, record.webhook_previous) == (b"new", b"sealed")
    assert record.webhook_previous_until == store.clock.now() + DAY
    assert last(store, "mailbox.limits_changed").changes == {"webhook_secret": "rotated"}
