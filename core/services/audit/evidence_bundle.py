"""Evidence bundle: an archive of a period that an auditor can verify without this desk, its database or its code.

It holds facts and their proof: events as they were hashed, decisions, modes over time, the policies in force, figures,
the chain, and a verifier that needs only the standard library. Like the log, it contains no recipient addresses,
subjects or bodies, except the received mail that was asked for. A bundle about one agent omits the other agents' events
but keeps their hashes, so its chain has no gap.
"""

from __future__ import annotations

import csv
import hashlib
import io
import statistics
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, select

from core.db import audit_log
from core.db.tables import AGENT, LOG_ENTRY, MAILBOX, POLICY_VERSION, STREAM
from core.durations import stamp
from core.errors import Invalid, NotFound
from core.events import SUBJECTS
from core.ids import spell_id
from core.rules import policy as policies
from core.services import context
from core.services.audit import compliance_map, evidence_received
from core.services.audit.checkpoints import Checkpoint

LOG: Final = LOG_ENTRY

PAGE: Final = 2_000
DECISIONS: Final = frozenset(
    {"email.approved", "email.rejected", "email.approval_undone", "email.expired", "email.cancelled", "email.blocked"}
)
MODES: Final = frozenset({"mailbox.activated", "mailbox.mode_changed", "mailbox.retired"})
SIGNATURES: Final[dict[str, str]] = {
    "mailbox.owner_approved": "owner",
    "mailbox.governance_approved": "governance",
    "mailbox.signed_off": "deliverability",
    "mailbox.vetoed": "",
}
"""Events that sign or veto an identity, each with its kind of signature; a veto event names its own kind."""
EVERYBODYS: Final = frozenset({"audit.checkpoint", "policy.changed", "policy.refused", "desk.stopped", "desk.started"})
"""Events that concern every agent, so a bundle about one agent includes them."""


@dataclass(slots=True)
class _Tables:
    """What one pass over the log collects."""

    by_type: Counter[str] = field(default_factory=Counter)
    by_agent: dict[str, Counter[str]] = field(default_factory=dict)
    reviewers: Counter[str] = field(default_factory=Counter)
    dwell: list[int] = field(default_factory=list)
    decisions: list[list[object]] = field(default_factory=list)
    modes: list[list[object]] = field(default_factory=list)
    signatures: list[list[object]] = field(default_factory=list)
    received: dict[int, list[object]] = field(default_factory=dict)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    first: int = 0
    last: int = 0
    prev: bytes = audit_log.GENESIS
    head: bytes = audit_log.GENESIS


@dataclass(frozen=True, slots=True)
class _Names:
    """IDs and the names they had when the bundle was made."""

    agents: dict[int, str]
    mailboxes: dict[int, str]
    streams: dict[int, str]

    def agent(self, number: int | None) -> str:
        return self.agents.get(number or 0, "")

    def mailbox(self, number: int | None) -> str:
        return self.mailboxes.get(number or 0, "")


def bundle(
    conn: Connection,
    *,
    since: int,
    until: int,
    now: int,
    agent: str | None = None,
    checkpoint: Checkpoint | None = None,
    received_mail: bool = False,
) -> bytes:
    """Return a zip of what happened from `since` up to `until` (microseconds), for one agent or all.

    `received_mail` adds the bytes of the mail that was received in it, as far as they are kept.

    `checkpoint` is one that was just taken, so that a signature covers the period's last entry. Raises `Invalid`,
    `NotFound`.
    """
    if since >= until:
        raise Invalid("the period ends before it begins", fix="give --from before --to")
    names = _names(conn)
    agent_id = _agent_id(names, agent)
    target = io.BytesIO()
    archive = _Archive(target)
    gathered, events, chain = _Tables(), io.BytesIO(), io.BytesIO()
    for row in _period(conn, since, until):
        chain.write(b"%d %b\n" % (row.seq, bytes(row.hash).hex().encode()))
        _place(gathered, row)
        if agent_id is None or row.agent == agent_id or row.type in EVERYBODYS:
            data = orjson.loads(row.data)
            events.write(orjson.dumps(_line(row, data)) + b"\n")
            _gather(gathered, row, data, names)
    archive.write("events.jsonl", events.getvalue())
    archive.write("chain.txt", chain.getvalue())
    archive.write("decisions.csv", _csv(_DECISION_COLUMNS, gathered.decisions))
    archive.write("modes.csv", _csv(_MODE_COLUMNS, [*_modes_before(conn, since, agent_id, names), *gathered.modes]))
    archive.write("signatures.csv", _csv(_SIGNATURE_COLUMNS, gathered.signatures))
    for number, content in evidence_received.kept(conn, list(gathered.received)) if received_mail else ():
        archive.write(evidence_received.name(number), content)
        gathered.received[number].append(evidence_received.name(number))
    archive.write("received.csv", _csv(evidence_received.COLUMNS, gathered.received.values()))
    for name, content in _policies(conn, since, until):
        archive.write(name, content)
    archive.write("figures.json", _json(_figures(gathered)))
    archive.write("names.json", _json(_spelled(names, agent_id)))
    archive.write("proof.json", _json(_proof(gathered, checkpoint, since=since, until=until, agent=agent, now=now)))
    archive.write("MAPPING.md", _MAPPING.format(table=compliance_map.markdown(gathered.by_type)).encode())
    archive.write("README.md", _README.format(since=stamp(since), until=stamp(until), now=stamp(now)).encode())
    archive.write("verify.py", Path(__file__).with_name("verify_bundle.py").read_bytes())
    archive.close()
    return target.getvalue()


