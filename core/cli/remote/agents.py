"""`postroom agent suspend`, `resume` and `list`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.model import plural

app: Final = group("agent")

Name = Annotated[str, typer.Argument(help="The agent's name.")]


@command(app, "suspend", example="postroom agent suspend support-bot --reason 'writes to the wrong customers'")
def suspend(desk: AnyDesk, name: Name, reason: Reason) -> Output:
    """Suspend an agent: none of its messages starts to leave from now on."""
    done = desk.call("agent.suspend", agent=name, reason=reason)
    return Output(
        done,
        f"Suspended {name}. {plural(done['in_flight'], 'delivery', 'deliveries')} had started; "
        f"{done['queued']} queued and {done['pending']} pending stay where they are.",
    )


@command(app, "resume", example="postroom agent resume support-bot --reason 'the prompt is corrected'")
def resume(desk: AnyDesk, name: Name, reason: Reason) -> Output:
    """Resume a suspended agent. Needs governance, and never the operator who suspended it."""
    return Output(desk.call("agent.resume", agent=name, reason=reason), f"Resumed {name}.")


@command(app, "list", example="postroom agent list")
def list_agents(desk: AnyDesk, after: Annotated[str, typer.Option(help="Start after this name.")] = "") -> Output:
    """List agents."""
    found = desk.call("agent.list", after=after)
    rows = [(one["name"], one["status"], one["suspended_by"], one["suspend_reason"]) for one in found["agents"]]
    return Output(
        found,
        table(
            ("AGENT", "STATUS", "SUSPENDED BY", "WHY"), rows, none="no agents yet: one begins with a mailbox request"
        ),
    )
