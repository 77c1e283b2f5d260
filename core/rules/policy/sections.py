"""The schema of `policy.toml`: every key with its range, its default and the direction in which it tightens.

The direction is declared with the key because a key without one would be a loophole: anyone with write access to the
file could loosen it without governance. Durations are integer microseconds here and text (`72h`) in the file.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationInfo, model_validator
from pydantic_core import CoreSchema, core_schema

from core import work_hours
from core.durations import DAY, HOUR, MINUTE, SECOND, duration, spell
from core.errors import Invalid
from core.model import ContentClass, Mode

FROM_FILE: Final[dict[str, bool]] = {"file": True}
"""Validation context: durations must be spelled with a unit. Without it they are microseconds, as stored."""


class Tightens(enum.Enum):
    """The kind of change to a key that lets less mail out, or shows more of it to people."""

    LESS = enum.auto()
    """A smaller number, an earlier time, a lower rung."""
    MORE = enum.auto()
    ADDING = enum.auto()
    """One more member of the list."""
    REMOVING = enum.auto()
    CAREFUL = enum.auto()
    """No clear direction (a longer window dilutes, a shorter one forgets): any change loosens, so that people review
    it.
    """
    NEUTRAL = enum.auto()
    """Affects neither what leaves nor who sees it: takes effect at once."""
    PLACES = enum.auto()
    """Places the desk notifies. Adding one discloses what happens here, removing one silences it: any change loosens.
    """
    CURVE = enum.auto()
    """One number per day, each tighter when smaller; a day past the end of the list has no cap."""
    SITES = enum.auto()
    """Overrides by site, each key LESS; a site without one uses the common figures."""


@dataclass(frozen=True, slots=True)
class Toward:
    """A closed choice, loosest first."""

    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A duration and its range, in microseconds."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_before_validator_function(self._read, handler(source))

    def _read(self, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            try:
                micros = duration(value)
            except Invalid as wrong:
                raise ValueError(f"{wrong.reason}; {wrong.fix}") from None
        elif isinstance(value, int) and not isinstance(value, bool) and not info.context:
            micros = value
        else:
            raise ValueError(f"must be a number and a unit in quotes, such as {spell(self.high)!r}, not {value!r}")
        if not self.low <= micros <= self.high:
            raise ValueError(f"must be from {spell(self.low)} to {spell(self.high)}, not {spell(micros)}")
        return micros


class Secret:
    """Marks a list whose members contain credentials: changes show only their schemes, because changes are logged."""


def _canonical(members: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sort and deduplicate: order in the file has no meaning and must not look like a change."""
    return tuple(sorted(set(members)))


def _hours(text: str) -> str:
    try:
        if text:
            work_hours.read(text)
    except Invalid as wrong:
        raise ValueError(f"{wrong.reason}; {wrong.fix}") from None
    return text


def _footer(text: str) -> str:
    try:
        fields = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        raise ValueError("has a brace without its partner; write {{ for a brace") from None
    if fields - {"organisation"}:
        raise ValueError("may name {organisation} only")
    return text


Count = Annotated[int, Field(ge=0, le=10_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Classes = Annotated[tuple[ContentClass, ...], AfterValidator(_canonical)]
FourEyes = Annotated[tuple[ContentClass | Literal["receive"], ...], AfterValidator(_canonical)]
"""Classes of mail to be sent, and `receive`: received mail that is held."""
Phrases = Annotated[
    tuple[Annotated[str, Field(min_length=3, max_length=200)], ...], Field(max_length=200), AfterValidator(_canonical)
]
Regions = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")], ...], AfterValidator(_canonical)
]
EventNames = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$")], ...], AfterValidator(_canonical)]
SiteName = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)+$")]
Addresses = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9+.-]*://\S+$")], ...], AfterValidator(_canonical), Secret()
]


