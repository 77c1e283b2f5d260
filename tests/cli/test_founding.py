"""`init` with a stream: tokens in files, a relay that is tried, records to publish, and the next command."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.cli_runner import Clerk
from tests.cli.playing import Player, steps
from tests.cli.test_doctor_routes import relay

STREAM = ("--stream", "support-bot.acme.test", "--relay")


def test_the_first_stream_is_there_with_its_keys_and_its_records(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    with relay({}) as world:
        said = clerk.ok("init", *STREAM, f"smtp://127.0.0.1:{world.port}")
    assert said["route"]["grade"] == "ok"
    records = Path(said["zone_file"]).read_text()
    assert records.count("_domainkey.support-bot.acme.test. IN TXT") == 4
    clerk.tokens = {one["name"]: one["token"] for one in said["operators"]}
    clerk.reader = "victor"
    assert clerk.ok("stream", "show", "support-bot.acme.test")["active_slot"] == "a"
    exported = clerk.run("audit", "export", "--format", "jsonl").out
    assert '"actor":"system:init"' in next(line for line in exported.splitlines() if '"stream.added"' in line)


def test_a_relay_that_does_not_answer_is_told_and_the_desk_is_there_all_the_same(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    said = clerk.ok("init", *STREAM, "smtp://127.0.0.1:1")
    assert (said["route"]["grade"], "does not answer" in said["route"]["text"]) == ("fail", True)
    assert "already" in clerk.refused("init")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--relay", "smtp://127.0.0.1"), "needs a stream"),
        (("--stream", "bot.acme.test"), "exactly one route"),
        (("--stream", "bot.acme.test", "--direct", "--relay", "smtp://127.0.0.1"), "exactly one route"),
        (("--ca-file", "/no/such/file.pem"), "there is no file"),
        (("--stream", "nonsense", "--direct"), "domain"),
    ],
)
def test_what_cannot_be_a_first_stream_leaves_nothing(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    assert said in Clerk(tmp_path / "desk").refused("init", *args, code=2)
    assert not (tmp_path / "desk").exists()


def test_token_files_are_each_persons_own_and_are_not_printed(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    heard = clerk.run("init", "--token-files")
    assert heard.code == 0, heard.err
    files = sorted((clerk.directory / "tokens").iterdir())
    assert [file.name for file in files] == ["alice", "dora", "gail", "olive", "root", "victor"]
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text().strip() not in heard.out
    clerk.tokens = {file.name: file.read_text().strip() for file in files}
    clerk.ok("stop", "--reason", "a test", who="alice")


def test_with_token_files_a_program_is_told_where_they_are_and_no_token(tmp_path: Path) -> None:
    heard = Clerk(tmp_path / "desk").run("init", "--token-files", "--json")
    assert "pro_" not in heard.out
    for one in heard.json["operators"]:
        assert Path(one["token_file"]).read_text().startswith("pro_")


def test_doctor_names_the_tokens_that_are_not_handed_over_until_they_are(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    clerk.run("init", "--token-files")
    tokens = clerk.directory / "tokens"

    def waiting() -> list[str]:
        checks = clerk.run("doctor", "--json").json["checks"]
        return [one["text"] for one in checks if one["check"] == "operators"]

    (said,) = waiting()
    assert "alice, dora, gail, olive, root, victor" in said
    for name in ("alice", "dora", "olive", "root", "victor"):
        (tokens / name).unlink()
    (said,) = waiting()
    assert "tokens of gail" in said
    clerk.tokens = {"gail": (tokens / "gail").read_text().strip()}
    clerk.ok("operator", "rotate", who="gail")
    assert waiting() == [], "what opens nothing any more is no token"


def test_nothing_is_made_over_tokens_that_lie_there(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    (clerk.directory / "tokens").mkdir(parents=True)
    (clerk.directory / "tokens" / "alice").write_text("somebody's\n")
    assert "already" in clerk.refused("init", "--token-files")
    assert not (clerk.directory / "postroom.db").exists()


def test_without_token_files_the_next_step_says_whose_token_it_takes(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    heard = clerk.run("init")
    assert "Next, dora, with their own token in POSTROOM_TOKEN" in heard.out
    assert "stream add" in steps(heard.out)[0]


def test_governance_may_not_hand_out_a_token_with_a_signature_that_is_not_the_last(office: Clerk) -> None:
    office.ok("stream", "add", "sales-bot.acme.test", "--relay", "smtp://127.0.0.1:2525", who="dora")
    address = "hi@sales-bot.acme.test"
    record = (
        "--agent",
        "sales-bot",
        "--purpose",
        "x",
        "--owner",
        "olive",
        "--system-owner",
        "y",
        "--systems",
        "z",
        "--users",
        "u",
    )
    office.ok("mailbox", "request", address, *record, "--revoke-when", "w", "--expires", "9d", who="alice")
    said = office.refused("mailbox", "approve", address, "--as", "owner", "--with-token", "8h", who="olive", code=2)
    assert "governance issues tokens" in said
    early = office.ok(
        "mailbox", "approve", address, "--as", "governance", "--affirm", "all", "--with-token", "8h", who="gail"
    )
    assert "token" not in early
    assert office.ok("agent", "show", "sales-bot")["tokens"] == []


@pytest.mark.parametrize(
    "command",
    ["init --dir new --stream bot.acme.test --relay smtp://me@127.0.0.1:1", "mailbox request a@desk.test --dir trial"],
)
def test_ctrl_c_at_a_question_ends_quietly_and_leaves_nothing_half_done(tmp_path: Path, command: str) -> None:
    player = Player.at(tmp_path, answers={})
    if "trial" in command:
        player.run("uv run postroom init --dev --dir trial")
    with player.shell(f"uv run postroom {command}") as shell:
        shell.until(lambda seen: seen.rstrip().endswith(":"))
        shell.press("\x03")
        assert shell.ended() == 130
        assert "Traceback" not in shell.screen
    assert not (tmp_path / "new").exists()
    if "trial" in command:
        clerk = Clerk(tmp_path / "trial")
        assert [one["address"] for one in clerk.ok("mailbox", "list")["mailboxes"]] == ["agent@desk.test"]
