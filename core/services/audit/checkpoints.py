"""Signed checkpoints of the log, to be stored out of reach of anyone who can write to the database.

A hash chain shows that an entry was changed. It cannot show that the whole log was rewritten, or that its end was cut
off. A checkpoint states, signed with the desk's Ed25519 key, which entry was the last and what its hash was, so its
holder can detect both. The signed statement is text, so that it can be verified without any of this code.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from sqlalchemy import Connection, select, update

from core.db import audit_log
from core.db.tables import CURSOR, DESK, LOG_ENTRY
from core.db.transaction import Transaction
from core.durations import read_stamp, stamp
from core.errors import Invalid, NotFound
from core.events import AuditCheckpoint
from core.model import SYSTEM, Actor
from core.rules.roles import Verb
from core.security.encryption import KeyPair, MasterKeys
from core.services import access

LOG: Final = LOG_ENTRY

SEALED_ABOUT: Final = "desk:checkpoints"
TAKEN: Final = "audit.checkpoint"
"""The cursor that records when the last checkpoint was taken."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log at a point in time. `head` is hex, `key` the public key and `signature` base64 (RFC 8032)."""

    seq: int
    head: str
    at: int
    key: str
    signature: str

    def as_json(self) -> dict[str, Any]:
        return {
            "postroom_checkpoint": 1,
            "seq": self.seq,
            "head": self.head,
            "at": self.at,
            "time": stamp(self.at),
            "key": self.key,
            "signature": self.signature,
        }

    def text(self) -> str:
        """One line of JSON, as written to a file or sent away."""
        return orjson.dumps(self.as_json()).decode()

    @property
    def genuine(self) -> bool:
        """Whether the key it names signed it. Whose key that is must be checked separately."""
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.key, validate=True))
            public.verify(base64.b64decode(self.signature, validate=True), statement(self.seq, self.head, self.at))
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        return True


def statement(seq: int, head: str, at: int) -> bytes:
    """The bytes to sign: `postroom/checkpoint/1`, seq, head and time in microseconds, one per line."""
    return f"postroom/checkpoint/1\n{seq}\n{head}\n{at}\n".encode()


# --- verbs --------------------------------------------------------------------------------------------------------


def private_key(tx: Transaction, ring: MasterKeys, fresh: KeyPair) -> bytes:
    """Return the desk's signing key (PKCS 8 DER), decrypted; store `fresh` as the key if the desk has none yet.

    The key is stored sealed, like every key of the desk. Raises `Unavailable` without the master key that sealed it.
    """
    row = tx.one(select(DESK.c.signing_key).where(DESK.c.id == 1))
    if row is not None and row.signing_key is not None:
        return ring.open(bytes(row.signing_key), about=SEALED_ABOUT)
    sealed = ring.seal(fresh.private, about=SEALED_ABOUT)
    tx.write(update(DESK).where(DESK.c.id == 1).values(signing_key=sealed))
    return fresh.private


def take(tx: Transaction, *, private: bytes, actor: Actor = SYSTEM) -> Checkpoint | None:
    """Sign the head of the log and record the checkpoint in the log; None if the last entry is a checkpoint.

    The event comes after the entry it vouches for.
    """
    row = tx.one(select(LOG.c.seq, LOG.c.hash, LOG.c.type).order_by(LOG.c.seq.desc()).limit(1))
    if row is None or row.type == AuditCheckpoint.type:
        return None
    made = sign(private, seq=row.seq, head=bytes(row.hash).hex(), at=tx.now)
    tx.emit(AuditCheckpoint(actor=str(actor), seq=made.seq, head=made.head, signature=made.signature, key=made.key))
    if not tx.write(update(CURSOR).where(CURSOR.c.name == TAKEN).values(at=tx.now)):
        tx.add(CURSOR, {"name": TAKEN, "at": tx.now})
    return made


def sign_head(tx: Transaction, ring: MasterKeys, fresh: KeyPair, *, actor: Actor) -> Checkpoint:
    """Sign the head on request; if it is signed already, return that checkpoint. Raises `Forbidden`."""
    actor = access.require(tx, actor, Verb.AUDIT_CHECKPOINT)
    return take(tx, private=private_key(tx, ring, fresh), actor=actor) or standing(tx.conn)


def take_due(tx: Transaction, ring: MasterKeys, fresh: KeyPair, *, every: int) -> Checkpoint | None:
    """Take a scheduled checkpoint if the last one, or the desk's creation, is at least `every` microseconds ago."""
    cursor = tx.one(select(CURSOR.c.at).where(CURSOR.c.name == TAKEN))
    desk = tx.one(select(DESK.c.created_at).where(DESK.c.id == 1))
    since = cursor.at if cursor is not None else desk.created_at if desk is not None else tx.now
    return take(tx, private=private_key(tx, ring, fresh)) if since + every <= tx.now else None


