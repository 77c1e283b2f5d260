"""Facts as table rows: which cells, in which tone, with which glyph. Pure; foreign text is made safe here.

Every tone has its glyph or word beside it, so that a row reads the same without colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from console.safe_text import cells, make_safe
from console.themes import Tone
from console.views.gauges import gauge_text, gauge_tone, sparkline
from console.widgets.columns import Cell, Column, Piece, Row, lay_out
from console.widgets.pane import wrap
from core.filter_fields import Listing, screen_fields
from core.filters import Fields, Values
from core.model import Limit
from core.views.format import ABSENT, age, age_short, count, count_short, day_and_clock, percent
from core.views.live import AgentLine, Level, Need, Share

if TYPE_CHECKING:
    from core.views.queue import HeldRow

GLYPHS: Final[Mapping[Level, tuple[str, Tone]]] = {
    Level.FAULT: ("✖ CRIT", Tone.FAULT),
    Level.WARN: ("▲ WARN", Tone.WARN),
    Level.INFO: ("· INFO", Tone.INFO),
    Level.FINE: ("✔", Tone.GOOD),
}
GAUGE: Final = 19
SHARE: Final = 6
"""Cells of a rate on a narrow screen: `✖0.41%`, and `✖100%`."""
LONG_NAME: Final = 26
"""Cells that an agent's name may take before gauges and figures give way to it no further."""
TIMES: Final = "\u00d7"


