"""Restore: make a desk from a backup, verify it, and stop it before it can be used.

A restored desk does not know what was sent after the backup, and mail has no rollback: mail that was queued then may
have been sent since. So the loaded copy is stopped before a gateway can start on it; people check what waits, and start
it. If a restore is interrupted, there is either no desk yet or a stopped one:

- SQLite: the copy is verified, brought to this version's schema and stopped under another name.
- PostgreSQL: the loaded database lacks its schema's revision, without which no gateway or command works. The same
  transaction sets the revision and stops the desk.
- The directory gets postroom.toml last; without it no command finds a desk.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, delete, make_url, update

from core.db import audit_log, copy, gate_queries, migrate, schema_revision, sqlite_file
from core.db.store import Store
from core.db.tables import DESK, GATEWAY_PROCESS
from core.db.transaction import Transaction
from core.durations import stamp
from core.errors import Conflict, Invalid, Unavailable
from core.events import DeskRestored, DeskStopped
from core.model import SYSTEM
from core.security.credentials import OWN_TOKEN
from core.security.encryption import MasterKeys
from core.services.control.backup import DATABASE, Manifest, check_values, extract, opened, placed, writing
from core.settings import MASTER, POLICY, TOML

RESTORE: Final = "restore"
"""Recorded as who stopped a restored desk."""
_DATABASE_LINE: Final = re.compile(r"^database\s*=.*$", re.MULTILINE)

OpenStore = Callable[[str], Store]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore made: the manifest of its backup, the number of log entries, and the URL of its database."""

    manifest: Manifest
    entries: int
    database: str


def restore(
    file: Path, directory: Path, *, database: str | None, master_key: Path | None, open_store: OpenStore,
    progress: copy.Progress,
) -> Restored:  # fmt: skip
    """Restore a desk to an empty directory, verify it and stop it.

    `database`: a URL of an empty PostgreSQL database, or of SQLite outside the directory. A restore that fails leaves
    nothing behind in the directory. Raises `Conflict`, `Invalid`, `Unavailable`.
    """
    url = target(directory, database)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise Conflict(
            f"{directory} is not empty",
            fix="name a new directory; leftovers of an interrupted restore (.restore-...) may be deleted",
        )
    lies_in = sqlite_file.of(url)
    with (
        writing(directory, "nothing was restored" if lies_in else "no usable desk was restored"),
        contextlib.ExitStack() as kept,  # closed last: an interrupt while the staging is removed leaves no desk either
        _staging(directory) as staged,
        _staging(lies_in.parent if lies_in else directory) as beside,
    ):
        copied = beside / DATABASE
        with opened(file) as (archive, manifest):
            copy.require_kind(manifest.database, url)
            copy.require_empty(url)
            _require_readable(manifest)
            _put_key(archive, manifest, staged, master_key, progress)
            for name in (TOML, POLICY, OWN_TOKEN):
                if name in manifest.files:
                    extract(archive, manifest, name, staged / name, progress)
            _name_database(staged / TOML, None if database is None else url)
            extract(archive, manifest, DATABASE, copied, progress)
        if lies_in is None:
            copy.load(copied, url, progress=progress)
            entries = _stopped(url, manifest, open_store=open_store, progress=progress)
        else:
            entries = _stopped(f"sqlite:///{copied}", manifest, open_store=open_store, progress=progress)
            copy.fold(copied)
            kept.enter_context(placed(copied, lies_in))
        for name in (MASTER, OWN_TOKEN, POLICY, TOML):
            if (staged / name).is_file():
                kept.enter_context(placed(staged / name, directory / name))
    return Restored(manifest, entries, url)


def target(directory: Path, database: str | None) -> str:
    """The URL of the database to restore to: the one named, or SQLite in the directory. Raises `Invalid`."""
    if database is None:
        return f"sqlite:///{directory}/postroom.db"
    file = sqlite_file.of(database)
    # What postroom.toml holds must not depend on the working directory of a command.
    return database if file is None else make_url(database).set(database=str(file)).render_as_string()


