"""A checkpoint kept elsewhere finds what the chain alone cannot: a log written anew, or cut off."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import orjson
import pytest
from sqlalchemy import select, text

from core.db import audit_log
from core.db.store import Store
from core.db.tables import DESK, LOG_ENTRY
from core.db.transaction import Transaction
from core.errors import Forbidden, Invalid, Unavailable
from core.events import RunClosed
from core.model import Actor
from core.security.encryption import MasterKeys, new_key_pair, new_master_key
from core.services.audit import checkpoints
from core.services.audit.checkpoints import Checkpoint
from tests.factories.desk import ALICE, DORA, ROOT, leave, make_desk

PAIR = new_key_pair("ed25519")


def grow(store: Store, n: int = 1) -> None:
    def verb(tx: Transaction) -> None:
        for one in range(n):
            leave(tx, RunClosed(actor="system", accepted=one))

    store.transact(verb)


def take(store: Store) -> Checkpoint | None:
    return store.transact(lambda tx: checkpoints.take(tx, private=PAIR.private))


def against(store: Store, made: Checkpoint, key: str | None = PAIR.public) -> checkpoints.Against:
    with store.read() as conn:
        return checkpoints.verify_against(conn, made.text(), key=key)


def tamper(store: Store, change: Callable[[], list[str]]) -> None:
    """Do what somebody with the database's own tools would: take the guards away first."""
    with store.engine.connect() as plain:
        conn = plain.execution_options(postroom_writes=True)
        with conn.begin():
            if store.sqlite:
                names = conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
                for name in names:
                    conn.execute(text(f"DROP TRIGGER {name}"))
            else:
                conn.execute(text("ALTER TABLE event DISABLE TRIGGER ALL"))
            for statement in change():
                conn.execute(text(statement))


def quoted(store: Store, value: bytes) -> str:
    return f"x'{value.hex()}'" if store.sqlite else f"'\\x{value.hex()}'::bytea"


def rewrite(store: Store, from_seq: int) -> None:
    """Change one entry and compute every hash from there on anew, as a thorough forger would."""
    with store.read() as conn:
        rows = conn.execute(LOG_ENTRY.select().order_by(LOG_ENTRY.c.seq)).all()

    def change() -> list[str]:
        prev, done = bytes(rows[from_seq - 1].prev), []
        for row in rows[from_seq - 1 :]:
            data = b'{"accepted":999}' if row.seq == from_seq else bytes(row.data)
            subjects = (row.message, row.mailbox, row.agent, row.run, row.stream)
            own = audit_log.digest(
                prev, seq=row.seq, at=row.at, kind=row.type, actor=row.actor, subjects=subjects, data=data
            )
            changed = {"data": data, "prev": prev, "hash": own}
            listed = ", ".join(f"{name} = {quoted(store, value)}" for name, value in changed.items())
            done.append(f"UPDATE event SET {listed} WHERE seq = {row.seq}")
            prev = own
        return done

    tamper(store, change)


def test_a_grown_log_is_whole_against_its_checkpoint(store: Store) -> None:
    grow(store, 5)
    made = take(store)
    assert made is not None
    assert made.seq == 5
    grow(store, 3)
    found = against(store, made)
    assert (found.ok, found.finding, found.head_seq) == (True, "whole", 9)


def test_a_checkpoint_is_an_event_and_is_not_taken_twice_of_one_head(store: Store) -> None:
    assert take(store) is None
    grow(store)
    made = take(store)
    assert made is not None
    assert take(store) is None
    with store.read() as conn:
        event = audit_log.read(conn, after=1)[0].event
    assert event.type == "audit.checkpoint"
    assert event.data()["signature"] == made.signature


def test_a_log_that_was_cut_off_is_found(store: Store) -> None:
    grow(store, 5)
    made = take(store)
    assert made is not None
    tamper(store, lambda: ["DELETE FROM event WHERE seq > 3"])
    with store.read() as conn:
        assert audit_log.verify(conn).ok
    found = against(store, made)
    assert (found.ok, found.finding, found.first_bad_seq) == (False, "truncated", 4)


def test_a_log_that_was_written_anew_from_an_entry_on_is_found(store: Store) -> None:
    grow(store, 5)
    made = take(store)
    assert made is not None
    rewrite(store, 3)
    with store.read() as conn:
        assert audit_log.verify(conn).ok
    assert against(store, made).finding == "rewritten"


