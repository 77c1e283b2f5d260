"""The catalogue of facts: one frozen class each, its docstring is its reference entry.

    mail       email.submitted, .blocked, .queued, .sent, .deferred, .failed, .uncertain, .altered, .suppressed,
               .cancelled
    review     email.pending, .approved, .approval_undone, .rejected, .expired; review.*
    feedback   email.delivered, .bounced, .complained, .unsubscribed; feedback.*, suppression.*, consent.*
    mailboxes  mailbox.*
    people     operator.*, agent.*, run.*, token.*
    streams    stream.*, lane.*
    desk       desk.*, policy.*, audit.*, webhook.*
    catalogue  what every fact has; names to classes; an event from a row of the log

An event holds ids, digests and figures. Addresses, subjects and bodies stay in tables that retention and erasure may
purge, so that the chain of the log never has to be broken for a person's right to be forgotten.

The rest of the desk imports from here: whoever has one fact has the whole `CATALOGUE`, so `recall` knows every row.
"""

from core.events.catalogue import CATALOGUE, SUBJECTS, Data, Event, Scalar, fact, recall
from core.events.desk import (
    AuditCheckpoint,
    DeskStarted,
    DeskStartVoted,
    DeskStopped,
    PolicyChanged,
    PolicyRefused,
    WebhookDead,
    WebhookReplayed,
)
from core.events.feedback import (
    ConsentRecorded,
    ConsentWithdrawn,
    EmailBounced,
    EmailComplained,
    EmailDelivered,
    EmailUnsubscribed,
    FeedbackUnverified,
    SuppressionAdded,
    SuppressionRemoved,
)
from core.events.mail import (
    EmailAltered,
    EmailBlocked,
    EmailCancelled,
    EmailDeferred,
    EmailFailed,
    EmailQueued,
    EmailSent,
    EmailSubmitted,
    EmailSuppressed,
    EmailUncertain,
)
from core.events.mailboxes import (
    MailboxActivated,
    MailboxExpiring,
    MailboxGovernanceApproved,
    MailboxLimitsChanged,
    MailboxModeChanged,
    MailboxOwnerApproved,
    MailboxRenewed,
    MailboxRequested,
    MailboxRetired,
    MailboxSignedOff,
    MailboxVetoed,
)
from core.events.people import (
    AgentResumed,
    AgentSuspended,
    AgentWarned,
    OperatorAdded,
    OperatorConfirmed,
    OperatorDisabled,
    OperatorSignedIn,
    RunClosed,
    RunConfirmed,
    TokenDelegated,
    TokenIssued,
    TokenRevoked,
)
from core.events.review import (
    EmailApprovalUndone,
    EmailApproved,
    EmailExpired,
    EmailPending,
    EmailRejected,
    EmailRejectionUndone,
    ReviewHurried,
)
from core.events.streams import (
    LanePaused,
    LaneResumed,
    StreamAdded,
    StreamChanged,
    StreamKeyRotated,
    StreamPaused,
    StreamResumed,
    StreamWarmupChanged,
    StreamWarned,
)

__all__ = [
    "CATALOGUE",
    "SUBJECTS",
    "AgentResumed",
    "AgentSuspended",
    "AgentWarned",
    "AuditCheckpoint",
    "ConsentRecorded",
    "ConsentWithdrawn",
    "Data",
    "DeskStartVoted",
    "DeskStarted",
    "DeskStopped",
    "EmailAltered",
    "EmailApprovalUndone",
    "EmailApproved",
    "EmailBlocked",
    "EmailBounced",
    "EmailCancelled",
    "EmailComplained",
    "EmailDeferred",
    "EmailDelivered",
    "EmailExpired",
    "EmailFailed",
    "EmailPending",
    "EmailQueued",
    "EmailRejected",
    "EmailRejectionUndone",
    "EmailSent",
    "EmailSubmitted",
    "EmailSuppressed",
    "EmailUncertain",
    "EmailUnsubscribed",
    "Event",
    "FeedbackUnverified",
    "LanePaused",
    "LaneResumed",
    "MailboxActivated",
    "MailboxExpiring",
    "MailboxGovernanceApproved",
    "MailboxLimitsChanged",
    "MailboxModeChanged",
    "MailboxOwnerApproved",
    "MailboxRenewed",
    "MailboxRequested",
    "MailboxRetired",
    "MailboxSignedOff",
    "MailboxVetoed",
    "OperatorAdded",
    "OperatorConfirmed",
    "OperatorDisabled",
    "OperatorSignedIn",
    "PolicyChanged",
    "PolicyRefused",
    "ReviewHurried",
    "RunClosed",
    "RunConfirmed",
    "Scalar",
    "StreamAdded",
    "StreamChanged",
    "StreamKeyRotated",
    "StreamPaused",
    "StreamResumed",
    "StreamWarmupChanged",
    "StreamWarned",
    "SuppressionAdded",
    "SuppressionRemoved",
    "TokenDelegated",
    "TokenIssued",
    "TokenRevoked",
    "WebhookDead",
    "WebhookReplayed",
    "fact",
    "recall",
]
