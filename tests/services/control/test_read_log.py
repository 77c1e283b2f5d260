"""Entries of reads on both databases: which are equal, and what each is found by."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.db import audit_log
from core.db.queries import events as views
from core.db.store import Store
from core.db.tables import LOG_ENTRY
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.errors import AccessEnded, Forbidden
from core.events import EmailRead
from core.ids import read_id
from core.model import Actor
from core.services.control import read_log
from core.services.control.read_log import NEEDS, EntryPoint, Shown, What
from core.services.notify import targets
from tests.factories.desk import ADDRESS, ALICE, BOB, OLIVE, ROOT, Bench, make_desk, person


def enter(desk: Bench, shown: Shown, *, door: EntryPoint = EntryPoint.HTTP, actor: Actor = ALICE) -> bool:
    return desk.store.transact(lambda tx: read_log.by_operator(tx, shown, entry_point=door, actor=actor))


def sent(desk: Bench) -> int:
    return read_id("m", desk.submit().message_id or "") or 0


def entered(store: Store) -> list[EmailRead]:
    with store.read() as conn:
        return [one.event for one in audit_log.read(conn, after=0) if isinstance(one.event, EmailRead)]


def test_equal_reads_of_an_hour_are_one_entry_by_reader_door_and_object(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store)
    first, second = sent(desk), sent(desk)
    clock.advance(micros=HOUR - clock.now() % HOUR)
    shown = Shown(What.MESSAGE, item=first)
    assert enter(desk, shown)
    assert not enter(desk, shown)
    assert enter(desk, shown, door=EntryPoint.CLI)
    assert enter(desk, shown, actor=BOB)
    assert enter(desk, Shown(What.DIFFERENCE, item=first))
    assert enter(desk, Shown(What.MESSAGE, item=second))
    clock.advance(micros=HOUR - 1)
    assert not enter(desk, shown)
    clock.advance(micros=1)
    assert enter(desk, shown)
    assert len(entered(store)) == 6


@pytest.mark.both_databases
def test_two_gateways_enter_a_read_once(store: Store) -> None:
    """What is remembered is in the database: many verbs of one commit, or of several processes, agree."""
    desk = make_desk(store)
    shown = Shown(What.PENDING, mailbox=ADDRESS)
    with store.begin() as tx:
        said = [
            tx.run(lambda tx: read_log.by_operator(tx, shown, entry_point=EntryPoint.HTTP, actor=ALICE))
            for _ in range(2)
        ]
    assert said == [True, False]
    other = Store(store.engine.url.render_as_string(hide_password=False), clock=store.clock)
    assert not other.transact(lambda tx: read_log.by_operator(tx, shown, entry_point=EntryPoint.HTTP, actor=ALICE))
    other.close()
    assert [one.mailbox for one in entered(store)] == [desk.mailbox_id]


def test_a_read_is_found_by_message_mailbox_agent_run_and_stream(store: Store) -> None:
    desk = make_desk(store)
    message = sent(desk)
    enter(desk, Shown(What.MESSAGE, item=message))
    (read,) = entered(store)
    submitted = store.row(select(LOG_ENTRY).where(LOG_ENTRY.c.type == "email.submitted"))
    assert submitted is not None
    for name in ("message", "mailbox", "agent", "run", "stream"):
        assert getattr(read, name) == getattr(submitted, name), name


def test_that_people_looked_is_not_what_an_agent_did_last(store: Store) -> None:
    desk = make_desk(store)
    message = sent(desk)
    enter(desk, Shown(What.MESSAGE, item=message))
    with store.read() as conn:
        assert views.latest(conn, {desk.agent_id: [desk.mailbox_id]})[desk.agent_id].type == "email.pending"


def test_no_webhook_is_told_who_looks(store: Store) -> None:
    assert EmailRead.type not in targets.WEBHOOK_EVENTS
    assert "email.tagged" in targets.WEBHOOK_EVENTS


@pytest.mark.parametrize("what", list(What))
def test_only_who_may_be_shown_it_can_have_read_it(store: Store, what: What) -> None:
    desk = make_desk(store)
    with pytest.raises(Forbidden):
        enter(desk, Shown(what), actor=OLIVE if what is What.GATEWAY_LOG else ROOT)
    with pytest.raises(AccessEnded):
        enter(desk, Shown(what), actor=person("eve"))
    assert entered(store) == []
    assert what in NEEDS
