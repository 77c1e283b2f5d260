"""A release comes from one repository, with one version; the workflow refuses any other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HERE = PROJECT["urls"]["Repository"]


def check(**changed: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow's own check as the runner would for a tag of this version, with some of it changed."""
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    (script,) = re.findall(r"<<'CHECK'\n(.*?)\n +CHECK\n", workflow, re.DOTALL)
    server, owner, name = HERE.rsplit("/", 2)
    told = {
        "GITHUB_SERVER_URL": server,
        "GITHUB_REPOSITORY": f"{owner}/{name}",
        "GITHUB_REF_NAME": f"v{PROJECT['version']}",
    }
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, env={**os.environ, **told, **changed},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_tag_of_this_version_in_this_repository_is_released() -> None:
    assert (check().returncode, check().stderr) == (0, "")


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"GITHUB_REPOSITORY": "somebody/fork"}, "this is"), ({"GITHUB_REF_NAME": "v99.0.0"}, "the tag is v99.0.0")],
)
def test_nothing_else_is(changed: dict[str, str], said: str) -> None:
    ended = check(**changed)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_the_registrys_name_is_the_repositorys() -> None:
    name = json.loads((ROOT / ".github" / "server.json").read_text())["name"]
    assert name == "io.github." + "/".join(HERE.split("/")[-2:])


def test_every_address_leads_into_the_repository_and_to_what_is_there() -> None:
    for url in PROJECT["urls"].values():
        assert url.startswith(HERE)
        inside = re.fullmatch(r"/(?:tree|blob)/main/(.+)", url.removeprefix(HERE))
        assert inside is None or (ROOT / inside[1]).exists(), url
