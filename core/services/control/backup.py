"""Backups: one archive with the database, the settings and the policy, and a manifest to verify it against.

The master key is left out unless requested: whoever has both can read and sign everything. The manifest identifies the
keys by a check value, so that a restore with another key is refused at once, not at the first sealed secret.

A file gets its final name only once it is completely written and synced to disk, and never replaces another file
(`placed`).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.db import copy
from core.db.development import is_development
from core.db.store import Store
from core.durations import stamp
from core.errors import Conflict, Invalid, Unavailable
from core.events import DeskBackedUp
from core.model import SYSTEM
from core.security.credentials import OWN_TOKEN
from core.security.encryption import master_secrets
from core.settings import MASTER, POLICY, TOML, Settings

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
FORMAT: Final = 1
LARGEST_TEXT: Final = 1 << 20
"""Maximum bytes of a manifest or a settings file read from an archive."""
PIECE: Final = 1 << 20
"""Bytes read and written at a time."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
"""Errors of file systems that cannot sync a directory; there, how durable a new name is depends on the file system."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Contents of an archive. `head` is the hash of the log's last entry, `keys` a check value of each master key."""

    made_at: int
    version: str
    revision: str
    database: str
    seq: int
    head: str
    keys: Mapping[str, str]
    files: Mapping[str, str]
    """SHA-256 of each member."""
    development: bool = False
    """Whether `init --dev` created the desk."""

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT, "made_at": stamp(self.made_at), "made_at_us": self.made_at, "version": self.version,
            "revision": self.revision, "database": self.database, "log_seq": self.seq, "log_head": self.head,
            "master_keys": dict(self.keys), "files": dict(self.files),
            "development": self.development,
        }  # fmt: skip

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Parse a manifest. Raises `Invalid`."""
        try:
            data = orjson.loads(raw)
            made = cls(
                int(data["made_at_us"]), str(data["version"]), str(data["revision"]), str(data["database"]),
                int(data["log_seq"]), str(data["log_head"]), dict(data["master_keys"]), dict(data["files"]),
                bool(data.get("development")),
            )  # fmt: skip
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise Invalid("the manifest cannot be read", fix="the file is not a desk backup, or is damaged") from error
        if data["format"] != FORMAT:
            raise Invalid(f"the backup has format {data['format']}, and this version reads {FORMAT}")
        return made


# --- writing a backup ---------------------------------------------------------------------------------------------


def make(
    settings: Settings, store: Store, to: Path, *, version: str, with_key: bool, progress: copy.Progress
) -> Manifest:
    """Write the archive and record it in the log. Raises `Conflict` if the file exists, `Invalid`, `Unavailable`.

    A failure leaves no file, except a crash of the machine before the log has the entry: then the file is complete.
    """
    if to.exists():
        raise Conflict(f"{to} already exists", fix="name a new file: a backup never overwrites one")
    if not to.parent.is_dir():
        raise Invalid(f"there is no directory {to.parent}", fix="make it, or name another file")
    with (
        writing(to.parent, "no backup was made"),
        tempfile.TemporaryDirectory(prefix=".postroom-backup-", dir=to.parent) as folder,
    ):
        made = Path(folder) / "backup.zip"
        manifest = _pack(settings, store, made, version=version, with_key=with_key, progress=progress)
        entry = DeskBackedUp(actor=str(SYSTEM), seq=manifest.seq, head=manifest.head, with_key=with_key, file=to.name)
        with placed(made, to):  # an archive that the log does not record must not remain
            store.transact(lambda tx: tx.emit(entry))
    return manifest


def _pack(
    settings: Settings, store: Store, made: Path, *, version: str, with_key: bool, progress: copy.Progress
) -> Manifest:
    now = store.clock.now()
    master = settings.master_key.read_text()
    with store.read() as conn:
        development = is_development(conn)
    dumped = made.with_name(DATABASE)
    seq, head, revision = copy.dump(settings.database_url, dumped, progress=progress)
    # The token of a development desk acts for its one person: it is included only with the key.
    names = (TOML, POLICY, *((MASTER, OWN_TOKEN) if with_key else ()))
    members = {DATABASE: dumped} | {name: settings.dir / name for name in names if (settings.dir / name).is_file()}
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            files = {name: _add(archive, name, file, progress) for name, file in members.items()}
            manifest = Manifest(
                now, version, revision or "", copy.kind(settings.database_url), seq, head.hex(), check_values(master),
                files, development,
            )  # fmt: skip
            archive.writestr(MANIFEST, orjson.dumps(manifest.as_json(), option=orjson.OPT_INDENT_2))
        out.flush()
        os.fsync(out.fileno())
    return manifest


def _add(archive: zipfile.ZipFile, name: str, file: Path, progress: copy.Progress) -> str:
    """Write a member; returns its SHA-256."""
    member = zipfile.ZipInfo.from_file(file, name)
    member.compress_type = zipfile.ZIP_DEFLATED
    seen, done = hashlib.sha256(), 0
    with file.open("rb") as source, archive.open(member, "w") as target:
        while piece := source.read(PIECE):
            seen.update(piece)
            target.write(piece)
            done += len(piece)
            progress("packing the backup", done, member.file_size)
    return seen.hexdigest()


def check_values(master: str) -> dict[str, str]:
    """A check value of each master key: it shows whether two keys are equal, and reveals nothing else."""
    return {
        name: HKDF(algorithm=SHA256(), length=16, salt=None, info=b"postroom backup check").derive(secret).hex()
        for name, secret in master_secrets(master).items()
    }


# --- files --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def writing(folder: Path, nothing: str) -> Iterator[None]:
    """Report plainly that a file could not be written (`Unavailable`). `nothing` says what was not made."""
    try:
        yield
    except OSError as error:
        advice = "; free some space or name another place" if error.errno in _NO_ROOM else ""
        where = folder if advice else error.filename or folder
        raise Unavailable(f"{nothing}: {error.strerror or error}: {where}{advice}") from error


@contextlib.contextmanager
def placed(made: Path, to: Path) -> Iterator[None]:
    """Give a complete file its final name, kept only if the block succeeds. Raises `Conflict`, `OSError`."""
    made_stat = made.stat()
    try:
        _name(made, to)
        yield
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(to.stat(), made_stat):  # never a file that someone else put there
                to.unlink()
        raise


def _name(made: Path, to: Path) -> None:
    """Link the file to its final name: nothing is overwritten, and the name survives a power cut.

    A hard link, unlike a rename, never replaces a file that appeared in the meantime.
    """
    try:
        try:
            os.link(made, to)
        except FileExistsError:
            raise
        except OSError:  # FAT, many network shares: no hard links, so an empty file reserves the name first
            os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                made.replace(to)
            except BaseException:
                to.unlink()
                raise
    except FileExistsError as error:
        raise Conflict(f"{to} already exists", fix="name a new file: existing files are not overwritten") from error
    _sync(to.parent)


def _sync(folder: Path) -> None:
    opened_folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened_folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(opened_folder)


# --- reading a backup ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """Open an archive and parse its manifest. Raises `Invalid` if it is no backup."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive, Manifest.parse(_text(archive, MANIFEST))
    except FileNotFoundError as error:
        raise Invalid(f"there is no file {file}") from error
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise Invalid(f"{file} is damaged or not a backup: {error}", fix="use another copy of it") from error


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LARGEST_TEXT:
        raise Invalid(f"{name} in the backup is too large to come from a desk")
    return archive.read(name)


def extract(archive: zipfile.ZipFile, manifest: Manifest, name: str, to: Path, progress: copy.Progress) -> None:
    """Write a member to a new private file. Raises `Invalid` if its bytes do not match the manifest."""
    seen = hashlib.sha256()
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out, archive.open(name) as member:
        size, done = archive.getinfo(name).file_size, 0
        while piece := member.read(PIECE):
            seen.update(piece)
            out.write(piece)
            done += len(piece)
            progress("unpacking the backup", done, size)
        out.flush()
        os.fsync(out.fileno())
    if seen.hexdigest() != manifest.files.get(name):
        raise Invalid(f"{name} in the backup has changed since the backup was made", fix="use another copy")
