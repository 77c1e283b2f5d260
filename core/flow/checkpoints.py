"""Signed checkpoints of the log, to be kept where nobody who can write the database can reach.

A chain shows that an entry was changed; it cannot show that all of it was written anew, or that its end was cut off.
A checkpoint says, under the desk's Ed25519 key, which entry was the last and what its hash was. Whoever holds one finds
both. The statement that is signed is text, so that it can be checked without any of this code.
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
from sqlalchemy import Connection, select

from core.errors import Invalid
from core.events import AuditCheckpoint
from core.ledger import log
from core.ledger.transaction import Transaction
from core.words import SYSTEM, Actor, read_stamp, stamp

LOG: Final = log.LOG


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log at a time. `head` is hex, `key` the public key and `signature` base64 (RFC 8032)."""

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
        """One line of JSON, as it is written to a file or sent away."""
        return orjson.dumps(self.as_json()).decode()

    @property
    def genuine(self) -> bool:
        """Whether the key named in it signed it; whose key that is, is another question."""
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.key, validate=True))
            public.verify(base64.b64decode(self.signature, validate=True), statement(self.seq, self.head, self.at))
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        return True


def statement(seq: int, head: str, at: int) -> bytes:
    """What is signed: `postroom/checkpoint/1`, seq, head and time in microseconds, a line each."""
    return f"postroom/checkpoint/1\n{seq}\n{head}\n{at}\n".encode()


def take(tx: Transaction, *, private: bytes, actor: Actor = SYSTEM) -> Checkpoint | None:
    """Sign the head of the log and say so in it; None if nothing came after the last checkpoint.

    `private` is the desk's key (PKCS 8 DER, `core.keys`). The event stands after the entry it vouches for.
    """
    row = tx.one(select(LOG.c.seq, LOG.c.hash, LOG.c.type).order_by(LOG.c.seq.desc()).limit(1))
    if row is None or row.type == AuditCheckpoint.type:
        return None
    made = sign(private, seq=row.seq, head=bytes(row.hash).hex(), at=tx.now)
    tx.emit(AuditCheckpoint(actor=str(actor), seq=made.seq, head=made.head, signature=made.signature, key=made.key))
    return made


def sign(private: bytes, *, seq: int, head: str, at: int) -> Checkpoint:
    """A checkpoint under this key. Raises `Invalid` for a key that is not Ed25519."""
    key = load_der_private_key(private, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid("checkpoints are signed with an Ed25519 key")
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(statement(seq, head, at))
    return Checkpoint(seq, head, at, base64.b64encode(public).decode(), base64.b64encode(signature).decode())


def public_of(private: bytes) -> str:
    """The public key in base64, to be noted beside the checkpoints."""
    return sign(private, seq=0, head="", at=0).key


def parse(text: str | bytes) -> Checkpoint:
    """Read a checkpoint as it was written. Raises `Invalid`."""
    wrong = Invalid("this is not a checkpoint of a log", fix="give the file that audit checkpoint wrote")
    try:
        found: dict[str, Any] = orjson.loads(text)
        numbers, words = (found["seq"], found["at"]), (found["head"], found["key"], found["signature"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise wrong from error
    if not all(type(one) is int for one in numbers) or not all(type(one) is str for one in words):
        raise wrong
    made = Checkpoint(numbers[0], words[0], numbers[1], words[1], words[2])
    if "time" in found and abs(read_stamp(str(found["time"])) - made.at) > 1_000:
        raise Invalid("the checkpoint's time and its microseconds differ: somebody edited it")
    return made


@dataclass(frozen=True, slots=True)
class Against:
    """What a log is worth against a checkpoint kept elsewhere. `first_bad_seq`: as far as it can be told.

    `finding`: whole, truncated, rewritten, broken (its own chain does not hold), forged (the checkpoint is not signed
    by the key it names, or not by the key expected).
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


def verify_against(conn: Connection, checkpoint: str | bytes | Checkpoint, *, key: str | None = None) -> Against:
    """Hold the log against a checkpoint: signature, then the entry it names, then the chain. Raises `Invalid`.

    `key` is the desk's public key as noted outside of it: without one, whoever forged the checkpoint chose the key.
    """
    made = checkpoint if isinstance(checkpoint, Checkpoint) else parse(checkpoint)
    last, _ = log.head(conn)
    if not made.genuine or (key is not None and key != made.key):
        why = "its signature does not hold" if not made.genuine else f"it is signed by another key ({made.key})"
        return Against(
            ok=False, finding="forged", reason=f"the checkpoint is no proof: {why}", seq=made.seq, head_seq=last
        )
    if last < made.seq:
        reason = f"the log ends at {last:,}; at {stamp(made.at)} it had {made.seq:,} entries: its end was cut off"
        return Against(
            ok=False, finding="truncated", reason=reason, seq=made.seq, head_seq=last, first_bad_seq=last + 1
        )
    walked = log.verify(conn)
    row = conn.execute(select(LOG.c.hash).where(LOG.c.seq == made.seq)).first()
    if walked.first_bad_seq is not None:
        reason = f"the chain breaks at {walked.first_bad_seq:,}"
        return Against(
            ok=False, finding="broken", reason=reason, seq=made.seq, head_seq=last, first_bad_seq=walked.first_bad_seq
        )
    if row is None or bytes(row.hash).hex() != made.head:
        reason = (
            f"entry {made.seq:,} is not what was signed at {stamp(made.at)}: it, or one before it, was written anew"
        )
        return Against(ok=False, finding="rewritten", reason=reason, seq=made.seq, head_seq=last)
    reason = f"the log is whole, and entry {made.seq:,} is what was signed at {stamp(made.at)}"
    return Against(ok=True, finding="whole", reason=reason, seq=made.seq, head_seq=last)
