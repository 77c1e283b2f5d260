"""The log as a whole: its entries as they were hashed, whether its chain is intact, signed checkpoints of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from core.db import audit_log
from core.json_body import Sha256, Shape, Short
from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import Limit, Nothing, Number
from core.operations.operation import Call, Json, Resources, act, read
from core.rules.roles import Verb
from core.security import encryption, key_file
from core.services.audit import checkpoints
from core.services.control.read_log import Shown, What

PART: Final = 50_000
"""Entries that one request verifies: a second or two."""
GENESIS: Final = audit_log.GENESIS.hex()


class ExportRequest(Shape):
    """Entries after one of the log and up to another, without which it is the end of now."""

    after: Number = 0
    until: Number | None = None
    limit: Limit = audit_log.PAGE


class VerifyRequest(Shape):
    """Where to go on: the last entry verified before and its hash, as the answer before had them."""

    after: Number = 0
    head: Sha256 = GENESIS
    limit: Annotated[int, Field(ge=1, le=PART)] = PART


class AgainstRequest(Shape):
    """One checkpoint, or several, one per line; and the desk's public key as it was noted outside the desk."""

    checkpoint: Annotated[str, StringConstraints(max_length=400_000)]
    key: Short | None = None


def export(call: Call, request: ExportRequest) -> Json:
    conn = call.tx.conn
    last, _ = audit_log.head(conn)
    until = last if request.until is None else min(request.until, last)
    entries = audit_log.read(conn, after=request.after, until=until, limit=request.limit)
    more = bool(entries) and entries[-1].seq < until
    return {"entries": [one.as_json() for one in entries], "until": until, "next": entries[-1].seq if more else None}


def verify(call: Call, request: VerifyRequest) -> Json:
    conn = call.tx.conn
    found = audit_log.verify_part(
        conn, after=request.after, head=bytes.fromhex(request.head), limit=request.limit
    )  # fmt: skip
    last, _ = audit_log.head(conn)
    return {
        "ok": found.ok,
        "events": found.events,
        "first_bad_seq": found.first_bad_seq,
        "head": found.head.hex(),
        "head_seq": found.head_seq,
        "log_seq": last,
        "next": found.head_seq if found.ok and found.head_seq < last else None,
    }


def verify_against(call: Call, request: AgainstRequest) -> Json:
    conn = call.tx.conn
    found = checkpoints.verify_against(conn, request.checkpoint, key=request.key)
    last, head = audit_log.head(conn)
    return found.as_json() | {"events": last, "head": head.hex()}


def make_key(call: Call, _request: Nothing) -> Callable[[], object]:
    settings = call.resources.settings
    return lambda: (key_file.serving_master_keys(settings), encryption.new_key_pair("ed25519"))


def checkpoint(call: Call, _request: Nothing) -> Json:
    ring, fresh = call.prepared
    return checkpoints.sign_head(call.tx, ring, fresh, actor=call.actor).as_json()


def send_outside(resources: Resources, _request: Nothing, made: Mapping[str, Any]) -> Json:
    # Imported late: a desk that verifies its log should not spend a second on importing the notification channels.
    from core.services.audit import checkpoint_targets  # noqa: PLC0415

    signed = checkpoints.Checkpoint(made["seq"], made["head"], made["at"], made["key"], made["signature"])
    return {"sent": [one.as_json() for one in checkpoint_targets.send_all(signed, resources.settings)]}


# --- answers ----------------------------------------------------------------------------------------------------------


class Entries(Answer):
    """Entries as `GET /audit` has them. Continue with `next` as `after`, and the same `until`; null: no more."""

    entries: list[dict[str, Any]]
    until: int
    next: int | None


class Verified(Answer):
    """The chain up to `head_seq`. Continue with `next` as `after` and `head`; null: the end, or the first bad entry."""

    ok: bool
    events: int
    first_bad_seq: int | None
    head: str
    head_seq: int
    log_seq: int
    next: int | None


class VerifiedAgainst(Answer):
    """What a log is, compared with a checkpoint kept elsewhere: whole, truncated, rewritten, broken, or forged."""

    ok: bool
    finding: str
    reason: str
    checkpoint_seq: int
    head_seq: int
    first_bad_seq: int | None
    events: int
    head: str


class Checkpoint(WideAnswer):
    """The signed head of the log, and what became of it at each place that postroom.toml names."""

    seq: int
    head: str
    at: int
    time: str
    key: str
    signature: str


OPERATIONS = (
    read("audit.export", export, ExportRequest, Entries, Verb.AUDIT_READ,
         about="Entries of the log, whole and in its order.", shown=lambda _request, _answer: Shown(What.LOG)),
    read("audit.verify", verify, VerifyRequest, Verified, Verb.AUDIT_READ,
         about="Verify a part of the hash chain."),
    read("audit.against", verify_against, AgainstRequest, VerifiedAgainst, Verb.AUDIT_READ,
         about="Verify the log against a checkpoint that was kept elsewhere: it detects a rewritten or cut log."),
    act("audit.checkpoint", checkpoint, Nothing, Checkpoint, Verb.AUDIT_CHECKPOINT, prepare=make_key, then=send_outside,
        about="Sign the head of the log now, and send it where postroom.toml says."),
)  # fmt: skip