@contextlib.contextmanager
def _staging(beside: Path) -> Iterator[Path]:
    """Make a private directory on the same file system, removed on exit."""
    if not beside.is_dir():
        raise Invalid(f"there is no directory {beside}", fix="create it, or name another place")
    staged = Path(tempfile.mkdtemp(prefix=".restore-", dir=beside))
    try:
        yield staged
    finally:
        shutil.rmtree(staged)


def _require_readable(manifest: Manifest) -> None:
    if manifest.revision > schema_revision.latest():
        raise Invalid(
            f"the backup was made by version {manifest.version}, which is newer than this one",
            fix=f"install postroom {manifest.version} or newer",
        )
    if manifest.revision not in schema_revision.known():
        raise Invalid(f"the backup names an unknown schema: {manifest.revision!r}", fix="use another copy")


def _put_key(
    archive: zipfile.ZipFile, manifest: Manifest, staged: Path, key_file: Path | None, progress: copy.Progress
) -> None:
    """Write the master key, from the archive or from the given file. Raises `Invalid` for another key."""
    to = staged / MASTER
    if key_file is not None:
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(key_file.read_text())
            out.flush()
            os.fsync(out.fileno())
    elif MASTER in manifest.files:
        extract(archive, manifest, MASTER, to, progress)
    else:
        raise Invalid("the backup does not contain the master key", fix="name yours: --master-key FILE")
    MasterKeys.parse(to.read_text())
    own_values = check_values(to.read_text())
    if missing := [name for name, value in manifest.keys.items() if own_values.get(name) != value]:
        raise Invalid(
            f"this is not the master key of that desk: {', '.join(missing)} differs or is missing",
            fix="find the master.key that was in use when the backup was made",
        )


def _name_database(toml: Path, database: str | None) -> None:
    """Make the restored settings name the restored database, not the one that was backed up."""
    if not toml.is_file():
        return
    line = f"database = {orjson.dumps(database).decode()}" if database else ""
    settings = _DATABASE_LINE.sub(lambda _found: line, toml.read_text(), count=1)
    toml.write_text(settings if not database or line in settings else f"{line}\n{settings}")


def _stopped(url: str, manifest: Manifest, *, open_store: OpenStore, progress: copy.Progress) -> int:
    """Verify the loaded database; then, in one transaction, give it its schema revision and stop the desk."""

    def schema(conn: Connection) -> None:
        migrate.adopt(conn, manifest.revision)
        migrate.run(conn)

    with contextlib.closing(open_store(url)) as store:
        entries = _verified(store, manifest, progress)
        store.transact(lambda tx: hold(tx, manifest), first=schema)
        return entries


def _verified(store: Store, manifest: Manifest, progress: copy.Progress) -> int:
    with store.read() as conn:
        found = audit_log.verify(conn, progress=lambda seq: progress("checking the log", seq, manifest.seq))
    if not found.ok:
        raise Unavailable(f"the log in the backup is not intact: entry {found.first_bad_seq} does not match")
    if (found.head_seq, found.head.hex()) != (manifest.seq, manifest.head):
        raise Unavailable("the log in the backup does not end where its manifest says")
    return found.events


def hold(tx: Transaction, manifest: Manifest) -> None:
    """Stop the desk: it does not know what was sent since the backup. Earlier votes for a start do not count.

    The gateways that ran then are removed: a drill would try tokens at them, an upgrade would wait for them.
    """
    reason = f"restored from a backup of {stamp(manifest.made_at)}: queued mail may have been sent since; check first"
    tx.emit(DeskRestored(actor=str(SYSTEM), made_at=manifest.made_at, seq=manifest.seq, head=manifest.head))
    values: dict[str, Any] = {"start_votes": []}
    if gate_queries.desk(tx).stopped_at is None:
        values |= {"stopped_at": tx.now, "stopped_by": RESTORE, "stop_reason": reason}
    tx.write(update(DESK).where(DESK.c.id == 1).values(**values))
    tx.write(delete(GATEWAY_PROCESS))
    tx.emit(DeskStopped(actor=str(SYSTEM), reason=reason, in_flight=0))
