"""Mail handed in at a desk that the command line made, by the verb that the HTTP door calls."""

from __future__ import annotations

from core.clock import SystemClock
from core.delivery import make_house
from core.flow.house import House
from core.flow.prepare import RunClaim, Submission, prepare
from core.flow.submit import submit
from core.ledger import facts
from core.ledger.store import Store
from core.minting import digest
from core.rules.addresses import parse_address
from core.settings import load
from tests.cli.clerk import ADDRESS, Clerk


def hand_in(
    clerk: Clerk, *, to: str = "jane@example.com", subject: str = "Your refund", run: str = "run-7",
    text: str = "It is on its way.",
) -> str:  # fmt: skip
    """The id of a message that waits for a human."""
    token = clerk.ok("token", "issue", "--agent", "support-bot", who="gail")["token"]
    settings = load(clerk.directory)
    store = Store(settings.database_url, clock=SystemClock())
    house: House = make_house(settings)
    with store.read() as conn:
        known = facts.token_by_hash(conn, digest(token))
        assert known is not None
        submission = Submission(
            sender=parse_address(ADDRESS), to=(parse_address(to),), subject=subject, text=text,
            issued=b"{}", run=RunClaim(key=run, user="ann@acme.test"),
        )  # fmt: skip
        prepared = prepare(store, submission, token=known, house=house)
    answer = store.transact(lambda tx: submit(tx, prepared))
    store.close()
    assert answer.status == "pending", answer
    waiting = clerk.ok("queue", "pending")["messages"]
    return str(waiting[-1]["id"])
