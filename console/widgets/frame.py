"""The frame around every screen: the line that says how fresh and how bad things are, the tabs, the keys.

Each is one line drawn from values, at whatever width there is. The least urgent end is what gets cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content
from textual.widget import Widget

from console.keymap import TABS, Action, key_of, with_keys
from console.safe_text import cells, clip, fit, make_safe
from console.state import Link, Live
from console.themes import DESK_COLOURS, Tone
from console.widgets.line_cache import LineCache, PlainLines
from core.durations import SECOND
from core.model import TIGHTENERS, Actor
from core.views.format import age, age_short, clock, clock_short, count, countdown, freshness

NARROW: Final = 100
"""Below this many cells the tabs go and the header shortens."""
NAMES_SHORT: Final = ((12, 10), (10, 8), (8, 6), (6, 5))
"""Cells of the desk's and of the operator's name on a narrow screen: the most that leave room for the problems."""
STOP_WIDTH: Final = 44
STOP_WORD: Final = 10
WHOLE: Final = 10_000
GIVING_WAY: Final = ((WHOLE, 3), (WHOLE, 2), (40, 2), (24, 2), (24, 1), (0, 3), (0, 2))
"""How many cells of the place, and how many of the figures, a header has room for: the most first."""
Parts = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Head:
    """What the first line says. `place` is the screen's own part, `title` its short name."""

    live: Live
    now: int
    name: str
    actor: Actor
    place: str
    title: str
    paused_at: int | None = None
    waiting: int = 0
    local: bool = False
    colour: str | None = None
    """The colour that its operator gave the desk."""

    @property
    def second(self) -> int:
        """The running second: ages ending in it change with the clock, so that a quiet line is drawn once a second."""
        return self.now // SECOND * SECOND


def head_line(head: Head, width: int) -> Content:
    """The header at this width: `● live 0.4s │ PROD [RW] alice │ ... 12:41:07Z`."""
    if width < NARROW:
        return _narrow_line(head, width)
    end = clock(head.now)
    room = width - cells(end) - 1
    # problems always stay: ages give way first, then most of the place with its filter, the depth, the reason of a stop
    shares = [(place, STOP_WIDTH, figures) for place, figures in GIVING_WAY if not place or not head.live.stopped]
    shares += [(0, STOP_WORD, 3), (0, STOP_WORD, 2), (0, STOP_WORD, 1)]
    tries = (_wide(head, place=place, stop=stop, figures=figures) for place, stop, figures in shares)
    parts = next((found for found in tries if sum(cells(text) for text, _ in found) <= room), [])
    parts = parts or _wide(head, place=0, stop=STOP_WORD, figures=1)
    return Content.assemble(*_clipped(parts, room), (f" {end}", Tone.MUTED))


def _narrow_line(head: Head, width: int) -> Content:
    end = f"{head.title} {clock_short(head.now)}"
    room = width - cells(end) - 1
    # how the depth moves gives way first, then the depth, then the ends of names: problems and filter always stay
    shares = [(NAMES_SHORT[0], 3), (NAMES_SHORT[0], 2), *((names, 1) for names in NAMES_SHORT)]
    tries = (_narrow(head, desk=desk, operator=operator, figures=figures) for (desk, operator), figures in shares)
    parts = next((found for found in tries if sum(cells(text) for text, _ in found) <= room), [])
    parts = parts or _narrow(head, desk=NAMES_SHORT[-1][0], operator=NAMES_SHORT[-1][1], figures=1)
    return Content.assemble(*_clipped(parts, room), (f" {end}", Tone.MUTED))


def _wide(head: Head, *, place: int, stop: int, figures: int) -> Parts:
    """The parts, with this many cells of the place and of the stop's sentence, and this many of the figures."""
    bar = (" │ ", Tone.MUTED)
    live = head.live
    who = _operator(head.actor) if live.link is not Link.OPENING else []
    parts = [_freshness(head), bar, *_named(head, head.name, Tone.STRONG), *_local(head), *who, bar]
    if live.stopped:
        # a long reason must not push the figures out of sight; "Needs you" shows it whole
        text = clip(f"■ ALL STOP by {_safe(live.stopped_by)}: {_safe(live.stop_reason)}", stop)
        parts += [(text, f"{Tone.FAULT} reverse"), bar]
    if live.gateway_down:
        parts += [("✖ gateway down", Tone.FAULT), bar]
    if head.place and place:
        parts += [(clip(head.place, place), Tone.PLAIN), bar]
    return parts + _figures(live, head.second, figures)


def _figures(live: Live, now: int, wanted: int) -> Parts:
    """The problems, and before them the depth (2), how it moves and the oldest (3)."""
    bar = (" │ ", Tone.MUTED)
    if live.link is Link.OPENING:
        return []
    held = (f"held {count(live.held)}", Tone.STRONG if live.held else Tone.PLAIN)
    oldest = age(now - live.oldest) if live.oldest is not None else "none"
    moves = [(f" ▲{live.held_minute}/min", Tone.MUTED), bar, (f"oldest {oldest}", Tone.PLAIN)]
    depth = [held, *(moves if wanted > 2 else []), bar] if wanted > 1 else []
    return [*depth, *_problems(live)]


