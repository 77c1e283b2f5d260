"""The provider interface: webhook verification and parsing, relay behaviour, required settings.

A provider is one value of `Provider`. It holds everything that differs between providers, so that the routes, the
settings, `stream dns`, doctor and the signer query the registry and name none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from core.model import Feedback

METADATA: Final = "postroom_message_id"
"""The name under which a relay that supports metadata keeps our message ID and repeats it in webhooks."""


# --- proof --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request as received: the signed bytes, and its headers by lower-case names."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A provider URL to fetch once, by GET, to start the notifications that `subject` names."""

    url: str
    subject: str


@dataclass(frozen=True, slots=True)
class Genuine:
    """The provider sent it.

    `once`, if not None, identifies a proof that is valid for a single payload: remember it at least as long as the
    replay window, and treat it with another payload as a forgery. `remark` is a line for the gateway's log.
    """

    once: str | None = None
    confirm: Confirmation | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """It may come from anybody; `reason` is for the log, never for the sender. `fix` is the setup step, if any."""

    reason: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Unproven:
    """Nothing contradicts it so far; the content of `url` decides.

    Only a provider whose proof is in the body may return this: the body is stored, and is all that a later decision can
    use.
    """

    url: str


Proof = Genuine | Forged
Verdict = Genuine | Forged | Unproven


# --- events -------------------------------------------------------------------------------------------------------

Happened = Feedback | Literal["deferred"]


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event for one recipient, in the desk's terms.

    `key` is the same for every delivery of the same event, `name` the provider's own term for it. `event` is None if
    the desk does not act on it (opens, clicks, auto-replies). `permanent` is the provider's verdict that all mail to
    this address should stop, not only this message; the receiver's reply (`code`, `status`, `diagnostic`) overrides it.
    `listed`: the provider keeps a list of addresses that bounced and did not send, so that no receiver was asked this
    time. `counted` is False where the provider or we refused and no receiver was asked: such an event may suppress a
    recipient but never counts against an agent. `recipient` is in the provider's spelling. `provider_message_id` is the
    provider's ID from submission, `postroom_id` our own ID if custom metadata came back, `rfc_message_id` is in angle
    brackets. `lifts`: the provider mails this address again, because its recipient resubscribed or somebody reactivated
    it; only the suppression that it caused here ends. `code` is a reply code given separately from the text, `status`
    an enhanced status code (RFC 3463), `at` in microseconds, None if not given. `own_words`: `diagnostic` is the
    provider's sentence for all events of a kind, not a receiver's.
    """

    key: str
    name: str
    event: Happened | None
    recipient: str
    permanent: bool = False
    counted: bool = True
    provider_message_id: str | None = None
    postroom_id: str | None = None
    rfc_message_id: str | None = None
    status: str | None = None
    diagnostic: str | None = None
    at: int | None = None
    lifts: bool = False
    listed: bool = False
    code: int | None = None
    own_words: bool = False


# --- received mail ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PostedMail:
    """A received message as a provider posts it: its bytes and its envelope.

    `sender` is empty for reports, None if the provider does not name it.
    """

    raw: bytes
    sender: str | None
    recipients: tuple[str, ...]


# --- the relay ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay's effects on a message, and the SPF terms that authorize it.

    `rewrites`: lower-case names of fields that it overwrites; they must not be signed, or every signature breaks on the
    way. `field` and `value` (`{id}` in it is our ID): the metadata field, which the relay reads and removes, so it is
    not signed either. `own_id` finds the relay's ID in its reply to the end of data. `spf`: terms of an SPF record (RFC
    7208 5) that let it send for a domain. `hosts` matches the names of its SMTP hosts. `orders`: prefixes of fields
    that it obeys, which no agent may set.
    """

    rewrites: frozenset[str] = frozenset()
    field: str | None = None
    value: str = "{id}"
    own_id: re.Pattern[str] | None = None
    spf: tuple[str, ...] = ()
    hosts: re.Pattern[str] | None = None
    orders: tuple[str, ...] = ()

    def metadata(self, public_id: str) -> bytes:
        """The metadata field as a header line, or nothing."""
        if self.field is None:
            return b""
        return f"{self.field}: {self.value.replace('{id}', public_id)}\r\n".encode()

    def message_id(self, reply: str) -> str | None:
        """The relay's own ID for an accepted message, from its reply to the end of data."""
        found = self.own_id.search(reply) if self.own_id else None
        return found[1] if found else None


PLAIN: Final = Relay()
"""A relay that is not in the registry, or none at all: nothing is known about it, so nothing counts as rewritten."""


# --- the whole ----------------------------------------------------------------------------------------------------


class ProviderSettings(BaseModel):
    """`[feedback.NAME]` of postroom.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def connected(self) -> bool:
        """Whether this provider's webhooks can be verified at all."""
        raise NotImplementedError


S_contra = TypeVar("S_contra", bound=ProviderSettings, contravariant=True)
S = TypeVar("S", bound=ProviderSettings)


class Verify(Protocol[S_contra]):
    """Verify that the provider sent a webhook. `fetched` maps requested URLs (`Unproven`) to their content."""

    def __call__(self, webhook: Webhook, settings: S_contra, *, now: int, fetched: Mapping[str, bytes]) -> Verdict: ...


class Read(Protocol):
    """Parse a webhook into events; trusts its input. Raises `Invalid`."""

    def __call__(self, webhook: Webhook) -> tuple[ProviderEvent, ...]: ...


class ReadMail(Protocol):
    """Parse a post into a message; None if it carries none. Trusts its input. Raises `Invalid`."""

    def __call__(self, webhook: Webhook) -> PostedMail | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound(Generic[S]):
    """How a provider posts received mail, whole (RFC 5322).

    `media`: media types that it posts; `most`: bytes of its largest request. `early`: the proof is in the headers alone
    and is verified before the body is read. `paths` follow its name in the route. `connected`: whether its posts can be
    verified at all.
    """

    verify: Verify[S]
    read: ReadMail
    media: frozenset[str]
    most: int
    early: bool = False
    paths: tuple[str, ...] = ("",)
    connected: Callable[[S], bool] = attrgetter("connected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Generic[S]):
    """One provider.

    `name` is its route under /feedback/ and /inbound/, its table in [feedback], its `--provider` and its page in
    `postroom docs`; `title` is its display name.
    """

    name: str
    title: str
    settings: type[S]
    relay: Relay
    verify: Verify[S]
    read: Read
    inbound: Inbound[S]
