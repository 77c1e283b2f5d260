"""Every column that can hold a recipient's address is erased, or is named here with the reason why it cannot hold one.

Columns come from the tables themselves: one that is added without a decision fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest
from sqlalchemy import JSON, Column, LargeBinary, Table, insert, select, update
from sqlmodel import SQLModel

from core.db import audit_log
from core.db.store import Store
from core.db.tables import BODY, EDIT, MESSAGE, RECIPIENT, REVIEW, RUN
from core.db.transaction import Transaction
from core.model import Action, Mode
from core.rules.addresses import parse_address
from core.services.feedback import kept_webhooks
from core.services.feedback.mentions import ERASED
from core.services.sending import review
from core.services.sending.submission import RunClaim
from tests.factories.delivery import leave, number
from tests.factories.desk import ALICE, WIDE, Bench, issue, make_desk
from tests.factories.erasure import erase

pytestmark = pytest.mark.both_databases
JANE, JOE = "jane.doe@example.com", "joe@example.com"
WORDS: Final = f"for Jane <{JANE.upper()}>, not x{JANE}"
"""Free words around the address, and another address that ends like it."""

OURS: Final = "the desk's own word, from a closed list or made of ids, domains and figures"
PEOPLE: Final = "names of the desk's operators and agents"
SECRET: Final = "a digest, a key or what is sealed with one"
LOG: Final = "the log holds ids, digests and figures, and nobody can change it"
EXEMPT: Final[Mapping[str, str]] = {
    "acknowledgement.key": OURS,
    "acknowledgement.operator": PEOPLE,
    "agent.drill_failures": OURS,
    "agent.drill_unreached": OURS,
    "agent.drilled_by": PEOPLE,
    "agent.name": PEOPLE,
    "agent.status": OURS,
    "agent.suspend_figures": OURS,
    "agent.suspended_by": PEOPLE,
    "agent.warned": OURS,
    "claim.operator": PEOPLE,
    "consent.added_by": PEOPLE,
    "consent.basis": OURS,
    "consent.region": OURS,
    "consent.scope": OURS,
    "counter.key": OURS,
    "counter.kind": OURS,
    "counter.scope": OURS,
    "cursor.name": OURS,
    "dead_hook.error": "nothing that a receiver wrote reaches it (webhook_client)",
    "desk.policy_edit": SECRET,
    "desk.policy_waiting": "a policy, as policy_version.content",
    "desk.signing_key": SECRET,
    "desk.start_votes": PEOPLE,
    "desk.stopped_by": PEOPLE,
    "edit.after_digest": SECRET,
    "edit.before_digest": SECRET,
    "edit.operator": PEOPLE,
    "enrolment.claim_hash": SECRET,
    "enrolment.fingerprint": SECRET,
    "event.actor": LOG,
    "event.data": LOG,
    "event.hash": LOG,
    "event.prev": LOG,
    "event.type": LOG,
    "feedback_seen.key": SECRET,
    "gateway.host": OURS,
    "gateway.listen": OURS,
    "hook.last_error": "nothing that a receiver wrote reaches it (webhook_client)",
    "idempotency.digest": SECRET,
    "idempotency.key": "kept for a day at most; without it a repeat would write to the others of the message again",
    "inbound_address.role": OURS,
    "inbound_content.digest": SECRET,
    "inbound_message.decided_by": PEOPLE,
    "inbound_message.dedupe_key": SECRET,
    "inbound_message.dmarc": OURS,
    "inbound_message.source": OURS,
    "inbound_message.status": OURS,
    "inbound_message.thread_proof": OURS,
    "kept_webhook.digest": SECRET,
    "kept_webhook.source": OURS,
    "lane.domain": OURS,
    "lane.paused_by": PEOPLE,
    "lane.site": OURS,
    "lane.waits_for": OURS,
    "mailbox.address": "an identity of the desk, not a recipient",
    "mailbox.classes": OURS,
    "mailbox.governance_reviewer": PEOPLE,
    "mailbox.mode": OURS,
    "mailbox.owner": PEOPLE,
    "mailbox.requested_by": PEOPLE,
    "mailbox.status": OURS,
    "mailbox.system_owner": PEOPLE,
    "mailbox.waits_for": OURS,
    "mailbox.webhook_events": OURS,
    "mailbox.webhook_previous": SECRET,
    "mailbox.webhook_secret": SECRET,
    "mailbox.webhook_url": "where the operators' own program listens",
    "message.content_class": OURS,
    "message.declared_class": OURS,
    "message.digest": SECRET,
    "message.direction": OURS,
    "message.facts": "recipients stand in it by their number",
    "message.kind": OURS,
    "message.rfc_message_id": OURS,
    "message.status": OURS,
    "note.operator": PEOPLE,
    "operation_answer.digest": SECRET,
    "operation_answer.key": "chosen by the operator's client, kept for a day",
    "operation_answer.operator": PEOPLE,
    "operator.added_by": PEOPLE,
    "operator.claim_hash": SECRET,
    "operator.confirmed_by": PEOPLE,
    "operator.name": PEOPLE,
    "operator.roles": OURS,
    "operator.token_hash": SECRET,
    "operator.unconfirmed": OURS,
    "pace.site": OURS,
    "policyversion.applied_by": PEOPLE,
    "policyversion.content": "the organisation's own rules, whole, so that old decisions can be replayed",
    "policyversion.digest": SECRET,
    "rate_event.domain": OURS,
    "rate_event.measure": OURS,
    "reader.hurry": OURS,
    "reader.name": PEOPLE,
    "reading.operator": PEOPLE,
    "recipient.enhanced": OURS,
    "recipient.feedback": OURS,
    "recipient.field": OURS,
    "recipient.provider_id": OURS,
    "recipient.status": OURS,
    "review.approvers": PEOPLE,
    "review.batch": OURS,
    "review.decided_by": PEOPLE,
    "review.editors": PEOPLE,
    "review.kind": OURS,
    "review.opened_by": PEOPLE,
    "review.settled": OURS,
    "review.status": OURS,
    "run.confirmed_by": PEOPLE,
    "signoff.checklist": OURS,
    "signoff.kind": OURS,
    "signoff.operator": PEOPLE,
    "signoff.record_digest": SECRET,
    "signoff.shown_digest": SECRET,
    "stream.active_slot": OURS,
    "stream.domain": OURS,
    "stream.organisation": "the sender's own name, on every message",
    "stream.owners": PEOPLE,
    "stream.paused_by": PEOPLE,
    "stream.postal_address": "the sender's own address, on every message",
    "stream.provider": OURS,
    "stream.route": OURS,
    "stream.route_secret": SECRET,
    "stream.spf": OURS,
    "stream.unsubscribe_url": OURS,
    "stream_key.algorithm": OURS,
    "stream_key.private": SECRET,
    "stream_key.public": SECRET,
    "stream_key.selector": OURS,
    "stream_key.slot": OURS,
    "suppression.added_by": PEOPLE,
    "suppression.address": "kept on purpose: without it the next import or agent would write to the person again",
    "suppression.classes": OURS,
    "token.address": "an identity of the desk, not a recipient",
    "token.hash": SECRET,
    "token.issued_by": PEOPLE,
    "token.owner": PEOPLE,
    "token.scopes": OURS,
    "widening.classes": OURS,
    "widening.fingerprint": SECRET,
    "widening.limits": OURS,
    "widening.outcome": OURS,
    "wideningsignoff.checklist": OURS,
    "wideningsignoff.kind": OURS,
    "wideningsignoff.operator": PEOPLE,
    "wideningsignoff.record_digest": SECRET,
    "wideningsignoff.shown_digest": SECRET,
}


def test_each_column_that_can_hold_an_address_loses_it(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    _scene(desk)
    planted = {f"{one.name}.{column.name}" for one in _tables() for column in _open(one)}
    store.transact(_plant)
    assert planted <= _places(store, JANE), "each holds it"
    erase(store, JANE)
    assert _places(store, JANE) - EXEMPT.keys() == set()
    assert "run.purpose" in _places(store, f"x{JANE}"), "another person's address stays"
    with store.read() as conn:
        assert audit_log.verify(conn).ok


def test_each_exempted_column_is_there() -> None:
    known = {f"{one.name}.{column.name}" for one in _tables() for column in one.columns if _holds_text(column)}
    assert EXEMPT.keys() - known == set()


def test_a_run_that_was_for_the_person_alone_is_for_nobody_afterwards(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, JANE, run=RunClaim(key="run-1", targets=(JANE,), purpose=f"refund {JANE}"))
    assert desk.submit(JOE, run="run-1").status == "pending"
    erase(store, JANE)
    r = RUN.c
    assert store.row(select(r.targets, r.purpose)) == ([ERASED], f"refund {ERASED}")
    assert desk.submit("jill@example.com", run="run-1").status == "pending"


def test_what_agents_issued_in_a_run_that_names_the_person_goes_too(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    mine = RunClaim(key="run-1", targets=(JANE, JOE))
    leave(desk, JOE, run=mine, issued=f'{{"run":{{"targets":["{JANE}"]}}}}'.encode())
    leave(desk, JOE, run="run-2", issued=b"{}")
    erase(store, JANE)
    assert [row.issued for row in store.rows(select(BODY.c.issued).order_by(BODY.c.message_id))] == [
        None, b"{}",
    ]  # fmt: skip


def test_mail_whose_answers_go_to_the_person_is_theirs_as_well(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    (one,) = leave(desk, JOE, reply_to=parse_address(JANE), subject="A question of Jane's")
    erase(store, JANE)
    m, b = MESSAGE.c, BODY.c
    assert store.row(select(m.subject, m.reply_to).where(m.id == one)) == ("", None)
    assert store.row(select(b.rendered).where(b.message_id == one)) == (None,)
    assert store.row(select(RECIPIENT.c.address)) == (JOE,)


def test_an_unproved_webhook_is_dropped_however_its_json_spells_the_address(store: Store) -> None:
    make_desk(store)
    bodies = [
        rb'{"Message":"{\"mail\":{\"destination\":[\"jane.doe\\u0040example.com\"]}}"}',
        b'{"to":["Jane.Doe@Example.com"]}',
        b'{"to":["mary.jane.doe@example.com"]}',
    ]
    for body in bodies:
        store.transact(lambda tx, body=body: kept_webhooks.keep(tx, source="ses", body=body))  # type: ignore[misc]  # bound now
    erase(store, JANE)
    with store.read() as conn:
        left = kept_webhooks.due(conn, now=store.clock.now() + 10**12, limit=10)
    assert [one.body for one in left] == bodies[2:]


# --- how ----------------------------------------------------------------------------------------------------------


def _scene(desk: Bench) -> None:
    """A message that left, one held, edited and refused, and one asked-for read: rows wherever mail leaves some."""
    leave(desk, JANE, idempotency_key="k")
    held = number(desk.submit(JANE, text="We will refund you $4,711 by Friday.").message_id)
    no = review.Decision(held, approve=False, reason="no")
    desk.store.transact(lambda tx: review.decide(tx, no, actor=ALICE))
    edit = {"message_id": held, "n": 1, "operator": "alice", "at": 1, "before_digest": "", "after_digest": ""}
    desk.store.transact(lambda tx: tx.write(insert(EDIT).values(**edit, before_subject="")))
    issue(desk.store, desk.agent_id, secret="pra_bound", run_key="run-9", run_user="ann")


def _tables() -> list[Table]:
    return list(SQLModel.metadata.sorted_tables)


def _holds_text(column: Column[Any]) -> bool:
    return column.type.python_type not in {int, bool, float}  # of some shapes it says `object`


def _open(one: Table) -> list[Column[Any]]:
    """The columns that erasure has to look at."""
    return [column for column in one.columns if _holds_text(column) and f"{one.name}.{column.name}" not in EXEMPT]


def _plant(tx: Transaction) -> None:
    """The address in every column that could have it: of the rows there are, or of a new one."""
    for one in _tables():
        columns = _open(one)
        if not columns:
            continue
        if not tx.all(select(*one.primary_key.columns).limit(1)):
            tx.write(insert(one).values(_row(tx, one)))
        keys = {column.name for column in one.primary_key.columns}
        values = {column.name: _planted(column) for column in columns if column.name not in keys}
        if values:
            tx.write(update(one).values(**values))
    # A held read is no message's: its target and what was found in it are the agent's own words.
    held = tx.one(select(REVIEW))
    assert held is not None
    asked = {**held._mapping, "id": 99, "message_id": None, "kind": Action.READ.value}
    tx.write(insert(REVIEW).values(**asked))


def _row(tx: Transaction, one: Table) -> dict[str, Any]:
    """A row of its own for a table that the scene left empty."""
    found: dict[str, Any] = {}
    for column in one.columns:
        if column.name in {"address", "subject"}:
            found[column.name] = JANE
        elif _holds_text(column):
            found[column.name] = _planted(column) if column in _open(one) else _any(column)
        elif not column.nullable:
            fresh = False if column.type.python_type is bool else 1_000
            found[column.name] = _first(tx, column) if column.foreign_keys else fresh
    return found


def _any(column: Column[Any]) -> Any:
    if isinstance(column.type, JSON):
        return {}
    return b"x" if isinstance(column.type, LargeBinary) else "x"


def _first(tx: Transaction, column: Column[Any]) -> int:
    """The id of a row that this foreign key may name."""
    (key,) = column.foreign_keys
    row = tx.one(select(key.column).limit(1))
    return 1 if row is None else int(row[0])


def _planted(column: Column[Any]) -> Any:
    if column.name in {"address", "path", "given", "reply_to", "subject"} and column.table.name in {
        "recipient", "contact", "mailbox_contact", "consent", "rate_event", "message", "inbound_address",
    }:  # fmt: skip
        return JANE
    if isinstance(column.type, JSON):
        quoting = {"review": {"reasons", "findings"}, "inbound_message": {"findings", "held_for"}}
        listed = column.name in quoting.get(column.table.name, ())
        return [{"code": "x", "text": WORDS}] if listed else [WORDS, JANE]
    return WORDS.encode() if isinstance(column.type, LargeBinary) else WORDS


def _places(store: Store, words: str) -> set[str]:
    """Every column in which these words stand, in whatever case, as a whole address."""
    found = set()
    with store.read() as conn:
        for one in _tables():
            for row in conn.execute(select(one)).mappings():
                for name, value in row.items():
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    others = text.lower().replace(f"x{JANE}", "") if words == JANE else text
                    if words.lower() in others.lower():
                        found.add(f"{one.name}.{name}")
    return found
