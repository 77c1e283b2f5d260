"""Themes: palettes read from `themes/*.toml`, checked whole, reloaded while the console runs.

A theme is colours and nothing else, so no theme can hide a warning or move a key. Every colour is required and parsed
before anything changes: a file that is half right is refused with a reason and the last good theme stays on.

The rest of the console never names a colour. It speaks in `Tone`s, which are Textual's own variables.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from textual.app import App, ReturnType
from textual.color import Color, ColorParseError
from textual.theme import Theme
from watchfiles import Change, awatch

DEFAULT_THEME: Final = "postroom-dark"
STEP: Final = 400
"""Milliseconds between two looks at what changed among the files of themes."""
LOOK: Final = 60_000
"""Milliseconds after which the watch begins anew, if nothing has changed."""


class Tone(enum.StrEnum):
    """What a piece of text means, as a Content style. A tone never stands alone: a glyph or a word says the same."""

    PLAIN = "$foreground"
    STRONG = "bold $foreground"
    MUTED = "$text-muted"
    ACCENT = "$text-accent"
    INFO = "$text-primary"
    GOOD = "$text-success"
    WARN = "$text-warning"
    FAULT = "bold $text-error"
    HIDDEN = "$text-warning reverse"


DESK_COLOURS: Final = {
    "red": "bold #ffffff on #a3171f",
    "yellow": "bold #000000 on #f0c000",
    "green": "bold #ffffff on #14632f",
    "blue": "bold #ffffff on #1d4fbf",
    "magenta": "bold #ffffff on #8a1f8f",
    "cyan": "bold #000000 on #22b8c4",
    "white": "bold #000000 on #e8e8e8",
}
"""The colour of a desk's name (`known_desks.COLOURS`), the same in every theme: people know a desk by it. The pairs can
be read on any ground, and in 16 colours; the name itself is always there as text."""


COLOURS: Final = (
    "background",  # the desk
    "surface",  # panes on it
    "panel",  # header, footer, table head
    "foreground",  # text
    "muted",  # text that may wait
    "primary",  # what is chosen, keys
    "secondary",
    "accent",  # what counts down or is new
    "good",
    "warn",
    "fault",
    "border",
    "border-focus",
    "cursor",  # the bar under the cursor
    "cursor-text",
    "marked",  # the bar of a marked row
    "marked-text",
)


@dataclass(frozen=True, slots=True)
class BadTheme:
    """A theme file that was refused, and the first thing wrong with it."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


def theme_folder() -> Path:
    """`themes/` beside the packages in a checkout, inside `console` in an installed wheel."""
    installed = Path(__file__).parent / "themes"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "themes"


