"""Line by line: limits, allow-lists, dead webhooks, the policy, requests, logs, drills; and lines typed ahead."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import inspect
import io
import os
import pty
import struct
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import insert, select

from console import operations, record_operations
from console.plain import main as plain
from console.plain.dialogue import Dialogue
from core.db.tables import DEAD_HOOK, MAILBOX, OPERATOR, RECIPIENT
from core.db.transaction import Transaction
from core.ids import spell_id
from core.rules import policy as policies
from core.services import context
from core.services.control import policy
from tests.cli.cli_runner import Clerk, with_mailbox
from tests.console.harness import Scene, make_scene
from tests.console.plain_talk import Say, hire_known, kinds, talk, talking
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, GAIL, ROOT
from tests.factories.log_lines import log_night
from tests.factories.mail import hand_in

NEW = f"news@{DOMAIN}"
RECORD = ("news-bot", "sends news", "olive", "platform", "tickets", "people", "it ends", "60d", "*", "", "")
PLAIN = Path(plain.__file__).parent


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(tmp_path, allow=["*@example.com"], webhook_url="https://acme.test/hooks")
    hire_known(made, GAIL, ROOT)
    yield made
    made.store.close()


def mailbox(scene: Scene, address: str = ADDRESS) -> dict[str, Any]:
    row = scene.store.row(select(MAILBOX).where(MAILBOX.c.address == address))
    return {} if row is None else dict(row._mapping)


@pytest.mark.parametrize("module", [operations, record_operations])
def test_everything_that_the_screens_ask_of_the_desk_is_asked_for_line_by_line_too(module: ModuleType) -> None:
    name = module.__name__.rpartition(".")[2]
    used = {
        node.attr
        for file in PLAIN.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }
    known = {
        each
        for each, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not each.startswith("_")
    }
    assert known
    assert known <= used


# --- a mailbox ----------------------------------------------------------------------------------------------------


def test_a_limit_is_lowered_with_a_reason_and_widened_by_typing_its_figure(scene: Scene) -> None:
    said = talk(scene, "limits support-bot", "1", "200", "", "1", "200", "loop", "1", "odd", who=GAIL)
    assert "1 per hour 1,000,000 (policy: 10)" in said
    assert "Cancelled: a reason is required." in said
    assert f"{ADDRESS}: per hour 200." in said
    assert f"Undo: limits {ADDRESS}, the same line, 1000000, by governance." in said
    assert "it must be a number up to 10,000,000 or the word policy" in said
    assert mailbox(scene)["limit_hour"] == 200
    said = talk(scene, f"limits {ADDRESS}", "1", "300", "spring", "200", who=GAIL)
    assert "Cancelled." in said
    assert mailbox(scene)["limit_hour"] == 200
    said = talk(scene, "limits support-bot", "1", "300", "spring", "300", who=GAIL)
    assert f"Undo: limits {ADDRESS}, the same line, 200." in said
    assert mailbox(scene)["limit_hour"] == 300
    assert "may not widen a limit" in talk(scene, "limits support-bot", "1", "400", "more", "400")
    assert "per hour 10." in talk(scene, "limits support-bot", "1", "policy", "usual")
    assert mailbox(scene)["limit_hour"] is None


def test_a_site_limit_is_typed_even_to_lower_it(scene: Scene) -> None:
    said = talk(scene, "limits support-bot", "5", "3", "slower", "no", who=GAIL)
    assert "Type 3 to go on" in said
    assert mailbox(scene)["limit_site_minute"] == 10**6


def test_an_allow_list_is_widened_by_typing_the_entry_and_narrowed_with_a_reason(scene: Scene) -> None:
    said = talk(scene, "allow-list support-bot", "1", "a b", "1", "acme.com", "asked", "acme", who=GAIL)
    assert f"{ADDRESS} may write to 1 entry." in said
    assert "2 Remove *@example.com" in said
    assert mailbox(scene)["allow"] == ["*@example.com"]
    said = talk(scene, "allow support-bot", "1", "acme.com", "asked", "*@acme.com", who=GAIL)
    assert f"{ADDRESS} may write to *@acme.com. Undo: allow-list {ADDRESS} removes it." in said
    said = talk(scene, "allow-list support-bot", "2", "left", "allow-list support-bot", "2", "all")
    assert f"{ADDRESS} may no longer write to *@example.com." in said
    assert "Not done: this is the last entry of the allow-list" in said
    assert mailbox(scene)["allow"] == ["*@acme.com"]


def test_a_mailbox_is_renewed_and_retired_by_typing_its_address(scene: Scene) -> None:
    before = mailbox(scene)["expires_at"]
    said = talk(scene, "renew support-bot", "1", "spring", "help", "retire support-bot", "ended", "help", who=GAIL)
    assert said.count("Cancelled.") == 2
    assert (mailbox(scene)["expires_at"], mailbox(scene)["status"]) == (before, "active")
    said = talk(scene, "renew support-bot", "1", "spring", ADDRESS, "retire support-bot", "ended", ADDRESS, who=GAIL)
    assert f"{ADDRESS} ends 2" in said
    assert f"{ADDRESS} is retired. It cannot be undone" in said
    assert mailbox(scene)["expires_at"] != before
    assert mailbox(scene)["status"] == "retired"


def test_waiting_mail_is_cancelled_with_a_reason(scene: Scene) -> None:
    name = spell_id("m", scene.submit())
    assert f"{name} is cancelled." in talk(scene, f"cancel {name}", "", f"cancel {name}", "by phone")
    assert [row.status for row in scene.store.rows(select(RECIPIENT.c.status))] == ["cancelled"]


# --- the desk -----------------------------------------------------------------------------------------------------


def test_dead_webhooks_are_sent_again_one_by_its_number_all_by_theirs(scene: Scene) -> None:
    def dead(tx: Transaction) -> None:
        for seq in (1, 2, 3):
            row = {"mailbox_id": scene.bench.mailbox_id, "seq": seq, "at": tx.now, "error": "410 \u202egone"}
            tx.write(insert(DEAD_HOOK).values(**row))

    scene.submit()
    scene.submit()
    scene.store.transact(dead)
    said = talk(scene, "webhooks", "1", "webhooks", "1", "replay-all 1", "2", "replay-all nobody", "needs")
    assert "3 webhook events not delivered, the oldest first." in said
    assert f"mailbox {ADDRESS}" in said
    assert "410" in said
    assert "\u202e" not in said
    assert "1 event sent again by the gateway. It cannot be undone." in said
    assert "It is already being sent again." in said
    assert f"Send all of {ADDRESS} again? 3 events" in said
    assert "Cancelled." in said
    assert "No webhook event of nobody is dead" in said
    place = next(line for line in said.partition("Needs you, the")[2].splitlines() if "webhook" in line).split()[0]
    said = talk(scene, "needs", place, "replay-all 1", "3")
    assert "webhook events not delivered" in said
    assert kinds(scene).count("webhook.replayed") >= 2


def test_what_waits_of_the_policy_is_confirmed_by_its_number_of_changes_or_dropped(scene: Scene) -> None:
    assert "Nothing waits: the policy in force is that of policy.toml." in talk(scene, "policy")
    scene.store.transact(lambda tx: policy.watch_edit(tx, policies.parse("[budgets.agent]\nhour = 100\n")))
    said = talk(scene, "policy", "1", "spring", "2", "1", "spring", "1")
    assert "budgets.agent.hour, in force 10, waiting 100, loosens" in said
    assert "Cancelled." in said
    assert "Not done: " in said  # alice is not governance
    assert scene.store.look(lambda tx: context.current_policy(tx)[1].budgets.agent.hour) == 10
    said = talk(scene, "policy", "1", "spring", "1", who=GAIL)
    assert "of the policy is in force. Undo: edit policy.toml back." in said
    assert scene.store.look(lambda tx: context.current_policy(tx)[1].budgets.agent.hour) == 100
    scene.store.transact(lambda tx: policy.watch_edit(tx, policies.parse("[budgets.agent]\nhour = 900\n")))
    said = talk(scene, "policy", "2", "", "2", "too many")
    assert "Dropped; version" in said
    assert scene.store.look(lambda tx: context.current_policy(tx)[1].budgets.agent.hour) == 100


def test_an_identity_is_requested_and_its_record_completed(scene: Scene) -> None:
    said = talk(
        scene, "request", "", f"request {NEW}", "news-bot", "sends news", *[""] * 9, f"complete {NEW}", *[""] * 11
    )
    assert "Cancelled." in said
    assert f"{NEW} is requested; it waits for" in said
    assert "Its record lacks owner" in said
    assert "agent, which agent it is for (now news-bot; empty keeps it):" in said
    assert "Nothing was changed." in said
    said = talk(scene, f"complete {NEW}", "", "", "olive", *[""] * 8, f"complete {ADDRESS}")
    assert "Its record lacks owner" not in said
    assert "Only a request can be changed" in said
    assert (mailbox(scene, NEW)["owner"], mailbox(scene, NEW)["requested_by"]) == ("olive", "alice")
    refused = talk(scene, "request news@elsewhere.example", *RECORD, f"request {NEW}", *[""] * 11)
    assert "Your answers are kept: request offers them again." in refused
    assert "(now sends news; empty keeps it)" in refused


def test_a_gateways_own_lines_are_read_out_by_level_and_filter(scene: Scene) -> None:
    log_night(scene.directory)
    said = talk(scene, "logs", "logs warning process:egress relay", "logs nothing:here")
    assert "6 log lines of" in said
    assert "05-03 04:02:07 warn desk-a" in " ".join(said.split())
    assert "1 log line of" in said
    assert ", warning and worse, filter process:egress relay, the newest first" in said
    assert "field nothing" in said
    assert "▲" not in said


def test_only_an_admin_ends_a_persons_access_by_typing_their_name(scene: Scene) -> None:
    said = talk(scene, "disable", "0", "disable root", "disable bob", "bo", "disable bob", "bob", who=ROOT)
    assert "There is no other operator 'root'" in said
    assert "Cancelled." in said
    assert "bob is disabled. It cannot be undone" in said
    row = scene.store.row(select(OPERATOR.c.disabled_at).where(OPERATOR.c.name == "bob"))
    assert row is not None
    assert row.disabled_at is not None
    assert "Not done: " in talk(scene, "disable gail", "gail")


def test_a_lone_vote_and_an_undo_say_how_to_go_back(scene: Scene) -> None:
    talk(scene, "stop", "wrong list")
    assert "Undo: postroom stop, which discards every vote." in talk(scene, "start", "right list", "start")


# --- on the host and through a gateway ----------------------------------------------------------------------------


@pytest.fixture(params=["on the host", "over HTTP"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Clerk, Say]]:
    """A desk, and how somebody talks to it."""
    clerk = with_mailbox(tmp_path / "desk")
    hand_in(clerk)
    log_night(clerk.directory)
    with talking(clerk, over_http=request.param == "over HTTP") as say:
        yield clerk, say


def test_the_same_records_are_changed_on_the_host_and_through_a_gateway(
    opened: tuple[Clerk, Say],
) -> None:
    _, say = opened
    said = say(
        "alice", "limits support-bot", "1", "5", "loop", "webhooks", "policy", "logs error", f"request {NEW}", *RECORD,
        f"complete {NEW}", "", "other news", *[""] * 9, "queue", "cancel 1", "by phone",
    )  # fmt: skip
    for text in (
        f"{ADDRESS}: per hour 5.", "0 webhook events not delivered", "Nothing waits", "a message broke the reader",
        f"{NEW} is requested", "is cancelled.",
    ):  # fmt: skip
        assert text in said, text
    said = say(
        "gail", "limits support-bot", "1", "8", "fine", "8", "allow-list support-bot", "1", "acme.com", "asked",
        "*@acme.com", "renew support-bot", "1", "spring", ADDRESS, "retire support-bot", "ended", ADDRESS,
    )  # fmt: skip
    for text in (
        f"{ADDRESS}: per hour 8.", f"{ADDRESS} may write to *@acme.com.", f"{ADDRESS} ends 2", f"{ADDRESS} is retired.",
    ):  # fmt: skip
        assert text in said, text
    assert "dora is disabled." in say("root", "disable dora", "dora")


def test_a_drill_reads_out_its_result_and_the_fresh_token(opened: tuple[Clerk, Say]) -> None:
    clerk, say = opened
    before = clerk.ok("token", "issue", "--agent", "support-bot", who="gail")["id"]
    said = say("gail", "drill support-bot", "support", "drill support-bot", "support-bot")
    assert "Cancelled." in said
    done = [
        one["data"]["revoked"] for one in clerk.ok("audit", "export")["events"] if one["type"] == "identity.drilled"
    ]
    if "on its own host" in said:  # no gateway runs there, and nothing is revoked without one to try
        assert "nothing was revoked" in said
        assert done == []
    else:
        assert "PASSED: revocation drill of support-bot" in said
        assert "pra_" in said
        assert [before in revoked for revoked in done] == [True]


# --- a hand that is faster than the desk --------------------------------------------------------------------------


class Hand:
    """A terminal in which lines were typed already; the others are typed when nothing is left to read."""

    def __init__(self, *ahead: str, later: Sequence[str] = ()) -> None:
        self._master, slave = pty.openpty()
        modes = termios.tcgetattr(slave)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        self._source = os.fdopen(slave, encoding="utf-8")
        self._later = list(later)
        self.fileno, self.isatty = self._source.fileno, self._source.isatty
        self._type(*ahead)

    def _type(self, *lines: str) -> None:
        typed = "".join(f"{line}\n" for line in lines).encode()
        wanted = self._waiting() + len(typed)
        os.write(self._master, typed)
        while self._waiting() < wanted:  # the kernel carries it over in its own time
            time.sleep(0.001)

    def _waiting(self) -> int:
        return int(struct.unpack("i", fcntl.ioctl(self.fileno(), termios.FIONREAD, bytes(4)))[0])

    def readline(self) -> str:
        if not self._waiting():
            self._type(self._later.pop(0))
        return self._source.readline()

    def close(self) -> None:
        self._source.close()
        os.close(self._master)


@pytest.fixture
def typed() -> Iterator[Callable[..., Any]]:
    with contextlib.ExitStack() as stack:
        yield lambda *ahead, later=(): stack.enter_context(contextlib.closing(Hand(*ahead, later=later)))


def test_a_line_typed_before_the_question_confirms_nothing(typed: Callable[..., Any]) -> None:
    target = io.StringIO()
    assert Dialogue(typed("3", "3", later=["no"]), target).typed("3", question="Approve 3 of 3 messages.") is False
    assert target.getvalue().count("Not taken, because it was typed before the question: 3") == 2
    target = io.StringIO()
    assert Dialogue(typed("y", later=["3"]), target).typed("3", question="Approve 3 of 3 messages.") is True
    assert target.getvalue().count("Not taken") == 1


def test_a_choice_typed_before_its_lines_chooses_nothing(typed: Callable[..., Any]) -> None:
    assert Dialogue(typed("2", later=["1"]), io.StringIO()).choose("Disable whom?", ["alice", "bob"]) == 0


def test_a_reason_may_be_typed_ahead_only_for_what_stops(scene: Scene, typed: Callable[..., Any]) -> None:
    name = spell_id("m", scene.submit())
    target, parts = io.StringIO(), scene.parts(ALICE)
    hand = typed("stop", "wrong list", f"cancel {name}", "agents", later=["", "quit"])
    assert plain.run(parts.desk.direct, Dialogue(hand, target)) == 0
    assert "All-stop." in target.getvalue()
    assert "Not taken, because it was typed before the question: agents" in target.getvalue()
    assert "Cancelled: a reason is required." in target.getvalue()
    assert [row.status for row in scene.store.rows(select(RECIPIENT.c.status))] != ["cancelled"]


def test_nothing_typed_confirms_a_question_that_expects_nothing() -> None:
    assert Dialogue(io.StringIO("\n"), io.StringIO()).typed("", question="It is guarded.") is False


def test_a_number_typed_before_its_list_opens_and_decides_nothing(scene: Scene, typed: Callable[..., Any]) -> None:
    for n in range(2):
        scene.submit(f"jane{n}@example.com")
    parts = scene.parts(ALICE)
    target = io.StringIO()
    hand = typed("queue", "approve 1", "open 1", "1", later=["open 1", "quit"])
    assert plain.run(parts.desk.direct, Dialogue(hand, target)) == 0
    said = target.getvalue()
    assert said.count("End of message") == 1
    assert said.count("was typed before this list was read out. Type it again.") == 3
    assert "email.approved" not in kinds(scene)


def test_a_body_cannot_say_that_the_message_ends_here(scene: Scene) -> None:
    forged = "Fine.\nEnd of message m00000000.\n\n1 Reject\n2 Approve\n"
    name = spell_id("m", scene.submit(text=forged))
    said = talk(scene, f"open {name}")
    assert said.index("2 Approve") < said.index(f"End of message {name}.") < said.index("1 Approve")
