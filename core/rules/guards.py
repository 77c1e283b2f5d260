"""When figures about an agent become a warning or a suspension, and the sentence that says so.

A guard never says only yes or no: its value carries the figures, because the operator who is woken, the agent that
gets `agent_suspended` and the person who decides about resuming all ask the same question. What is counted, and in
which cohort, is the caller's: recipients once, by the time of sending, over delivered. Our own throttling, policy
blocks, auto-replies and out-of-office are never among the events.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.durations import spell
from core.model import Mode

SMALL_DOMAIN: Final = 5
"""A domain that gets less than one in so many of an agent's mails cannot suspend it alone."""
BULK_LINE: Final = 5_000
"""Messages a day to one mailbox provider that make a primary domain a bulk sender, for good (Gmail's sender guidelines,
"Email sender guidelines FAQ": close to 5,000 within 24 hours, all subdomains together, does not expire)."""
BULK_WARNING: Final = BULK_LINE * 80 // 100


class Measure(enum.StrEnum):
    """What a guard measures."""

    COMPLAINTS = "complaints"
    BOUNCES = "bounces"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted, and the threshold it is held against. `window` is in microseconds."""

    measure: Measure
    events: int
    delivered: int
    limit: float
    window: int
    aside: int = 0
    """Further events that do not count: of recipients who count already, or of one small domain beyond its cap."""

    @property
    def rate(self) -> float:
        """Events over delivered; 1.0 where events came back and nothing was delivered."""
        return float(_rate(self.events, self.delivered))

    @property
    def sentence(self) -> str:
        """`complaints 0.41 % (limit 0.05 %) of 980 delivered in 7d`: screens cut the end."""
        share, limit = percent(self.rate), percent(self.limit)
        more = f"; {self.aside:,} more from the same recipients or one domain not counted" if self.aside else ""
        return f"{self.measure} {share} (limit {limit}) of {self.delivered:,} delivered in {spell(self.window)}{more}"


@dataclass(frozen=True, slots=True)
class Fine:
    """Nothing to do; the figures for whoever looks."""

    figures: Figures


@dataclass(frozen=True, slots=True)
class Warn:
    """A human should look; the limit in the figures is the warning line."""

    figures: Figures


@dataclass(frozen=True, slots=True)
class Suspend:
    """The agent stops now; the limit in the figures is the suspension line."""

    figures: Figures


Judgement = Fine | Warn | Suspend


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something about an agent's pending mail that suggests a lower mode. It advises; people decide."""

    code: str
    text: str
    suggests: Mode | None

    def as_json(self) -> dict[str, object]:
        return {"code": self.code, "text": self.text, "suggests": self.suggests.value if self.suggests else None}


@dataclass(frozen=True, slots=True)
class Lines:
    """From which shares on held mail is an anomaly; fewer decisions than `minimum` say nothing."""

    rejections: float = 0.2
    expiry: float = 0.25
    minimum: int = 10


DEFAULT_LINES: Final = Lines()


@dataclass(frozen=True, slots=True)
class BulkLine:
    """A primary domain is near or over the bulk line."""

    sent: int
    crossed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Who an event came from: whether this recipient is counted already, and how their domain stands.

    `of_domain` are the domain's recipients that count so far, `to_domain` what the agent has had delivered there.
    `strangers`: a public mailbox provider's domain, so that its recipients have nothing to do with each other.
    """

    counted: bool
    of_domain: int
    to_domain: int
    strangers: bool


def counts(one: Standing, *, delivered: int, min_events: int) -> bool:
    """Whether one more complaint or bounce counts against an agent.

    A recipient counts once a window, however many mails they send back: one person is no statistic. A domain that gets
    less than a fifth of the agent's mail counts up to one recipient less than a suspension takes, so that whoever owns
    a domain cannot suspend an agent by addresses of their own making. What does not count is shown.
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
    """Hold one rate against its two lines.

    Complaints suspend above the line, bounces on it. `min_events` guards the suspension alone: two complaints in ten
    messages are no statistic, but one is worth a look, so a warning needs no minimum. `window` (microseconds) only
    goes into the figures.
    """
    rate = _rate(events, delivered)
    # The shortest spelling of a float is what somebody wrote into policy.toml: 0.05 is five in a hundred, exactly.
    line, warning = Fraction(str(suspend)), Fraction(str(warn))
    over = rate > line if measure is Measure.COMPLAINTS else rate >= line
    if events and over and events >= min_events:
        return Suspend(Figures(measure, events, delivered, suspend, window, aside))
    figures = Figures(measure, events, delivered, warn, window, aside)
    return Warn(figures) if events and rate >= warning else Fine(figures)


def anomalies(
    mode: Mode, *, decided: int, rejected: int, expired: int, lines: Lines = DEFAULT_LINES
) -> tuple[Anomaly, ...]:
    """What reviewers' rejections and unreviewed expiry say of an agent.

    `decided` counts approvals and rejections, `rejected` those of it refused, `expired` what nobody came to see.
    What is rejected too often should not have been written; what expires is more than people can read. Both ask for a
    rung less, and people decide.
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
    """Whether a primary domain nears the line from 80 % on.

    `domain` is the organisational domain (`core.domains`) and `sent_today` what all streams under it sent together.
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
    """All came back and nothing arrived is the worst rate, not an undefined one."""
    return Fraction(events, delivered) if delivered > 0 else Fraction(1 if events else 0)


def _rung_below(mode: Mode) -> Mode | None:
    return list(Mode)[mode.rung - 1] if mode.rung else None
