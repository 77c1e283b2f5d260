"""Backups: one archive with the database, the settings and the policy, and a manifest against which it is verified.

The master key is not in it unless asked for: whoever holds both can read and sign everything. The manifest names the
keys by a check value, so that a restore with another key is refused and not noticed at the first sealed secret.

A restored desk does not know what left after the backup, and mail has no rollback: mail that was queued then may have
left since. So a restore stops the desk; people look at what waits, and start it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import update

from core.db import audit_log, copy, gate_queries, schema_revision
from core.db.store import Store
from core.db.tables import DESK
from core.db.transaction import Transaction
from core.durations import stamp
from core.errors import Conflict, Invalid, Unavailable
from core.events import DeskBackedUp, DeskRestored, DeskStopped
from core.model import SYSTEM
from core.security.encryption import MasterKeys, master_secrets
from core.settings import MASTER, POLICY, TOML, Settings

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
FORMAT: Final = 1
RESTORE: Final = "restore"
"""Who stops a desk that was restored."""
LARGEST_TEXT: Final = 1 << 20
"""Bytes of a manifest or a settings file that are read from an archive."""
_DATABASE_LINE: Final = re.compile(r"^database\s*=.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds. `head` is the hash of the log's last entry, `keys` a check value of each master key."""

    made_at: int
    version: str
    revision: str
    database: str
    seq: int
    head: str
    keys: Mapping[str, str]
    files: Mapping[str, str]
    """SHA-256 of each member."""

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT, "made_at": stamp(self.made_at), "made_at_us": self.made_at, "version": self.version,
            "revision": self.revision, "database": self.database, "log_seq": self.seq, "log_head": self.head,
            "master_keys": dict(self.keys), "files": dict(self.files),
        }  # fmt: skip

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Raises `Invalid`."""
        try:
            told = orjson.loads(raw)
            made = cls(
                int(told["made_at_us"]), str(told["version"]), str(told["revision"]), str(told["database"]),
                int(told["log_seq"]), str(told["log_head"]), dict(told["master_keys"]), dict(told["files"]),
            )  # fmt: skip
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise Invalid("the manifest cannot be read", fix="this is no backup of a desk, or a damaged one") from error
        if told["format"] != FORMAT:
            raise Invalid(f"the backup has format {told['format']}, and this version reads {FORMAT}")
        return made


# --- making -------------------------------------------------------------------------------------------------------


def make(
    settings: Settings, store: Store, to: Path, *, version: str, with_key: bool, progress: copy.Progress
) -> Manifest:
    """Write the archive and enter it in the log. Raises `Conflict` if the file exists, `Invalid`, `Unavailable`."""
    if to.exists():
        raise Conflict(f"{to} exists already", fix="name a new file: a backup overwrites none")
    if not to.parent.is_dir():
        raise Invalid(f"there is no directory {to.parent}", fix="make it, or name another file")
    now = store.clock.now()
    master = settings.master_key.read_text()
    with tempfile.TemporaryDirectory(prefix=".postroom-backup-", dir=to.parent) as folder:
        dumped = Path(folder) / DATABASE
        seq, head, revision = copy.dump(settings.database_url, dumped, progress=progress)
        files = {DATABASE: dumped} | {
            name: settings.dir / name for name in (TOML, POLICY) if (settings.dir / name).is_file()
        }
        if with_key:
            files[MASTER] = settings.master_key
        manifest = Manifest(
            now, version, revision or "", copy.kind(settings.database_url), seq, head.hex(), check_values(master),
            {name: _sha256(file) for name, file in files.items()},
        )  # fmt: skip
        made = Path(folder) / "backup.zip"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.writestr(MANIFEST, orjson.dumps(manifest.as_json(), option=orjson.OPT_INDENT_2))
                for name, file in files.items():
                    archive.write(file, name)
            out.flush()
            os.fsync(out.fileno())
        os.link(made, to)  # unlike a rename it never replaces a file that appeared meanwhile
    store.transact(
        lambda tx: tx.emit(
            DeskBackedUp(actor=str(SYSTEM), seq=seq, head=manifest.head, with_key=with_key, file=to.name)
        )
    )
    return manifest


def check_values(master: str) -> dict[str, str]:
    """A value of each master key that shows whether another is the same, and nothing else about it."""
    return {
        name: HKDF(algorithm=SHA256(), length=16, salt=None, info=b"postroom backup check").derive(secret).hex()
        for name, secret in master_secrets(master).items()
    }


# --- verifying ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """The archive and its manifest. Raises `Invalid` for what is no backup."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive, Manifest.parse(_text(archive, MANIFEST))
    except FileNotFoundError as error:
        raise Invalid(f"there is no file {file}") from error
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise Invalid(f"{file} is damaged or no backup: {error}", fix="take another copy of it") from error


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LARGEST_TEXT:
        raise Invalid(f"{name} in the backup is too large to be one of ours")
    return archive.read(name)


