"""Streams: paused, resumed, warmed up. Keys and routes are set on the host, which holds the master key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import AfterRequest, DomainReason, DomainRequest
from core.operations.operation import Call, Json, act, read
from core.rules.roles import Verb
from core.serializers import streams as resources
from core.services.control import emergency
from core.services.identity import streams


class WarmupRequest(DomainReason):
    """Messages a day; null ends the warm-up."""

    cap: Annotated[int, Field(ge=0, le=2**31 - 1)] | None


def list_streams(call: Call, request: AfterRequest) -> Json:
    return {"streams": [resources.stream(one) for one in streams.listed(call.tx.conn, after=request.after)]}


def show(call: Call, request: DomainRequest) -> Json:
    return resources.stream(streams.show(call.tx.conn, request.domain))


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
    act("stream.pause", pause, DomainReason, StreamPaused, Verb.STREAM_PAUSE,
        about="Pause a stream: no delivery of it starts from now on."),
    act("stream.resume", resume, DomainReason, StreamPaused, Verb.STREAM_RESUME,
        about="Resume a paused stream."),
    act("stream.warmup", warmup, WarmupRequest, WarmUp, Verb.STREAM_WARMUP,
        about="Set a stream's daily cap, or end its warm-up."),
)  # fmt: skip
