"""Plain values of options are read as typer reads them, and typer refuses what it refused."""

from __future__ import annotations

import enum
import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Annotated

import pytest
import typer
import typer.core

from core.cli import output, plain_values

OWN = getattr(typer.core, "build_runtime_param", None)
app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Mode(enum.StrEnum):
    LOW = "low"
    HIGH = "high"


@app.command()
def show(
    *,
    name: Annotated[str, typer.Argument()],
    rest: Annotated[list[str] | None, typer.Argument()] = None,
    count: Annotated[int | None, typer.Option(min=0, max=50)] = None,
    limit: Annotated[int, typer.Option()] = 7,
    mode: Annotated[Mode | None, typer.Option()] = None,
    usual: Annotated[Mode, typer.Option()] = Mode.LOW,
    tag: Annotated[list[str] | None, typer.Option()] = None,
    number: Annotated[list[int] | None, typer.Option()] = None,
    yes: Annotated[bool, typer.Option("--yes")] = False,
    at: Annotated[Path | None, typer.Option()] = None,
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    share: Annotated[float, typer.Option()] = 0.5,
) -> None:
    """Print what was read."""
    print(repr((name, rest, count, limit, mode, usual, tag, number, yes, at, file, share)))


LINES = (
    "x", "x y z", "", "x --count 5", "x --count -1", "x --count 51", "x --count five", "x --count 5.0", "x --count +5",
    "x --count 05", "x --count ٣", "x --limit 99999999999999999999", "x --limit=-3", "x --mode low", "x --mode LOW",
    "x --mode none", "x --usual high", "x --tag a --tag b", "x --number 1 --number 2", "x --number 1 --number b",
    "x --yes", "x --yes=1", "x --at /tmp", "x --at nowhere/at/all", "x --at ~", "x --file /tmp", "x --file nowhere",
    "x --share 1e3", "x --share much", "x --nothing", "-- -x", "x --count",
)  # fmt: skip


def _read(line: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = output.run(app, line.split(), name="show")
    return code, out.getvalue(), err.getvalue()


@pytest.mark.skipif(OWN is None, reason="this typer does not read values with pydantic")
def test_every_value_is_read_and_refused_as_typer_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = OWN.original if isinstance(OWN, plain_values._Builder) else OWN
    for line in LINES:
        monkeypatch.setattr(plain_values, "install", lambda: None)
        monkeypatch.setattr(typer.core, "build_runtime_param", own)
        theirs = _read(line)
        monkeypatch.undo()
        assert _read(line) == theirs, line
        assert isinstance(getattr(typer.core, "build_runtime_param"), plain_values._Builder)  # noqa: B009 - not exported
