"""Lanes, sites, events, suppressions and identities as table rows. Pure; foreign text is made safe here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.safe_text import make_safe
from console.themes import Tone
from console.views.rows import TIMES, address_cell, in_text, row, safe_cell, since_text
from console.widgets.columns import Cell, Column, Row
from core.filter_fields import Listing, screen_fields
from core.filters import Fields, Values
from core.model import EVERY_CLASS
from core.views.format import ABSENT, clock, count, count_short, date, plural, stamp

if TYPE_CHECKING:
    from core.views.agents import SuppressionRow
    from core.views.events import EventRow
    from core.views.identities import Identity
    from core.views.lanes import LaneRow, Paced, Scheduled, SiteRow

# --- lanes --------------------------------------------------------------------------------------------------------

LANES: Final = (
    Column("site", "SITE", 14, grow=1),
    Column("mailbox", "MAILBOX", 14, grow=1, narrow=12),
    Column("depth", "DEPTH", 7, align="right", narrow=6),
    Column("flying", "SENDING", 7, align="right", drop=3),
    Column("pace", "PACE", 6, align="right", drop=2),
    Column("hour", "HOUR", 9, align="right", drop=5),
    Column("waits", "WAITS FOR", 14, grow=1, names=27),
    Column("next", "NEXT", 7, align="right", narrow=6),
    Column("failures", "FAIL", 4, align="right", drop=4),
    Column("reply", "LAST REPLY", 16, grow=5, drop=1),
)
LANE_FIELDS: Final[Fields] = screen_fields(Listing.LANES, "level")


def lane_row(paced: Paced, *, now: int, stopped: bool = False) -> Row:
    """`PACE` is messages a minute, `HOUR` what is left of this mailbox's hourly cap at this site."""
    lane, hour = paced.lane, paced.hour
    waits = lane.waits_for or ("empty" if not lane.depth else "retry" if lane.failures else "")
    if stopped and lane.depth:
        waits = "ALL STOP"
    paused = waits == "ALL STOP" or lane.paused_at is not None or "paused" in waits or "suspended" in waits
    glyph = "■ " if paused else "▲ " if lane.failures or "backs off" in waits else ""
    tone = Tone.FAULT if paused else Tone.WARN if glyph else Tone.MUTED
    reply = lane.last_reply or ABSENT
    if lane.last_reply and lane.last_reply_at is not None:
        reply = f"{reply} · {since_text(lane.last_reply_at, now)}"
    return row(
        lane.id,
        (
            safe_cell(lane.site, Tone.STRONG),
            safe_cell(lane.mailbox),
            Cell(count_short(lane.depth), Tone.PLAIN if lane.depth else Tone.MUTED),
            Cell(str(lane.in_flight) if lane.in_flight else ABSENT, Tone.INFO if lane.in_flight else Tone.MUTED),
            Cell(f"{count_short(paced.pace)}/m", Tone.MUTED),
            Cell(f"{count_short(hour.used)}/{count_short(hour.cap)}", Tone.MUTED if hour.left else Tone.WARN),
            safe_cell(glyph + waits, tone),
            Cell(in_text(lane.next_at, now) if lane.depth else ABSENT, Tone.MUTED),
            Cell(str(lane.failures) if lane.failures else ABSENT, Tone.WARN if lane.failures else Tone.MUTED),
            safe_cell(reply, Tone.MUTED),
        ),
    )


def lane_fields(lane: LaneRow) -> Values:
    stopped = lane.paused_at is not None or (lane.waits_for or "").endswith((" paused", " suspended"))
    wrong = stopped or lane.failures
    return {
        "site": lane.site,
        "domain": lane.domain,
        "mailbox": lane.mailbox,
        "agent": lane.agent,
        "stream": lane.stream,
        "waits": lane.waits_for or "",
        "level": "bad" if wrong else "fine",
        "sev": "error" if stopped else "warn" if lane.failures or lane.waits_for == "route backs off" else "info",
        "state": _lane_state(lane),
        "depth": lane.depth,
        "fail": lane.failures,
    }


def _lane_state(lane: LaneRow) -> str:
    if lane.paused_at is not None:
        return "paused"
    return "sending" if lane.in_flight else "waiting" if lane.depth else "empty"


SITES: Final = (
    Column("site", "SITE", 18, grow=1),
    Column("depth", "TOTAL", 8, align="right", narrow=6),
    Column("flying", "SENDING", 7, align="right", drop=1),
    *(
        Column(f"age{end}", title, 6, align="right", narrow=5)
        for end, title in zip(
            (5, 10, 20, 40, 80, 160, 320, 640, 0), ("5m", "10m", "20m", "40m", "80m", "160m", "320m", "640m", "older"),
            strict=True,
        )
    ),
)  # fmt: skip


def site_row(index: int, site: SiteRow) -> Row:
    """One site by age; `~` before the total where ages were estimated."""
    total = Cell(("" if site.exact else "~") + count_short(site.depth), Tone.STRONG)
    flying = Cell(str(site.in_flight) if site.in_flight else ABSENT, Tone.INFO if site.in_flight else Tone.MUTED)
    ages = [
        Cell(count_short(n) if n else ABSENT, (Tone.WARN if late >= 5 else Tone.PLAIN) if n else Tone.MUTED)
        for late, n in enumerate(site.ages)
    ]
    return row(index, (safe_cell(site.site, Tone.STRONG), total, flying, *ages))


# --- events -------------------------------------------------------------------------------------------------------

