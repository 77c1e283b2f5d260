"""`postroom drill`: revoke an agent's tokens, try them at every gateway, simulate removing its keys, restore.

The database work is in core.services.identity.drills; this module holds the secrets of the probes and reports the
result. From the revocation on, the agent has no token. So whatever goes wrong then, Ctrl-C included, fresh tokens are
issued, the result is recorded, and both are printed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import httpx
import typer

from core.cli import drill_gateways
from core.cli.context import CommandContext, command
from core.cli.drill_gateways import Gateways
from core.cli.interrupts import Interrupts
from core.cli.output import Output
from core.db.development import is_development
from core.db.directory import TokenRecord
from core.db.transaction import Transaction
from core.dns_check import Zone
from core.durations import stamp
from core.errors import Conflict, PostroomError
from core.model import Actor, plural
from core.rules import key_removal
from core.rules.identity_findings import DrillResult
from core.rules.key_removal import Record, Signer
from core.rules.stream_records import DnsRecord, Found
from core.security import credentials, key_file
from core.services.control import gateway_registry
from core.services.identity import drills, stream_dns
from core.services.identity.drills import Drill, Fresh, Outcome, Plan
from core.workers.sender_config import SenderConfigs

app: Final = typer.Typer()
"""The command that the root app mounts."""

NOWHERE: Final = "drill@postroom.invalid"


@dataclass(slots=True)
class Result:
    """What a drill has found so far. `in_clear`: gateways whose URL is not safe for a live token."""

    gateways: Gateways
    in_clear: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    revoked: tuple[TokenRecord, ...] = ()
    closed_ms: int | None = None
    keys: list[dict[str, Any]] = field(default_factory=list)
    records: list[DnsRecord] = field(default_factory=list)
    remaining: list[DnsRecord] = field(default_factory=list)
    fresh: tuple[Fresh, ...] = ()

    def broke_off(self, what: str, error: Exception) -> None:
        """Record what was not finished, and why."""
        why = str(error) if isinstance(error, PostroomError) else f"{type(error).__name__}: {error}"
        self.failures.append(f"{what}: {why}")

    @property
    def outcome(self) -> Outcome:
        return Outcome(
            failures=tuple(self.failures),
            revoked=tuple(one.id for one in self.revoked),
            gateways=tuple(self.gateways.urls),
            unreached=tuple(self.gateways.unreached),
            closed_ms=self.closed_ms,
            records=tuple(f"{one.type} {one.name}" for one in self.records),
            remaining=tuple(f"{one.type} {one.name}" for one in self.remaining),
            restored=tuple(one.token for one in self.fresh),
        )


@command(app, "drill", example="postroom drill support-bot")
def drill(
    desk: CommandContext,
    *,
    agent: Annotated[str, typer.Argument(help="The agent whose revocation is exercised.")],
    url: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="URL of a gateway that is not found automatically; may be repeated."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> Output:
    """Revocation drill: revoke an agent's tokens, check that no gateway accepts them, issue new ones.

    The agent cannot send until it has its new token, which is printed once. Needs governance.
    """
    with desk.read() as conn:
        planned = drills.plan(conn, agent, now=desk.now)
        live_gateways = gateway_registry.living(conn, now=desk.now)
    if not yes and desk.interactive:
        with desk.asking():
            _confirm(agent, planned)
    result = Result(drill_gateways.find(live_gateways, url or ()))
    held = desk.hold_interrupts()
    started = desk.act(lambda tx, actor: drills.start(tx, agent, mint=credentials.new_agent_token, actor=actor))
    try:
        _must_open(result, started, held)
    except BaseException:
        desk.act(lambda tx, actor: drills.abandon(tx, started, actor=actor))
        raise
    _exercise(desk, started, result, held)
    return _result_output(desk, started, planned, result)


def _confirm(agent: str, planned: Plan) -> None:
    """Ask before cutting off a working agent. Raises `typer.Abort`."""
    used = max((one.last_used_at for one in planned.tokens if one.last_used_at is not None), default=None)
    when = "never used" if used is None else f"last used {stamp(used)}"
    typer.confirm(
        f"{agent} has {plural(len(planned.tokens), 'token')} in force, {when}. All are revoked; it sends nothing until "
        "you give it a fresh one. Go on?",
        abort=True, err=True,
    )  # fmt: skip


# --- the drill ----------------------------------------------------------------------------------------------------


def _must_open(result: Result, started: Drill, held: Interrupts) -> None:
    """Check that every probe is accepted by every gateway; otherwise its refusal later would prove nothing.

    Raises `Conflict`.
    """
    for url in result.gateways.urls:
        for probe in started.probes:
            try:
                answer = drill_gateways.ask(url, probe.secret, "GET", f"/mailboxes/{started.address}")
            except httpx.HTTPError as error:
                raise Conflict(f"{url} does not answer: {error}; nothing was revoked", fix="drill again") from error
            if not answer.opened:
                raise Conflict(
                    f"{url} answers {answer} to a token of this desk; nothing was revoked",
                    fix="name a gateway of this desk, and see postroom doctor",
                )
            if held.asked:
                raise Conflict("interrupted; nothing was revoked", fix="drill again")


def _exercise(desk: CommandContext, started: Drill, result: Result, held: Interrupts) -> None:
    """Revoke, try, restore, check the keys and record; each step runs whatever happened before."""
    _revoke(desk, started, result)
    at = time.monotonic()
    try:
        _must_be_refused(result, started, held, since=at)
        _look_again(desk, started, result)
    except Exception as error:  # noqa: BLE001 - whatever it is, the agent has no token now
        result.broke_off("the drill was interrupted", error)
    _restore(desk, started, result)
    try:
        _try_fresh(desk, started, result, held)
        _look_at_keys(desk, started, result)  # last: DNS may be slow, and the agent would have no token meanwhile
    except Exception as error:  # noqa: BLE001 - nobody can ask for the fresh tokens again
        result.broke_off("the drill was interrupted", error)
    try:
        desk.act(lambda tx, actor: drills.finish(tx, started, result.outcome, actor=actor))
    except Exception as error:  # noqa: BLE001 - as above
        result.broke_off("the result is not recorded", error)


def _revoke(desk: CommandContext, started: Drill, result: Result) -> None:
    """Revoke the tokens. If nothing was revoked, raises what the service function raised."""

    def verb(tx: Transaction, actor: Actor) -> None:
        # Set before the commit: if it were lost afterwards, nobody would know what to restore.
        result.revoked = drills.revoke(tx, started, actor=actor)

    try:
        desk.act(verb)
    except Exception as error:
        result.broke_off("the revocation was interrupted", error)
        try:
            result.revoked = desk.look(lambda tx: drills.ended(tx, result.revoked))
        except Exception as unknown:  # noqa: BLE001 - better one token too many than none
            result.broke_off("it is unknown what was revoked", unknown)
            return
        if not result.revoked:
            desk.act(lambda tx, actor: drills.abandon(tx, started, actor=actor))
            raise


def _must_be_refused(result: Result, started: Drill, held: Interrupts, *, since: float) -> None:
    """Try to send with every probe at every gateway. If one is accepted, it is a test message, which never leaves.

    Raises `Conflict` on an interrupt.
    """
    message = {"from": started.address, "to": [NOWHERE], "subject": "Revocation drill", "text": "This must be refused."}
    failed = len(result.failures)
    for url in result.gateways.urls:
        for probe in started.probes:
            if held.asked:
                raise Conflict("interrupted")
            label = f"token {probe.stands_for}" if probe.stands_for is not None else f"probe {probe.token}"
            try:
                answer = drill_gateways.ask(url, probe.secret, "POST", "/emails/send", message)
            except httpx.HTTPError as error:
                result.failures.append(f"{url} did not answer to {label}: {type(error).__name__}")
                continue
            if not answer.refused:
                result.failures.append(f"{url} still accepts {label}: it answered {answer.status}")
    if len(result.failures) == failed:
        result.closed_ms = round((time.monotonic() - since) * 1_000)


def _look_again(desk: CommandContext, started: Drill, result: Result) -> None:
    """Check the agent's own tokens, whose secrets are unknown here, by the query that the gate uses."""
    ids = [*(one.id for one in result.revoked), *(probe.token for probe in started.probes)]
    found = desk.look(lambda tx: drills.still_open(tx, ids))
    result.failures += [f"token {number} is still in force" for number in found]


