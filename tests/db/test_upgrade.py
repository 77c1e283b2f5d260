"""A desk with mail in every state goes on after an upgrade: what waited leaves, what was decided stays decided.

`desk-0001.json` holds the rows of such a desk as the code at migration 0001 wrote them, by its own verbs: delivered
mail with a bounce, a complaint and an unsubscribe, mail that is queued, deferred, leased, held, approved, taken back,
rejected and cancelled, keys of live and test mail, and operators who have not claimed yet.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, MetaData, inspect, select, text, update

from core.db import audit_log, gate_queries, migrate
from core.db.store import Store
from core.db.tables import BODY, CONTACT, COUNTER, LANE, MESSAGE, OPERATOR, RATE_EVENT, RECIPIENT, REVIEW
from core.demo.clock import FakeClock
from core.errors import Invalid
from core.ids import Ids, sha256
from core.model import Role, Status
from core.rules.addresses import parse_address
from core.rules.policy import Policy
from core.security import credentials
from core.services.context import ServiceContext
from core.services.feedback import suppressions
from core.services.identity import operators
from core.services.sending import delivery, policy_replay, review
from core.services.sending.prepare import prepare
from core.services.sending.submission import Prepared, RunClaim, Submission
from core.services.sending.submit import submit
from tests.factories.delivery import attempt, claim, settle
from tests.factories.desk import ALICE, GAIL, KEYRING

FILE: Final = Path(__file__).with_name("desk-0001.json")
OLD: Final[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
MESSAGES: Final[dict[str, int]] = OLD["messages"]
HOUSE: Final = ServiceContext(keyring=KEYRING, ids=Ids.seeded(9), chance=lambda bits: 0)


@pytest.fixture
def old(filled_once: Callable[[str, Callable[[str], None]], str]) -> Iterator[Store]:
    """The desk of the file, brought to this version."""
    store = Store(filled_once("upgraded", _upgrade), clock=FakeClock(OLD["now"]))
    yield store
    store.close()


def _upgrade(url: str) -> None:
    store = Store(url, clock=FakeClock(OLD["now"]))
    migrate.upgrade(store.engine, to="0001")
    with store.engine.connect() as plain, plain.begin():
        _fill(plain.execution_options(postroom_writes=True))
    migrate.upgrade(store.engine)
    store.close()


def _fill(conn: Connection) -> None:
    schema_then = MetaData()
    schema_then.reflect(conn)
    for name, rows in OLD["tables"].items():
        conn.execute(schema_then.tables[name].insert(), [_row(row) for row in rows])
        if conn.dialect.name == "postgresql":
            for column in inspect(conn).get_columns(name):
                if str(column.get("default") or "").startswith("nextval"):
                    spelled = {"t": f'"{name}"', "c": column["name"]}
                    last = max(row[column["name"]] for row in rows)
                    conn.execute(text("SELECT setval(pg_get_serial_sequence(:t, :c), :n)"), spelled | {"n": last})


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: base64.b64decode(value["base64"]) if isinstance(value, dict) and "base64" in value else value
        for key, value in row.items()
    }


def drain(store: Store) -> set[int]:
    """See off all that may leave, waiting for what is due later; returns whose bytes left whole."""
    assert isinstance(store.clock, FakeClock)
    gone: set[int] = set()
    for _ in range(60):
        store.clock.advance(seconds=60)
        store.transact(delivery.reclaim)
        store.transact(review.release_due)
        claimed = claim(store)
        stored = delivery.stored(store, {one.message_id for one in claimed})
        assert [one.message_id for one in claimed if not stored[one.message_id].intact()] == []
        going = attempt(store, claimed)
        assert going == {one.key for one in claimed}
        settle(store, claimed)
        gone |= {one.message_id for one in claimed}
    return gone


def statuses(store: Store) -> dict[str, set[str]]:
    found: dict[int, set[str]] = {}
    for row in store.rows(select(RECIPIENT.c.message_id, RECIPIENT.c.status)):
        found.setdefault(row.message_id, set()).add(row.status)
    return {name: found[message] for name, message in MESSAGES.items()}


def approve(store: Store, name: str, reason: str | None = None) -> None:
    decision = review.Decision(MESSAGES[name], approve=True, reason=reason)
    store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))


def kept(store: Store) -> dict[tuple[str, str], int]:
    rows = store.rows(select(COUNTER).where(COUNTER.c.kind.in_(["kept", "kept_kb"])))
    return {(row.key, row.kind): row.n for row in rows}


def contacts(store: Store) -> dict[str, bool]:
    """Address -> whether mail to it left."""
    return {row.address: row.left_at is not None for row in store.rows(select(CONTACT))}


def again(store: Store, name: str, *, test: bool = False) -> Prepared:
    """The request of an old message once more, byte for byte, with its key."""
    row = store.row(
        select(MESSAGE.c.token_id, BODY.c.issued)
        .join(BODY, BODY.c.message_id == MESSAGE.c.id)
        .where(MESSAGE.c.id == MESSAGES[name])
    )
    assert row is not None
    asked = json.loads(row.issued)
    token = store.transact(lambda tx: gate_queries.token(tx, row.token_id))
    assert token is not None
    assert token.test == test
    submission = Submission(
        sender=parse_address(asked["from"]), to=tuple(parse_address(one) for one in asked["to"]),
        subject=asked["subject"], text=asked["text"], issued=bytes(row.issued), idempotency_key=f"key-{name}",
        run=RunClaim(key="run-1", user="ann@acme.test"),
    )  # fmt: skip
    return prepare(store, submission, token=token, ctx=HOUSE)


def test_queued_mail_leaves_however_its_sender_was_spelled(old: Store) -> None:
    gone = drain(old)
    waited = ("queued", "again", "upper", "mixed", "several", "named", "test", "fly", "deferred", "yes", "soon")
    assert gone == {MESSAGES[name] for name in waited}
    after = statuses(old)
    assert {name: after[name] for name in waited} == {name: {"sent"} for name in waited}
    with old.read() as conn:
        assert audit_log.verify(conn).ok


def test_the_sender_s_other_spelling_hides_no_change(old: Store) -> None:
    upper = MESSAGES["upper"]
    old.transact(
        lambda tx: tx.write(update(RECIPIENT).where(RECIPIENT.c.message_id == upper).values(path="eve@example.com"))
    )
    rendered = old.row(select(BODY.c.rendered).where(BODY.c.message_id == MESSAGES["mixed"]))
    assert rendered is not None
    changed = bytes(rendered.rendered).replace(b"on its way", b"on my way!")
    old.transact(
        lambda tx: tx.write(update(BODY).where(BODY.c.message_id == MESSAGES["mixed"]).values(rendered=changed))
    )
    found = delivery.stored(old, {upper, MESSAGES["mixed"]})
    assert [one.intact() for one in found.values()] == [False, False]


def test_held_mail_can_be_approved_with_a_reason_where_its_checks_failed(old: Store) -> None:
    with pytest.raises(Invalid):
        approve(old, "checks")
    approve(old, "checks", reason="our own test server")
    approve(old, "held")
    approve(old, "undone")
    drain(old)
    after = statuses(old)
    assert {name: after[name] for name in ("checks", "held", "undone")} == {
        name: {"sent"} for name in ("checks", "held", "undone")
    }
    assert (after["no"], after["gone"]) == ({"rejected"}, {"cancelled"})


def test_what_was_decided_is_in_the_evidence_once(old: Store) -> None:
    def counted() -> int:
        rows = old.rows(select(COUNTER).where(COUNTER.c.scope == "mailbox", COUNTER.c.kind == "approved_1h"))
        return sum(row.n for row in rows)

    before = counted()
    assert before == 3
    approve(old, "undone")  # counted when it was first approved, before it was taken back
    approve(old, "held")
    drain(old)  # releases what was approved with a delay
    assert counted() == 4


def test_contacts_are_those_to_whom_mail_left(old: Store) -> None:
    left = {name for name, gone in contacts(old).items() if gone}
    rows = old.rows(select(RECIPIENT.c.address).where(RECIPIENT.c.status == Status.SENT.value))
    assert left == {row.address for row in rows}
    assert {"held@example.com", "queued@example.com"} <= set(contacts(old)), "they hold a place"
    assert {"no@example.com", "gone@example.com"}.isdisjoint(contacts(old))
    approve(old, "held")
    drain(old)
    after = contacts(old)
    assert after["held@example.com"]
    assert after["queued@example.com"]
    assert not after.get("sandbox@example.com", False), "test mail makes nobody a contact"


def test_keys_give_their_first_answer(old: Store) -> None:
    for name, test in (("sent", False), ("queued", False), ("held", False), ("test", True)):
        prepared = again(old, name, test=test)
        answer = old.transact(lambda tx, one=prepared: submit(tx, one))  # type: ignore[misc]  # bound now
        assert answer.status == "replayed", name
        assert answer.raw is not None
        first = old.row(select(MESSAGE.c.rfc_message_id).where(MESSAGE.c.id == MESSAGES[name]))
        assert first is not None
        assert json.loads(answer.raw)["rfc_message_id"] == first.rfc_message_id


def test_the_quota_counts_what_is_kept_and_returns_to_nothing(old: Store) -> None:
    rows = old.rows(select(MESSAGE.c.agent_id, MESSAGE.c.size).where(MESSAGE.c.open > 0))
    expected: dict[tuple[str, str], int] = {}
    for row in rows:
        for kind, n in (("kept", 1), ("kept_kb", -(-row.size // 1024))):
            key = str(row.agent_id), kind
            expected[key] = expected.get(key, 0) + n
    assert kept(old) == expected
    approve(old, "held")
    approve(old, "checks", reason="our own test server")
    approve(old, "undone")
    drain(old)
    assert set(kept(old).values()) <= {0}
    waiting = old.rows(select(COUNTER.c.n).where(COUNTER.c.kind.in_(["waiting", "pending"]), COUNTER.c.n != 0))
    assert waiting == []


def test_suppressions_go_on_keeping_everything_away(old: Store) -> None:
    with old.read() as conn:
        listed = {one.address for one in suppressions.listed(conn, now=old.clock.now())}
    assert listed == {"bounce@dead.example", "angry@example.com", "leaver@example.com", "legal@example.com"}
    for address in listed:
        found = old.transact(
            lambda tx, one=address: gate_queries.suppressed(  # type: ignore[misc]  # bound now
                tx, {one}, stream_id=1, classes=("transactional",), now=tx.now
            )
        )
        assert address in found


def test_guards_know_who_was_counted_and_how_much_each_domain_got(old: Store) -> None:
    lanes = {(row.mailbox_id, row.domain): row.delivered for row in old.rows(select(LANE))}
    assert lanes[1, "example.com"] == 5
    assert lanes[1, "dead.example"] == 1
    assert lanes[1, "slow.example"] == 0
    rows = {(row.measure, row.address, row.domain) for row in old.rows(select(RATE_EVENT))}
    assert rows == {
        ("complaints", "angry@example.com", "example.com"), ("bounces", "bounce@dead.example", "dead.example"),
    }  # fmt: skip


def test_a_code_that_an_admin_has_seen_opens_nothing_any_more(old: Store) -> None:
    row = old.row(select(OPERATOR.c.id).where(OPERATOR.c.claim_hash.is_not(None)))
    assert row is None
    names = {row.name for row in old.rows(select(OPERATOR.c.name).where(OPERATOR.c.token_hash.is_not(None)))}
    assert names == {"alice", "gail", "olive", "dora", "bob", "root"}
    token = sha256(b"pro_carl")
    old.transact(lambda tx: operators.claim(tx, name="carl", token_hash=token))
    shown = credentials.fingerprint(token)
    carl = old.transact(lambda tx: operators.confirm(tx, name="carl", fingerprint=shown, actor=GAIL))
    assert carl.roles == (Role.REVIEWER,)


def test_what_was_said_of_mail_purged_before_the_upgrade_goes_and_the_rest_stays(empty_url: str) -> None:
    store = Store(empty_url, clock=FakeClock(OLD["now"]))
    migrate.upgrade(store.engine, to="0001")
    with store.engine.connect() as plain, plain.begin():
        conn = plain.execution_options(postroom_writes=True)
        _fill(conn)
        conn.execute(update(RECIPIENT).values(reply="550 5.1.1 who is that"))
        purged = BODY.c.message_id.in_([MESSAGES["bounce"], MESSAGES["no"]])
        conn.execute(update(BODY).where(purged).values(rendered=None, issued=None, preview="", purge_at=None))
    migrate.upgrade(store.engine)
    said = {row.message_id: row.reply for row in store.rows(select(RECIPIENT.c.message_id, RECIPIENT.c.reply))}
    assert said[MESSAGES["bounce"]] is None
    assert said[MESSAGES["sent"]] == "550 5.1.1 who is that"
    held = {row.id: row.reasons for row in store.rows(select(REVIEW.c.id, REVIEW.c.reasons))}
    assert held[MESSAGES["no"]] == []
    assert held[MESSAGES["held"]] != []
    store.close()


def test_old_decisions_can_be_replayed(old: Store) -> None:
    with old.read() as conn:
        found = policy_replay.replay(conn, Policy(), since=0)
    assert found.verdicts == {("execute", "execute"): 14, ("hold", "hold"): 7}