class Section(BaseModel):
    """A table of the file. Unknown keys are refused: a misspelled limit must not silently fall back to its default."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Oversight(Section):
    default_mode: Annotated[Mode, Tightens.LESS] = Mode.GATED_SEND
    # Mail that nobody approves in time never leaves.
    pending_expiry: Annotated[int, Span(HOUR, 30 * DAY), Tightens.LESS] = 72 * HOUR
    # Hours in which that clock runs; empty: always. Any change may give more time, so people review it.
    expiry_calendar: Annotated[str, AfterValidator(_hours), Tightens.CAREFUL] = ""
    # Longer means more time to undo an approval.
    release_delay: Annotated[int, Span(0, 10 * MINUTE), Tightens.MORE] = 10 * SECOND
    # From one raise of a mailbox's mode to the next: evidence of a rung comes from mail that was sent on it.
    minimum_time_on_rung: Annotated[int, Span(0, 90 * DAY), Tightens.MORE] = 24 * HOUR


class Identities(Section):
    # From the request or a renewal to the end. An identity that nobody renews expires.
    longest_life: Annotated[int, Span(DAY, 3_650 * DAY), Tightens.LESS] = 365 * DAY
    # The desk never drills by itself: a drill cuts a working agent off until it has its new token. When one is due,
    # people are asked (core.services.identity.drills).
    drill_every: Annotated[int, Span(HOUR, 366 * DAY), Tightens.LESS] = 90 * DAY
    # Reported, not acted upon.
    unused_after: Annotated[int, Span(HOUR, 366 * DAY), Tightens.LESS] = 30 * DAY


class RunBudget(Section):
    cap: Annotated[Count, Tightens.LESS] = 100
    on_exceed: Annotated[Literal["hold"], Tightens.CAREFUL] = "hold"


class AgentBudget(Section):
    hour: Annotated[Count, Tightens.LESS] = 10
    day: Annotated[Count, Tightens.LESS] = 10
    # Queued mail leaves later, refused mail never leaves.
    on_exceed: Annotated[Literal["queue", "refuse"], Toward(("queue", "refuse"))] = "queue"
    new_recipients_day: Annotated[Count, Tightens.LESS] = 10


class SiteBudget(Section):
    """Limits for one site: a pace per minute and a cap per hour, of one mailbox and of its whole stream."""

    minute: Annotated[Count, Tightens.LESS] = 50
    hour: Annotated[Count, Tightens.LESS] = 600
    # A receiver sees the sending domain, not its mailboxes. Never lower than the limit of one mailbox.
    stream_minute: Annotated[Count, Tightens.LESS] = 50
    stream_hour: Annotated[Count, Tightens.LESS] = 600


class SiteOverride(Section):
    """Overrides for one site; a missing key uses the common figure."""

    minute: Count | None = None
    hour: Count | None = None
    stream_minute: Count | None = None
    stream_hour: Count | None = None


class Budgets(Section):
    run: RunBudget = RunBudget()
    agent: AgentBudget = AgentBudget()
    site: SiteBudget = SiteBudget()
    sites: Annotated[Mapping[SiteName, SiteOverride], Tightens.SITES] = Field(
        default_factory=lambda: {"gmail.com": SiteOverride(minute=50)}
    )

    def of_site(self, site: str) -> SiteBudget:
        """The figures that apply to a site, including its override."""
        own = self.sites.get(site)
        if own is None:
            return self.site
        return self.site.model_copy(update=own.model_dump(exclude_none=True))


class Warmup(Section):
    days: Annotated[tuple[Annotated[int, Field(ge=1, le=100_000_000)], ...], Field(max_length=365), Tightens.CURVE] = (
        50,
        100,
        200,
        400,
        800,
        1600,
        3200,
        6400,
    )


class Guard(Section):
    """Warning and suspension line of one rate; see `rules.guards`."""

    window: Annotated[int, Span(HOUR, 90 * DAY), Tightens.CAREFUL]
    warn: Annotated[Share, Tightens.LESS]
    suspend: Annotated[Share, Tightens.LESS]
    min_events: Annotated[int, Field(ge=1, le=1_000), Tightens.LESS]

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        if self.warn > self.suspend:
            raise ValueError(f"warn ({self.warn}) must not be above suspend ({self.suspend})")
        return self


class ComplaintGuard(Guard):
    window: Annotated[int, Span(HOUR, 90 * DAY), Tightens.CAREFUL] = 7 * DAY
    warn: Annotated[Share, Tightens.LESS] = 0.0003
    suspend: Annotated[Share, Tightens.LESS] = 0.0005
    min_events: Annotated[int, Field(ge=1, le=1_000), Tightens.LESS] = 2


class BounceGuard(Guard):
    window: Annotated[int, Span(HOUR, 90 * DAY), Tightens.CAREFUL] = 72 * HOUR
    warn: Annotated[Share, Tightens.LESS] = 0.02
    suspend: Annotated[Share, Tightens.LESS] = 0.05
    min_events: Annotated[int, Field(ge=1, le=1_000), Tightens.LESS] = 5


class Guards(Section):
    complaints: ComplaintGuard = ComplaintGuard()
    bounces: BounceGuard = BounceGuard()


class Anomalies(Section):
    """Shares of held mail that suggest a lower mode: rejected by reviewers, or never read."""

    window: Annotated[int, Span(DAY, 30 * DAY), Tightens.CAREFUL] = 7 * DAY
    rejections: Annotated[Share, Tightens.LESS] = 0.2
    expiry: Annotated[Share, Tightens.LESS] = 0.25
    min_decisions: Annotated[int, Field(ge=1, le=1_000), Tightens.LESS] = 10


class AllowList(Section):
    outside: Annotated[Literal["hold", "block"], Toward(("hold", "block"))] = "hold"


class Consent(Section):
    require: Annotated[Classes, Tightens.ADDING] = (ContentClass.COLD_OUTREACH,)
    missing: Annotated[Literal["hold", "block"], Toward(("hold", "block"))] = "hold"
    prior_consent_regions: Annotated[Regions, Tightens.ADDING] = ("CA", "EU", "UK")
    unknown_region: Annotated[Literal["allow", "require"], Toward(("allow", "require"))] = "require"


class HeldClasses(Section):
    hold: Annotated[Classes, Tightens.ADDING] = (ContentClass.COLD_OUTREACH, ContentClass.COMMITMENT)
    commitment_phrases: Annotated[Phrases, Tightens.ADDING] = ()


RunMember = Literal["agent_version", "prompt_version", "purpose", "targets", "tools_version", "user", "via"]


class Runs(Section):
    """What an agent's run must declare before its mail leaves unattended."""

    require: Annotated[tuple[RunMember, ...], AfterValidator(_canonical), Tightens.ADDING] = ()
    missing: Annotated[Literal["hold", "refuse"], Toward(("hold", "refuse"))] = "hold"


