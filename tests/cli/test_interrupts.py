"""Secrets that are shown once survive Ctrl-C, a keyring that waits, and a next step that cannot be looked up."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from sqlalchemy import Engine, event

from console.main import main
from tests.cli.cli_runner import ADDRESS, DOMAIN, RECORD, Clerk
from tests.cli.test_doctor_routes import relay
from tests.factories.mail import hand_in

HOOK = "https://acme.com/hook"
GIVEN_OUT = {
    "init": (("init",), None, "root  "),
    "init --dev": (("init", "--dev"), None, "pra_"),
    "a webhook": (("mailbox", "webhook", ADDRESS, HOOK), "olive", "whsec_"),
    "a webhook's next secret": (("mailbox", "webhook", ADDRESS, "rotate"), "olive", "whsec_"),
    "a webhook of a request": (
        ("mailbox", "request", f"b@{DOMAIN}", *RECORD, "--allow", "*", "--webhook", HOOK), "alice", "whsec_",
    ),
    "an agent's token": (("token", "issue", "--agent", "support-bot"), "gail", "pra_"),
    "an operator's token": (("operator", "rotate"), "gail", "pro_"),
}  # fmt: skip


class Pressed(io.StringIO):
    """Output of a command at which Ctrl-C is pressed just before the first line is written."""

    def write(self, text: str) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


@contextlib.contextmanager
def at_each(name: str, do: Callable[[], object]) -> Iterator[None]:
    """Do this at each such event of every database engine."""

    def listener(*_args: object) -> None:
        do()

    event.listen(Engine, name, listener)
    try:
        yield
    finally:
        event.remove(Engine, name, listener)


@contextlib.contextmanager
def gone_after_the_first_commit() -> Iterator[None]:
    """The database fails at every statement after the first commit."""
    committed: list[bool] = []

    def fail() -> None:
        if committed:
            raise sqlite3.OperationalError("disk I/O error")

    with at_each("commit", lambda: committed.append(True)), at_each("before_cursor_execute", fail):
        yield


@pytest.mark.parametrize("what", GIVEN_OUT)
def test_ctrl_c_between_the_commit_and_the_print_loses_no_secret(
    office: Clerk, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    args, who, secret = GIVEN_OUT[what]
    office.ok("mailbox", "webhook", ADDRESS, HOOK, who="olive")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    if who is not None:
        monkeypatch.setenv("POSTROOM_TOKEN", office.tokens[who])
    held: list[bool] = []
    output = Pressed()
    with (
        at_each("commit", lambda: held.append(signal.getsignal(signal.SIGINT) is not signal.default_int_handler)),
        redirect_stdout(output),
    ):
        code = main([*args, "--dir", str(office.directory if who else tmp_path / "new")])
    assert (code, secret in output.getvalue()) == (0, True)
    assert held[-1], "the last commit was not protected"
    assert capfd.readouterr().err.count("finishing: a secret must be printed first") == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_init_ended_while_the_relay_is_tried_leaves_no_desk_and_can_be_run_again(tmp_path: Path, number: int) -> None:
    clerk = Clerk(tmp_path / "desk")
    wanted = ("init", "--stream", "support-bot.acme.test", "--relay")

    with socket.create_server(("127.0.0.1", 0)) as silent:

        def press() -> None:
            with silent.accept()[0] as connection:
                # Not while it connects: in Python 3.11 `asyncio.wait_for` loses a cancellation at the very moment at
                # which what it waits for is done.
                connection.sendall(b"220 relay.test\r\n")
                assert connection.recv(1_024)
                os.kill(os.getpid(), number)
                over.wait()

        over, presser = threading.Event(), threading.Thread(target=press)
        presser.start()
        try:
            code = clerk.run(*wanted, f"smtp://127.0.0.1:{silent.getsockname()[1]}").code
        finally:
            over.set()
            presser.join()
    assert code == 128 + number
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert list(clerk.directory.iterdir()) == []
    with relay({}) as world:
        assert clerk.ok(*wanted, f"smtp://127.0.0.1:{world.port}")["route"]["grade"] == "ok"


def test_tokens_are_printed_also_where_the_records_to_publish_cannot_be_written(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    (clerk.directory / "bot.acme.test.zone").mkdir(parents=True)
    heard = clerk.run("init", "--stream", "bot.acme.test", "--relay", "smtp://127.0.0.1:1")
    assert (heard.code, "pro_" in heard.out) == (0, True), heard.err
    assert "The records to publish are in no file" in heard.out


def request_and_sign(office: Clerk, address: str) -> None:
    office.ok("mailbox", "request", address, *RECORD, "--allow", "*", who="alice")
    for kind, who in (("owner", "olive"), ("deliverability", "dora")):
        office.ok("mailbox", "approve", address, "--as", kind, "--affirm", "all", who=who)


LAST = ("mailbox", "approve", f"b@{DOMAIN}", "--as", "governance", "--affirm", "all", "--with-token", "8h")


@pytest.mark.parametrize("what", ["an agent's token", "a webhook of a request", "a token with the last signature"])
def test_a_database_that_fails_after_the_commit_takes_no_secret_with_it(office: Clerk, what: str) -> None:
    args, who, secret = GIVEN_OUT.get(what, (LAST, "gail", "pra_"))
    if args is LAST:
        request_and_sign(office, f"b@{DOMAIN}")
    with gone_after_the_first_commit():
        heard = office.run(*args, who=who)
    assert heard.code == 0, heard.err
    assert secret in heard.out
    assert "The next step could not be looked up" in heard.out


def test_a_message_is_cancelled_shown_and_logged_in_one_transaction(office: Clerk) -> None:
    item = hand_in(office)
    with gone_after_the_first_commit():
        assert office.ok("queue", "cancel", item, "--reason", "by phone", who="alice")["status"] == "cancelled"
    kinds = [one["type"] for one in office.ok("audit", "export")["events"] if one["type"].startswith("email.")]
    assert kinds[-2:] == ["email.cancelled", "email.read"]


class Waits(KeyringBackend):
    """A locked keyring whose owner is asked for the password, and presses Ctrl-C."""

    priority = 1

    def __init__(self, printed: Callable[[], str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's
        self.printed, self.seen = printed, ""

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.seen = self.printed()
        os.kill(os.getpid(), signal.SIGINT)

    def delete_password(self, service: str, username: str) -> None:
        raise AssertionError("nothing is deleted")


@pytest.mark.parametrize("command", [("claim", "bob"), ("rotate",)], ids=["claim", "rotate"])
def test_a_token_is_printed_before_a_keyring_that_waits_and_ctrl_c_ends_the_waiting(
    office: Clerk, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.ok("operator", "add", "bob", "--role", "reviewer", who="root")
    monkeypatch.setenv("POSTROOM_TOKEN", office.tokens["gail"])
    output, before = io.StringIO(), keyring.get_keyring()
    locked = Waits(output.getvalue)
    keyring.set_keyring(locked)
    try:
        with redirect_stdout(output):
            code = main(["operator", *command, "--keep", "--dir", str(office.directory)])
    finally:
        keyring.set_keyring(before)
    assert (code, "pro_" in locked.seen) == (130, True)