class _Archive:
    """A zip with a manifest that lists every file's SHA-256; the same contents give the same bytes."""

    def __init__(self, target: io.BytesIO) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED)
        self._digests: dict[str, str] = {}

    def write(self, name: str, content: bytes) -> None:
        self._digests[name] = hashlib.sha256(content).hexdigest()
        self._put(name, content)

    def _put(self, name: str, content: bytes) -> None:
        member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        member.external_attr = 0o600 << 16
        self._zip.writestr(member, content)

    def close(self) -> None:
        self._put("manifest.json", _json({"sha256": self._digests}))
        self._zip.close()


# --- one pass over the log ----------------------------------------------------------------------------------------


def _period(conn: Connection, since: int, until: int) -> Iterator[Row[Any]]:
    """Yield every entry of the period in order. Clocks may step, so a bundle is a contiguous range of the chain."""
    first, last = _ends(conn, since, until)
    after = first - 1
    while after < last:
        c = LOG.c
        rows = conn.execute(select(LOG).where(c.seq > after, c.seq <= last).order_by(c.seq).limit(PAGE)).all()
        if not rows:
            return
        yield from rows
        after = rows[-1].seq


def _ends(conn: Connection, since: int, until: int) -> tuple[int, int]:
    """First and last seq of the period, by binary search: times rise with seq, and there is no index by time."""
    head, _ = audit_log.head(conn)
    return _first_at(conn, since, head), _first_at(conn, until, head) - 1


def _first_at(conn: Connection, at: int, head: int) -> int:
    """The first seq whose time is at or after `at`; one past the head if there is none."""
    low, high = 1, head + 1
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(select(LOG.c.at).where(LOG.c.seq == middle)).first()
        if row is not None and row.at < at:
            low = middle + 1
        else:
            high = middle
    return low


def _place(gathered: _Tables, row: Row[Any]) -> None:
    if not gathered.first:
        gathered.first, gathered.prev = row.seq, bytes(row.prev)
    gathered.last, gathered.head = row.seq, bytes(row.hash)


def _line(row: Row[Any], data: dict[str, Any]) -> dict[str, Any]:
    """An entry as it was hashed: `raw` is its data byte for byte, because any other serialization has another hash."""
    return {
        "seq": row.seq,
        "at": row.at,
        "time": stamp(row.at),
        "type": row.type,
        "actor": row.actor,
        "id": audit_log.shown_id(row.type, row.message, data),
        "subjects": [getattr(row, name) for name in SUBJECTS],
        "data": data,
        "raw": bytes(row.data).decode(),
        "hash": bytes(row.hash).hex(),
    }


