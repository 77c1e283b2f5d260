"""`postroom run`: executions of agents, and how many recipients a human lets each one reach."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, pairs, table
from core.db import directory
from core.db.store import Connection
from core.db.transaction import Transaction
from core.durations import stamp, when
from core.errors import Conflict, NotFound
from core.model import Actor, plural
from core.rules.addresses import check_pattern
from core.serializers import mail
from core.services.control.read_log import Shown, What
from core.services.sending import runs
from core.services.sending.runs import RunView
from core.services.sending.submission import RunClaim

app: Final = group("run")

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or AGENT/ID.")]


@command(app, "list", example="postroom run list --agent support-bot")
def list_runs(
    desk: CommandContext,
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
) -> Output:
    """List runs, newest first."""
    desk.shown(Shown(What.RUNS))
    with desk.read() as conn:
        found = runs.listed(conn, agent=agent)
    rows = [
        (
            one.key,
            one.agent,
            one.user,
            one.accepted,
            one.confirmed_up_to,
            stamp(one.opened_at),
            when(one.closed_at),
        )
        for one in found
    ]
    text = table(("RUN", "AGENT", "USER", "ACCEPTED", "CONFIRMED TO", "OPENED", "CLOSED"), rows, none="no runs yet")
    return Output({"runs": [mail.run(one) for one in found]}, text)


@command(app, "show", example="postroom run show run-7 --agent support-bot")
def show(
    desk: CommandContext,
    run: Run,
    agent: Annotated[str | None, typer.Option(help="The agent, if several have a run of this id.")] = None,
) -> Output:
    """Show one run: who started it, its versions, and how much mail was accepted."""
    with desk.read() as conn:
        found = mail.run(_found(conn, run, agent))
    desk.shown(Shown(What.RUNS))
    return Output(found, pairs(found))


@command(
    app, "open", example="postroom run open renewals-7 --agent support-bot --purpose 'renew acme' --target acme.com"
)
def open_run(
    desk: CommandContext,
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
    patterns = tuple(dict.fromkeys(check_pattern(one) for one in target or ()))
    claim = RunClaim(key=run, user=user, purpose=purpose, targets=patterns)

    def verb(tx: Transaction, actor: Actor) -> dict[str, Any]:
        runs.open_run(tx, agent=agent, claim=claim, actor=actor)
        return mail.run(runs.show(tx.conn, agent=agent, key=run))

    found = desk.act(verb)
    return Output(found, pairs(found))


@command(app, "confirm", example="postroom run confirm run-7 --agent support-bot --up-to 500 --reason 'spring letter'")
def confirm(
    desk: CommandContext,
    *,
    run: Run,
    up_to: Annotated[int, typer.Option("--up-to", metavar="N", help="Recipients in the run's whole life.")],
    reason: Reason,
    agent: Annotated[str | None, typer.Option(help="The agent, if several have a run of this id.")] = None,
) -> Output:
    """Let a run reach up to N recipients. This lifts the hold of the run cap and no other hold."""
    with desk.read() as conn:
        found = _found(conn, run, agent)
    confirmed = desk.act(
        lambda tx, actor: runs.confirm_run(
            tx, agent=found.agent, key=found.key, up_to=up_to, reason=reason, actor=actor
        )
    )
    return Output(
        mail.run_confirmed(found.agent, found.key, confirmed),
        f"{found.key} of {found.agent} may reach {confirmed.up_to:,}: {confirmed.released:,} held messages released, "
        f"{confirmed.still_pending:,} stay held for another reason or beyond the limit.",
    )


@command(app, "close", example="postroom run close run-7 --agent support-bot")
def close(
    desk: CommandContext,
    run: Run,
    agent: Annotated[str | None, typer.Option(help="The agent, if several have a run of this id.")] = None,
) -> Output:
    """Close a run: it accepts no more mail, and tokens bound to it are no longer valid."""
    with desk.read() as conn:
        found = _found(conn, run, agent)
    accepted = desk.act(lambda tx, actor: runs.close_run(tx, agent=found.agent, key=found.key, actor=actor))
    return Output(
        mail.run_closed(found.agent, found.key, accepted),
        f"Closed {found.key} of {found.agent}; it had accepted {plural(accepted, 'recipient')}.",
    )


def _found(conn: Connection, run: str, agent: str | None) -> RunView:
    """The run with this ID: of the named agent, or of the only agent that has it. Raises `NotFound`, `Conflict`."""
    if agent is not None:
        return runs.show(conn, agent=agent, key=run)
    found: list[RunView] = []
    after = ""
    while page := directory.agents(conn, after=after):
        for one in page:
            found += _of(conn, one.name, run) or _of(conn, one.name, run.removeprefix(f"{one.name}/"))
        after = page[-1].name
    if not found:
        raise NotFound(f"there is no run {run}", fix="postroom run list lists them")
    if len(found) > 1:
        named = ", ".join(one.agent for one in found)
        raise Conflict(f"several agents have a run {run}: {named}", fix="name one with --agent")
    return found[0]


def _of(conn: Connection, agent: str, key: str) -> list[RunView]:
    try:
        return [runs.show(conn, agent=agent, key=key)]
    except NotFound:
        return []
