"""A gateway's own log lines on the screen. Pure; what a line says may be foreign, and is made safe here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from console.safe_text import make_safe
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.pane import TextLine, line
from core.views.format import plural

_LEVELS: Final[Mapping[str, tuple[str, Tone]]] = {
    "debug": ("· debug", Tone.MUTED), "info": ("· info ", Tone.MUTED), "warning": ("▲ warn ", Tone.WARN),
    "error": ("✖ error", Tone.FAULT), "critical": ("✖ error", Tone.FAULT),
}  # fmt: skip
_TIME: Final = slice(5, 19)
"""The part of a time that is shown: `05-03 12:40:51`."""


def log_lines(found: Sequence[Mapping[str, Any]], *, wide: bool) -> list[TextLine]:
    """Lines as they were written. A narrow screen names the gateway only if there are several."""
    several = len({one["gateway"] for one in found}) > 1
    return [log_line(one, gateway=wide or several) for one in found]


def log_line(one: Mapping[str, Any], *, gateway: bool) -> TextLine:
    """`05-03 12:40:51 ▲ warn  egress departures: the relay is not answering  stream=acme.com`."""
    level, tone = _LEVELS.get(one["level"], _LEVELS["info"])
    where = f"{one['gateway']} {one['process']}".strip() if gateway else one["process"]
    pieces: list[Piece] = [
        Piece(f"{make_safe(one['at'][_TIME].replace('T', ' ')).text} ", Tone.MUTED),
        Piece(f"{level} ", tone),
        Piece(make_safe(where).text, Tone.MUTED),  # ends the label: a wrapped line goes on below this
        Piece(f" {make_safe(one['logger']).text}:" if one["logger"] else "", Tone.INFO),
        *line(f" {make_safe(one['event']).text}", Tone.PLAIN if tone is Tone.MUTED else Tone.STRONG),
    ]
    for name, value in one["data"].items():
        pieces += [Piece(f"  {make_safe(name).text}=", Tone.MUTED), *line(make_safe(_value(value)).text)]
    if one["lost"]:
        pieces.append(Piece(f"  {plural(one['lost'], 'line')} before it could not be kept", Tone.WARN))
    return [piece for piece in pieces if piece.text]


def _value(value: object) -> str:
    match value:
        case list():
            return " < ".join(str(one) for one in reversed(value))
        case dict():
            return ", ".join(f"{name} {one}" for name, one in value.items())
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
