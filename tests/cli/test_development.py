"""`init --dev`: a desk for one person in one command, marked wherever somebody looks, with no way to real mail."""

from __future__ import annotations

import email
import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from console import local_desk
from core.cli import next_steps, serve
from core.clock import SystemClock
from core.db import migrate
from core.db.development import BANNER
from core.db.store import Store
from core.demo.clock import FakeClock
from core.security.credentials import digest
from core.services import access
from core.settings import load, settings_model
from tests.cli.cli_runner import Clerk
from tests.cli.playing import Player, await_ready, blocks, steps


def made(directory: Path) -> Clerk:
    """A desk for development, and the person it is for."""
    clerk = Clerk(directory)
    said = clerk.ok("init", "--dev")
    (person,) = said["operators"]
    clerk.tokens, clerk.reader = {"me": person["token"]}, "me"
    return clerk


@pytest.fixture
def trial(tmp_path: Path) -> Clerk:
    return made(tmp_path / "trial")


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl"))), reason="typed into a shell, with curl")
def test_one_command_and_five_lines_lead_to_a_message_that_one_person_approved(tmp_path: Path) -> None:
    player = Player.at(tmp_path, answers={"[a]pprove": "a"})
    said = player.run("uv run postroom init --dev --dir trial")
    serve, review = [line for line in steps(said) if "console" not in line]
    lines = blocks(said)
    port = int(lines["curl"].partition("127.0.0.1:")[2].partition("/")[0])
    with player.shell(serve) as gateway:
        await_ready(gateway, port)
        assert BANNER in gateway.screen
        assert '"status":"pending"' in player.run(lines["curl"])
        answer = subprocess.run([sys.executable, "-c", lines["python"]], capture_output=True, check=True, timeout=200)
        assert json.loads(answer.stdout)["status"] == "pending"
        assert not list((tmp_path / "trial" / "caught" / "new").iterdir())
        assert "2 approved." in player.run(review)
        gateway.shows("caught")
        gateway.until(lambda _: len(list((tmp_path / "trial" / "caught" / "new").iterdir())) == 2)
        gateway.press("\x03")
        assert gateway.ended() == 0
    for file in (tmp_path / "trial" / "caught" / "new").iterdir():
        mail = email.message_from_bytes(file.read_bytes())
        assert (mail["From"], mail["To"]) == ("agent@desk.test", "jane@example.com")
        assert len(mail.get_all("DKIM-Signature") or []) == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="typed into a shell")
def test_the_printed_curl_keeps_the_token_out_of_its_arguments(tmp_path: Path) -> None:
    """`ps` shows a process's arguments to every user of the machine."""
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\necho ---\ncat\n")
    curl.chmod(0o755)
    call = {"sender": "agent@desk.test", "to": "jane@example.com", "token": "pra_secret"}
    line = next_steps.curl(next_steps.api(settings_model()()), **call)
    path = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    done = subprocess.run(["bash", "-c", line], env=os.environ | {"PATH": path}, capture_output=True, check=True)
    arguments, _, read = done.stdout.decode().partition("---\n")
    assert ("@-" in arguments.split("\n"), "pra_secret" in arguments) == (True, False)
    assert read == "Authorization: Bearer pra_secret"


def test_a_desk_for_development_is_one_person_one_agent_one_mailbox_and_one_token(trial: Clerk) -> None:
    (person,) = trial.ok("operator", "list")["operators"]
    assert "admin" not in person["roles"]
    (box,) = trial.ok("mailbox", "list")["mailboxes"]
    assert (box["status"], box["oversight_mode"]) == ("active", "gated_send")
    shown = trial.ok("agent", "show", "agent")
    assert len(shown["tokens"]) == 1
    assert trial.ok("mailbox", "show", box["address"])["signoffs"] == [], "nobody signed, and nothing says so"
    assert trial.ok("audit", "verify")["ok"] is True


def test_its_own_token_is_found_and_only_while_nobody_else_can_read_it(trial: Clerk) -> None:
    trial.reader = None
    assert trial.ok("queue", "pending")["messages"] == []
    (trial.directory / "operator.token").chmod(0o644)
    assert "operator's token" in trial.refused("queue", "pending")


