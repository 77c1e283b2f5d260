"""The desks that this person uses, and which one a command is for.

`~/.config/postroom/desks.toml` (0600) names them: a URL or a directory, a colour and a word. Tokens are in the
keyring of the OS, never here. Nothing here imports the database.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from core.desk_client.urls import checked_url
from core.errors import Invalid, NotFound, Unavailable
from core.security.files import replace_private

DESK: Final = "POSTROOM_DESK"
URL: Final = "POSTROOM_URL"
DIRECTORY: Final = "POSTROOM_DIR"
SETTINGS: Final = "postroom.toml"
"""A directory with this file is a desk."""
COLOURS: Final = ("red", "yellow", "green", "blue", "magenta", "cyan", "white")
LONGEST_WORD: Final = 16
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a desk is: at a URL, or else in a directory. `word` and `colour` tell it apart on a screen.

    `guard`: the first loosening of a session asks for the desk's name.
    """

    url: str | None = None
    directory: Path = field(default_factory=Path)
    name: str | None = None
    word: str | None = None
    colour: str | None = None
    guard: bool = False

    @property
    def shown(self) -> str:
        """How screens call it: `PROD prod`, or one of the two if the other says the same; empty if it has no name."""
        name, word = self.name or "", self.word or ""
        return word if word.casefold() == name.casefold() else f"{word} {name}".strip()

    def as_json(self) -> dict[str, Any]:
        where = {"url": self.url} if self.url is not None else {"directory": str(self.directory)}
        return {"name": self.name, **where, "word": self.word, "colour": self.colour, "guard": self.guard}


@dataclass(frozen=True, slots=True)
class KnownDesks:
    """The file: desks by name, and which one is used where nothing else says."""

    desks: Mapping[str, Place] = field(default_factory=dict)
    current: str | None = None

    def named(self, name: str) -> Place:
        """Raises `NotFound`."""
        found = self.desks.get(name)
        if found is None:
            known = f"there are {', '.join(self.desks)}" if self.desks else "there is none yet"
            raise NotFound(f"no desk is called {name[:40]!r}: {known}", fix="postroom desk add NAME URL")
        return found

    def with_desk(self, place: Place) -> KnownDesks:
        assert place.name is not None
        return replace(self, desks={**self.desks, place.name: place})

    def without(self, name: str) -> KnownDesks:
        """Raises `NotFound`."""
        self.named(name)
        left = {one: place for one, place in self.desks.items() if one != name}
        return KnownDesks(left, None if self.current == name else self.current)


