"""`postroom drill`: exercise the revocation of an agent's tokens, from any machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli.output import Output
from core.cli.remote.context import AnyDesk, command
from core.desk_client import drill_gateways, drill_report
from core.desk_client.drill import Drill, Fresh
from core.model import plural
from core.rules.identity_findings import DrillResult

app: Final = typer.Typer()
"""The command that the root app mounts."""


@command(app, "drill", example="postroom drill support-bot")
def drill(
    desk: AnyDesk,
    *,
    agent: Annotated[str, typer.Argument(help="The agent whose revocation is exercised.")],
    url: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="URL of a gateway that is not found automatically; may be repeated."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> Output:
    """Revocation drill: revoke an agent's tokens, check that no gateway accepts them, issue new ones.

    The agent cannot send until it has its new token, which is printed once. Needs governance.
    """
    planned = desk.call("drill.plan", agent=agent)
    if not yes and desk.interactive:
        with desk.asking():
            _confirm(planned)
    elsewhere = not isinstance(desk.where, Path)
    gateways = drill_gateways.find(planned["gateways"], [*([desk.api_url] if elsewhere else []), *(url or ())])
    one = Drill(desk, agent, planned, gateways, held=desk.hold_interrupts(), progress=desk.note)
    one.run()
    return _result_output(one)


def _confirm(planned: Mapping[str, Any]) -> None:
    """Ask before cutting off a working agent. Raises `typer.Abort`."""
    when = "never used" if planned["last_used_at"] is None else f"last used {planned['last_used_at']}"
    typer.confirm(
        f"{planned['agent']} has {plural(planned['tokens'], 'token')} in force, {when}. All are revoked; it sends "
        "nothing until you give it a fresh one. Go on?",
        abort=True, err=True,
    )  # fmt: skip


# --- result -------------------------------------------------------------------------------------------------------


def _result_output(one: Drill) -> Output:
    passed = one.result is DrillResult.PASSED
    data: dict[str, Any] = {
        "agent": one.agent,
        "result": one.result.value,
        "passed": passed,
        "failures": one.failures,
        "at": one.at,
        "revoked": one.revoked,
        "tried": [{"token": stands_for, "probe": number} for number, stands_for, _ in one.probes],
        "gateways": one.gateways.urls,
        "unreached": one.gateways.unreached,
        "fresh_not_tried_at": one.in_clear,
        "closed_ms": one.closed_ms,
        "still_waiting": one.plan["waiting"],
        "streams": one.streams,
        "shared_with": one.plan["shared_with"],
        "remove_to_stop_signatures": one.remove,
        "records_that_remain": one.remain,
        "restored": [{"token": fresh.made.secret} | _facts(fresh) for fresh in one.fresh],
    }
    return Output(data, drill_report.text(one), code=0 if passed else 1)


def _facts(fresh: Fresh) -> dict[str, Any]:
    return {name: value for name, value in fresh.facts.items() if name != "token_sha256"}
