"""`postroom stop` and `postroom start`: the all-stop. `postroom status`: the desk in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import typer

from core.cli.output import Output, plain
from core.cli.remote.context import AnyDesk, Reason, command
from core.model import plural

app: Final = typer.Typer()
"""The commands that the root app mounts."""


@command(app, "stop", example='postroom stop --reason "mail to the wrong list"')
def stop(desk: AnyDesk, reason: Reason) -> Output:
    """The all-stop: no delivery starts anywhere from now on. Also with the gateway down."""
    done = desk.call("desk.stop", reason=reason)
    started = plural(done["in_flight"], "delivery", "deliveries")
    return Output(done, f"Stopped. {started} had started and will finish; nothing else leaves.")


@command(app, "start", example='postroom start --reason "the list is corrected"')
def start(desk: AnyDesk, reason: Reason) -> Output:
    """End the all-stop: by one governance operator, or by two on call."""
    done = desk.call("desk.start", reason=reason)
    text = "Started." if done["running"] else "Vote recorded; one more on-call operator or governance must confirm."
    return Output(done, text)


@command(app, "status", example="postroom status")
def status(desk: AnyDesk) -> Output:
    """What is held, whether mail may leave, which gateways run, and what is wrong. Exit 0 whatever it says."""
    found = desk.call("desk.status")
    return Output(found, plain("\n".join(_lines(found))))


def _lines(found: Mapping[str, Any]) -> list[str]:
    if found["running"]:
        state = "Running: mail leaves as budgets and approvals allow."
    else:
        votes = f" Voted to start: {', '.join(found['start_votes'])}." if found["start_votes"] else ""
        state = f"STOPPED by {found['stopped_by']} at {found['stopped_at']}: {found['stop_reason']}.{votes}"
    oldest = f", the oldest since {found['oldest_held_at']}" if found["oldest_held_at"] else ""
    gateways = ", ".join(f"{one['host']} ({one['listen']})" for one in found["gateways"]) or "none"
    lines = [state, f"Held: {found['held']:,}{oldest}.", f"Gateways: {gateways}."]
    if found["identities_requested"]:
        lines.append(f"Waiting for signatures: {plural(found['identities_requested'], 'mailbox', 'mailboxes')}.")
    for one in found["troubles"]:
        fix = f"; {one['fix']}" if one["fix"] else ""
        lines.append(" ".join(f"! {one['subject']}: {one['text']}{fix}".split()))
    return lines
