"""Received mail without a screen: listed, read, released, rejected, and found wherever held mail is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from core.clock import SystemClock
from core.db.store import Store
from core.process import make_context
from core.rules import reports
from core.services.receiving.read_mail import read_mail
from core.services.receiving.receive import Handover, receive
from core.settings import load
from tests.cli.cli_runner import ADDRESS, Clerk
from tests.factories.inbound import JANE, SERVER, mail
from tests.factories.mail import hand_in

LONG = "X: " + "a" * 300_000 + "\n"


@contextlib.contextmanager
def opened(clerk: Clerk) -> Iterator[Store]:
    store = Store(load(clerk.directory).database_url, clock=SystemClock())
    try:
        yield store
    finally:
        store.close()


def arrives(clerk: Clerk, text: str = "Where is it?", **more: str) -> str:
    """Receive a message; returns its id."""
    raw = mail(text, **more)
    handed = Handover(
        mail=read_mail(raw, authserv_ids=(SERVER,)), sender=JANE, recipients=(ADDRESS,), source="lmtp",
        report=reports.read(raw),
    )  # fmt: skip
    with opened(clerk) as store:
        store.transact(lambda tx: receive(tx, handed, ctx=make_context(load(clerk.directory))))
    return str(clerk.ok("inbox", "list")["messages"][0]["id"])


def test_received_mail_is_listed_by_filters_shown_and_in_its_thread(office: Clerk) -> None:
    one = arrives(office, "Hello \u200bevil", more=f"Authentication-Results: {SERVER}; dmarc=pass\n")
    other = arrives(
        office, sender="joe@other.example", message_id="<q2@other.example>", more="In-Reply-To: <q1@example.com>\n"
    )
    page = office.ok("inbox", "list", "--limit", "1")
    assert [each["id"] for each in page["messages"]] == [other]
    assert [each["id"] for each in office.ok("inbox", "list", "--cursor", page["next_cursor"])["messages"]] == [one]
    assert [each["id"] for each in office.ok("inbox", "list", "from:jane", "dmarc:pass")["messages"]] == [one]
    assert "unknown field" in office.refused("inbox", "list", "colour:red", code=2)
    shown = office.ok("inbox", "show", one)
    assert (shown["from"]["address"], shown["status"], shown["source"]) == (JANE, "delivered", "lmtp")
    text = office.run("inbox", "show", one).out
    assert "⟨U+200B⟩" in text
    assert "\u200b" not in text
    assert "Subject: Refund" in office.ok("inbox", "show", one, "--source")["source"]
    thread = office.ok("inbox", "thread", other)
    assert [(each["id"], each["direction"]) for each in thread["messages"]] == [(one, "in"), (other, "in")]
    assert "no received message" in office.refused("inbox", "show", "m0000000000000")


def test_held_mail_is_pending_and_released_or_rejected_by_a_reviewer(office: Clerk) -> None:
    first = arrives(office, more=LONG)
    second = arrives(office, message_id="<q2@example.com>", more=LONG)
    waiting = office.ok("queue", "pending")["messages"]
    assert [(one["id"], one["kind"], one["from"]) for one in waiting] == [
        (first, "receive", JANE), (second, "receive", JANE),
    ]  # fmt: skip
    assert f"from {JANE}" in office.run("queue", "pending").out
    assert office.ok("queue", "show", first, who="alice")["held_for"][0]["code"] == "unreadable"
    assert "reviewer may" in office.refused("inbox", "release", first, who="gail")
    [released] = office.ok("inbox", "release", first, "--digest", waiting[0]["digest"], who="alice")["decided"]
    assert released["status"] == "delivered"
    office.ok("inbox", "reject", second, "--reason", "phishing", who="alice")
    assert [one["id"] for one in office.ok("inbox", "list", "state:rejected")["messages"]] == [second]
    assert office.ok("inbox", "show", second)["reason"] == "phishing"
    assert "already" in office.refused("inbox", "release", second, who="alice")
    outgoing = hand_in(office)
    for act in (("release",), ("reject", "--reason", "phishing")):
        refused = office.run("inbox", act[0], outgoing, *act[1:], who="alice")
        assert (refused.code, "is no received message" in refused.err) == (1, True)
    assert office.ok("trace", second)["kind"] == "message"
