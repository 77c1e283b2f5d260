"""`postroom logs`: a gateway's own lines, through it and on its host, while it runs and after it was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from core.log_file import NAME, LogFile
from tests.cli.cli_runner import Clerk, Heard
from tests.cli.gateway_process import PATIENCE, start
from tests.cli.test_remote import run
from tests.cli.test_short_ids import Runner, typed
from tests.factories.fork_server import postroom
from tests.factories.log_lines import NIGHT, entry, log_night
from tests.factories.ports import free_port

__all__ = ["typed"]

EVENTS = [event for _, _, _, event, _ in NIGHT]


def events(heard: Heard) -> list[str]:
    assert heard.code == 0, heard.err
    return [one["event"] for one in heard.json["lines"]]


def test_the_newest_lines_are_shown_in_order_with_their_gateway_and_process(office: Clerk, typed: Runner) -> None:
    log_night(office.directory)
    assert events(typed("logs", "--json")) == EVENTS
    assert events(typed("logs", "-n", "2", "--json")) == EVENTS[-2:]
    shown = typed("logs").out.splitlines()
    assert shown[2] == (
        "2026-05-03T04:02:07.204113Z  warning  desk-a 127.0.0.1:8025 egress[4719]  departures: the relay is not "
        "answering; backing off  stream=support-bot.acme.test route=smtp://relay.acme.test:587 "
        'error="connection timed out"'
    )
    assert "there are older lines" in typed("logs", "-n", "2").err


@pytest.mark.parametrize(
    ("level", "wanted", "found"),
    [
        ("warning", "", [2, 3, 4]),
        ("error", "", [3]),
        ("debug", "sev>=warn", [2, 3, 4]),
        ("debug", "process:egress", [2, 5]),
        ("debug", "logger=lmtp", [1]),
        ("debug", "text:relay*", []),
        ("debug", "text:relay", [2]),
        ("debug", "timed", [2]),
        ("debug", "pid=4723", [3]),
        ("info", "gateway:desk-a age>1h !process:gateway", [2, 3, 5]),
        ("warning", "age<1h", []),
    ],
)
def test_level_and_filter_choose_lines(office: Clerk, level: str, wanted: str, found: list[int]) -> None:
    log_night(office.directory)
    heard = office.run("logs", "--level", level, "--filter", wanted, "--json", who="alice")
    assert events(heard) == [EVENTS[n] for n in found]


def test_a_filter_that_cannot_be_read_is_a_mistake_in_the_command(typed: Runner) -> None:
    heard = typed("logs", "--filter", "agent:quote-bot")
    assert (heard.code, heard.out) == (2, "")
    assert "unknown field agent, at 1; use sev, process, logger" in heard.err


def test_only_roles_that_mend_machines_read_them_and_the_log_says_who_did(office: Clerk, typed: Runner) -> None:
    log_night(office.directory)
    assert "may not read a gateway's own log lines" in office.refused("logs", who="olive")
    assert office.ok("logs", who="root")["lines"]
    for _ in range(3):
        typed("logs")
    log = office.ok("audit", "list", "--filter", "type:desk.read actor:alice", who="victor")
    reads = [
        one["actor"] for one in log["events"]
        if one["data"]["what"] == "gateway_log"
    ]  # fmt: skip
    assert reads == ["alice"]


def test_where_the_lines_are_is_said_while_the_database_cannot_be_read(office: Clerk) -> None:
    log_night(office.directory)
    (office.directory / "postroom.db").write_bytes(b"no database" * 1_000)
    heard = office.run("logs", who="alice")
    assert (heard.code, heard.out) == (1, "")
    assert heard.err.startswith("postroom: the desk's database does not answer (file is not a database)"), heard
    assert heard.err.endswith(f"; the lines are in {office.directory / NAME}\n"), heard


def test_where_the_lines_are_is_said_while_no_gateway_answers(office: Clerk) -> None:
    heard = run("logs", token=office.tokens["alice"], POSTROOM_URL=f"http://127.0.0.1:{free_port()}")
    assert heard.code == 1
    assert "; the lines are in gateway.log in the desk's directory on its host" in heard.err


def test_foreign_text_in_a_line_cannot_drive_the_terminal(office: Clerk, typed: Runner) -> None:
    file = LogFile(office.directory / NAME)
    file.write(entry("reply \x1b]0;owned\x07\r\nstatus sent", data={"error": "\u202egnp.exe\n2026 fake line"}))
    heard = typed("logs")
    assert heard.out.count("\n") == 1
    assert not [char for char in heard.out if not char.isprintable() and char != "\n"]
    assert "\x1b" not in typed("logs", "--json").out


def test_lines_that_could_not_be_kept_are_counted_and_none_are_said(office: Clerk, typed: Runner) -> None:
    assert typed("logs").out == "no lines are kept here\n"
    LogFile(office.directory / NAME).write(entry("serving") | {"lost": 3})
    assert typed("logs").out.endswith("serving (3 lines before it could not be kept)\n")
    assert typed("logs", "--level", "error").out == "no line matches\n"


def test_following_prints_what_is_written_until_ctrl_c(office: Clerk, tmp_path: Path) -> None:
    log_night(office.directory)
    command = [*postroom(), "logs", "--follow", "-n", "1", "--level", "info", "--json", "--dir", str(office.directory)]
    environment = {"POSTROOM_TOKEN": office.tokens["alice"], "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        file = LogFile(office.directory / NAME)
        file.write(entry("hidden", level="debug"))
        file.write(entry("new"))
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert (first["event"], second["event"]) == (EVENTS[-1], "new")


def test_a_gateways_last_lines_are_read_on_its_host_after_it_was_killed(office: Clerk) -> None:
    listen = f"127.0.0.1:{free_port()}"
    command = [*postroom(), "serve", "--dir", str(office.directory), "--listen", listen, "--egress", "1"]
    gateway = start(command, f"http://{listen}")
    try:
        _await_line(office, "serving")
        (egress,) = _children(office, gateway.pid)
        if egress is not None:
            subprocess.run(["kill", "-9", str(egress)], check=True)
            _await_line(office, "egress process ended; starting another")
    finally:
        gateway.kill()
        gateway.wait(PATIENCE)
    lines = office.ok("logs", "--level", "info", who="alice")["lines"]
    assert {one["gateway"].split(" ")[1] for one in lines} == {listen}
    assert "serving" in [one["event"] for one in lines]
    assert "stopped" not in [one["event"] for one in lines]


def _await_line(office: Clerk, event: str) -> None:
    until = time.monotonic() + PATIENCE
    while event not in [one["event"] for one in office.ok("logs", who="alice")["lines"]]:
        assert time.monotonic() < until
        time.sleep(0.1)


def _children(office: Clerk, _client: int) -> list[int | None]:
    """The egress process of the gateway that runs, by its parent."""
    (serving,) = [one["data"]["pid"] for one in office.ok("logs", who="alice")["lines"] if one["event"] == "serving"]
    found = subprocess.run(
        ["pgrep", "-P", str(serving), "-f", "egress_process"], capture_output=True, text=True, check=False
    )
    return [int(found.stdout.split()[0])] if found.stdout.strip() else [None]