def extract(archive: zipfile.ZipFile, manifest: Manifest, name: str, to: Path) -> None:
    """Write a member to a new private file. Raises `Invalid` if its bytes are not those of the manifest."""
    seen = hashlib.sha256()
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out, archive.open(name) as member:
        while piece := member.read(1 << 20):
            seen.update(piece)
            out.write(piece)
    if seen.hexdigest() != manifest.files.get(name):
        raise Invalid(f"{name} in the backup is not what it was when the backup was made", fix="take another copy")


# --- restoring ----------------------------------------------------------------------------------------------------


def restore(
    file: Path, directory: Path, *, database: str | None, master_key: Path | None, open_store: Callable[[str], Store]
) -> tuple[Manifest, int]:
    """Make a desk of the archive in an empty directory, verify it, and stop it. Returns how many entries its log has.

    `database`: a URL of an empty PostgreSQL database, or of SQLite elsewhere than in the directory. Nothing is left
    behind in the directory by a restore that fails. Raises `Conflict`, `Invalid`, `Unavailable`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise Conflict(f"{directory} is not empty", fix="restore into a new directory, then move it where it belongs")
    url = database or f"sqlite:///{directory}/postroom.db"
    try:
        with opened(file) as (archive, manifest):
            copy.require_kind(manifest.database, url)
            _require_readable(manifest)
            _put_key(archive, manifest, directory, master_key)
            for name in (TOML, POLICY):
                if name in manifest.files:
                    extract(archive, manifest, name, directory / name)
            _name_database(directory / TOML, database)
            dumped = directory / ".database"
            extract(archive, manifest, DATABASE, dumped)
        copy.load(dumped, url)
        dumped.unlink()
        with contextlib.closing(open_store(url)) as store:
            return manifest, _verified(store, manifest)
    except BaseException:
        for left in directory.iterdir():
            left.unlink()
        raise


def _require_readable(manifest: Manifest) -> None:
    if manifest.revision > schema_revision.latest():
        raise Invalid(
            f"the backup is of version {manifest.version}, which is newer than this one",
            fix=f"install postroom {manifest.version} or newer",
        )


def _put_key(archive: zipfile.ZipFile, manifest: Manifest, directory: Path, given: Path | None) -> None:
    """The master key, from the archive or from where people keep it. Raises `Invalid` for another key."""
    to = directory / MASTER
    if given is not None:
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(given.read_text())
    elif MASTER in manifest.files:
        extract(archive, manifest, MASTER, to)
    else:
        raise Invalid("the backup has no master key in it", fix="name yours: --master-key FILE")
    MasterKeys.parse(to.read_text())
    known = check_values(to.read_text())
    if missing := [name for name, value in manifest.keys.items() if known.get(name) != value]:
        raise Invalid(
            f"this is not the master key of that desk: {', '.join(missing)} differs or is missing",
            fix="find the master.key that was in use when the backup was made",
        )


def _name_database(toml: Path, database: str | None) -> None:
    """Let the restored settings name the restored database and not the one that the backup was made from."""
    if not toml.is_file():
        return
    line = f"database = {orjson.dumps(database).decode()}" if database else ""
    settings = _DATABASE_LINE.sub(lambda _found: line, toml.read_text(), count=1)
    toml.write_text(settings if not database or line in settings else f"{line}\n{settings}")


def _verified(store: Store, manifest: Manifest) -> int:
    with store.read() as conn:
        found = audit_log.verify(conn)
    if not found.ok:
        raise Unavailable(f"the log in the backup is not whole: entry {found.first_bad_seq} does not fit")
    if (found.head_seq, found.head.hex()) != (manifest.seq, manifest.head):
        raise Unavailable("the log in the backup does not end where its manifest says")
    return found.events


def hold(tx: Transaction, manifest: Manifest) -> None:
    """Stop a desk that was restored, once its schema is this version's: what left since the backup is unknown to it."""
    reason = f"restored from a backup of {stamp(manifest.made_at)}: queued mail may have left since; look first"
    tx.emit(DeskRestored(actor=str(SYSTEM), made_at=manifest.made_at, seq=manifest.seq, head=manifest.head))
    values = {"stopped_at": tx.now, "stopped_by": RESTORE, "stop_reason": reason, "start_votes": []}
    if gate_queries.desk(tx).stopped_at is None:
        tx.write(update(DESK).where(DESK.c.id == 1).values(**values))
    tx.emit(DeskStopped(actor=str(SYSTEM), reason=reason, in_flight=0))


def _sha256(file: Path) -> str:
    with file.open("rb") as opened_file:
        return hashlib.file_digest(opened_file, "sha256").hexdigest()