EVENTS: Final = (
    Column("time", "TIME", 9),
    Column("severity", "SEV", 3),
    Column("actor", "ACTOR", 17, narrow=12),
    Column("type", "EVENT", 22, narrow=16),
    Column("object", "OBJECT", 18, narrow=14),
    Column("detail", "DETAIL", 16, grow=1),
)
_GLYPHS: Final = {"error": ("✖", Tone.FAULT), "warn": ("▲", Tone.WARN), "info": ("·", Tone.MUTED)}


def event_row(event: EventRow, row_id: int, repeats: str = "") -> Row:
    """One line; `repeats` says how many like it are folded into it."""
    glyph, tone = _GLYPHS[event.severity.value]
    return row(
        row_id,
        (
            Cell(clock(event.at), Tone.MUTED),
            Cell(glyph, tone),
            safe_cell(event.actor, short=make_safe(event.actor.removeprefix("agent:")).text),
            Cell(event.type, tone if event.severity.value == "error" else Tone.PLAIN),
            safe_cell(event.target, Tone.INFO),
            _detail(event, repeats),
        ),
    )


def _detail(event: EventRow, repeats: str) -> Cell:
    if repeats:  # the newest one's members would pass for those of all
        return Cell(f"{TIMES}{repeats[1:]}", Tone.ACCENT)
    return safe_cell(event.detail, Tone.MUTED if event.severity.value == "info" else Tone.PLAIN)


# --- suppressions -------------------------------------------------------------------------------------------------

SUPPRESSIONS: Final = (
    Column("address", "ADDRESS", 24, grow=1),
    Column("stream", "APPLIES TO", 14, drop=2),
    Column("cause", "CAUSE", 11),
    Column("reason", "REASON", 12, grow=4, drop=3),
    Column("by", "ADDED BY", 10),
    Column("since", "SINCE", 10),
    Column("ends", "ENDS", 10, drop=1),
)


def suppression_row(one: SuppressionRow, *, now: int) -> Row:
    ended = not one.in_force(now)
    ends = "ended" if ended else date(one.expires_at) if one.expires_at else "never"
    return row(
        one.id,
        (
            address_cell(one.address, Tone.MUTED if ended else Tone.STRONG),
            safe_cell(_reach(one), Tone.MUTED if one.stream is None else Tone.PLAIN),
            safe_cell(one.cause, Tone.WARN if one.cause == "complaint" else Tone.PLAIN),
            safe_cell(one.reason or ABSENT, Tone.PLAIN if one.reason else Tone.MUTED),
            safe_cell(one.added_by),
            Cell(date(one.added_at), Tone.MUTED),
            Cell(ends, Tone.MUTED),
        ),
    )


def _reach(one: SuppressionRow) -> str:
    """`the whole desk`, `shop.acme.com`, `shop.acme.com: cold_outreach`."""
    where = one.stream or "the whole desk"
    return where if one.classes == EVERY_CLASS else f"{where}: {one.classes}"


# --- identities ---------------------------------------------------------------------------------------------------

IDENTITIES: Final = (
    Column("address", "ADDRESS", 26, grow=2),
    Column("state", "STATE", 11),
    Column("agent", "AGENT", 12, drop=1),
    Column("mode", "MODE", 11, drop=3),
    Column("owner", "OWNER", 9, drop=2),
    Column("waits", "WAITING FOR", 17, grow=1, names=28),
    Column("ends", "ENDS", 7),
)
IDENTITY_FIELDS: Final[Fields] = screen_fields(Listing.IDENTITIES, "level")


def identity_row(one: Identity, *, now: int) -> Row:
    record = one.record
    requested = one.open
    state = "○ asks more" if one.asks else "○ requested" if requested else "✔ active"
    missing = f"✖ lacks {', '.join(one.missing)}" if one.missing and requested else ""
    waits = missing or (", ".join(kind.value for kind in one.waiting) if requested else "") or ABSENT
    ending = record.expires_at is not None and record.expires_at - now < 14 * 86_400_000_000
    return row(
        record.id,
        (
            safe_cell(record.address, Tone.STRONG),
            Cell(state, Tone.WARN if requested else Tone.GOOD),
            safe_cell(record.agent or ABSENT),
            Cell(record.mode, Tone.PLAIN),
            safe_cell(record.owner or ABSENT),
            safe_cell(waits, Tone.FAULT if missing else Tone.WARN if requested else Tone.MUTED),
            Cell(in_text(record.expires_at, now), Tone.WARN if ending else Tone.MUTED),
        ),
    )


def identity_fields(one: Identity, *, now: int) -> Values:
    record = one.record
    wrong = one.open or (record.expires_at is not None and record.expires_at <= now)
    return {
        "address": record.address,
        "domain": record.domain,
        "stream": record.domain,
        "expires": None if record.expires_at is None else record.expires_at - now,
        "agent": record.agent or "",
        "owner": record.owner or "",
        "state": record.status,
        "mode": record.mode,
        "level": "bad" if wrong else "fine",
    }


def scheduled_text(scheduled: Scheduled) -> str:
    """`, 3 scheduled, the next for 2026-11-21 12:41:07Z`; nothing where nothing is."""
    if not scheduled.count or scheduled.next_at is None:
        return ""
    return f", {count(scheduled.count)} scheduled, the next for {stamp(scheduled.next_at)}"


def total_text(shown: int, total: int, noun: str, many: str | None = None) -> str:
    """`12 lanes`, `3 of 12 lanes`."""
    known_text = plural(total, noun, many)
    return known_text if shown == total else f"{count(shown)} of {known_text}"
