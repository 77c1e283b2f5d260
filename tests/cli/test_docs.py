"""The pages come with the program, are read without a desk, and say what the code says."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from console.main import build
from core.cli.docs import pages
from core.rules.providers import registry
from core.settings import load
from tests.cli.cli_runner import Clerk, founded

ROOT = typer.main.get_command(build())
PAGES = {name: page.read_text() for name, page in pages().items()}
WAYS = (*registry.PROVIDERS, "relay", "direct")


def blocks(text: str, kind: str) -> list[str]:
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(body) for _, body in found]


def command_lines(text: str) -> Iterator[list[str]]:
    """Every `postroom ...` of a page, in blocks and in sentences; a file at the end of a pipe is no argument."""
    inline = re.findall(r"`(postroom [a-z][^`]*)`", text)
    typed = [line.removeprefix("uv run ") for block in blocks(text, "sh") for line in block.splitlines()]
    for line in [*typed, *inline]:
        if line.startswith("postroom "):
            yield shlex.split(line.partition(" < ")[0], comments=True)[1:]


def parse(words: list[str]) -> None:
    """Parse as the program would, and run nothing."""
    command: Any = ROOT
    path = ["postroom"]
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no {' '.join([*path, words[0]])}"
        command = command.commands[words[0]]
        path.append(words[0])
        words = words[1:]
    command.make_context(" ".join(path), list(words))


def test_pages_are_listed_and_read_without_a_desk(tmp_path: Path) -> None:
    nowhere = Clerk(tmp_path)
    listed = nowhere.ok("docs")["pages"]
    assert {one["name"] for one in listed} == set(PAGES)
    assert all(one["title"] and one["about"] for one in listed)
    assert nowhere.ok("docs", "ses")["text"] == PAGES["ses"]
    assert nowhere.run("docs", "SES.md").out.startswith("# Amazon SES\n")
    assert "the pages are" in nowhere.refused("docs", "pigeon")


@pytest.mark.parametrize("name", WAYS)
def test_every_way_out_has_a_page_that_says_where_to_click_what_to_paste_and_how_to_see_that_it_works(
    name: str,
) -> None:
    text = PAGES[name]
    for wanted in ("## 2. The stream", "## 3. Feedback", "## 4. See that it works", "## When it does not"):
        assert wanted in text
    assert "postroom stream dns support-bot.acme.com" in text
    assert "postroom doctor" in text


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_is_one_that_the_program_takes(name: str) -> None:
    for words in command_lines(PAGES[name]):
        parse(words)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for wrong in ("stream paint x", "stream add x --colour red", "doctor now"):
        with pytest.raises((AssertionError, Exception), match=r"no |No such|unexpected"):
            parse(wrong.split())


@pytest.mark.parametrize("name", PAGES)
def test_every_setting_of_a_page_is_one_that_the_desk_takes(name: str, tmp_path: Path) -> None:
    clerk = founded(tmp_path / "desk")
    file = clerk.directory / "postroom.toml"
    own = [line for line in file.read_text().splitlines() if not line.startswith("mail_host")]
    for block in blocks(PAGES[name], "toml"):
        tops = [line for line in block.splitlines() if line.startswith("mail_host")]
        rest = [line for line in block.splitlines() if not line.startswith("mail_host")]
        file.write_text("\n".join([*own, *tops, *rest]))
        load(clerk.directory)


@pytest.mark.parametrize("provider", registry.PROVIDERS.values(), ids=lambda one: one.name)
def test_a_providers_page_says_what_its_module_says(provider: Any) -> None:
    text = PAGES[provider.name]
    assert f"/feedback/{provider.name}" in text
    assert f"--provider {provider.name}" in text
    assert f"[feedback.{provider.name}]" in text
    assert all(f"`{term}`" in text for term in provider.relay.spf)
    assert all(re.search(rf"^ *{key} = |`{key}`", text, re.MULTILINE) for key in provider.settings.model_fields)
    hosts = re.findall(r"@([a-z0-9.-]+):587", text)
    assert hosts
    assert all(registry.of_host(host) == provider.name for host in hosts)
    told = {"message-id": "Message-ID", "date": "Date", "return-path": "Return-Path"}
    assert all(f"`{told[name]}`" in text for name in provider.relay.rewrites)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_sends_nobody_to_a_page_that_is_not_there(name: str) -> None:
    assert set(re.findall(r"postroom docs ([a-z-]+)(?![a-z/-])", PAGES[name])) <= set(PAGES)
