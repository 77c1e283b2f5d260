"""`postroom demo`: the live desk on an empty machine, with a screen or without one.

The simulated world runs in a thread of its own beside the console, the gateway in a process of its own: what the
console shows and steers is exactly what it would be in production.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli import frame
from core.cli.frame import Said
from core.demo import morning
from core.demo.live import Figures, Live, headless
from core.demo.tally import CaseFigures
from core.errors import Invalid, PostroomError, Unavailable
from core.settings import load

HINT: Final = "a demonstration: press 2 for held mail, a approves, x rejects, 3 for agents, s suspends, ? for help"
UP_WITHIN: Final = 60.0


class Scenario(StrEnum):
    """What is played."""

    LIVE = "live"
    MORNING = "morning"


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("demo", epilog="\b\nExample:\n  postroom demo\n  postroom demo --headless --seconds 20 --json")
    def demo(
        *,
        scenario: Annotated[
            Scenario, typer.Option(help="The live desk, or the 80,000-message morning.")
        ] = Scenario.LIVE,
        headless: Annotated[
            bool, typer.Option("--headless", help="Without a screen: run, then say what happened.")
        ] = False,
        seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long the live desk runs headless.")] = 20,
        messages: Annotated[int, typer.Option(min=100, help="How many the morning's agents try, each.")] = 80_000,
        as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout, nothing else.")] = False,
    ) -> None:
        """The whole desk, live, on an empty machine; everything around it is simulated."""
        said = _play(scenario, no_screen=headless, seconds=seconds, messages=messages, quiet=as_json)
        if said is not None:
            frame.say(frame.dump(said.data) if as_json else said.text)
            if said.code:
                raise typer.Exit(said.code)


def _play(scenario: Scenario, *, no_screen: bool, seconds: float, messages: int, quiet: bool) -> Said | None:
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as name:
        directory = Path(name) / "desk"
        if scenario is Scenario.MORNING:
            return _morning(directory, messages=messages, quiet=quiet)
        if no_screen:
            note(f"A desk in {directory}, five agents, one of which goes rogue; {seconds:.0f} seconds ...", quiet=quiet)
            return _said(asyncio.run(headless(directory, seconds=seconds)))
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise Invalid("the console needs a terminal", fix="add --headless to run the demonstration without one")
        return _with_console(directory)


def _morning(directory: Path, *, messages: int, quiet: bool) -> Said:
    def progress(text: str, share: float) -> None:
        note(f"{text} {share:4.0%}", quiet=quiet)

    note(f"The morning, twice: {messages:,} follow-ups by each of three agents ...", quiet=quiet)
    outcome = asyncio.run(morning.run(directory, messages=messages, progress=progress))
    whole = outcome.default.audit_ok and outcome.widened.audit_ok
    return Said(outcome.as_json(), f"{_table(outcome.default)}\n\n{_table(outcome.widened)}", code=0 if whole else 1)


def _table(case: CaseFigures) -> str:
    """One morning as a table, an agent a row."""
    rows = [
        (
            one.mode, f"{one.attempted:,}", f"{one.left:,}", f"{one.held:,}", f"{one.refused + one.rate_limited:,}",
            str(one.complaints), _after(one.first_complaint_to_suspension), str(one.left_after_suspension),
        )
        for one in case.modes
    ]  # fmt: skip
    head = ("mode", "attempted", "left", "held", "refused", "complaints", "complaint to suspension", "left after it")
    return f"{case.case} (the transactional stream beside it: {case.transactional.effect})\n{frame.table(head, rows)}"


def _after(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.1f} s"


def _with_console(directory: Path) -> Said:
    """The console over a live desk; leaving it ends the demonstration."""
    from console.app import run_console  # noqa: PLC0415 - Textual waits until it is asked for

    town = _Town(directory)
    note("Founding a desk, starting its gateway, waking the agents ...", quiet=False)
    town.start()
    try:
        assert town.live.founded is not None
        run_console(load(directory), town.live.founded.operators["alice"], hint=HINT)
    finally:
        town.stop()
    return _said(town.live.figures(seconds=0))


class _Town(threading.Thread):
    """The simulated world, in an event loop of its own."""

    def __init__(self, directory: Path) -> None:
        super().__init__(name="postroom-demo", daemon=True)
        self.live = Live(directory)
        self._up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Return once the gateway answers. Raises what kept it from that."""
        super().start()
        if not self._up.wait(UP_WITHIN):
            raise Unavailable("the demonstration did not come up in time")
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
        self.join(UP_WITHIN)

    def run(self) -> None:
        try:
            asyncio.run(self._live())
        except (PostroomError, OSError) as error:
            self._error = error
        finally:
            self._up.set()

    async def _live(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        async with self.live.running():
            self._up.set()
            await self._ending.wait()


def note(text: str, *, quiet: bool) -> None:
    """Progress, on stderr."""
    if not quiet:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _said(figures: Figures) -> Said:
    return Said(figures.as_json(), _text(figures), code=0 if figures.audit_ok else 1)


def _text(figures: Figures) -> str:
    rows: list[tuple[str, Any]] = [
        ("submitted", figures.submitted),
        ("sent", figures.sent),
        ("pending", figures.pending),
        ("blocked", figures.blocked),
        ("rate limited", figures.rate_limited),
        ("bounced", figures.bounced),
        ("complained", figures.complained),
        ("suppressed", figures.suppressed),
    ]
    lines = [f"{name:14}{count:>8,}" for name, count in rows]
    lines += [
        f"suspended     {one['agent']} after {one['after_sent']:,} sent: {one['reason']}" for one in figures.suspended
    ]
    lines.append(f"departed after a suspension: {figures.departed_after_suspension}")
    lines.append(f"audit verify: {figures.events:,} events, {'whole' if figures.audit_ok else 'BROKEN'}")
    return "\n".join(lines)
