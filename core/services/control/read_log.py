"""Log of reads: who was shown which mail or which records, and through which interface.

An auditor asks "who has seen this message", "what did this operator look at" and "which run read this mailbox". One
entry per clock hour answers each of them: the same reader, interface, run and object within the hour adds no second
one, so a program that polls every second leaves 24 entries a day instead of 86,400. Different objects always get their
own entries, so an export or a walk through a thousand messages shows as such. An agent's queries about its own mail's
delivery (`status`) make one entry for each token and hour, because they show the agent nothing that it did not write.

A read by a human's approval (`gated_all`) is never left out. Views that show neither mail nor people (modes, budgets,
lanes, figures) are not reads in this sense; opening the console is recorded as `operator.signed_in`.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from core.db.counters import bucket
from core.db.gate_queries import SenderState, TokenFacts
from core.db.tables import INBOUND_MESSAGE, MAILBOX, MESSAGE, REVIEW, RUN
from core.db.transaction import Transaction
from core.events import DeskRead, EmailRead
from core.ids import spell_id
from core.model import Actor
from core.rules.roles import Verb
from core.services import access

WINDOW: Final = 60
"""Minutes in which one entry stands for all equal reads; a bucket of the counters, so all gateways share it."""
LISTED: Final = 50
"""Maximum number of IDs in an entry; a trace covers no more messages."""


class EntryPoint(enum.StrEnum):
    """The interface the reader used."""

    HTTP = "http"
    CLI = "cli"
    CONSOLE = "console"


class What(enum.StrEnum):
    """What was shown: mail, then the desk's records."""

    MESSAGE = "message"
    DIFFERENCE = "difference"
    STATUS = "status"
    MESSAGES = "messages"
    BODY = "body"
    ATTACHMENT = "attachment"
    THREAD = "thread"
    CONTACTS = "contacts"
    PENDING = "pending"
    SCHEDULED = "scheduled"
    TRACE = "trace"
    LOG = "log"
    EVIDENCE = "evidence"
    SUPPRESSIONS = "suppressions"
    CONSENTS = "consents"
    RUNS = "runs"
    GATEWAY_LOG = "gateway_log"


