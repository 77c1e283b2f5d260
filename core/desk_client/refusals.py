"""What both clients of a gateway share: how long they wait, and which error an answer stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from core.desk_client.interface import Json
from core.errors import (
    AccessEnded,
    ChecklistOpen,
    Invalid,
    NoAnswer,
    Overloaded,
    PostroomError,
    Unauthenticated,
    Unavailable,
    refusal_of,
)

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
EVENTS: Final = "text/event-stream"
CLIENT: Final = "Postroom-Client"
"""The header that says which program of ours calls; the log shows it as the interface that was used."""
TIGHTENS_ONLY: Final = "Postroom-Tightens-Only"
"""The header of a request that may not loosen: sent until the operator has typed the name of a guarded desk."""
ANSWER_WITHIN: Final = 30.0
"""Seconds for an answer: a signature waits for DNS."""
SLOW_WITHIN: Final = 600.0
"""Seconds for the operations in `SLOW`, which read a whole log or a month of decisions."""
SLOW: Final = frozenset({"policy.replay", "audit.verify", "audit.against", "recipient.erase", "stream.rotate"})
SCREEN_WITHIN: Final = 15.0
"""Seconds for what a screen reads: a console shows sooner that its desk hangs."""
TRIES: Final = 2


def answer_within(operation: str) -> float:
    """Seconds for the answer of an operation."""
    if operation.startswith("screen."):
        return SCREEN_WITHIN
    return SLOW_WITHIN if operation in SLOW else ANSWER_WITHIN


def check(
    url: str, status: int, headers: Mapping[str, str], body: bytes, *, admitted: bool, act: bool = True,
    kind: str = JSON,
) -> None:  # fmt: skip
    """Raise the error that an answer stands for, in the class that tells a caller what to do next.

    `headers` are looked up in small letters. `kind`: the media type of an answer. `admitted`: the desk has accepted
    this token before. `act`: the request may have changed something.
    """
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if status == 200 and media == kind:
        return
    problem = _problem(body) if media == PROBLEM and status >= 400 else None
    if problem is not None:
        raise _error_of(status, problem, admitted=admitted)
    where = f"; it leads to {headers['location']}" if 300 <= status < 400 and "location" in headers else ""
    # a proxy that lost the desk behind it cannot say whether the desk has received the request
    lost_behind = NoAnswer if act and status in (502, 504) else Unavailable
    raise lost_behind(f"{url} answers {status} and is no desk{where}")


def members(url: str, body: bytes) -> Json:
    """The members of a JSON answer. Raises `Unavailable`: it has none."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unavailable(f"{url} does not answer as a desk does, and is no desk")
    return found


def _problem(body: bytes) -> Json | None:
    """The members of a refusal by a desk; of RFC 9457 itself, other servers have only the media type."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"reason", "error"} <= found.keys() else None


def _error_of(status: int, found: Json, *, admitted: bool) -> PostroomError:
    reason, code, fix = str(found["reason"]), str(found["error"]), found.get("fix")
    if status >= 500 or status == 429:
        busy = Overloaded if code == Overloaded.error else Unavailable
        return busy(reason, retry_after=int(found.get("retry_after_seconds", 5)))
    refused = refusal_of(status)
    if refused is Unauthenticated and admitted:
        return AccessEnded(reason, fix=fix)
    if code == ChecklistOpen.error:
        return ChecklistOpen(reason, fix=fix, open_items=found["open"], found_false=found["found_false"])
    if refused is Invalid:
        problems = tuple((one["field"], one["problem"]) for one in found.get("errors") or ())
        return Invalid(reason, error=code, fix=fix, problems=problems)
    return refused(reason, error=code, fix=fix)


def lost(name: str, url: str, error: Exception, *, done: bool = False) -> Unavailable:
    """The desk does not answer. `done`: it may have received an act, and performed it."""
    said = f"{name} does not answer at {url} ({str(error) or type(error).__name__})"
    if done:
        return NoAnswer(said)
    return Unavailable(f"{said}; on its host, the same command with --dir works without a gateway")
