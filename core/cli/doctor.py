"""`postroom doctor`: what is missing before real mail can leave, each finding with its fix.

It changes nothing. What it cannot check from here (no network, no database) is a warning, not a failure: a check that
did not run has found nothing wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import typer

from core.cli.context import CommandContext, command
from core.cli.diagnostics import database, identities, inbound, machine, routes, streams
from core.cli.diagnostics.finding import Finding, Grade
from core.cli.output import Output, plain, table
from core.errors import PostroomError

app: Final = typer.Typer()
"""The command that the root app mounts."""


@command(app, "doctor", example="postroom doctor --dir desk")
def doctor(desk: CommandContext) -> Output:
    """What is missing before real mail can leave: DNS, keys, routes, feedback, clock, disk. Exits 1 if something is."""
    found = list(_findings(desk))
    worst = [one for one in found if one.grade is Grade.FAIL]
    warned = sum(one.grade is Grade.WARN for one in found)
    data: dict[str, Any] = {
        "ok": not worst,
        "checks": [
            {"grade": one.grade, "check": one.check, "about": one.about, "text": one.text, "fix": one.fix or None}
            for one in found
        ],
    }
    rows = [(one.grade, one.check, one.about, one.text) for one in found]
    head, *lines = table(("", "CHECK", "ABOUT", "FINDING"), rows, last_whole=True).splitlines()
    texts = [f"{line}\n      -> {plain(one.fix)}" if one.fix else line for line, one in zip(lines, found, strict=True)]
    summary = f"{len(worst)} failed, {warned} warned." if worst or warned else "Real mail can leave."
    return Output(data, "\n".join([head, *texts, "", summary]), code=1 if worst else 0)


def _findings(desk: CommandContext) -> Iterator[Finding]:
    yield from machine.files(desk)
    yield from machine.disk(desk)
    yield from machine.configuration(desk)
    try:
        stored = streams.stored(desk)
    except PostroomError as error:
        yield Finding(Grade.FAIL, "database", "", str(error), "postroom serve brings it to this version")
        return
    yield Finding(Grade.OK, "database", "", "it answers and has this version's schema")
    yield from database.development(desk)
    yield from database.handed_over(desk)
    yield from database.durable(desk)
    yield from database.log_holds(desk)
    yield from database.clock(desk)
    yield from database.workers(desk)
    yield from database.unproved(desk)
    yield from database.notified(desk)
    yield from identities.records(desk)
    yield from inbound.lmtp(desk)
    yield from inbound.scorer(desk)
    yield from inbound.providers(desk)
    if not stored:
        yield Finding(Grade.WARN, "stream", "", "there is none", "postroom stream add DOMAIN --relay smtp://HOST:PORT")
    for stream in stored:
        yield from streams.state(stream)
        yield from streams.records(desk, stream)
        yield routes.route(desk, stream)
        yield from streams.terms(desk, stream)
