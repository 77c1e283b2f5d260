"""The log as a gateway streams it (`text/event-stream`), for both clients."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from core.desk_client.interface import Heartbeat, LogLine
from core.errors import AccessEnded, Forbidden

LOST_AFTER: Final = 2.5
"""Seconds without a line after which a stream is lost, so that it shows within three: a heartbeat comes each second."""


def heard(lines: Iterable[str]) -> Iterator[LogLine | Heartbeat]:
    """What these lines say. Raises `AccessEnded`, `Forbidden`: the operator may follow no longer."""
    return map(_event, _blocks(lines))


def _event(members: Mapping[str, str]) -> LogLine | Heartbeat:
    data = json.loads(members["data"])
    match members.get("event"):
        case None:
            return LogLine(int(members["id"]), data)
        case "ended":
            kind = Forbidden if data["error"] == Forbidden.error else AccessEnded
            raise kind(str(data["reason"]))
        case _:
            return Heartbeat(int(data["seq"]), data["at"])


def _blocks(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The members of each event of a stream; comments and `retry` make none."""
    members: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            members[name] = value
        else:
            if "data" in members:
                yield members
            members = {}
