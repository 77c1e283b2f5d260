"""Maildirs that mail is delivered to, bounces and complaints or mail for mailboxes: read as it arrives, each file once.

A file is marked as read (new/ to cur/, flag S) after the commit that recorded it, and its name and content are
remembered in that same commit: after a crash between the two, and with two gateways on one Maildir, it still counts
once. Watching can miss a file (a network file system, a full kernel queue), so every folder is also scanned every few
seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from watchfiles import awatch

from core.db import feedback
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.errors import Unavailable
from core.rules import reports
from core.rules.inbound.message import MAX_BYTES
from core.rules.reports import Report
from core.rules.signed_ids import HmacKeys
from core.services.feedback import ingest
from core.services.feedback.ingest import FeedbackResult
from core.services.receiving.intake import Intake
from core.services.receiving.receive import Receipt

log = structlog.get_logger("maildir")

FAILED: Final = ".postroom-failed"
HEAD: Final = 1 << 20
"""Bytes of a file that are read; a returned original beyond them adds nothing."""
BATCH_SIZE: Final = 16
"""Files in progress at once."""
LOOK_MS: Final = 5_000
ABSENT: Final = 15.0
"""Seconds until a missing folder is looked for again."""


class Unreadable(Exception):
    """A file that will never be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a file contained, and the name by which it is remembered."""

    report: Report
    digest: str
    key: str


class Maildirs:
    """Watches Maildir folders (each with new/ and cur/); what a file means is up to `_record`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._stuck: set[Path] = set()

    async def _record(self, file: Path) -> dict[str, object] | None:
        """Record one file; returns what to log, None if another process was faster. Raises `Unreadable`."""
        raise NotImplementedError

    async def run(self) -> None:
        """Runs until cancelled; does nothing if no folder is configured."""
        while self._folders:
            present = [folder for folder in self._folders if (folder / "new").is_dir()]
            for folder in set(self._folders).difference(present):
                log.warning("no Maildir there", folder=str(folder))
            if present:
                await self._watch(present)
            else:
                await asyncio.sleep(ABSENT)

    async def _watch(self, folders: Sequence[Path]) -> None:
        """Wait until a folder appears or disappears."""
        watching = [folder / "new" for folder in folders]
        await self.sweep()
        try:
            async for _ in awatch(*watching, recursive=False, rust_timeout=LOOK_MS, yield_on_timeout=True):
                await self.sweep()
                if folders != [folder for folder in self._folders if (folder / "new").is_dir()]:
                    return
        except OSError as error:
            log.warning("cannot watch", folders=[str(folder) for folder in folders], reason=str(error))
            await asyncio.sleep(LOOK_MS / 1_000)

    async def sweep(self) -> int:
        """Record everything in new/ now; returns how many files were read."""
        read = 0
        for folder in self._folders:
            files = await asyncio.to_thread(_waiting, folder)
            files = [file for file in files if file not in self._stuck]
            for start in range(0, len(files), BATCH_SIZE):
                done = await asyncio.gather(*(self._take(folder, file) for file in files[start : start + BATCH_SIZE]))
                read += sum(done)
        return read

    async def _take(self, folder: Path, file: Path) -> bool:
        """Record one file and mark it read. If the desk itself is in trouble, the file stays for the next scan."""
        try:
            found = await self._record(file)
            if found is None:
                return False
        except Unavailable as error:
            log.warning("left for later", file=file.name, reason=error.reason)
            return False
        except Unreadable as error:
            await self._set_aside(folder, file, str(error))
            return False
        except Exception as error:
            log.exception("file could not be parsed: the parser failed", file=file.name)
            await self._set_aside(folder, file, f"the parser failed on it: {type(error).__name__}")
            return False
        await self._finish(folder, file)
        log.info("read", file=file.name, **found)
        return True

    async def _finish(self, folder: Path, file: Path) -> None:
        base = file.name.partition(":")[0]
        await self._move(file, folder / "cur" / f"{base}:2,S")

    async def _set_aside(self, folder: Path, file: Path, reason: str) -> None:
        log.warning("set aside", file=file.name, reason=reason)
        aside = folder / FAILED
        await self._move(file, aside / file.name, reason=reason)

    async def _move(self, file: Path, target: Path, *, reason: str | None = None) -> None:
        try:
            await asyncio.to_thread(_move, file, target, reason)
        except OSError as error:
            # A folder we may not write to: say so once instead of reading the file for ever.
            self._stuck.add(file)
            log.error("cannot be moved", file=str(file), to=str(target), reason=str(error))  # noqa: TRY400 - no traceback: the reason is the whole story


