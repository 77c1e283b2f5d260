"""The configurations of the clients' page and of the registry: valid, and of this program."""

from __future__ import annotations

import ast
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import typer.main

from console.main import build

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "core" / "docs" / "clients.md").read_text()
CONFIGURATIONS: list[dict[str, Any]] = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
REGISTRY: dict[str, Any] = json.loads((ROOT / ".github" / "server.json").read_text())
SCHEMA = os.environ.get("POSTROOM_SERVER_SCHEMA", "")
"""A copy of the registry's schema, from the address under `$schema`. It is not ours to ship."""


def table(needs: tuple[str, ...], **members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": [*needs], "additionalProperties": False}


def texts(*choices: str) -> dict[str, Any]:
    return {"enum": [*choices]}


TEXT = {"type": "string", "minLength": 1}
SERVER = table(
    ("$schema", "name", "description", "version", "packages"),
    **{"$schema": {"type": "string", "pattern": r"/schemas/2025-12-11/server\.schema\.json$"}},
    name={"type": "string", "pattern": r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", "minLength": 3, "maxLength": 200},
    title={"type": "string", "minLength": 1, "maxLength": 100},
    description={"type": "string", "minLength": 1, "maxLength": 100},
    version={"type": "string", "pattern": r"^\d+\.\d+\.\d+$", "maxLength": 255},
    packages={"type": "array", "minItems": 1, "items": table(
        ("registryType", "identifier", "version", "transport"),
        registryType=texts("pypi"), identifier=TEXT, version={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        runtimeHint=texts("uvx"), transport=table(("type",), type=texts("stdio")),
        runtimeArguments={"type": "array", "items": table(
            ("type", "name", "value"), type=texts("named"), name={"type": "string", "pattern": "^--"}, value=TEXT
        )},
        packageArguments={"type": "array", "items": table(("type", "value"), type=texts("positional"), value=TEXT)},
        environmentVariables={"type": "array", "items": table(
            ("name", "description"), name=TEXT, description=TEXT, isRequired={"type": "boolean"},
            isSecret={"type": "boolean"}, format=texts("string", "number", "boolean", "filepath"),
        )},
    )},
)  # fmt: skip
"""What the registry asks of the members that this entry uses (its server.json reference, 2025-12-11)."""


def test_the_registrys_entry_has_the_members_that_the_registry_knows() -> None:
    jsonschema_rs.validate(SERVER, REGISTRY)
    for wrong in ({"name": "postroom"}, {"description": "x" * 101}, {"version": "latest"}, {"homepage": "x"}):
        assert not jsonschema_rs.is_valid(SERVER, REGISTRY | wrong), wrong


@pytest.mark.skipif(not SCHEMA, reason="POSTROOM_SERVER_SCHEMA names no copy of the registry's schema")
def test_the_registrys_own_schema_takes_the_entry() -> None:
    published = json.loads(Path(SCHEMA).read_text(encoding="utf-8"))
    assert published["$id"] == REGISTRY["$schema"]
    jsonschema_rs.validate(published, REGISTRY)


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
