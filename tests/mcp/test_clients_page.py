"""The configurations of the clients' page and of the registry: valid, and of this program."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from console.main import build

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "core" / "docs" / "clients.md").read_text()
CONFIGURATIONS: list[dict[str, Any]] = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
REGISTRY: dict[str, Any] = json.loads((ROOT / ".github" / "server.json").read_text())


def test_every_configuration_reaches_mcp_with_a_token_that_is_not_in_the_file() -> None:
    assert len(CONFIGURATIONS) == 4
    for found in CONFIGURATIONS:
        (server,) = (found.get("mcpServers") or found["servers"]).values()
        secret = server["headers"]["Authorization"] if "url" in server else server["env"]["POSTROOM_TOKEN"]
        assert re.search(r"\$\{[A-Za-z:_-]+\}$", secret), "a token would stand in a file that is shared"
        if "url" in server:
            assert server["url"].endswith("/mcp")
            assert server.get("type", "http") == "http"
            assert secret.startswith("Bearer ")
        else:
            assert [server["command"], *server["args"]] == ["postroom", "mcp"]


@pytest.mark.parametrize("program", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_every_program_of_the_page_is_python(program: str) -> None:
    compile(program, "clients.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert "POSTROOM_TOKEN" in program


def test_the_registrys_entry_is_of_this_package_and_its_readme() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (package,) = REGISTRY["packages"]
    assert (package["identifier"], package["version"]) == (project["name"], project["version"])
    assert REGISTRY["version"] == project["version"]
    assert f"mcp-name: {REGISTRY['name']} " in (ROOT / "README.md").read_text()
    assert len(REGISTRY["description"]) <= 100, "the registry's limit"
    assert [one["value"] for one in package["packageArguments"]] == ["mcp"]
    assert "mcp" in getattr(typer.main.get_command(build()), "commands", {})
    assert package["runtimeArguments"][0]["value"] == f"{project['name']}[mcp]=={project['version']}"
    secrets = {one["name"]: one.get("isSecret", False) for one in package["environmentVariables"]}
    assert secrets == {"POSTROOM_URL": False, "POSTROOM_TOKEN": True}
