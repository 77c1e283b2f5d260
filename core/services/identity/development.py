"""Development desk: one person, one stream to loopback, one mailbox without signatures, one token.

It lets somebody try an agent against the real gateway on their own machine with one command. A column that no verb
changes marks it: such a desk never becomes a production desk, and its streams never lead beyond loopback.
"""

from __future__ import annotations

from typing import Final

from core.db.transaction import Transaction
from core.events import DeskForDevelopment
from core.model import Actor, Role
from core.rules.policy import Policy
from core.services.identity import mailboxes, operators, streams, tokens
from core.services.identity.mailboxes import Filing
from core.services.identity.operators import Founder
from core.services.identity.streams import NewStream
from core.services.identity.tokens import Grant, Issued

INIT: Final = Actor("system", "init --dev")
ROLES: Final = frozenset(Role) - {Role.ADMIN}
"""Roles of the one person: all but the one that adds others."""


def found(
    tx: Transaction, *, developer: Founder, stream: NewStream, filing: Filing, token_hash: bytes, policy: Policy
) -> Issued:
    """Create the desk with everything in it. Raises `Conflict` if one exists, `Forbidden`, `Invalid`."""
    operators.first_desk(tx, [developer], policy=policy, development=True)
    tx.emit(DeskForDevelopment(actor=str(INIT), operator=developer.name))
    streams.add_first(tx, stream, actor=INIT)
    person = Actor("operator", developer.name, developer.roles, developer.token_hash)
    requested = mailboxes.request(tx, filing, actor=person)
    # Nobody has signed, and the log must not say that somebody did. The desk's development mark permits this.
    mailboxes.activate(tx, requested.record, by=INIT)
    grant = Grant(ttl=tokens.LONGEST_LIFE)
    return tokens.issue(tx, agent=requested.record.agent or "", grant=grant, token_hash=token_hash, actor=person)