def parse_theme(path: Path) -> Theme | BadTheme:
    """The theme in one file, or why there is none. A theme is named after its file."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return BadTheme(path, f"cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return BadTheme(path, f"is not TOML: {error}")
    if reason := _wrong_with(table):
        return BadTheme(path, reason)
    return _theme(path.stem, table["palette"], dark=table["dark"], ansi=table.get("ansi", False))


def _wrong_with(table: dict[str, object]) -> str | None:
    """The first thing wrong with a theme file, or None."""
    palette = table.get("palette")
    if not isinstance(table.get("dark"), bool) or not isinstance(table.get("ansi", False), bool):
        return "`dark` must be true or false, and `ansi` if given"
    if not isinstance(palette, dict):
        return "has no [palette]"
    if unknown := sorted((table.keys() - {"dark", "ansi", "palette"}) | (palette.keys() - set(COLOURS))):
        return f"has an unknown entry: {unknown[0]!r}"
    return next((reason for name in COLOURS if (reason := _wrong_with_colour(name, palette.get(name)))), None)


def _wrong_with_colour(name: str, value: object) -> str | None:
    if value is None:
        return f"is missing the colour {name!r}"
    if not isinstance(value, str):
        return f"{name} must be a colour in quotes"
    try:
        colour = Color.parse(value)
    except ColorParseError:
        return f"{name} = {value!r} is not a colour"
    # a transparent colour depends on what lies below it, so no contrast could be guaranteed
    return f"{name} = {value!r} must be opaque" if colour.a != 1 else None


def _theme(name: str, colours: dict[str, str], *, dark: bool, ansi: bool) -> Theme:
    get = colours.__getitem__
    variables = {
        "foreground": get("foreground"),
        "text": get("foreground"),
        "text-muted": get("muted"),
        "text-disabled": get("muted"),
        "foreground-muted": get("muted"),
        "text-primary": get("primary"),
        "text-secondary": get("secondary"),
        "text-accent": get("accent"),
        "text-success": get("good"),
        "text-warning": get("warn"),
        "text-error": get("fault"),
        "surface": get("surface"),
        "panel": get("panel"),
        "boost": get("panel"),
        "border": get("border-focus"),
        "border-blurred": get("border"),
        "primary-muted": get("marked"),
        "secondary-muted": get("marked-text"),
        "block-cursor-background": get("cursor"),
        "block-cursor-foreground": get("cursor-text"),
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": get("panel"),
        "block-cursor-blurred-foreground": get("foreground"),
        "block-hover-background": get("panel"),
        "input-cursor-background": get("foreground"),
        "input-cursor-foreground": get("background"),
        "input-selection-background": get("marked"),
        "input-selection-foreground": get("marked-text"),
        "scrollbar": get("border"),
        "scrollbar-hover": get("border-focus"),
        "scrollbar-active": get("border-focus"),
        "scrollbar-background": get("background"),
        "scrollbar-background-hover": get("background"),
        "scrollbar-background-active": get("background"),
        "scrollbar-corner-color": get("background"),
        "footer-background": get("panel"),
        "footer-foreground": get("foreground"),
        "footer-key-foreground": get("primary"),
        "footer-description-foreground": get("foreground"),
    }
    if ansi:  # Textual's own widgets ask for these two, and only such a theme defines them
        variables |= {"ansi-background": get("background"), "ansi-foreground": get("foreground")}
    return Theme(
        name=name,
        primary=get("primary"),
        secondary=get("secondary"),
        accent=get("accent"),
        success=get("good"),
        warning=get("warn"),
        error=get("fault"),
        foreground=get("foreground"),
        background=get("background"),
        surface=get("surface"),
        panel=get("panel"),
        boost=get("panel"),
        dark=dark,
        ansi=ansi,
        variables=variables,
    )


def load_themes(folder: Path) -> tuple[list[Theme], list[BadTheme]]:
    """Every theme of a folder, sorted by name, and every file that was refused."""
    parsed = [parse_theme(path) for path in sorted(folder.glob("*.toml"))]
    return [each for each in parsed if isinstance(each, Theme)], [each for each in parsed if isinstance(each, BadTheme)]


def install_themes(app: App[ReturnType], themes: Iterable[Theme]) -> None:
    """Register themes with a running or a new app; the one in use is redrawn at once.

    Setting the theme that is already in use changes nothing in Textual, hence the explicit refresh.
    """
    for theme in themes:
        changed = app.get_theme(theme.name) != theme
        app.register_theme(theme)
        if changed and app.is_running and app.theme == theme.name:
            app.refresh_css(animate=False)


async def watch_themes(folder: Path) -> AsyncIterator[Theme | BadTheme]:
    """Each theme file that is saved, parsed: pass the themes to `install_themes`, show the bad ones.

    A deleted file yields nothing: its last good theme stays. Ends when the surrounding task is cancelled.
    """
    # its thread wakes at each step, also while nothing changes
    async for changes in awatch(folder, debounce=STEP, step=STEP, rust_timeout=LOOK, recursive=False):
        paths = {Path(name) for change, name in changes if change is not Change.deleted}
        for path in sorted(path for path in paths if path.suffix == ".toml"):
            yield parse_theme(path)