class MaildirWatcher(Maildirs):
    """Maildirs with bounces and complaints."""

    def __init__(self, writer: Writer, keyring: HmacKeys, folders: Sequence[Path]) -> None:
        super().__init__(folders)
        self._writer = writer
        self._keyring = keyring

    async def _record(self, file: Path) -> dict[str, object] | None:
        found = await asyncio.to_thread(_read, file)
        if found is None:
            return None
        outcome = await self._writer.do(lambda tx: self._absorb(tx, found))
        return {"kind": found.report.kind, "matched": outcome is not None and outcome.matched}

    def _absorb(self, tx: Transaction, found: _Found) -> FeedbackResult | None:
        """None: another process, or this one before a crash, recorded it already."""
        if not feedback.first_time(tx, found.key):
            return None
        keyring = self._keyring
        return ingest.absorb_report(tx, found.report, source="maildir", keyring=keyring, digest=found.digest)


class InboundMaildirs(Maildirs):
    """Maildirs with mail for the desk's mailboxes. Mail that is stored already is recognized and marked as read."""

    def __init__(self, intake: Intake, folders: Sequence[Path]) -> None:
        super().__init__(folders)
        self._intake = intake

    async def _record(self, file: Path) -> dict[str, object] | None:
        raw = await asyncio.to_thread(bytes_of, file, MAX_BYTES + 1)
        if raw is None:
            return None
        if len(raw) > MAX_BYTES:
            raise Unreadable(f"it is larger than {MAX_BYTES >> 20} MiB")
        mail = await self._intake.read(raw, source="maildir")
        if not mail.named:
            raise Unreadable("it names no recipient: the mail server must write Delivered-To or X-Original-To")
        receipts = await self._intake.take_read(
            mail, raw=raw, sender=mail.returned_to, recipients=mail.named, source="maildir"
        )
        if Receipt.OVER_QUOTA in receipts:
            raise Unavailable("a mailbox is over its quota")
        if not any(one.taken for one in receipts):
            raise Unreadable("no mailbox of this desk has one of its recipients' addresses")
        return {"mailboxes": len(receipts)}


def _waiting(folder: Path) -> list[Path]:
    """Files in new/, oldest names first; a name beginning with a dot is still being written."""
    try:
        with os.scandir(folder / "new") as entries:
            return sorted(Path(entry.path) for entry in entries if not entry.name.startswith("."))
    except OSError:
        return []


def bytes_of(file: Path, most: int) -> bytes | None:
    """The first bytes of a file; None if another process was faster. Raises `Unreadable`."""
    try:
        # Never followed, never waited for: others write to new/, and a link or a pipe there is no mail.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable("it is not a file")
        with os.fdopen(handle, "rb", closefd=False) as opened:
            raw = opened.read(most)
    except OSError as error:
        raise Unreadable(f"it cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)
    if not raw.strip():
        raise Unreadable("it is empty")
    return raw


def _read(file: Path) -> _Found | None:
    """What a file contains; None if another process was faster. Raises `Unreadable`."""
    raw = bytes_of(file, HEAD)
    if raw is None:
        return None
    digest = hashlib.sha256(raw)
    named = digest.copy()
    named.update(b"\0" + os.fsencode(file.name.partition(":")[0]))
    return _Found(reports.read(raw), digest.hexdigest(), f"maildir:{named.hexdigest()[:40]}")


def _move(file: Path, target: Path, reason: str | None) -> None:
    """Within one file system, so completely or not at all; the reason is there before the file is."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    if reason is not None:
        target.with_name(f"{target.name}.reason").write_text(f"{reason}\n")
    with contextlib.suppress(FileNotFoundError):  # another process was faster
        file.rename(target)
