"""`postroom agent`: suspend, resume, list and show."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, pairs, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.cli.remote.tokens import state
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
def list_agents(
    desk: AnyDesk,
    *,
    wanted: Annotated[
        str, typer.Option("--filter", metavar="FILTER", help="Terms such as 'state:suspended held>0'.")
    ] = "",
    after: Annotated[str, typer.Option(help="Start after this name.")] = "",
) -> Output:
    """List agents."""
    found = desk.call("agent.list", after=after, filter=wanted)
    none = "no agent matches" if wanted else "no agents yet: one begins with a mailbox request"
    rows = [(one["name"], one["status"], one["suspended_by"], one["suspend_reason"]) for one in found["agents"]]
    return Output(
        found,
        table(("AGENT", "STATUS", "SUSPENDED BY", "WHY"), rows, none=none),
    )


@command(app, "show", example="postroom agent show support-bot")
def show(desk: AnyDesk, name: Name) -> Output:
    """Show one agent with its mailboxes and tokens."""
    found = desk.call("agent.show", agent=name)
    tokens = [
        (
            one["id"],
            one["parent"],
            ",".join(one["scopes"]),
            one["issued_by"],
            one["last_used_at"],
            one["expires_at"],
            state(one),
        )
        for one in found["tokens"]
    ]
    mailboxes = [(one["address"], one["status"], one["oversight_mode"]) for one in found["mailboxes"]]
    facts = {name: value for name, value in found.items() if name not in ("mailboxes", "tokens")}
    heads = ("TOKEN", "FROM", "SCOPES", "ISSUED BY", "LAST USED", "ENDS", "STATE")
    text = "\n\n".join(
        [
            pairs(facts),
            table(("MAILBOX", "STATUS", "MODE"), mailboxes, none="no mailbox"),
            table(heads, tokens, none="no token"),
        ]
    )
    return Output(found, text)
