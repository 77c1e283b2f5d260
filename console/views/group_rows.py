"""Templates of held mail as rows, and their samples."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from console.safe_text import fill
from console.themes import Tone
from console.views.rows import TIMES, row, safe_cell
from console.widgets.columns import Cell, Column, Row
from core.views.format import count, count_short
from core.views.queue import HeldRow
from core.views.templates import Template

GROUPS: Final = (
    Column("count", "COUNT", 7, align="right"),
    Column("checks", "CHK", 5),
    Column("agent", "AGENT", 12, names=20),
    Column("domains", "DOMAINS", 18, grow=1),
    Column("subject", "SUBJECT", 16, grow=2),
    Column("read", "READ", 5, align="right", drop=1),
    Column("age", "AGE", 6, align="right", drop=2),
)


def group_row(group: Template) -> Row:
    """One template: the domains by how often, the oldest subject, how many the operator has opened."""
    first = group.samples[0]
    rest = group.domain_count - len(group.domains)
    named = ", ".join(f"{domain} {TIMES}{count(n)}" for domain, n in group.domains)
    more = (f" +{rest}" if rest > 0 else "") + ("" if group.exact else " …")
    return row(
        first.id,
        (
            Cell(f"{TIMES}{count(group.count)}", Tone.STRONG),
            Cell(f"✖{count_short(group.failing)}", Tone.FAULT) if group.failing else Cell("·", Tone.MUTED),
            safe_cell(first.agent),
            safe_cell(named, tail=more),
            safe_cell(first.subject),
            Cell(count_short(group.seen), Tone.PLAIN if group.seen else Tone.MUTED),
            Cell(tone=Tone.PLAIN, since=first.submitted_at),
        ),
        digest=first.digest,
    )


def sample_text(sample: HeldRow, place: int) -> Content:
    """One of the two samples: recipient, subject, the beginning of the body."""
    head = Content.styled(("oldest", "newest")[place], Tone.MUTED)
    to = sample.to.first if sample.to is not None else sample.mailbox
    lines = [fill("To    $to", to=to), fill("Subj  $subject", subject=sample.subject or ""), Content("")]
    return Content("\n").join([head, *lines, fill("$text", text=sample.preview)])