def _gather(gathered: _Tables, row: Row[Any], data: dict[str, Any], names: _Names) -> None:
    gathered.by_type[row.type] += 1
    if row.agent is not None:
        gathered.by_agent.setdefault(names.agent(row.agent) or str(row.agent), Counter())[row.type] += 1
    message = spell_id("m", row.message) if row.message is not None else ""
    if row.type in DECISIONS:
        gathered.decisions.append(
            [
                row.seq, stamp(row.at), row.type, row.actor, message, data.get("digest"), data.get("policy"),
                data.get("dwell_ms"), data.get("batch"), data.get("reason"), names.mailbox(row.mailbox),
                names.agent(row.agent), ", ".join(data.get("overridden") or ()),
            ]
        )  # fmt: skip
        if row.type in ("email.approved", "email.rejected"):
            gathered.reviewers[row.actor] += 1
            gathered.dwell += [data["dwell_ms"]] if data.get("dwell_ms") is not None else []
    if row.type == evidence_received.RECEIVED:
        mailbox, agent = names.mailbox(row.mailbox), names.agent(row.agent)
        gathered.received[row.message] = evidence_received.line(row, data, mailbox=mailbox, agent=agent)
    if row.type in SIGNATURES:
        gathered.signatures += _signature(row, data, names)
    if row.type in MODES:
        new = data.get("new") or data.get("mode") or "retired"
        gathered.modes.append(
            [row.seq, stamp(row.at), names.mailbox(row.mailbox), names.agent(row.agent), data.get("old"), new,
             row.actor, data.get("reason")]
        )  # fmt: skip
    if row.type == "audit.checkpoint":
        gathered.checkpoints.append({name: data[name] for name in ("seq", "head", "signature", "key")} | {"at": row.at})


def _signature(row: Row[Any], data: dict[str, Any], names: _Names) -> Iterator[list[object]]:
    """Yield one row per checklist item of a signature, or a single row if it has no checklist.

    A veto has none, nor has a signature from before checklists were kept. The rows show which items the desk vouched
    for, which a person did, and which were signed although the desk found them false.
    """
    kind = data.get("kind") or SIGNATURES[row.type]
    head = [row.seq, stamp(row.at), row.type, row.actor, names.mailbox(row.mailbox), names.agent(row.agent), kind]
    digests = [data.get("record_digest"), data.get("shown_digest")]
    checklist, denied, reasons = data.get("checklist") or {}, data.get("found_false") or {}, data.get("reasons") or {}
    for item, by in checklist.items() or [(None, None)]:
        yield [*head, item, by, denied.get(item), reasons.get(item), data.get("reason"), *digests]


# --- files --------------------------------------------------------------------------------------------------------


def _modes_before(conn: Connection, since: int, agent_id: int | None, names: _Names) -> list[list[object]]:
    """The mode of each mailbox when the period began: the last one logged before it."""
    c, found = LOG.c, []
    mailboxes = select(MAILBOX.c.id, MAILBOX.c.agent_id).where(MAILBOX.c.activated_at < since).order_by(MAILBOX.c.id)
    for mailbox in conn.execute(mailboxes).all():
        if agent_id is not None and mailbox.agent_id != agent_id:
            continue
        row = conn.execute(
            select(LOG)
            .where(c.mailbox == mailbox.id, c.type.in_(sorted(MODES)), c.at < since)
            .order_by(c.seq.desc())
            .limit(1)
        ).first()
        if row is not None:
            data = orjson.loads(row.data)
            new = data.get("new") or data.get("mode") or "retired"
            found.append(
                [row.seq, stamp(row.at), names.mailbox(mailbox.id), names.agent(mailbox.agent_id), data.get("old"), new,
                 row.actor, "in force when the period began"]
            )  # fmt: skip
    return found


def _policies(conn: Connection, since: int, until: int) -> Iterator[tuple[str, bytes]]:
    """Yield every version in force within the period, without its credentials; `digest` covers the full content."""
    c = POLICY_VERSION.c
    rows = conn.execute(select(POLICY_VERSION).where(c.applied_at < until).order_by(c.version)).all()
    for place, row in enumerate(rows):
        followed = rows[place + 1].applied_at if place + 1 < len(rows) else until
        if followed >= since:
            content = {
                "version": row.version,
                "applied_at": stamp(row.applied_at),
                "applied_by": row.applied_by,
                "reason": row.reason,
                "digest": row.digest,
                "content": orjson.dumps(policies.shown(context.parsed(row.content))).decode(),
            }
            yield f"policies/version-{row.version}.json", _json(content)


def _figures(gathered: _Tables) -> dict[str, Any]:
    dwell = sorted(gathered.dwell)
    return {
        "events_by_type": dict(sorted(gathered.by_type.items())),
        "events_by_agent": {name: dict(sorted(kinds.items())) for name, kinds in sorted(gathered.by_agent.items())},
        "decisions_by_person": dict(sorted(gathered.reviewers.items())),
        "dwell_ms": {"known": len(dwell), "median": statistics.median(dwell) if dwell else None},
    }