class Disclosure(Section):
    header: Annotated[bool, Tightens.MORE] = True
    # Another wording may disclose less, and no program can tell.
    footer: Annotated[str, Field(max_length=1_000), AfterValidator(_footer), Tightens.CAREFUL] = (
        "This message was written by an AI agent of {organisation}."
    )
    footer_except: Annotated[Classes, Tightens.REMOVING] = ()


class Delivery(Section):
    first_retry: Annotated[int, Span(SECOND, 4 * HOUR), Tightens.NEUTRAL] = 5 * MINUTE
    give_up: Annotated[int, Span(HOUR, 14 * DAY), Tightens.NEUTRAL] = 48 * HOUR
    # A retry may be a duplicate.
    uncertain: Annotated[Literal["retry", "hold"], Toward(("retry", "hold"))] = "retry"
    # Mail scheduled far ahead leaves when those who approved it have long forgotten it.
    schedule_ahead: Annotated[int, Span(0, 365 * DAY), Tightens.LESS] = 30 * DAY

    @model_validator(mode="after")
    def _retries_before_giving_up(self) -> Self:
        if self.first_retry >= self.give_up:
            raise ValueError(f"first_retry ({spell(self.first_retry)}) must be before give_up ({spell(self.give_up)})")
        return self


class Retention(Section):
    bodies: Annotated[int, Span(HOUR, 3_650 * DAY), Tightens.NEUTRAL] = 30 * DAY


class Review(Section):
    """The alarm against rubber-stamping, and the classes that need two people's approval."""

    seconds_per_message: Annotated[int, Field(ge=0, le=600), Tightens.MORE] = 3
    messages_per_minute: Annotated[int, Field(ge=1, le=1_000), Tightens.LESS] = 20
    four_eyes: Annotated[FourEyes, Tightens.ADDING] = ()


class Suppression(Section):
    scope: Annotated[Literal["stream", "desk"], Toward(("stream", "desk"))] = "desk"
    unsubscribe: Annotated[Literal["commercial", "stream", "desk"], Toward(("commercial", "stream", "desk"))] = (
        "commercial"
    )
    soft_after: Annotated[int, Field(ge=1, le=100), Tightens.LESS] = 3
    soft_expiry: Annotated[int, Span(HOUR, 3_650 * DAY), Tightens.MORE] = 30 * DAY


class Notify(Section):
    """Notification targets and events. Governance decides who learns of the desk's events, and who no longer does."""

    urls: Annotated[Addresses, Tightens.PLACES] = ()
    events: Annotated[EventNames, Tightens.ADDING] = (
        "agent.suspended", "agent.warned", "desk.stopped", "email.altered", "gateway.lost", "webhook.dead",
    )  # fmt: skip
    pending_older_than: Annotated[int, Span(MINUTE, 30 * DAY), Tightens.LESS] = 4 * HOUR
    # How long before a held message expires people are notified, and again when it has; empty: neither.
    expiry_before: Annotated[
        tuple[Annotated[int, Span(MINUTE, 30 * DAY)], ...],
        Field(max_length=5), AfterValidator(_canonical), Tightens.ADDING,
    ] = (2 * HOUR, 24 * HOUR)  # fmt: skip
    digest: Annotated[int, Span(0, HOUR), Tightens.NEUTRAL] = 5 * MINUTE


class Quota(Section):
    """What the desk stores for one agent that is not finished: held, queued or in flight."""

    messages: Annotated[Count, Tightens.LESS] = 100_000
    megabytes: Annotated[int, Field(ge=0, le=1_000_000), Tightens.LESS] = 2_000


class Webhooks(Section):
    timeout: Annotated[int, Span(SECOND, 30 * SECOND), Tightens.NEUTRAL] = 10 * SECOND
    give_up: Annotated[int, Span(HOUR, 14 * DAY), Tightens.NEUTRAL] = 72 * HOUR


class Policy(Section):
    """The whole file. `Policy()` is the policy of a new desk."""

    oversight: Oversight = Oversight()
    identities: Identities = Identities()
    budgets: Budgets = Budgets()
    warmup: Warmup = Warmup()
    guards: Guards = Guards()
    anomalies: Anomalies = Anomalies()
    allow_list: AllowList = AllowList()
    consent: Consent = Consent()
    classes: HeldClasses = HeldClasses()
    runs: Runs = Runs()
    disclosure: Disclosure = Disclosure()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
    review: Review = Review()
    suppression: Suppression = Suppression()
    notify: Notify = Notify()
    webhooks: Webhooks = Webhooks()
    quota: Quota = Quota()
