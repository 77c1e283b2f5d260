"""`postroom history`: a day, a week or a month of the desk, a stream, an agent or a site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.cli.output import Output, plain
from core.cli.remote.context import AnyDesk, command
from core.durations import read_stamp
from core.errors import Invalid
from core.views.format import day_and_clock
from core.views.history import Of, Series, Span, Unit, axis, chart, figure

app: Final = typer.Typer()
"""The commands that the root app mounts."""
WIDTH: Final = 2


@command(app, "history", example="postroom history --agent quote-bot --span 7d")
def history(
    desk: AnyDesk,
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream (its domain).")] = None,
    site: Annotated[str | None, typer.Option(help="Only this site (a recipient domain or its provider).")] = None,
    span: Annotated[str, typer.Option(help="How far back: 24h, 7d or 30d.")] = Span.WEEK.value,
) -> Output:
    """Complaints, bounces, held, blocked and review time by time, with the guards' lines."""
    named = [(of, name) for of, name in ((Of.AGENT, agent), (Of.STREAM, stream), (Of.SITE, site)) if name is not None]
    if len(named) > 1:
        raise Invalid("one of --agent, --stream and --site", fix="leave the others out")
    if span not in list(Span):
        raise Invalid(f"no such span: {span[:20]}", fix=f"--span {', '.join(Span)}")
    of, name = named[0] if named else (Of.DESK, "")
    found = desk.call("history.show", of=of.value, name=name, span=span)
    return Output(found, plain("\n".join(_drawn(found))))


def _drawn(found: Mapping[str, Any]) -> list[str]:
    span = Span(found["span"])
    begin = read_stamp(found["begin"])
    lines = [f"{found['of']} {found['name']}".strip() + f", {span}, times in UTC", ""]
    for one in found["series"]:
        series = Series(
            one["measure"], Unit(one["unit"]), tuple(one["values"]), one["total"], one["warn"], one["suspend"]
        )
        lines.append(f"{series.measure}: {figure(series.total, series.unit)} in {span}")
        if not any(series.values):
            continue
        drawn = chart(series, width=WIDTH)
        labels = [day_and_clock(begin + round(part * span.steps) * span.step) for part in (0, 0.5, 1)]
        lines += [*drawn, *axis(span, labels, margin=drawn[0].index("┤") - 1, width=WIDTH), ""]
    return lines
