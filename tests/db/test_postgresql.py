"""Connections to PostgreSQL when the server behind them changes."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from core.clock import SystemClock
from core.db import migrate, postgresql
from core.db.store import Store
from core.db.tables import DESK
from core.errors import Unavailable
from core.model import Mode
from tests.factories import replication
from tests.factories.desk import make_desk
from tests.factories.replication import Server

pytestmark = pytest.mark.slow


def test_a_server_that_takes_no_more_writes_is_left_with_all_connections_for_the_one_that_does(
    cluster: list[Server], tmp_path: Path
) -> None:
    primary = cluster[0]
    cluster.append(standby := primary.standby(tmp_path / "servers" / "second"))
    with closing(Store(replication.url(cluster, "desk"), clock=SystemClock())) as store:
        migrate.upgrade(store.engine)
        make_desk(store, mode=Mode.AUTONOMOUS)
        with ExitStack() as stack:  # several connections that will rest in the pool
            for _ in range(4):
                stack.enter_context(store.engine.connect())
        # as a primary that was told to step down: it answers, and its sessions live on
        primary.set("default_transaction_read_only = on")
        primary.ask("SELECT pg_reload_conf()")
        primary.until("SHOW default_transaction_read_only", "on")
        standby.promote()
        rename = update(DESK).values(stop_reason="changed")
        with pytest.raises(Unavailable, match="read-only"):
            store.transact(lambda tx: tx.write(rename))
        store.transact(lambda tx: tx.write(rename))
        row = store.row(select(DESK.c.stop_reason))
        assert row is not None
        assert row.stop_reason == "changed"
        with store.read() as conn:
            assert conn.connection.driver_connection.info.port == standby.port  # type: ignore[union-attr]  # psycopg's


def test_a_server_that_ends_a_session_has_not_said_that_nothing_was_committed(postgres_url: str) -> None:
    """When it cannot write its log it ends all of them, and may find the commit there once it has recovered."""
    with closing(Store(postgres_url, clock=SystemClock())) as store, store.engine.connect() as conn:
        with pytest.raises(DBAPIError) as refused:
            conn.exec_driver_sql("SELECT 1 / 0")
        assert postgresql.is_answer(refused.value)
        conn.rollback()
        conn.exec_driver_sql("SET idle_in_transaction_session_timeout = 1")
        ended = None
        while ended is None:
            time.sleep(0.02)
            try:
                conn.exec_driver_sql("SELECT 1")
            except DBAPIError as error:
                ended = error
        assert getattr(ended.orig, "sqlstate", None) == "25P03"
        assert not postgresql.is_answer(ended)


@pytest.mark.parametrize(("more", "milliseconds"), [("", 30_000), ("?tcp_user_timeout=5000", 5_000)])
def test_a_machine_that_is_lost_is_waited_for_half_a_minute_or_as_the_url_says(
    cluster: list[Server], more: str, milliseconds: int
) -> None:
    url = f"postgresql://postgres@{cluster[0].place}/desk{more}"
    with closing(Store(url, clock=SystemClock())) as store, store.engine.connect() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        with closing(socket.socket(fileno=socket.dup(driver.fileno()))) as line:
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == milliseconds
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
