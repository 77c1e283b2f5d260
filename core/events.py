"""The catalogue of facts: one frozen class each, its docstring is its reference entry.

An event holds ids, digests and figures. Addresses, subjects and bodies stay in tables that retention and erasure may
purge, so that the chain of the log never has to be broken for a person's right to be forgotten.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

Scalar = str | int | float | bool | None
Data = Scalar | list["Data"] | dict[str, "Data"]

SUBJECTS: Final = ("message", "mailbox", "agent", "run", "stream")
"""Ids an event is found by; each is a column of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every fact has: who did it, and the ids it is about."""

    type: ClassVar[str] = ""
    actor: str
    message: int | None = None
    mailbox: int | None = None
    agent: int | None = None
    run: int | None = None
    stream: int | None = None

    def data(self) -> dict[str, Data]:
        """The members beyond actor and subjects, as they stand in the log."""
        return {name: getattr(self, name) for name in _members(type(self))}


CATALOGUE: Final[dict[str, type[Event]]] = {}
_MEMBERS: Final[dict[type[Event], tuple[str, ...]]] = {}
E = TypeVar("E", bound=type[Event])


def _members(kind: type[Event]) -> tuple[str, ...]:
    found = _MEMBERS.get(kind)
    if found is None:
        own = {"actor", *SUBJECTS}
        found = _MEMBERS[kind] = tuple(f.name for f in dataclasses.fields(kind) if f.name not in own)
    return found


def fact(name: str) -> Callable[[E], E]:
    """Enter a class into the catalogue under the name it has in the log, in webhooks and on the screen."""

    def enter(kind: E) -> E:
        kind.type = name
        CATALOGUE[name] = kind
        return kind

    return enter


def recall(name: str, *, actor: str, subjects: Mapping[str, int | None], data: Mapping[str, Data]) -> Event:
    """The event behind a row of the log. Members that a later version added take their defaults."""
    kind = CATALOGUE[name]
    known = {key: value for key, value in data.items() if key in _members(kind)}
    return kind(actor=actor, **subjects, **known)  # type: ignore[arg-type]  # the row was written by `data`


# --- a message's life ---------------------------------------------------------------------------------------------


@fact("email.submitted")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSubmitted(Event):
    """An agent handed in a message, durably. `digest` covers rendered bytes and envelope, `issued` the call as made."""

    kind: str
    digest: str
    size: int
    recipients: int
    content_class: str
    policy: int
    token: int
    untraced: bool = False
    test: bool = False
    issued: str | None = None


@fact("email.blocked")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBlocked(Event):
    """An action was refused: `error` is the code the agent was told. Without a message id nothing was stored."""

    kind: str
    error: str
    reason: str
    recipients: int = 0


@fact("email.pending")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailPending(Event):
    """A human decides first. `reasons` are the codes of what held it, `item` is the id to decide on."""

    kind: str
    item: int
    reasons: list[str]
    expires_at: int
    digest: str | None = None


@fact("email.approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailApproved(Event):
    """A reviewer approved exactly the bytes of `digest`; it is released at `release_at`.

    `dwell_ms`: how long the reviewer had it open (None: decided unopened); `batch`: the decision it was part of.
    """

    kind: str
    item: int
    digest: str | None
    policy: int
    release_at: int
    dwell_ms: int | None = None
    batch: str | None = None
    reason: str | None = None
    complete: bool = True


@fact("email.approval_undone")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailApprovalUndone(Event):
    """An approval was taken back before its release; the item is pending again."""

    item: int


@fact("review.hurried")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewHurried(Event):
    """A reviewer approved faster than anyone can read: `approved` within a minute, `unread` of them hardly open.

    `seconds` is how long all of them lay open together; the two figures of the policy stand beside it.
    """

    approved: int
    unread: int
    seconds: int
    seconds_per_message: int
    messages_per_minute: int


@fact("email.rejected")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRejected(Event):
    """A reviewer refused it; it is cancelled for good."""

    kind: str
    item: int
    reason: str | None
    dwell_ms: int | None = None
    batch: str | None = None


@fact("email.expired")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailExpired(Event):
    """Nobody decided in time; it is cancelled for good."""

    kind: str
    item: int


@fact("email.cancelled")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailCancelled(Event):
    """Taken back by its agent or by the retirement of its mailbox, before it left."""

    kind: str
    reason: str | None = None


@fact("email.queued")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailQueued(Event):
    """Free to leave from `due` on, as far as lanes and budgets allow."""

    recipients: int
    due: int


@fact("email.sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSent(Event):
    """A receiver took responsibility for recipient `n` (RFC 5321 4.5.5)."""

    n: int
    attempt: int
    code: int | None
    enhanced: str | None = None
    site: str = ""
    test: bool = False


@fact("email.deferred")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailDeferred(Event):
    """A receiver asked to try recipient `n` again later."""

    n: int
    attempt: int
    code: int | None
    enhanced: str | None
    stage: str
    next_at: int


@fact("email.failed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailFailed(Event):
    """Recipient `n` will not get it: refused for good, or `give_up` has passed."""

    n: int
    attempt: int
    code: int | None
    enhanced: str | None
    stage: str
    cause: str = "refused"


@fact("email.uncertain")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUncertain(Event):
    """Nobody knows whether recipient `n` got it: the connection or the process died after the final dot.

    `then` says what policy does about it: `retry` or `hold`.
    """

    n: int
    attempt: int
    then: str


@fact("email.delivered")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailDelivered(Event):
    """Authenticated feedback: recipient `n` has it."""

    n: int
    source: str


@fact("email.bounced")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBounced(Event):
    """Authenticated feedback, or the receiver's own 5xx: recipient `n` does not get mail."""

    n: int
    source: str
    permanent: bool
    status: str | None = None


