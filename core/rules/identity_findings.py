"""Findings about a registered non-human identity: without an owner, unused, or with untested revocation.

Codes are stable: an IAM team filters its import by them. The text is for people, the fix is the next command.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from core.durations import HOUR, spell

STARTED_LONG_AGO: Final = HOUR
"""A drill takes seconds. One that started an hour ago and has no result crashed."""


class Code(enum.StrEnum):
    """Stable names of findings, worst first."""

    DRILL_UNFINISHED = "drill_unfinished"
    DRILL_FAILED = "drill_failed"
    DRILL_INCOMPLETE = "drill_incomplete"
    UNOWNED = "unowned"
    NO_SYSTEM_OWNER = "no_system_owner"
    UNUSED = "unused"
    NEVER_DRILLED = "never_drilled"
    DRILL_DUE = "drill_due"


class DrillResult(enum.StrEnum):
    """The result of an agent's last revocation drill."""

    NEVER = "never"
    UNFINISHED = "unfinished"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: `fix` says what to do about it."""

    code: Code
    text: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The facts about one identity: an agent and its mailbox. Times are microseconds.

    `owner_active`: the owner is an operator who can still act. `activated_at` None: not active, so nothing is required
    of it yet.
    """

    agent: str
    address: str
    owner: str | None
    owner_active: bool
    system_owner: str | None
    activated_at: int | None
    last_used_at: int | None
    drill_started_at: int | None
    drilled_at: int | None
    drill_failures: tuple[str, ...]
    drill_unreached: tuple[str, ...]


def drill_result(failures: Collection[str], unreached: Collection[str]) -> DrillResult:
    """A drill passes only if it tried every gateway: a revocation not observed at one gateway may not hold there."""
    if failures:
        return DrillResult.FAILED
    return DrillResult.INCOMPLETE if unreached else DrillResult.PASSED


def drill_due_at(*, activated_at: int | None, drilled_at: int | None, every: int) -> int | None:
    """When the next revocation drill is due; None for an identity that is not active."""
    if activated_at is None:
        return None
    return (activated_at if drilled_at is None else drilled_at) + every


def is_unused(one: Identity, *, now: int, unused_after: int) -> bool:
    """Whether no credential of its agent was presented for `unused_after`; a new identity gets that time first."""
    if one.activated_at is None:
        return False
    return now - max(one.activated_at, one.last_used_at or 0) >= unused_after


def findings(one: Identity, *, now: int, drill_every: int, unused_after: int) -> tuple[Finding, ...]:
    """All findings about an identity, worst first."""
    found = {each.code: each for each in (*_of_drills(one, now=now, every=drill_every), *_of_record(one))}
    if is_unused(one, now=now, unused_after=unused_after):
        used = "never used" if one.last_used_at is None else f"not used for {_days(now - one.last_used_at)}"
        found[Code.UNUSED] = Finding(Code.UNUSED, used, f"postroom mailbox retire {one.address} --reason TEXT")
    return tuple(found[code] for code in Code if code in found)


def _of_record(one: Identity) -> Iterator[Finding]:
    if one.owner is None:
        yield Finding(Code.UNOWNED, "it has no owner", "retire it, or file it again with --owner")
    elif not one.owner_active:
        yield Finding(
            Code.UNOWNED,
            f"its owner {one.owner} is no longer an operator with the role owner",
            f"give {one.owner} the role back, or retire it and file it again with another --owner",
        )
    if one.system_owner is None:
        yield Finding(Code.NO_SYSTEM_OWNER, "it has no system owner", "file it again with --system-owner")


def _of_drills(one: Identity, *, now: int, every: int) -> Iterator[Finding]:
    if one.activated_at is None:
        return
    again = f"postroom drill {one.agent}"
    if one.drill_started_at is not None and now - one.drill_started_at >= STARTED_LONG_AGO:
        yield Finding(
            Code.DRILL_UNFINISHED,
            "a revocation drill started and never finished: the agent may be without a token",
            f"postroom token issue --agent {one.agent}, then {again}",
        )
    if one.drilled_at is None:
        yield Finding(Code.NEVER_DRILLED, "its revocation was never exercised", again)
        return
    if one.drill_failures:
        yield Finding(Code.DRILL_FAILED, f"its last drill failed: {', '.join(one.drill_failures)}", again)
    elif one.drill_unreached:
        text = f"its last drill is incomplete, not tried at {', '.join(one.drill_unreached)}"
        yield Finding(Code.DRILL_INCOMPLETE, text, f"{again} --url URL, for each gateway that it cannot find by itself")
    if now >= one.drilled_at + every:
        yield Finding(Code.DRILL_DUE, f"its last drill was {_days(now - one.drilled_at)} ago", again)


def _days(span: int) -> str:
    """A span in whole hours or days, readable for people."""
    return spell(max(HOUR, span - span % (24 * HOUR if span >= 48 * HOUR else HOUR)))
