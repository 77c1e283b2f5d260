"""A person with keys of their own types into each line of the console, over Pilot.

A program of its own, because classes read the registry as they are imported. Its arguments are a folder with their
keys.toml, and a story. It ends with 0 if all went as the story says.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console import own_keys
from console.keymap import ACTIONS, TABS, with_keys

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.console.harness import Scene

FILTERED: Final = tuple(tab for tab in TABS if tab != "trace")


def key(name: str) -> str:
    """The key that a person has for it."""
    return ACTIONS[name].keys[0]


class Typist:
    """Somebody at the console, who looks before each key."""

    def __init__(self, pilot: Pilot[int], scene: Scene) -> None:
        self.pilot, self.app, self.scene = pilot, pilot.app, scene

    async def press(self, *keys: str) -> None:
        from tests.console.harness import handled

        for one in keys:
            self.scene.monotonic.at += 1  # a dialog hears what comes later than its first moments
            await self.pilot.press(one)
            await handled(self.pilot, self.app)  # type: ignore[arg-type]  # the harness has made it

    async def sees(self, text: str) -> None:
        from tests.console.harness import shows

        await shows(self.pilot, text)

    async def leaves_with(self, key: str) -> None:
        from tests.console.harness import until

        await self.pilot.press(key)
        await until(self.pilot, lambda: self.app.return_code == 0)

    @property
    def typed(self) -> str | None:
        """What stands in the line that is typed into; None: letters are keys."""
        from console.widgets.edit_line import EditLine

        return self.app.focused.value if isinstance(self.app.focused, EditLine) else None

    @property
    def above(self) -> str:
        """What is on top."""
        return type(self.app.screen).__name__

    async def opens_line(self, tab: str) -> None:
        await self.press(key(f"go_{tab}"))
        if tab != "trace":  # Trace asks at once
            await self.press(key("filter"))
        assert self.typed == "", tab


async def letters(typist: Typist) -> None:
    """Every key is a letter: all go into a line, and esc, enter, tab, ctrl+p and ctrl+q still do what they do."""
    own = "".join(key(name) for name in ("back", "quit", "all_stop", "help", "palette"))
    for tab in (*FILTERED, "trace"):
        await typist.opens_line(tab)
        if tab == "trace":
            await typist.sees("or person; esc leaves it")
        await typist.press(*own)
        assert typist.typed == own, tab
        await typist.press("escape")
        assert typist.typed is None, tab
    await typist.press(key("ask"), "ctrl+x")
    assert typist.above == "ReasonDialog", "the usual key of the stop"
    await typist.press("escape")
    assert typist.typed == own, "the question closes over the line"
    await typist.press("ctrl+p")
    assert typist.above == "CommandPalette"
    await typist.press("escape")
    assert typist.typed == own, "the palette closes over the line"
    await typist.press("escape", key("help"))
    assert typist.above == "HelpScreen"
    await typist.press("escape", key("all_stop"), *own)
    assert typist.above == "ReasonDialog"
    assert typist.typed == own
    await typist.press("escape")
    assert typist.above == "TraceScreen"
    await typist.press(key("go_queue"), key("filter"), "s", "u", "b", "j", "tab")
    assert typist.typed == "subject:"
    await typist.press(*"refund", "enter")
    await typist.sees("Queue subject:refund")
    await typist.press(key("back"))
    await typist.sees("Queue, worst first")
    await typist.press(key("go_trace"), key("ask"))
    await typist.leaves_with("ctrl+q")


async def stops(typist: Typist) -> None:
    """The stop has a key that a line would edit with: there it stops, and in a dialog it edits."""
    assert ACTIONS["all_stop"].keys == ["ctrl+k", "ctrl+x"]
    for tab, stop in (("queue", "ctrl+k"), ("trace", "ctrl+k"), ("lanes", "ctrl+x")):
        await typist.opens_line(tab)
        await typist.press(*"ab", "shift+home", stop)
        assert typist.above == "ReasonDialog", tab
        await typist.press(*"ab", "shift+home", stop)
        assert typist.typed == "", f"{tab}: in a dialog it cuts"
        await typist.press("escape")
        assert typist.typed == "ab", f"{tab}: what was typed before is still there"
        await typist.press("ctrl+b")  # their key for `back`
        assert typist.typed is None
    await typist.sees(with_keys("{all_stop} ALL STOP"))


STORIES: Final = {"letters": letters, "stops": stops}


async def told(folder: Path, story: str) -> None:
    from tests.console.harness import looking, make_scene

    scene = make_scene(folder)
    scene.submit(subject="Your refund")
    try:
        async with looking(scene.app()) as pilot:
            await STORIES[story](Typist(pilot, scene))
    finally:
        scene.store.close()


def main() -> None:
    from tests.factories.shortcuts import take_shortcuts

    folder = Path(sys.argv[1])
    found = own_keys.load(folder / own_keys.FILE)
    assert not found.warnings, found.warnings
    own_keys.rebind(found.keys)
    take_shortcuts()
    asyncio.run(told(folder, sys.argv[2]))


if __name__ == "__main__":
    main()
