"""Result types of a parsed report."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from core.rules.reports.bounce_causes import Cause

Kind = Literal["bounce", "complaint", "other"]


class Event(enum.StrEnum):
    """What happened to one recipient, according to a report."""

    BOUNCED = "bounced"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    """Also relayed and expanded (RFC 3464 2.3.3): no later report will say more."""
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient of a report.

    `address` keeps the case of its local part; the domain is in lower case. `status` is the enhanced status code (RFC
    3463), `permanent` whether this message is lost for good (only ever true of `bounced`), `diagnostic` the remote
    server's text, on one line of at most 500 characters, `cause` the reason, and `suppress` whether the address is
    dead, so that it must get no more mail (only ever true if permanent). `original` is the address we wrote to if it
    was expanded to several.
    """

    address: str
    event: Event
    status: str | None = None
    permanent: bool = False
    diagnostic: str | None = None
    cause: Cause | None = None
    suppress: bool = False
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The content of one mail.

    A `bounce` is any report about delivery, also of delay or success: `event` tells which. An `other` has no
    recipients, except a feedback report of type opt-out, whose recipients are `unsubscribed`.

    The following identifiers, all unproven, are for matching: `message_id` (in angle brackets), `postroom_message_id`
    and `cfbl_feedback_id` of the original message, the last of which may be all that a complaint keeps of it (RFC 9477
    3.5); `return_paths`, the addresses this report was sent to or names as the
    original's return path, best first; `reporting_source`, its claimed author.
    """

    kind: Kind
    recipients: tuple[ReportedRecipient, ...] = ()
    message_id: str | None = None
    feedback_type: str | None = None
    postroom_message_id: str | None = None
    cfbl_feedback_id: str | None = None
    return_paths: tuple[str, ...] = ()
    reporting_source: str | None = None

    def as_json(self) -> dict[str, object]:
        """The line of `postroom report --json`, without `file`."""
        return {
            "kind": self.kind,
            "recipients": [
                {
                    "address": each.address,
                    "event": each.event.value,
                    "status": each.status,
                    "permanent": each.permanent,
                    "diagnostic": each.diagnostic,
                    "cause": each.cause.value if each.cause else None,
                    "suppress": each.suppress,
                }
                for each in self.recipients
            ],
            "message_id": self.message_id,
            "feedback_type": self.feedback_type,
        }