def _problems(live: Live) -> Parts:
    if not live.faults and not live.warnings:
        return [("✔ no problems", Tone.GOOD)]
    return [
        (f"✖{live.faults}", Tone.FAULT if live.faults else Tone.MUTED),
        (f" ▲{live.warnings}", Tone.WARN if live.warnings else Tone.MUTED),
    ]


def _narrow(head: Head, *, desk: int, operator: int, figures: int) -> Parts:
    """The parts, with this many cells of both names; the depth (2), how it moves and the oldest (3)."""
    live = head.live
    fresh, tone = _freshness(head, short=True)
    opening = live.link is Link.OPENING
    access = "" if opening else "[RW]" if writes(head.actor) else "[R]"
    parts: Parts = [
        (fresh, tone),
        (" ", Tone.PLAIN),
        *_named(head, clip(head.name, desk), tone := Tone.WARN if access == "[R]" else Tone.STRONG),
        (f"{' LOCAL' * head.local}{access}", tone),
    ]
    if live.stopped:
        parts.append((" ■ STOP" if desk < NAMES_SHORT[1][0] else " ■ ALL STOP", f"{Tone.FAULT} reverse"))
    if opening:
        return parts
    parts.append((f" {clip(_safe(head.actor.name), operator)}", Tone.PLAIN))
    if figures > 1:
        parts.append((f" held {count(live.held)}", Tone.PLAIN))
    if figures > 2:
        oldest = age_short(head.second - live.oldest) if live.oldest is not None else "-"
        parts.append((f"▲{live.held_minute} old {oldest}", Tone.PLAIN))
    return [*parts, (" ", Tone.PLAIN), *_problems_short(live)]


def _problems_short(live: Live) -> Parts:
    found = [(f"✖{live.faults}", Tone.FAULT.value)] if live.faults else []
    found += [(f"▲{live.warnings}", Tone.WARN.value)] if live.warnings else []
    found += [(" ✖gateway down", Tone.FAULT.value)] if live.gateway_down else []
    return list(found) or [("✔", Tone.GOOD)]


def _named(head: Head, name: str, tone: str) -> Parts:
    """The desk's name, on a ground of its own colour if it has one."""
    colour = DESK_COLOURS.get(head.colour or "")
    return [(name, tone)] if colour is None else [(f" {name} ", colour)]


def _local(head: Head) -> Parts:
    """That the console works on the database of its own host: what it shows does not come from the gateway."""
    return [(" LOCAL", Tone.WARN)] if head.local else []


def _freshness(head: Head, *, short: bool = False) -> tuple[str, str]:
    live = head.live
    if live.link is Link.LOST:
        return f"✖ LOST {age(head.now - live.lost_since)}", f"{Tone.FAULT} reverse"
    if head.paused_at is not None:
        if short:
            return f"◼ PAUSED +{head.waiting:,}", f"{Tone.WARN} reverse"
        return f"◼ PAUSED {clock(head.paused_at)}, +{head.waiting:,} waiting", f"{Tone.WARN} reverse"
    if live.link is Link.OPENING:
        return "○ opening", Tone.MUTED
    since = None if live.last_event_at is None else max(0, head.now - live.last_event_at)
    if since is not None and since >= 10 * SECOND:  # no tenths any more
        since = max(10 * SECOND, since - head.now % SECOND)
    return f"● {'' if short else 'live '}{freshness(since)}", Tone.GOOD


def writes(actor: Actor) -> bool:
    """Whether the operator may change anything from here."""
    return not actor.roles.isdisjoint(TIGHTENERS)


def _operator(actor: Actor) -> Parts:
    name = _safe(actor.name)
    if writes(actor):
        return [(" [RW] ", Tone.GOOD), (name, Tone.PLAIN)]
    return [(" [R] ", Tone.WARN), (name, Tone.PLAIN), (", read-only: needs role reviewer or oncall", Tone.WARN)]


def _safe(text: str | None) -> str:
    return make_safe(text or "").text


def _clipped(parts: Sequence[tuple[str, str]], room: int) -> Parts:
    """As many of the parts as fit into `room` cells, the last one cut, padded to exactly that width."""
    drawn: Parts = []
    for text, tone in parts:
        wide = cells(text)
        if wide > room:
            drawn.append((text[: max(0, room - 1)] + "…" if room else "", tone))
            return drawn
        drawn.append((text, tone))
        room -= wide
    return [*drawn, (" " * room, Tone.PLAIN)]


