"""Streams: their routes, keys, DNS records and warm-up; paused, resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints

from core.durations import when
from core.errors import Invalid
from core.json_body import Name, Sentence, Shape
from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import AfterRequest, DomainReason, DomainRequest, Number, Required
from core.operations.operation import Call, Json, act, read
from core.operations.replies import reply_for
from core.rules.providers import registry
from core.rules.roles import Verb
from core.security import key_file
from core.serializers import streams as resources
from core.services.control import emergency
from core.services.identity import stream_dns, stream_keys, streams
from core.services.identity.streams import NewStream, SealedKey, StreamChange, StreamFacts
from core.smtp import credentials
from core.smtp.route import Route


class WarmupRequest(DomainReason):
    """Messages a day; null ends the warm-up."""

    cap: Annotated[int, Field(ge=0, le=2**31 - 1)] | None


Terms = Annotated[str, StringConstraints(max_length=1_000)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=1_000)]
"""Never part of a digest that is stored: a request is remembered without it."""


class _Settings(Shape):
    """Settings of a stream; those left out stay, or have their default in a new one.

    `route` is `direct` or the relay's URL, without a password, which `password` holds: the gateway seals it.
    """

    password: Secret | None = None
    provider: Name | None = None
    protected: bool | None = None
    owners: Annotated[list[Required], Field(max_length=100)] | None = None
    organisation: Name | None = None
    postal_address: Sentence | None = None
    unsubscribe_url: Sentence | None = None
    connection_messages: Number | None = None
    minute_messages: Number | None = None
    spf: Terms | None = None


class AddRequest(DomainRequest, _Settings):
    """A new sending subdomain and its route. `warm`: it needs no warm-up."""

    route: Sentence
    warm: bool = False


class SetRequest(DomainReason, _Settings):
    """A stream, what to change, and the reason for the log. An empty text or 0 removes a setting."""

    route: Sentence | None = None


class RotateRequest(DomainRequest):
    """A stream. `force`: rotate even if DNS does not have the keys that will sign."""

    force: bool = False


class DnsRequest(DomainRequest):
    """A stream, and the DMARC policy to publish. `look_up`: say of each record whether public DNS has it."""

    dmarc: Literal["none", "quarantine", "reject"] = "none"
    look_up: bool = False


def list_streams(call: Call, request: AfterRequest) -> Json:
    return {"streams": [_shown(call, one) for one in streams.listed(call.tx.conn, after=request.after)]}


def show(call: Call, request: DomainRequest) -> Json:
    return _shown(call, streams.show(call.tx.conn, request.domain))


def _shown(call: Call, one: StreamFacts) -> Json:
    return resources.stream(one) | {"last_reply": reply_for(one.last_reply, call.actor)}


def make_keys(call: Call, request: AddRequest) -> Callable[[], object]:
    """Keys take half a second each to make. What is wrong with the request is said first."""
    domain, now, settings = streams.subdomain(request.domain), call.tx.now, call.resources.settings
    Route.parse(request.route)
    return lambda: stream_keys.fresh_keys(
        domain, streams.SLOTS, ring=key_file.serving_master_keys(settings), now=now
    )  # fmt: skip


def add(call: Call, request: AddRequest) -> Json:
    domain, provider = streams.subdomain(request.domain), request.provider
    new = NewStream(
        domain=domain, route=request.route, keys=call.prepared, route_secret=_sealed(call, domain, request.password),
        provider=provider or registry.of_host(Route.parse(request.route).host), protected=bool(request.protected),
        owners=tuple(request.owners or ()), warm=request.warm, organisation=request.organisation,
        postal_address=request.postal_address, unsubscribe_url=request.unsubscribe_url,
        connection_messages=request.connection_messages, minute_messages=request.minute_messages, spf=request.spf,
    )  # fmt: skip
    streams.add(call.tx, new, actor=call.actor)
    shown = _shown(call, streams.show(call.tx.conn, domain))
    return shown | {"selectors": [key.selector for key in new.keys]}


def change(call: Call, request: SetRequest) -> Json:
    domain, route, provider = streams.subdomain(request.domain), request.route, request.provider
    if request.password is not None and route is None:
        raise Invalid("a password belongs to a relay", fix="give its route again", problems=(("route", "is missing"),))
    if route is not None and provider is None:
        recognised = registry.of_host(Route.parse(route).host)
        provider = recognised if recognised != registry.NONE else None
    changes = StreamChange(
        route=route, route_secret=_sealed(call, domain, request.password), provider=provider,
        protected=request.protected, owners=None if request.owners is None else tuple(request.owners),
        organisation=request.organisation, postal_address=request.postal_address,
        unsubscribe_url=request.unsubscribe_url, connection_messages=request.connection_messages,
        minute_messages=request.minute_messages, spf=request.spf,
    )  # fmt: skip
    if changes == StreamChange():
        raise Invalid("no change given", fix="such as organisation")
    streams.change(call.tx, domain, changes, reason=request.reason, actor=call.actor)
    return _shown(call, streams.show(call.tx.conn, domain))


def _sealed(call: Call, domain: str, password: SecretStr | None) -> bytes | None:
    """The password under the desk's master key. Raises `Invalid`: the password. `Unavailable`: the key."""
    if password is None:
        return None
    checked = credentials.checked(password.get_secret_value())
    return key_file.serving_master_keys(call.resources.settings).seal(checked.encode(), about=f"route:{domain}")


