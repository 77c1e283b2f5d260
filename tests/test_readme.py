"""The tables of the pages say what the code says; README's lines are what `init` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel
from pydantic_settings import BaseSettings

import core
from console.main import build
from core.cli import next_steps
from core.cli.init import DEV_ADDRESS
from core.events import CATALOGUE
from core.rules.policy import DEFAULT_TOML
from core.settings import settings_model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", *(ROOT / ".github").glob("*.md"), *(ROOT / "core" / "docs").glob("*.md")])


def page(name: str) -> str:
    return (ROOT / "core" / "docs" / f"{name}.md").read_text()


def leaves(model: type[BaseModel | BaseSettings], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def commands(app: typer.Typer, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for command in app.registered_commands:
        yield (*prefix, str(command.name))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, (*prefix, str(group.typer_instance.info.name)))


def test_every_event_has_its_row() -> None:
    rows = set(re.findall(r"^\| `([a-z_.]+)` \|", page("events"), re.MULTILINE))
    assert rows == set(CATALOGUE)


def test_every_setting_has_its_row() -> None:
    table = page("settings")
    spelled: set[str] = set()
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        names = re.findall(r"`([a-z_.]+)`", row)
        base = names[0].rpartition(".")[0]
        spelled |= {f"{base}{name}" if name.startswith(".") else name for name in names}
    assert spelled == set(leaves(settings_model()))


def test_every_command_is_named() -> None:
    table = page("cli")
    words = set(re.findall(r"[a-z]+", table))
    missing = [path for path in commands(build()) if not set(path) <= words]
    assert missing == []


def test_the_two_commands_are_there_to_the_letter() -> None:
    assert "pip install -q uv && uv run postroom demo" in README
    assert "pip install -q uv && uv run pytest" in README


@pytest.mark.parametrize("text", [README, page("quickstart")], ids=["README", "quickstart"])
def test_the_quick_start_is_what_init_prints(text: str) -> None:
    call = {"sender": DEV_ADDRESS, "to": "jane@example.com"}
    for lines in (next_steps.curl, next_steps.python):
        printed = lines(next_steps.api(settings_model()()), **call, token="pra_...")
        assert len([line for line in printed.split("\n") if line]) == 5
        assert f"\n{printed}\n" in text


def test_readme_is_a_landing_page_whose_links_lead_somewhere() -> None:
    assert README.count("\n") <= 150
    linked = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in linked if "://" not in link and not (ROOT / link).is_file()] == []
    assert {path.stem for path in (ROOT / "core" / "docs").glob("*.md")} <= {Path(link).stem for link in linked}


def test_the_policy_page_is_the_policy_that_init_writes() -> None:
    assert f"```text\n{DEFAULT_TOML.strip()}\n```" in page("policy")


@pytest.mark.parametrize("page", [*PAGES], ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    # From the page, the top or the package; a name without its folder continues a list that has begun in one.
    places = (page.parent, ROOT, ROOT / "core")
    names = {file.name for file in (ROOT / "core").rglob("*.py")}
    folders = {one.name for place in places for one in place.iterdir() if one.is_dir()}
    files = re.findall(r"(?<![\w./:-])(?:[\w.-]+/)*[\w.-]+\.(?:py|md|svg)\b", page.read_text())
    paths = re.findall(r"(?<![\w./:-])(?:[\w.-]+/)+(?![\w.*<{-])", page.read_text())
    named = {*files, *(one for one in paths if one.partition("/")[0] in folders)} - names
    assert [one for one in sorted(named) if not any((at / one).exists() for at in places)] == []


def test_the_architecture_page_is_the_map() -> None:
    assert f"```text\n{(core.__doc__ or '').strip()}\n```" in page("architecture")