class Shelf:
    """A row source whose rows are all known: the few hundred agents of a desk, not its mail."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}

    def fill(self, rows: Iterable[Row]) -> tuple[list[int], set[int]]:
        """Take these rows; returns their ids in order, and which of them are new or different."""
        fresh = {row.id: row for row in rows}
        changed = {row for row, new_row in fresh.items() if self._rows.get(row) != new_row}
        self._rows = fresh
        return list(fresh), changed

    def fetch(self, ids: Sequence[int], /) -> Mapping[int, Row]:
        return {row: self._rows[row] for row in ids if row in self._rows}


def row(row_id: int, cells: Iterable[Cell], *, digest: str | None = None) -> Row:
    """A row whose version is its content."""
    drawn = tuple(cells)
    return Row(row_id, hash(drawn), drawn, digest)


def address_cell(untrusted: str | None, tone: Tone = Tone.PLAIN) -> Cell:
    """A foreign address as a cell: where it is cut, its domain stays."""
    return replace(safe_cell(untrusted, tone), address=True)


def safe_cell(untrusted: str | None, tone: Tone = Tone.PLAIN, **more: str) -> Cell:
    """Foreign text as a cell; its number of hidden characters stands at the end, however much is cut."""
    safe = make_safe(untrusted or "")
    return Cell(
        safe.text, tone, tail=f" ⚠{safe.hidden}" if safe.hidden else more.get("tail", ""), short=more.get("short")
    )


# --- needs you ----------------------------------------------------------------------------------------------------

NEEDS: Final = (
    Column("level", "NEEDS YOU", 9),
    Column("subject", "", 14),
    Column("text", "", 10, grow=1),
)


CAUSE_LINES: Final = 4
"""Lines a need may take: its cause, then what to do."""


def need_rows(
    needs: Mapping[int, Need], *, width: int, room: int, now: int = 0, key_of: Callable[[str], str] = str
) -> list[Row]:
    """Worst first, in `width` cells. A cause too long for its column goes on below while there is `room`, in lines.

    What the desk did and what to do next follows, worst first too, while there is room for it. What is left lets these
    steps go on below as well. `key_of` names the key of an operation here, or nothing. The rows of a need are numbered
    from its own number times `CAUSE_LINES`.
    """
    column = lay_out(NEEDS, max(0, width))[-1].width
    spare = room - len(needs)
    causes: dict[int, list[Cell]] = {}
    steps: dict[int, str] = {}
    for number, need in needs.items():
        causes[number] = _lines(need.text, column, 1 + max(0, min(spare, CAUSE_LINES - 2)))
        spare -= len(causes[number]) - 1
        if spare > 0 and (text := runbook(need, now=now, key=key_of(need.next))):
            steps[number] = text
            spare -= 1
    rows: list[Row] = []
    for number, need in needs.items():
        glyph, tone = GLYPHS[need.level]
        first, *more = causes[number]
        if text := steps.get(number, ""):
            below = _lines(text, column, 1 + max(0, min(spare, CAUSE_LINES - 2 - len(more))), Tone.MUTED)
            below[-1] = replace(below[-1], text=_whole_clauses(below[-1].text, column))
            spare -= len(below) - 1
            more += below
        rows.append(row(number * CAUSE_LINES, (Cell(glyph, tone), safe_cell(need.subject, Tone.STRONG), first)))
        rows += [row(number * CAUSE_LINES + n, (Cell(), Cell(), cell)) for n, cell in enumerate(more, start=1)]
    return rows


def runbook(need: Need, *, now: int, key: str = "") -> str:
    """`3h ago · starts no delivery of it · 412 refused · r: see what it sent`."""
    if need.level not in {Level.FAULT, Level.WARN} or not (need.did or need.step):
        return ""
    known = f"known to {need.quiet_by}" if need.quiet_by else ""
    since = since_text(need.since, now) if need.since is not None else ""
    refused = f"{count(need.refused)} refused" if need.refused else ""
    step = f"{key}: {need.step}" if key and need.step else need.step
    return " · ".join(part for part in (known, since, refused, step or need.did) if part)


def _lines(text: str, width: int, most: int, tone: Tone = Tone.PLAIN) -> list[Cell]:
    """A text in at most this many lines; the rest stands in the last one, to be clipped there."""
    whole = safe_cell(text, tone)
    if most == 1 or cells(whole.text) + cells(whole.tail) <= width:
        return [whole]
    lines, rest = [], whole.text
    for row in wrap([Piece(whole.text, Tone.PLAIN)], width)[: most - 1]:
        lines.append("".join(piece.text for piece in row))
        rest = rest[len(lines[-1]) :].lstrip(" ")
    return [*(Cell(line, tone) for line in lines), *([replace(whole, text=rest)] if rest else [])]


def _whole_clauses(text: str, width: int) -> str:
    """As many of its clauses as fit, because half a clause tells nobody what to do; the text itself if not one does."""
    head = text
    while cells(head) > width and "; " in head:
        head = head.rpartition("; ")[0]
    return head if cells(head) <= width else text


# --- agents -------------------------------------------------------------------------------------------------------

AGENTS: Final = (
    Column("agent", "AGENT", 13, grow=1, names=LONG_NAME),
    Column("mode", "MODE", 13, narrow=12),
    Column("state", "STATE", 6),
    Column("held", "HELD", 5, align="right"),
    Column("sent", "SENT/h", 6, align="right", drop=1),
    Column("hour", "HOUR BUDGET", GAUGE, narrow=5, short="HOUR", align="right"),
    Column("day", "DAY", 4, align="right", drop=2),
    Column("complaints", "COMPL", 7, narrow=SHARE, align="right"),
    Column("bounces", "BOUNCE", 7, narrow=SHARE, align="right"),
    Column("trend", "TREND", 6, drop=4),
    Column("oldest", "OLDEST", 6, align="right", drop=3),
    Column("last", "LAST", 14, grow=1, drop=5),
)


def agent_row(line: AgentLine) -> Row:
    mode = line.mode
    more = f" +{len(line.mailboxes) - 1}" if len(line.mailboxes) > 1 else ""
    state = Cell("✖ SUSP", Tone.FAULT) if line.suspended else Cell("run", Tone.PLAIN)
    return row(
        line.id,
        (
            safe_cell(line.name, Tone.STRONG),
            Cell(mode.value, Tone.PLAIN, tail=more, tail_tone=Tone.ACCENT) if mode else Cell("no mailbox", Tone.MUTED),
            state,
            Cell(count_short(line.held) if line.held else ABSENT, Tone.PLAIN if line.held else Tone.MUTED),
            Cell(count_short(line.sent_hour), Tone.PLAIN if line.sent_hour else Tone.MUTED),
            _gauge(line.hour),
            _used(line.day),
            _share(line.complaints),
            _share(line.bounces, digits=1),
            Cell(sparkline(line.trend, 6), Tone.INFO),
            Cell(tone=Tone.PLAIN, since=line.oldest) if line.oldest is not None else Cell(ABSENT, Tone.MUTED),
            safe_cell(line.last, Tone.MUTED),
        ),
    )


def agent_fields(line: AgentLine) -> Values:
    """What a filter of agents may name."""
    return {
        "agent": line.name,
        "mode": [mailbox.mode.value for mailbox in line.mailboxes],
        "state": line.status,
        "mailbox": [mailbox.address for mailbox in line.mailboxes],
        "level": _LEVEL_WORDS[line.level],
        "sev": {Level.FAULT: "error", Level.WARN: "warn"}.get(line.level, "info"),
        "stream": (domains := [mailbox.address.partition("@")[2] for mailbox in line.mailboxes]),
        "domain": domains,
        "held": line.held,
        "sent": line.sent_hour,
    }


_LEVEL_WORDS: Final[Mapping[Level, tuple[str, ...]]] = {
    Level.FAULT: ("bad", "fault"),
    Level.WARN: ("bad", "warn"),
    Level.INFO: ("info",),
    Level.FINE: ("fine",),
}
AGENT_FIELDS: Final[Fields] = screen_fields(Listing.AGENTS, "level", "sev")


def _gauge(limit: Limit | None) -> Cell:
    if limit is None or limit.cap <= 0:
        return Cell("no budget" if limit else ABSENT, Tone.MUTED, short=ABSENT)
    fraction = limit.used / limit.cap
    return Cell(gauge_text(limit.used, limit.cap, GAUGE), gauge_tone(fraction), short=percent(fraction, tight=True))


def _used(limit: Limit | None) -> Cell:
    if limit is None or limit.cap <= 0:
        return Cell(ABSENT, Tone.MUTED)
    fraction = limit.used / limit.cap
    return Cell(percent(fraction, tight=True), gauge_tone(fraction) if fraction >= 0.8 else Tone.PLAIN)


def _share(share: Share, *, digits: int = 2) -> Cell:
    glyph, tone = {Level.FAULT: ("✖", Tone.FAULT), Level.WARN: ("▲", Tone.WARN)}.get(share.level, ("", Tone.PLAIN))
    if share.rate is None:
        return Cell(ABSENT, Tone.MUTED)
    exact, *rougher = (glyph + percent(share.rate, digits=each, tight=True) for each in range(digits, -1, -1))
    return Cell(exact, tone, short=next(text for text in (exact, *rougher) if len(text) <= SHARE))


# --- held mail ----------------------------------------------------------------------------------------------------

HELD: Final = (
    Column("age", "AGE", 6, align="right"),
    Column("checks", "CHK", 3),
    Column("alike", "ALIKE", 5, align="right", drop=1),
    Column("agent", "AGENT", 12, names=20),
    Column("to", "TO", 16, grow=1),
    Column("subject", "SUBJECT", 16, grow=2),
)


def check_cell(held: HeldRow) -> Cell:
    """`✖2`: failed content checks, else `▲1`: other reasons it is held; the same lines as in the opened message."""
    if held.failed_checks:
        return Cell(f"✖{held.failed_checks}", Tone.FAULT)
    return Cell(f"▲{held.cautions}", Tone.WARN) if held.cautions else Cell("·", Tone.MUTED)


def who_text(held: HeldRow, *, now: int, viewer: str = "") -> str:
    """Who is on it: `bob has it`, or `bob reads it`; of the viewer only the claim."""
    claimed = held.claimed_by(now)
    if claimed is not None:
        return "yours" if claimed == viewer else f"{claimed} has it"
    others = [one for one in held.read_by(now) if one != viewer]
    if not others:
        return ""
    return f"{others[0]} reads it" if len(others) == 1 else f"{others[0]} +{len(others) - 1} read it"


def held_row(held: HeldRow, *, now: int = 0, viewer: str = "") -> Row:
    """One line of the queue; a held read or tag shows what it asks for in place of a subject.

    Received mail shows its author in place of a recipient, `← jane@example.com`, and the word `received`.

    The earliest time of departure (`→11-21 12:41Z`) and the approvals so far follow the subject, and are never cut.
    """
    to = address_cell(held.to.first) if held.to else safe_cell(held.mailbox)
    if held.received:
        to = address_cell(f"← {held.sender or '(no author)'}", Tone.INFO)
    elif held.to and held.to.count > 1:
        to = replace(to, tail=f"{to.tail} +{held.to.count - 1}", tail_tone=Tone.ACCENT)
    subject = safe_cell(held.subject) if held.subject is not None else safe_cell(f"{held.kind} {held.target or ''}")
    subject = Cell("(no subject)", Tone.MUTED) if not subject.text else subject
    missing = held.approvals_missing
    sends = f" →{day_and_clock(held.send_at)}" if held.send_at is not None else ""
    tail = " received" if held.received else ""
    tail += f" {len(held.approvers)}/{held.needs} yes" if held.needs > 1 and missing else ""
    tail += " edited" if held.editors else ""
    who = who_text(held, now=now, viewer=viewer) if now else ""
    tail += f" · {make_safe(who).text}" if who else ""
    tone = Tone.INFO if sends and not (tail or subject.tail) else subject.tail_tone
    return Row(
        held.id,
        held.version,
        (
            Cell(tone=Tone.PLAIN, since=held.submitted_at),
            check_cell(held),
            Cell(_alike(held), Tone.ACCENT) if held.alike > 1 else Cell(),
            safe_cell(held.agent),
            to,
            Cell(subject.text, subject.tone, tail=subject.tail + sends + tail, tail_tone=tone),
        ),
        digest=held.digest,
    )


def _alike(held: HeldRow) -> str:
    """How many are alike; beyond what is counted, `99+`."""
    return f"{TIMES}{held.alike - 1}+" if held.more_alike else f"{TIMES}{held.alike}"


def since_text(at: int | None, now: int) -> str:
    """`3d04 ago`, or an en dash."""
    return ABSENT if at is None else f"{age(now - at)} ago"


def in_text(at: int | None, now: int) -> str:
    """`in 3d`, `now`, or an en dash."""
    if at is None:
        return ABSENT
    return "now" if at <= now else f"in {age_short(at - now)}"
