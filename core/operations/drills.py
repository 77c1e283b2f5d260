"""Revocation drills, step by step: the caller holds the secrets of the probes and tries them, the desk does the rest.

`postroom drill` calls these one after the other (`core.desk_client.drill`). No secret of a token is sent to them: the
caller makes each token and sends its SHA-256. `started` names the drill: a step of one that has ended is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from core.db import directory
from core.db.development import is_development
from core.db.directory import TokenRecord
from core.durations import when
from core.errors import Conflict, Invalid, PostroomError
from core.json_body import Sha256
from core.operations.answers import Answer
from core.operations.bodies import AgentRequest, Number
from core.operations.operation import Call, Json, act, read
from core.operations.tokens import TokenId, fresh
from core.rules import key_removal
from core.rules.key_removal import Record, Removal
from core.rules.roles import Verb
from core.rules.stream_records import DnsRecord, Found
from core.security import key_file
from core.security.credentials import NewSecret
from core.services.control import gateway_registry
from core.services.identity import drills, stream_dns, stream_keys
from core.services.identity.drills import Outcome

MOST_TOKENS: Final = 50_000
Tokens = Annotated[list[TokenId], Field(max_length=MOST_TOKENS)]
Digests = Annotated[list[Sha256], Field(max_length=MOST_TOKENS)]
Sentences = Annotated[list[Annotated[str, Field(max_length=2_000)]], Field(max_length=1_000)]

_ANSWERS: Final = {
    Found.THERE: "published",
    Found.OTHER: "published with another value",
    Found.MISSING: "not published",
    Found.UNKNOWN: "unknown: DNS did not answer",
}


# --- requests -----------------------------------------------------------------------------------------------------


class StartRequest(AgentRequest):
    """An agent, and SHA-256 digests of test tokens that the caller made: as many are issued as it has tokens."""

    probes: Annotated[list[Sha256], Field(min_length=1, max_length=drills.MOST_PROBES)]


class StepRequest(AgentRequest):
    """The drill: its agent, `started` as `drill.start` answered it, and the ids of its probes."""

    started: Number
    probes: Annotated[list[TokenId], Field(max_length=drills.MOST_PROBES)]


class CheckRequest(StepRequest):
    """Tokens that must be closed, and digests of tokens that must be open."""

    tokens: Tokens = Field(default_factory=list)
    fresh: Digests = Field(default_factory=list)


class RestoreRequest(StepRequest):
    """What was revoked, and digests of the tokens that the caller made instead, in order."""

    revoked: Tokens
    fresh: Digests


class FinishRequest(StepRequest):
    """What the caller found. `failures`: sentences."""

    failures: Sentences
    gateways: Sentences
    unreached: Sentences
    revoked: Tokens
    restored: Tokens
    records: Sentences
    remaining: Sentences
    closed_ms: Number | None = None


# --- operations ---------------------------------------------------------------------------------------------------


def plan(call: Call, request: AgentRequest) -> Json:
    found = drills.plan(call.tx.conn, request.agent, now=call.tx.now)
    used = max((one.last_used_at for one in found.tokens if one.last_used_at is not None), default=None)
    return {
        "agent": request.agent, "tokens": len(found.tokens), "last_used_at": when(used), "waiting": found.waiting,
        "shared_with": [*found.shared_with],
        "gateways": [
            {"key": one.key, "host": one.host, "listen": one.listen}
            for one in gateway_registry.living(call.tx.conn, now=call.tx.now)
        ],
    }  # fmt: skip


def start(call: Call, request: StartRequest) -> Json:
    found = drills.start(call.tx, request.agent, mint=_minted(call, request.probes), actor=call.actor)
    return {
        "agent": found.agent.name, "started": call.tx.now, "at": when(call.tx.now), "address": found.address,
        "probes": [{"id": one.token, "stands_for": one.stands_for} for one in found.probes],
    }  # fmt: skip


def abandon(call: Call, request: StepRequest) -> Json:
    drill = _drill(call, request)
    if drills.has_revoked(call.tx, drill, request.started):
        raise Conflict(f"that drill has revoked tokens of {request.agent}", fix="restore them and record its result")
    drills.abandon(call.tx, drill, actor=call.actor)
    return {"agent": request.agent}


def revoke(call: Call, request: StepRequest) -> Json:
    return _revoked(drills.revoke(call.tx, _drill(call, request), actor=call.actor))


def _revoked(tokens: Sequence[TokenRecord]) -> Json:
    return {"revoked": [one.id for one in tokens], "restorable": sum(drills.is_restored(one) for one in tokens)}


def check(call: Call, request: CheckRequest) -> Json:
    drill = _drill(call, request)
    return _revoked(drills.revoked_since(call.tx, drill, request.started)) | {
        "open": drills.still_open(call.tx, request.tokens),
        "accepted": [_accepted(call, digest, number) for digest in request.fresh if (
            number := drills.accepted(call.tx, bytes.fromhex(digest))) is not None],
    }  # fmt: skip


def _accepted(call: Call, digest: str, number: int) -> Json:
    one = directory.known_token(call.tx.conn, number)
    return {
        "token_sha256": digest, "id": one.id, "replaces": None, "scopes": [*one.scopes], "run": one.run_key,
        "user": one.run_user, "test": one.test, "expires_at": when(one.expires_at),
    }  # fmt: skip


def restore(call: Call, request: RestoreRequest) -> Json:
    drill = _drill(call, request)
    known = {one.id: one for one in drills.revoked_since(call.tx, drill, request.started)}
    revoked = [known[number] for number in dict.fromkeys(request.revoked) if number in known]
    issued = drills.restore(call.tx, drill, revoked, mint=_minted(call, request.fresh), actor=call.actor)
    return {
        "fresh": [
            {
                "id": one.token, "replaces": one.replaces, "scopes": [*one.scopes], "run": one.run, "user": one.user,
                "test": one.test, "expires_at": when(one.expires_at),
            }
            for one in issued
        ]
    }  # fmt: skip


def finish(call: Call, request: FinishRequest) -> Json:
    drill = _drill(call, request)
    still = [f"token {number} is still in force" for number in drills.unrevoked(call.tx, drill, request.started)]
    still += [] if request.gateways else ["no gateway was tried"]
    outcome = Outcome(
        failures=(*request.failures, *(one for one in still if one not in request.failures)),
        revoked=tuple(request.revoked), gateways=tuple(request.gateways), unreached=tuple(request.unreached),
        closed_ms=request.closed_ms, records=tuple(request.records), remaining=tuple(request.remaining),
        restored=tuple(request.restored),
    )  # fmt: skip
    drills.finish(call.tx, drill, outcome, actor=call.actor)
    return {"result": outcome.result.value, "failures": [*outcome.failures]}


def _drill(call: Call, request: StepRequest) -> drills.Drill:
    return drills.running(call.tx, request.agent, started=request.started, probes=request.probes, actor=call.actor)


def _minted(call: Call, digests: Sequence[str]) -> Callable[[], NewSecret]:
    """Tokens whose secrets the caller keeps, one after the other. Raises `Invalid`: it has sent too few, or one twice.

    `Conflict`: a token with such a digest was issued before.
    """
    if len(set(digests)) < len(digests):
        raise Invalid("a digest is there twice", fix="make a token for each: 32 random bytes")
    left = iter(digests)

    def mint() -> NewSecret:
        digest = next(left, None)
        if digest is None:
            raise Invalid(f"the agent has more tokens than {len(digests)} digests", fix="send one for each")
        return NewSecret("", fresh(call, digest))

    return mint


# --- keys ---------------------------------------------------------------------------------------------------------


def try_keys(call: Call, request: AgentRequest) -> Callable[[], object]:
    """Reads each stream's keys and records. DNS is asked outside any transaction, and not by a development desk."""
    settings, tx = call.resources.settings, call.tx
    asks_dns = not is_development(tx.conn)
    found = []
    for stream_id, domain in drills.streams(tx, request.agent):
        signing = stream_keys.signing(tx.conn, stream_id)
        records = stream_dns.published_by(tx.conn, domain, settings, now=tx.now).records
        found.append((domain, signing, records))

    def work() -> object:
        try:
            ring = key_file.serving_master_keys(settings)
            return [
                _removed(domain, stream_keys.signers(signing, ring), records, asks_dns=asks_dns)
                for domain, signing, records in found
            ]
        except PostroomError as error:
            return str(error)

    return work


