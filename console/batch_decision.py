"""What a batch decision would do, stated before it is done: which marked rows can be decided and why others cannot.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from console.keymap import key_of
from console.safe_text import fill
from core.views.format import countdown, plural

if TYPE_CHECKING:
    from core.views.queue import ClaimView


@dataclass(frozen=True, slots=True)
class Marked:
    """What is kept of a marked row: enough to say whom a batch reaches."""

    agent: str
    address: str
    """The first recipient, or the author of received mail."""
    recipients: int
    findings: tuple[str, ...]
    """The checks it failed: approving it needs a reason."""
    opened_first: bool
    """It fails a check, or is held for a reason other than its mode: it must be opened before it can be approved."""
    likeness: int | None
    alike: int = 1
    received: bool = False
    claim: ClaimView | None = None

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Batch:
    """`ready` holds (item, digest) as drawn; the other rows stay where they are."""

    ready: tuple[tuple[int, str | None], ...]
    unread: int
    unopened: int
    agents: tuple[str, ...]
    recipients: int
    domains: int
    templates: int
    failing: int
    """How many of them fail a check."""


def batch_of(
    marks: Mapping[int, str | None],
    loaded: Mapping[int, Marked],
    *,
    seen: Callable[[int, str | None], bool],
    approving: bool,
) -> Batch:
    """Sort the marked rows: one never read cannot be decided, and a failed check must be opened before approval."""
    ready: list[tuple[int, str | None]] = []
    unread = unopened = 0
    for item, digest in marks.items():
        facts = loaded.get(item)
        if facts is None:
            unread += 1
        elif approving and facts.opened_first and not seen(item, digest):
            unopened += 1
        else:
            ready.append((item, digest))
    chosen = [loaded[item] for item, _ in ready]
    return Batch(
        tuple(ready),
        unread,
        unopened,
        agents=tuple(sorted({facts.agent for facts in chosen})),
        recipients=sum(facts.recipients for facts in chosen),
        domains=len({facts.domain for facts in chosen}),
        templates=len({facts.likeness or -at for at, facts in enumerate(chosen, start=1)}),
        failing=sum(bool(facts.findings) for facts in chosen),
    )


def summary(batch: Batch, *, hidden: int, delay: int, does: str = "released") -> Content:
    """The dialog's text. `hidden` rows are marked but filtered out of view; `delay` is how long this can be undone."""
    who = ", ".join(batch.agents[:3]) + (f" and {len(batch.agents) - 3} more" if len(batch.agents) > 3 else "")
    lines = [
        fill(
            "$who → $people, $domains",
            who=who,
            people=plural(batch.recipients, "recipient"),
            domains=plural(batch.domains, "domain"),
        )
    ]
    if 0 < batch.templates < len(batch.ready):
        lines.append(
            Content(
                f"{len(batch.ready):,} messages from {plural(batch.templates, 'template')}. "
                f"Press {key_of('open')} to open, then {key_of('next')}/{key_of('previous')} to read each one."
            )
        )
    approves = does == "released"
    left_out = [
        f"{batch.unopened} with a failed check or warning, not opened: skipped" if batch.unopened else "",
        f"{batch.failing} with a failed check: your reason is recorded for each" if batch.failing and approves else "",
        f"{batch.unread} still loading: skipped" if batch.unread else "",
        f"{hidden} marked but hidden by the filter" if hidden else "",
    ]
    lines += [Content(f"▲ {text}") for text in left_out if text]
    lines.append(Content("Anything changed or decided by someone else in the meantime is skipped."))
    lines.append(Content(f"{does} in {countdown(delay)}; press {key_of('undo')} to undo until then"))
    return Content("\n").join(lines)