@pytest.mark.parametrize(
    "way", [("--relay", "smtp://relay.acme.test:587"), ("--relay", "smtps://192.0.2.7"), ("--direct",)], ids=str
)
def test_no_stream_of_it_leads_beyond_loopback(trial: Clerk, way: tuple[str, ...]) -> None:
    assert "loopback only" in trial.refused("stream", "add", "bot.acme.test", *way)
    assert "loopback only" in trial.refused("stream", "set", "desk.test", *way, "--reason", "x")
    assert trial.ok("stream", "show", "desk.test")["route"].startswith("smtp://127.0.0.1:")
    trial.ok("stream", "add", "bot.acme.test", "--relay", "smtp://localhost:2526")


@pytest.mark.parametrize("option", ["--listen", "--public-listen"])
def test_it_listens_on_this_machine_alone_unless_it_is_forced(trial: Clerk, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        way = ("serve", option, f"0.0.0.0:{taken.getsockname()[1]}")
        said = trial.refused(*way)
        assert "can be reached from other machines" in said
        assert "--expose" in said
        assert "cannot listen on" in trial.refused(*way, "--expose"), "the next thing that is looked at"


def test_a_real_desk_may_listen_anywhere(clerk: Clerk) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        assert "cannot listen on" in clerk.refused("serve", "--listen", f"0.0.0.0:{taken.getsockname()[1]}")


def test_serve_upgrades_an_older_desk_wherever_it_listens(tmp_path: Path) -> None:
    """What stands before the upgrade must not need it: every new container serves an older database on 0.0.0.0."""
    url = f"sqlite:///{tmp_path}/postroom.db"
    with closing(Store(url, clock=FakeClock())) as older:
        migrate.upgrade(older.engine, to="0001")
        with older.engine.begin() as conn:
            conn.execute(text("INSERT INTO desk VALUES (1, 1, NULL, NULL, NULL, '[]', 1, 0, NULL, NULL)"))
    (tmp_path / "postroom.toml").touch()
    serve.refuse_exposed(load(tmp_path, database=url), ["0.0.0.0:8025"])


def test_a_real_desk_still_leads_where_it_is_told(clerk: Clerk) -> None:
    clerk.ok("stream", "add", "bot.acme.test", "--relay", "smtp://relay.acme.test:587", who="dora")
    checks = clerk.run("doctor", "--json").json["checks"]
    assert [one for one in checks if one["check"] == "development"] == []


def test_doctor_says_that_real_mail_never_leaves(trial: Clerk) -> None:
    heard = trial.run("doctor", "--json")
    assert heard.code == 1
    (found,) = [one for one in heard.json["checks"] if one["check"] == "development"]
    assert found["grade"] == "fail"
    assert BANNER in found["text"]
    assert "postroom init" in found["fix"]


def test_the_console_carries_the_mark_in_its_first_line(trial: Clerk) -> None:
    assert local_desk.sign_in(trial.directory, trial.tokens["me"]).name == BANNER


def test_its_log_says_so_in_an_event_of_its_own(trial: Clerk) -> None:
    lines = trial.run("audit", "export", "--format", "jsonl").out.splitlines()
    kinds = [json.loads(line)["type"] for line in lines]
    assert "desk.development" in kinds
    assert not {"mailbox.owner_approved", "mailbox.governance_approved", "mailbox.signed_off"} & set(kinds)


def test_nobody_can_be_added_to_it(trial: Clerk) -> None:
    assert "admin" in trial.refused("operator", "add", "eve", "--role", "governance")


def test_two_of_them_on_one_machine_never_share_a_receiver(tmp_path: Path) -> None:
    with socket.socket() as first:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            first.bind(("127.0.0.1", 2525))
            first.listen()
        except OSError:
            pass  # somebody else has it already: as good
        routes = made(tmp_path / "other").ok("stream", "show", "desk.test")["route"]
    assert not routes.endswith(":2525")


@pytest.mark.parametrize(
    "more",
    [("--operator", "root:admin"), ("--stream", "bot.acme.test"), ("--relay", "smtp://relay.acme.test")],
    ids=str,
)
def test_dev_takes_no_part_of_a_real_desk(tmp_path: Path, more: tuple[str, ...]) -> None:
    assert "--dev" in Clerk(tmp_path / "desk").refused("init", "--dev", *more, code=2)
    assert not (tmp_path / "desk").exists()


def test_it_is_made_on_either_database(database_url: str, tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    said = clerk.ok("init", "--dev", "--database", database_url)
    store = Store(load(clerk.directory).database_url, clock=SystemClock())
    with store.read() as conn:
        actor = access.sign_in(conn, digest(said["operators"][0]["token"]), now=store.clock.now())
    store.close()
    assert len(actor.roles) == 6
    assert os.environ.get("POSTROOM_TOKEN") is None
