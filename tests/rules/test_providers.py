"""What providers' payloads mean to the desk; the payloads follow the examples in the providers' own documentation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.model import Feedback
from core.rules.providers import Happened, ProviderEvent, mailgun, postmark, sendgrid, ses
from core.rules.providers import payload as provider_payload

JANE: Final = "jane@example.com"
SES_MAIL: Final[Mapping[str, object]] = {
    "timestamp": "2026-08-05T00:40:02.012Z",
    "messageId": "0100-ses-000000",
    "destination": [JANE],
    "headersTruncated": False,
    "headers": [
        {"name": "From", "value": "help@support-bot.acme.com"},
        {"name": "Message-ID", "value": "<m1@support-bot.acme.com>"},
        {"name": "X-Postroom-Message-ID", "value": "k1.m1.mac"},
    ],
    "commonHeaders": {"messageId": "0100-ses-000000"},
    "tags": {"ses:configuration-set": ["postroom"]},
}


def ses_event(kind: str, member: str, **fields: object) -> dict[str, object]:
    common: dict[str, object] = {"timestamp": "2026-08-05T00:41:02.669Z", "feedbackId": "0100-feedback"}
    return {"eventType": kind, member: common | fields, "mail": SES_MAIL}


def ses_bounce(kind: str = "Permanent", subtype: str = "General") -> dict[str, object]:
    bounced = {"emailAddress": JANE, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}
    return ses_event("Bounce", "bounce", bounceType=kind, bounceSubType=subtype, bouncedRecipients=[bounced])


def ses_complaint(**fields: object) -> dict[str, object]:
    return ses_event("Complaint", "complaint", complainedRecipients=[{"emailAddress": JANE}], **fields)


def sendgrid_row(event: str, **fields: object) -> dict[str, object]:
    return {
        "email": JANE,
        "timestamp": 1_786_000_000,
        "smtp-id": "<m1@support-bot.acme.com>",
        "event": event,
        "sg_event_id": "sg_event_id",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "postroom_message_id": "k1.m1.mac",
    } | fields


def mailgun_hook(event: str, **fields: object) -> dict[str, object]:
    data: dict[str, object] = {
        "event": event,
        "id": "G9Bn5sl1TC6nu79C8C0bwg",
        "timestamp": 1521233123.501324,
        "recipient": JANE,
        "user-variables": {"postroom_message_id": "k1.m1.mac"},
        "message": {"headers": {"message-id": "m1@support-bot.acme.com", "to": JANE}, "size": 4 * 1024},
    }
    return {"signature": {}, "event-data": data | fields}


def postmark_hook(record: str, **fields: object) -> dict[str, object]:
    return {
        "RecordType": record,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"postroom_message_id": "k1.m1.mac"},
        "MessageStream": "outbound",
    } | fields


def postmark_bounce(kind: str, code: int) -> dict[str, object]:
    return postmark_hook(
        "Bounce",
        ID=42,
        Type=kind,
        TypeCode=code,
        Email=JANE,
        Details="smtp;550 5.1.1 no",
        BouncedAt="2026-11-05T16:33:54Z",
    )


def brief(events: tuple[ProviderEvent, ...]) -> tuple[Happened | None, bool, bool]:
    """Event, permanent, counted of the only event."""
    (only,) = events
    return only.event, only.permanent, only.counted


HARD: Final = (Feedback.BOUNCED, True, True)
SOFT: Final = (Feedback.BOUNCED, False, True)
LISTED: Final = (Feedback.BOUNCED, True, False)
UNSENT: Final = (Feedback.BOUNCED, False, False)
COMPLAINT: Final = (Feedback.COMPLAINED, True, True)
LEFT: Final = (Feedback.UNSUBSCRIBED, True, True)
DELAY: Final = ("deferred", False, True)
DONE: Final = (Feedback.DELIVERED, False, True)
IGNORED: Final = (None, False, False)


def test_ses_bounce_carries_all_that_identifies_message_and_recipient() -> None:
    (event,) = ses.events(json.dumps(ses_bounce()))
    assert event == ProviderEvent(
        key=event.key,
        name="Bounce/Permanent/General",
        event=Feedback.BOUNCED,
        recipient=JANE,
        permanent=True,
        provider_message_id="0100-ses-000000",
        postroom_id="k1.m1.mac",
        rfc_message_id="<m1@support-bot.acme.com>",
        status="5.1.1",
        diagnostic="smtp; 550 5.1.1 unknown",
        at=1_785_890_462_669_000,
    )


def test_ses_event_and_notification_formats_of_one_bounce_count_once() -> None:
    published = ses_bounce()
    notified = {"notificationType": published.pop("eventType")} | published
    assert ses.events(notified) == ses.events(ses_bounce())


@pytest.mark.parametrize(
    ("payload", "meaning"),
    [
        (ses_bounce("Transient", "MailboxFull"), SOFT),
        (ses_bounce("Undetermined", "Undetermined"), SOFT),
        (ses_bounce("Permanent", "Suppressed"), HARD),
        (ses_bounce("Permanent", "OnAccountSuppressionList"), LISTED),
        (ses_bounce("Permanent", "UnsubscribedRecipient"), (Feedback.UNSUBSCRIBED, True, False)),
        (ses_complaint(complaintFeedbackType="abuse"), COMPLAINT),
        (ses_complaint(), COMPLAINT),
        (ses_complaint(complaintFeedbackType="not-spam"), IGNORED),
        (ses_complaint(complaintSubType="OnAccountSuppressionList"), LISTED),
        (ses_event("Delivery", "delivery", recipients=[JANE], smtpResponse="250 2.6.0 ok"), DONE),
        (ses_event("DeliveryDelay", "deliveryDelay", delayType="TransientCommunicationFailure",
                   delayedRecipients=[{"emailAddress": JANE, "status": "4.4.1"}]), DELAY),
        (ses_event("Reject", "reject", reason="Bad content"), UNSENT),
        (ses_event("Subscription", "subscription", newTopicPreferences={"unsubscribeAll": True}), LEFT),
        (ses_event("Subscription", "subscription", newTopicPreferences={
            "topicSubscriptionStatus": [{"topicName": "news", "subscriptionStatus": "OptOut"}]}), LEFT),
        (ses_event("Subscription", "subscription", newTopicPreferences={"unsubscribeAll": False}), IGNORED),
    ],
)  # fmt: skip
def test_ses_payload_means(payload: object, meaning: tuple[Happened | None, bool, bool]) -> None:
    assert brief(ses.events(payload)) == meaning


def test_ses_says_things_that_are_not_about_any_message() -> None:
    assert ses.events("Successfully validated SNS topic for Amazon SES event publishing.") == ()
    assert ses.events({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "..."}) == ()
    assert ses.events(ses_event("Open", "open")) == ()


def test_ses_bounce_of_two_recipients_is_two_events() -> None:
    bounced = [{"emailAddress": JANE}, {"emailAddress": "Bob <bob@example.net>"}]
    payload = ses_event("Bounce", "bounce", bounceType="Permanent", bouncedRecipients=bounced)
    events = ses.events(payload)
    assert [event.recipient for event in events] == [JANE, "bob@example.net"]
    assert len({event.key for event in events}) == 2


def test_sendgrid_bounce_carries_all_that_identifies_message_and_recipient() -> None:
    (event,) = sendgrid.events([sendgrid_row("bounce", type="bounce", status="5.1.1", reason="550 5.1.1 unknown")])
    assert event == ProviderEvent(
        key=event.key,
        name="bounce/bounce",
        event=Feedback.BOUNCED,
        recipient=JANE,
        permanent=True,
        provider_message_id="14c5d75ce93.dfd.64b469",
        postroom_id="k1.m1.mac",
        rfc_message_id="<m1@support-bot.acme.com>",
        status="5.1.1",
        diagnostic="550 5.1.1 unknown",
        at=1_786_000_000_000_000,
    )


@pytest.mark.parametrize(
    ("row", "meaning"),
    [
        (sendgrid_row("bounce", type="blocked", reason="550 5.7.1 listed"), SOFT),
        (sendgrid_row("bounce", type="bounce", reason="452 4.2.2 full"), SOFT),
        (sendgrid_row("bounce", type="bounce", reason="450 try later"), SOFT),
        (sendgrid_row("bounce", reason="500 unknown recipient"), HARD),
        (sendgrid_row("dropped", reason="Bounced Address"), LISTED),
        (sendgrid_row("dropped", reason="Spam Reporting Address"), LISTED),
        (sendgrid_row("dropped", reason="Unsubscribed Address"), (Feedback.UNSUBSCRIBED, True, False)),
        (sendgrid_row("dropped", reason="Spam Content"), UNSENT),
        (sendgrid_row("deferred", response="400 try again later"), DELAY),
        (sendgrid_row("delivered", response="250 OK"), DONE),
        (sendgrid_row("spamreport"), COMPLAINT),
        (sendgrid_row("unsubscribe"), LEFT),
        (sendgrid_row("group_unsubscribe", asm_group_id=10), LEFT),
        (sendgrid_row("group_resubscribe"), IGNORED),
        (sendgrid_row("open"), IGNORED),
        (sendgrid_row("processed"), IGNORED),
    ],
)
def test_sendgrid_payload_means(row: object, meaning: tuple[Happened | None, bool, bool]) -> None:
    assert brief(sendgrid.events([row])) == meaning


def test_one_malformed_sendgrid_event_does_not_lose_the_complaint_beside_it() -> None:
    events = sendgrid.events([{"event": "bounce", "email": 7}, "x", sendgrid_row("spamreport")])
    assert [event.name for event in events] == ["malformed", "malformed", "spamreport"]
    assert events[2].event is Feedback.COMPLAINED


def test_mailgun_failure_carries_all_that_identifies_message_and_recipient() -> None:
    said = {"code": 550, "message": "5.1.1 no such\r\nuser\x1b[2J", "enhanced-code": "5.1.1", "attempt-no": 1}
    hook = mailgun_hook("failed", severity="permanent", reason="bounce", **{"delivery-status": said})
    (event,) = mailgun.events(hook)
    assert event == ProviderEvent(
        key=event.key,
        name="failed/permanent/bounce",
        event=Feedback.BOUNCED,
        recipient=JANE,
        permanent=True,
        provider_message_id="m1@support-bot.acme.com",
        postroom_id="k1.m1.mac",
        rfc_message_id="<m1@support-bot.acme.com>",
        status="5.1.1",
        diagnostic="5.1.1 no such user [2J",
        at=1_521_233_123_501_324,
        code=550,
    )


@pytest.mark.parametrize(
    ("hook", "meaning"),
    [
        (mailgun_hook("failed", severity="temporary", reason="generic"), DELAY),
        (mailgun_hook("failed", severity="permanent", reason="bounce"), HARD),
        (mailgun_hook("failed", severity="permanent", reason="old"), SOFT),
        (mailgun_hook("failed", severity="permanent", reason="espblock"), SOFT),
        (mailgun_hook("failed", severity="permanent", **{"delivery-status": {"code": 452}}), SOFT),
        (mailgun_hook("failed", severity="permanent", **{"delivery-status": {"bounce-type": "soft"}}), SOFT),
        (mailgun_hook("failed", severity="permanent", reason="suppress-bounce"), LISTED),
        (mailgun_hook("failed", severity="permanent", reason="suppress-complaint"), LISTED),
        (mailgun_hook("failed", severity="permanent", reason="suppress-unsubscribe"),
         (Feedback.UNSUBSCRIBED, True, False)),
        (mailgun_hook("rejected", reject={"reason": "Sandbox"}), UNSENT),
        (mailgun_hook("complained"), COMPLAINT),
        (mailgun_hook("unsubscribed"), LEFT),
        (mailgun_hook("delivered"), DONE),
        (mailgun_hook("opened"), IGNORED),
    ],
)  # fmt: skip
def test_mailgun_payload_means(hook: object, meaning: tuple[Happened | None, bool, bool]) -> None:
    assert brief(mailgun.events(hook)) == meaning


def test_postmark_bounce_carries_all_that_identifies_message_and_recipient() -> None:
    (event,) = postmark.events(postmark_bounce("HardBounce", 1))
    assert event == ProviderEvent(
        key=event.key,
        name="Bounce/HardBounce",
        event=Feedback.BOUNCED,
        recipient=JANE,
        permanent=True,
        provider_message_id="883953f4-6105-42a2-a16a-77a8eac79483",
        postroom_id="k1.m1.mac",
        status="5.1.1",
        diagnostic="smtp;550 5.1.1 no",
        at=1_793_896_434_000_000,
    )


def postmark_change(reason: str | None, *, stopped: bool = True) -> dict[str, object]:
    return postmark_hook("SubscriptionChange", Recipient=JANE, SuppressSending=stopped, SuppressionReason=reason)


@pytest.mark.parametrize(
    ("hook", "meaning"),
    [
        (postmark_bounce("BadEmailAddress", 100000), HARD),
        (postmark_bounce("SoftBounce", 4096), SOFT),
        (postmark_bounce("Blocked", 100006), SOFT),
        (postmark_bounce("SomethingNew", 999), SOFT),
        (postmark_bounce("SomethingNew", 1), HARD),
        (postmark_bounce("Transient", 2), DELAY),
        (postmark_bounce("AutoResponder", 64), IGNORED),
        (postmark_bounce("SpamComplaint", 100001), COMPLAINT),
        (postmark_bounce("Unsubscribe", 16), LEFT),
        (postmark_bounce("ManuallyDeactivated", 100002), LISTED),
        (postmark_bounce("SMTPApiError", 100007), UNSENT),
        (postmark_hook("SpamComplaint", ID=43, Email=JANE), COMPLAINT),
        (postmark_hook("Delivery", Recipient=JANE, Details="Test", DeliveredAt="2026-11-05T16:33:54.9Z"), DONE),
        (postmark_change("ManualSuppression"), LEFT),
        (postmark_change("HardBounce"), HARD),
        (postmark_change("SpamComplaint"), COMPLAINT),
        (postmark_change(None, stopped=False), IGNORED),
        (postmark_hook("Open", Recipient=JANE), IGNORED),
    ],
)
def test_postmark_payload_means(hook: object, meaning: tuple[Happened | None, bool, bool]) -> None:
    assert brief(postmark.events(hook)) == meaning


SAMPLES: Final[tuple[tuple[Callable[[object], tuple[ProviderEvent, ...]], object], ...]] = (
    (ses.events, ses_bounce()),
    (ses.events, ses_complaint(complaintFeedbackType="abuse")),
    (ses.events, ses_event("Delivery", "delivery", recipients=[JANE])),
    (ses.events, ses_event("Subscription", "subscription", newTopicPreferences={"topicSubscriptionStatus": [{}]})),
    (
        sendgrid.events,
        [sendgrid_row("bounce", type="bounce", status="5.1.1"), sendgrid_row("dropped", reason="Invalid")],
    ),
    (mailgun.events, mailgun_hook("failed", severity="permanent", **{"delivery-status": {"code": 550}})),
    (postmark.events, postmark_bounce("HardBounce", 1)),
    (postmark.events, postmark_change("HardBounce")),
)


@pytest.mark.parametrize(("events", "payload"), SAMPLES)
def test_same_payload_gives_the_same_keys_and_another_recipient_other_keys(
    events: Callable[[object], tuple[ProviderEvent, ...]], payload: object
) -> None:
    def keys(text: str) -> set[str]:
        return {event.key for event in events(json.loads(text))}

    text = json.dumps(payload)
    assert keys(text) == keys(text)
    # SendGrid and Postmark give every event an id of its own, which alone names it.
    other = (
        text.replace(JANE, "john@example.com")
        .replace('sg_event_id": "', 'sg_event_id": "2')
        .replace('"ID": 4', '"ID": 5')
    )
    assert not keys(text) & keys(other)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([JANE, "Bounce", "bounce"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def paths(value: object, so_far: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every node of a JSON value."""
    found = [so_far]
    if isinstance(value, dict):
        found += [path for name, inner in value.items() for path in paths(inner, (*so_far, name))]
    elif isinstance(value, list):
        found += [path for index, inner in enumerate(value) for path in paths(inner, (*so_far, index))]
    return found