def _removed(
    domain: str, signers: Sequence[key_removal.Signer], expected: Sequence[DnsRecord], *, asks_dns: bool
) -> tuple[str, Removal, Sequence[DnsRecord], Mapping[str, str]]:
    records = [Record(one.name, one.value) for one in expected]
    removal = key_removal.removal(domain, signers=signers, records=records)
    published: dict[str, str] = {}
    if asks_dns:
        from core.dns_check import Zone  # noqa: PLC0415 - its resolver is slow to import

        keys = [one for one in expected if one.name in removal.remove]
        published = {
            one.name: _ANSWERS[answer] for one, answer in zip(keys, Zone().look_up(keys), strict=True)
        }  # fmt: skip
    return domain, removal, expected, published


def keys(call: Call, _request: AgentRequest) -> Json:
    if isinstance(call.prepared, str):
        failure = f"the keys cannot be read: {call.prepared}"
        return {"failures": [failure], "streams": [], "remove": [], "remain": []}
    found: Sequence[tuple[str, Removal, Sequence[DnsRecord], Mapping[str, str]]] = call.prepared
    return {
        "failures": [failure for _, removal, _, _ in found for failure in removal.failures],
        "streams": [{"stream": domain, "published": dict(published)} for domain, _, _, published in found],
        "remove": [_record(one) for _, removal, records, _ in found for one in records if one.name in removal.remove],
        "remain": [
            _record(one) for _, removal, records, _ in found for one in records if one.name not in removal.remove
        ],
    }  # fmt: skip


