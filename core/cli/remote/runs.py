"""`postroom run`: executions of agents, and how many recipients a human lets each one reach."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, pairs, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.model import plural

app: Final = group("run")

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or AGENT/ID.")]


@command(app, "list", example="postroom run list --agent support-bot")
def list_runs(
    desk: AnyDesk,
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
) -> Output:
    """List runs, newest first."""
    found = desk.call("run.list", agent=agent)
    rows = [
        (
            one["id"],
            one["agent"],
            one["user"],
            one["accepted"],
            one["confirmed_up_to"],
            one["opened_at"],
            one["closed_at"],
        )
        for one in found["runs"]
    ]
    text = table(("RUN", "AGENT", "USER", "ACCEPTED", "CONFIRMED TO", "OPENED", "CLOSED"), rows, none="no runs yet")
    return Output(found, text)


@command(app, "show", example="postroom run show run-7 --agent support-bot")
def show(
    desk: AnyDesk,
    run: Run,
    agent: Annotated[str | None, typer.Option(help="The agent, if several have a run of this id.")] = None,
) -> Output:
    """Show one run: who started it, its versions, and how much mail was accepted."""
    found = desk.call("run.show", run=run, agent=agent)
    return Output(found, pairs(found))


@command(
    app, "open", example="postroom run open renewals-7 --agent support-bot --purpose 'renew acme' --target acme.com"
)
def open_run(
    desk: AnyDesk,
    *,
    run: Run,
    agent: Annotated[str, typer.Option(metavar="NAME", help="The agent.")],
    purpose: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Who it may write to: an address or a domain; may be repeated."),
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="U", help="The person who starts it.")] = None,
) -> Output:
    """Open a run, or set the purpose of a running one. Mail to anyone but its targets is held."""
    found = desk.call("run.open", run=run, agent=agent, purpose=purpose, targets=target or [], user=user)
    return Output(found, pairs(found))


@command(app, "confirm", example="postroom run confirm run-7 --agent support-bot --up-to 500 --reason 'spring letter'")
def confirm(
    desk: AnyDesk,
    *,
    run: Run,
    up_to: Annotated[int, typer.Option("--up-to", metavar="N", help="Recipients in the run's whole life.")],
    reason: Reason,
    agent: Annotated[str | None, typer.Option(help="The agent, if several have a run of this id.")] = None,
) -> Output:
    """Let a run reach up to N recipients. This lifts the hold of the run cap and no other hold."""
    done = desk.call("run.confirm", run=run, agent=agent, up_to=up_to, reason=reason)
    return Output(
        done,
        f"{done['run']} of {done['agent']} may reach {done['up_to']:,}: {done['released']:,} held messages released, "
        f"{done['still_pending']:,} stay held for another reason or beyond the limit.",
    )


@command(app, "close", example="postroom run close run-7 --agent support-bot")
def close(
    desk: AnyDesk,
    run: Run,
    agent: Annotated[str | None, typer.Option(help="The agent, if several have a run of this id.")] = None,
) -> Output:
    """Close a run: it accepts no more mail, and tokens bound to it are no longer valid."""
    done = desk.call("run.close", run=run, agent=agent)
    accepted = plural(done["accepted"], "recipient")
    return Output(done, f"Closed {done['run']} of {done['agent']}; it had accepted {accepted}.")
