"""`postroom drill`: revoke an agent's tokens, try them at every gateway, see what removing its keys would do, restore.

The verbs are in core.services.identity.drills; this module holds the secrets of the probes and speaks HTTP. Whatever
goes wrong after the revocation, the agent gets its fresh tokens and the result is recorded.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import httpx
import typer

from core.cli.context import CommandContext, command
from core.cli.output import Output
from core.cli.stream_dns import published
from core.db.development import is_development
from core.db.directory import TokenRecord
from core.dns_check import Found, Zone
from core.durations import stamp
from core.errors import Conflict, Invalid, PostroomError
from core.model import plural
from core.rules import key_removal
from core.rules.dns import DnsRecord
from core.rules.key_removal import Record, Signer
from core.security import credentials, key_file
from core.services.identity import drills
from core.services.identity.drills import Drill, Fresh, Outcome, Plan
from core.settings import split_listen
from core.workers.sender_config import SenderConfigs

app: Final = typer.Typer()
"""What the root takes its command from."""

PATIENCE: Final = 10.0
"""Seconds for one request; a gateway that is busy composing a large message answers within that."""
REFUSED: Final = 401
NOWHERE: Final = "drill@postroom.invalid"


@dataclass(slots=True)
class Result:
    """What a drill has found so far."""

    gateways: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    revoked: tuple[TokenRecord, ...] = ()
    closed_ms: int | None = None
    keys: list[dict[str, Any]] = field(default_factory=list)
    records: list[DnsRecord] = field(default_factory=list)
    remaining: list[DnsRecord] = field(default_factory=list)
    fresh: tuple[Fresh, ...] = ()


@command(app, "drill", example="postroom drill support-bot")
def drill(
    desk: CommandContext,
    *,
    agent: Annotated[str, typer.Argument(help="The agent whose revocation is exercised.")],
    url: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A gateway to try beside those that are known to run. May be repeated."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask in a terminal.")] = False,
) -> Output:
    """Exercise revocation: revoke an agent's tokens, try to send with them, restore it by fresh ones.

    The agent is cut off until it has its fresh token, which is shown this once. Governance's.
    """
    with desk.read() as conn:
        planned = drills.plan(conn, agent, now=desk.now)
        known = drills.gateways(conn, now=desk.now)
    if not yes and not desk.as_json and sys.stdin.isatty():
        _confirm(agent, planned)
    result = Result()
    _reach(result, [*(url or ()), *_urls(known, result)])
    started = desk.act(lambda tx, actor: drills.start(tx, agent, mint=credentials.new_agent_token, actor=actor))
    try:
        _must_open(result, started)
    except BaseException:
        desk.act(lambda tx, actor: drills.abandon(tx, started, actor=actor))
        raise
    _exercise(desk, started, result)
    return _said(desk, started, planned, result)


def _confirm(agent: str, planned: Plan) -> None:
    """Ask before a working agent is cut off. Raises `typer.Abort`."""
    used = max((one.last_used_at for one in planned.tokens if one.last_used_at is not None), default=None)
    when = "never used" if used is None else f"last used {stamp(used)}"
    typer.confirm(
        f"{agent} has {plural(len(planned.tokens), 'token')} in force, {when}. All are revoked; it sends nothing until "
        "you give it a fresh one. Go on?",
        abort=True, err=True,
    )  # fmt: skip


# --- gateways -----------------------------------------------------------------------------------------------------


def _urls(known: Sequence[tuple[str, str]], result: Result) -> list[str]:
    """Where each gateway of the desk can be asked from here; one that listens on another machine's loopback cannot."""
    here, found = socket.gethostname(), []
    for host, listen in known:
        name, port = split_listen(listen)
        local = name in {"127.0.0.1", "::1", "localhost"}
        everywhere = name in {"", "0.0.0.0", "::"}  # noqa: S104 - what a gateway listens on, not what we do
        if host == here or not (local or everywhere):
            name = "127.0.0.1" if everywhere else name
        elif everywhere:
            name = host
        else:
            result.unreached.append(f"{listen} on {host}")
            continue
        found.append(f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}")
    return found


