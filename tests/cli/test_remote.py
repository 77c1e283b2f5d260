"""Commands through a gateway say and print what they say on the desk's host, and import no database."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from console.main import main
from core.cli.known_desks import load
from core.clock import SystemClock
from core.db.store import Store
from core.rules.policy import parse
from core.services.control import policy
from core.settings import load as load_settings
from tests.bench.commands import LINES, answering
from tests.cli.cli_runner import Clerk, Heard, with_mailbox
from tests.factories.mail import hand_in
from tests.factories.ports import free_port
from tests.factories.served import served


@pytest.fixture
def url(office: Clerk) -> Iterator[str]:
    with served(office.directory) as found:
        yield found


def run(*args: str, token: str | None = None, **surroundings: str) -> Heard:
    """A command on a machine that has no desk."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    env |= surroundings
    if token is not None:
        env["POSTROOM_TOKEN"] = token
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ, env, clear=True), redirect_stdout(out), redirect_stderr(err):
        code = main(args)
    return Heard(code, out.getvalue(), err.getvalue())


STAMP = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def _timeless(heard: Heard) -> tuple[int, str, str]:
    """What a command said, whenever it was."""
    return heard.code, STAMP.sub("T", heard.out), STAMP.sub("T", heard.err)


def copied(desk: Clerk, directory: Path) -> Clerk:
    """The same desk once more."""
    shutil.copytree(desk.directory, directory)
    return Clerk(directory, dict(desk.tokens), desk.reader)


TIGHTER = "[budgets.run]\ncap = 50\n"
READS = (
    "agent list --json",
    "agent list --after z",
    "queue pending --json",
    "queue pending",
    "queue show {held} --json",
    "queue show {held} --source",
    "queue show m00000000000c1",
    "queue show nonsense --json",
    "trace {held} --json",
    "trace {held}",
    "trace nothing --json",
    "status --json",
    "status",
    "stream list",
    "stream list --json",
    "stream show support-bot.acme.test",
    "stream dns support-bot.acme.test --json",
    "stream dns nothing.acme.test",
    "queue lanes",
    "queue scheduled --json",
    "inbox list --json",
    "inbox list nonsense:1",
    "inbox show {held}",
    "inbox contacts help@support-bot.acme.test",
    "inbox contacts nobody@support-bot.acme.test",
    "suppress list --json",
    "suppress export",
    "consent list",
    "consent export --json",
    "webhook dead --json",
    "policy show",
    "policy show --json",
    "policy waiting",
    "policy check {policy}",
    "policy replay {policy} --json",
    "audit verify --against {policy}",
)


def _still(heard: Heard) -> Heard:
    """Without what differs from one second to the next."""
    lines = heard.out.splitlines()
    try:
        found = json.loads(heard.out)
    except ValueError:
        return heard
    for name in ("at", "seq", "last_event_at"):
        found.pop(name, None)
    return Heard(heard.code, json.dumps(found) if len(lines) == 1 else heard.out, heard.err)


def test_reads_say_the_same_on_both_ways(office: Clerk, url: str, tmp_path: Path) -> None:
    held, file = hand_in(office), tmp_path / "policy.toml"
    file.write_text(TIGHTER)
    alice = office.tokens["alice"]
    for line in READS[4::4]:  # a message that is shown and traced: who has read it is in later answers
        office.run(*line.format(held=held, policy=file).split(), who="alice")
        run(*line.format(held=held, policy=file).split(), token=alice, POSTROOM_URL=url)
    for line in READS:
        args = line.format(held=held, policy=file).split()
        here, there = office.run(*args, who="alice"), run(*args, token=alice, POSTROOM_URL=url)
        assert _timeless(_still(there)) == _timeless(_still(here)), args


