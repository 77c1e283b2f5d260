"""README's tables say what the code says (events, settings, commands), and its tour works as it is printed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from console.main import build
from core.events import CATALOGUE
from core.settings import settings_model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found, f"README has no section {title}"
    return found[1]


def leaves(model: type[BaseModel | BaseSettings], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def commands(app: typer.Typer, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for command in app.registered_commands:
        yield (*prefix, str(command.name))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, (*prefix, str(group.typer_instance.info.name)))


def test_every_event_has_its_row() -> None:
    rows = set(re.findall(r"^\| `([a-z_.]+)` \|", section("Events"), re.MULTILINE))
    assert rows == set(CATALOGUE)


def test_every_setting_has_its_row() -> None:
    table = section("Settings")
    spelled: set[str] = set()
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        names = re.findall(r"`([a-z_.]+)`", row)
        base = names[0].rpartition(".")[0]
        spelled |= {f"{base}{name}" if name.startswith(".") else name for name in names}
    assert spelled == set(leaves(settings_model()))


def test_every_command_is_named() -> None:
    table = section("Commands")
    words = set(re.findall(r"[a-z]+", table))
    missing = [path for path in commands(build()) if not set(path) <= words]
    assert missing == []


def test_the_two_commands_are_there_to_the_letter() -> None:
    assert "pip install -q uv && uv run postroom demo" in README
    assert "pip install -q uv && uv run pytest" in README


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tour(*, gateway: int, receiver: int, told: Path) -> str:
    """The tour to the letter, but for its ports; before its last line, what was approved must have arrived."""
    found = re.search(r"^```sh\n(.*?)^```", section("Five minutes"), re.DOTALL | re.MULTILINE)
    assert found, "the tour is a block of shell"
    text = found[1].replace("localhost:8025", f"127.0.0.1:{gateway}").replace("127.0.0.1:2525", f"127.0.0.1:{receiver}")
    walk, kill, rest = text.rpartition("kill %1 %2")
    arrived = f"until grep -q 'END MESSAGE' {told}; do sleep 0.2; done\n"
    return f"{walk}{arrived}{kill}{rest}\nwait\n"


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl", "awk"))), reason="the tour is for a shell with curl")
def test_the_tour_leads_from_an_empty_directory_to_signed_mail_and_a_whole_log(tmp_path: Path) -> None:
    # `uv run` syncs first and may want the network for it; this is the environment it would make.
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    uv.chmod(0o755)
    gateway, told = free_port(), tmp_path / "told"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    path = os.pathsep.join((str(uv.parent), str(Path(sys.executable).parent), os.environ["PATH"]))
    with told.open("wb") as out:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", tour(gateway=gateway, receiver=free_port(), told=told)],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            env=clean | {"PATH": path, "POSTROOM_LISTEN": f"127.0.0.1:{gateway}"},
        )  # fmt: skip
    try:
        code = shell.wait(180)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    said = told.read_text()
    assert code == 0, said
    for promise in ('"status":"pending"', "a=rsa-sha256", "a=ed25519-sha256", "It is on its way.", "The log is whole"):
        assert promise in said
    assert re.search(r"^m\w+: approved$", said, re.MULTILINE)
    assert "approved by alice" in said
