"""Submit mail on a desk made by the command line, through the service that the HTTP API calls."""

from __future__ import annotations

from core.clock import SystemClock
from core.db import gate_queries
from core.db.store import Store
from core.process import make_context
from core.rules.addresses import parse_address
from core.security.credentials import digest
from core.services.context import ServiceContext
from core.services.sending.prepare import prepare
from core.services.sending.submission import RunClaim, Submission
from core.services.sending.submit import submit
from core.settings import load
from tests.cli.cli_runner import ADDRESS, Clerk


def hand_in(
    clerk: Clerk, *, to: str = "jane@example.com", subject: str = "Your refund", run: str = "run-7",
    text: str = "It is on its way.",
) -> str:  # fmt: skip
    """Submit a message that waits for review; returns its id."""
    token = clerk.ok("token", "issue", "--agent", "support-bot", who="gail")["token"]
    settings = load(clerk.directory)
    store = Store(settings.database_url, clock=SystemClock())
    ctx: ServiceContext = make_context(settings)
    with store.read() as conn:
        known = gate_queries.token_by_hash(conn, digest(token))
        assert known is not None
        submission = Submission(
            sender=parse_address(ADDRESS), to=(parse_address(to),), subject=subject, text=text,
            issued=b"{}", run=RunClaim(key=run, user="ann@acme.test"),
        )  # fmt: skip
        prepared = prepare(store, submission, token=known, ctx=ctx)
    answer = store.transact(lambda tx: submit(tx, prepared))
    store.close()
    assert answer.status == "pending", answer
    waiting = clerk.ok("queue", "pending")["messages"]
    return str(waiting[-1]["id"])


def beginning_of_both(first: str, second: str) -> str:
    """The characters with which two ids begin."""
    return first[: next(at for at, char in enumerate(first) if char != second[at])]
