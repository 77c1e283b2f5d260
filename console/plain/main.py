"""The loop of `console --plain`: what is new, a prompt, a command."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO

from console import saved_views
from console.plain.dialogue import Dialogue, Ended, read_number
from console.plain.registry import BY_WORD, DOES, unknown
from console.plain.talk import Left, Talk
from console.saved_views import View
from core.desk_client.interface import Desk
from core.errors import AccessEnded, PostroomError

if TYPE_CHECKING:
    from console.ports import Parts
    from console.start import Start

PROMPT: Final = "Command:"
HOW_TO_LEAVE: Final = "Ctrl-C once more leaves the console, and so do the word quit and Ctrl-D."


def opened(opener: Callable[[], Parts], source: TextIO, target: TextIO, *, start: Start | None = None) -> int:
    """Open a desk and talk over these streams; returns the exit code. Raises what the opener raises."""
    if isinstance(target, io.TextIOWrapper):
        target.reconfigure(errors="replace")  # a subject in another script must not end it on an ASCII terminal
    dialogue = Dialogue(source, target)
    dialogue.say("Opening the desk ...")
    parts = opener()
    try:
        return run(parts.desk.direct, dialogue, name=parts.name, saved_as=parts.saved_as, start=start)
    finally:
        parts.desk.close()


def run(desk: Desk, dialogue: Dialogue, *, name: str = "", saved_as: str = "", start: Start | None = None) -> int:
    """Talk until the operator leaves; returns the exit code. `saved_as` is what a guarded desk asks for."""
    talk = Talk(dialogue, desk, DOES, name=name, saved_as=saved_as)
    try:
        _perform(talk, lambda: begin(talk, start))
        _loop(talk)
    except Ended:
        return 0
    except AccessEnded as error:
        dialogue.say("", f"Your access has ended: {error.reason}", *([error.fix] if error.fix else []))
        return 1
    else:
        return 0
    finally:
        talk.leave()


def begin(talk: Talk, start: Start | None) -> None:
    """The first page, or the place that a link names. Raises what it names wrongly."""
    if start is None:
        talk.home()
        return
    talk.live()
    view = saved_views.named(start.view) if start.view else View(start.screen, start.filter)
    word = "home" if view.screen in {"", "desk"} else view.screen
    if word == "trace":
        if start.open or view.filter:
            talk.do("trace", start.open or view.filter)
        else:
            talk.say("trace takes an id, an address or a name.")
        return
    if word != "home" or not start.open:
        talk.do(word, view.filter)
    if start.open:
        talk.do("open", start.open)


def _loop(talk: Talk) -> None:
    leaving = False
    while True:
        try:
            talk.news()
            typed = talk.io.ask(PROMPT)
        except (KeyboardInterrupt, Left):
            if leaving:
                return
            leaving = True
            talk.say(HOW_TO_LEAVE)
            continue
        leaving = not _perform(talk, lambda typed=typed: obey(talk, typed))  # type: ignore[misc]


def _perform(talk: Talk, does: Callable[[], None]) -> bool:
    """Do it, or say why not; whether it came to its end. Raises `Ended`, `AccessEnded`."""
    try:
        does()
    except (KeyboardInterrupt, Left) as error:
        unsure = isinstance(error, Left) and error.unsure
        talk.say(
            "Left. It may have been done: look again before you repeat it." if unsure else "Left: nothing was done."
        )
        talk.say(HOW_TO_LEAVE)
        return False
    except PostroomError as error:
        talk.refused(error)
    except (Ended, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - whoever uses it needs it now, as the screens
        talk.say(f"Internal error, please report it: {error!r}")
    return True


def obey(talk: Talk, typed: str) -> None:
    """One line: a number of the list, or a command."""
    number = read_number(typed)
    if talk.io.ahead and any(read_number(word) for word in typed.split()[:2]):
        talk.say(f"Not taken: {typed[:40]} was typed before this list was read out. Type it again.")
    elif number == 0:
        if talk.back is None and talk.menu:
            raise Ended
        talk.do("back")
    elif number is not None:
        if number > len(talk.menu):
            talk.say(f"{number} is not a choice: type a number from 0 to {len(talk.menu)}, or a command.")
        else:
            talk.menu[number - 1].does()
    elif typed:
        word, _, rest = typed.partition(" ")
        command = BY_WORD.get(word.lower())
        if command is None:
            talk.say(unknown(word))
        else:
            command.does(talk, rest.strip())
