from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.cli.context import CommandContext
from core.db import migrate, schema_revision
from core.db.store import Store
from core.demo.clock import FakeClock
from core.settings import load
from tests.cli.cli_runner import Clerk, founded
from tests.cli.gateway_process import PATIENCE
from tests.factories.fork_server import postroom
from tests.factories.ports import free_port


def _serve(clerk: Clerk, listen: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*postroom(), "serve", "--dir", str(clerk.directory), "--listen", listen],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_init_makes_a_desk_that_nobody_else_can_read(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "a" / "desk")
    made = clerk.ok("init", "--operator", "root:admin", "--operator", "gail:governance,reviewer")
    assert made["dir"] == str(clerk.directory)
    assert [(one["name"], one["roles"]) for one in made["operators"]] == [
        ("root", ["admin"]),
        ("gail", ["reviewer", "governance"]),
    ]
    assert all(one["token"].startswith("pro_") for one in made["operators"])
    made_files = [clerk.directory, *clerk.directory.iterdir()]
    assert {one.name for one in made_files} >= {"master.key", "postroom.toml", "policy.toml", "postroom.db"}
    assert [one.name for one in made_files if one.stat().st_mode & 0o077] == []
    assert load(clerk.directory).database_url.endswith("/desk/postroom.db")


def test_init_takes_several_operators_behind_one_option(tmp_path: Path) -> None:
    made = Clerk(tmp_path).ok("init", "--operator", "root:admin", "gail:governance", "olive:owner")
    assert [one["name"] for one in made["operators"]] == ["root", "gail", "olive"]


def test_init_refuses_a_desk_that_is_there_and_leaves_it_alone(clerk: Clerk) -> None:
    before = (clerk.directory / "master.key").read_bytes()
    assert "already" in clerk.refused("init")
    assert (clerk.directory / "master.key").read_bytes() == before
    clerk.ok("operator", "list")


def test_init_keeps_who_is_told_of_a_suspension(tmp_path: Path) -> None:
    clerk = founded(tmp_path / "desk")
    heard = Clerk(tmp_path / "other").run(
        "init", "--notify", "json://pager.example/desk", "--notify", "mailto://a:b@c.example"
    )
    assert heard.code == 0, heard.err
    assert "postroom notify test" in heard.out
    told = (tmp_path / "other" / "policy.toml").read_text()
    assert 'urls = ["json://pager.example/desk", "mailto://a:b@c.example"]' in told
    assert "urls = [] " in (clerk.directory / "policy.toml").read_text()
    assert "Nobody is notified of a suspension yet" in Clerk(tmp_path / "third").run("init").out


def test_init_refuses_a_channel_that_nobody_can_be_told_by(tmp_path: Path) -> None:
    refused = Clerk(tmp_path / "desk").refused("init", "--notify", "call me", code=2)
    assert "notify.urls" in refused
    assert not (tmp_path / "desk").exists()


