"""Connections to PostgreSQL that survive a change of the primary, and poolers in between.

What it hides: how long a dead server is waited for, which answers mean that a connection leads nowhere any more, and
that a pooler may give every transaction another session of the server.

A pooler in transaction mode takes nothing from us but prepared statements: all locks and settings are of a transaction
(`SET LOCAL`), and nothing here listens, opens cursors or makes temporary tables. A statement prepared in one session
would be missing in the next, or be another's of the same name. So through a pooler nothing is prepared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from core.errors import Invalid

STATEMENTS: Final = 512
"""Prepared statements cached by a connection; the hot path has some 150, many of them in a few sizes."""
PATIENCE: Final = {
    "connect_timeout": 10,  # seconds, for each host
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
"""A machine that is lost sends no word: without these a writer would wait for it for a quarter of an hour.

A server that answers the network but not us (frozen, or waiting for a synchronous standby) is waited for as long as it
takes: a commit that were given up might stand all the same.
"""
_SESSION: Final = "SELECT pg_backend_pid()"
READ_ONLY: Final = "25006"
"""SQLSTATE of a write on a standby: this server was the primary, or is not yet."""
_ENDS: Final = frozenset({"FATAL", "PANIC"})
"""Severities with which a server ends a session, or all of them."""


def engine(url: URL, *, readers: int, json_serializer: Any) -> Engine:
    """An engine whose connections are given up as soon as they lead to no primary."""
    made = create_engine(
        url,
        pool_size=readers,
        max_overflow=8,
        pool_pre_ping=True,
        pool_recycle=600,
        json_serializer=json_serializer,
        json_deserializer=orjson.loads,
        hide_parameters=True,
        connect_args={name: value for name, value in PATIENCE.items() if name not in url.query},
    )
    usual = made.dialect.is_disconnect

    def is_disconnect(e: Any, connection: Any, cursor: Any) -> bool:
        return usual(e, connection, cursor) or leads_nowhere(e)

    made.dialect.is_disconnect = is_disconnect  # type: ignore[method-assign]  # each engine has a dialect of its own

    def invalidated(_dbapi: object, _record: object, error: object) -> None:
        if leads_nowhere(error):
            made.dispose()  # the others that rest in the pool lead there too, and answer a ping

    event.listen(made, "invalidate", invalidated)
    event.listen(made, "connect", _prepare, insert=True)  # before SQLAlchemy's own first statements
    return made


def leads_nowhere(error: object) -> bool:
    """Whether the server takes no writes: another connection, to another host, may find the one that does."""
    return getattr(error, "sqlstate", None) == READ_ONLY


def is_answer(error: Exception) -> bool:
    """Whether a server said no, so that nothing was committed.

    It says 57P01 also when it ends the session of a commit that stands and waits for its standby. And a server that
    breaks down while it writes its log (PANIC) may find the commit there when it recovers.
    """
    said = getattr(error, "orig", None)
    state = getattr(said, "sqlstate", None)
    if state is None or state == "40003" or state.startswith(("08", "57")):
        return False
    return getattr(getattr(said, "diag", None), "severity_nonlocalized", None) not in _ENDS


def _prepare(dbapi: Any, _record: object) -> None:
    dbapi.prepared_max = STATEMENTS
    try:
        dbapi.autocommit = True
        if _pooled(dbapi, dbapi.execute(_SESSION).fetchone()[0]):
            dbapi.prepare_threshold = None
            _require_transactions(dbapi)
        dbapi.autocommit = False
    except BaseException:
        dbapi.close()  # it is in no pool yet
        raise


# --- poolers ----------------------------------------------------------------------------------------------------------


def _pooled(dbapi: Any, session: int) -> bool:
    """Whether a pooler answers instead of the server: it gave us another key than that of the session it uses."""
    return bool(dbapi.info.backend_pid != session)


def _require_transactions(dbapi: Any) -> None:
    """Raises `Invalid` for a pooler in statement mode."""
    try:
        dbapi.execute("BEGIN")
        dbapi.execute("ROLLBACK")
    except Exception as error:
        if "statement pooling" not in str(error):
            raise
        raise Invalid(
            "the pooler before the database refuses transactions (statement mode)",
            fix="set pool_mode = transaction or session, or name the server itself: postroom docs databases",
        ) from error


def shares_sessions(engine: Engine) -> bool:
    """Whether two transactions of one connection may run in different sessions: a pooler in transaction mode.

    Two connections have a transaction each at once, and then one after the other. A pooler hands out the session that
    was given back last, or the one that has rested longest; either way one of the connections gets another than before.
    """
    with engine.connect() as one, engine.connect() as two:
        if not is_pooled(one):
            return False
        seen = {(0, _session(one)), (1, _session(two))}  # both are in a transaction now
        two.rollback()
        one.rollback()
        for number, conn in ((1, two), (0, one), (0, one), (1, two)):
            seen.add((number, _session(conn)))
            conn.rollback()
    return len(seen) > len({number for number, _ in seen})


def is_pooled(conn: Connection) -> bool:
    """Whether this connection leads to a pooler."""
    return _pooled(conn.connection.driver_connection, _session(conn))


def _session(conn: Connection) -> int:
    return int(conn.exec_driver_sql(_SESSION).scalar_one())


def require_own_session(engine: Engine, program: str) -> None:
    """Before one of PostgreSQL's programs is run, which change settings of their session. Raises `Invalid`."""
    if shares_sessions(engine):
        raise Invalid(
            f"a pooler in transaction mode stands before the database, and what {program} sets for its session would "
            "stay in one of the gateways'",
            fix="name the server itself: POSTROOM_DATABASE=postgresql://USER@HOST/NAME postroom ...",
        )


# --- how safe a commit is ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Durability:
    """What decides whether an acknowledged message outlives a power cut, and the loss of the primary."""

    off: tuple[str, ...]
    """Settings that are off and let a crash lose what was acknowledged."""
    standbys: int
    """Standbys that are connected, or hosts that the URL names beside the primary."""
    synchronous: bool
    """Whether commits wait for one of them."""
    cancels: str | None
    """A setting that ends this wait early, on which the commit counts although no standby has it."""
    pooled: bool


def durability(conn: Connection) -> Durability:
    """As this session has it, and so the gateways' sessions."""
    rows = conn.execute(_SETTINGS).all()
    found = {row.name: row.setting for row in rows}
    standbys = int(conn.execute(text("SELECT count(*) FROM pg_stat_replication")).scalar_one())
    hosts = str(conn.engine.url.query.get("host", "")).count(",")
    commit = found["synchronous_commit"]
    return Durability(
        off=tuple(name for name in ("fsync", "full_page_writes", "synchronous_commit") if found[name] == "off"),
        standbys=max(standbys, hosts),
        synchronous=bool(found["synchronous_standby_names"]) and commit not in ("off", "local"),
        cancels=next((name for name in _CANCELS if found.get(name, "0") != "0"), None),
        pooled=is_pooled(conn),
    )


_CANCELS: Final = ("statement_timeout", "transaction_timeout")
_SETTINGS: Final = text("SELECT name, setting FROM pg_settings")
