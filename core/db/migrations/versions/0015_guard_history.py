"""What guards count by since 0004, for mail from before it: deliveries to each domain, and whose word counted already.

Without it a domain that gets half of an agent's mail passes for a small one, whose complaints are set aside.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

DELIVERED = """UPDATE lane SET delivered =
               (SELECT COUNT(*) FROM recipient JOIN message ON message.id = recipient.message_id
                WHERE recipient.lane_id = lane.id AND recipient.status = 'sent' AND NOT message.test)"""
HEARD = """INSERT INTO rate_event (agent_id, measure, address, domain, sent_at)
           SELECT message.agent_id, '{measure}', recipient.address, lane.domain, MAX(recipient.sent_at)
           FROM recipient JOIN message ON message.id = recipient.message_id JOIN lane ON lane.id = recipient.lane_id
           WHERE recipient.feedback = '{word}' AND recipient.sent_at IS NOT NULL AND NOT message.test
                 AND NOT EXISTS (SELECT 1 FROM rate_event AS known WHERE known.agent_id = message.agent_id
                                 AND known.measure = '{measure}' AND known.address = recipient.address)
           GROUP BY message.agent_id, recipient.address, lane.domain"""


def upgrade() -> None:
    op.execute(DELIVERED)
    for measure, word in (("complaints", "complained"), ("bounces", "bounced")):
        op.execute(HEARD.format(measure=measure, word=word))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")
