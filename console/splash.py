"""What is on the screen until Textual is: the frame, written by hand right after the command was typed.

Importing Textual takes a quarter of a second, or a whole one where Python cannot write bytecode: too long for somebody
who was woken to look at nothing. This module needs only the standard library and the names of the screens; Textual
draws over it, and it leaves the terminal as it was.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from console import own_keys, terminal_watch
from console.keymap import TABS, with_keys
from core.cli import known_desks
from core.errors import PostroomError, Refused, Unavailable

if TYPE_CHECKING:
    from console.ports import Parts, SavedDesks, Waiting
    from console.start import Start
    from console.state import Live

SWITCH: Final = 0.0005
"""Seconds until a reading thread gives up the interpreter: at Python's 5 ms, a key would wait for several of them."""
YOUNG: Final = 20_000
"""Objects allocated before the collector looks for cycles: at Python's 700 it runs several times per frame, and now and
then walks through everything that was imported.
"""
NARROW: Final = 100
_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[2J\x1b[H"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"


def raised(
    opener: Callable[[], Parts] | None, *, saying: str = "Opening the desk ...", hint: str = "",
    waiting: Waiting | None = None, desks: SavedDesks | None = None, start: Start | None = None,
    guide: Callable[[Live], str] | None = None,
) -> int:  # fmt: skip
    """Run the console over what `opener` finds, in the background; returns the exit code. Raises what it raises.

    None: it shows all `desks`. `start` is the place where the desk opens. `guide` says what the hint becomes as the
    desk changes, or nothing.
    """
    folder = known_desks.folder()
    keys = own_keys.load(folder / own_keys.FILE)
    own_keys.rebind(keys.keys)  # before anything is drawn, and before the classes below read the registry
    with _drawn(saying):
        try:
            from console import personal_app  # noqa: PLC0415 - imports Textual

            personal = personal_app.load(folder, keys)
            from console.app import PostroomConsole  # noqa: PLC0415 - Textual waits until it is asked for
        except ImportError as error:
            raise Unavailable(f"the console is not installed ({error}); postroom queue works without it") from error
        app = PostroomConsole(
            None if opener is None else lambda: opened(opener), saying=saying, hint=with_keys(hint), waiting=waiting,
            desks=desks, start=start,
        )  # fmt: skip
    app.personal = personal
    app.guide = guide or app.guide
    sys.setswitchinterval(SWITCH)
    answer: int | None = None
    with terminal_watch.held(lambda: app.call_from_thread(app.exit)) as line:
        answer = app.run()
    if line.code is not None:
        return line.code
    if app.refused is not None:
        raise app.refused
    return answer if answer is not None else app.return_code or 0


def opened(opener: Callable[[], Parts]) -> Parts:
    """What it finds. Raises what it raises; an unexpected error is `Refused`, or the console would open for ever."""
    try:
        parts = opener()
    except PostroomError:
        raise
    except Exception as error:
        raise Refused(f"the desk could not be opened: {error!r}") from error
    # exclude everything imported so far from collection, so that the collector runs less often on a frame's objects
    gc.freeze()
    gc.set_threshold(YOUNG)
    return parts


@contextlib.contextmanager
def _drawn(saying: str) -> Iterator[None]:
    """The frame, while the block imports. An error in it restores the terminal."""
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        yield
        return
    _write(_ENTER + "\r\n".join(lines(size.columns, size.lines, saying)))
    try:
        yield
    except BaseException:
        _write(_LEAVE)
        raise


def lines(width: int, height: int, saying: str) -> list[str]:
    """The screen as lines of text: header, tabs, what the console is waiting for, the one key."""
    titles = [with_keys(f"{{go_{tab}}} {tab.title()}") for tab in TABS]
    tabs = " ".join(f"[{title}]" if at == 0 else f" {title} " for at, title in enumerate(titles))
    top = [" ○ opening", tabs] if width >= NARROW else [" ○ opening"]
    body = [""] * max(0, height - len(top) - 1)
    if body:
        body[len(body) // 2] = saying.center(width).rstrip()
    return [line[:width] for line in (*top, *body, with_keys(" {quit} quit"))][:height]


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