def test_a_clumsy_change_names_the_first_bad_entry(store: Store) -> None:
    grow(store, 5)
    made = take(store)
    assert made is not None
    tamper(store, lambda: ["UPDATE event SET actor = 'nobody' WHERE seq = 2"])
    found = against(store, made)
    assert (found.finding, found.first_bad_seq) == ("broken", 2)


@pytest.mark.parametrize("field", ["seq", "head", "at", "signature", "key"])
def test_an_edited_checkpoint_is_forged(store: Store, field: str) -> None:
    grow(store, 3)
    made = take(store)
    assert made is not None
    other = new_key_pair("ed25519")
    edits = {
        "seq": 2, "head": hashlib.sha256(b"x").hexdigest(), "at": made.at + 1, "signature": "AAAA", "key": other.public,
    }  # fmt: skip
    edited = made.as_json() | {field: edits[field]}
    with store.read() as conn:
        assert checkpoints.verify_against(conn, orjson.dumps(edited)).finding == "forged"


def test_a_checkpoint_of_another_key_is_forged_where_the_key_is_known(store: Store) -> None:
    grow(store, 3)
    with store.read() as conn:
        seq, head = audit_log.head(conn)
    other = checkpoints.sign(new_key_pair("ed25519").private, seq=seq, head=head.hex(), at=store.clock.now())
    assert against(store, other, key=None).ok
    assert against(store, other).finding == "forged"


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "7", '{"seq": 1}', '{"seq":"1","head":"","at":1,"key":"","signature":""}', "\xff"],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        checkpoints.parse(text)


def test_a_file_of_checkpoints_is_held_against_the_log_whole(store: Store) -> None:
    made = []
    for _ in range(3):
        grow(store, 2)
        taken = take(store)
        assert taken is not None
        made.append(taken.text())
    with store.read() as conn:
        found = checkpoints.verify_against(conn, "\n".join(made) + "\n", key=PAIR.public)
        assert (found.ok, found.seq) == (True, 8)
    rewrite(store, 4)
    with store.read() as conn:
        found = checkpoints.verify_against(conn, "\n".join(reversed(made)), key=PAIR.public)
    assert (found.finding, found.seq) == ("rewritten", 5)


def test_the_desks_key_rests_sealed_and_stays_the_same(store: Store) -> None:
    make_desk(store)
    ring = MasterKeys.parse(new_master_key("m1"))
    first, second = new_key_pair("ed25519"), new_key_pair("ed25519")
    grow(store)
    one = store.transact(lambda tx: checkpoints.sign_head(tx, ring, first, actor=ALICE))
    grow(store)
    two = store.transact(lambda tx: checkpoints.sign_head(tx, ring, second, actor=DORA))
    assert one.key == two.key == first.public
    kept = store.row(select(DESK.c.signing_key))
    assert kept is not None
    assert first.private not in bytes(kept.signing_key)
    other = MasterKeys.parse(new_master_key("m1"))
    with pytest.raises(Unavailable):
        store.transact(lambda tx: checkpoints.sign_head(tx, other, second, actor=ALICE))


def test_a_head_that_is_signed_already_gives_the_same_checkpoint_again(store: Store) -> None:
    make_desk(store)
    ring, pair = MasterKeys.parse(new_master_key("m1")), new_key_pair("ed25519")
    grow(store)
    again = [store.transact(lambda tx: checkpoints.sign_head(tx, ring, pair, actor=ALICE)) for _ in range(2)]
    assert again[0] == again[1]
    assert again[1].genuine


def test_agents_and_admins_have_nothing_signed(store: Store) -> None:
    make_desk(store)
    grow(store)
    ring, pair = MasterKeys.parse(new_master_key("m1")), new_key_pair("ed25519")
    for actor in (ROOT, Actor("agent", "support-bot")):
        with pytest.raises(Forbidden):
            store.transact(lambda tx, a=actor: checkpoints.sign_head(tx, ring, pair, actor=a))  # type: ignore[misc]  # bound now


def test_the_public_key_can_be_noted_beside(store: Store) -> None:
    assert checkpoints.public_of(PAIR.private) == PAIR.public
    with pytest.raises(Invalid, match="Ed25519"):
        checkpoints.public_of(new_key_pair("rsa").private)
