from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from console.main import build, main
from core.cli import commands, output
from core.cli.authorization import ACCESS, Free
from tests.cli.cli_runner import NOBODY, Clerk, founded
from tests.factories.fork_server import postroom


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(_commands(typer.main.get_command(build())))


def _at_the_shell(*args: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "console.main", *args], check=False, capture_output=True, **more)


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != ("demo",)], ids=" ".join)
def test_every_command_has_help_with_an_example_and_both_flags(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    assert f"postroom {' '.join(path)}" in command.epilog
    flags = {flag for parameter in command.params for flag in parameter.opts}
    if path == ("mcp",):  # its stdout is a protocol, and it works on no desk's directory
        return
    assert "--dir" in flags
    assert "--json" in flags or path == ("console",)


@pytest.mark.parametrize(
    "args",
    [
        ["stream", "add"],
        ["stream", "paint", "x"],
        ["nonsense"],
        ["mailbox", "approve", "a@b.c", "--as", "king"],
        ["queue", "approve", "not-an-id"],
        ["token", "issue", "--agent", "x", "--scopes", "fly"],
        ["demo", "--scenario", "nope"],
    ],
)
def test_usage_is_one_line_on_stderr_and_exit_2(
    args: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = founded(tmp_path / "desk")
    monkeypatch.setenv("POSTROOM_DIR", str(clerk.directory))
    monkeypatch.setenv("POSTROOM_TOKEN", clerk.tokens["alice"])
    assert main([*args, "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("postroom: ")
    assert "Value error" not in said.err


def test_a_command_that_a_group_lacks_is_answered_with_those_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queue", "list"]) == 2
    assert "postroom queue has approve, cancel, " in capsys.readouterr().err
    assert main(["agent", "lst"]) == 2
    said = capsys.readouterr().err
    assert "Did you mean 'list'?" in said
    assert " has " not in said, "one that is alike is enough"


def test_no_desk_no_token_and_a_strangers_token_each_say_what_to_do(tmp_path: Path, clerk: Clerk) -> None:
    assert "postroom init" in Clerk(tmp_path / "nowhere").refused("stream", "list", code=2)
    assert "POSTROOM_TOKEN" in clerk.refused("stop", "--reason", "x", who=NOBODY)
    assert "POSTROOM_TOKEN" in clerk.refused("queue", "pending", who=NOBODY)
    clerk.tokens["eve"] = "pro_stranger"
    assert "unknown" in clerk.refused("stop", "--reason", "x", who="eve")
    clerk.tokens["bot"] = "pra_agent"
    assert "an agent's token" in clerk.refused("stop", "--reason", "x", who="bot")


READERS = [
    ("queue pending", {"alice", "olive", "gail", "dora", "victor"}),
    ("suppress list", {"alice", "olive", "gail", "dora", "victor"}),
    ("audit export", {"alice", "olive", "gail", "dora", "victor"}),
    ("mailbox list", {"root", "alice", "olive", "gail", "dora", "victor"}),
    ("operator list", {"root", "alice", "olive", "gail", "dora", "victor"}),
]


@pytest.mark.parametrize(("command", "may"), READERS)
def test_who_may_read_over_http_may_read_here_and_nobody_else(clerk: Clerk, command: str, may: set[str]) -> None:
    assert {who for who in clerk.tokens if clerk.run(*command.split(), who=who).code == 0} == may
    assert "this needs an operator's token" in clerk.refused(*command.split(), who=NOBODY)


def test_every_command_has_its_place_in_the_table_of_access() -> None:
    assert set(ACCESS) == {" ".join(path) for path in COMMANDS} - {"console", "demo"}


@pytest.mark.parametrize("command", sorted(name for name, needs in ACCESS.items() if isinstance(needs, Free)))
def test_what_needs_no_token_says_why(command: str) -> None:
    needs = ACCESS[command]
    assert isinstance(needs, Free)
    assert len(needs.why) > 20


@pytest.mark.parametrize("command", [("audit", "verify"), ("stream", "list"), ("policy", "show")])
def test_a_disabled_operator_reads_nothing_here(clerk: Clerk, command: tuple[str, ...]) -> None:
    clerk.ok("operator", "disable", "dora", who="root")
    clerk.refused(*command, who="dora")


@pytest.mark.parametrize("command", [("audit", "verify"), ("queue", "pending"), ("policy", "show"), ("stream", "list")])
def test_a_token_that_is_nobodys_does_not_read_either(clerk: Clerk, command: tuple[str, ...]) -> None:
    clerk.tokens["eve"] = "pro_stranger"
    assert clerk.ok(*command) is not None
    assert "unknown" in clerk.refused(*command, who="eve")


def test_the_desk_is_found_by_the_environment_too(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTROOM_DIR", str(clerk.directory))
    monkeypatch.setenv("POSTROOM_TOKEN", clerk.tokens["alice"])
    assert main(["operator", "list"]) == 0
    assert "gail" in capsys.readouterr().out


def test_a_closed_pipe_is_quiet(clerk: Clerk) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*postroom(), "operator", "list", "--dir", str(clerk.directory)],
        check=False, stdout=writer, stderr=subprocess.PIPE,
        env=os.environ | {"POSTROOM_TOKEN": clerk.tokens["alice"]},
    )  # fmt: skip
    os.close(writer)
    assert ended.stderr == b""


def test_foreign_text_obeys_nobody() -> None:
    told = output.table(("SUBJECT",), [("\x1b[2Jhello\u202e\n",)])
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "hello" in told


def test_the_version_is_told() -> None:
    assert _at_the_shell("--version").stdout.startswith(b"postroom ")


def test_interrupted_is_130(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("POSTROOM_TOKEN", clerk.tokens["alice"])
    monkeypatch.setattr("sys.stdout.write", interrupted, raising=False)
    assert output.run(build(), ["operator", "list", "--dir", str(clerk.directory)]) == 130


def test_the_console_wants_a_terminal_before_anything_else(tmp_path: Path) -> None:
    ended = _at_the_shell("console", "--dir", str(tmp_path), stdin=subprocess.DEVNULL)
    assert ended.returncode == 2
    assert b"terminal" in ended.stderr


def _imported_by(*args: str, **environment: str) -> set[str]:
    """What the command line has imported by the time it runs this."""
    code = "import sys, console.main as m; m.build(sys.argv[1:]); print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code, *args], check=True, capture_output=True, env=os.environ | environment
    )
    return set(done.stdout.decode().split())


HEAVY = {"alembic", "apprise", "fastapi", "httpx", "keyring", "mcp", "sqlalchemy", "textual", "uvicorn"}


def test_help_and_the_console_start_without_database_and_server() -> None:
    assert not _imported_by("--help") & HEAVY
    assert not _imported_by("mcp") & HEAVY
    assert not _imported_by("console", "--dir", "desk") & (HEAVY | {"pydantic"})
    assert not _imported_by("", COMP_WORDS="postroom queue appr") & HEAVY


def test_who_stops_the_desk_waits_for_the_database_alone() -> None:
    assert _imported_by("stop", "--reason", "x") & HEAVY == set(), "until it is known which desk is stopped"
    code = "import sys, core.cli.context, core.operations.desk; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert set(done.stdout.decode().split()) & HEAVY == {"sqlalchemy"}
    assert _imported_by("queue", "lanes") & HEAVY == set()


def test_help_says_the_same_whether_commands_are_imported_or_only_named(capsys: pytest.CaptureFixture[str]) -> None:
    output.run(build(), ["--help"])
    whole = capsys.readouterr().out
    output.run(build(["--help"]), ["--help"])
    assert capsys.readouterr().out == whole
    assert "...\n" not in whole.partition("Commands:")[2]  # half a sentence helps nobody choose
    assert {entry.name for entry in commands.ENTRIES} | {"console", "demo"} == {path[0] for path in COMMANDS}


@pytest.mark.parametrize(("typed", "offered"), [("postroom que", "queue"), ("postroom queue appr", "approve")])
def test_a_shell_completes_nouns_and_what_stands_under_them(typed: str, offered: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1), "_POSTROOM_COMPLETE": "complete_bash"}
    code = "import console.main as m; m.main([])"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, env=os.environ | words)
    assert done.stdout.decode().split() == [offered]
