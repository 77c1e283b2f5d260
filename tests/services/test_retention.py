"""What retention purges leaves its digests, and the chain as it was."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from core.db import audit_log
from core.db.counters import EVER, bucket
from core.db.store import Store
from core.db.tables import BODY, COUNTER, REVIEW
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, SECOND
from core.ids import spell_id
from core.model import Action, Mode, Outcome, Reply
from core.services.audit import difference, evidence_bundle, trace
from core.services.control import received_retention, retention
from core.services.sending import review
from tests.factories.delivery import attempt, claim, leave, number, settle
from tests.factories.desk import ALICE, KEYRING, WIDE, make_desk

pytestmark = pytest.mark.both_databases

SAID = "550 5.1.1 <jane@example.com>: zebra is not in our directory"
"""A receiver that quotes."""
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
        head = audit_log.head(conn)
    assert before.issued_digest == hashlib.sha256(CALL).hexdigest()
    clock.advance(micros=30 * DAY - SECOND)
    assert store.transact(retention.purge_due) == 0
    clock.advance(micros=SECOND)
    assert store.transact(retention.purge_due) == 1
    assert kept(store, message) == (False, False, "")
    with store.read() as conn:
        after = difference.difference(conn, message, now=clock.now())
        assert (after.purged, after.digest, after.issued_digest) == (True, before.digest, before.issued_digest)
        assert [one.status for one in after.recipients] == ["sent"]
        assert audit_log.head(conn) == head, "purging writes no history anew"
        assert audit_log.verify(conn).ok
        story = trace.trace(conn, spell_id("m", message), KEYRING)
    assert story.ours
    assert any("no longer kept" in step.text for step in story.steps)
    assert any(step.kind == "departure" for step in story.steps)


def test_the_evidence_of_a_purged_period_still_checks_offline(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    began = clock.now()
    leave(desk, "jane@example.com", issued=CALL)
    clock.advance(micros=31 * DAY)
    store.transact(retention.purge_due)
    with store.read() as conn:
        raw = evidence_bundle.bundle(conn, since=began, until=clock.now(), now=clock.now())
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
    assert store.transact(retention.purge_due) == 0
    assert kept(store, held)[:2] == (True, True)
    claimed = claim(store)
    attempt(store, claimed)
    settle(store, claimed)
    assert store.transact(retention.purge_due) == 1
    assert kept(store, held)[:2] == (False, False)


def test_a_reply_is_purged_like_any_other(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    (message,) = leave(desk, "jane@example.com", kind=Action.REPLY, in_reply_to="<hers@example.com>")
    clock.advance(micros=31 * DAY)
    assert store.transact(retention.purge_due) == 1
    assert kept(store, message) == (False, False, "")


_SCHEMAS: dict[str, MetaData] = {}
"""Every table as each kind of database describes it, read once: that takes longer than to look through them."""


def places(store: Store, words: str) -> set[str]:
    """Every column of the database in which these words stand."""
    found = set()
    with store.read() as conn:
        schema = _SCHEMAS.setdefault(store.engine.dialect.name, MetaData())
        if not schema.tables:
            schema.reflect(conn)
        for one in schema.tables.values():
            for row in conn.execute(select(one)).mappings():
                for name, value in row.items():
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    if words in text:
                        found.add(f"{one.name}.{name}")
    return found


def age(store: Store, clock: FakeClock, *, days: int) -> None:
    clock.advance(micros=days * DAY)
    store.transact(retention.purge_due)
    store.transact(retention.forget_old)


def test_what_a_receiver_said_is_kept_no_longer_than_the_body(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, "jane@example.com", reply=Reply(Outcome.DEFERRED, 450, "4.2.1", SAID, "rcpt"))
    clock.advance(micros=DAY)
    again = claim(store)
    attempt(store, again)
    settle(store, again, reply=Reply(Outcome.FAILED, 550, "5.1.1", SAID, "rcpt"))
    assert {"recipient.reply", "lane.last_reply"} <= places(store, "zebra")
    assert places(store, "zebra") & {"event.data"} == set(), "the log cannot be erased"
    age(store, clock, days=28)
    assert "recipient.reply" in places(store, "zebra")
    age(store, clock, days=3)
    assert places(store, "zebra") == set()
    with store.read() as conn:
        assert audit_log.verify(conn).ok


def test_what_a_route_last_said_is_forgotten_once_it_is_long_over(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("jane@example.com")
    flying = claim(store)
    attempt(store, flying)
    settle(store, flying, reply=Reply(Outcome.ROUTE_DOWN, 421, "4.3.2", SAID, "connect"))
    assert "stream.last_reply" in places(store, "zebra")
    age(store, clock, days=29)
    assert "stream.last_reply" in places(store, "zebra")
    age(store, clock, days=2)
    assert not places(store, "zebra") & {"stream.last_reply", "lane.last_reply"}


def test_what_the_checks_of_held_mail_quote_is_purged_with_the_body(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    hidden = '<p>Your order is on its way.</p><p style="display:none">zebra</p>'
    held = number(desk.submit(html=hidden, text="Your order is on its way.").message_id)
    assert "review.findings" in places(store, "zebra")
    store.transact(lambda tx: review.decide(tx, review.Decision(held, approve=False, reason="no"), actor=ALICE))
    age(store, clock, days=31)
    assert places(store, "zebra") == set()
    row = store.row(select(REVIEW).where(REVIEW.c.id == held))
    assert row is not None
    assert [one["code"] for one in row.findings], "which checks failed stays on record"
    assert {one["text"] for one in [*row.findings, *row.reasons]} == {received_retention.UNKEPT}
    with store.read() as conn:
        assert audit_log.verify(conn).ok


def test_the_words_for_which_mail_was_held_are_purged_and_never_in_the_log(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    words = "We will refund you $4,711 by Friday"
    held = number(desk.submit(text=f"Dear Jane, {words}. Zanzibar.", subject="About zucchini").message_id)
    assert "review.reasons" in places(store, "refund")
    store.transact(lambda tx: review.decide(tx, review.Decision(held, approve=False, reason="no"), actor=ALICE))
    for one in ("refund", "4,711", "Zanzibar", "zucchini", "jane@"):
        assert "event.data" not in places(store, one), one
    age(store, clock, days=31)
    for one in ("refund", "4,711", "Zanzibar"):
        assert places(store, one) == set(), one


def test_counters_are_kept_as_long_as_their_widest_reader_asks(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    kinds = ("left", "sent_1h", "left_15m", "sent_1d")

    def left() -> set[str]:
        return {row.kind for row in store.rows(select(COUNTER.c.kind).where(COUNTER.c.scope == "agent"))}

    def count(tx: Transaction) -> None:
        for kind in kinds:
            tx.bump("agent", "1", kind, minute=bucket(tx.now))
        tx.bump("agent", "1", "kept", minute=EVER)

    store.transact(count)
    for days, expected in ((1, {*kinds, "kept"}), (2, {*kinds, "kept"} - {"left"}), (100, {"kept"})):
        clock.advance(micros=days * DAY)
        store.transact(retention.forget_old)
        assert left() == expected
