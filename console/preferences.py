"""What the console remembers of a person: theme, orders, hidden columns, and whether the terminal may ring.

`~/.config/postroom/console.toml`, written by the console when something is changed there, and by hand. A file that
cannot be understood costs a warning, never the console: what cannot be read has its default.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from core.security.files import replace_private

FILE: Final = "console.toml"
SIZE_LIMIT: Final = 100_000
"""Bytes of a settings file that are read."""
_HEAD: Final = "# What the console remembers. `alerts = false` keeps the bell, notifications and the title quiet.\n"


@dataclass(frozen=True, slots=True)
class Preferences:
    """`sort` is the order by screen, `hidden` the columns left out by table."""

    theme: str = ""
    alerts: bool = True
    sort: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sorted_by(self, screen: str, order: str) -> Preferences:
        return replace(self, sort={**self.sort, screen: order})

    def hiding(self, table: str, columns: Iterable[str]) -> Preferences:
        return replace(self, hidden={**self.hidden, table: tuple(sorted(columns))})


class Remembered:
    """The preferences of one person and their file. Without a file, nothing outlives the console."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.now = Preferences()
        self.warnings: tuple[str, ...] = ()
        self._unread = False
        if path is not None:
            found = load(path)
            self._unread = isinstance(found, str)
            self.now, self.warnings = (Preferences(), (found,)) if isinstance(found, str) else found

    def change(self, preferences: Preferences) -> str | None:
        """Use these from now on; why they could not be kept, or None."""
        self.now = preferences
        if self._path is None:
            return None
        if self._unread:  # somebody wrote it by hand: their work is not thrown away for a mistake in it
            return f"not kept: {self._path} cannot be read; correct or remove it"
        try:
            save(self._path, preferences)
        except OSError as error:
            return f"{self._path} cannot be written: {error.strerror}"
        return None


def load(path: Path) -> tuple[Preferences, tuple[str, ...]] | str:
    """What the file says, and a sentence for what in it cannot be used; or why nothing of it can be read."""
    try:
        with path.open("rb") as opened:
            found = tomllib.loads(opened.read(SIZE_LIMIT).decode("utf-8"))
    except FileNotFoundError:
        return Preferences(), ()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return f"{path} cannot be read: {why}. Defaults are used; correct or remove it."
    wrong: list[str] = []

    def take(name: str, kind: type, default: Any) -> Any:
        value = found.pop(name, default)
        if isinstance(value, kind):
            return value
        wrong.append(name)
        return default

    theme, alerts = take("theme", str, ""), take("alerts", bool, True)
    sort = _strings(take("sort", dict, {}), wrong, "sort")
    hidden = _lists(take("hidden", dict, {}), wrong, "hidden")
    wrong += found
    warnings = (f"{path}: {', '.join(sorted(wrong))} cannot be used and is ignored.",) if wrong else ()
    return Preferences(theme, alerts, sort, hidden), warnings


def _strings(found: Mapping[str, Any], wrong: list[str], name: str) -> dict[str, str]:
    wrong += [f"{name}.{key}" for key, value in found.items() if not isinstance(value, str)]
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _lists(found: Mapping[str, Any], wrong: list[str], name: str) -> dict[str, tuple[str, ...]]:
    right = {
        key: tuple(value)
        for key, value in found.items()
        if isinstance(value, list) and all(isinstance(each, str) for each in value)
    }
    wrong += [f"{name}.{key}" for key in found if key not in right]
    return right


def save(path: Path, preferences: Preferences) -> None:
    """Write the file; a crash leaves the old one or the new one. Raises `OSError`."""
    lines = [_HEAD, f"alerts = {json.dumps(preferences.alerts)}"]
    if preferences.theme:
        lines.append(f"theme = {json.dumps(preferences.theme, ensure_ascii=False)}")
    for name, table in (("sort", preferences.sort), ("hidden", preferences.hidden)):
        if table:
            lines += [
                "",
                f"[{name}]",
                *(
                    f"{json.dumps(key, ensure_ascii=False)} = {json.dumps(value, ensure_ascii=False)}"
                    for key, value in table.items()
                ),
            ]
    replace_private(path, ("\n".join(lines) + "\n").encode())
