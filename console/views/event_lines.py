"""One entry of the log in full, from what the desk answers. Pure; foreign text is made safe here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from console.safe_text import make_safe
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.pane import TextLine, line
from core.durations import read_stamp
from core.ids import read_id
from core.views.events import EventRow, Severity
from core.views.format import stamp

NAME: Final = 10
_TONES: Final = {Severity.ERROR: ("✖ ", Tone.FAULT), Severity.WARN: ("▲ ", Tone.WARN)}


def event_of(found: Mapping[str, Any]) -> EventRow:
    """An entry as the list of events has it; the numbers that only the desk knows are missing."""
    message = read_id("m", found["target"]) or read_id("a", found["target"])
    return EventRow(
        found["seq"], read_stamp(found["at"]), Severity(found["severity"]), found["type"], found["actor"],
        found["target"], found["detail"], message, None, None, None, None, found["data"], found["hash"],
    )  # fmt: skip


def whole_event_lines(event: EventRow) -> list[TextLine]:
    """Everything the log has of it: when, who, about what, and each member of its data."""
    glyph, tone = _TONES.get(event.severity, ("· ", Tone.MUTED))
    lines: list[TextLine] = [
        [Piece(glyph, tone), Piece(event.type, Tone.STRONG), Piece(f"  entry {event.seq:,} of the log", Tone.MUTED)],
        [],
        *(_fact(name, value) for name, value in (
            ("at", stamp(event.at)), ("by", event.actor), ("about", event.target), ("says", event.detail),
        ) if value),
        [],
    ]  # fmt: skip
    lines += _data(event.data)
    lines += [[], _fact("hash", event.hash)]
    return lines


def _data(data: Mapping[str, Any]) -> Iterator[TextLine]:
    width = max((len(name) for name in data), default=0) + 1
    for name, value in data.items():
        if value is None or value in ([], {}):
            continue
        yield [Piece(f"{name:<{width}} ", Tone.MUTED), *line(make_safe(_spelled(value)).text)]


def _spelled(value: object) -> str:
    """A text as it is, figures by name, anything else as the log has it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_spelled(one)}" for name, one in value.items())
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _fact(name: str, value: str) -> TextLine:
    return [Piece(f"{name:<{NAME}} ", Tone.MUTED), *line(make_safe(value).text)]
