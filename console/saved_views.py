"""Saved views: a name for a screen with a filter, in `~/.config/postroom/views.toml`, the same at every desk."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from console.keymap import with_keys
from core.cli import known_desks
from core.errors import Invalid, NotFound, Unavailable
from core.security.files import replace_private

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class View:
    """A screen and the filter on it; no filter: empty."""

    screen: str
    filter: str = ""


def file() -> Path:
    return known_desks.folder() / "views.toml"


def load() -> Mapping[str, View]:
    """The saved views by name. Raises `Invalid` if the file cannot be understood."""
    path = file()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("views", {})
        return {name: View(str(one["screen"]), str(one.get("filter", ""))) for name, one in found.items()}
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise Invalid(f"{path} cannot be read: {error!r}", fix="correct it, or remove it") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", fix="look at its permissions") from error


def named(name: str) -> View:
    """Raises `NotFound`, `Invalid`."""
    views = load()
    if name not in views:
        known = f"there are {', '.join(views)}" if views else "none is saved yet"
        raise NotFound(
            f"no view is called {name[:40]!r}: {known}", fix=with_keys("filter a list, then {palette}save NAME")
        )
    return views[name]


def save(name: str, view: View) -> None:
    """Save a view, in place of one of that name. Raises `Invalid`, `Unavailable`."""
    if not NAME.fullmatch(name):
        raise Invalid(f"{name[:40]!r} is not a name for a view", fix="use a-z, 0-9, - and _")
    path, views = file(), {**load(), name: view}
    lines = [
        f"[views.{one}]\nscreen = {json.dumps(saved.screen)}\nfilter = {json.dumps(saved.filter)}\n"
        for one, saved in views.items()
    ]
    try:
        replace_private(path, "\n".join(lines).encode())  # a filter may hold an address
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error