def _look_at_keys(desk: CommandContext, started: Drill, result: Result) -> None:
    """Simulate removing each stream's DKIM records, and look up what DNS publishes now."""
    try:
        configs = SenderConfigs(desk.store, key_file.load_master_keys(desk.settings))
        for stream_id, domain in started.streams:
            config = configs.of(stream_id)
            signers = [Signer(key.selector, key.algorithm, key.sign) for key in config.keys]
            with desk.read() as conn:
                expected = stream_dns.published_by(conn, domain, desk.settings, now=desk.now).records
            found = key_removal.removal(
                domain, signers=signers, records=[Record(one.name, one.value) for one in expected]
            )  # fmt: skip
            result.failures += found.failures
            result.records += [one for one in expected if one.name in found.remove]
            result.remaining += [one for one in expected if one.name not in found.remove]
            result.keys.append({"stream": domain, "published": _published(desk, expected, found.remove)})
    except PostroomError as error:
        result.failures.append(f"the keys cannot be read: {error}")


def _published(desk: CommandContext, expected: Sequence[DnsRecord], keys: Sequence[str]) -> dict[str, str]:
    """What DNS publishes for each key today; empty on a desk for development, whose mail stays on this machine."""
    with desk.read() as conn:
        if is_development(conn):
            return {}
    key_records = [one for one in expected if one.name in keys]
    answers = Zone().look_up(key_records)
    return {one.name: _ANSWERS[answer] for one, answer in zip(key_records, answers, strict=True)}