def _proof(
    gathered: _Tables, checkpoint: Checkpoint | None, *, since: int, until: int, agent: str | None, now: int
) -> dict[str, Any]:
    made = [checkpoint.as_json()] if checkpoint is not None else []
    signed = [*gathered.checkpoints, *made]
    return {
        "period": {"from": stamp(since), "to": stamp(until)},
        "agent": agent,
        "made_at": stamp(now),
        "first_seq": gathered.first,
        "last_seq": gathered.last,
        "prev": gathered.prev.hex(),
        "head": gathered.head.hex(),
        "events": sum(gathered.by_type.values()),
        "checkpoints": list({one["signature"]: one for one in signed}.values()),
    }


def _names(conn: Connection) -> _Names:
    def read(key: Any, name: Any) -> dict[int, str]:
        return {row[0]: row[1] for row in conn.execute(select(key, name).order_by(key))}

    return _Names(
        read(AGENT.c.id, AGENT.c.name), read(MAILBOX.c.id, MAILBOX.c.address), read(STREAM.c.id, STREAM.c.domain)
    )


def _agent_id(names: _Names, agent: str | None) -> int | None:
    if agent is None:
        return None
    for number, name in names.agents.items():
        if name == agent:
            return number
    raise NotFound(f"there is no agent {agent}", fix="postroom agent list shows them all")


def _spelled(names: _Names, agent_id: int | None) -> dict[str, Any]:
    agents = {number: name for number, name in names.agents.items() if agent_id in (None, number)}
    return {
        "subjects": list(SUBJECTS),
        "agents": {str(number): name for number, name in agents.items()},
        "mailboxes": {str(number): address for number, address in names.mailboxes.items()},
        "streams": {str(number): domain for number, domain in names.streams.items()},
    }


_DECISION_COLUMNS: Final = (
    "seq", "time", "event", "by", "message", "digest", "policy", "dwell_ms", "batch", "reason", "mailbox", "agent",
    "overridden",
)  # fmt: skip
_SIGNATURE_COLUMNS: Final = (
    "seq", "time", "event", "by", "mailbox", "agent", "kind", "item", "answered_by", "desk_found_false", "item_reason",
    "reason", "record_digest", "shown_digest",
)  # fmt: skip
_MODE_COLUMNS: Final = ("seq", "time", "mailbox", "agent", "old", "new", "by", "reason")


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return target.getvalue().encode()


def _cell(value: object) -> object:
    """Quote a cell that a spreadsheet would take for a formula: a reason is untrusted text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


_MAPPING: Final = """# What this bundle covers

Each row counts events of this bundle. `none` means that the period has no such event, and then the bundle is no
evidence for the row. It lists references; it does not state that anybody complies.

{table}"""

_README: Final = """# Evidence of a desk, {since} to {until}

Made {now}. Check it, offline, with Python 3.11 or later and nothing else:

    python3 verify.py                    # unpacked, in this folder
    python3 verify.py BUNDLE.zip         # as it came; unpack verify.py first, or use one you trust
    python3 verify.py BUNDLE.zip --key KEY

KEY is the desk's public key for checkpoints, noted when it was made and kept outside of the desk. Without it the
signatures show only that one key signed them all.

| file | holds |
| --- | --- |
| events.jsonl | the events, one a line; `raw` is the data as it was hashed; ids are those of names.json |
| chain.txt | seq and SHA-256 of every entry of the period, also of those a bundle about one agent leaves out |
| proof.json | where the chain begins and ends, and the signed checkpoints that cover it |
| decisions.csv | who decided what, when, after looking for how long, under which policy |
| signatures.csv | who signed or vetoed each identity: every item, who answered for it, what was signed against |
| received.csv | mail that came in: how, for whom, the SHA-256 of its bytes, the verdict of DMARC, whether it was held |
| received/ | those bytes, where they were asked for and are still kept |
| modes.csv | the oversight mode of each mailbox when the period began, and every change of it |
| policies/ | every version of the policy that was in force |
| figures.json | counts of the events above |
| MAPPING.md | which requirements these events speak to, and what they do not show |
| manifest.json | SHA-256 of every file |

The hash of an entry is SHA-256 over: the hash before it (32 bytes), the length of the head in decimal, a colon, the
head, the data as in `raw`. The head is compact JSON: [seq, at, type, actor, [message, mailbox, agent, run, stream]].
A checkpoint is Ed25519 over the lines `postroom/checkpoint/1`, seq, head, time in microseconds.

Recipients' addresses, subjects and bodies are not in it: the log never holds them. `received/`, if it is there, does.
"""