ACTS = (
    ("agent suspend support-bot --reason odd --json", "alice"),
    ("agent suspend nobody --reason odd", "alice"),
    ("agent suspend support-bot --reason odd", "dora"),
    ("agent resume support-bot --reason odd", "alice"),
    ("agent resume support-bot --reason done", "gail"),
    ("agent resume support-bot --reason again", "gail"),
    ("queue approve {held}", "dora"),
    ("queue approve {held} {other} --digest x", "alice"),
    ("queue approve {held} --digest " + "0" * 64, "alice"),
    ("queue approve {held} --json", "alice"),
    ("queue approve {held}", "alice"),
    ("queue undo {held}", "alice"),
    ("queue undo x", "alice"),
    ("queue reject {other}", "alice"),
    ("queue reject {other} {held} m00000000000c1 --reason no --json", "alice"),
    ("stop --reason odd", "alice"),
    ("start --reason done", "alice"),
    ("status", "alice"),
    ("start --reason done --json", "gail"),
    ("start --reason again", "gail"),
    ("queue cancel {held} --reason no", "alice"),
    ("lane pause 1 --reason odd --json", "alice"),
    ("lane resume 1 --reason done", "dora"),
    ("stream add sales-bot.acme.test --direct --spf include:_spf.acme.test --json", "dora"),
    ("stream add sales-bot.acme.test", "dora"),
    ("stream set sales-bot.acme.test --organisation Acme --reason odd", "dora"),
    ("stream set sales-bot.acme.test --reason odd", "dora"),
    ("stream set sales-bot.acme.test --direct --password-stdin --reason odd", "dora"),
    ("stream pause sales-bot.acme.test --reason odd", "alice"),
    ("stream resume sales-bot.acme.test --reason done", "dora"),
    ("stream warmup sales-bot.acme.test 5 --reason odd", "alice"),
    ("stream warmup sales-bot.acme.test off --reason odd --json", "dora"),
    ("suppress add jane@example.com --expires 30d --json", "alice"),
    ("suppress add jane@example.com --expires soon", "alice"),
    ("suppress remove jane@example.com --reason done", "dora"),
    ("suppress import {sheet}", "alice"),
    ("suppress import {sheet} --json", "alice"),
    ("suppress list", "alice"),
    ("consent add jane@example.com --basis opt_in --source form", "olive"),
    ("consent withdraw jane@example.com", "alice"),
    ("consent import {sheet}", "olive"),
    ("recipient erase bob@example.com --reason asked", "gail"),
    ("recipient erase zoe@example.com --reason asked --json", "gail"),
    ("webhook replay 1", "alice"),
    ("policy apply {policy} --reason odd", "alice"),
    ("policy confirm 00 --reason odd", "gail"),
    ("inbox release {held}", "alice"),
    ("audit checkpoint", "root"),
    ("notify test", "alice"),
    ("notify test", "victor"),
)


def test_acts_say_the_same_on_both_ways(tmp_path: Path) -> None:
    """One after the other, on two copies of one desk, because each is done once."""
    base = with_mailbox(tmp_path / "base")
    file, sheet = tmp_path / "policy.toml", tmp_path / "list.csv"
    file.write_text(TIGHTER)
    sheet.write_text(f"address,cause\njo@example.com,old\nnonsense,old\n{'x' * 3_000}@example.com,old\n")
    items = {"held": hand_in(base), "other": hand_in(base, to="bob@example.com")}
    items |= {"policy": str(file), "sheet": str(sheet)}
    here, there = copied(base, tmp_path / "here"), copied(base, tmp_path / "there")
    with served(there.directory) as url:
        for line, who in ACTS:
            args = line.format(**items).split()
            local, remote = here.run(*args, who=who), run(*args, token=there.tokens[who], POSTROOM_URL=url)
            assert _timeless(remote) == _timeless(local), args


