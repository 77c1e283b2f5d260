"""What retention purges leaves its digests, and the chain as it was."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

from sqlalchemy import select

from core.demo.clock import FakeClock
from core.flow import bundle, difference, review, trace, upkeep
from core.ledger import log
from core.ledger.store import Store
from core.ledger.tables import Body, table
from core.words import DAY, SECOND, Action, Mode, spell_id
from tests.desk import ALICE, KEYRING, WIDE, make_desk
from tests.flow.leaving import attempt, claim, leave, number, settle

BODY = table(Body)
CALL = b'{"from":"help@support-bot.acme.test","to":"jane@example.com","run":{"tool_call":{"name":"send_email"}}}'


def kept(store: Store, message: int) -> tuple[bool, bool, str]:
    row = store.row(select(BODY).where(BODY.c.message_id == message))
    assert row is not None
    return row.rendered is not None, row.issued is not None, row.preview


def test_bodies_and_calls_are_purged_and_their_digests_stay(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    (message,) = leave(desk, "jane@example.com", issued=CALL, text="It is on its way.")
    with store.read() as conn:
        before = difference.difference(conn, message, now=clock.now())
        head = log.head(conn)
    assert before.issued_digest == hashlib.sha256(CALL).hexdigest()
    clock.advance(micros=30 * DAY - SECOND)
    assert store.transact(upkeep.purge_due) == 0
    clock.advance(micros=SECOND)
    assert store.transact(upkeep.purge_due) == 1
    assert kept(store, message) == (False, False, "")
    with store.read() as conn:
        after = difference.difference(conn, message, now=clock.now())
        assert (after.purged, after.digest, after.issued_digest) == (True, before.digest, before.issued_digest)
        assert [one.status for one in after.recipients] == ["sent"]
        assert log.head(conn) == head, "purging writes no history anew"
        assert log.verify(conn).ok
        story = trace.trace(conn, spell_id("m", message), KEYRING)
    assert story.ours
    assert any("no longer kept" in step.text for step in story.steps)
    assert any(step.kind == "departure" for step in story.steps)


def test_the_evidence_of_a_purged_period_still_checks_offline(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    began = clock.now()
    leave(desk, "jane@example.com", issued=CALL)
    clock.advance(micros=31 * DAY)
    store.transact(upkeep.purge_due)
    with store.read() as conn:
        raw = bundle.bundle(conn, since=began, until=clock.now(), now=clock.now())
    zipfile.ZipFile(io.BytesIO(raw)).extractall(tmp_path)
    found = subprocess.run([sys.executable, "-I", "verify.py"], cwd=tmp_path, capture_output=True, check=False)
    assert found.returncode == 0, found.stdout
    assert hashlib.sha256(CALL).hexdigest() in (tmp_path / "events.jsonl").read_text()


def test_mail_that_still_waits_keeps_its_bytes_until_it_has_ended(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **(WIDE | {"pending_expiry": 30 * DAY}))
    held = number(desk.submit(issued=CALL).message_id)
    clock.advance(micros=30 * DAY - 1)
    store.transact(lambda tx: review.decide(tx, review.Decision(held, approve=True), actor=ALICE))
    clock.advance(micros=DAY)
    assert store.transact(upkeep.purge_due) == 0
    assert kept(store, held)[:2] == (True, True)
    claimed = claim(store)
    attempt(store, claimed)
    settle(store, claimed)
    assert store.transact(upkeep.purge_due) == 1
    assert kept(store, held)[:2] == (False, False)


def test_a_reply_is_purged_like_any_other(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    (message,) = leave(desk, "jane@example.com", kind=Action.REPLY, in_reply_to="<hers@example.com>")
    clock.advance(micros=31 * DAY)
    assert store.transact(upkeep.purge_due) == 1
    assert kept(store, message) == (False, False, "")