def replaced(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    first, *rest = path
    if isinstance(value, dict):
        return {name: replaced(inner, tuple(rest), new) if name == first else inner for name, inner in value.items()}
    assert isinstance(value, list)
    return [replaced(inner, tuple(rest), new) if index == first else inner for index, inner in enumerate(value)]


@given(data=st.data())
def test_payload_of_any_shape_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    events, sample = data.draw(st.sampled_from(SAMPLES))
    path = data.draw(st.sampled_from(paths(sample)))
    payload = replaced(sample, path, data.draw(JSON))
    try:
        found = events(payload)
    except Invalid:
        return
    for event in found:
        assert len(event.key) < 80
        assert len(event.name) <= 200
        assert len(event.recipient) <= 320
        assert len(event.diagnostic or "") <= 1_000
        assert "\x1b" not in (event.diagnostic or "")
        for identity in (event.provider_message_id, event.postroom_id, event.rfc_message_id):
            assert len(identity or "") <= 1_000


def test_payload_that_is_too_deep_too_long_or_too_large_is_refused() -> None:
    for body in (b"[" * 100_000, b'"' + b"x" * provider_payload.MAX_BODY + b'"', b"\xff", b"NaN"):
        with pytest.raises(Invalid):
            provider_payload.parse(body)
    with pytest.raises(Invalid):
        sendgrid.events([0] * (provider_payload.MAX_ROWS + 1))


def test_what_a_provider_mails_again_lifts_and_what_it_stops_does_not() -> None:
    def lifts(found: tuple[ProviderEvent, ...]) -> list[bool]:
        return [one.lifts for one in found]

    def change(**more: object) -> object:
        return postmark_hook("SubscriptionChange", Recipient=JANE, **more)

    assert lifts(postmark.events(change(SuppressSending=False, SuppressionReason=None))) == [True]
    assert lifts(postmark.events(change(SuppressSending=True, SuppressionReason="HardBounce"))) == [False]
    assert lifts(postmark.events(change())) == [False]
    assert lifts(sendgrid.events([sendgrid_row("group_resubscribe"), sendgrid_row("unsubscribe")])) == [True, False]
    topics = {
        state: {"topicSubscriptionStatus": [{"topicName": "offers", "subscriptionStatus": state}]}
        for state in ("OptIn", "OptOut")
    }
    for old, new, expected in (("OptOut", "OptIn", True), ("OptIn", "OptOut", False), ("OptIn", "OptIn", False)):
        told = ses_event(
            "Subscription", "subscription", oldTopicPreferences=topics[old], newTopicPreferences=topics[new]
        )
        assert lifts(ses.events(told)) == [expected]


@pytest.mark.parametrize("to", [JANE, f"Jane Doe <{JANE}>"])
def test_mailgun_s_rejection_without_a_recipient_is_about_whom_the_message_is_to(to: str) -> None:
    told = {
        "event": "rejected", "id": "r1", "timestamp": 1.0, "reject": {"reason": "Sandbox subdomains are for tests"},
        "message": {"headers": {"to": to, "message-id": "x@y.test", "from": "a@y.test", "subject": "s"}},
    }  # fmt: skip
    (found,) = mailgun.events({"event-data": told})
    assert (found.recipient, found.event, found.permanent, found.counted) == (JANE, Feedback.BOUNCED, False, False)
