"""What a provider is to the desk: how its webhook is proved and read, what its relay rewrites, what has to be set up.

A provider is one value of `Provider`. Everything that differs between providers is in it, so that the routes, the
settings, `stream dns`, doctor and the signer ask the registry and know none of them by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from core.model import Feedback

METADATA: Final = "postroom_message_id"
"""Under this name a relay keeps our message id, where it keeps metadata at all, and its webhooks repeat it."""


# --- proof --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request as it came: the bytes that were signed, and its headers by names in lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An address of the provider's to fetch once, by GET, so that it starts to send what `subject` names."""

    url: str
    subject: str


@dataclass(frozen=True, slots=True)
class Genuine:
    """The provider did send it.

    `once`, where not None, names a proof that is good for a single payload: remember it at least as long as the replay
    window, and take the same name over another payload for a forgery. `remark` is a line for the gateway's log.
    """

    once: str | None = None
    confirm: Confirmation | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """It may come from anybody; `reason` is for the log, never for the sender. `fix` is what to set up, if anything."""

    reason: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Unproven:
    """Nothing speaks against it, and what lies at `url` decides.

    Only a provider whose proof is in the body may say so: the body is kept, and is all there is to decide by later.
    """

    url: str


Proof = Genuine | Forged
Verdict = Genuine | Forged | Unproven


# --- events -------------------------------------------------------------------------------------------------------

Happened = Feedback | Literal["deferred"]


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One thing that happened to one recipient, in the desk's words.

    `key` is the same for every delivery of the same event, `name` the provider's own word for it. `event` is None for
    what the desk does not act on (opens, clicks, auto-replies). `permanent` is the provider's verdict that mail to this
    address is to stop, not only this message; what the receiver answered (`code`, `status`, `diagnostic`) outweighs it.
    `listed`: the provider keeps a list of addresses that bounced and did not send, so that no receiver was asked this
    time. `counted` is False where the provider or we refused and no receiver was asked: such an event may suppress a
    recipient but never counts against an agent. `recipient` is spelled as the provider spells it.
    `provider_message_id` is what the provider answered at submission, `postroom_id` our own id where custom metadata
    came back, `rfc_message_id` is in angle brackets. `lifts`: the provider mails this address again, because its
    recipient subscribed again or somebody reactivated it; what it had suppressed here ends, and nothing else. `code` is
    a reply code told apart from the text, `status` an enhanced status code (RFC 3463), `at` in microseconds, None where
    none was given. `own_words`: `diagnostic` is the provider's sentence for all events of a kind, not a receiver's.
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


# --- the relay ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Relay:
    """What a relay does to a message, and what receivers must be told about it.

    `rewrites`: fields in lower case that it overwrites; they must not be signed, or every signature breaks on the way.
    `field` and `value` (`{id}` in it is our id): the metadata field, which the relay reads and removes, so it is not
    signed either. `own_id` finds the relay's id in its reply to the end of data. `spf`: terms of an SPF record
    (RFC 7208 5) that let it send for a domain. `hosts` matches the names of its SMTP hosts. `orders`: prefixes of
    fields that it obeys, which no agent may set.
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
        """The relay's own id for what it just took, from its reply to the end of data."""
        found = self.own_id.search(reply) if self.own_id else None
        return found[1] if found else None


PLAIN: Final = Relay()
"""A relay that is nobody's in the registry, or no relay at all: nothing is rewritten, nothing is known of it."""


# --- the whole ----------------------------------------------------------------------------------------------------


class ProviderSettings(BaseModel):
    """`[feedback.NAME]` of postroom.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def connected(self) -> bool:
        """Whether a webhook of this provider can be believed at all."""
        raise NotImplementedError


S_contra = TypeVar("S_contra", bound=ProviderSettings, contravariant=True)
S = TypeVar("S", bound=ProviderSettings)


class Verify(Protocol[S_contra]):
    """Whether the provider sent a webhook. `fetched` is what was found at the addresses asked for (`Unproven`)."""

    def __call__(self, webhook: Webhook, settings: S_contra, *, now: int, fetched: Mapping[str, bytes]) -> Verdict: ...


class Read(Protocol):
    """What a webhook says happened; believes what it is given. Raises `Invalid`."""

    def __call__(self, webhook: Webhook) -> tuple[ProviderEvent, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Generic[S]):
    """One provider.

    `name` is its route under /feedback/, its table in [feedback], its `--provider` and its page in `postroom docs`;
    `title` is what it calls itself.
    """

    name: str
    title: str
    settings: type[S]
    relay: Relay
    verify: Verify[S]
    read: Read
