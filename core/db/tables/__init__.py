"""The desk's tables, one class each.

    desk      the installation: all-stop, policies that were in force; the log, its readers, webhooks and dead letters
    people    operators, answers to their keys; agents, their tokens, requests for an identity and runs
    streams   sending identities: streams and their keys, mailboxes and their signatures
    mail      messages, bodies, recipients, responses to idempotency keys
    inbound   received messages, their content and addresses; runs that read mail of strangers; agents' contacts
    review    held actions, and how long reviewers had them open
    teamwork  claims on held actions, notes, edits of held mail, acknowledgements
    lanes     the queue: lanes, ready and in-flight recipients, workers, pace; counters
    feedback  contacts, suppressions, consents, processed reports, webhooks that are not verified yet
    columns   column types, and a model's Table object

Why this way: SQLModel declares each table once, for alembic; SQL is built with SQLAlchemy Core on the tables
themselves, `select(MAILBOX.c.id)`, each exported here once, under its class's name. In capitals, because `mailbox` is
nearly always a row. Times are UTC integer microseconds. SQLModel validates nothing on `table=True`: values were parsed
where they entered the system. Addresses, subjects and bodies are in `message`, `body`, `recipient`, `inbound_...`,
`contact`, `mailbox_contact`, `suppression`, `consent`, `kept_webhook`, `note` and `edit` alone, where
retention and erasure may reach them; `event` never holds them.

Other packages import from here: importing one table imports them all, so alembic never sees half a schema.
"""

from typing import Final

from core.db.tables.columns import table
from core.db.tables.desk import Cursor, DeadHook, Desk, GatewayProcess, Hook, LogEntry, PolicyVersion
from core.db.tables.feedback import Consent, Contact, FeedbackSeen, KeptWebhook, RateEvent, Suppression
from core.db.tables.inbound import InboundAddress, InboundContent, InboundMessage, InboundSearch, MailboxContact, Taint
from core.db.tables.lanes import Counter, InFlight, Lane, Pace, Ready, Worker
from core.db.tables.mail import Body, Idempotency, Message, Recipient
from core.db.tables.people import Agent, Enrolment, OperationAnswer, Operator, Run, Token, Widening, WideningSignoff
from core.db.tables.review import Reader, Reading, Review
from core.db.tables.streams import Mailbox, Signoff, Stream, StreamKey
from core.db.tables.teamwork import Acknowledgement, Claim, Edit, Note

CURSOR: Final = table(Cursor)
DEAD_HOOK: Final = table(DeadHook)
DESK: Final = table(Desk)
GATEWAY_PROCESS: Final = table(GatewayProcess)
HOOK: Final = table(Hook)
LOG_ENTRY: Final = table(LogEntry)
POLICY_VERSION: Final = table(PolicyVersion)

CONSENT: Final = table(Consent)
CONTACT: Final = table(Contact)
FEEDBACK_SEEN: Final = table(FeedbackSeen)
KEPT_WEBHOOK: Final = table(KeptWebhook)
RATE_EVENT: Final = table(RateEvent)
SUPPRESSION: Final = table(Suppression)

INBOUND_ADDRESS: Final = table(InboundAddress)
INBOUND_CONTENT: Final = table(InboundContent)
INBOUND_MESSAGE: Final = table(InboundMessage)
INBOUND_SEARCH: Final = table(InboundSearch)
TAINT: Final = table(Taint)
MAILBOX_CONTACT: Final = table(MailboxContact)

COUNTER: Final = table(Counter)
IN_FLIGHT: Final = table(InFlight)
LANE: Final = table(Lane)
PACE: Final = table(Pace)
READY: Final = table(Ready)
WORKER: Final = table(Worker)

BODY: Final = table(Body)
IDEMPOTENCY: Final = table(Idempotency)
MESSAGE: Final = table(Message)
RECIPIENT: Final = table(Recipient)

AGENT: Final = table(Agent)
ENROLMENT: Final = table(Enrolment)
OPERATION_ANSWER: Final = table(OperationAnswer)
OPERATOR: Final = table(Operator)
RUN: Final = table(Run)
TOKEN: Final = table(Token)
WIDENING: Final = table(Widening)
WIDENING_SIGNOFF: Final = table(WideningSignoff)

READER: Final = table(Reader)
READING: Final = table(Reading)
REVIEW: Final = table(Review)

MAILBOX: Final = table(Mailbox)
SIGNOFF: Final = table(Signoff)
STREAM: Final = table(Stream)
STREAM_KEY: Final = table(StreamKey)

ACKNOWLEDGEMENT: Final = table(Acknowledgement)
CLAIM: Final = table(Claim)
EDIT: Final = table(Edit)
NOTE: Final = table(Note)

__all__ = [
    "ACKNOWLEDGEMENT",
    "AGENT",
    "BODY",
    "CLAIM",
    "CONSENT",
    "CONTACT",
    "COUNTER",
    "CURSOR",
    "DEAD_HOOK",
    "DESK",
    "EDIT",
    "ENROLMENT",
    "FEEDBACK_SEEN",
    "GATEWAY_PROCESS",
    "HOOK",
    "IDEMPOTENCY",
    "INBOUND_ADDRESS",
    "INBOUND_CONTENT",
    "INBOUND_MESSAGE",
    "INBOUND_SEARCH",
    "IN_FLIGHT",
    "KEPT_WEBHOOK",
    "LANE",
    "LOG_ENTRY",
    "MAILBOX",
    "MAILBOX_CONTACT",
    "MESSAGE",
    "NOTE",
    "OPERATION_ANSWER",
    "OPERATOR",
    "PACE",
    "POLICY_VERSION",
    "RATE_EVENT",
    "READER",
    "READING",
    "READY",
    "RECIPIENT",
    "REVIEW",
    "RUN",
    "SIGNOFF",
    "STREAM",
    "STREAM_KEY",
    "SUPPRESSION",
    "TAINT",
    "TOKEN",
    "WIDENING",
    "WIDENING_SIGNOFF",
    "WORKER",
]