_ANSWERS: Final = {
    Found.THERE: "published",
    Found.OTHER: "published with another value",
    Found.MISSING: "not published",
    Found.UNKNOWN: "unknown: DNS did not answer",
}


def _restore(desk: CommandContext, started: Drill, result: Result) -> None:
    """Issue the fresh tokens. Afterwards those in `result.fresh` are in force, as far as can be determined."""

    def verb(tx: Transaction, actor: Actor) -> None:
        # Set before the commit: nothing else holds the secrets, and no later failure may lose them.
        mint = credentials.new_agent_token
        result.fresh = drills.restore(tx, started, result.revoked, mint=mint, actor=actor)

    try:
        desk.act(verb)
    except Exception as error:  # noqa: BLE001 - the result is recorded anyway
        result.broke_off("no fresh token", error)
        try:
            result.fresh = desk.look(lambda tx: drills.issued(tx, result.fresh))
        except Exception as unknown:  # noqa: BLE001 - better a token that may be invalid than none
            result.broke_off("it is unknown whether the fresh tokens are in force", unknown)


def _try_fresh(desk: CommandContext, started: Drill, result: Result, held: Interrupts) -> None:
    """Check that the gateways accept the fresh tokens. Raises `Conflict` on an interrupt.

    These tokens are live: they are sent to gateways of this machine or over TLS, never in clear over a network.
    """
    opening = {one.token for one in desk.look(lambda tx: drills.issued(tx, result.fresh))}
    result.failures += [
        f"the fresh token {one.token} is not in force" for one in result.fresh if one.token not in opening
    ]
    for url in result.gateways.urls:
        if not drill_gateways.is_private(url):
            result.in_clear.append(url)
            continue
        for one in result.fresh:
            if held.asked:
                raise Conflict("interrupted")
            try:
                answer = drill_gateways.ask(url, one.secret, "GET", f"/mailboxes/{started.address}")
            except httpx.HTTPError as error:
                result.failures.append(f"{url} did not answer to the fresh token: {type(error).__name__}")
                continue
            if not answer.opened:
                result.failures.append(f"{url} answers {answer} to the fresh token {one.token}")


