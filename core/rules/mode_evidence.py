"""What thirty days of a mailbox's figures say about each rung of the mode ladder. It advises; people decide.

Climbing must be earned: enough days, enough mail that people really reviewed, almost all of it approved unchanged, and
no complaints. Only the next rung can ever be advised, because behaviour on one rung says nothing about the rung after
the next. A single bad signal outweighs every good figure and points one rung down. A rung's reasons list everything it
lacks, so that the screen can show how far there is to go.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.model import Mode, Reason

WINDOW_DAYS: Final = 30


class Advice(enum.StrEnum):
    """The advice on one rung."""

    CLIMB = "climb"
    """The next rung up, supported by the figures."""
    STAY = "stay"
    """The present rung, with nothing against it."""
    LEAVE = "leave"
    """The present rung, with something against it."""
    STEP_DOWN = "step_down"
    """The next rung down: advised now."""
    NOT_YET = "not_yet"
    """A rung above that the figures do not support."""
    BELOW = "below"
    """A rung below; always possible, no reason to take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One mailbox's last 30 days.

    `days` it has been in its present mode, at most 30. `reviewed`: approved, rejected or returned, or approved after an
    edit. `approved` counts only what was approved as the agent wrote it. `edited`: edited by a person, or rejected or
    returned, then sent again by the agent with different wording; `expired`: held and never looked at. `hurried`:
    decided faster than anyone can read. `delivered`, `complaints` and `bounces` (hard) count recipients once, by time
    of sending; `suspensions` those by a guard.
    """

    days: int = 0
    reviewed: int = 0
    approved: int = 0
    rejected: int = 0
    edited: int = 0
    expired: int = 0
    hurried: int = 0
    delivered: int = 0
    complaints: int = 0
    bounces: int = 0
    suspensions: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """Requirements of a rung. Shares are of what was reviewed or delivered, each a maximum or a minimum."""

    days: int = 0
    reviewed: int = 0
    delivered: int = 0
    approved: Fraction = Fraction(0)
    edited: Fraction = Fraction(1)
    complaints: Fraction = Fraction(1)
    bounces: Fraction = Fraction(1)


_CLEAN: Final = Fraction(3, 10_000)
BARS: Final[Mapping[Mode, Bar]] = {
    Mode.READ_ONLY: Bar(),
    Mode.GATED_ALL: Bar(),
    Mode.GATED_SEND: Bar(days=7, reviewed=20, approved=Fraction(90, 100)),
    Mode.MONITORED: Bar(
        days=WINDOW_DAYS,
        reviewed=100,
        approved=Fraction(98, 100),
        edited=Fraction(5, 100),
        complaints=_CLEAN,
        bounces=Fraction(2, 100),
    ),
    # There is little to review at monitored: what counts is how the mail was received.
    Mode.AUTONOMOUS: Bar(days=WINDOW_DAYS, delivered=500, complaints=_CLEAN, bounces=Fraction(1, 100)),
}

COMPLAINT_SIGNAL: Final = Fraction(3, 10_000)
BOUNCE_SIGNAL: Final = Fraction(5, 100)
REJECTION_SIGNAL: Final = Fraction(20, 100)
EXPIRY_SIGNAL: Final = Fraction(25, 100)
HURRY_SIGNAL: Final = Fraction(10, 100)
_ENOUGH: Final = 10
"""Fewer reviews than this are chance, not a rate."""
_ENOUGH_BOUNCES: Final = 5
_ENOUGH_COMPLAINTS: Final = 2


@dataclass(frozen=True, slots=True)
class Rung:
    """The verdict on one rung, with every reason for it."""

    mode: Mode
    advice: Advice
    reasons: tuple[Reason, ...] = ()


def verdicts(figures: Figures, mode: Mode) -> tuple[Rung, ...]:
    """One verdict per rung, from `read_only` up, for a mailbox now in `mode`."""
    against = tuple(signals(figures))
    return tuple(_rung(rung, mode=mode, figures=figures, against=against) for rung in Mode)


def advised(figures: Figures, mode: Mode) -> Mode:
    """The rung the figures support: the next one up, the next one down, or the present one."""
    for verdict in verdicts(figures, mode):
        if verdict.advice in {Advice.CLIMB, Advice.STEP_DOWN}:
            return verdict.mode
    return mode


def signals(figures: Figures) -> Iterator[Reason]:
    """The reasons for less autonomy, whatever the mode."""
    f = figures
    if f.suspensions:
        yield Reason("suspended", f"a guard suspended it ({_times(f.suspensions)}) in these {WINDOW_DAYS} days")
    if f.complaints >= _ENOUGH_COMPLAINTS and _share(f.complaints, f.delivered) >= COMPLAINT_SIGNAL:
        yield Reason("complaints", f"complaints: {_of(f.complaints, f.delivered)}, and receivers act at 0.1 %")
    if f.bounces >= _ENOUGH_BOUNCES and _share(f.bounces, f.delivered + f.bounces) >= BOUNCE_SIGNAL:
        yield Reason("bounces", f"hard bounces: {_of(f.bounces, f.delivered + f.bounces)}")
    if f.reviewed >= _ENOUGH and _share(f.rejected, f.reviewed) >= REJECTION_SIGNAL:
        yield Reason("rejections", f"reviewers rejected {_of(f.rejected, f.reviewed)}")
    held = f.reviewed + f.expired
    if held >= _ENOUGH and _share(f.expired, held) >= EXPIRY_SIGNAL:
        yield Reason("expiry", f"{_of(f.expired, held)} expired unread: more is held than is reviewed")


def shortfalls(figures: Figures, rung: Mode) -> tuple[Reason, ...]:
    """The requirements for the rung that the figures miss, each with the actual and the required value."""
    return tuple(_shortfalls(figures, BARS[rung]))


def _rung(rung: Mode, *, mode: Mode, figures: Figures, against: tuple[Reason, ...]) -> Rung:
    steps = rung.rung - mode.rung
    if steps == 0:
        return Rung(rung, Advice.LEAVE if against and rung.rung > 0 else Advice.STAY, against)
    if steps == -1 and against:
        return Rung(rung, Advice.STEP_DOWN, against)
    if steps < 0:
        return Rung(rung, Advice.BELOW)
    reasons = (*against, *shortfalls(figures, rung))
    if steps > 1:
        following = list(Mode)[mode.rung + 1]
        reasons = (Reason("one_rung", f"modes rise one step at a time: {following} comes first"), *reasons)
    return Rung(rung, Advice.NOT_YET if reasons else Advice.CLIMB, reasons)


def _shortfalls(figures: Figures, bar: Bar) -> Iterator[Reason]:
    f = figures
    if f.days < bar.days:
        yield Reason("days", f"{f.days} of {bar.days} days at the present mode")
    if f.reviewed < bar.reviewed:
        yield Reason("reviewed", f"{f.reviewed:,} of {bar.reviewed:,} messages reviewed")
    if f.delivered < bar.delivered:
        yield Reason("delivered", f"{f.delivered:,} of {bar.delivered:,} recipients delivered to")
    if f.reviewed and _share(f.approved, f.reviewed) < bar.approved:
        yield Reason("approved", f"approved: {_of(f.approved, f.reviewed)}, at least {_percent(bar.approved)} needed")
    if _share(f.edited, f.reviewed) > bar.edited:
        yield Reason("edited", f"reworded after review: {_of(f.edited, f.reviewed)}, at most {_percent(bar.edited)}")
    # Approvals without reading are no evidence, however many there are.
    if bar.reviewed and _share(f.hurried, f.reviewed) > HURRY_SIGNAL:
        yield Reason("hurried", f"decided faster than anyone can read: {_of(f.hurried, f.reviewed)}")
    if _share(f.complaints, f.delivered) > bar.complaints:
        yield Reason("complaints", f"complaints: {_of(f.complaints, f.delivered)}, at most {_percent(bar.complaints)}")
    if _share(f.bounces, f.delivered + f.bounces) > bar.bounces:
        sent = f.delivered + f.bounces
        yield Reason("bounces", f"hard bounces: {_of(f.bounces, sent)}, at most {_percent(bar.bounces)}")


def _share(part: int, whole: int) -> Fraction:
    """Any part of nothing counts as all of it: a complaint without a delivery in the window must not read as 0 %."""
    return Fraction(part, whole) if whole > 0 else Fraction(min(part, 1))


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({_percent(_share(part, whole))})"


def _percent(share: Fraction) -> str:
    figure = f"{float(share) * 100:.2f}".rstrip("0").rstrip(".")
    return f"{'under 0.01' if figure == '0' and share else figure} %"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
