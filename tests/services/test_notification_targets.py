"""Monitored means that somebody hears of every send: at creation, at a mode change, and whenever an ear would go."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from core.db.directory import MailboxRecord
from core.db.store import Store
from core.errors import Conflict, Forbidden, Invalid
from core.model import Mode
from core.rules.issuance import Kind
from core.rules.policy import Policy
from core.services import context
from core.services.control import policy as control_policy
from core.services.identity import mailbox_settings
from tests.factories.desk import ADDRESS, ALICE, GAIL, OLIVE, make_desk
from tests.factories.records import issued, last, make_keyed_desk, request, sign, told

HOOK = "https://hooks.acme.test/x"
TOLD = {"notify": {"urls": ("json://alerts.acme.test",), "events": ("email.sent",)}}
SILENT: tuple[dict[str, Any], ...] = (
    {"urls": (), "events": ("email.sent",)},
    {"urls": ("json://alerts.acme.test",), "events": ("agent.suspended",)},
)


def policy(notify: dict[str, Any] | None = None) -> Policy:
    return Policy.model_validate({"notify": notify or TOLD["notify"]})


def asks_for(store: Store, events: Collection[str] | None) -> MailboxRecord:
    return store.transact(
        lambda tx: mailbox_settings.change_webhook_events(tx, ADDRESS, events, reason="fewer posts", actor=OLIVE)
    )


def test_a_monitored_mailbox_without_an_ear_is_refused_at_creation(store: Store) -> None:
    make_keyed_desk(store)
    with pytest.raises(Invalid, match="nowhere to notify"):
        request(store, mode=Mode.MONITORED)
    with pytest.raises(Invalid, match="nowhere to notify"):
        request(store, mode=Mode.MONITORED, webhook_url=HOOK, webhook_events=("email.bounced",))
    with pytest.raises(Invalid, match="nowhere to notify"):
        request(store, mode=Mode.MONITORED, webhook_events=("email.sent",))
    filed = request(store, mode=Mode.MONITORED, webhook_url=HOOK, webhook_events=("email.sent", "email.bounced"))
    assert filed.record.webhook_events == ("email.bounced", "email.sent")


def test_an_ear_that_went_before_the_last_signature_keeps_the_identity_from_being(store: Store) -> None:
    make_keyed_desk(store, policy=policy())
    record = request(store, mode=Mode.MONITORED, standing_reason="answers at night").record
    sign(store, Kind.OWNER, address=record.address)
    sign(store, Kind.GOVERNANCE, address=record.address)
    store.transact(lambda tx: control_policy.apply_policy(tx, policy(SILENT[0]), reason="quiet", actor=GAIL))
    with pytest.raises(Invalid, match="nowhere to notify"):
        sign(store, Kind.DELIVERABILITY, address=record.address)
    assert "mailbox.activated" not in told(store)


def test_a_monitored_mailboxs_webhook_goes_on_asking_for_departures(store: Store) -> None:
    make_desk(store, mode=Mode.MONITORED, webhook_url=HOOK, webhook_secret=b"sealed")
    with pytest.raises(Invalid, match="nowhere to notify"):
        asks_for(store, ["email.bounced"])
    assert asks_for(store, ["email.sent", "email.failed"]).webhook_events == ("email.failed", "email.sent")
    assert last(store, "mailbox.limits_changed").changes == {"webhook_events": ["all", ["email.failed", "email.sent"]]}
    with pytest.raises(Invalid, match="nowhere to notify"):
        store.transact(
            lambda tx: mailbox_settings.change_webhook(tx, ADDRESS, url=None, secret=None, reason="off", actor=OLIVE)
        )


def test_a_webhook_that_hears_of_no_send_is_no_ear_at_a_mode_change(store: Store) -> None:
    make_desk(store, mode=Mode.AUTONOMOUS, webhook_url=HOOK, webhook_secret=b"sealed")
    asks_for(store, ["email.bounced"])
    with pytest.raises(Invalid, match="nowhere to notify"):
        store.transact(
            lambda tx: mailbox_settings.change_mode(tx, ADDRESS, Mode.MONITORED, reason="calmer", actor=ALICE)
        )
    asks_for(store, None)
    changed = store.transact(
        lambda tx: mailbox_settings.change_mode(tx, ADDRESS, Mode.MONITORED, reason="calmer", actor=ALICE)
    )
    assert changed.mode == "monitored"


@pytest.mark.parametrize("notify", SILENT, ids=["no target", "no such event"])
def test_a_policy_that_would_silence_a_monitored_mailbox_is_refused(store: Store, notify: dict[str, Any]) -> None:
    make_desk(store, mode=Mode.MONITORED, policy=policy())
    with pytest.raises(Conflict, match=ADDRESS):
        store.transact(lambda tx: control_policy.apply_policy(tx, policy(notify), reason="quiet", actor=GAIL))
    asked = store.transact(lambda tx: control_policy.watch_edit(tx, policy(notify)))
    assert [change.path for change in asked.waiting], "an edit of the file alone silences nobody: it waits"
    before = store.look(context.current_policy)[1].notify
    assert before.urls
    assert "email.sent" in before.events
    store.transact(
        lambda tx: mailbox_settings.change_webhook(
            tx, ADDRESS, url=HOOK, secret=b"sealed", reason="an ear", actor=OLIVE
        )
    )
    applied = store.transact(lambda tx: control_policy.apply_policy(tx, policy(notify), reason="quiet", actor=GAIL))
    assert applied.changes
    with pytest.raises(Invalid, match="nowhere to notify"):
        store.transact(
            lambda tx: mailbox_settings.change_webhook(tx, ADDRESS, url=None, secret=None, reason="off", actor=OLIVE)
        )


def test_mailboxes_in_other_modes_may_go_unheard(store: Store) -> None:
    make_desk(store, mode=Mode.AUTONOMOUS, policy=policy(), webhook_url=HOOK, webhook_secret=b"sealed")
    store.transact(lambda tx: control_policy.apply_policy(tx, policy(SILENT[0]), reason="quiet", actor=GAIL))
    assert asks_for(store, ["email.bounced"]).webhook_events == ("email.bounced",)


@pytest.mark.parametrize("events", [["email.opened"], ["agent.suspended"], ["email.approval_undone"], [], [" "]])
def test_what_no_webhook_is_told_of_is_not_asked_for(store: Store, events: list[str]) -> None:
    make_desk(store, webhook_url=HOOK, webhook_secret=b"sealed")
    with pytest.raises(Invalid):
        asks_for(store, events)


def test_events_are_chosen_by_who_may_change_the_webhook(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Conflict, match="no webhook"):
        asks_for(store, ["email.sent"])
    with pytest.raises(Forbidden):
        store.transact(lambda tx: mailbox_settings.change_webhook_events(tx, ADDRESS, None, reason="x", actor=ALICE))


def test_a_request_filed_again_keeps_the_events_it_asked_for(store: Store) -> None:
    make_keyed_desk(store)
    record = issued(store, webhook_url=HOOK, webhook_events=("email.sent",))
    assert record.webhook_events == ("email.sent",)
