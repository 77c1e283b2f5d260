"""When an agent's rates cause a warning or a suspension, and the sentence that explains it.

A guard never returns a bare yes or no: its value carries the figures, because the operator on call, the agent that gets
`agent_suspended` and the person who decides about resuming all need the reason. The caller decides what is counted and
in which cohort: recipients once, by the time of sending, over delivered. Our own throttling, policy blocks,
auto-replies and out-of-office replies are never among the events.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.durations import spell
from core.model import Mode

SMALL_DOMAIN: Final = 5
"""A domain that gets less than one in this many of an agent's messages cannot suspend it alone."""
BULK_LINE: Final = 5_000
"""Messages a day to one mailbox provider that make a primary domain a bulk sender, for good (Gmail's sender guidelines,
"Email sender guidelines FAQ": close to 5,000 within 24 hours, all subdomains together, does not expire)."""
BULK_WARNING: Final = BULK_LINE * 80 // 100


class Measure(enum.StrEnum):
    """The rate that a guard measures."""

    COMPLAINTS = "complaints"
    BOUNCES = "bounces"


@dataclass(frozen=True, slots=True)
class Figures:
    """The counts, and the threshold they are compared with. `window` is in microseconds."""

    measure: Measure
    events: int
    delivered: int
    limit: float
    window: int
    aside: int = 0
    """Further events that do not count: of recipients already counted, or of one small domain beyond its cap."""

    @property
    def rate(self) -> float:
        """Events over delivered; 1.0 if there were events and nothing was delivered."""
        return float(_rate(self.events, self.delivered))

    @property
    def sentence(self) -> str:
        """`complaints 0.41 % (limit 0.05 %) of 980 delivered in 7d`: screens truncate the end."""
        share, limit = percent(self.rate), percent(self.limit)
        more = f"; {self.aside:,} more from the same recipients or one domain not counted" if self.aside else ""
        return f"{self.measure} {share} (limit {limit}) of {self.delivered:,} delivered in {spell(self.window)}{more}"


@dataclass(frozen=True, slots=True)
class Fine:
    """No action needed; the figures are for display."""

    figures: Figures


@dataclass(frozen=True, slots=True)
class Warn:
    """A person should look; the limit in the figures is the warning line."""

    figures: Figures


@dataclass(frozen=True, slots=True)
class Suspend:
    """The agent stops now; the limit in the figures is the suspension line."""

    figures: Figures


Judgement = Fine | Warn | Suspend


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A pattern in an agent's held mail that suggests a lower mode. It advises; people decide."""

    code: str
    text: str
    suggests: Mode | None

    def as_json(self) -> dict[str, object]:
        return {"code": self.code, "text": self.text, "suggests": self.suggests.value if self.suggests else None}


@dataclass(frozen=True, slots=True)
class Lines:
    """The shares of held mail at which an anomaly starts; fewer decisions than `minimum` prove nothing."""

    rejections: float = 0.2
    expiry: float = 0.25
    minimum: int = 10


DEFAULT_LINES: Final = Lines()


@dataclass(frozen=True, slots=True)
class BulkLine:
    """A primary domain is near or over the bulk-sender line."""

    sent: int
    crossed: bool
    text: str


@dataclass(frozen=True, slots=True)
class EventRecipient:
    """The recipient behind an event: whether it is already counted, and the figures of its domain.

    `of_domain` counts the domain's recipients so far, `to_domain` the agent's deliveries there. `strangers`: a
    public mailbox provider's domain, whose recipients are unrelated to each other.
    """

    counted: bool
    of_domain: int
    to_domain: int
    strangers: bool


def counts(one: EventRecipient, *, delivered: int, min_events: int) -> bool:
    """Whether one more complaint or bounce counts against an agent.

    A recipient counts once a window, however many reports they cause: one person is no statistic. A domain that gets
    less than a fifth of the agent's mail counts up to one recipient less than a suspension takes, so that its owner
    cannot suspend an agent with invented addresses. Events that do not count are still shown.
    """
    if one.counted:
        return False
    if one.strangers or one.of_domain < max(1, min_events - 1):
        return True
    return one.to_domain * SMALL_DOMAIN >= delivered