NEEDS: Final[Mapping[What, Verb]] = {
    What.MESSAGE: Verb.MESSAGE_READ,
    What.DIFFERENCE: Verb.MESSAGE_READ,
    What.STATUS: Verb.MESSAGE_READ,
    What.MESSAGES: Verb.MESSAGE_READ,
    What.BODY: Verb.MESSAGE_READ,
    What.ATTACHMENT: Verb.MESSAGE_READ,
    What.THREAD: Verb.MESSAGE_READ,
    What.CONTACTS: Verb.MESSAGE_READ,
    What.PENDING: Verb.MESSAGE_READ,
    What.SCHEDULED: Verb.MESSAGE_READ,
    What.TRACE: Verb.TRACE_READ,
    What.LOG: Verb.AUDIT_READ,
    What.EVIDENCE: Verb.AUDIT_READ,
    What.SUPPRESSIONS: Verb.MESSAGE_READ,
    What.CONSENTS: Verb.MESSAGE_READ,
    What.RUNS: Verb.MESSAGE_READ,
    What.GATEWAY_LOG: Verb.GATEWAY_LOG_READ,
}
"""The permission an operator needs for each."""
RECORDS: Final = frozenset({What.LOG, What.EVIDENCE, What.SUPPRESSIONS, What.CONSENTS, What.RUNS, What.GATEWAY_LOG})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reader was shown: one message or action, a mailbox (by address), several messages, or everything."""

    what: What
    item: int | None = None
    mailbox: str | None = None
    messages: tuple[int, ...] = ()

    @property
    def object(self) -> str:
        """A key that is the same for equal reads. A status call covers whatever the token may ask."""
        if self.what is What.STATUS:
            return self.what.value
        return f"{self.what}:{self.item}:{self.mailbox}:{','.join(map(str, self.messages))}"


# --- verbs --------------------------------------------------------------------------------------------------------


def by_operator(tx: Transaction, shown: Shown, *, entry_point: EntryPoint, actor: Actor) -> bool:
    """Record what an operator was shown. False if already recorded this hour. Raises `AccessEnded`, `Forbidden`."""
    actor = access.require(tx, actor, NEEDS[shown.what])
    if not _first(tx, f"{actor}:{entry_point}", shown):
        return False
    if shown.what in RECORDS:
        tx.emit(DeskRead(actor=str(actor), what=shown.what.value, door=entry_point.value))
        return True
    item = shown.messages[0] if len(shown.messages) == 1 else shown.item
    subjects = _of_item(tx, item) if item is not None else _of_mailbox(tx, shown.mailbox)
    listed = [spell_id("m", one) for one in shown.messages[:LISTED]]
    tx.emit(EmailRead(actor=str(actor), what=shown.what.value, door=entry_point.value, messages=listed, **subjects))
    return True


def by_agent(
    tx: Transaction, shown: Shown, *, token: TokenFacts, mailbox: SenderState | None = None, grant: int | None = None
) -> bool:
    """Record what an agent was shown, with its token's run. A read by a person's `grant` is always recorded."""
    first = _first(tx, f"token {token.id}", shown)
    if not first and grant is None:
        return False
    subjects = _of_item(tx, shown.item) if shown.item is not None else {}
    if mailbox is not None:
        subjects |= {"mailbox": mailbox.mailbox_id, "stream": mailbox.stream_id}
    subjects |= {"agent": token.agent_id, "item": grant}
    if token.run_key is not None:
        subjects["run"] = _run(tx, token.agent_id, token.run_key)
    actor = str(Actor("agent", token.agent_name))
    tx.emit(EmailRead(actor=actor, what=shown.what.value, door=EntryPoint.HTTP.value, token=token.id, **subjects))
    return True


# --- helpers ------------------------------------------------------------------------------------------------------


def _first(tx: Transaction, reader: str, shown: Shown) -> bool:
    """Whether this is the first equal read of the hour; records that it was. The key is a digest: it holds no name."""
    key = hashlib.sha256(f"{reader}:{shown.object}".encode()).hexdigest()[:32]
    hour = bucket(tx.now, WINDOW)
    if tx.counters.total("read", key, "shown", since=hour):
        return False
    tx.bump("read", key, "shown", minute=hour)
    return True


def _of_item(tx: Transaction, item: int) -> dict[str, Any]:
    """The IDs by which a read of a message, or of a held read or tag, can be found."""
    m, r = MESSAGE.c, REVIEW.c
    row = tx.one(select(m.mailbox_id, m.agent_id, m.run_id, m.stream_id).where(m.id == item))
    if row is not None:
        return {
            "message": item, "mailbox": row.mailbox_id, "agent": row.agent_id, "run": row.run_id,
            "stream": row.stream_id,
        }  # fmt: skip
    i = INBOUND_MESSAGE.c
    received = tx.one(select(i.mailbox_id, i.agent_id, i.stream_id).where(i.id == item))
    if received is not None:
        return {
            "message": item, "mailbox": received.mailbox_id, "agent": received.agent_id, "stream": received.stream_id,
        }  # fmt: skip
    held = tx.one(select(r.mailbox_id, r.agent_id).where(r.id == item))
    return {} if held is None else {"mailbox": held.mailbox_id, "agent": held.agent_id, "item": item}


def _of_mailbox(tx: Transaction, address: str | None) -> dict[str, Any]:
    if address is None:
        return {}
    row = tx.one(select(MAILBOX.c.id, MAILBOX.c.agent_id, MAILBOX.c.stream_id).where(MAILBOX.c.address == address))
    return {} if row is None else {"mailbox": row.id, "agent": row.agent_id, "stream": row.stream_id}


def _run(tx: Transaction, agent_id: int, key: str) -> int | None:
    """The run of this key, once it has begun."""
    row = tx.one(select(RUN.c.id).where(RUN.c.agent_id == agent_id, RUN.c.key == key))
    return None if row is None else int(row.id)
