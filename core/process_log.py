"""How a gateway and its processes log: on stderr for the service manager, and in the desk's file for its operators.

The file (`core.log_file`) is read by people at the desk, over HTTP too, so a line is made harmless before it is
written: tokens, credentials and queries of URLs are removed, of a person's address only the domain is kept, and of an
exception only its type and where it was raised, with the message where that is our own sentence or the system's. What
other exceptions say may quote the mail that caused them.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog

from core.errors import PostroomError
from core.log_file import NAME, LogFile

VARIABLE: Final = "POSTROOM_PROCESS_LOG"
"""How a gateway tells its processes, in their environment, to log as it does."""
LONGEST: Final = 400
"""Characters of one value in the file."""
EXAMINED: Final = 4 * LONGEST
"""Characters of a text that are looked at: on much longer ones the patterns would take longer than the work itself."""
MOST: Final = 20
"""Values of a line, or of one of its lists."""
FRAMES: Final = 12

_SECRET: Final = "[removed]"  # noqa: S105 - what stands in place of one
_PATTERNS: Final = (
    (re.compile(r"\b(pra|pro|pfr|whsec)_[A-Za-z0-9_+/=-]+"), rf"\1_{_SECRET}"),
    (re.compile(r"-----BEGIN [^-]*-----.*", re.DOTALL), _SECRET),
    (re.compile(r"://[^/\s@]*@"), f"://{_SECRET}@"),
    (re.compile(r"(://[^\s?\"'<>]*)\?[^\s\"'<>]*"), rf"\1?{_SECRET}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s,;]+"), rf"\1 {_SECRET}"),
    (re.compile(r"(?i)\b([a-z_-]*(?:password|passwd|secret|token|api[_-]?key|authorization))([\"']?\s*[=:]\s*)"
                r"(?:\"[^\"]*\"|'[^']*'|[^\s,;]+)"),
     rf"\1\2{_SECRET}"),
)  # fmt: skip
# A local part begins where none of its characters comes before it: text without an address costs one pass.
_ADDRESS: Final = re.compile(r"(?:\"[^\"]+\"|(?<![^\s\"<>()\[\],;:@])[^\s\"<>()\[\],;:@]++)@(?=[^\s@])")
_NAMED_SECRET: Final = re.compile(r"(?i)password|passwd|secret|token|api_?key|authorization|cookie")
_CONTENT: Final = frozenset({"body", "text", "html", "subject", "raw", "source_text", "headers"})
"""Members that would be of a message: none of ours logs any, and none may begin to."""
_OWN: Final = frozenset({"mailbox", "stream"})
"""Members with an address of the desk itself."""
_FRAME: Final = frozenset({"event", "level", "timestamp", "exc_info", "stack_info", "exception", "stack"})


class _Logger(structlog.PrintLogger):
    """A logger of structlog that knows its name."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


def _logger(*args: Any) -> _Logger:
    return _Logger(str(args[0]) if args else "")


class Keeper:
    """A processor that writes each line to the desk's file, and passes it on as it was."""

    def __init__(self, file: LogFile, *, gateway: str, process: str) -> None:
        self._file = file
        self._who = {"gateway": gateway, "process": process, "pid": os.getpid()}

    def __call__(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        record = line.get("_record")
        name = getattr(record, "name", None) or getattr(logger, "name", None) or ""
        event = str(line.get("event", ""))
        if record is not None:  # a library's: below its first line asyncio quotes an exception
            event = event.partition("\n")[0]
        self._file.write(
            {
                "at": line.get("timestamp"), "level": str(line.get("level") or method), **self._who, "logger": name,
                "event": harmless(event), "data": _data(line),
            }
        )  # fmt: skip
        return line


def _data(line: Mapping[str, Any]) -> dict[str, Any]:
    members = [name for name in line if name not in _FRAME and not name.startswith("_")]
    found = {name: _value(name, line[name]) for name in members[:MOST]}
    error = _error(line.get("exc_info"))
    return found if error is None else found | {"error": said(error), "where": _places(error)}


def _value(name: str, value: Any) -> Any:
    if _NAMED_SECRET.search(name) or name in _CONTENT:
        return _SECRET
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key)[:LONGEST]: _value(str(key), one) for key, one in list(value.items())[:MOST]}
        case list() | tuple() | set() | frozenset():
            return [_value(name, one) for one in list(value)[:MOST]]
        case _:
            return harmless(str(value), addresses=name in _OWN)


def harmless(text: str, *, addresses: bool = False) -> str:
    """Text without secrets; of people's addresses only the domain, unless they are the desk's own."""
    text = _examined(text)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    text = text if addresses else _ADDRESS.sub("…@", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _examined(text: str) -> str:
    """As much of a text as is looked at, in characters that a file can hold; half a word might hide what it is."""
    if len(text) > EXAMINED:
        cut = text[:EXAMINED]
        text = cut.rpartition(" ")[0] or cut
    return text.encode("utf-8", "backslashreplace").decode()


def _error(given: Any) -> BaseException | None:
    match given:
        case BaseException():
            return given
        case (_, BaseException() as error, _):
            return error
        case None | False | (None, None, None):
            return None
        case _:
            return sys.exc_info()[1]


def said(error: BaseException) -> str:
    """An exception in the file: its type, and its first line where that quotes nobody's mail."""
    name = type(error).__qualname__
    if not isinstance(error, PostroomError | OSError):
        return name
    line = str(error).partition("\n")[0]
    return harmless(f"{name}: {line}" if line else name)


def _places(error: BaseException) -> list[str]:
    """Where it was raised, the innermost last: no source line, no value."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{Path(one.filename).parent.name}/{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames]


# --- setting it up ------------------------------------------------------------------------------------------------


def log_as_gateway(directory: Path, *, level: str, as_json: bool, listen: str) -> None:
    """Log on stderr and in the desk's file; processes started from now on (`log_as_child`) do the same."""
    gateway = f"{socket.gethostname()} {listen}"
    os.environ[VARIABLE] = json.dumps({"level": level, "as_json": as_json, "gateway": gateway})
    _configure(directory, level=level, as_json=as_json, gateway=gateway, process="gateway")


def log_as_child(directory: Path, *, process: str) -> None:
    """Log as the gateway does that started this process; one that was started otherwise keeps its defaults."""
    told = os.environ.get(VARIABLE)
    if told:
        _configure(directory, **json.loads(told), process=process)


def _configure(directory: Path, *, level: str, as_json: bool, gateway: str, process: str) -> None:
    """One line per event, from our loggers and from the standard library's."""
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        Keeper(LogFile(directory / NAME), gateway=gateway, process=process),
    ]
    if as_json:
        shared.append(structlog.processors.format_exc_info)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_logger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
        )
    )
    # Drop log lines of libraries below warning.
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
