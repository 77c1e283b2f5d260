"""A person's own keys and commands, from `~/.config/postroom/keys.toml`.

    [keys]
    suspend = "f8"                       # an action of `?`, by its name

    [commands.ticket]
    key = "f9"
    run = ["open-ticket", "--mail", "{id}"]
    terminal = true                      # it gets the terminal until it ends; else its last line is shown

A command is a program with its arguments, never a line for a shell: an id stays one argument whatever it contains.
What cannot be used costs a warning and nothing else: with a mistake in this file the stop keys still work.

Keys are replaced in the registry itself, before the console's classes read it: footer, help and palette then say the
key that works.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from console.keymap import ACTIONS, Action, Scope

FILE: Final = "keys.toml"
SIZE_LIMIT: Final = 100_000
ID: Final = "{id}"
_TABLE_KEYS: Final = frozenset(["up", "k", "down", "j", "pageup", "pagedown", "home", "g", "end", "G", "tab"])
"""What moves the cursor in every list."""
_RESERVED: Final = frozenset(["ctrl+c", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+q", "ctrl+s", "ctrl+z"])
"""Terminals send these as backspace, tab, enter or flow control, or the console needs them to be left."""
_NAMED: Final = re.compile(r"f([1-9]|1[0-9]|2[0-4])|ctrl\+[a-z]")


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """A program behind a key. `run` holds its arguments; `{id}` in them is what is under the cursor."""

    name: str
    key: str
    run: tuple[str, ...]
    terminal: bool = False
    shown_key: str = ""

    @property
    def needs_id(self) -> bool:
        return any(ID in argument for argument in self.run)

    def arguments(self, item_id: str) -> list[str]:
        """Raises `ValueError` for an id that the program could take for an option."""
        if item_id.startswith("-"):
            raise ValueError(f"{item_id} begins with a dash and could be taken for an option")
        return [argument.replace(ID, item_id) for argument in self.run]


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """`keys` holds the new key by action. Each warning says what of the file is not used."""

    keys: Mapping[str, str]
    commands: tuple[OwnCommand, ...] = ()
    warnings: tuple[str, ...] = ()


def load(path: Path, actions: Mapping[str, Action] = ACTIONS) -> OwnKeys:
    """Read the file; one that is not there changes nothing."""
    try:
        with path.open("rb") as opened:
            found = tomllib.loads(opened.read(SIZE_LIMIT).decode("utf-8"))
    except FileNotFoundError:
        return OwnKeys({})
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return OwnKeys({}, warnings=(f"{path} cannot be read: {why}. The usual keys work.",))
    reading = _Reading(dict(actions))
    reading.take(found)
    return OwnKeys(reading.keys, tuple(reading.commands), tuple(f"{FILE}: {wrong}" for wrong in reading.wrong))


def rebind(keys: Mapping[str, str]) -> None:
    """Give these actions of the registry their new keys. Call it before the console's classes are imported."""
    usual = {name: action.keycap for name, action in ACTIONS.items()}
    for name, key in keys.items():
        ACTIONS[name] = _with_key(ACTIONS[name], key)
    for action in list(ACTIONS.values()):
        if action.with_key and not keys.keys().isdisjoint({action.name, action.with_key}):
            first = keys.get(action.name) or usual[action.name].partition("/")[0]
            ACTIONS[action.name] = replace(action, shown_key=f"{first}/{ACTIONS[action.with_key].keycap}")