def test_a_person_who_makes_a_desk_is_asked_who_hears_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO("json://pager.example/x\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]  # a person sits there
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr(CommandContext, "interactive", property(lambda _: True))
    heard = Clerk(tmp_path / "desk").run("init")
    assert "Who should be notified when an agent is suspended" in heard.err
    assert 'urls = ["json://pager.example/x"]' in (tmp_path / "desk" / "policy.toml").read_text()


def test_init_without_governance_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    assert "governance" in Clerk(tmp_path / "desk").refused("init", "--operator", "root:admin", code=2)
    assert not (tmp_path / "desk").exists()


def test_init_at_a_database_that_does_not_answer_leaves_nothing(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    clerk.refused("init", "--database", f"sqlite:///{tmp_path}/no/such/place.db")
    assert list(clerk.directory.iterdir()) == []


def test_the_database_named_at_init_is_the_one_used_ever_after(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    made = clerk.ok("init", "--database", f"sqlite:///{tmp_path}/elsewhere.db")
    clerk.tokens, clerk.reader = {one["name"]: one["token"] for one in made["operators"]}, "victor"
    assert (tmp_path / "elsewhere.db").exists()
    assert not (clerk.directory / "postroom.db").exists()
    assert len(clerk.ok("operator", "list")["operators"]) == 6


def test_the_desk_is_stopped_by_anybody_and_started_by_two_on_call(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    made = clerk.ok("init", "--operator", "root:admin", "gail:governance", "ann:oncall", "bob:oncall", "rita:reviewer")
    clerk.tokens = {one["name"]: one["token"] for one in made["operators"]}
    assert clerk.ok("stop", "--reason", "wrong list", who="rita") == {"running": False, "stopped": True, "in_flight": 0}
    assert clerk.ok("start", "--reason", "corrected", who="ann") == {"running": False, "by": ["ann"]}
    assert clerk.ok("start", "--reason", "corrected", who="bob") == {"running": True, "by": ["ann", "bob"]}


def test_serve_answers_logs_json_to_stderr_and_drains_on_sigterm(tmp_path: Path) -> None:
    clerk = founded(tmp_path / "desk")
    port = free_port()
    serving = _serve(clerk, f"127.0.0.1:{port}")
    try:
        _await_ready(serving, port)
        serving.send_signal(signal.SIGTERM)
        out, err = serving.communicate(timeout=200)
    finally:
        serving.kill()
    assert serving.returncode == 0
    facts = [json.loads(line) for line in err.splitlines()]
    assert [fact["event"] for fact in facts if fact["event"] in {"serving", "stopped"}] == ["serving", "stopped"]
    assert out.startswith(b"served on")


def test_serve_says_so_when_its_port_is_taken(clerk: Clerk) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        assert taken in clerk.refused("serve", "--listen", taken)


def _await_ready(serving: subprocess.Popen[bytes], port: int) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert serving.poll() is None, serving.communicate()
        try:
            with opener.open(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it never came up")


def test_a_master_key_that_others_can_read_is_refused(clerk: Clerk) -> None:
    os.chmod(clerk.directory / "master.key", 0o644)  # noqa: PTH101 - what a careless copy leaves
    said = clerk.refused("stream", "add", "x.acme.test", "--relay", "smtp://127.0.0.1:25", who="dora")
    assert "chmod 600" in said


def test_init_leaves_an_older_desk_that_the_environment_names_at_its_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/live.db"
    with closing(Store(url, clock=FakeClock())) as live:
        migrate.upgrade(live.engine, to="0001")
        with live.engine.begin() as conn:
            conn.execute(text("INSERT INTO desk VALUES (1, 1, NULL, NULL, NULL, '[]', 1, 0, NULL, NULL)"))
        clerk = Clerk(tmp_path / "new", surroundings={"POSTROOM_DATABASE": url})
        assert "there is a desk in this database already" in clerk.refused("init")
        with live.read() as conn:
            assert schema_revision.version(conn) == "0001"
    assert list(clerk.directory.iterdir()) == []


def test_a_desk_that_is_made_beside_another_that_the_environment_names_is_told_apart(tmp_path: Path) -> None:
    live = Clerk(tmp_path / "live")
    live.ok("init", "--operator", "root:admin", "--operator", "lou:governance")
    new = Clerk(tmp_path / "new", surroundings={"POSTROOM_DATABASE": f"sqlite:///{live.directory}/postroom.db"})
    said = new.run(
        "init",
        "--database",
        f"sqlite:///{tmp_path}/new.db",
        "--operator",
        "root:admin",
        "--operator",
        "gail:governance,deliverability",
    )
    assert said.code == 0, said.err
    assert "Next, gail" in said.out  # of the new desk: nobody of the other one could do it
    assert "POSTROOM_DATABASE names another database" in said.out


def test_a_desk_is_made_on_either_database_and_only_once(database_url: str, tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    made = clerk.ok("init", "--database", database_url)
    clerk.tokens = {one["name"]: one["token"] for one in made["operators"]}
    assert clerk.ok("stop", "--reason", "a test", who="alice")["stopped"] is True
    assert clerk.ok("audit", "verify")["ok"] is True
    other = Clerk(tmp_path / "other")
    assert "already" in other.refused("init", "--database", database_url)
    assert list(other.directory.iterdir()) == []