def test_the_log_is_exported_and_verified_from_another_machine(office: Clerk, url: str, tmp_path: Path) -> None:
    victor, kept = office.tokens["victor"], tmp_path / "kept.jsonl"
    signed = run("audit", "checkpoint", "--out", str(kept), "--json", token=victor, POSTROOM_URL=url)
    assert (signed.code, signed.json["sent"]) == (0, [{"place": f"file {kept}", "ok": True, "reason": None}])
    whole = run("audit", "export", token=victor, POSTROOM_URL=url).out
    local = office.run("audit", "export", who="victor").out
    assert local.startswith(whole)
    reads = [one for one in map(json.loads, local.splitlines()) if one["type"] in ("desk.read", "email.read")]
    assert {one["data"]["door"] for one in reads} == {"cli"}, "a command is one, on whichever machine"
    found = run("audit", "verify", "--json", token=victor, POSTROOM_URL=url).json
    assert (found["ok"], found["first_bad_seq"]) == (True, None)
    assert found["events"] == found["head_seq"] > whole.count("\n")
    against = run(
        "audit", "verify", "--against", str(kept), "--key", signed.json["key"], token=victor, POSTROOM_URL=url
    )
    assert against.code == 0
    assert against.out.startswith("whole: ")


def test_a_policy_is_applied_from_another_machine_and_kept_in_the_gateway_s_file(
    office: Clerk, url: str, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[budgets.agent]\nhour = 100\n")
    applied = run("policy", "apply", str(mine), "--reason", "spring", token=office.tokens["gail"], POSTROOM_URL=url)
    assert (applied.code, applied.err) == (0, "")
    assert (office.directory / "policy.toml").read_text() == mine.read_text()


def test_a_policy_is_compared_with_the_desk_that_is_named_and_with_none_only_where_none_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.toml").write_text("[budgets.run]\ncap = 500\n")
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    assert "There is no desk here" in run("policy", "check", "policy.toml", **home).out
    away = run("policy", "check", "policy.toml", token="pro_x", POSTROOM_URL=f"http://127.0.0.1:{free_port()}")
    assert (away.code, away.out, "does not answer" in away.err) == (1, "", True)


def test_a_list_with_long_cells_is_imported_in_requests_that_the_gateway_takes(
    office: Clerk, url: str, tmp_path: Path
) -> None:
    sheet = tmp_path / "list.csv"
    sheet.write_text("address,source\n" + "".join(f"r{n}@example.org,{'x' * 1_900}\n" for n in range(300)))
    done = run("suppress", "import", str(sheet), "--json", token=office.tokens["alice"], POSTROOM_URL=url)
    assert done.json["added"] + len(done.json["bad"]) == 300, done.err


def test_what_an_edit_loosened_is_confirmed_from_another_machine(office: Clerk, url: str) -> None:
    gail = office.tokens["gail"]
    with contextlib.closing(Store(load_settings(office.directory).database_url, clock=SystemClock())) as store:
        store.transact(lambda tx: policy.watch_edit(tx, parse("[budgets.agent]\nhour = 100\n")))
    waiting = run("policy", "waiting", "--json", token=gail, POSTROOM_URL=url).json
    shown = run("policy", "waiting", token=gail, POSTROOM_URL=url).out
    assert "budgets.agent.hour" in shown
    done = run("policy", "confirm", waiting["digest"], "--reason", "spring", "--json", token=gail, POSTROOM_URL=url)
    assert [one["new"] for one in done.json["changes"]] == [100]


def test_the_gateway_of_the_benchmark_is_a_desk_to_each_command_that_it_times() -> None:
    with answering() as found:
        for line in LINES:
            heard = run(*line.split(), token="pro_of_nobody", POSTROOM_URL=found)
            assert (heard.code, heard.err) == (0, ""), line


LEAN = (
    ("queue pending", "alice"), ("agent show support-bot", "alice"), ("mailbox list", "alice"),
    ("mailbox limits help@support-bot.acme.test --day 5 --reason less", "alice"),
    ("token issue --agent support-bot", "gail"),
    ("mailbox mode help@support-bot.acme.test gated_all --reason x", "alice"),
    ("run list --agent support-bot", "alice"), ("operator list", "alice"), ("inventory", "alice"), ("status", "alice"),
)  # fmt: skip
HEAVY = (
    "sqlalchemy", "sqlmodel", "alembic", "pydantic", "httpx", "rich", "fastapi", "keyring", "email_validator",
    "cryptography",
)  # fmt: skip


def test_a_command_through_a_gateway_imports_neither_database_nor_models(office: Clerk, url: str) -> None:
    """Each of these libraries takes longer to import than all the rest of a command."""
    code = (
        "import json, os, sys\n"
        "from console.main import main\n"
        "for line, token in json.loads(sys.argv[1]):\n"
        "    os.environ['POSTROOM_TOKEN'] = token\n"
        "    assert main(line.split()) == 0, line\n"
        "    heavy = sorted(set(sys.argv[2].split()) & {one.split('.')[0] for one in sys.modules})\n"
        "    assert not heavy, (line, heavy)\n"
    )
    lines = json.dumps([(line, office.tokens[who]) for line, who in LEAN])
    args = [sys.executable, "-c", code, lines, " ".join(HEAVY)]
    done = subprocess.run(args, check=False, capture_output=True, text=True, env=os.environ | {"POSTROOM_URL": url})
    assert done.returncode == 0, done.stderr


def test_a_disabled_operator_is_out_at_the_next_command(tmp_path: Path) -> None:
    desk = with_mailbox(tmp_path / "desk")
    with served(desk.directory) as url:
        assert run("status", token=desk.tokens["dora"], POSTROOM_URL=url).code == 0
        desk.ok("operator", "disable", "dora", who="root")
        refused = run("status", token=desk.tokens["dora"], POSTROOM_URL=url)
    assert (refused.code, refused.out) == (1, "")
    assert "no operator has this token" in refused.err


# --- which desk ---------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A person's configuration, and a working directory that is no desk."""
    monkeypatch.chdir(tmp_path)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_desks_are_noted_privately_and_chosen_by_name(office: Clerk, url: str, home: dict[str, str]) -> None:
    alice = office.tokens["alice"]
    added = run("desk", "add", "prod", url, "--colour", "red", "--word", "PROD", "--guard", "--json", **home)
    assert added.json == {
        "name": "prod", "url": url, "word": "PROD", "colour": "red", "guard": True, "current": True,
    }  # fmt: skip
    run("desk", "add", "here", str(office.directory), **home)
    file = Path(home["XDG_CONFIG_HOME"]) / "postroom" / "desks.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert alice not in file.read_text()
    listed = run("desk", "list", "--json", **home).json["desks"]
    assert [(one["name"], one["current"]) for one in listed] == [("prod", True), ("here", False)]
    through = run("agent", "list", "--json", token=alice, **home)
    assert through.json == run("agent", "list", "--desk", "here", "--json", token=alice, **home).json
    assert run("agent", "list", "--json", token=alice, **(home | {"POSTROOM_DESK": "here"})).json == through.json
    assert run("desk", "use", "here", **home).code == 0
    assert run("queue", "lanes", token=alice, **home).code == 0, "a local desk has every command"
    assert run("desk", "remove", "here", **home).code == 0
    with patch.dict(os.environ, home):
        assert (list(load().desks), load().current) == (["prod"], None)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A keyring in memory: what it holds, by desk."""
    from keyring.backend import KeyringBackend

    held: dict[str, str] = {}

    class Kept(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            assert service == "postroom"
            return held.get(username)

        def set_password(self, service: str, username: str, password: str) -> None:
            assert service == "postroom"
            held[username] = password

        def delete_password(self, service: str, username: str) -> None:
            assert service == "postroom"
            del held[username]

    monkeypatch.setattr("keyring.core._keyring_backend", Kept())  # type: ignore[no-untyped-call]  # keyring has no types
    return held


def test_a_person_at_another_machine_claims_a_token_that_a_second_one_confirms(
    tmp_path: Path, home: dict[str, str], kept: dict[str, str]
) -> None:
    office = with_mailbox(tmp_path / "desk")
    office.ok("operator", "add", "zoe", "--role", "reviewer", who="root")
    with served(office.directory) as url:
        nobody = run("desk", "add", "prod", url, "--claim", "nobody", **home)
        assert (nobody.code, kept) == (1, {})
        assert "no operator by that name" in nobody.err
        added = run("desk", "add", "prod", url, "--claim", "zoe", **home)
        (token,) = kept.values()
        assert added.code == 0
        assert token not in added.out + added.err
        assert "not confirmed yet" in run("status", **home).err
        again = run("desk", "add", "prod", url, "--claim", "zoe", **home)
        assert (again.code, kept) == (1, {url: token})
        fingerprint = added.out.rpartition("--fingerprint ")[2].strip()
        office.ok("operator", "confirm", "zoe", "--fingerprint", fingerprint, who="gail")
        assert run("status", **home).code == 0
        run("desk", "remove", "prod", **home)
    assert kept == {}


def test_a_token_that_no_keyring_would_keep_is_not_claimed(office: Clerk, url: str, home: dict[str, str]) -> None:
    refused = run("desk", "add", "prod", url, "--claim", "zoe", **home)
    assert (refused.code, refused.out) == (1, "")
    assert "the OS keyring keeps nothing here" in refused.err
    here = run("desk", "add", "here", str(office.directory), "--claim", "zoe", **home)
    assert "--claim is for a desk at a URL" in here.err


@pytest.mark.parametrize(
    ("args", "says", "code"),
    [
        (("desk", "add", "prod", "http://desk.acme.com"), "would send your token in clear text", 2),
        (("desk", "add", "prod", "https://a:b@desk.acme.com"), "no user, query or fragment", 2),
        (("desk", "add", "prod", "ftp://desk.acme.com"), "is not the URL of a desk", 2),
        (("desk", "add", "Prod!", "https://desk.acme.com"), "is not a name for a desk", 2),
        (("desk", "add", "prod", "nowhere"), "there is no desk in", 2),
        (("desk", "add", "prod", "https://desk.acme.com", "--colour", "beige"), "no such colour", 2),
        (("desk", "add", "prod", "https://desk.acme.com", "--keep"), "there is no token to keep", 1),
        (("desk", "use", "nothing"), "there is none yet", 1),
        (("status", "--desk", "nothing"), "there is none yet", 1),
        (("status", "--desk", "prod", "--dir", "."), "name two desks", 2),
    ],
)
def test_what_cannot_be_a_desk_is_refused_in_one_line(
    home: dict[str, str], args: tuple[str, ...], says: str, code: int
) -> None:
    refused = run(*args, **home)
    assert (refused.code, refused.out, refused.err.count("\n")) == (code, "", 1), refused.err
    assert says in refused.err


def test_the_environment_chooses_a_desk_too_but_the_command_line_first(
    office: Clerk, url: str, home: dict[str, str]
) -> None:
    alice = office.tokens["alice"]
    clear = run("status", token=alice, **(home | {"POSTROOM_URL": "http://desk.acme.com"}))
    assert "in clear text" in clear.err
    assert run("status", "--dir", str(office.directory), token=alice, **(home | {"POSTROOM_URL": url})).code == 0
    gone = run("status", token=alice, **(home | {"POSTROOM_URL": "http://127.0.0.1:9"}))
    assert gone.code == 1
    assert "does not answer at http://127.0.0.1:9" in gone.err
    assert "--dir works without a gateway" in gone.err
    none = run("status", **(home | {"POSTROOM_URL": url}))
    assert "this needs an operator's token" in none.err


def test_what_works_on_the_host_alone_says_so(office: Clerk, url: str, home: dict[str, str]) -> None:
    alice = office.tokens["alice"]
    run("desk", "add", "prod", url, **home)
    for line, where in (
        ("audit bundle --from 30d", {"POSTROOM_URL": url}),
        ("audit bundle --from 30d --desk prod", {}),
        ("doctor --desk prod", {}),
        ("backup here.zip --desk prod", {}),
        ("inbound postfix --desk prod", {}),
        ("serve --desk prod", {}),
        ("migrate --desk prod", {}),
        ("restore here.zip --desk prod", {}),
        ("init --desk prod", {}),
    ):
        refused = run(*line.split(), token=alice, **(home | where))
        assert (refused.code, refused.out) == (2, ""), line
        assert "works on the desk's own host alone; run it on the host of" in refused.err
    for line in ("docs cli", "report bounce.eml"):
        assert "is about no desk; leave out --desk" in run(*line.split(), "--desk", "prod", **home).err
