"""Maildirs: what lies there at start, what arrives and what is moved in is read once; what is bad is set aside."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.db.store import Store
from core.db.tables import SUPPRESSION
from core.model import Mode
from core.services.receiving.intake import Intake
from core.settings import Inbound
from core.workers.maildir import FAILED, InboundMaildirs, MaildirWatcher
from tests.api.api_client import Visitor, opened
from tests.api.routes.test_feedback import bounce
from tests.factories.delivery import events, leave
from tests.factories.desk import ADDRESS, WIDE, make_desk
from tests.factories.inbound import mail, received


@pytest.fixture
def desk(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as visitor:
        yield visitor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "Maildir"
    for part in ("new", "cur", "tmp"):
        (made / part).mkdir(parents=True)
    return made


def maildirs(desk: Visitor, folder: Path) -> MaildirWatcher:
    return MaildirWatcher(desk.desk.writer, desk.desk.ctx.keyring, [folder])


def sweep(desk: Visitor, folder: Path) -> int:
    return asyncio.run(maildirs(desk, folder).sweep())


def suppressed(desk: Visitor) -> int:
    return len(desk.bench.store.rows(select(SUPPRESSION)))


def names(folder: Path, part: str) -> list[str]:
    return sorted(one.name for one in (folder / part).iterdir()) if (folder / part).is_dir() else []


def test_report_is_absorbed_and_marked_as_read(desk: Visitor, folder: Path) -> None:
    (message,) = leave(desk.bench, "jane@example.com")
    (folder / "new" / "1.host").write_bytes(bounce(message))
    assert sweep(desk, folder) == 1
    assert suppressed(desk) == 1
    assert (names(folder, "new"), names(folder, "cur")) == ([], ["1.host:2,S"])


def test_file_that_comes_back_is_not_processed_again(desk: Visitor, folder: Path) -> None:
    """As after a crash between the commit and the move."""
    raw = bounce(0, to="b-forged@bounces.support-bot.acme.test")
    for _ in range(2):
        (folder / "new" / "1.host").write_bytes(raw)
        sweep(desk, folder)
    assert len(events(desk.bench.store, "feedback.unverified")) == 1
    assert names(folder, "new") == []


def test_two_gateways_on_one_maildir_count_once(desk: Visitor, folder: Path) -> None:
    raw = bounce(0, to="b-forged@bounces.support-bot.acme.test")
    for n in range(30):
        (folder / "new" / f"{n}.host").write_bytes(raw)

    async def both() -> None:
        await asyncio.gather(
            maildirs(desk, folder).sweep(),
            maildirs(desk, folder).sweep(),
        )

    asyncio.run(both())
    assert len(events(desk.bench.store, "feedback.unverified")) == 30
    assert (names(folder, "new"), len(names(folder, "cur"))) == ([], 30)


def test_ordinary_mail_is_marked_as_read_and_no_event(desk: Visitor, folder: Path) -> None:
    (folder / "new" / "1.host").write_bytes(b"Subject: lunch?\n\nAt noon.\n")
    assert sweep(desk, folder) == 1
    assert names(folder, "cur") == ["1.host:2,S"]
    assert events(desk.bench.store, "feedback.unverified") == []


@pytest.mark.parametrize("kind", ["empty", "link", "pipe", "folder"])
def test_bad_file_is_set_aside_with_its_reason(desk: Visitor, folder: Path, tmp_path: Path, kind: str) -> None:
    bad, good = folder / "new" / "1.bad", folder / "new" / "2.good"
    match kind:
        case "empty":
            bad.write_bytes(b"\n")
        case "link":
            bad.symlink_to(tmp_path / "master.key")
        case "pipe":
            os.mkfifo(bad)
        case _:
            bad.mkdir()
    good.write_bytes(b"Subject: lunch?\n\nAt noon.\n")
    assert sweep(desk, folder) == 1
    assert names(folder, FAILED) == ["1.bad", "1.bad.reason"]
    assert (folder / FAILED / "1.bad.reason").read_text().startswith("it ")
    assert (names(folder, "new"), names(folder, "cur")) == ([], ["2.good:2,S"])


def test_unfinished_business_of_others_is_left_alone(desk: Visitor, folder: Path) -> None:
    (folder / "new" / ".nfs0001").write_bytes(b"x")
    (folder / "tmp" / "1.host").write_bytes(b"x")
    assert sweep(desk, folder) == 0
    assert (names(folder, "new"), names(folder, "tmp")) == ([".nfs0001"], ["1.host"])


def test_desk_that_cannot_write_leaves_the_file_for_later(desk: Visitor, folder: Path) -> None:
    (folder / "new" / "1.host").write_bytes(b"Subject: lunch?\n\nAt noon.\n")

    async def story() -> int:
        await desk.desk.writer.close()
        return await maildirs(desk, folder).sweep()

    assert asyncio.run(story()) == 0
    assert names(folder, "new") == ["1.host"]


def test_folder_that_is_not_there_is_no_error(desk: Visitor, tmp_path: Path) -> None:
    assert sweep(desk, tmp_path / "nowhere") == 0


def watched(desk: Visitor, folder: Path, story: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]) -> None:
    """Run the loop while a story is told; the story gets what awaits the next commit."""

    async def telling() -> None:
        committed = asyncio.Event()
        desk.desk.writer.listeners.append(committed.set)

        async def commit() -> None:
            async with asyncio.timeout(200):
                await committed.wait()
            committed.clear()

        loop = asyncio.create_task(maildirs(desk, folder).run())
        try:
            await story(commit)
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)

    asyncio.run(telling())


def test_loop_reads_what_lies_there_what_arrives_and_what_is_moved_in(desk: Visitor, folder: Path) -> None:
    first, second, third = leave(desk.bench, "a@example.com", "b@example.com", "c@example.com")
    (folder / "new" / "1.host").write_bytes(bounce(first).replace(b"jane@", b"a@"))

    async def story(commit: Callable[[], Awaitable[None]]) -> None:
        await commit()
        (folder / "new" / "2.host").write_bytes(bounce(second).replace(b"jane@", b"b@"))
        await commit()
        (folder / "tmp" / "3.host").write_bytes(bounce(third).replace(b"jane@", b"c@"))
        (folder / "tmp" / "3.host").rename(folder / "new" / "3.host")
        await commit()

    watched(desk, folder, story)
    assert suppressed(desk) == 3


# --- mail for mailboxes -------------------------------------------------------------------------------------------


def inbound(desk: Visitor, folder: Path) -> InboundMaildirs:
    intake = Intake(store=desk.desk.store, writer=desk.desk.writer, ctx=desk.desk.ctx, settings=Inbound())
    return InboundMaildirs(intake, [folder])


def test_mail_for_a_mailbox_is_stored_once_and_marked_as_read(desk: Visitor, folder: Path) -> None:
    raw = b"Return-Path: <jane@example.com>\nDelivered-To: " + ADDRESS.encode() + b"\n" + mail().replace(b"\r\n", b"\n")
    (folder / "new" / "1.host").write_bytes(raw)
    (folder / "new" / "2.host").write_bytes(raw)
    assert asyncio.run(inbound(desk, folder).sweep()) == 2
    assert (names(folder, "new"), names(folder, "cur")) == ([], ["1.host:2,S", "2.host:2,S"])
    (row,) = received(desk.bench.store)
    assert (row.source, row.text, row.automatic) == ("maildir", "Where is my refund?", None)


def test_mail_that_nobody_here_receives_is_set_aside_with_its_reason(desk: Visitor, folder: Path) -> None:
    (folder / "new" / "1.host").write_bytes(mail())
    (folder / "new" / "2.host").write_bytes(b"Delivered-To: nobody@example.com\r\n" + mail())
    (folder / "new" / "3.host").write_bytes(b"")
    assert asyncio.run(inbound(desk, folder).sweep()) == 0
    reasons = [(folder / FAILED / f"{n}.host.reason").read_text() for n in (1, 2, 3)]
    assert ["names no recipient" in reasons[0], "no mailbox" in reasons[1], "empty" in reasons[2]] == [True] * 3
    assert received(desk.bench.store) == []
