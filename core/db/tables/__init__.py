"""Everything the desk remembers, one class a table.

    desk      the installation: all-stop, policies that were in force; the log, its readers, webhooks and dead letters
    people    operators; agents, their tokens and runs
    streams   what mail is sent from: streams and their keys, mailboxes and who signed for them
    mail      messages, bodies, recipients, answers to idempotency keys
    review    held actions, and how long reviewers had them open
    lanes     the queue: lanes, what is ready, what is in flight, workers, pace; counters
    feedback  contacts, suppressions, consents, reports that were absorbed, webhooks that are not proved yet
    columns   the shapes of columns, and the way from a model to its table

Why this way: SQLModel says the shape once, alembic and the reads use it, hot writes go through SQLAlchemy Core on the
same tables (`table(Message)`). Times are UTC integer microseconds. SQLModel validates nothing on `table=True`: what
comes here was parsed at a door. Addresses, subjects and bodies are in `message`, `body`, `recipient`, `contact`,
`suppression`, `consent` and `kept_webhook` alone, where retention and erasure may reach them; `event` never holds
them.

The rest of the desk imports from here: whoever has one table has them all, so alembic never sees half a schema.
"""

from core.db.tables.columns import AUTO, CLUSTERED, Big, Json, big, json, maybe_big, table
from core.db.tables.desk import Cursor, DeadHook, Desk, GatewayProcess, Hook, LogEntry, PolicyVersion
from core.db.tables.feedback import Consent, Contact, FeedbackSeen, KeptWebhook, RateEvent, Suppression
from core.db.tables.lanes import Counter, InFlight, Lane, Pace, Ready, Worker
from core.db.tables.mail import Body, Idempotency, Message, Recipient
from core.db.tables.people import Agent, Operator, Run, Token
from core.db.tables.review import Reader, Reading, Review
from core.db.tables.streams import Mailbox, Signoff, Stream, StreamKey

__all__ = [
    "AUTO",
    "CLUSTERED",
    "Agent",
    "Big",
    "Body",
    "Consent",
    "Contact",
    "Counter",
    "Cursor",
    "DeadHook",
    "Desk",
    "FeedbackSeen",
    "GatewayProcess",
    "Hook",
    "Idempotency",
    "InFlight",
    "Json",
    "KeptWebhook",
    "Lane",
    "LogEntry",
    "Mailbox",
    "Message",
    "Operator",
    "Pace",
    "PolicyVersion",
    "RateEvent",
    "Reader",
    "Reading",
    "Ready",
    "Recipient",
    "Review",
    "Run",
    "Signoff",
    "Stream",
    "StreamKey",
    "Suppression",
    "Token",
    "Worker",
    "big",
    "json",
    "maybe_big",
    "table",
]
