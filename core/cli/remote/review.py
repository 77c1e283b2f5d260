"""`postroom queue review`: held mail one after the other, each read before it is decided.

It combines `queue show` and `queue approve`: what was on the screen is what is approved (by its digest), and approving
despite a failed check takes a reason. Programs use `queue approve` instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from core.cli.output import Output, say
from core.cli.remote.context import AnyDesk, command
from core.cli.remote.lanes import lane_app, queue_app
from core.cli.remote.opened_item import Opened
from core.cli.remote.queue import named, open_item
from core.errors import AccessEnded, Forbidden, Invalid, Refused

__all__ = ["lane_app", "queue_app"]

PAGE: Final = 100
RULE: Final = "─" * 72
_ANSWERS: Final = {"a": "approve", "r": "reject", "s": "skip", "q": "quit"}


@command(queue_app, "review", example="postroom queue review")
def walk(desk: AnyDesk, *, mailbox: Annotated[str | None, typer.Option(help="Only this mailbox.")] = None) -> Output:
    """Read held mail one after the other and decide: approve, reject, skip. Approved mail leaves at once."""
    if not desk.interactive:
        raise Invalid("a review needs a terminal", fix="postroom queue show ID, then approve ID")
    done: dict[str, list[str]] = {"approved": [], "rejected": [], "skipped": []}
    for item in _held(desk, mailbox):
        try:
            with desk.asking():
                answer = _decide(desk, item)
        except (AccessEnded, Forbidden):
            raise
        except Refused as error:  # decided by somebody else meanwhile
            desk.note(f"{item}: {error.reason}")
            continue
        if answer == "quit":
            break
        done[{"approve": "approved", "reject": "rejected", "skip": "skipped"}[answer]].append(item)
    counted = ", ".join(f"{len(items)} {name}" for name, items in done.items() if items)
    return Output(done, f"{counted}." if counted else "Nothing waits for a human.")


def _held(desk: AnyDesk, mailbox: str | None) -> Sequence[str]:
    """The items that waited when the review began, in order of arrival."""
    found: list[str] = []
    cursor = None
    while True:
        page = desk.call("queue.list", mailbox=named(mailbox), cursor=cursor, limit=PAGE)
        found += [one["id"] for one in page["messages"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _decide(desk: AnyDesk, item: str) -> str:
    """Show one item and carry out the answer. Raises `Refused` if it is no longer pending."""
    read = open_item(desk, item)
    say(f"{RULE}\n{read.text}\n{RULE}")
    answer = _asked(item)
    if answer in {"skip", "quit"}:
        return answer
    approve = answer == "approve"
    reason = _reason(read, approve=approve)
    if approve:
        became = desk.call("message.approve", ids=[item], reason=reason, digest=read.digest)["decided"][0]
    else:
        became = desk.call("message.reject", ids=[item], reason=reason)["decided"][0]
    if became["approvals_missing"]:
        say(f"{item}: your approval counts; {became['approvals_missing']} more must approve.")
    else:
        say(f"{item}: {answer}d." if approve else f"{item}: rejected.")
    if became["hurried"] is not None:
        desk.note(f"{became['hurried']}: faster than anyone can read; recorded in the log")
    return answer


def _asked(item: str) -> str:
    while True:
        typed: Any = typer.prompt(f"{item}: [a]pprove, [r]eject, [s]kip, [q]uit", err=True)
        if (answer := _ANSWERS.get(str(typed).strip().lower()[:1])) is not None:
            return answer


def _reason(read: Opened, *, approve: bool) -> str | None:
    """A reason is required to reject, and to approve despite failed checks."""
    if not approve:
        return str(typer.prompt("Why is it rejected? (recorded in the log)", err=True))
    if read.failed:
        return str(typer.prompt("It fails checks. Why may it leave anyway? (recorded in the log)", err=True))
    return None
