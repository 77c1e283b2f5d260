"""The files of `postroom docs deployment`: they parse, and they start what exists."""

from __future__ import annotations

import configparser
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from core.cli import docs
from core.cli.commands import ENTRIES
from core.settings import Settings
from tests.cli.cli_runner import NOBODY, Clerk

PAGE = (resources.files("core") / "docs" / "deployment.md").read_text(encoding="utf-8")
FILES = docs.files()


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's keys have capitals
    parser.read_string(FILES[f"deploy/{name}"].read_text(encoding="utf-8"))
    return parser


def commands(text: str) -> set[str]:
    """Every `postroom COMMAND` in a text."""
    text = text.replace("exec postroom postroom", "postroom").replace("--rm postroom", "postroom")
    return set(re.findall(r"(?:^|[/ `])postroom ([a-z]+)", text, re.MULTILINE))


def test_every_file_that_the_page_names_exists_and_is_printed(tmp_path: Path) -> None:
    named = set(re.findall(r"deploy/[\w.-]*\w", PAGE))
    assert named
    assert named <= set(FILES)
    heard = Clerk(tmp_path).run("docs", "deploy/postroom.service", who=NOBODY)
    assert (heard.code, heard.out.strip()) == (0, FILES["deploy/postroom.service"].read_text(encoding="utf-8").strip())


def test_every_command_that_page_and_files_name_exists() -> None:
    known = {entry.name for entry in ENTRIES} | {"init", "start"}
    texts = [PAGE, *(file.read_text(encoding="utf-8") for file in FILES.values())]
    found = set().union(*(commands(text) for text in texts)) - {"the", "docs", "postroom"}
    assert {"serve", "backup", "restore", "migrate", "doctor"} <= found
    assert found <= known


@pytest.mark.parametrize("name", ["postroom.service", "postroom-backup.service"])
def test_a_unit_runs_postroom_unprivileged(name: str) -> None:
    service = unit(name)["Service"]
    assert "/opt/postroom/bin/postroom " in service["ExecStart"]
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("postroom", "true", "strict")
    assert service["UMask"] == "0077"


def test_the_settings_that_files_name_are_settings() -> None:
    texts = [file.read_text(encoding="utf-8") for file in FILES.values()]
    named = {found for text in texts for found in re.findall(r"POSTROOM_([A-Z_]+)", text)} - {"DIR"}
    assert "DATABASE" in named
    for name in named:
        holder: object = Settings
        for part in name.lower().split("__"):
            fields = getattr(holder, "model_fields", {})
            assert part in fields or part == "mailgun", name
            holder = fields[part].annotation if part in fields else None
            if holder is None:
                break


def test_containers_drop_privileges_and_read_what_the_wheel_is_built_from() -> None:
    text = FILES["deploy/Containerfile"].read_text(encoding="utf-8")
    root = Path(__file__).parents[2]
    copied = [word for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert all((root / one).exists() for one in copied), copied
    wheel = tomllib.loads((root / "pyproject.toml").read_text())
    packages = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*packages["packages"], *packages["force-include"], *wheel["project"]["license-files"]} <= set(copied)
    assert re.search(r"^USER postroom$", text, re.MULTILINE)
    compose = FILES["deploy/compose.yaml"].read_text(encoding="utf-8")
    assert "read_only: true" in compose
    assert "cap_drop: [ALL]" in compose
