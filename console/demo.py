"""`postroom demo`: a live desk, or the 80,000-message morning, on an empty machine, with or without a screen.

The simulated world runs in its own thread beside the console, and the gateway in its own process: what the console
shows and controls is exactly what it would be in production. Both are imported and set up behind the first frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from console import splash
from console.demo_guide import guide
from core.cli import output
from core.cli.output import Output
from core.demo import temporary
from core.errors import Invalid, PostroomError, Refused
from core.views.format import clock_short

if TYPE_CHECKING:
    from console.demo_thread import DemoThread
    from console.ports import Parts
    from core.demo.incident_runner import Playing
    from core.demo.live_figures import Figures
    from core.demo.results import CaseFigures

HINT: Final = (
    "a demonstration: press {go_queue} for held mail, {approve} approves, {reject} rejects, {go_agents} for agents, "
    "{suspend} suspends, {help} for help"
)

MORNING: Final = (
    "4 a.m., 20 times as fast: feedback stops two of three agents, {go_agents} for agents, {go_events} for events, "
    "{quit} to leave"
)
"""Both name actions: `keymap.with_keys` says their keys."""


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
            bool, typer.Option("--headless", help="Run without a screen, then print the results.")
        ] = False,
        seconds: Annotated[
            float, typer.Option(min=1, max=86_400, help="How long the live scenario runs headless.")
        ] = 20,
        messages: Annotated[
            int, typer.Option(min=100, help="How many messages each agent of the morning tries to send.")
        ] = 80_000,
        as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout, nothing else.")] = False,
    ) -> None:
        """Run a complete live desk on an empty machine; the world around it is simulated."""
        outcome = _play(scenario, no_screen=headless, seconds=seconds, messages=messages, quiet=as_json)
        if outcome is not None:
            output.say(output.dump(outcome.data) if as_json else outcome.text)
            if outcome.code:
                raise typer.Exit(outcome.code)


def _play(scenario: Scenario, *, no_screen: bool, seconds: float, messages: int, quiet: bool) -> Output | None:
    # The caller's own desk has no part in the demonstration: neither its database nor its token.
    for name in [name for name in os.environ if name.startswith("POSTROOM_")]:
        del os.environ[name]
    with temporary.directory() as made:
        directory = made / "desk"
        seen = sys.stdin.isatty() and sys.stdout.isatty()
        if scenario is Scenario.MORNING:
            if seen and not no_screen and not quiet:
                return _watched_morning(directory, messages=messages)
            return _morning(directory, messages=messages, quiet=quiet)
        if no_screen:
            note(f"Running five agents, one of them rogue, for {seconds:.0f} seconds in {directory} ...", quiet=quiet)
            from core.demo.live_scenario import headless  # noqa: PLC0415 - what is simulated is imported where it is played

            try:
                return _figures_output(
                    asyncio.run(headless(directory, seconds=seconds, progress=lambda at: note(at, quiet=quiet)))
                )
            except asyncio.CancelledError:  # SIGTERM, after the gateway was closed
                raise typer.Exit(128 + signal.SIGTERM) from None
        if not seen:
            raise Invalid("the console needs a terminal", fix="add --headless to run the demonstration without one")
        return _with_console(directory)


def _morning(directory: Path, *, messages: int, quiet: bool) -> Output:
    from core.demo import incident_runner  # noqa: PLC0415 - what is simulated is imported where it is played

    def progress(text: str, share: float) -> None:
        note(f"{text} {share:4.0%}", quiet=quiet)

    note(f"Running the morning twice: three agents, {messages:,} follow-ups each ...", quiet=quiet)
    outcome = asyncio.run(incident_runner.run(directory, messages=messages, progress=progress))
    whole = outcome.default.audit_ok and outcome.widened.audit_ok
    return Output(outcome.as_json(), f"{_table(outcome.default)}\n\n{_table(outcome.widened)}", code=0 if whole else 1)


def _watched_morning(directory: Path, *, messages: int) -> Output:
    """Show the console over a morning whose budgets let everything through, so that only feedback can stop it."""
    started: list[Playing] = []

    def move_in() -> Parts:
        from console import local_desk  # noqa: PLC0415 - the ORM takes longer to import than the first frame may
        from core.demo import incident, incident_runner, seed  # noqa: PLC0415 - the same

        with contextlib.redirect_stderr(
            sys.__stderr__
        ):  # a process needs a real file descriptor; Textual's stdout has none
            playing = incident_runner.Playing(incident.WIDENED, directory, messages=messages, watched=True)
        started.append(playing)
        try:
            playing.wait_for_progress()
        except PostroomError as error:  # do not retry: half a desk exists already
            raise Refused(f"the morning did not start: {error}") from error
        return local_desk.open_desk(directory, seed.token_at(directory, "alice"), clock=playing.clock)

    progress: float | CaseFigures = 0.0
    left_at = 0
    try:
        splash.raised(move_in, saying="Creating a desk and starting its agents at 4 a.m. ...", hint=MORNING)
        for playing in started:
            progress, left_at = playing.so_far(), playing.clock.now()
    finally:
        for playing in started:
            playing.stop()
    if isinstance(progress, float):
        rest = "To run all of it and print its figures: postroom demo --scenario morning --headless"
        return Output({}, f"You left the morning at {clock_short(left_at)}. {rest}" if left_at else "")
    return Output(progress.as_json(), _table(progress), code=0 if progress.audit_ok else 1)


def _table(case: CaseFigures) -> str:
    """One morning as a table, one row per agent."""
    rows = [
        (
            one.mode, f"{one.attempted:,}", f"{one.left:,}", f"{one.held:,}", f"{one.refused + one.rate_limited:,}",
            str(one.complaints), _after(one.first_complaint_to_suspension), str(one.left_after_suspension),
        )
        for one in case.modes
    ]  # fmt: skip
    head = ("mode", "attempted", "left", "held", "refused", "complaints", "complaint to suspension", "left after it")
    return (
        f"{case.case} (transactional stream on the same desk: {case.transactional.effect})\n{output.table(head, rows)}"
    )


def _after(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.1f} s"


def _with_console(directory: Path) -> Output:
    """Show the console over a live desk that is set up behind its first frame; leaving it ends the demonstration."""
    live: list[DemoThread] = []
    from console.ports import Waiting  # noqa: PLC0415 - commands without a screen import no state of one

    waiting = Waiting()

    def move_in() -> Parts:
        waiting.text = "loading the simulated world ..."
        from console import local_desk  # noqa: PLC0415 - the ORM takes longer to import than the first frame may
        from console.demo_thread import DemoThread  # noqa: PLC0415 - the same, and the whole simulated world

        demo = DemoThread(directory, progress=lambda text: setattr(waiting, "text", text))
        live.append(demo)
        try:
            demo.start(given_up=waiting.left)
        except (PostroomError, OSError) as error:  # do not retry: half a desk exists already
            raise Refused(f"the demonstration did not start: {error}") from error
        assert demo.live.founded is not None
        return local_desk.sign_in(directory, demo.live.founded.operators["alice"])

    try:
        splash.raised(
            move_in, saying="Creating a desk, starting its gateway and agents ...", hint=HINT, waiting=waiting,
            guide=guide,
        )  # fmt: skip
    finally:
        if live:
            note("closing the desk ...", quiet=False)  # draining takes seconds, and the screen is gone already
        for demo in live:
            demo.stop()
    if not live or live[0].live.founded is None:
        return Output({}, "")
    return _figures_output(live[0].live.figures(seconds=0))


def note(text: str, *, quiet: bool) -> None:
    """Progress, on stderr."""
    if not quiet:
        with contextlib.suppress(OSError):  # the terminal is gone: close what is running all the same
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


def _figures_output(figures: Figures) -> Output:
    return Output(figures.as_json(), _text(figures), code=0 if figures.audit_ok else 1)


def _text(figures: Figures) -> str:
    """How much was submitted, where it is now, and what came back from the mail that left."""
    shown = ("sent", "pending", "blocked", "rate_limited")
    lines = [_line("submitted", figures.submitted)]
    lines += [_line(f"  {name}", many) for name, many in figures.parts().items() if many or name in shown]
    lines += [_line(name, getattr(figures, name)) for name in ("bounced", "complained", "suppressed")]
    lines += [
        f"suspended     {one['agent']} after {one['after_sent']:,} sent: {one['reason']}; "
        f"{'the desk did so by itself' if one['by'] == 'guard' else 'by ' + one['by']}, "
        f"and has refused {one['refused_since']:,} since"
        for one in figures.suspended
    ]
    lines.append(f"departed after a suspension: {figures.departed_after_suspension}")
    lines.append(f"received: {figures.received}, of which held for a person: {figures.received_held}")
    lines.append(f"audit verify: {figures.events:,} events, {'whole' if figures.audit_ok else 'BROKEN'}")
    return "\n".join(lines)


def _line(name: str, many: int) -> str:
    return f"{name.replace('_', ' '):14}{many:>8,}"
