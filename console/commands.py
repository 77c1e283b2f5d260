"""What can be typed after `:` beside the names of actions: `desk NAME`, `view NAME`, `save NAME`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from textual.command import Hit, Hits, Provider

from console import saved_views
from core.errors import PostroomError

if TYPE_CHECKING:
    from console.app import PostroomConsole

EXACT: Final = 1_000.0
"""The score of what was typed to the letter: it stands above whatever else resembles it."""
NEAR: Final = 900.0
HELP: Final = {
    "desk": "Switch to this desk.",
    "view": "Open this view: a screen with a filter.",
    "save": "Save this screen and its filter as a view.",
}


class WordCommands(Provider):
    """Completes the names of desks and views."""

    async def search(self, query: str) -> Hits:
        word, space, name = query.strip("\n").partition(" ")
        name = name.strip()
        if word not in HELP or not space:
            return
        console = cast("PostroomConsole", self.app)
        does: dict[str, Callable[[str], None]] = {
            "desk": console.switch_desk, "view": console.open_view, "save": console.save_view,
        }  # fmt: skip
        offered = [one for one in self._names(word) if one.startswith(name)]
        if saved_views.NAME.fullmatch(name) and not offered:
            offered.append(name)  # to save it, or to be told what names there are
        for one in offered:
            score = EXACT if one == name else NEAR
            yield Hit(score, f"{word} {one}", partial(does[word], one), help=HELP[word])

    def _names(self, word: str) -> Iterator[str]:
        """Names that are known; none from a file that cannot be read, which the command itself then reports."""
        console = cast("PostroomConsole", self.app)
        try:
            if word == "desk" and console.saved_desks is not None:
                yield from (place.name for place in console.saved_desks.places() if place.name)
            elif word == "view":
                yield from saved_views.load()
        except PostroomError:
            return
