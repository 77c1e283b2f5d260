"""The installation: the all-stop, policy, the log's own checkpoints, and webhooks that were given up."""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Data, Event, fact


@fact("desk.development")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskForDevelopment(Event):
    """One person made this desk for development: its mailbox has no signatures, its mail goes to loopback only."""

    operator: str


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


@fact("desk.backed_up")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskBackedUp(Event):
    """A backup was written to `file`. `seq` and `head` are the log's last entry in it; `with_key`: it holds the key."""

    seq: int
    head: str
    with_key: bool
    file: str


@fact("desk.restored")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRestored(Event):
    """The desk was restored from a backup of `made_at`, whose log ended at `seq`. It stays stopped until started."""

    made_at: int
    seq: int
    head: str


@fact("gateway.started")
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStarted(Event):
    """A gateway began to serve, or came back after it was taken for lost. `host` and `pid` are where it runs."""

    host: str
    pid: int
    listen: str
    again: bool = False


@fact("gateway.stopped")
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStopped(Event):
    """A gateway ended in order: what was under way is settled."""

    host: str
    pid: int


@fact("gateway.lost")
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLost(Event):
    """A gateway ended without a word: killed, crashed or cut off. Its last sign of life was `silent_ms` before."""

    host: str
    pid: int
    listen: str
    silent_ms: int


@fact("desk.read")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRead(Event):
    """An operator was shown the desk's records: `what` of them, through which `door`.

    Repeats within the clock hour add no entry. `what` is log, evidence, suppressions or consents.
    """

    what: str
    door: str


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


@fact("audit.checkpoint")
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheckpoint(Event):
    """The head of the chain was signed, to be kept outside the desk."""

    seq: int
    head: str
    signature: str
    key: str


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
