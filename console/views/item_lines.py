"""One item of a queue or an inbox as lines, whether its mail goes out or came in. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from console.themes import Tone
from console.views import message_lines, received_lines
from console.views.message_lines import Lines, MessageLines
from console.widgets.columns import Piece

View = Callable[[MessageLines], Lines]


def fact_lines(message: MessageLines, *, now: int) -> Lines:
    """What the desk knows about it."""
    if message.received is not None:
        return received_lines.fact_lines(message, now=now)
    return message_lines.fact_lines(message, now=now)


def check_lines(message: MessageLines, *, short: bool = False) -> Lines:
    """What was checked, worst first."""
    if message.received is not None:
        return received_lines.check_lines(message, short=short)
    return message_lines.check_lines(message, short=short)


def body_lines(message: MessageLines) -> Lines:
    """The body as its reader sees it."""
    if message.received is not None:
        return received_lines.body_lines(message)
    return message_lines.body_lines(message)


def header_lines(message: MessageLines) -> Lines:
    if message.received is not None:
        return received_lines.header_lines(message)
    return message_lines.header_lines(message)


def source_lines(message: MessageLines) -> Lines:
    if message.received is not None:
        return received_lines.source_lines(message)
    return message_lines.source_lines(message)


def story_lines(message: MessageLines) -> Lines:
    """What the log says about it."""
    if message.received is not None:
        return received_lines.story_lines(message)
    return message_lines.story_lines(message)


def difference_lines(message: MessageLines) -> Lines:
    if message.received is not None:
        return [[Piece("Received mail is kept as it came: there is nothing to compare.", Tone.MUTED)]]
    return message_lines.difference_lines(message)


def taint_lines(message: MessageLines) -> Lines:
    """The untrusted mail that the run had read: what it is, what was found in it, what it says."""
    one = message.tainting
    if one is None:
        return [[Piece("Its run had read no untrusted mail.", Tone.MUTED)]]
    tainting = MessageLines(one.row.id, one.row.spelled, None, None, None, received=one)
    return [
        message_lines.title(f"received before: {one.row.spelled} tainted the run"),
        *received_lines.fact_lines(tainting, now=0),
        *received_lines.check_lines(tainting),
        *received_lines.body_lines(tainting),
    ]


VIEWS: Final[dict[str, View]] = {
    "body": body_lines,
    "headers": header_lines,
    "source": source_lines,
    "difference": difference_lines,
    "taint": taint_lines,
}
"""What the message screen can show of an item, by the action that turns to it."""