def _reach(result: Result, urls: Sequence[str]) -> None:
    """Keep the gateways that answer. Raises `Invalid`, `Conflict` if there is none: nothing has happened yet."""
    for url in dict.fromkeys(one.rstrip("/") for one in urls):
        if not url.startswith(("http://", "https://")):
            raise Invalid(f"{url} is not the URL of a gateway", fix="write it as http://HOST:PORT")
        try:
            httpx.get(f"{url}/healthz", timeout=PATIENCE, trust_env=False)
        except httpx.HTTPError:
            result.unreached.append(url)
        else:
            result.gateways.append(url)
    if not result.gateways:
        tried = f" ({', '.join(result.unreached)})" if result.unreached else ""
        raise Conflict(
            f"no gateway of this desk answers{tried}, so nobody could try the tokens; nothing was revoked",
            fix="start one: postroom serve, or name one: --url http://HOST:PORT",
        )


def _ask(url: str, secret: str, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    """The status of one request. Raises `httpx.HTTPError`."""
    headers = {"Authorization": f"Bearer {secret}"}
    answer = httpx.request(method, f"{url}{path}", headers=headers, json=body, timeout=PATIENCE, trust_env=False)
    return answer.status_code


def _must_open(result: Result, started: Drill) -> None:
    """Every probe opens every gateway before the revocation, or its refusal afterwards would prove nothing.

    Raises `Conflict`.
    """
    for url in result.gateways:
        for probe in started.probes:
            try:
                status = _ask(url, probe.secret, "GET", f"/mailboxes/{started.address}")
            except httpx.HTTPError as error:
                raise Conflict(f"{url} does not answer: {error}; nothing was revoked", fix="drill again") from error
            if status == REFUSED or status >= 500:
                raise Conflict(
                    f"{url} answers {status} to a token of this desk; nothing was revoked",
                    fix="name a gateway of this desk, and see postroom doctor",
                )


# --- the drill ----------------------------------------------------------------------------------------------------


def _exercise(desk: CommandContext, started: Drill, result: Result) -> None:
    """Revoke, try, look at the keys; then restore and record, whatever happened before."""
    result.revoked = desk.act(lambda tx, actor: drills.revoke(tx, started, actor=actor))
    at = time.monotonic()
    try:
        _must_be_refused(result, started, since=at)
        _look_again(desk, started, result)
        _look_at_keys(desk, started, result)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, the agent has no token now
        result.failures.append(f"the drill broke off: {type(error).__name__}: {error}")
    _restore(desk, started, result)
    outcome = Outcome(
        failures=tuple(result.failures),
        revoked=tuple(one.id for one in result.revoked),
        gateways=tuple(result.gateways),
        closed_ms=result.closed_ms,
        records=tuple(f"{one.type} {one.name}" for one in result.records),
        remaining=tuple(f"{one.type} {one.name}" for one in result.remaining),
        restored=tuple(one.token for one in result.fresh),
    )
    try:
        desk.act(lambda tx, actor: drills.finish(tx, started, outcome, actor=actor))
    except PostroomError as error:  # the fresh tokens must still be shown: nobody can ask for them again
        result.failures.append(f"the result is not recorded: {error}")


def _must_be_refused(result: Result, started: Drill, *, since: float) -> None:
    """Try to send with every probe at every gateway. Were one accepted, it is a test message, which never leaves."""
    message = {"from": started.address, "to": [NOWHERE], "subject": "Revocation drill", "text": "This must be refused."}
    failed = len(result.failures)
    for url in result.gateways:
        for probe in started.probes:
            whose = f"token {probe.stands_for}" if probe.stands_for is not None else f"probe {probe.token}"
            try:
                status = _ask(url, probe.secret, "POST", "/emails/send", message)
            except httpx.HTTPError as error:
                result.failures.append(f"{url} did not answer to {whose}: {type(error).__name__}")
                continue
            if status != REFUSED:
                result.failures.append(f"{url} still accepts {whose}: it answered {status}")
    if len(result.failures) == failed:
        result.closed_ms = round((time.monotonic() - since) * 1_000)


def _look_again(desk: CommandContext, started: Drill, result: Result) -> None:
    """The agent's own tokens, whose secrets nobody here has, as the gate looks them up."""
    ids = [*(one.id for one in result.revoked), *(probe.token for probe in started.probes)]
    found = desk.look(lambda tx: drills.still_open(tx, ids))
    result.failures += [f"token {number} is still in force" for number in found]


def _look_at_keys(desk: CommandContext, started: Drill, result: Result) -> None:
    """What removing each stream's DKIM records would do, and what DNS publishes now."""
    try:
        configs = SenderConfigs(desk.store, key_file.load_master_keys(desk.settings))
        for stream_id, domain in started.streams:
            outfit = configs.of(stream_id)
            signers = [
                Signer(key.selector, key.algorithm, lambda digest, key=key: key.sign(digest).signature)  # type: ignore[misc]  # a loop's lambda
                for key in outfit.keys
            ]
            wanted = published(desk, domain).records
            found = key_removal.removal(
                domain, signers=signers, records=[Record(one.name, one.value) for one in wanted]
            )  # fmt: skip
            result.failures += found.failures
            result.records += [one for one in wanted if one.name in found.remove]
            result.remaining += [one for one in wanted if one.name not in found.remove]
            result.keys.append({"stream": domain, "published": _published(desk, wanted, found.remove)})
    except PostroomError as error:
        result.failures.append(f"the keys cannot be looked at: {error}")


def _published(desk: CommandContext, wanted: Sequence[DnsRecord], keys: Sequence[str]) -> dict[str, str]:
    """What DNS says of each key today; nothing on a desk for development, whose mail stays on this machine."""
    with desk.read() as conn:
        if is_development(conn):
            return {}
    mine = [one for one in wanted if one.name in keys]
    answers = Zone().look_up(mine)
    return {one.name: _ANSWERS[answer] for one, answer in zip(mine, answers, strict=True)}


_ANSWERS: Final = {
    Found.THERE: "published",
    Found.OTHER: "published with another value",
    Found.MISSING: "not published",
    Found.UNKNOWN: "unknown: DNS did not answer",
}


def _restore(desk: CommandContext, started: Drill, result: Result) -> None:
    try:
        result.fresh = desk.act(
            lambda tx, actor: drills.restore(tx, started, result.revoked, mint=credentials.new_agent_token, actor=actor)
        )
    except PostroomError as error:
        result.failures.append(f"no fresh token: {error}")
        return
    for url in result.gateways:
        for one in result.fresh:
            try:
                status = _ask(url, one.secret, "GET", f"/mailboxes/{started.address}")
            except httpx.HTTPError as error:
                result.failures.append(f"{url} did not answer to the fresh token: {type(error).__name__}")
                continue
            if status == REFUSED:
                result.failures.append(f"{url} refuses the fresh token {one.token}")


# --- the answer ---------------------------------------------------------------------------------------------------


def _said(desk: CommandContext, started: Drill, planned: Plan, result: Result) -> Output:
    passed = not result.failures
    data: dict[str, Any] = {
        "agent": started.agent.name,
        "passed": passed,
        "failures": result.failures,
        "at": stamp(desk.now),
        "revoked": [one.id for one in result.revoked],
        "tried": [{"token": one.stands_for, "probe": one.token} for one in started.probes],
        "gateways": result.gateways,
        "unreached": result.unreached,
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
        f"{'PASSED' if not result.failures else 'FAILED'}: revocation drill of {name}",
        *(f"  {one}" for one in result.failures),
        f"Revoked {plural(len(result.revoked), 'token')}. Tried to send at {', '.join(result.gateways)} with "
        + plural(tried, "probe token"),
    ]
    if result.closed_ms is not None:
        lines.append(f"Every attempt was refused (401), the last {result.closed_ms} ms after the revocation.")
    lines += [f"Not reached from here: {one}" for one in result.unreached]
    if planned.waiting:
        lines.append(
            f"{plural(planned.waiting, 'message')} accepted before still leave; to stop those too: "
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
            f"Give it to {name} in place of token {one.replaces}: it ends {stamp(one.expires_at)} and is shown this "
            f"once. Its id is {one.token}."
        )
    return "\n".join(lines)
