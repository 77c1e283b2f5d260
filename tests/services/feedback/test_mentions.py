"""An address is erased from free text: in every spelling, without unbinding a token, and while others write."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sqlalchemy import event, select

from core.db.store import Store
from core.db.tables import IDEMPOTENCY, MESSAGE, RUN, TOKEN
from core.events import RecipientErased
from core.model import Mode
from core.services.feedback import erasure, kept_webhooks, mentions
from core.services.feedback.mentions import ERASED
from core.services.sending import runs, token_access
from core.services.sending.submission import RunClaim
from tests.factories.delivery import events, leave, number
from tests.factories.desk import ALICE, WIDE, Bench, issue, make_desk
from tests.factories.erasure import erase, steps

JANE, JOE = "jane.doe@example.com", "joe@example.com"
RUN_OF_JANE = f"refund:{JANE}"


def bound(desk: Bench, *, key: str = RUN_OF_JANE, secret: str = "pra_bound") -> Bench:
    """The same desk, as used with a token bound to a run."""
    return dataclasses.replace(desk, token=issue(desk.store, desk.agent_id, secret=secret, run_key=key))


def again(desk: Bench) -> Bench:
    """The same desk with the token as the database has it now."""
    row = desk.store.row(select(TOKEN.c.run_key).where(TOKEN.c.id == desk.token.id))
    assert row is not None
    return dataclasses.replace(desk, token=dataclasses.replace(desk.token, run_key=row.run_key))


def run_of(store: Store, message_id: int) -> int:
    row = store.row(select(MESSAGE.c.run_id).where(MESSAGE.c.id == message_id))
    assert row is not None
    return int(row.run_id)


# --- a token stays bound to its run -------------------------------------------------------------------------------


def test_a_bound_token_stays_in_its_run_when_the_runs_key_is_erased(store: Store) -> None:
    desk = bound(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE))
    (first,) = leave(desk, JOE, run=RunClaim(key=RUN_OF_JANE, targets=(JOE,)))
    erase(store, JANE)
    mine = again(desk)
    assert JANE not in str(mine.token.run_key)
    held = mine.submit("jill@example.com", run=RunClaim())
    assert held.status == "pending", "the targets of its run still bind it"
    assert run_of(store, number(held.message_id)) == run_of(store, first)
    with store.read() as conn:
        assert token_access.owned(conn, first, token=mine.token), "it still reads its own messages"


def test_a_closed_run_stays_closed_to_its_token_when_its_key_is_erased(store: Store) -> None:
    desk = bound(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE))
    leave(desk, JOE, run=RunClaim())
    store.transact(lambda tx: runs.close_run(tx, agent="support-bot", key=RUN_OF_JANE, actor=ALICE))
    erase(store, JANE)
    assert again(desk).submit(JOE, run=RunClaim()).error == "run_closed"


def test_tokens_of_runs_that_differ_only_in_the_address_stay_apart(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    one, same = bound(desk, secret="pra_1"), bound(desk, secret="pra_2")
    other = bound(desk, key=f"refund:{JANE.upper()}", secret="pra_3")
    erase(store, JANE)
    opened = [run_of(store, number(again(box).submit(JOE, run=RunClaim()).message_id)) for box in (one, same, other)]
    assert opened[0] == opened[1] != opened[2]


def test_an_agent_cannot_block_an_erasure_with_the_key_that_it_would_give(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    (first,) = leave(desk, JOE, run=RUN_OF_JANE)
    leave(desk, JOE, run=f"refund:{ERASED}:{run_of(store, first)}")
    erase(store, JANE)
    assert JANE not in str(store.rows(select(RUN.c.key)))


# --- every spelling -----------------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("info@österreich.example", "INFO@ÖSTERREICH.example"),
        ("info@österreich.example", "info@xn--sterreich-z7a.example"),
        ("jörg@example.com", "JÖRG@Example.com"),
        ('"a..b"@example.com', '"A..b"@example.com'),
        ("a..b@docomo.ne.jp", "a..b@docomo.ne.jp"),
        ("kim/s@example.com", "\N{KELVIN SIGN}im/\N{LATIN SMALL LETTER LONG S}@example.com"),
    ],
)
def test_the_database_finds_every_spelling_that_erasure_knows(store: Store, address: str, spelled: str) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    claim = RunClaim(key="run-1", purpose=f"refund {spelled}", via=(f"planner for {spelled}",))
    leave(desk, JOE, run=claim)
    erase(store, address)
    r = RUN.c
    assert store.row(select(r.purpose, r.via)) == (f"refund {ERASED}", [f"planner for {ERASED}"])


def test_a_quoted_address_is_erased_from_stored_answers_and_webhooks(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    quoted = '"a..b"@example.com'
    leave(desk, quoted, idempotency_key="k")
    body = rb'{"Message":"{\"to\":[\"\\\"a..b\\\"@example.com\"]}"}'
    store.transact(lambda tx: kept_webhooks.keep(tx, source="ses", body=body))
    assert "a..b" in str(store.row(select(IDEMPOTENCY.c.answer)))
    erase(store, quoted)
    assert "a..b" not in str(store.row(select(IDEMPOTENCY.c.answer)))
    with store.read() as conn:
        assert not kept_webhooks.due(conn, now=store.clock.now() + 10**12, limit=1)


# --- while others write -------------------------------------------------------------------------------------------


def test_no_scan_runs_while_other_writers_wait(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, JOE, run=RunClaim(key="run-1", purpose=f"refund {JANE}"))
    store.transact(lambda tx: kept_webhooks.keep(tx, source="ses", body=f'{{"to":"{JANE}"}}'.encode()))
    scans: list[str] = []

    def seen(conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if conn.get_execution_options().get("postroom_writes"):
            whole = "LIKE" in statement and " IN (" not in statement
            scans.extend([statement] if whole or ".body" in statement.split("FROM", maxsplit=1)[0] else [])

    event.listen(store.engine, "before_cursor_execute", seen)
    erase(store, JANE)
    event.remove(store.engine, "before_cursor_execute", seen)
    assert scans == []


def test_text_is_erased_a_page_at_a_time_and_each_transaction_leaves_its_event(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for n in range(5):
        leave(desk, JOE, run=RunClaim(key=f"run-{n}", purpose=f"refund {JANE}"))
    for n in range(3):
        body = f'{{"to":"{JANE if n != 1 else JOE}","n":{n}}}'.encode()
        store.transact(lambda tx, body=body: kept_webhooks.keep(tx, source="ses", body=body))  # type: ignore[misc]  # bound now
    monkeypatch.setattr(mentions, "PAGE_SIZE", 2)
    monkeypatch.setattr(mentions, "WEBHOOK_PAGE_SIZE", 2)
    monkeypatch.setattr(erasure, "BATCH_SIZE", 2)
    done = steps(store, JANE)
    # The suppression; of each page of runs its calls first, and the runs once none is left; the webhooks.
    assert [(one.records, one.left) for one in done] == [(0, 0), (4, 0), (4, 0), (2, 0), (1, 0), (1, 0)]
    erased = [one for one in events(store, RecipientErased.type) if isinstance(one, RecipientErased)]
    assert [one.records for one in erased] == [one.records for one in done]
    assert store.rows(select(RUN.c.purpose).distinct()) == [(f"refund {ERASED}",)]
    assert [one.records for one in steps(store, JANE)] == [0], "nothing names it: no transaction but the first"
