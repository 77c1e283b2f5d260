"""Held mail by template, as lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.durations import stamp
from core.views.queue import HeldRow


@dataclass(frozen=True, slots=True)
class Template:
    """Held messages of one agent and one template. `samples` are the one that waits longest and the newest.

    `seen` is how many of them the asking operator has opened. `domains` and `checks` name the most frequent with their
    counts, among the first messages; `exact`: those are all.
    """

    count: int
    failing: int
    worst: int
    seen: int
    domains: tuple[tuple[str, int], ...]
    domain_count: int
    checks: tuple[tuple[str, int], ...]
    exact: bool
    samples: tuple[HeldRow, ...]

    def as_json(self) -> dict[str, Any]:
        first = self.samples[0]
        return {
            "id": first.spelled,
            "agent": first.agent,
            "mailbox": first.mailbox,
            "count": self.count,
            "failing": self.failing,
            "worst": self.worst,
            "seen": self.seen,
            "oldest_at": stamp(first.submitted_at),
            "domains": [{"domain": name, "count": n} for name, n in self.domains],
            "domain_count": self.domain_count,
            "checks": [{"code": name, "count": n} for name, n in self.checks],
            "exact": self.exact,
            "samples": [_sample(one) for one in self.samples],
        }


def _sample(row: HeldRow) -> dict[str, Any]:
    return {
        "id": row.spelled,
        "to": None if row.to is None else row.to.first,
        "recipients": 0 if row.to is None else row.to.count,
        "subject": row.subject,
        "preview": row.preview,
        "digest": row.digest,
        "failed_checks": row.failed_checks,
    }


@dataclass(frozen=True, slots=True)
class Templates:
    """A page of groups, and how many held items belong to none because they have no text: reads and tags."""

    groups: tuple[Template, ...]
    more: bool
    without: int