def folder() -> Path:
    """Where a person's own files are (XDG_CONFIG_HOME, or ~/.config)."""
    base = os.environ.get("XDG_CONFIG_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".config") / "postroom"


def file() -> Path:
    return folder() / "desks.toml"


def load() -> KnownDesks:
    """Raises `Invalid` if the file cannot be understood."""
    path = file()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return KnownDesks()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{path} cannot be read: {error}", fix="correct it, or remove it and add the desks again"
        ) from error
    try:
        desks = {name: _place(name, members) for name, members in found.get("desks", {}).items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise Invalid(f"{path}: each desk needs a url or a directory", fix="correct it") from error
    return KnownDesks(desks, found.get("current"))


def save(known: KnownDesks) -> None:
    """Write the file, private from the start; a crash leaves the old one or the new one. Raises `Unavailable`."""
    path = file()
    lines = [f"current = {json.dumps(known.current)}", ""] if known.current is not None else []
    for name, place in known.desks.items():
        members = {key: value for key, value in place.as_json().items() if value not in (None, False) and key != "name"}
        lines += [f"[desks.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in members.items()), ""]
    try:
        replace_private(path, "\n".join(lines).encode())
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


def made(name: str, where: str, *, word: str | None, colour: str | None, guard: bool) -> Place:
    """A new entry. Raises `Invalid`: its name, URL, directory or colour."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name[:40]!r} is not a name for a desk", fix="use a-z, 0-9, - and _")
    place = styled(Place(name=name), word=word, colour=colour, guard=guard)
    if "://" in where:
        return replace(place, url=checked_url(where))
    directory = Path(os.path.abspath(where))  # noqa: PTH100 - resolve() would follow a link that people chose
    if not (directory / SETTINGS).is_file():
        raise Invalid(f"there is no desk in {directory}", fix="name its directory, or the URL of its gateway")
    return replace(place, directory=directory)


def styled(place: Place, *, word: str | None, colour: str | None, guard: bool | None) -> Place:
    """The entry with these changes: None leaves a member, an empty text removes it. Raises `Invalid`."""
    if colour and colour not in COLOURS:
        raise Invalid(f"no such colour: {colour[:20]}", fix=f"the colours are {', '.join(COLOURS)}")
    if word and (len(word) > LONGEST_WORD or not word.isprintable()):
        raise Invalid(f"a word has at most {LONGEST_WORD} characters", fix="such as PROD")
    return replace(
        place, word=place.word if word is None else word or None,
        colour=place.colour if colour is None else colour or None, guard=place.guard if guard is None else guard,
    )  # fmt: skip


def token_variable(name: str) -> str:
    """The variable with the token of one saved desk: POSTROOM_TOKEN_PROD."""
    return f"POSTROOM_TOKEN_{name.upper().replace('-', '_')}"


def chosen(*, desk: str | None, directory: Path | None) -> Place:
    """The desk that a command is for.

    The command line decides first, then the environment, then the working directory, then `postroom desk use`.
    Raises `Invalid`, `NotFound`.
    """
    if desk is not None and directory is not None:
        raise Invalid("--desk and --dir name two desks", fix="leave one of them out")
    if directory is not None:
        return _as_saved(Place(directory=directory))
    if desk is not None or (desk := os.environ.get(DESK, "").strip()):
        return _as_saved(Place(url=checked_url(desk))) if "://" in desk else load().named(desk)
    if url := os.environ.get(URL, "").strip():
        return _as_saved(Place(url=checked_url(url)))
    if given := os.environ.get(DIRECTORY, "").strip():
        return _as_saved(Place(directory=Path(given)))
    if Path(SETTINGS).is_file():
        return _as_saved(Place())
    known = load()
    return known.named(known.current) if known.current is not None else Place()


def chosen_by(arguments: Sequence[str]) -> Place | None:
    """The desk that this command line is for, before it is parsed: it decides which module is imported.

    None if it cannot be told; the command itself then says why.
    """
    given: dict[str, str] = {}
    for at, one in enumerate(arguments):
        name, equals, value = one.partition("=")
        if name in ("--desk", "--dir"):
            given[name] = value if equals else next(iter(arguments[at + 1 :]), "")
    try:
        directory = Path(given["--dir"]) if "--dir" in given else None
        return chosen(desk=given.get("--desk"), directory=directory)
    except (Invalid, NotFound):
        return None


def _as_saved(place: Place) -> Place:
    """The saved desk at this place, if there is one: its guard must hold however the desk is named."""
    try:
        known = load()
    except Invalid:
        return place  # a broken file must not keep anybody from a stop
    return next((one for one in known.desks.values() if _same(one, place)), place)


def _same(one: Place, other: Place) -> bool:
    if one.url is not None or other.url is not None:
        return one.url == other.url
    return os.path.abspath(one.directory) == os.path.abspath(other.directory)  # noqa: PTH100 - as in `made`


def _place(name: str, members: Mapping[str, Any]) -> Place:
    place = Place(
        name=name, word=members.get("word"), colour=members.get("colour"), guard=bool(members.get("guard"))
    )  # fmt: skip
    if "url" in members:
        return replace(place, url=str(members["url"]))
    return replace(place, directory=Path(str(members["directory"])))
