"""The console line by line: the same operations and confirmations, and the end of the input decides nothing."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import factory
from console.plain import main as plain
from console.plain.dialogue import Dialogue, Ended, spoken
from core.db import audit_log, directory
from core.ids import spell_id
from core.model import Actor, Role
from tests.cli.cli_runner import with_mailbox
from tests.console.harness import HOSTILE_BODY, Scene, make_scene
from tests.factories.desk import ALICE, hire, person
from tests.factories.fork_server import postroom
from tests.factories.mail import hand_in
from tests.factories.served import served

GAIL = person("gail", Role.GOVERNANCE, Role.ONCALL)
DECISIONS = {
    "email.approved", "email.approval_undone", "email.rejected", "agent.suspended", "agent.resumed", "desk.stopped",
    "desk.started",
}  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(tmp_path)
    yield made
    made.store.close()


def talk(scene: Scene, *typed: str, who: Actor = ALICE) -> str:
    """What is said to an operator who types these lines, and then nothing more."""
    target = io.StringIO()
    with scene.store.read() as conn:
        known = directory.operator(conn, who.name)
    if known is None:
        hire(scene.store, who)
    parts = scene.parts(who)
    assert plain.run(parts.desk.direct, Dialogue(io.StringIO("".join(f"{line}\n" for line in typed)), target)) == 0
    return target.getvalue()


def log(scene: Scene) -> list[str]:
    with scene.store.read() as conn:
        return [entry.event.type for entry in audit_log.read(conn, after=0) if entry.event.type in DECISIONS]


def test_a_message_is_read_out_approved_and_undone(scene: Scene) -> None:
    item = scene.submit("jane@example.com", subject="Your refund", text="Dear Jane,\n\nit is on its way.")
    said = talk(scene, "2", "1", "1", "0", "4")
    name = spell_id("m", item)
    assert "Desk TEST, on its own host without the gateway. You are alice" in said
    assert "1 held" in said
    assert "support-bot to jane@example.com: Your refund" in said
    for line in (f"Message {name}", "Checks:", "Body:", "Dear Jane,", f"End of message {name}."):
        assert f"\n{line}" in said or f"\n {line}" in said, line
    assert f"{name} is approved, final in 10s. The word undo takes it back until then." in said
    assert "Undone: 1 message pending again." in said
    assert log(scene) == ["email.approved", "email.approval_undone"]


def test_what_tightens_takes_a_reason_and_what_loosens_is_typed(scene: Scene) -> None:
    scene.submit()
    assert "a reason is required" in talk(scene, "2", "1", "2", "")
    assert log(scene) == []
    talk(scene, "2", "1", "2", "wrong sum")
    talk(scene, "3", "1", "1", "writes oddly")
    assert "Cancelled." in talk(scene, "3", "1", "1", "all is well", "support-bo", who=GAIL)
    talk(scene, "3", "1", "1", "all is well", "support-bot", who=GAIL)
    talk(scene, "5", "wrong list")
    said = talk(scene, "5", "it was the right list", "start", who=GAIL)
    assert "ALL STOP by alice: wrong list" in said
    assert "The desk is delivering again." in said
    assert log(scene) == ["email.rejected", "agent.suspended", "agent.resumed", "desk.stopped", "desk.started"]


def test_a_failed_check_takes_a_reason_and_its_count_and_hostile_mail_stays_text(scene: Scene) -> None:
    scene.submit(subject="Re: \u202egnp.exe [@click=app.quit]x[/]", text=HOSTILE_BODY)
    said = talk(scene, "2", "1", "1", "", "1", "it is a test", "99", "1", "it is a test")
    assert "failed: hidden or bidi characters" in said
    assert "despite" in said
    assert log(scene) == []  # the input ended before the count was typed
    assert all(char == "\n" or char.isprintable() for char in said)
    assert "\u202e" not in said
    count = said.partition("despite ")[2].partition(" ")[0]
    talk(scene, "2", "1", "1", "it is a test", count)
    assert log(scene) == ["email.approved"]


def test_pages_filter_and_order_are_choices_and_a_wrong_number_is_asked_again(scene: Scene) -> None:
    for n in range(12):
        scene.submit(f"jane{n}@example.com", subject=f"Number {n}")
    said = talk(scene, "12", "x", "2", "11", "1", "0")
    assert "12 is not a choice: type a number from 0 to 11, or a command." in said
    assert "Held mail 1 to 10 of 12, worst first." in said
    assert "Held mail 11 to 12 of 12, worst first." in said
    said = talk(scene, "2", "12", "to:jane7", "2", "colour:red", "0")
    assert "Held mail 1 to 1 of 1, worst first, filter to:jane7." in said
    said = talk(scene, "2", "13")
    assert "oldest first" in said
    assert "field colour" in talk(scene, "2", "12", "colour:red")


def test_a_glyph_is_said_as_its_word_and_the_end_of_input_is_no_answer() -> None:
    assert spoken("  ✖ a link goes elsewhere") == "  failed: a link goes elsewhere"
    assert spoken("To     cfo@acme.example ▲ first contact", anywhere=True).endswith("example warning: first contact")
    with pytest.raises(Ended):
        Dialogue(io.StringIO(""), io.StringIO()).reason("Stop?")


def test_it_works_in_a_pipe_on_the_host_and_through_a_gateway(tmp_path: Path) -> None:
    office = with_mailbox(tmp_path / "desk")
    hand_in(office)
    command = [*postroom(), "console", "--plain", "--dir", str(office.directory)]
    done = subprocess.run(
        command, input="2\n1\n", capture_output=True, text=True, check=True,
        env={"POSTROOM_TOKEN": office.tokens["alice"], "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "jane@example.com" in done.stdout
    assert "End of message m" in done.stdout
    assert "\x1b" not in done.stdout
    with served(office.directory) as url:
        parts = factory.sign_in(url, office.tokens["alice"])
        target = io.StringIO()
        assert plain.run(parts.desk.direct, Dialogue(io.StringIO("2\n1\n2\nodd\n"), target)) == 0
        parts.desk.close()
    assert "gateway" not in target.getvalue().partition("You are")[0]
    assert "is rejected, final in" in target.getvalue()


def test_on_a_guarded_desk_what_loosens_needs_its_name_once_and_what_tightens_does_not(scene: Scene) -> None:
    for n in range(2):
        scene.submit(f"jane{n}@example.com")
    target, parts = io.StringIO(), scene.parts()
    parts.desk.direct.guarded = True
    typed = ("2", "1", "2", "odd", "1", "1", "staging", "1", "prod")
    dialogue = Dialogue(io.StringIO("".join(f"{line}\n" for line in typed)), target)
    assert plain.run(parts.desk.direct, dialogue, saved_as="prod") == 0
    assert "Not done: that is not prod" in target.getvalue()
    assert target.getvalue().count("prod is guarded, and this loosens it.") == 2
    assert log(scene) == ["email.rejected", "email.approved"]
