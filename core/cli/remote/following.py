"""Commands that follow what happens until Ctrl-C: `audit tail`, `logs --follow`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NoReturn

from core.cli.remote.context import AnyDesk
from core.errors import Unavailable

EVERY: Final = 1.0
"""Seconds between looks."""


def follow(desk: AnyDesk, look: Callable[[], None]) -> NoReturn:
    """Look every second, until Ctrl-C or the operator's access ends. A desk that does not answer is asked again.

    A gateway that restarts is what somebody watches for: that it is gone must not end the watch.
    """
    lost = False
    while True:
        try:
            look()
        except Unavailable as error:
            if not lost:
                desk.note(f"{error}; trying again")
            lost = True
        else:
            if lost:
                desk.note("the desk answers again")
            lost = False
        time.sleep(EVERY)