@fact("email.complained")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailComplained(Event):
    """Authenticated feedback: recipient `n` called it spam."""

    n: int
    source: str


@fact("email.unsubscribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUnsubscribed(Event):
    """Recipient `n` asked for no more."""

    n: int
    source: str


@fact("email.suppressed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSuppressed(Event):
    """Recipient `n` was left out because of a suppression record."""

    n: int
    suppression: int
    cause: str


# --- identities ---------------------------------------------------------------------------------------------------


@fact("mailbox.requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRequested(Event):
    """Somebody asks for an identity; nobody has approved it yet."""

    mode: str
    expires_at: int | None
    missing: list[str]


@fact("mailbox.owner_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOwnerApproved(Event):
    """The workflow's owner answers for the identity."""

    reason: str | None = None


@fact("mailbox.governance_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxGovernanceApproved(Event):
    """Governance went through its checklist."""

    checklist: dict[str, Data]
    reason: str | None = None


@fact("mailbox.signed_off")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSignedOff(Event):
    """Deliverability lets it send; what the desk could check itself is marked so in `checklist`."""

    checklist: dict[str, Data]
    reason: str | None = None


@fact("mailbox.vetoed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxVetoed(Event):
    """One of the three said no."""

    kind: str
    reason: str


@fact("mailbox.activated")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxActivated(Event):
    """All sign-offs are there; the identity exists from now on."""

    mode: str
    expires_at: int | None


@fact("mailbox.mode_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxModeChanged(Event):
    """The oversight mode moved; pending mail is untouched."""

    old: str
    new: str
    reason: str


@fact("mailbox.limits_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxLimitsChanged(Event):
    """Caps, allow-list, classes, expiry of pending mail or webhook of an identity changed."""

    changes: dict[str, Data]
    widened: bool
    reason: str


@fact("mailbox.expiring")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxExpiring(Event):
    """The identity ends soon unless it is renewed."""

    expires_at: int


@fact("mailbox.renewed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRenewed(Event):
    """The identity's end was moved by governance."""

    old: int | None
    new: int
    reason: str


@fact("mailbox.retired")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRetired(Event):
    """The identity is gone; what it had waiting is cancelled."""

    reason: str
    cancelled: int = 0


# --- agents, runs, tokens -----------------------------------------------------------------------------------------


@fact("agent.warned")
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWarned(Event):
    """A guard's warning line was crossed, or an anomaly suggests a lower mode."""

    guard: str
    figures: dict[str, Data]
    reason: str


@fact("agent.suspended")
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSuspended(Event):
    """No new delivery of this agent starts. `in_flight` had started before, `queued` and `pending` are frozen."""

    reason: str
    guard: str | None
    figures: dict[str, Data]
    in_flight: int
    queued: int
    pending: int


@fact("agent.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResumed(Event):
    """A second person let it go on; its guards look at what is sent from now on."""

    reason: str


@fact("run.confirmed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfirmed(Event):
    """A human lets this run reach `up_to` recipients. `released` messages were held by the run cap alone."""

    up_to: int
    reason: str
    released: int = 0


@fact("run.closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed(Event):
    """The run takes no more mail."""

    accepted: int


@fact("token.issued")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(Event):
    """A short-lived secret of an agent; the desk keeps only its digest."""

    token: int
    scopes: list[str]
    expires_at: int
    test: bool = False
    bound_run: str | None = None


@fact("token.revoked")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Event):
    """The token is no longer good for anything."""

    token: int
    reason: str | None = None


@fact("token.delegated")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDelegated(Event):
    """A narrower token was made from another; it ends no later than its parent."""

    token: int
    parent: int
    scopes: list[str]
    expires_at: int


# --- streams, lanes, the desk -------------------------------------------------------------------------------------


@fact("stream.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAdded(Event):
    """A sending subdomain with its route and its four selectors."""

    domain: str
    provider: str
    selectors: list[str]
    protected: bool = False


@fact("stream.key_rotated")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKeyRotated(Event):
    """The other slot signs now; `fresh` are the new selectors to publish for the next rotation."""

    slot: str
    selectors: list[str]
    fresh: list[str]


@fact("stream.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged(Event):
    """A stream's route, provider or what its commercial mail says of the sender is another; `changes` names it."""

    changes: dict[str, Data]
    reason: str


@fact("stream.warmup_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWarmupChanged(Event):
    """An operator fixed the stream's daily cap, or ended its warm-up: then `new` is empty."""

    old: int | None
    new: int | None
    widened: bool
    reason: str


@fact("stream.paused")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPaused(Event):
    """No new delivery of this stream starts."""

    reason: str
    in_flight: int = 0


@fact("stream.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamResumed(Event):
    """Deliveries of this stream start again."""

    reason: str


@fact("stream.warned")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWarned(Event):
    """A primary domain nears or crosses the line from which receivers treat it as a bulk sender, for good."""

    domain: str
    sent: int
    crossed: bool
    reason: str


@fact("lane.paused")
@dataclass(frozen=True, slots=True, kw_only=True)
class LanePaused(Event):
    """No new delivery of this lane starts."""

    lane: int
    domain: str
    reason: str


@fact("lane.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class LaneResumed(Event):
    """Deliveries of this lane start again."""

    lane: int
    domain: str
    reason: str


@fact("desk.stopped")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStopped(Event):
    """The all-stop: no delivery starts anywhere."""

    reason: str
    in_flight: int = 0


@fact("desk.start_voted")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStartVoted(Event):
    """One on call wants mail to leave again; it takes another. `by` are those whose word there is so far."""

    reason: str
    by: list[str]


@fact("desk.started")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStarted(Event):
    """The all-stop has ended. `by` are those whose word it took."""

    reason: str
    by: list[str]


# --- webhooks out ---------------------------------------------------------------------------------------------------


@fact("webhook.dead")
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDead(Event):
    """The receiver never took the event of entry `seq`: it was given up, and can be sent again from the log."""

    seq: int
    event: str
    reason: str


@fact("webhook.replayed")
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReplayed(Event):
    """An operator had dead letters sent again: `seqs` are the entries of the log they tell of."""

    seqs: list[int]


# --- recipients' records, policy, operators, the log itself ---------------------------------------------------------


@fact("suppression.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionAdded(Event):
    """Nothing goes to this recipient any more, or until `expires_at`."""

    suppression: int
    cause: str
    expires_at: int | None = None
    count: int = 1


@fact("suppression.removed")
@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionRemoved(Event):
    """The recipient may be written to again."""

    suppression: int
    reason: str


@fact("consent.recorded")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecorded(Event):
    """A basis for writing to a recipient, with its source."""

    consent: int
    basis: str
    count: int = 1


@fact("consent.withdrawn")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    """The basis is gone; classes that need it are held or blocked."""

    consent: int
    reason: str | None = None


@fact("policy.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged(Event):
    """A new version is in force. `waiting` are the loosenings that wait for `policy apply`."""

    version: int
    digest: str
    changes: list[Data]
    waiting: list[Data]
    reason: str


@fact("policy.refused")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRefused(Event):
    """An edit of policy.toml was not valid; the old version stays."""

    problems: list[Data]


@fact("operator.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAdded(Event):
    """A human with roles. `unconfirmed` ones count only once governance has confirmed them."""

    operator: int
    roles: list[str]
    unconfirmed: list[str]


@fact("operator.confirmed")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorConfirmed(Event):
    """Governance let `confirmed` count, roles that an admin alone may not grant; `roles` are all that count now."""

    operator: int
    roles: list[str]
    confirmed: list[str]


@fact("operator.disabled")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDisabled(Event):
    """The operator's token opens nothing any more."""

    operator: int


@fact("operator.signed_in")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSignedIn(Event):
    """An operator opened the console or claimed a token."""

    operator: int
    door: str


@fact("feedback.unverified")
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackUnverified(Event):
    """A report that proves nothing: shown and counted apart; it moves no rate and suppresses nobody."""

    source: str
    kind: str
    reason: str
    digest: str | None = None


@fact("audit.checkpoint")
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheckpoint(Event):
    """The head of the chain was signed, to be kept outside the desk."""

    seq: int
    head: str
    signature: str
    key: str
