"""What strangers wrote reaches a person's terminal spelled out: no escape, no hidden character, no line of its own."""

from __future__ import annotations

import json

import pytest

from core.cli import output
from core.cli.remote import recipients
from tests.cli.cli_runner import Clerk
from tests.factories.mail import hand_in

HIDDEN = "\u202egnp.exe \u200b\u2066 \U000e0041 [/b] e" + "\u0301" * 30
"""What a subject may hold: controls are refused at the door."""
NASTY = (
    "\x1b]52;c;aGk=\x07 \x1b]2;owned\x07 \x1b]8;;https://evil.example\x1b\\x \x9b2J \x90q\x9c \x7f "
    "\u202egnp.exe \u200b \U000e0041 e" + "\u0301" * 30
)


def obeyed(text: str) -> set[str]:
    return {char for char in text if not char.isprintable() and char != "\n"}


def test_no_command_hands_a_terminal_what_it_would_obey(office: Clerk) -> None:
    body = f"Dear you,\n{NASTY}\nstatus  sent\n"
    item = hand_in(office, subject=f"Invoice {HIDDEN}", text=body)
    for args in (
        ["queue", "pending"],
        ["queue", "show", item],
        ["queue", "show", item, "--source"],
        ["trace", item],
        ["run", "list"],
        ["agent", "show", "support-bot"],
        ["audit", "export", "--format", "csv"],
    ):
        said = office.run(*args, who="alice")
        assert not obeyed(said.out + said.err), args
        told = office.run(*args, "--json", who="alice")
        assert not obeyed(told.out + told.err), args
    shown = office.run("queue", "show", item, who="alice").out
    assert "⟨U+202E⟩gnp.exe" in shown
    assert office.ok("queue", "show", item, who="alice")["subject"] == f"Invoice {HIDDEN}"  # the data is as it was


def test_a_value_cannot_begin_a_line_of_its_own() -> None:
    said = output.pairs({"subject": "x\nstatus  sent\u2028status  sent\x85y", "status": "pending"})
    assert said.splitlines() == ["subject  x status  sent status  sent y", "status   pending"]
    rows = output.table(("A", "B"), [("x\ny", 1), ("漢字", 2), ("e\u0301", 3)])
    assert rows.splitlines() == ["A     B", "x y   1", "漢字  2", "e\u0301     3"]


def test_json_escapes_what_a_terminal_would_obey_and_stays_the_same_json() -> None:
    data = {"a": NASTY + "\U000e0041\x85", "b": "Müller ❤️ 漢字"}
    line = output.dump(data)
    assert not obeyed(line)
    assert json.loads(line) == data
    assert "Müller ❤" in line
    assert "漢字" in line


def test_a_terminal_never_gets_a_raw_export_and_a_pipe_does(office: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    office.ok("suppress", "add", "jane@example.com", "--reason", "a\u202eb", who="alice")
    assert "a\u202eb" in office.run("suppress", "export", who="alice").out
    monkeypatch.setattr(output, "piped", lambda: False)
    monkeypatch.setattr(recipients, "piped", lambda: False)
    assert "a⟨U+202E⟩b" in office.run("suppress", "export", who="alice").out
