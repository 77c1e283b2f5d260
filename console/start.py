"""Where a console opens: what a link in a notification names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """A screen, its filter, and what is open on it; or the view of that name."""

    screen: str = ""
    filter: str = ""
    open: str = ""
    view: str = ""
