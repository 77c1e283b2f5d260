"""What operations answer, for the API description: the members a caller may rely on.

A test compares each with what a real desk answers. Wide resources (a mailbox's record, a message) list their main
members and have more, all documented in http-api.md; every other answer has these members and no others.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Wide(BaseModel):
    model_config = ConfigDict(extra="allow")


# --- the desk -----------------------------------------------------------------------------------------------------


class Trouble(_Answer):
    """A problem, since when, and the command that solves it, if there is one."""

    kind: str
    subject: str
    text: str
    since: str | None
    fix: str


class Gateway(_Answer):
    """A gateway that runs."""

    id: str
    host: str
    pid: int
    listen: str


class DeskStatus(_Answer):
    """Figures of one reading. `seq` is the last entry of the log that they include."""

    running: bool
    stopped_at: str | None
    stopped_by: str | None
    stop_reason: str | None
    start_votes: list[str]
    held: int
    oldest_held_at: str | None
    last_event_at: str | None
    seq: int
    policy_version: int
    identities_requested: int
    gateways: list[Gateway]
    troubles: list[Trouble]
    at: str


class Stopped(_Answer):
    """The all-stop, and how many deliveries had started before it."""

    running: bool
    stopped: bool
    in_flight: int


class Started(_Answer):
    """Whether the desk runs again, and who has voted so far."""

    running: bool
    by: list[str]


class Event(_Answer):
    """One line of the log; `target` is what it is about, as an operator would look it up."""

    seq: int
    at: str
    severity: str
    type: str
    actor: str
    target: str
    detail: str
    data: dict[str, Any]
    hash: str


class Events(_Answer):
    """Lines in log order. Continue with `older` (as `before`) or `newer` (as `after`); null: no more that way."""

    events: list[Event]
    older: int | None
    newer: int | None


class Step(_Answer):
    """One thing that happened."""

    at: str
    kind: str
    actor: str
    text: str
    message: str | None
    seq: int | None
    data: dict[str, Any]


class Story(_Answer):
    """What is known about a key. `ours`: this desk's mail, mail that imitates it (false), or unknown (null)."""

    key: str
    kind: str
    ours: bool | None
    verdict: str
    messages: list[str]
    notes: list[str]
    truncated: bool
    steps: list[Step]


# --- the queue ----------------------------------------------------------------------------------------------------


class Held(_Answer):
    """A page of what waits for a person, the longest waiting first."""

    messages: list[dict[str, Any]]
    next_cursor: str | None


class Scheduled(_Answer):
    """A page of mail with a send time, next first."""

    messages: list[dict[str, Any]]
    next_cursor: str | None


class Item(_Wide):
    """A message as a reviewer reads it, or a held action."""

    id: str
    status: str


class Difference(_Wide):
    """A message as issued and as sent."""

    message_id: str
    digest: str | None
    issued_digest: str | None
    purged: bool


class Decision(_Answer):
    """The result of one decision: `decided` unless another person must confirm, `hurried` if it came too fast."""

    id: str
    item: str
    status: str
    decided: bool
    by: str
    release_at: str | None
    approvals_missing: int
    hurried: str | None


class NotDecided(_Answer):
    """An item that could not be decided, with the code to branch on."""

    id: str
    error: str
    reason: str
    fix: str | None


class Decided(_Answer):
    """What became of each item. A single item that is refused is an error instead."""

    decided: list[Decision]
    refused: list[NotDecided]
    hurried: str | None = None


class Cancelled(_Wide):
    """The message, which will not leave any more."""

    id: str
    status: str


class Lanes(_Answer):
    """Lanes, deepest first, with what holds each back."""

    lanes: list[dict[str, Any]]


class LanePaused(_Answer):
    """A lane, and whether it is paused."""

    lane: int
    paused: bool


# --- agents -------------------------------------------------------------------------------------------------------


class Agent(_Wide):
    """A non-human identity: suspended or not, by whom, why, its last revocation drill."""

    name: str
    status: str
    suspended_at: str | None
    suspended_by: str | None
    suspend_reason: str | None


class Agents(_Answer):
    """A page of agents by name."""

    agents: list[Agent]


class Suspended(_Answer):
    """Deliveries that had started before the suspension, and mail that stays where it is."""

    agent: str
    status: str
    in_flight: int
    queued: int
    pending: int


