"""Somebody at the command line of a real desk: runs commands in this process and keeps what they said."""

from __future__ import annotations

import atexit
import functools
import io
import json
import os
import shutil
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from console.main import main

DOMAIN = "support-bot.acme.test"
ADDRESS = f"help@{DOMAIN}"
RECORD = (
    "--agent", "support-bot", "--purpose", "answers tickets", "--owner", "olive", "--system-owner", "platform team",
    "--systems", "tickets, read only", "--revoke-when", "the project ends", "--expires", "90d",
)  # fmt: skip


NOBODY = "nobody"


@dataclass(frozen=True)
class Heard:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON on stdout."""
        assert self.out.endswith("\n"), f"nothing on stdout; stderr: {self.err}"
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@dataclass
class Clerk:
    """A desk's directory and the tokens of its people."""

    directory: Path
    tokens: dict[str, str] = field(default_factory=dict)
    reader: str | None = None
    """Who runs what nobody is named for; `NOBODY` is named for running without a token."""
    surroundings: dict[str, str] = field(default_factory=dict)
    """Variables of the environment that a command finds beside the person's token."""

    def run(self, *args: str, who: str | None = None) -> Heard:
        env = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
        env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
        env |= self.surroundings
        named = who or self.reader
        if named is not None and named != NOBODY:
            env["POSTROOM_TOKEN"] = self.tokens[named]
        out, err = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, env, clear=True), redirect_stdout(out), redirect_stderr(err):
            code = main([*args, "--dir", str(self.directory)])
        return Heard(code, out.getvalue(), err.getvalue())

    def ok(self, *args: str, who: str | None = None) -> Any:
        """What a command answers with --json; it must succeed."""
        heard = self.run(*args, "--json", who=who)
        assert heard.code == 0, heard.err
        return heard.json

    def refused(self, *args: str, who: str | None = None, code: int = 1) -> str:
        """The one line with which a command is refused; with --json stdout stays empty."""
        heard = self.run(*args, "--json", who=who)
        assert heard.code == code, (heard.code, heard.out, heard.err)
        assert heard.out == ""
        assert heard.err.count("\n") == 1, heard.err
        return heard.err


def founded(directory: Path) -> Clerk:
    """A desk fresh from `init`."""
    return _copied(_founding(), directory)


def with_mailbox(directory: Path) -> Clerk:
    """A desk with a stream and an active mailbox, all by commands."""
    return _copied(_with_mailbox(), directory)


def connect_feedback(clerk: Clerk) -> None:
    """A way in for bounces and complaints: without one, whoever signs for deliverability has to say why."""
    with (clerk.directory / "postroom.toml").open("a") as file:
        file.write(f'\n[feedback]\nreport_token = "{"t" * 40}"\n')


@functools.cache
def _founding() -> Clerk:
    clerk = Clerk(_place())
    made = clerk.ok("init")
    clerk.tokens = {one["name"]: one["token"] for one in made["operators"]}
    clerk.reader = "victor"
    return clerk


@functools.cache
def _with_mailbox() -> Clerk:
    clerk = founded(_place())
    connect_feedback(clerk)
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="alice")
    for kind, who in (("owner", "olive"), ("governance", "gail"), ("deliverability", "dora")):
        clerk.ok("mailbox", "approve", ADDRESS, "--as", kind, "--affirm", "all", who=who)
    return clerk


def _place() -> Path:
    """Where a desk is made that is only copied; gone when the tests are."""
    place = Path(tempfile.mkdtemp(prefix="postroom-desk-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place / "desk"


def _copied(clerk: Clerk, directory: Path) -> Clerk:
    """The desk that this process has made once: founding one takes longer than most of what is tested on it."""
    shutil.copytree(clerk.directory, directory)
    return Clerk(directory, dict(clerk.tokens), clerk.reader)