class _Reading:
    """What has been understood of the file so far."""

    def __init__(self, actions: dict[str, Action]) -> None:
        self._actions = actions
        self.keys: dict[str, str] = {}
        self.commands: list[OwnCommand] = []
        self.wrong: list[str] = []

    def take(self, found: Mapping[str, Any]) -> None:
        keys, commands = found.get("keys", {}), found.get("commands", {})
        for name in sorted(set(found) - {"keys", "commands"}):
            self.wrong.append(f"{name!r} is not known: there are [keys] and [commands.NAME]")
        if isinstance(keys, dict):
            self._rebind({name: key for name, key in keys.items() if self._may_rebind(name, key)})
        else:
            self.wrong.append("keys must be a table: [keys]")
        if not isinstance(commands, dict):
            self.wrong.append("commands must be tables: [commands.NAME]")
            return
        for name, members in commands.items():
            self._command(name, members)

    def _may_rebind(self, name: str, key: object) -> bool:
        if name not in self._actions:
            self.wrong.append(f"there is no action {name!r}: postroom docs console lists them")
        elif (why := _unusable(key)) is not None:
            self.wrong.append(f"{name}: {why}")
        else:
            return True
        return False

    def _rebind(self, keys: Mapping[str, str]) -> None:
        """All together, so that two actions may exchange their keys."""
        wanted = dict(keys)
        while True:
            actions = self._actions | {name: _with_key(self._actions[name], key) for name, key in wanted.items()}
            clash = next(((name, why) for name in wanted if (why := _taken(actions, name, wanted[name]))), None)
            if clash is None:
                break
            name, why = clash
            self.wrong.append(f"{name} = {wanted.pop(name)!r} is not used: {why}")
        self._actions, self.keys = actions, wanted

    def _command(self, name: str, members: object) -> None:
        if not isinstance(members, dict):
            self.wrong.append(f"commands.{name} must be a table with key and run")
            return
        key, run, terminal = members.get("key"), members.get("run"), members.get("terminal", False)
        unknown = sorted(set(members) - {"key", "run", "terminal"})
        why = None
        if unknown:
            why = f"{unknown[0]!r} is not known: use key, run and terminal"
        elif not (isinstance(run, list) and run and all(isinstance(one, str) and "\0" not in one for one in run)):
            why = 'run must be a list of arguments, as ["program", "{id}"]: it is never a line for a shell'
        elif ID in run[0]:
            why = "the program itself cannot be {id}"
        elif not isinstance(terminal, bool):
            why = "terminal must be true or false"
        else:
            why = _unusable(key) or _taken(self._actions, "", str(key)) or self._in_use(str(key))
        if why is not None:
            self.wrong.append(f"commands.{name} is not used: {why}")
            return
        assert isinstance(run, list)
        self.commands.append(OwnCommand(name, spelled(str(key)), tuple(run), bool(terminal), str(key)))

    def _in_use(self, key: str) -> str | None:
        return next((f"{key} is {one.name} already" for one in self.commands if one.key == spelled(key)), None)


def spelled(key: str) -> str:
    """A key as Textual names it: `/` is `slash`."""
    if len(key) != 1 or key.isalnum():
        return key
    return unicodedata.name(key).lower().replace("-", "_").replace(" ", "_")


def _unusable(key: object) -> str | None:
    """Why this cannot be a key, or None."""
    if not isinstance(key, str):
        return 'a key is a text, as "f8"'
    if key in _RESERVED:
        return f"terminals do not pass {key} on as a key of its own"
    if _NAMED.fullmatch(key) or (len(key) == 1 and key.isprintable() and not key.isspace()):
        return None
    return f"{key[:20]!r} is not a key: use one character, f1 to f24, or ctrl+ and a letter"


def _taken(actions: Mapping[str, Action], name: str, key: str) -> str | None:
    """Why this key is not free where the action (none: a command) works, or None."""
    wanted = spelled(key)
    if wanted in _TABLE_KEYS:
        return f"{key} moves the cursor"
    scopes = set(actions[name].scopes) if name else {Scope.EVERYWHERE}
    for other in actions.values():
        if other.name == name or wanted not in other.keys:
            continue
        if scopes & set(other.scopes) or Scope.EVERYWHERE in scopes or Scope.EVERYWHERE in other.scopes:
            return f"{key} is {other.name} ({other.label}) already"
    return None


def _with_key(action: Action, key: str) -> Action:
    keys = dict.fromkeys((spelled(key), action.always) if action.always else (spelled(key),))
    return replace(action, key=",".join(keys), shown_key=key)
