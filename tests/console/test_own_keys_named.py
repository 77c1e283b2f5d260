"""Whatever key a person has given an action: sentences, footers, tabs, help and toasts name that one."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from console.keymap import ACTIONS, TABS, help_of, key_of, with_keys
from tests.console.other_keys import keys_file, other_keys

ROOT: Final = Path(__file__).parents[2]
CONSOLE: Final = ROOT / "console"
REGISTRY: Final = frozenset({"action.py", "keymap.py", "keymap_records.py", "own_keys.py"})
"""Where usual keys are written down."""
OF_A_QUESTION: Final = frozenset({
    "dialogs.py", "form_dialogs.py", "checklist.py", "screens/help.py", "screens/suppressions.py",
})  # fmt: skip
"""Dialogs: enter, esc and space answer a question, and no action of the registry has them there."""
ANSWERS: Final = re.compile(r"\b(?:esc|escape|enter|space)\b")
ALLOWED: Final = {
    ("app.py", "ctrl+p"),  # Textual's own setting
    ("screens/signed_out.py", "press a"),  # any key
    ("screens/filtering.py", "enter"),  # a line of text takes it, whatever opens rows
    ("demo.py", "a"),  # 4 a.m.
    ("views/agent_lines.py", "d"),  # days
    ("demo.py", "s"),  # seconds
    ("plain/mail.py", "m"),  # the first letter of an id
    ("plain/registry.py", "0 leads"),  # a number that is typed on a line
}


def usual_keys() -> frozenset[str]:
    """Single letters that are keys."""
    caps = {part for action in ACTIONS.values() for part in action.keycap.split("/") if action.keycap != "/"}
    return frozenset(cap for cap in caps if len(cap) == 1 and cap.isalpha())


# `a` and `A` are words; digits are figures: both are looked for as keys are spoken of
LETTERS: Final = "".join(sorted(usual_keys() - {"a", "A"}))
LONE: Final = re.compile(rf"(?<![\w'@.:/=<>\[{{-])[{LETTERS}](?![\w'.:/=\]}}-])")
SPOKEN: Final = re.compile(
    r"⏎|␣|\b(?:esc|escape|enter|space)\b|\bctrl\+[a-z]|\^[a-z]\b|\bpress [a-zA-Z0-9](?![\w'])|\([a-zA-Z]\)"
    r"|\b[aA] (?:approves|confirms|ok|to)\b|(?<!\w): command|\? (?:for )?help|\. to load|(?<!\w):(?:desk|save|view)\b"
    r"|\b[0-9] (?:for|shows|opens|leads)\b"
)


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module: neither docstrings nor style sheets."""
    tree = ast.parse(path.read_text())
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and "CSS" in one.id for one in node.targets):
            left_out.add(node.value)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Binding", "compile"}:
            left_out.update(ast.walk(node))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "compile":
            left_out.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.lineno, node.value


def named(text: str) -> list[str]:
    """What a text says that is a key."""
    return [*(LONE.findall(text) if " " in text else []), *SPOKEN.findall(text)]


def test_no_sentence_of_the_console_has_a_key_written_into_it() -> None:
    wrong = []
    for path in sorted(CONSOLE.rglob("*.py")):
        name = str(path.relative_to(CONSOLE))
        if name in REGISTRY:
            continue
        for line, text in literals(path):
            for key in named(text):
                asked = name in OF_A_QUESTION and ANSWERS.fullmatch(key)
                if not asked and (name, key) not in ALLOWED:
                    wrong.append(f"console/{name}:{line} names {key!r}: {text[:80]!r}; take it from keymap.key_of")
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    ["press u to undo", "open it first (⏎)", "ctrl+g ends it", "a approves", "T in the message", "3 shows why",
     "+3 new, . to load", "esc clears it", ":save NAME", "look, then press E again"],
)  # fmt: skip
def test_a_key_in_a_sentence_would_be_noticed(text: str) -> None:
    assert named(text)


def test_help_names_the_keys_of_other_actions_through_the_registry() -> None:
    for action in ACTIONS.values():
        assert set(re.findall(r"\{(\w+)\}", action.help)) <= ACTIONS.keys(), action.name
        left = [key for key in named(action.help) if not key.startswith("press ")]
        assert left == [], f"{action.name}: {action.help!r}"
        assert "{" not in help_of(action)
    assert key_of("undo") == "u"
    assert key_of("waiting_policy") == key_of("palette") == ":"
    assert with_keys("{palette}desk NAME, {undo} undoes") == ":desk NAME, u undoes"


# --- with every key another one -----------------------------------------------------------------------------------