# --- result -------------------------------------------------------------------------------------------------------


def _result_output(desk: CommandContext, started: Drill, planned: Plan, result: Result) -> Output:
    verdict = result.outcome.result
    passed = verdict is DrillResult.PASSED
    data: dict[str, Any] = {
        "agent": started.agent.name,
        "result": verdict.value,
        "passed": passed,
        "failures": result.failures,
        "at": stamp(desk.now),
        "revoked": [one.id for one in result.revoked],
        "tried": [{"token": one.stands_for, "probe": one.token} for one in started.probes],
        "gateways": result.gateways.urls,
        "unreached": result.gateways.unreached,
        "fresh_not_tried_at": result.in_clear,
        "closed_ms": result.closed_ms,
        "still_waiting": planned.waiting,
        "streams": result.keys,
        "shared_with": [*planned.shared_with],
        "remove_to_stop_signatures": [_record(one) for one in result.records],
        "records_that_remain": [_record(one) for one in result.remaining],
        "restored": [_fresh(one) for one in result.fresh],
    }
    return Output(data, _as_text(started, planned, result), code=0 if passed else 1)


def _record(one: DnsRecord) -> dict[str, str]:
    return {"type": one.type, "name": one.name, "purpose": one.purpose}


def _fresh(one: Fresh) -> dict[str, Any]:
    return {
        "token": one.secret,
        "id": one.token,
        "replaces": one.replaces,
        "scopes": [*one.scopes],
        "run": one.run,
        "user": one.user,
        "test": one.test,
        "expires_at": stamp(one.expires_at),
    }


def _as_text(started: Drill, planned: Plan, result: Result) -> str:
    name, tried = started.agent.name, len(started.probes)
    lines = [
        f"{result.outcome.result.upper()}: revocation drill of {name}",
        *(f"  {one}" for one in result.failures),
        f"Revoked {plural(len(result.revoked), 'token')}. Tried to send at {', '.join(result.gateways.urls)} with "
        + plural(tried, "probe token"),
    ]
    if result.closed_ms is not None:
        lines.append(f"Every attempt was refused (401), the last {result.closed_ms} ms after the revocation.")
    lines += [
        f"Not tried at {one}: drill again with --url and the URL at which it is reached from here"
        for one in result.gateways.unreached
    ]
    lines += [
        f"The fresh token was not tried at {one}: it is live, and would cross the network in clear"
        for one in (result.in_clear if result.fresh else ())
    ]
    if planned.waiting:
        lines.append(
            f"{plural(planned.waiting, 'message')} already accepted will still be delivered; to stop them as well: "
            f"postroom agent suspend {name}"
        )
    if result.records:
        lines += [
            "",
            "To stop its signatures, remove from DNS:",
            *(f"  {one.type} {one.name}" for one in result.records),
        ]
    if planned.shared_with:
        lines.append(f"Those keys sign for these agents too: {', '.join(planned.shared_with)}")
    if result.remaining:
        lines += ["These would remain:", *(f"  {one.type} {one.name}  {one.purpose}" for one in result.remaining)]
    lines.append("")
    if not result.fresh:
        lines.append(f"It has no token now; when it needs one: postroom token issue --agent {name}")
    for one in result.fresh:
        lines.append(f"{one.secret}")
        lines.append(
            f"Give it to {name} in place of token {one.replaces}: it ends {stamp(one.expires_at)} and is not shown "
            f"again. Its id is {one.token}."
        )
    return "\n".join(lines)