class Resumed(_Answer):
    """An agent that may act again."""

    agent: str
    status: str


class Token(_Wide):
    """An agent's token, without its secret."""

    id: int
    agent: str
    scopes: list[str]
    test: bool
    run: str | None
    user: str | None
    parent: int | None
    issued_at: str
    issued_by: str
    expires_at: str
    revoked_at: str | None
    last_used_at: str | None


class Tokens(_Answer):
    """A page of tokens, newest first."""

    tokens: list[Token]
    next_cursor: int | None


class Revoked(_Answer):
    """How many tokens were revoked: the one named, and those delegated from it."""

    id: int
    revoked: int


class Run(_Wide):
    """One execution of an agent. `id` is the agent's name for it, `number` the desk's."""

    id: str
    number: int
    agent: str
    accepted: int
    confirmed_up_to: int | None
    closed_at: str | None


class Runs(_Answer):
    """A page of runs, newest first."""

    runs: list[Run]


class RunConfirmed(_Answer):
    """What a confirmation released. `still_pending`: held for another reason as well, or beyond `up_to`."""

    agent: str
    run: str
    up_to: int
    released: int
    still_pending: int


class RunClosed(_Answer):
    """A closed run, and how many recipients it had."""

    agent: str
    run: str
    accepted: int


# --- mailboxes and streams ----------------------------------------------------------------------------------------


class Mailbox(_Wide):
    """An identity with its record, its signatures, given and pending."""

    address: str
    status: str
    oversight_mode: str
    updated_at: str
    missing: list[str]
    must_sign: list[dict[str, Any]]


class Mailboxes(_Answer):
    """A page of identities by address."""

    mailboxes: list[Mailbox]
    next_cursor: str | None


class Retired(_Answer):
    """A retired mailbox, and how many waiting actions were cancelled."""

    address: str
    status: str
    cancelled: int


class Evidence(_Wide):
    """Figures, and what they say for and against each oversight mode."""

    mailbox: str
    oversight_mode: str
    advised: str
    rungs: list[dict[str, Any]]


class Inventory(_Answer):
    """A page of non-human identities."""

    identities: list[dict[str, Any]]
    next_cursor: str | None
    generated_at: str


class Checklist(_Answer):
    """What a signer is shown, and its digest."""

    address: str
    kind: str
    record_digest: str
    shown_digest: str
    checklist: list[dict[str, Any]]


class Stream(_Wide):
    """A sending subdomain: its route, its warm-up, whether it is paused."""

    domain: str
    route: str
    warm: bool
    warm_cap: int | None
    paused_at: str | None


class Streams(_Answer):
    """A page of streams by domain."""

    streams: list[Stream]


class StreamPaused(_Answer):
    """A stream, whether it is paused, and how many deliveries had started before a pause."""

    domain: str
    paused: bool
    in_flight: int | None = None


class WarmUp(_Answer):
    """A stream's daily cap; warm: none."""

    domain: str
    warm: bool
    warm_cap: int | None


# --- records ------------------------------------------------------------------------------------------------------


class Suppressions(_Answer):
    """A page of suppressions in force."""

    suppressions: list[dict[str, Any]]


class Suppressed(_Answer):
    """The record; `added` is false if one covered the address already."""

    address: str
    id: int | None
    added: bool


class Unsuppressed(_Answer):
    """How many records ended."""

    address: str
    removed: int


class Consents(_Answer):
    """A page of consent records."""

    consents: list[dict[str, Any]]


class ConsentAdded(_Answer):
    """The record."""

    id: int
    subject: str


class ConsentWithdrawn(_Answer):
    """How many records were withdrawn."""

    subject: str
    withdrawn: int


class Operator(_Wide):
    """A person. `roles` are the confirmed ones; `claimed`: they hold a token that somebody has confirmed."""

    name: str
    roles: list[str]
    unconfirmed: list[str]
    claimed: bool
    token_expires_at: str | None
    claim_expires_at: str | None
    added_by: str
    confirmed_by: str | None
    disabled_at: str | None


class Operators(_Answer):
    """The people of the desk."""

    operators: list[Operator]


class DeadLetters(_Answer):
    """Events that a webhook's receiver never accepted."""

    dead: list[dict[str, Any]]


class Replayed(_Answer):
    """How many are sent again."""

    replayed: int
