"""PostgreSQL behind a pooler: each mode works, or is refused with a sentence that says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.clock import SystemClock
from core.db import copy, locks, migrate, postgresql
from core.db.store import Store
from core.db.transaction import Transaction
from core.errors import Invalid
from tests.cli.cli_runner import Clerk
from tests.durability.gateway_processes import site, uncertain
from tests.durability.test_kill import drained, figures_agree, nothing_lost
from tests.durability.test_schedules import SENT, Desk, check, fresh, play
from tests.factories.pooler import pooler

Pooled = Callable[..., str]


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[Pooled]:
    """Puts a pooler before a database; returns the URL that leads through it."""
    with ExitStack() as stack:

        def make(server: str, mode: str, *, round_robin: bool = False) -> str:
            return stack.enter_context(pooler(tmp_path / f"pooler-{mode}", server, mode, round_robin=round_robin))

        yield make


MODES = pytest.mark.parametrize("mode", ["session", "transaction"])


def test_a_server_without_a_pooler_is_known_as_such_and_its_statements_are_prepared(postgres_url: str) -> None:
    with closing(Store(postgres_url, clock=SystemClock())) as store:
        assert not postgresql.shares_sessions(store.engine)
        with store.read() as conn:
            assert not postgresql.durability(conn).pooled
            assert conn.connection.driver_connection.prepare_threshold == 5  # type: ignore[union-attr]  # psycopg's


@pytest.mark.parametrize("rotation", ["last", "longest"])
@MODES
def test_a_pooler_and_its_mode_are_found_out(postgres_url: str, pooled: Pooled, mode: str, rotation: str) -> None:
    """Whether a pooler hands out the session that was used last, or the one that has rested longest."""
    url = pooled(postgres_url, mode, round_robin=rotation == "longest")
    with closing(Store(url, clock=SystemClock())) as store:
        assert postgresql.shares_sessions(store.engine) is (mode == "transaction")
        with store.read() as conn:
            assert postgresql.durability(conn).pooled
            assert conn.connection.driver_connection.prepare_threshold is None  # type: ignore[union-attr]  # psycopg's


@MODES
def test_a_desk_is_founded_and_gateways_keep_every_promise_through_a_pooler(
    empty_database: Callable[[], str], pooled: Pooled, mode: str
) -> None:
    """The schedule has each statement run many times in many sessions: prepared ones would be missing in some."""
    url = pooled(empty_database(), mode)
    with closing(Store(url, clock=SystemClock())) as store:
        migrate.found(store.engine)
        migrate.upgrade(store.engine, founding=False)
        store.prove_locks()
    desk = Desk(url)
    try:
        send = [("send", 0), ("deliver", SENT), ("send", 1), ("suspend", 0), ("send", 2), ("deliver", SENT)]
        stop = [("send", 1), ("pause", 0), ("send", 2), ("deliver", SENT), ("stop", 0), ("send", 0)]
        for _ in range(2):
            desk.store.transact(fresh)
            with desk.store.read() as conn:
                desk.since = conn.execute(text("SELECT coalesce(max(seq), 0) FROM event")).scalar_one()
            asyncio.run(play(desk, [send, stop, send, stop]))
            check(desk)
    finally:
        desk.store.close()


@MODES
def test_locks_and_settings_end_with_their_transaction_and_never_reach_another_client(
    postgres_url: str, pooled: Pooled, mode: str
) -> None:
    with closing(Store(pooled(postgres_url, mode), clock=SystemClock())) as store:
        for _ in range(3):
            store.prove_locks()
        wanted = locks.Locks(agents=frozenset({1}), streams=frozenset({2}))
        with store.begin(share=lambda session: session.wait_for(wanted)) as tx:
            assert _held(tx) == 3
        with store.engine.connect() as one, store.engine.connect() as two:
            for conn in (one, two, one, two):
                assert conn.execute(text("SHOW lock_timeout")).scalar() == "0"
                assert conn.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar() == 0
                conn.rollback()


def _held(tx: Transaction) -> int:
    return int(tx.conn.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar_one())


def test_statement_mode_is_refused_with_what_to_do(postgres_url: str, pooled: Pooled) -> None:
    store = Store(pooled(postgres_url, "statement"), clock=SystemClock())
    with closing(store), pytest.raises(Invalid, match="refuses transactions") as refused, store.read():
        pass
    assert "pool_mode" in str(refused.value.fix)


@pytest.mark.usefixtures("postgresql_programs")
def test_a_backup_through_transaction_mode_is_refused_and_through_session_mode_made(
    postgres_url: str, pooled: Pooled, tmp_path: Path
) -> None:
    """pg_dump empties its session's search_path: a gateway that got this session next would find no table."""
    through = pooled(postgres_url, "transaction")
    with pytest.raises(Invalid, match="what pg_dump sets for its session"):
        copy.dump(through, tmp_path / "refused", progress=lambda *_: None)
    assert not (tmp_path / "refused").exists()
    with pytest.raises(Invalid, match="what pg_restore sets"):
        copy.load(tmp_path / "refused", through, progress=lambda *_: None)
    copy.dump(pooled(postgres_url, "session"), tmp_path / "made", progress=lambda *_: None)
    assert (tmp_path / "made").stat().st_size > 0
    engine = create_engine(through)
    with engine.connect() as conn:
        assert conn.execute(text("SHOW search_path")).scalar() == '"$user", public'
    engine.dispose()


@pytest.mark.slow
def test_a_gateway_serves_through_transaction_mode(
    empty_database: Callable[[], str], pooled: Pooled, tmp_path: Path
) -> None:
    url = pooled(empty_database(), "transaction")

    async def story() -> None:
        async with site(tmp_path / "desk", url) as tested:
            async with tested.gateway(egress=1) as running:
                async with running.load():
                    await tested.until(lambda _: len(tested.accepted) >= 60)
                await tested.until(drained)
                assert await running.terminate() == 0
            with tested.store() as store:
                nothing_lost(tested, store)
                assert uncertain(store) == set()
                figures_agree(store)

    asyncio.run(story())


def test_doctor_names_the_pooler_and_a_command_that_cannot_use_it_says_what_to_do(
    empty_database: Callable[[], str], pooled: Pooled, tmp_path: Path
) -> None:
    clerk = Clerk(tmp_path / "desk")
    made = clerk.ok("init", "--database", pooled(empty_database(), "transaction"))
    clerk.tokens = {one["name"]: one["token"] for one in made["operators"]}
    checks = clerk.run("doctor", "--json").json["checks"]
    assert [one["grade"] for one in checks if one["about"] == "pooler"] == ["warn"]
    said = clerk.refused("backup", str(tmp_path / "desk.zip"), code=2)
    assert "POSTROOM_DATABASE=postgresql://" in said
    assert clerk.run("migrate").code == 0