SCRIPT = """
from console import own_keys
from console.keymap import ACTIONS, help_of, key_of, key_while_typing, with_keys
from pathlib import Path
import json, sys
found = own_keys.load(Path(sys.argv[1]))
assert not found.warnings, found.warnings
own_keys.rebind(found.keys)
from console.widgets.frame import tab_line, undo_text
print(json.dumps({
    "keys": {name: key_of(name) for name in ACTIONS},
    "bound": {name: action.key for name, action in ACTIONS.items()},
    "typing": {name: key_while_typing(name) for name in ACTIONS},
    "short": {name: " ".join(action.brief).rstrip() for name, action in ACTIONS.items()},
    "help": {name: help_of(action) for name, action in ACTIONS.items()},
    "tabs": tab_line(1, 200).plain, "undo": undo_text("m1", 10_000_000, 0), "palette": with_keys("{palette}desk X"),
}))
"""


def rebound(folder: Path, keys: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a console says of itself with these keys: in a process of its own, because the registry is changed."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(keys_file(folder, keys))], capture_output=True, text=True, check=True,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def test_with_other_keys_for_everything_each_is_named_and_no_usual_one(tmp_path: Path) -> None:
    keys = other_keys()
    assert len(keys) == sum(bool(action.key) for action in ACTIONS.values())
    found = rebound(tmp_path, keys)
    for name, action in ACTIONS.items():
        own = keys.get(name, keys["palette"])
        wanted = f"{own}/{keys[action.with_key]}" if action.with_key else own
        assert found["keys"][name] == own
        short = found["short"][name]
        assert not short or short.split(" ")[0] == wanted.replace("ctrl+", "^"), name
        mentioned = re.findall(r"\{(\w+)\}", action.help)
        assert all(keys[one] in found["help"][name] for one in mentioned), name
    assert all(f"{keys[f'go_{tab}']} {tab.title()}" in found["tabs"] for tab in TABS)
    assert str(found["tabs"]).endswith(f"{keys['palette']} command  {keys['help']} help")
    assert str(found["undo"]).startswith(f"{keys['undo']} undo m1")


def test_a_pair_of_keys_follows_either_of_them_and_a_long_key_stands_apart_from_the_word_behind_it(
    tmp_path: Path,
) -> None:
    found = rebound(tmp_path, {"previous": "I", "error_next": "f7", "palette": "f2"})
    assert (found["keys"]["next"], found["short"]["next"]) == ("J", "J/I")
    assert (found["keys"]["error_next"], found["short"]["error_next"]) == ("f7", "f7/E error")
    assert found["short"]["warning_next"] == "w/W warn"
    assert str(found["palette"]) == "f2 desk X"
    assert found["keys"]["dead_webhooks"] == "f2"


# --- while a line is typed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "keys"),
    [("letters", other_keys()), ("stops", {"all_stop": "ctrl+k", "back": "ctrl+b"})],
)  # fmt: skip
def test_whoever_types_a_line_can_leave_it_whatever_keys_they_have(
    tmp_path: Path, story: str, keys: Mapping[str, str]
) -> None:
    keys_file(tmp_path, keys)
    done = subprocess.run(
        [sys.executable, "-m", "tests.console.typing_with_own_keys", str(tmp_path), story], capture_output=True,
        text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_must_work_in_a_line_keeps_its_key_beside_a_persons_own(tmp_path: Path) -> None:
    found = rebound(tmp_path, {"back": "ä", "palette": "f2", "quit": "Q"})
    assert (found["bound"]["back"], found["bound"]["palette"]) == ("ä,escape", "f2,ctrl+p")
    assert (found["bound"]["quit"], found["bound"]["help"]) == ("Q", "question_mark")
    assert (found["keys"]["back"], found["typing"]["back"]) == ("ä", "esc")
    assert (found["keys"]["palette"], found["typing"]["palette"]) == ("f2", "f2")
    assert (found["bound"]["all_stop"], found["bound"]["all_start"]) == ("ctrl+x", "ctrl+g")
    found = rebound(tmp_path, {"palette": "ctrl+p", "back": "ctrl+a", "all_stop": "ä", "all_start": "f8"})
    assert (found["bound"]["palette"], found["bound"]["all_stop"]) == ("ctrl+p", "ä,ctrl+x")
    assert found["bound"]["all_start"] == "f8,ctrl+g"
    assert (found["keys"]["back"], found["typing"]["back"]) == ("ctrl+a", "esc")


def test_the_page_says_which_actions_keep_their_usual_keys() -> None:
    page = (ROOT / "core/docs/console.md").read_text()
    said = re.search(r"^(`back`.+?) keep their usual keys \((.+?)\) beside your own", page, re.MULTILINE)
    assert said is not None
    kept = {action.name: key_of("back") if action.name == "back" else action.always
            for action in ACTIONS.values() if action.always}  # fmt: skip
    assert dict(zip(re.findall(r"`(\w+)`", said[1]), said[2].split(", "), strict=True)) == kept
