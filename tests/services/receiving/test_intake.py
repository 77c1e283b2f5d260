"""Mail is stored once, whoever hands it over; on a full disk it is asked for later; who may vouch for its sender."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, text

from core.db.store import Store
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.errors import Unavailable
from core.rules.providers import registry
from core.services.receiving.intake import Intake
from core.services.receiving.receive import Receipt
from core.settings import Inbound
from tests.factories.desk import ADDRESS, Bench, make_desk
from tests.factories.inbound import SERVER, mail, received


def intake(desk: Bench, store: Store, writer: Writer) -> Intake:
    return Intake(store=store, writer=writer, ctx=desk.ctx, settings=Inbound())


@pytest.mark.both_databases
def test_two_gateways_that_get_the_same_mail_at_once_store_it_once(
    store: Store, database_url: str, clock: FakeClock
) -> None:
    desk = make_desk(store)
    other = Store(database_url, clock=clock)
    gateways = [(one, Writer(one)) for one in (store, other)]

    async def story() -> list[Receipt]:
        for _, writer in gateways:
            writer.start()
        raws = [mail(f"{n}", message_id=f"<{n}@example.com>") for n in range(20)]
        try:
            answers = await asyncio.gather(
                *(
                    intake(desk, one, writer).take(raw, sender=None, recipients=[ADDRESS], source="lmtp")
                    for raw in raws
                    for one, writer in gateways
                )
            )
        finally:
            for _, writer in gateways:
                await writer.close()
        return [receipt for (receipt,) in answers]

    receipts = asyncio.run(story())
    other.close()
    assert sorted(one.value for one in receipts) == ["duplicate"] * 20 + ["stored"] * 20
    assert len(received(store)) == 20


def test_on_a_full_disk_mail_is_asked_for_later_and_then_stored(sqlite_store: Store) -> None:
    """SQLite's own limit on pages stands for a disk: the error is the one a full disk gives."""
    desk = make_desk(sqlite_store)
    pages = sqlite_store.row(text("PRAGMA page_count"))
    assert pages is not None
    limit = [pages[0]]

    def apply(dbapi: Any, *_: object) -> None:
        dbapi.execute(f"PRAGMA max_page_count = {limit[0]}")

    event.listen(sqlite_store.engine, "checkout", apply)
    raw = mail("".join(f"line {n * n}\n" for n in range(20_000)))

    async def story() -> list[Receipt]:
        writer = Writer(sqlite_store)
        writer.start()
        taking = intake(desk, sqlite_store, writer)
        try:
            with pytest.raises(Unavailable, match="disk is full"):
                await taking.take(raw, sender=None, recipients=[ADDRESS], source="lmtp")
            assert received(sqlite_store) == []
            limit[0] = 1_073_741_823
            return await taking.take(raw, sender=None, recipients=[ADDRESS], source="lmtp")
        finally:
            await writer.close()

    assert asyncio.run(story()) == [Receipt.STORED]
    assert len(received(sqlite_store)) == 1


def test_the_names_of_servers_in_front_count_only_where_such_a_server_hands_mail_over(sqlite_store: Store) -> None:
    """A provider passes on whatever its sender wrote, also in the name of the operator's own mail server."""
    desk = make_desk(sqlite_store)
    forged = f"Authentication-Results: {SERVER}; dmarc=pass header.from=example.com\n"
    sources = ("lmtp", "maildir", "raw", *registry.PROVIDERS)

    async def story() -> None:
        writer = Writer(sqlite_store)
        writer.start()
        taking = Intake(store=sqlite_store, writer=writer, ctx=desk.ctx, settings=Inbound(authserv_ids=(SERVER,)))
        try:
            for one in sources:
                raw = mail(message_id=f"<{one}@example.com>", more=forged)
                await taking.take(raw, sender=None, recipients=[ADDRESS], source=one)
        finally:
            await writer.close()

    asyncio.run(story())
    found = {row.source: row.dmarc for row in received(sqlite_store)}
    assert found == dict.fromkeys(sources, "none") | {"lmtp": "pass", "maildir": "pass"}
