"""A gateway's own log lines of the last while: those of the gateway that answers, or of this host without one."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from core import filters
from core.durations import read_stamp
from core.errors import Invalid
from core.filter_fields import GATEWAY_LOG
from core.filters import Want
from core.json_body import Shape
from core.log_file import NAME, Line, LogReader
from core.model import LogLevel
from core.operations.answers import Answer
from core.operations.bodies import FilterText
from core.operations.operation import Call, Json, read
from core.rules.roles import Verb
from core.services.control.read_log import Shown, What

MOST: Final = 1_000
"""Lines of one answer."""


_RANK: Final = {"debug": 0, "info": 1, "warning": 2, "error": 3, "critical": 3}
_SEVERITY: Final = ("info", "info", "warn", "error")


class LogsRequest(Shape):
    """The newest lines, or those behind the `next` of an answer before.

    `level`: lines at least as bad. `filter` is a filter of log lines, such as `process:egress relay`.
    """

    after: Annotated[str, StringConstraints(max_length=40)] | None = None
    level: LogLevel = LogLevel.DEBUG
    filter: FilterText = ""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 200


def logs(call: Call, request: LogsRequest) -> Json:
    wants = filters.parse(request.filter, GATEWAY_LOG)
    reader = LogReader(call.resources.settings.dir / NAME)
    least, now = _RANK[request.level.value], call.tx.now

    def matching(lines: Iterable[Line]) -> Iterable[tuple[Json, str]]:
        for line in lines:
            shown = _shown(line.entry)
            if _RANK[shown["level"]] >= least and _matches(shown, wants, now):
                yield shown, line.cursor

    if request.after is None:
        newest = [shown for shown, _ in itertools.islice(matching(reader.newest()), request.limit + 1)]
        found, more = newest[: request.limit][::-1], len(newest) > request.limit
        return _answer(found, reader.cursor, gap=False, more=more)
    gap, lines = reader.after(request.after)
    taken = list(itertools.islice(matching(lines), request.limit))
    full = len(taken) == request.limit
    return _answer([shown for shown, _ in taken], taken[-1][1] if full else reader.cursor, gap=gap, more=full)


def _answer(lines: list[Json], cursor: str, *, gap: bool, more: bool) -> Json:
    return {"host": socket.gethostname(), "lines": lines, "next": cursor, "gap": gap, "more": more}


def _shown(entry: Mapping[str, Any]) -> Json:
    """A line of the file, whatever else may have written into it."""
    level = str(entry.get("level", ""))
    data = entry.get("data")
    pid = entry.get("pid")
    return {
        "at": str(entry.get("at", "")),
        "level": level if level in _RANK else "info",
        "gateway": str(entry.get("gateway", "")),
        "process": str(entry.get("process", "")),
        "pid": pid if isinstance(pid, int) else 0,
        "logger": str(entry.get("logger", "")),
        "event": str(entry["event"]),
        "data": dict(data) if isinstance(data, Mapping) else {},
        "lost": entry["lost"] if isinstance(entry.get("lost"), int) else 0,
    }


def _matches(line: Json, wants: tuple[Want, ...], now: int) -> bool:
    if not wants:
        return True
    try:
        age = (now - read_stamp(line["at"])) if line["at"] else None
    except Invalid:
        age = None
    said = " ".join([line["event"], *(f"{name} {value}" for name, value in line["data"].items())])
    values = {
        "sev": _SEVERITY[_RANK[line["level"]]], "process": line["process"], "logger": line["logger"], "text": said,
        "gateway": line["gateway"], "pid": line["pid"], "age": age,
    }  # fmt: skip
    return filters.matches(values, wants)


# --- answers ----------------------------------------------------------------------------------------------------------


class LogLine(Answer):
    """One line. `gateway` is the host and the address of the gateway, `process` which of its processes.

    `lost`: so many lines before it could not be kept, for the disk was full or the file not writable.
    """

    at: str
    level: str
    gateway: str
    process: str
    pid: int
    logger: str
    event: str
    data: dict[str, Any]
    lost: int


class Logs(Answer):
    """Lines in the order of the file, from the `host` that answers. Go on with `next` as `after`.

    `gap`: lines between `after` and the first one here are gone, or another host answers than before. `more`: there are
    older ones, or, behind `after`, further ones now.
    """

    host: str
    lines: list[LogLine]
    next: str
    gap: bool
    more: bool


OPERATIONS: Final = (
    read("gateway.logs", logs, LogsRequest, Logs, Verb.GATEWAY_LOG_READ,
         about="The log lines of the gateway that answers, of all its processes: the newest, or those since.",
         shown=lambda _request, _answer: Shown(What.GATEWAY_LOG)),
)  # fmt: skip
