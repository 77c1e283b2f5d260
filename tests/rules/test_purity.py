"""Rules are values in, value out. Their imports and calls say so, and this reads them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "core" / "rules"

CLOCKS = {"time", "sched", "zoneinfo"}
CHANCE = {"random", "secrets", "uuid"}
INPUT_OUTPUT = {
    "aiosmtplib", "asyncio", "fastapi", "glob", "http", "httpcore", "httpx", "io", "logging", "multiprocessing", "os",
    "pathlib", "psycopg", "requests", "select", "shutil", "signal", "smtplib", "socket", "sqlalchemy", "sqlite3",
    "sqlmodel", "ssl", "starlette", "structlog", "subprocess", "sys", "tempfile", "threading", "watchfiles",
}  # fmt: skip
CALLS = {
    "open", "input", "print", "exec", "eval", "compile", "breakpoint", "__import__",  # the world
    "now", "utcnow", "today", "localtime", "monotonic", "perf_counter",  # the clock
    "make_msgid", "uuid1", "uuid4", "urandom", "getrandbits", "token_hex", "token_bytes",  # chance
    "generate_private_key",
}  # fmt: skip
BARE_ONLY = {"open", "input", "print", "exec", "eval", "compile", "breakpoint", "__import__"}
BELOW = {
    "core.model", "core.domains", "core.ids", "core.durations", "core.errors",
    "core.text", "core.text.unicode_safety", "core.text.html", "core.text.look_alikes", "core.text.mail_text",
    "core.text.prechecks",
    "core.work_hours",
}  # fmt: skip
EXCUSED = {
    # It logs nothing: it silences a library that would log every odd report.
    "reports/freetext.py": ["imports logging"],
}


def guilt(source: str, *, room: str = "core.rules.example") -> list[str]:
    """What in a rule's source reads the world. `room` is what it may import of `core.rules`: itself and below."""
    return [found for node in ast.walk(ast.parse(source)) for found in _guilt(node, room=room)]


def _guilt(node: ast.AST, *, room: str) -> Iterator[str]:
    match node:
        case ast.Import() | ast.ImportFrom():
            for module in _modules(node):
                yield from _import(module, room=room)
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield f"calls {name}"
        case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS - BARE_ONLY:
            yield f"calls .{name}"
        case ast.AsyncFunctionDef() | ast.Await():
            yield "waits"
        case ast.Global():
            yield "keeps state in the module"


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules a statement imports; a relative import counts as a sibling's."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level:
        return ["core.rules"]
    module = node.module or ""
    return (
        [f"{module}.{alias.name}" for alias in node.names]
        if module in {"core", "core.rules", "core.text"}
        else [module]
    )


def _import(module: str, *, room: str) -> Iterator[str]:
    top = module.partition(".")[0]
    if top in CLOCKS | CHANCE | INPUT_OUTPUT or module.startswith("urllib.request"):
        yield f"imports {module}"
    if top == "console":
        yield f"imports {module}"
    if top == "core" and module not in BELOW and module != room and not module.startswith(f"{room}."):
        yield f"imports {module}"


def rules() -> list[Path]:
    return sorted(RULES.rglob("*.py"))


@pytest.mark.parametrize("path", rules(), ids=lambda path: str(path.relative_to(RULES)))
def test_a_rule_reads_no_clock_takes_no_chance_and_touches_nothing(path: Path) -> None:
    # A rule that has grown into a folder is still one rule: its files know each other and no sibling.
    name = path.relative_to(RULES)
    room = f"core.rules.{name.parts[0].removesuffix('.py')}"
    assert guilt(path.read_text(), room=room) == EXCUSED.get(name.as_posix(), [])


def test_there_are_rules_to_read() -> None:
    assert {"modes.py", "roles.py", "issuance.py", "consent.py"} <= {path.name for path in rules()}


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os.path",
        "from random import choice",
        "from uuid import uuid4",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import date\ndate.today()",
        "from email.utils import make_msgid\nmake_msgid()",
        "open('x')",
        "print('x')",
        "import socket",
        "from sqlalchemy import select",
        "import httpx",
        "import core.rules.modes",
        "from core.rules import modes",
        "from core.rules.modes import decide",
        "from core import flow",
        "from core.db.store import Store",
        "from . import modes",
        "async def decide(): ...",
        "def f():\n    global seen\n    seen = 1",
        "def f():\n    import secrets",
    ],
)
def test_the_reader_finds_the_guilty(source: str) -> None:
    assert guilt(source)


@pytest.mark.parametrize(
    "source",
    [
        "from core.model import Mode\nfrom core.errors import Invalid",
        "from core import model",
        "import re\nre.compile('x')",
        "import datetime\ndatetime.datetime.fromtimestamp(0, datetime.UTC)",
        "from core.rules.example.parts import Part",
    ],
)
def test_the_reader_leaves_the_innocent_alone(source: str) -> None:
    assert guilt(source) == []
