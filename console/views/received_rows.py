"""Received mail as table rows. Pure; foreign text is made safe here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from console.themes import Tone
from console.views.received_lines import verdict
from console.views.rows import address_cell, row, safe_cell
from console.widgets.columns import Cell, Column, Row
from core.ids import spell_id
from core.views.format import ABSENT, percent

if TYPE_CHECKING:
    from core.views.received import ReceivedRow

RECEIVED: Final = (
    Column("age", "AGE", 6, align="right"),
    Column("state", "STATE", 10),
    Column("dmarc", "DMARC", 7),
    Column("score", "SCORE", 5, align="right", drop=1),
    Column("from", "FROM", 18, grow=2),
    Column("subject", "SUBJECT", 18, grow=3),
    Column("agent", "AGENT", 12, drop=2),
    Column("readers", "READ BY", 12, drop=3),
    Column("thread", "THREAD", 6, drop=4),
)
STATES: Final[Mapping[str, tuple[str, Tone]]] = {
    "held": ("■ held", Tone.WARN),
    "delivered": ("✔ to agent", Tone.GOOD),
    "releasing": ("… approved", Tone.WARN),  # until it can no longer be undone
    "rejecting": ("… rejected", Tone.WARN),
    "rejected": ("✖ rejected", Tone.FAULT),
    "expired": ("✖ expired", Tone.MUTED),
}


def received_row(one: ReceivedRow) -> Row:
    """One line of the inbox; what its agent has not marked as read is bold."""
    state, state_tone = STATES.get(one.status, (one.status, Tone.WARN))
    dmarc, dmarc_tone = verdict(one.dmarc)
    subject = safe_cell(one.subject, Tone.STRONG if one.unread else Tone.PLAIN)
    files = f" +{one.attachments}" if one.attachments else ""
    tail = f"{subject.tail}{files}"
    first, *more = one.readers or (ABSENT,)
    return row(
        one.id,
        (
            Cell(since=one.received_at),
            Cell(state, state_tone),
            Cell(dmarc, dmarc_tone),
            Cell(ABSENT, Tone.MUTED) if one.score is None else Cell(percent(one.score), _score(one)),
            _author(one.sender),
            Cell(subject.text or "(no subject)", subject.tone if subject.text else Tone.MUTED, tail=tail),
            safe_cell(one.agent),
            safe_cell(first + (f" +{len(more)}" if more else ""), Tone.PLAIN if one.readers else Tone.MUTED),
            Cell(spell_id("t", one.thread)[-6:], Tone.MUTED),
        ),
        digest=one.digest,
    )


def _author(sender: str) -> Cell:
    """The address without the name beside it, which anybody can choose."""
    return address_cell(sender or "(no author)", Tone.PLAIN if sender else Tone.MUTED)


def _score(one: ReceivedRow) -> Tone:
    return Tone.WARN if one.findings else Tone.MUTED
