"""The mode ladder: the verdict on each action under the mailbox's mode, in one table.

The mode is the gate's first check and never its only one (rules/gate.py): every other question can only tighten its
verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.durations import spell, stamp
from core.errors import Conflict, Invalid
from core.model import Action, Block, Execute, Hold, Mode, Reason, Verdict

_READ_ONLY: Final = Block("action_blocked", "oversight_mode is read_only")
_GATED_ALL: Final = Hold((Reason("mode", "In gated_all mode a person approves every action"),))
_GATED_SEND: Final = Hold((Reason("mode", "In gated_send mode a person approves every message"),))
_NOTIFY: Final = Execute(notify=True)
_EXECUTE: Final = Execute()

_ROWS: Final[Mapping[Mode, tuple[Verdict, Verdict, Verdict, Verdict]]] = {
    #                 send         reply        read        tag
    Mode.READ_ONLY: (_READ_ONLY, _READ_ONLY, _EXECUTE, _READ_ONLY),
    Mode.GATED_ALL: (_GATED_ALL, _GATED_ALL, _GATED_ALL, _GATED_ALL),
    Mode.GATED_SEND: (_GATED_SEND, _GATED_SEND, _EXECUTE, _EXECUTE),
    Mode.MONITORED: (_NOTIFY, _NOTIFY, _EXECUTE, _EXECUTE),
    Mode.AUTONOMOUS: (_EXECUTE, _EXECUTE, _EXECUTE, _EXECUTE),
}
TABLE: Final[Mapping[Mode, Mapping[Action, Verdict]]] = {
    mode: dict(zip((Action.SEND, Action.REPLY, Action.READ, Action.TAG), row, strict=True))
    for mode, row in _ROWS.items()
}


def decide(action: Action, mode: Mode) -> Verdict:
    """The verdict of the mode alone on the action."""
    return TABLE[mode][action]


def is_raise(old: Mode, new: Mode) -> bool:
    """Whether `new` lets the agent do more on its own."""
    return new.rung > old.rung


def one_rung(old: Mode, new: Mode) -> bool:
    """Whether the two are neighbours on the ladder."""
    return abs(new.rung - old.rung) == 1


def check_step(old: Mode, new: Mode) -> None:
    """Allow raising a mode by one step at a time and lowering it by any number. Raises `Conflict`."""
    if is_raise(old, new) and not one_rung(old, new):
        following = list(Mode)[old.rung + 1]
        raise Conflict(
            f"a mode rises one step at a time, and {new} is {new.rung - old.rung} above {old}",
            fix=f"raise it to {following} first, and look at the evidence there before the next rung",
        )


def raise_from(raised_at: int | None, pause: int, *, now: int) -> int | None:
    """When the mode may be raised next, or None: at once.

    Only the last raise counts. A mode that was lowered since and would return to its rung waits as well, or lowering
    would bypass the pause; a mailbox that was never raised since its activation does not wait.
    """
    if raised_at is None or not pause or now - raised_at >= pause:
        return None
    return raised_at + pause


def check_pause(old: Mode, new: Mode, *, raised_at: int | None, pause: int, now: int) -> None:
    """Require the pause on a rung before the next raise. Raises `Conflict`."""
    following = raise_from(raised_at, pause, now=now) if is_raise(old, new) else None
    if raised_at is not None and following is not None:
        raise Conflict(
            f"the mode was raised at {stamp(raised_at)}, and policy asks for {spell(pause)} between two raises",
            fix=f"raise it from {stamp(following)} on; lowering it is always possible",
        )


def check_notification_target(mode: Mode, *, has_target: bool) -> None:
    """Refuse a `monitored` mailbox that has nowhere to notify. Raises `Invalid`.

    `has_target`: it has an approval webhook, or the policy's notifications cover it. Without either, monitored is
    autonomous under a misleading name.
    """
    if mode is Mode.MONITORED and not has_target:
        raise Invalid(
            "monitored notifies on every send, and this mailbox has nowhere to notify",
            fix="give it an approval_webhook or configure a notification, or choose gated_send",
            problems=(("approval_webhook", "is needed for monitored"),),
        )