def _record(one: DnsRecord) -> dict[str, str]:
    return {"type": one.type, "name": one.name, "purpose": one.purpose}


# --- answers ------------------------------------------------------------------------------------------------------


class Planned(Answer):
    """What a drill would end, how many messages wait, who shares its keys, and where gateways run."""

    agent: str
    tokens: int
    last_used_at: str | None
    waiting: int
    shared_with: list[str]
    gateways: list[dict[str, Any]]


class Started(Answer):
    """The drill: `started` names it in later steps. Each probe is a test token that stands for one in force."""

    agent: str
    started: int
    at: str
    address: str
    probes: list[dict[str, Any]]


class Abandoned(Answer):
    """The agent, whose drill ended before anything was revoked."""

    agent: str


class Revoked(Answer):
    """The agent's own tokens that were in force, and how many of them a fresh one replaces."""

    revoked: list[int]
    restorable: int


class Checked(Revoked):
    """What this drill has revoked, which of `tokens` are in force all the same, which of `fresh` are in force."""

    open: list[int]
    accepted: list[dict[str, Any]]


class Restored(Answer):
    """The tokens issued instead, in the order of their digests."""

    fresh: list[dict[str, Any]]


class Keys(Answer):
    """DNS records whose removal stops every signature of the agent's streams, and which would remain."""

    failures: list[str]
    streams: list[dict[str, Any]]
    remove: list[dict[str, str]]
    remain: list[dict[str, str]]


class Finished(Answer):
    """What is recorded of the drill: passed, incomplete or failed."""

    result: str
    failures: list[str]


OPERATIONS = (
    read("drill.plan", plan, AgentRequest, Planned, Verb.AGENT_DRILL,
         about="What a revocation drill of an agent would end, and where gateways run."),
    act("drill.start", start, StartRequest, Started, Verb.AGENT_DRILL,
        about="Begin a revocation drill: issue a test token for each token in force."),
    act("drill.abandon", abandon, StepRequest, Abandoned, Verb.AGENT_DRILL,
        about="End a drill that has revoked nothing."),
    act("drill.revoke", revoke, StepRequest, Revoked, Verb.AGENT_DRILL,
        about="Revoke every token of the agent, the test tokens too."),
    read("drill.check", check, CheckRequest, Checked, Verb.AGENT_DRILL,
         about="What a drill has revoked so far, and which tokens are in force."),
    act("drill.restore", restore, RestoreRequest, Restored, Verb.AGENT_DRILL,
        about="Issue a fresh token for each that governance had issued, no wider and no longer-lived."),
    read("drill.keys", keys, AgentRequest, Keys, Verb.AGENT_DRILL, prepare=try_keys,
         about="Which DNS records stop the agent's signatures when they are removed, and which would remain."),
    act("drill.finish", finish, FinishRequest, Finished, Verb.AGENT_DRILL,
        about="Record the result of a drill with the agent and in the log."),
)  # fmt: skip