def standing(conn: Connection) -> Checkpoint:
    """Return the newest checkpoint in the log, as signed. Raises `NotFound`."""
    row = conn.execute(
        select(LOG).where(LOG.c.type == AuditCheckpoint.type).order_by(LOG.c.seq.desc()).limit(1)
    ).first()
    if row is None:
        raise NotFound("no checkpoint was ever taken", fix="postroom audit checkpoint")
    stored = orjson.loads(row.data)
    return Checkpoint(stored["seq"], stored["head"], row.at, stored["key"], stored["signature"])


# --- statements ---------------------------------------------------------------------------------------------------


def sign(private: bytes, *, seq: int, head: str, at: int) -> Checkpoint:
    """Sign a checkpoint with this key. Raises `Invalid` if the key is not Ed25519."""
    key = load_der_private_key(private, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid("checkpoints are signed with an Ed25519 key")
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(statement(seq, head, at))
    return Checkpoint(seq, head, at, base64.b64encode(public).decode(), base64.b64encode(signature).decode())


def public_of(private: bytes) -> str:
    """The public key in base64, to be recorded along with the checkpoints."""
    return sign(private, seq=0, head="", at=0).key


def parse(text: str | bytes) -> Checkpoint:
    """Parse a checkpoint as it was written. Raises `Invalid`."""
    wrong = Invalid("this is not a checkpoint of a log", fix="give the file that audit checkpoint wrote")
    try:
        found: dict[str, Any] = orjson.loads(text)
        numbers, texts = (found["seq"], found["at"]), (found["head"], found["key"], found["signature"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise wrong from error
    if not all(type(one) is int for one in numbers) or not all(type(one) is str for one in texts):
        raise wrong
    made = Checkpoint(numbers[0], texts[0], numbers[1], texts[1], texts[2])
    if "time" in found and abs(read_stamp(str(found["time"])) - made.at) > 1_000:
        raise Invalid("the checkpoint's time and its microseconds differ: it was edited")
    return made


@dataclass(frozen=True, slots=True)
class Against:
    """The result of verifying a log against a checkpoint stored elsewhere.

    `finding`: whole, truncated, rewritten, broken (the log's own chain does not hold), forged (the checkpoint is not
    signed by the key it names, or not by the expected key). `first_bad_seq` is None where it cannot be determined.
    """

    ok: bool
    finding: str
    reason: str
    seq: int
    head_seq: int
    first_bad_seq: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "finding": self.finding,
            "reason": self.reason,
            "checkpoint_seq": self.seq,
            "head_seq": self.head_seq,
            "first_bad_seq": self.first_bad_seq,
        }


def parse_all(text: str | bytes) -> list[Checkpoint]:
    """Parse every checkpoint in a file: a single one, or one per line. Raises `Invalid`."""
    try:
        return [parse(text)]
    except Invalid:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
    return [parse(line) for line in lines]


def verify_against(conn: Connection, checkpoint: str | bytes | Checkpoint, *, key: str | None = None) -> Against:
    """Verify the log against checkpoints: signatures, then the chain, then the entries they name. Raises `Invalid`.

    `key` is the desk's public key as recorded outside the desk. Without it, a forger could have signed with any key.
    """
    checkpoints = [checkpoint] if isinstance(checkpoint, Checkpoint) else parse_all(checkpoint)
    checkpoints.sort(key=lambda one: one.seq)
    last, _ = audit_log.head(conn)
    for made in checkpoints:
        found = _forged(made, last, key=key) or _cut_off(made, last)
        if found is not None:
            return found
    walked = audit_log.verify(conn)
    newest = checkpoints[-1]
    if walked.first_bad_seq is not None:
        reason = f"the chain breaks at {walked.first_bad_seq:,}"
        return _bad("broken", reason, newest, last, first_bad_seq=walked.first_bad_seq)
    for made in checkpoints:
        row = conn.execute(select(LOG.c.hash).where(LOG.c.seq == made.seq)).first()
        if row is None or bytes(row.hash).hex() != made.head:
            when = stamp(made.at)
            reason = f"entry {made.seq:,} is not what was signed at {when}: it, or an earlier one, was rewritten"
            return _bad("rewritten", reason, made, last)
    several = f", as are {len(checkpoints) - 1} signed before" if len(checkpoints) > 1 else ""
    reason = f"the log is intact, and entry {newest.seq:,} is what was signed at {stamp(newest.at)}{several}"
    return Against(ok=True, finding="whole", reason=reason, seq=newest.seq, head_seq=last)


def _forged(made: Checkpoint, last: int, *, key: str | None) -> Against | None:
    if made.genuine and key in (None, made.key):
        return None
    why = "its signature is not valid" if not made.genuine else f"it is signed by another key ({made.key})"
    return _bad("forged", f"the checkpoint is no proof: {why}", made, last)


def _cut_off(made: Checkpoint, last: int) -> Against | None:
    if last >= made.seq:
        return None
    reason = f"the log ends at {last:,}; at {stamp(made.at)} it had {made.seq:,} entries: its end was cut off"
    return _bad("truncated", reason, made, last, first_bad_seq=last + 1)


def _bad(finding: str, reason: str, made: Checkpoint, last: int, *, first_bad_seq: int | None = None) -> Against:
    return Against(ok=False, finding=finding, reason=reason, seq=made.seq, head_seq=last, first_bad_seq=first_bad_seq)
