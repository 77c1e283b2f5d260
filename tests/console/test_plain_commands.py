"""Each command of the console line by line: what it does at the desk, what it asks first, what it says afterwards."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console import factory
from console.plain import main as plain
from console.plain.dialogue import Dialogue
from console.plain.registry import COMMANDS, GROUPS, table, unknown
from console.start import Start
from core.ids import spell_id
from core.model import Mode
from core.services.sending import review
from tests.cli.cli_runner import Clerk, with_mailbox
from tests.cli.gateway_process import serving
from tests.console.harness import HOSTILE_BODY, Scene, make_scene
from tests.console.plain_talk import Say, Script, Step, hire_known, kinds, talk, talking
from tests.factories.desk import BOB, DOMAIN, DORA, GAIL, OLIVE
from tests.factories.fork_server import postroom
from tests.factories.inbound import arrive, mail, received
from tests.factories.mail import hand_in
from tests.factories.records import request
from tests.factories.served import served
from tests.terminal import terminal

UNREADABLE = "X: " + "a" * 300_000 + "\n"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(tmp_path)
    hire_known(made, GAIL, BOB, DORA, OLIVE)
    yield made
    made.store.close()


# --- the registry -------------------------------------------------------------------------------------------------


def test_the_docs_list_every_command_as_the_registry_has_it() -> None:
    page = (Path(__file__).parents[2] / "core" / "docs" / "console.md").read_text()
    listed = page.partition("<!-- plain commands -->\n")[2].partition("\n<!-- end -->")[0]
    assert listed == table()


def test_help_has_one_line_for_each_command_by_group_and_an_unknown_word_gets_the_nearest(scene: Scene) -> None:
    said = talk(scene, "help", "help approve", "aprove", "unclame m1", "xyzzy")
    lines = said.splitlines()
    for group, commands in GROUPS.items():
        assert group in lines
        assert all(sum(line.startswith(f"{one.usage}: ") for line in lines) >= 1 for one in commands)
    assert "'aprove' is not a command. The nearest is: approve [ID]:" in said
    assert "The nearest is: unclaim" in said
    assert unknown("xyzzy") == "'xyzzy' is not a command. The word help lists them all."
    assert len({word for one in COMMANDS for word in (one.name, *one.also)}) == sum(1 + len(o.also) for o in COMMANDS)


@pytest.mark.parametrize("rest", ["", "nobody", "1", "m0000000000000", "a:b:c", "\u202e[/b]\x1b]0;x"])
def test_no_command_fails_whatever_follows_it_and_none_decides_without_an_answer(scene: Scene, rest: str) -> None:
    scene.submit(subject="Re: \u202egnp.exe [@click=app.quit]x[/]", text=HOSTILE_BODY)
    arrive(scene.bench, mail("My question.", subject="Hello"))
    before = kinds(scene)
    acts = {"claim", "unclaim", "acknowledge", "wake", "approve", "quit", "edit"}
    steps: list[Step] = []
    for one in COMMANDS:
        if one.name not in acts:
            steps += [f"{one.name} {rest}", *[""] * (11 if one.name == "request" else 2)]
    said = talk(scene, *steps)
    assert all(char == "\n" or char.isprintable() for char in said)
    assert "\u202e" not in said
    assert set(kinds(scene)[len(before) :]) <= {"email.read", "desk.read"}


# --- together -----------------------------------------------------------------------------------------------------


def test_a_message_is_claimed_noted_on_given_back_and_returned(scene: Scene) -> None:
    item = scene.submit()
    name = spell_id("m", item)
    said = talk(
        scene, f"claim {name}", f"open {name}", "unclaim", "note", "ask them first", "note support-bot", "writes oddly",
        "note incident INC-431", "two of them", "return", "", "return", "say why", f"approve {name}",
    )  # fmt: skip
    assert f"{name} is yours for ten minutes. unclaim {name} gives it back." in said
    assert f"{name} is free again. claim {name} takes it back." in said
    assert said.count("a note cannot be undone") == 3
    assert "Cancelled: a comment is required." in said
    assert f"{name} is returned to its agent. It cannot be undone" in said
    assert f"Not approved: {name} is no longer pending: already returned by alice" in said
    found = kinds(scene)
    assert [found.count(kind) for kind in ("review.claimed", "review.noted", "email.returned")] == [1, 3, 1]
    assert "writes oddly" in talk(scene, "trace support-bot")
    handed_over = talk(scene, "handover 2h")
    assert all(text in handed_over for text in ("ask them first", "two of them", "WAITS", "NOTES"))
    assert "Such as 8h or 3d" in talk(scene, "handover 99x")


def test_an_item_that_others_have_taken_says_who(scene: Scene) -> None:
    name = spell_id("m", scene.submit())
    talk(scene, f"claim {name}", who=BOB)
    assert "(bob has it)" in talk(scene, "queue")
    assert "bob" in talk(scene, f"claim {name}")


def test_received_mail_is_listed_opened_and_released_once_it_was_read(scene: Scene) -> None:
    arrive(scene.bench, mail("Trap.", sender="evil@bad.example", subject="Urgent", more=UNREADABLE))
    said = talk(scene, "inbox", "release 1", "open 1", "release", "wrong", "inbox state:held", "inbox nothing:here")
    assert "from evil@bad.example" in said
    assert "it is held for a reason: open m" in said
    assert "Trap." in said
    (row,) = received(scene.store)
    assert row.status == "held"
    talk(scene, "inbox", "open 1", "release", "known sender", "1")
    assert "email.approved" in kinds(scene)


# --- agents, modes, the desk --------------------------------------------------------------------------------------


def test_a_mode_is_lowered_with_a_reason_raised_by_typing_it_and_never_by_two_rungs(scene: Scene) -> None:
    said = talk(scene, "mode support-bot gated_all", "", "mode support-bot gated_all", "odd mail", "mode", "0")
    assert "Cancelled: a reason is required." in said
    address = re.search(r"Undo: mode (\S+) gated_send, by governance", said)
    assert address is not None
    assert "Not gated_send: needs role governance" in talk(scene, f"mode {address[1]} gated_send")
    said = talk(scene, f"mode {address[1]} autonomous", f"mode {address[1]} gated_send", "fine", "gated", who=GAIL)
    assert "one step at a time" in said
    assert "Cancelled." in said
    assert kinds(scene).count("mailbox.mode_changed") == 1


def test_what_needs_somebody_is_acknowledged_snoozed_and_shown_again(scene: Scene) -> None:
    said = talk(
        scene, "suspend support-bot", "writes oddly", "needs", "ack 1", "needs", "wake 1", "snooze 1 4 hours", "wake 1",
        "snooze 1", "9", "0", "ack 99",
    )  # fmt: skip
    assert "Undo: another governance operator types resume support-bot." in said
    assert "support-bot is quiet until" in said
    assert said.count("is shown again. Undo: acknowledge 1.") == 2
    assert said.count("unless it gets worse. Undo: wake 1.") == 2
    assert "Which one? Give its number" in said
    assert kinds(scene).count("attention.acknowledged") in {0, 2}


def test_the_desk_is_stopped_streams_are_paused_and_each_says_how_it_goes_on(scene: Scene) -> None:
    said = talk(scene, "stop", "wrong list", "stop", f"pause-stream {DOMAIN}", "relay is odd", "lanes")
    assert "All-stop." in said
    assert "The desk is already stopped, by alice: wrong list. start ends the stop." in said
    domain = re.search(r"Undo: resume-stream (\S+),", said)
    assert domain is not None
    said = talk(
        scene, f"resume-stream {domain[1]}", "fine", "no", f"resume-stream {domain[1]}", "fine", domain[1], who=DORA
    )
    assert "Cancelled." in said
    assert f"{domain[1]} is resumed. Undo: pause-stream {domain[1]}." in said
    assert "It takes one more on-call operator" in talk(scene, "start", "right list", "start")
    assert "The desk is delivering again. Undo: stop." in talk(scene, "start", "right list", "start", who=BOB)


def test_a_lane_is_paused_and_resumed_by_its_number(scene: Scene) -> None:
    talk(scene, f"approve {spell_id('m', scene.submit())}")
    scene.clock.advance(micros=60_000_000)
    scene.store.transact(review.release_due)
    said = talk(scene, "lanes", "pause-lane 1", "they ask for it", "lanes state:paused", "sites")
    assert "1 lane" in said
    assert "The lane to example.com is paused. Undo: resume-lane example.com, by deliverability." in said
    assert "example.com" in said.partition("1 site")[2]
    said = talk(scene, "resume-lane example.com", "fine", "example.com", who=DORA)
    assert "The lane to example.com is resumed." in said


def test_addresses_are_suppressed_and_allowed_again(scene: Scene) -> None:
    name = spell_id("m", scene.submit("jane@example.com"))
    said = talk(
        scene, "suppress Bob@Example.com", "asked for it", f"open {name}", "suppress", "1", "moved", "suppressions"
    )
    assert "bob@example.com is suppressed. Undo: unsuppress bob@example.com, by deliverability." in said
    assert "2 suppressions, the newest first." in said
    said = talk(scene, "unsuppress bob@example.com", "came back", "bob@example.com", who=DORA)
    assert "bob@example.com can be mailed again." in said


def test_an_identity_is_signed_item_by_item_or_vetoed(scene: Scene) -> None:
    request(scene.store)
    address = str(re.search(r"1 (\S+@\S+),", talk(scene, "identities"))[1])  # type: ignore[index]
    assert "Your roles cannot" in talk(scene, f"sign {address}")
    said = talk(scene, f"identity {address}", f"sign {address}", "no", who=OLIVE)
    assert "owner must still sign" in said
    assert "Cancelled: nothing is signed." in said or "Sign " in said
    said = talk(scene, f"sign {address}", *["yes"] * 12, address, who=OLIVE)
    count = said.count("you answer for: ")
    said = talk(scene, f"sign {address}", *["yes"] * count, address, who=OLIVE)
    assert f"Signed as owner: {address} is requested." in said
    said = talk(scene, f"veto {address}", "not needed", who=GAIL)
    assert "A veto cannot be undone" in said
    assert "mailbox.vetoed" in kinds(scene)


# --- many ---------------------------------------------------------------------------------------------------------


def test_a_batch_says_how_many_bodies_were_read_and_takes_their_number(scene: Scene) -> None:
    for n in range(3):
        scene.submit(f"jane{n}@example.com", subject="Your refund", text="It is on its way.")
    failing = spell_id("m", scene.submit("eve@example.com", subject="Re: \u202egnp.exe", text="Look."))
    said = talk(scene, "queue to:jane*", "open 1", "approve-all", "2", "approve-all", "3", "undo", "events")
    assert "You have opened 1 of 3 bodies." in said
    assert "Cancelled." in said
    assert "3 messages are approved, final in 10s. The word undo takes it back until then." in said
    assert "Undone: 3 messages pending again." in said
    said = talk(scene, "approve-all", "9")
    assert "You have opened 0 of 4 bodies." in said
    assert "1 with a failed check or warning, not opened: skipped" in said
    said = talk(scene, f"approve {failing}", f"open {failing}", "queue all", "approve-all", "known to us", "4")
    assert f"open {failing} first" in said
    assert "your reason is recorded for each" in said
    assert kinds(scene).count("email.approved") == 3 + 4


def test_all_of_a_template_are_rejected_with_one_reason(scene: Scene) -> None:
    for n in range(2):
        scene.submit(f"jane{n}@example.com", subject="Your refund", text="It is on its way.")
    said = talk(scene, "templates", "reject-group 1", "wrong sum", "2")
    assert "1 template." in said
    assert "2 messages of support-bot to 1 domain" in said
    assert "2 messages are rejected, final in 10s." in said
    assert kinds(scene).count("email.rejected") == 2


# --- what others do -----------------------------------------------------------------------------------------------


def test_what_others_did_is_said_between_commands_one_line_each(scene: Scene) -> None:
    def suspends() -> None:
        parts = scene.parts(BOB)
        parts.desk.direct.call("agent.suspend", agent="support-bot", reason="complaints")

    def sends() -> None:
        for n in range(40):
            scene.submit(f"jane{n}@example.com")

    said = talk(scene, sends, "", suspends, "", "needs")
    assert re.search(r"^New: CRIT support-bot: ", said, re.MULTILINE)
    assert re.search(r"^Event: (error: )?\S+Z agent\.suspended support-bot by bob", said, re.MULTILINE)
    assert said.count("email.pending") + said.count("email.blocked") >= 1
    assert len(re.findall(r"^Event: ", said, re.MULTILINE)) < 12
    between = said.partition("Event: ")[0].rpartition("\n")[0].splitlines()[-1]
    assert between.startswith(("Command:", "New: ")), "nothing is said while something is typed"


def test_history_is_figures_in_words(scene: Scene) -> None:
    scene.submit()
    said = talk(scene, "history", "history support-bot day", "history site example.com month", "history stream")
    assert "History of the desk, 7d, all times UTC." in said
    assert "complaints: " in said
    assert "History of agent support-bot, 24h" in said
    assert "Of which stream? Give its name." in said


def test_a_message_is_edited_in_an_editor_and_one_that_breaks_changes_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = spell_id("m", scene.submit(subject="Your refund", text="It is on its way."))
    monkeypatch.delenv("VISUAL", raising=False)

    def editor(command: str) -> Callable[[], None]:
        return lambda: monkeypatch.setenv("EDITOR", command)

    said = talk(scene, editor("false"), f"edit {name}", editor(r"sed -i s/refund/\\xff/"), f"edit {name}")
    assert said.count("nothing was changed: ") == 2
    assert said.count("look at $EDITOR") == 2
    said = talk(scene, editor("true"), f"edit {name}", editor("sed -i s/^Subject:/X:/"), f"edit {name}")
    assert "Nothing was changed." in said
    assert "the first line must be the subject" in said
    assert "email.edited" not in kinds(scene)
    said = talk(scene, editor("sed -i s/refund/money/"), f"edit {name}")
    assert f"{name} is edited" in said
    assert "Somebody else must approve it." in said
    assert "Subj   Your money" in said
    assert kinds(scene).count("email.edited") == 1


# --- which message ------------------------------------------------------------------------------------------------


def test_part_of_an_id_opens_the_one_message_it_means_and_names_several(scene: Scene) -> None:
    names = [spell_id("m", scene.submit(f"jane{n}@example.com", subject=f"Number {n}")) for n in range(2)]
    common = names[0][:5]
    said = talk(scene, f"open {common}", f"approve {common}", f"open m{names[1][-5:]}", "open agents", "open xyz")
    assert said.count(f"{common} is ambiguous: {names[0]} (support-bot, ") == 2
    assert said.count(f'{names[1]} (support-bot, "Number 1"). give more of the id') == 2
    assert f"Message {names[1]}" in said
    assert "no held read or tag has an id like agents" in said
    assert "'xyz' is not an id of a message. an id begins with m, as m0k4v7" in said
    assert "email.approved" not in kinds(scene)


# --- where it opens -----------------------------------------------------------------------------------------------


def test_a_link_opens_its_place_first(scene: Scene) -> None:
    items = [scene.submit(f"jane{n}@example.com", subject=f"Number {n}") for n in range(3)]
    short = f"m{spell_id('m', items[1])[-5:]}"
    said = talk(scene, start=Start("queue", "to:jane1", short))
    assert "Held mail 1 to 1 of 1, worst first, filter to:jane1." in said
    assert f"Message {spell_id('m', items[1])}" in said
    assert "Desk TEST" not in said
    assert said.index("Held mail") < said.index("Message m")
    assert "support-bot, active" in talk(scene, start=Start(open="support-bot"))
    assert "no message has an id like" in talk(scene, start=Start(open="mzzzzz"))
    said = talk(scene, start=Start("queue", "colour:red"))
    assert "field colour" in said
    assert "Held mail" not in said
    for screen in ("agents", "lanes", "events", "suppressions", "identities", "inbox", "trace", "desk"):
        assert talk(scene, start=Start(screen))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    return with_mailbox(tmp_path_factory.mktemp("plain") / "desk")


@pytest.fixture(params=["on the host", "over HTTP"])
def say(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Say]:
    """How somebody talks to a desk with a held message."""
    clerk = with_mailbox(tmp_path / "desk")
    hand_in(clerk)
    with talking(clerk, over_http=request.param == "over HTTP") as talks:
        yield talks


def test_the_same_is_done_on_the_host_and_through_a_gateway(say: Say) -> None:
    said = say(
        "alice", "queue", "claim 1", "open 1", "note", "look at the sum", "approve", "undo", "templates", "inbox",
        "agents", "lanes", "sites", "identities", "suppressions", "events", "handover", "history", "trace support-bot",
        "return 1", "say why", "queue",
    )  # fmt: skip
    for text in (
        "is yours for ten minutes", "Noted on message m", "is approved, final in", "Undone: 1 message pending again.",
        "1 template.", "Received mail:", "1 agent, the worst first.", "1 identity, requests first.", "WAITS",
        "History of the desk", "End of the trace.",
    ):  # fmt: skip
        assert text in said, text
    said = say("alice", "queue", "open 1", "return", "say why", "queue", "mode support-bot gated_all", "odd")
    assert "is returned to its agent." in said
    assert "Held mail 0 to 0 of 0" in said
    assert "is gated_all now" in said
    said = say("gail", "mode support-bot gated_send", "all is well", "gated_send")
    assert f"is {Mode.GATED_SEND.value} now" in said
    assert "Undo: mode" in said


def test_a_lost_gateway_is_said_once_with_since_when_and_the_talk_goes_on_when_it_is_back(tmp_path: Path) -> None:
    clerk = with_mailbox(tmp_path / "desk")
    hand_in(clerk)
    first = served(clerk.directory)
    url = first.__enter__()
    again: list[contextlib.AbstractContextManager[str]] = []

    def back() -> None:
        again.append(served(clerk.directory, port=int(url.rpartition(":")[2])))
        again[0].__enter__()

    target = io.StringIO()
    parts = factory.sign_in(url, clerk.tokens["alice"])
    steps = ("queue", "open 1", lambda: first.__exit__(None, None, None), "approve", "agents", "", back, "approve")
    try:
        assert plain.run(parts.desk.direct, Dialogue(Script(*steps), target)) == 0
    finally:
        parts.desk.close()
        again[0].__exit__(None, None, None)
    said = target.getvalue()
    assert said.count("The gateway does not answer") == 1
    assert re.search(r"Nothing was heard of it since \d\d:\d\d:\d\dZ\. Each command tries it again\.", said)
    assert re.search(r"The gateway answers again, after \S+\.", said)
    assert said.rindex("is approved, final in") > said.index("answers again")


# --- real processes -----------------------------------------------------------------------------------------------


def test_a_link_opens_in_a_pipe_and_hostile_mail_stays_text(office: Clerk) -> None:
    name = hand_in(office, subject="Re: \u202egnp.exe [@click=app.quit]x[/]", text=HOSTILE_BODY)
    command = [*postroom(), "console", "--plain", "--dir", str(office.directory)]
    env = {"POSTROOM_TOKEN": office.tokens["alice"], "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*command, "--screen", "queue", "--filter", "agent:support-bot", "--open", f"m{name[-5:]}"],
        input=f"note {name}\nseen\nquit\n", capture_output=True, text=True, check=True, env=env,
    )  # fmt: skip
    assert "filter agent:support-bot." in done.stdout
    assert f"Message {name}" in done.stdout
    assert f"Noted on message {name}" in done.stdout
    assert all(char == "\n" or char.isprintable() for char in done.stdout)
    assert done.stderr == ""
    wrong = subprocess.run([*command, "--screen", "attic"], capture_output=True, text=True, check=False, env=env)
    assert (wrong.returncode, "there is no screen 'attic'" in wrong.stderr) == (2, True)


def test_in_a_terminal_ctrl_c_leaves_a_question_and_twice_the_console(office: Clerk) -> None:
    command = [*postroom(), "console", "--plain", "--dir", str(office.directory)]
    with terminal(command, env={"POSTROOM_TOKEN": office.tokens["alice"]}) as seen:
        seen.shows("Command:")
        seen.press("stop\r")
        seen.shows("Reason (empty cancels):")
        seen.program.send_signal(signal.SIGINT)  # this pty controls no process
        seen.shows("Left: nothing was done.")
        seen.press("agents\r")
        seen.until(lambda screen: screen.count("Command:") == 3)
        seen.program.send_signal(signal.SIGINT)  # this pty controls no process
        # said a second time: two signals at once would be one
        seen.until(lambda screen: screen.count("Ctrl-C once more leaves the console") == 2)
        seen.program.send_signal(signal.SIGINT)  # this pty controls no process
        assert seen.ended() == 0
        assert "Traceback" not in seen.screen
    with terminal(command, env={"POSTROOM_TOKEN": office.tokens["alice"]}) as seen:
        seen.shows("Command:")
        written = seen.screen
        seen.press("\x04")
        assert seen.ended() == 0
        assert "\x1b" not in written


def test_over_http_in_a_terminal_nothing_moves_the_cursor(office: Clerk) -> None:
    hand_in(office, to="cursor@example.com")
    command = [*postroom(), "console", "--plain", "--screen", "queue"]
    with serving(office) as url:
        env = {"POSTROOM_URL": url, "POSTROOM_TOKEN": office.tokens["alice"], "FORCE_COLOR": "1"}
        with terminal(command, env=env) as seen:
            come = b""
            while b"Command:" not in come:
                come += seen.read(0.5)
            seen.press("open 1\r")
            while b"End of message m" not in come:
                come += seen.read(0.5)
            seen.press("quit\r")
            assert seen.ended() == 0
    assert b"\x1b" not in come
    assert b"\x07" not in come
