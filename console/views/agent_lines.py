"""One agent as pictures and lines: its ladder, its gauges, its rates against their thresholds. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from console.safe_text import clip, content, make_safe
from console.themes import Tone
from console.views.gauges import Evidence, Threshold, gauge, ladder, rate_chart
from console.views.rows import in_text, since_text
from core.durations import DAY
from core.rules.mode_evidence import Advice
from core.views.format import ABSENT, age, clock, count, percent, plural, stamp
from core.views.live import Level

if TYPE_CHECKING:
    from core.views.agent_page import AgentPage as AgentFacts
    from core.views.agent_page import Course, MailboxFacts
    from core.views.agents import AgentBasics
    from core.views.events import EventRow

CHART_HEIGHT = 5
_NAMES = {
    "agent_hour": "agent, hour",
    "agent_day": "agent, day",
    "mailbox_hour": "mailbox, hour",
    "mailbox_day": "mailbox, day",
    "stream_day": "warm-up, day",
    "new_recipients_day": "new recipients, day",
}
TYPE_WIDTH = 24
NAME_WIDTH = 19
NOT_SHOWN = "not shown: your roles may not read these"


def title(text: str) -> Content:
    return Content.styled(f"── {text} ", Tone.MUTED)


def status(agent: AgentBasics, *, now: int) -> Content:
    """Whether it runs, and if not, who stopped it and why."""
    name = content(make_safe(agent.name), Tone.STRONG)
    if agent.status != "suspended":
        return Content.assemble(name, ("  ✔ ", Tone.GOOD), agent.status)
    text = make_safe(f"by {agent.suspended_by}, {since_text(agent.suspended_at, now)}: {agent.suspend_reason}")
    return Content.assemble(name, ("  ✖ SUSPENDED ", Tone.FAULT), content(text))


def mailbox_lines(facts: MailboxFacts, *, now: int, width: int) -> list[Content]:
    """A mailbox: its ladder with the evidence for the next rung, then its budgets."""
    mailbox = facts.mailbox
    above, current = facts.evidence.next_rung, facts.evidence.rungs[mailbox.mode.rung]
    proofs = [
        Evidence(False, clip(make_safe(reason.text).text, width - 14)) for reason in (above.reasons if above else ())
    ]
    if above is not None and above.advice is Advice.CLIMB:
        proofs = [Evidence(True, "the figures support the next mode")]
    if above is not None and facts.evidence.raise_from is not None:
        proofs.append(Evidence(False, f"raised recently; can be raised again from {stamp(facts.evidence.raise_from)}"))
    lines = [
        title(clip(make_safe(mailbox.address).text, width - 20) + f" · ends {in_text(mailbox.expires_at, now)}"),
        *ladder(mailbox.mode, since=age(now - mailbox.mode_since), evidence=proofs),
    ]
    if current.advice is Advice.LEAVE:
        lines += [line for reason in current.reasons for line in _lowering(make_safe(reason.text).text, width=width)]
    lines += [Content(""), title("budgets (enforced)")]
    room = max(10, min(24, width - NAME_WIDTH - 16))
    for limit in facts.limits:
        label = clip(make_safe(_NAMES.get(limit.name, limit.name.replace("_", " "))).text, NAME_WIDTH)
        lines.append(gauge(limit.used, limit.cap, room, label=label.ljust(NAME_WIDTH)))
    return lines


def _lowering(reason: str, *, width: int) -> list[Content]:
    """Why a lower mode is worth considering, on as many lines as it takes."""
    lead = "▲ consider lowering the mode: "
    first, *more = textwrap.wrap(lead + reason, width, subsequent_indent="  ")
    return [Content.assemble((lead, Tone.WARN), first.removeprefix(lead)), *map(Content, more)]


def course_lines(course: Course, *, width: int) -> list[Content]:
    """A rate over its window with the guard's thresholds drawn across it."""
    share = course.share
    glyph, tone = {Level.FAULT: ("✖ ", Tone.FAULT), Level.WARN: ("▲ ", Tone.WARN)}.get(share.level, ("✔ ", Tone.GOOD))
    head = Content.assemble(
        (f"── {course.name}, {course.window // DAY} d  ", Tone.MUTED),
        (glyph, tone),
        (percent(share.rate, digits=2), tone),
        (f"  {count(share.events)} of {count(share.whole)}", Tone.MUTED),
    )
    lines = (Threshold(share.warn, "warn"), Threshold(share.suspend, "suspend", Tone.FAULT))
    return [head, *rate_chart(course.points, width, CHART_HEIGHT, thresholds=lines)]


def run_lines(facts: AgentFacts, *, now: int, width: int) -> list[Content]:
    """Its latest runs."""
    lines = [title("runs, newest first")]
    if facts.runs is None:
        return [*lines, Content.styled(NOT_SHOWN, Tone.MUTED)]
    if not facts.runs:
        lines.append(Content.styled("none yet", Tone.MUTED))
    for run in facts.runs:
        state = "open" if run.closed_at is None else f"closed {since_text(run.closed_at, now)}"
        confirmed = f" · confirmed up to {count(run.confirmed_up_to)}" if run.confirmed_up_to else ""
        text = f"{run.key} · {plural(run.accepted, 'recipient')} · {run.user or ABSENT} · {state}{confirmed}"
        lines.append(content(clip(make_safe(text).text, width)))
    return lines


def event_lines(rows: Sequence[EventRow] | None, *, width: int) -> list[Content]:
    """What happened lately, newest first."""
    lines = [title("events, newest first")]
    if rows is None:
        return [*lines, Content.styled(NOT_SHOWN, Tone.MUTED)]
    for row in reversed(rows):
        glyph, tone = {"error": ("✖", Tone.FAULT), "warn": ("▲", Tone.WARN)}.get(row.severity.value, ("·", Tone.MUTED))
        text = make_safe(f"{row.type:<{TYPE_WIDTH}} {row.target} {row.detail}").text
        lines.append(
            Content.assemble((f"{clock(row.at)} ", Tone.MUTED), (f"{glyph} ", tone), content(clip(text, width - 12)))
        )
    return lines
