"""A provider's verdict on an address gives way to what the receiver answered; its own list suppresses for a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest
from sqlalchemy import select

from core.db.store import Store
from core.db.tables import SUPPRESSION
from core.durations import DAY
from core.events import EmailBounced
from core.rules.providers import ProviderEvent, mailgun, postmark, sendgrid, ses
from core.services.feedback import ingest, suppressions
from tests.factories.delivery import events, leave
from tests.factories.reports import counted, free, recipient, suppressed

JANE: Final = "jane@example.com"


def by_ses(kind: str, subtype: str, said: str | None = None, status: str | None = None) -> Sequence[ProviderEvent]:
    bounced: dict[str, object] = {"emailAddress": JANE, "action": "failed"}
    if said is not None:
        bounced["diagnosticCode"] = said
    if status is not None:
        bounced["status"] = status
    bounce = {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": [bounced], "feedbackId": "f-1"}
    return ses.events({"eventType": "Bounce", "bounce": bounce, "mail": {"messageId": "id-1"}})


def by_sendgrid(event: str, reason: str, **more: object) -> Sequence[ProviderEvent]:
    row: dict[str, object] = {
        "email": JANE,
        "event": event,
        "reason": reason,
        "sg_event_id": "e",
        "sg_message_id": "id-1",
    }
    return sendgrid.events([row | more])


def by_mailgun(reason: str, code: int, said: str, *, severity: str = "permanent") -> Sequence[ProviderEvent]:
    data = {
        "event": "failed", "id": "m-1", "timestamp": 1_786_000_000.5, "recipient": JANE, "severity": severity,
        "reason": reason, "delivery-status": {"code": code, "message": said, "description": ""},
        "message": {"headers": {"message-id": "id-1"}},
    }  # fmt: skip
    return mailgun.events({"event-data": data})


def by_postmark(kind: str, said: str = "", **more: object) -> Sequence[ProviderEvent]:
    explained = "The server was unable to deliver your message (ex: unknown user, mailbox not found)."
    hook: dict[str, object] = {
        "RecordType": "Bounce", "ID": 42, "Type": kind, "Email": JANE, "MessageID": "id-1", "Details": said,
        "Description": explained,
    }  # fmt: skip
    return postmark.events(hook | more)


def change(reason: str) -> Sequence[ProviderEvent]:
    return postmark.events(
        {"RecordType": "SubscriptionChange", "Recipient": JANE, "MessageID": "id-1", "SuppressSending": True,
         "SuppressionReason": reason}
    )  # fmt: skip


FULL: Final = "552 5.2.2 The email account that you tried to reach is over quota"
SPAM: Final = "550 5.7.1 Message rejected as spam by content filtering"
NOBODY: Final = "550 5.1.1 The email account that you tried to reach does not exist"


@pytest.mark.parametrize(
    "said",
    [
        by_ses("Permanent", "General", f"smtp; {SPAM}", "5.7.1"),
        by_ses("Permanent", "General", f"smtp; {FULL}", "5.2.2"),
        by_ses("Permanent", "General", "smtp; 550 5.1.1 mailbox full", "5.1.1"),
        by_ses("Permanent", "General", "smtp; 550 5.7.26 unauthenticated mail is not accepted, SPF and DKIM failed"),
        by_ses("Permanent", "General", "smtp; 554 5.7.1 Service unavailable; Client host blocked using Spamhaus"),
        by_ses("Permanent", "General", None, "5.7.1"),
        by_ses("Transient", "General", "smtp; 421 4.7.0 try again later", "4.7.0"),
        by_ses("Permanent", "OnAccountSuppressionList", "Amazon SES did not send the message: invalid address"),
        by_ses("Permanent", "Suppressed", "Amazon SES has suppressed this address: it bounces as an invalid address"),
        by_sendgrid("bounce", SPAM, type="bounce", status="5.7.1"),
        by_sendgrid("bounce", SPAM, type="blocked", status="5.7.1"),
        by_sendgrid("bounce", FULL, type="bounce", status="5.0.0"),
        by_sendgrid("bounce", "Mailbox is full", type="bounce", status="5.0.0"),
        by_sendgrid("bounce", "550 5.7.1 relay access denied", type="bounce"),
        by_sendgrid("bounce", "unable to get mx info: unrecognized address", type="blocked", status="5.0.0"),
        by_sendgrid("dropped", "Bounced Address"),
        by_mailgun("bounce", 550, "5.7.1 Our system has detected that this message is likely unsolicited mail"),
        by_mailgun("bounce", 552, "5.2.2 mailbox full"),
        by_mailgun("generic", 550, "Administrative prohibition"),
        by_mailgun("old", 602, "Too old"),
        by_mailgun("old", 452, "4.2.2 The recipient's inbox is out of storage space"),
        by_mailgun("espblock", 550, "5.7.1 [203.0.113.9] is on our block list"),
        by_mailgun("suppress-bounce", 605, "Not delivering to previously bounced address"),
        by_postmark("HardBounce", f"smtp;{SPAM}"),
        by_postmark("HardBounce", f"smtp;{FULL}"),
        by_postmark("HardBounce", "mailbox is full"),
        by_postmark("SpamNotification", f"smtp;{SPAM}"),
        by_postmark("SpamNotification"),
        by_postmark("Blocked", "smtp;554 5.7.1 IP blocked by reputation"),
        by_postmark("DMARCPolicy", "smtp;550 5.7.1 rejected by DMARC policy of the sender's domain"),
        by_postmark("DMARCPolicy"),
        change("HardBounce"),
    ],
)  # fmt: skip
def test_an_address_that_may_be_alive_is_not_condemned_by_its_provider(said: Sequence[ProviderEvent]) -> None:
    assert [ingest.condemned(one) for one in said] == [False]


@pytest.mark.parametrize(
    "said",
    [
        by_ses("Permanent", "General", f"smtp; {NOBODY}", "5.1.1"),
        by_ses("Permanent", "NoEmail"),
        by_ses("Permanent", "General", None, "5.1.1"),
        by_ses("Transient", "General", f"smtp; {NOBODY}", "5.1.1"),
        by_ses("Permanent", "General", "smtp; 550 No such user!", "5.7.1"),
        by_sendgrid("bounce", NOBODY, type="bounce", status="5.1.1"),
        by_sendgrid("bounce", NOBODY, type="blocked", status="5.1.1"),
        by_sendgrid("bounce", "500 unknown recipient"),
        by_sendgrid("bounce", "unknown recipient", type="bounce"),
        by_sendgrid("bounce", "", type="bounce"),
        by_mailgun("bounce", 550, "5.1.1 The email account that you tried to reach does not exist"),
        by_mailgun("generic", 550, "No such user here"),
        by_mailgun("bounce", 550, ""),
        by_mailgun("suppress-complaint", 607, "Not delivering to a user who marked your messages as spam"),
        by_mailgun("espblock", 550, "5.1.1 user unknown"),
        by_postmark("HardBounce", f"smtp;{NOBODY}"),
        by_postmark("HardBounce"),
        by_postmark("HardBounce", "Test bounce details"),
        by_postmark("BadEmailAddress"),
        by_postmark("Unknown", "smtp;550 5.1.1 user unknown"),
        by_postmark("ManuallyDeactivated"),
    ],
)  # fmt: skip
def test_an_address_is_condemned_by_the_receiver_or_by_a_provider_whom_nothing_contradicts(
    said: Sequence[ProviderEvent],
) -> None:
    assert [ingest.condemned(one) for one in said] == [True]


def told(store: Store, said: Sequence[ProviderEvent], *, source: str) -> None:
    for one in said:
        assert absorb_one(store, one, source=source)


def absorb_one(store: Store, one: ProviderEvent, *, source: str) -> bool:
    return store.transact(lambda tx: ingest.absorb_provider(tx, one, source=source)).fresh


def test_what_a_provider_lists_is_suppressed_for_a_time_and_counts_against_nobody(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, JANE, provider_id="id-1")
    told(store, by_mailgun("suppress-bounce", 605, "Not delivering to previously bounced address"), source="mailgun")
    record = store.row(select(SUPPRESSION))
    assert record is not None
    assert (record.cause, record.source) == (suppressions.LISTED, "mailgun")
    assert record.expires_at == store.clock.now() + 30 * DAY
    assert recipient(store, message).feedback == "bounced"
    assert [event.permanent for event in events(store, "email.bounced") if isinstance(event, EmailBounced)] == [False]
    assert counted(store, "bounced_1h") == 0
    assert desk.submit(JANE).error == "recipients_suppressed"
    store.transact(lambda tx: suppressions.lift(tx, JANE, source="mailgun", reason="taken back"))
    assert desk.submit(JANE).error is None


def test_a_spam_verdict_that_its_provider_calls_permanent_suppresses_nobody(store: Store) -> None:
    desk = free(store)
    leave(desk, JANE, provider_id="id-1")
    told(store, by_ses("Permanent", "General", f"smtp; {SPAM}", "5.7.1"), source="ses")
    assert suppressed(store) == []
    assert counted(store, "bounced_1h") == 0
    assert desk.submit(JANE).error is None


def test_a_dead_address_that_its_provider_calls_blocked_is_suppressed_for_good(store: Store) -> None:
    desk = free(store)
    leave(desk, JANE, provider_id="id-1")
    told(store, by_sendgrid("bounce", NOBODY, type="blocked", status="5.1.1"), source="sendgrid")
    assert suppressed(store) == [(JANE, "bounced")]
    assert counted(store, "bounced_1h") == 1


def test_an_address_on_the_list_of_all_customers_of_ses_moves_the_bounce_rate(store: Store) -> None:
    desk = free(store)
    leave(desk, JANE, provider_id="id-1")
    told(store, by_ses("Permanent", "Suppressed"), source="ses")
    assert suppressed(store) == [(JANE, suppressions.LISTED)]
    assert counted(store, "bounced_1h") == 1