def tab_line(active: int, width: int) -> Content:
    """`[1 Desk] 2 Queue 3 Agents ...          : command  ? help`."""
    parts: Parts = []
    keys = with_keys("{palette} command  {help} help")
    for number, name in enumerate(TABS, start=1):
        title = f"{key_of(f'go_{name}')} {name.title()}"
        parts.append((f"[{title}]", f"{Tone.INFO} bold") if number == active else (f" {title} ", Tone.MUTED))
    return Content.assemble(*_clipped(parts, width - cells(keys) - 1), (f" {keys}", Tone.MUTED))


@dataclass(frozen=True, slots=True)
class Key:
    """An action of the footer and, if it is unavailable now, why."""

    action: Action
    why_not: str | None = None


def foot_line(keys: Sequence[Key], *, note: str, undo: str, width: int, position: str = "") -> Content:
    """The keys of this place, unavailable ones dimmed; `note` and what can be undone at the right.

    A narrow screen also says where the cursor stands. Keys that stop something are drawn however little room there is.
    """
    narrow = width < NARROW
    gap = " " if narrow else "  "
    drawn = [(key, spelled) for key in keys if (spelled := _drawn(key, narrow=narrow))]
    wide = {key.action.name: sum(cells(text) for text, _ in spelled) + len(gap) for key, spelled in drawn}
    room = width - 1 - sum(wide[key.action.name] for key, _ in drawn if key.action.kept) + len(gap)
    last = " ".join(part for part in (position, with_keys("{help} help")) if part) if narrow else ""
    # what can be undone is never cut for a note
    note = clip(note, max(0, min(width // 2 - cells(undo), room - cells(undo) - cells(last) - 4)))
    end = "  ".join(part for part in (note, undo) if part)
    end = " ".join(part for part in (end, last) if part)
    room -= cells(end)
    parts: Parts = []
    full = False
    for key, spelled in drawn:
        if not key.action.kept:
            full = full or wide[key.action.name] > room
            if full:
                continue
            room -= wide[key.action.name]
        parts += [(gap, Tone.PLAIN), *spelled] if parts else spelled
    return Content.assemble(*_clipped(parts, width - cells(end)), (end, Tone.ACCENT if undo else Tone.MUTED))


def _drawn(key: Key, *, narrow: bool) -> Parts:
    """`a ok`, or nothing if there is no room for this key on a narrow screen."""
    cap, label = key.action.brief if narrow else (key.action.keycap, key.action.label)
    if not cap:
        return []
    dim = key.why_not is not None
    text = f" {label}" if label else ""
    return [(cap, f"{Tone.MUTED} dim" if dim else Tone.INFO), (text, f"{Tone.MUTED} dim" if dim else "")]


def hint_line(hint: str, width: int) -> Content:
    """What a newcomer should press first; from a list of keys, as many as there is room for."""
    while cells(hint) >= width and "," in hint:
        hint = hint.rpartition(",")[0]
    return Content.styled(fit(f" {hint}", width), Tone.ACCENT)


def undo_text(label: str, release_at: int, now: int) -> str:
    return f"{key_of('undo')} undo {label} {countdown(release_at - now)}" if release_at > now + SECOND // 10 else ""


class Line(LineCache, Widget):
    """One line of the frame, drawn by a function of the width; `check` redraws it if it has changed."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; background: $panel; color: $foreground; }
    TopLine { dock: top; }
    TabLine { background: $background; }
    FootLine { dock: bottom; }
    """
    ALLOW_SELECT = False

    def __init__(self, say: Callable[[int], Content]) -> None:
        super().__init__()
        self._styles_cache = PlainLines()
        self._say = say
        self._said = Content("")
        self._next: tuple[int, Content] | None = None
        """What `check` has found at this width, for the drawing it asks for."""

    def render(self) -> Content:
        width, found = self.size.width, self._next
        self._said, self._next = found[1] if found and found[0] == width else self._say(width), None
        return self._said

    def check(self) -> None:
        # Content compares by its text alone, and a dimmed key has the same text
        if self.is_mounted and self.display and not (found := self._say(width := self.size.width)).is_same(self._said):
            self._next = width, found
            self.refresh()


class TopLine(Line):
    """How fresh, which desk, who, how bad."""


class TabLine(Line):
    """The screens, with the number that leads to each."""


class HintLine(Line):
    """One line for a newcomer."""


class FootLine(Line):
    """The keys that work here."""


class StaleLine(Line):
    """Why what is shown is not current, whole: a table's own line has room for the beginning alone.

    It lies under the rows, so that they stay where they are when it comes and goes.
    """

    DEFAULT_CSS = """
    StaleLine { height: auto; max-height: 4; padding: 0 1; display: none; }
    """

    def __init__(self, why: Callable[[], str]) -> None:
        super().__init__(lambda _: Content.styled(f"✖ NOT CURRENT: {_safe(self._reason)}", Tone.FAULT))
        self._why = why
        self._reason = ""

    def check(self) -> None:
        if (reason := self._why()) != self._reason:
            self._reason, self.display = reason, bool(reason)
            self.refresh(layout=True)
