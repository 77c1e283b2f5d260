"""Feedback reports about mail that a desk under test has sent, and their effects."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.db.store import Store
from core.db.tables import AGENT, COUNTER, RECIPIENT, SUPPRESSION
from core.model import Feedback, Mode
from core.rules import signed_ids
from core.rules.providers import ProviderEvent
from core.rules.reports import Event, Report, ReportedRecipient
from core.rules.reports.bounce_causes import judge
from core.rules.signed_ids import HmacKeys
from core.services.feedback import ingest
from core.services.feedback.ingest import FeedbackResult
from tests.factories.delivery import attempt, claim, number, pass_a_moment, settle
from tests.factories.desk import DOMAIN, KEYRING, WIDE, Bench, make_desk

FORGER = HmacKeys(keys={"k1": b"another key, another desk, whoever"}, active="k1")
WORDS = {"complaint": Event.COMPLAINED, "bounce": Event.BOUNCED}


def free(store: Store, **more: Any) -> Bench:
    return make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | more))


def report(message: int, *, n: int = 0, kind: str = "complaint", keyring: HmacKeys = KEYRING, **more: Any) -> Report:
    """A report that arrived at the return path of one recipient."""
    event = more.pop("event", WORDS[kind])
    permanent, status, said = more.pop("permanent", kind == "bounce"), more.pop("status", None), more.pop("said", "")
    dead = judge(code=None, status=status, text=said).suppress if status else permanent
    about = ReportedRecipient(
        more.pop("address", "jane@example.com"), event, status=status, permanent=permanent, suppress=dead,
    )  # fmt: skip
    path = signed_ids.return_path(message, n, domain=DOMAIN, keyring=keyring)
    values: dict[str, Any] = {"kind": kind, "recipients": (about,), "return_paths": (path,)} | more
    return Report(**values)


def hand_in(store: Store, one: Report) -> FeedbackResult:
    return store.transact(lambda tx: ingest.absorb_report(tx, one, source="report", keyring=KEYRING))


def provider(store: Store, **more: Any) -> FeedbackResult:
    values: dict[str, Any] = {
        "key": "ses:1", "name": "Bounce/Permanent", "event": Feedback.BOUNCED, "recipient": "jane@example.com",
        "permanent": True,
    } | more  # fmt: skip
    return store.transact(lambda tx: ingest.absorb_provider(tx, ProviderEvent(**values), source="ses"))


def leave_together(desk: Bench, *to: str) -> int:
    """Send one message to several recipients."""
    message = number(desk.submit(list(to)).message_id)
    for _ in to:
        pass_a_moment(desk.store)
        flying = claim(desk.store)
        attempt(desk.store, flying)
        settle(desk.store, flying)
    return message


def recipient(store: Store, message: int, n: int = 0) -> Any:
    r = RECIPIENT.c
    return store.row(select(RECIPIENT).where(r.message_id == message, r.n == n))


def suppressed(store: Store) -> list[tuple[str, str]]:
    rows = store.rows(select(SUPPRESSION).order_by(SUPPRESSION.c.id))
    return [(row.address, row.cause) for row in rows]


def agent(store: Store) -> Any:
    return store.row(select(AGENT))


def counted(store: Store, kind: str) -> int:
    c = COUNTER.c
    return sum(row.n for row in store.rows(select(c.n).where(c.scope == "agent", c.kind == kind)))
