"""Guarded desks: the first loosening asks for the desk's name, a tightening never does."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from core.operations.registry import OPERATIONS
from core.rules.roles import LOOSENS
from tests.cli.cli_runner import ADDRESS, Clerk, with_mailbox
from tests.cli.test_remote import run
from tests.factories.mail import hand_in
from tests.factories.served import served

TIGHTENING: Final = (
    ("agent suspend support-bot --reason odd", "alice"),
    ("stop --reason odd", "alice"),
    (f"mailbox mode {ADDRESS} gated_all --reason odd", "gail"),
    (f"mailbox limits {ADDRESS} --day 5 --reason less", "gail"),
    ("suppress add jane@example.com", "alice"),
    ("queue reject {held} --reason odd", "alice"),
    ("status", "alice"),
)
LOOSENING: Final = (
    ("start --reason done", "gail"),
    ("agent resume support-bot --reason done", "gail"),
    (f"mailbox mode {ADDRESS} gated_send --reason done", "gail"),
    (f"mailbox limits {ADDRESS} --day 500 --reason more", "gail"),
    ("suppress remove jane@example.com --reason done", "dora"),
    ("queue approve {other} {third}", "alice"),
    ("token issue --agent support-bot", "gail"),
)
TYPED: Final = "is guarded, and this loosens it. Type its name"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


@pytest.fixture
def office(tmp_path: Path) -> Clerk:
    return with_mailbox(tmp_path / "desk")


@pytest.fixture
def url(office: Clerk) -> Iterator[str]:
    with served(office.directory) as found:
        yield found


@pytest.mark.parametrize("through", ["gateway", "host"])
def test_on_a_guarded_desk_what_loosens_needs_its_name_and_what_tightens_does_not(
    office: Clerk, home: dict[str, str], through: str
) -> None:
    items = {name: hand_in(office, to=f"{name}@example.com") for name in ("held", "other", "third")}

    def at(where: str) -> None:
        run("desk", "add", "prod", where, "--guard", **home)
        for line, who in TIGHTENING:
            done = run(*line.format(**items).split(), token=office.tokens[who], **home)
            assert done.code == 0, (line, done.err)
        for line, who in LOOSENING:
            args, token = line.format(**items).split(), office.tokens[who]
            refused = run(*args, token=token, **home)
            assert (refused.code, refused.out) == (1, ""), line
            assert (
                refused.err == "postroom: prod is guarded, and this loosens it; nothing was done; add --yes-desk prod\n"
            )
            done = run(*args, "--yes-desk", "prod", token=token, **home)
            assert "guarded" not in done.err, (line, done.err)

    if through == "host":
        at(str(office.directory))
        return
    with served(office.directory) as url:
        at(url)
        dora = office.tokens["dora"]
        for named in ({"POSTROOM_URL": url}, {"POSTROOM_DESK": url}):  # the guard holds however the desk is named
            assert "prod is guarded" in run("lane", "resume", "1", "--reason", "x", token=dora, **home, **named).err
        other = run("status", "--yes-desk", "staging", token=dora, **home)
        assert (other.code, other.err) == (
            2, "postroom: --yes-desk staging: this is prod; name the desk that you mean\n",
        )  # fmt: skip


def test_at_a_terminal_the_name_is_typed(
    office: Clerk, url: str, home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("desk", "add", "prod", url, "--guard", **home)
    office.ok("stop", "--reason", "odd", who="alice")

    def typing(text: str) -> None:
        keys = io.StringIO(text)
        keys.isatty = lambda: True  # type: ignore[method-assign]  # a person sits there
        keys.fileno = lambda: 0  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", keys)

    gail = office.tokens["gail"]
    typing("staging\n")
    refused = run("start", "--reason", "done", token=gail, **home)
    assert (refused.code, refused.out.strip()) == (1, "")
    assert TYPED in refused.err
    assert "that is not prod; nothing was done" in refused.err
    typing("prod\n")
    assert run("start", "--reason", "done", token=gail, **home).code == 0


def test_how_a_desk_is_shown_and_guarded_can_be_changed(url: str, home: dict[str, str]) -> None:
    run("desk", "add", "prod", url, **home)
    changed = run("desk", "set", "prod", "--colour", "red", "--word", "LIVE", "--guard", "--json", **home)
    assert (changed.json["colour"], changed.json["word"], changed.json["guard"]) == ("red", "LIVE", True)
    listed = run("desk", "list", **home).out
    assert ["*", "prod", url, "LIVE", "red", "guarded"] == listed.splitlines()[1].split()
    again = run("desk", "set", "prod", "--word", "", "--no-guard", "--json", **home)
    assert (again.json["colour"], again.json["word"], again.json["guard"]) == ("red", None, False)
    assert "nothing to change" in run("desk", "set", "prod", **home).err
    assert "at most 16 characters" in run("desk", "set", "prod", "--word", "x" * 17, **home).err
    assert "no desk is called 'staging'" in run("desk", "set", "staging", "--guard", **home).err


def test_every_verb_that_loosens_belongs_to_an_operation() -> None:
    assert {verb for one in OPERATIONS.values() for verb in one.verbs} >= LOOSENS