def judge(
    measure: Measure, *, delivered: int, events: int, warn: float, suspend: float, min_events: int, window: int,
    aside: int = 0,
) -> Judgement:  # fmt: skip
    """Compare one rate with its warning and suspension lines.

    Complaints suspend above the line, bounces on it. `min_events` limits the suspension alone: two complaints in ten
    messages are no statistic, but one is worth a look, so a warning needs no minimum. `window` (microseconds) only goes
    into the figures.
    """
    rate = _rate(events, delivered)
    # str() gives the spelling in policy.toml, the shortest one of the float: 0.05 is five in a hundred, exactly.
    line, warning = Fraction(str(suspend)), Fraction(str(warn))
    over = rate > line if measure is Measure.COMPLAINTS else rate >= line
    if events and over and events >= min_events:
        return Suspend(Figures(measure, events, delivered, suspend, window, aside))
    figures = Figures(measure, events, delivered, warn, window, aside)
    return Warn(figures) if events and rate >= warning else Fine(figures)


def anomalies(
    mode: Mode, *, decided: int, rejected: int, expired: int, lines: Lines = DEFAULT_LINES
) -> tuple[Anomaly, ...]:
    """Anomalies in reviewers' rejections and in held mail that expired unreviewed.

    `decided` counts approvals and rejections, `rejected` only the latter, `expired` items that nobody looked at. Mail
    rejected too often should not have been written; mail that expires is more than people can read. Both suggest a rung
    lower, and people decide.
    """
    lower = _rung_below(mode)
    advice = f"; consider {lower}" if lower else ""
    found = []
    if decided >= lines.minimum and rejected and _over(rejected, decided, lines.rejections):
        share = percent(rejected / decided)
        found.append(Anomaly("rejections", f"reviewers rejected {rejected:,} of {decided:,} ({share}){advice}", lower))
    waited = decided + expired
    if waited >= lines.minimum and expired and _over(expired, waited, lines.expiry):
        share = percent(expired / waited)
        text = f"{expired:,} of {waited:,} held messages expired unread ({share}): more mail than is reviewed{advice}"
        found.append(Anomaly("expiry", text, lower))
    return tuple(found)


def _over(part: int, whole: int, line: float) -> bool:
    return Fraction(part, whole) >= Fraction(str(line))


def bulk_line(sent_today: int, *, domain: str) -> BulkLine | None:
    """Whether a primary domain nears the bulk-sender line, from 80 % on.

    `domain` is the organisational domain (`core.domains`) and `sent_today` the total of all streams under it.
    """
    if sent_today < BULK_WARNING:
        return None
    crossed = sent_today >= BULK_LINE
    text = (
        f"{domain} sent {sent_today:,} today: at {BULK_LINE:,} receivers treat the domain as a bulk sender, for good"
        if not crossed
        else f"{domain} sent {sent_today:,} today, over the bulk line of {BULK_LINE:,}: receivers' bulk rules apply, "
        "for good"
    )
    return BulkLine(sent=sent_today, crossed=crossed, text=text)


def percent(share: float) -> str:
    """`0.41 %`, `5 %`, `100 %`: at most two decimals, and never 0 % for something."""
    figure = f"{share * 100:.2f}".rstrip("0").rstrip(".")
    return "under 0.01 %" if figure == "0" and share > 0 else f"{figure} %"


def _rate(events: int, delivered: int) -> Fraction:
    """Events without any delivery are the worst rate, not an undefined one."""
    return Fraction(events, delivered) if delivered > 0 else Fraction(1 if events else 0)


def _rung_below(mode: Mode) -> Mode | None:
    return list(Mode)[mode.rung - 1] if mode.rung else None
