"""What a batch would do, said before it is done: which of the marked may be decided, and why the others stay. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from textual.content import Content

from console.format import countdown, plural
from console.safe import fill


@dataclass(frozen=True, slots=True)
class Marked:
    """What is kept of a marked row: enough to say whom a batch reaches."""

    agent: str
    domain: str
    recipients: int
    failed_checks: int
    likeness: int | None
    alike: int = 1


@dataclass(frozen=True, slots=True)
class Batch:
    """`ready` are (item, digest) as they were drawn; the others stay where they are."""

    ready: tuple[tuple[int, str | None], ...]
    unread: int
    unopened: int
    agents: tuple[str, ...]
    recipients: int
    domains: int
    templates: int


def batch_of(
    marks: Mapping[int, str | None],
    known: Mapping[int, Marked],
    *,
    seen: Callable[[int, str | None], bool],
    approving: bool,
) -> Batch:
    """Sort the marked ones: what was never read cannot be decided, a failed check must have been opened to approve."""
    ready: list[tuple[int, str | None]] = []
    unread = unopened = 0
    for item, digest in marks.items():
        facts = known.get(item)
        if facts is None:
            unread += 1
        elif approving and facts.failed_checks and not seen(item, digest):
            unopened += 1
        else:
            ready.append((item, digest))
    chosen = [known[item] for item, _ in ready]
    return Batch(
        tuple(ready),
        unread,
        unopened,
        agents=tuple(sorted({facts.agent for facts in chosen})),
        recipients=sum(facts.recipients for facts in chosen),
        domains=len({facts.domain for facts in chosen}),
        templates=len({facts.likeness or -at for at, facts in enumerate(chosen, start=1)}),
    )


def summary(batch: Batch, *, hidden: int, delay: int | None) -> Content:
    """The dialog's text. `hidden` are marked but not shown by the filter; `delay` is None for a rejection."""
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
            Content(f"{plural(batch.templates, 'text')} in {len(batch.ready):,} messages; ⏎ then J K shows each body")
        )
    left_out = [
        f"{batch.unopened} with a failed check, never opened: left out" if batch.unopened else "",
        f"{batch.unread} still being read: left out" if batch.unread else "",
        f"{hidden} of the marked hidden by the filter" if hidden else "",
    ]
    lines += [Content(f"▲ {text}") for text in left_out if text]
    lines.append(Content("changed or decided elsewhere meanwhile: left out"))
    if delay is not None:
        lines.append(Content(f"released in {countdown(delay)}, u takes it back until then"))
    return Content("\n").join(lines)