def make_next_keys(call: Call, request: RotateRequest) -> Callable[[], object]:
    settings = call.resources.settings
    expected = stream_keys.rotation(
        call.tx.conn, request.domain, settings, now=call.tx.now, force=request.force
    )  # fmt: skip
    return lambda: stream_keys.keys_to_rotate(expected, lambda: key_file.serving_master_keys(settings))


def rotate(call: Call, request: RotateRequest) -> Json:
    fresh: tuple[SealedKey, ...] = call.prepared
    signing = streams.rotate(call.tx, request.domain, fresh=fresh, actor=call.actor)
    return {
        "domain": streams.subdomain(request.domain), "active_slot": signing,
        "publish": [key.selector for key in fresh],
    }  # fmt: skip


def look_up(call: Call, request: DnsRequest) -> Callable[[], object] | None:
    if not request.look_up:
        return None
    records = _publication(call, request).records
    from core.dns_check import Zone  # noqa: PLC0415 - its resolver is slow to import, and few commands ask DNS

    return lambda: Zone().look_up(records)


def show_dns(call: Call, request: DnsRequest) -> Json:
    found, settings = _publication(call, request), call.resources.settings
    answers = call.prepared or [None] * len(found.records)
    return {
        "domain": streams.subdomain(request.domain),
        "records": [
            resources.dns_record(one) | ({} if answer is None else {"found": answer.value})
            for one, answer in zip(found.records, answers, strict=True)
        ],
        "dmarc": {
            "policy": request.dmarc, "due": found.plan.policy, "next": found.plan.next, "next_at": when(found.plan.at),
        },
        "removable": list(found.removable),
        "open": stream_dns.open_questions(found, request.domain, settings),
    }  # fmt: skip


def _publication(call: Call, request: DnsRequest) -> stream_dns.Publication:
    settings = call.resources.settings
    return stream_dns.published_by(call.tx.conn, request.domain, settings, now=call.tx.now, dmarc=request.dmarc)


def pause(call: Call, request: DomainReason) -> Json:
    in_flight = emergency.pause_stream(call.tx, request.domain, reason=request.reason, actor=call.actor)
    return {"domain": request.domain, "paused": True, "in_flight": in_flight}


def resume(call: Call, request: DomainReason) -> Json:
    emergency.resume_stream(call.tx, request.domain, reason=request.reason, actor=call.actor)
    return {"domain": request.domain, "paused": False}


def warmup(call: Call, request: WarmupRequest) -> Json:
    streams.set_warmup(call.tx, request.domain, cap=request.cap, reason=request.reason, actor=call.actor)
    return {"domain": request.domain, "warm": request.cap is None, "warm_cap": request.cap}


# --- answers ----------------------------------------------------------------------------------------------------------


class Stream(WideAnswer):
    """A sending subdomain: its route, its warm-up, whether it is paused."""

    domain: str
    route: str
    warm: bool
    warm_cap: int | None
    paused_at: str | None


class StreamAdded(Stream):
    """The new stream, and the selectors of its keys."""

    selectors: list[str]


class Rotated(Answer):
    """The slot that signs now, and the fresh selectors to publish for the next rotation."""

    domain: str
    active_slot: str
    publish: list[str]


class StreamDns(Answer):
    """Records to publish, how strict DMARC may be by now, old names to remove, and what is still open."""

    domain: str
    records: list[dict[str, Any]]
    dmarc: dict[str, Any]
    removable: list[str]
    open: list[dict[str, str]]


class Streams(Answer):
    """A page of streams by domain."""

    streams: list[Stream]


class StreamPaused(Answer):
    """A stream, whether it is paused, and how many deliveries had started before a pause."""

    domain: str
    paused: bool
    in_flight: int | None = None


class WarmUp(Answer):
    """A stream's daily cap; warm: none."""

    domain: str
    warm: bool
    warm_cap: int | None


OPERATIONS = (
    read("stream.list", list_streams, AfterRequest, Streams, Verb.DESK_READ,
         about="Sending subdomains: route, warm-up, paused or not."),
    read("stream.show", show, DomainRequest, Stream, Verb.DESK_READ, about="One stream."),
    read("stream.dns", show_dns, DnsRequest, StreamDns, Verb.DESK_READ, prepare=look_up,
         about="The DNS records of a stream, what is still open about them, and whether they are published."),
    act("stream.add", add, AddRequest, StreamAdded, Verb.STREAM_ADD, prepare=make_keys,
        about="Add a sending subdomain, with two slots of DKIM keys."),
    act("stream.set", change, SetRequest, Stream, Verb.STREAM_CHANGE,
        about="Change a stream's route, or the sender details in its commercial mail."),
    act("stream.rotate", rotate, RotateRequest, Rotated, Verb.STREAM_ROTATE, prepare=make_next_keys,
        about="Rotate DKIM keys: the standby slot signs from now on, and new keys replace the old ones."),
    act("stream.pause", pause, DomainReason, StreamPaused, Verb.STREAM_PAUSE,
        about="Pause a stream: no delivery of it starts from now on."),
    act("stream.resume", resume, DomainReason, StreamPaused, Verb.STREAM_RESUME,
        about="Resume a paused stream."),
    act("stream.warmup", warmup, WarmupRequest, WarmUp, Verb.STREAM_WARMUP,
        about="Set a stream's daily cap, or end its warm-up."),
)  # fmt: skip
