"""Events of the installation: the all-stop, policy, gateways, log checkpoints and dead webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Data, Event, fact


@fact("desk.development")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskForDevelopment(Event):
    """One person created this desk for development: its mailbox has no signatures, its mail goes to loopback only."""

    operator: str


@fact("desk.stopped")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStopped(Event):
    """The all-stop was triggered: no delivery starts anywhere."""

    reason: str
    in_flight: int = 0


@fact("desk.start_voted")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStartVoted(Event):
    """An on-call operator voted to start mail again; one more vote is needed. `by` lists the voters so far."""

    reason: str
    by: list[str]


@fact("desk.started")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStarted(Event):
    """The all-stop has ended. `by` lists the operators who voted for it."""

    reason: str
    by: list[str]


@fact("desk.backed_up")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskBackedUp(Event):
    """A backup was written to `file`. `seq` and `head` are its last log entry; `with_key`: it holds the master key."""

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
    """A gateway started serving, or came back after it was presumed lost. It runs on `host` as process `pid`."""

    host: str
    pid: int
    listen: str
    again: bool = False


@fact("gateway.stopped")
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStopped(Event):
    """A gateway shut down cleanly: deliveries in flight are settled."""

    host: str
    pid: int


@fact("gateway.lost")
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLost(Event):
    """A gateway ended without shutting down: killed, crashed or cut off. Its last heartbeat was `silent_ms` before."""

    host: str
    pid: int
    listen: str
    silent_ms: int


@fact("desk.read")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRead(Event):
    """An operator read the desk's records: `what` names the kind, `door` the interface.

    Repeats within the same clock hour add no entry. `what` is log, evidence, suppressions, consents, runs or
    gateway_log.
    """

    what: str
    door: str


@fact("policy.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged(Event):
    """A new version is in force. `waiting` are the loosening changes that wait for `policy apply`."""

    version: int
    digest: str
    changes: list[Data]
    waiting: list[Data]
    reason: str


@fact("policy.refused")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRefused(Event):
    """An edit of policy.toml was invalid; the old version stays in force."""

    problems: list[Data]


@fact("audit.checkpoint")
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheckpoint(Event):
    """The head of the hash chain was signed; the signature is to be kept outside the desk."""

    seq: int
    head: str
    signature: str
    key: str


@fact("webhook.dead")
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDead(Event):
    """The receiver never accepted the event of log entry `seq`. Retries have ended; it can be replayed from the log."""

    seq: int
    event: str
    reason: str


@fact("webhook.replayed")
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReplayed(Event):
    """An operator replayed dead letters: `seqs` are the log entries of their events."""

    seqs: list[int]


@fact("notify.tested")
@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyTested(Event):
    """An operator posted a test to every channel of the policy: `accepted` took it, `failed` did not."""

    accepted: int
    failed: int
