"""Put received mail that is held into the queue of held mail, where it is decided and expires."""

import time

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

HELD = sa.table(
    "inbound_message",
    sa.column("id", BIG), sa.column("mailbox_id", sa.Integer), sa.column("agent_id", sa.Integer),
    sa.column("status", sa.String), sa.column("held_for", sa.JSON), sa.column("received_at", BIG),
)  # fmt: skip
REVIEW = sa.table(
    "review",
    sa.column("id", BIG), sa.column("kind", sa.String), sa.column("mailbox_id", sa.Integer),
    sa.column("agent_id", sa.Integer), sa.column("status", sa.String), sa.column("reasons", sa.JSON),
    sa.column("failed_checks", sa.Integer), sa.column("findings", sa.JSON), sa.column("cautions", sa.Integer),
    sa.column("counted", sa.Boolean), sa.column("submitted_at", BIG), sa.column("due_at", BIG),
    sa.column("expires_at", BIG), sa.column("needs", sa.Integer), sa.column("approvers", sa.JSON),
    sa.column("settled", sa.JSON),
)  # fmt: skip
COUNTER = sa.table(
    "counter",
    sa.column("scope", sa.String), sa.column("key", sa.String), sa.column("kind", sa.String),
    sa.column("minute", sa.Integer), sa.column("n", sa.Integer),
)  # fmt: skip
MAILBOX = sa.table("mailbox", sa.column("id", sa.Integer), sa.column("pending_expiry", BIG))
EXPIRY = 72 * 3_600 * 1_000_000


def upgrade() -> None:
    conn = op.get_bind()
    held = conn.execute(
        sa.select(HELD, MAILBOX.c.pending_expiry)
        .join(MAILBOX, MAILBOX.c.id == HELD.c.mailbox_id)
        .where(HELD.c.status == "held")
    ).all()
    now = time.time_ns() // 1_000
    for row in held:
        # From now on: nobody could have found it in the queue before.
        expires_at = now + (row.pending_expiry or EXPIRY)
        values = {
            "id": row.id, "kind": "receive", "mailbox_id": row.mailbox_id, "agent_id": row.agent_id,
            "status": "pending", "reasons": [one | {"rules": [one["code"]]} for one in row.held_for],
            "failed_checks": 0, "findings": [], "cautions": len(row.held_for), "counted": False,
            "submitted_at": row.received_at, "due_at": expires_at, "expires_at": expires_at, "needs": 1,
            "approvers": [], "settled": [],
        }  # fmt: skip
        conn.execute(sa.insert(REVIEW).values(**values))
        for scope, key in (("mailbox", str(row.mailbox_id)), ("agent", str(row.agent_id)), ("desk", "")):
            _count(conn, scope, key)


def _count(conn: sa.Connection, scope: str, key: str) -> None:
    """One more pending item."""
    c = COUNTER.c
    this = (c.scope == scope, c.key == key, c.kind == "pending", c.minute == 0)
    if not conn.execute(sa.update(COUNTER).where(*this).values(n=c.n + 1)).rowcount:
        conn.execute(sa.insert(COUNTER).values(scope=scope, key=key, kind="pending", minute=0, n=1))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")
