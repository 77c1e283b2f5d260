"""A real Postfix in front of the desk, configured with what `postroom inbound postfix` prints.

It runs from a directory of its own, as Debian ships it (its programs confined to the queue directory), and touches no
other Postfix of the machine. Needs the package `postfix` and root; skipped, with the reason, where they are missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, Self

import pytest

from core.clock import SystemClock
from core.db.store import Store
from core.db.writer import Writer
from core.ids import Ids
from core.services.context import ServiceContext
from core.services.receiving.intake import Intake
from core.settings import Inbound
from core.workers.lmtp import LmtpServer
from tests.cli.cli_runner import ADDRESS, DOMAIN, Clerk, with_mailbox
from tests.factories.desk import KEYRING
from tests.factories.inbound import mail, received

PROGRAM: Final = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SHIPPED: Final = Path("/usr/share/postfix/master.cf.dist")
HOST: Final = f"127.{os.getpid() >> 16 & 255}.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"
"""An address of this process alone: no other program listens there, so the port needs no luck."""
PORT: Final = 2525
PATIENCE: Final = 120

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.slow,
    pytest.mark.skipif(
        PROGRAM is None or not SHIPPED.exists() or os.geteuid() != 0,
        reason="needs Debian's package postfix, and root to start it: apt-get install -y postfix",
    ),
]


class Postfix:
    """A Postfix in a directory of its own."""

    def __init__(self, place: Path, printed: list[str], transport: list[str]) -> None:
        self._etc, self._queue = place / "etc", place / "queue"
        for one in (self._etc, self._queue, place / "data"):
            one.mkdir()
        shutil.chown(place / "data", "postfix")
        listening = f"{HOST}:{PORT} inet n - y - - smtpd"
        shipped = SHIPPED.read_text().splitlines()
        lines = [listening if line.startswith("smtp      inet") else line for line in shipped]
        assert listening in lines
        (self._etc / "master.cf").write_text("\n".join([*lines, ""]))
        own = [
            "compatibility_level = 3.6",
            f"queue_directory = {self._queue}",
            f"data_directory = {place}/data",
            f"maillog_file = {place}/log",
            f"maillog_file_prefixes = {place}",
            "myhostname = mx.acme.test",
            "mydestination =",
            "mynetworks =",
            "smtpd_peername_lookup = no",
            "address_verify_poll_delay = 1s",
        ]
        (self._etc / "main.cf").write_text("\n".join([*own, *printed, ""]))
        (self._etc / "transport").write_text("\n".join([*transport, ""]))
        self._run("postmap", str(self._etc / "transport"))

    def __enter__(self) -> Self:
        self._run("postfix", "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("postfix", "stop")

    def _run(self, program: str, *args: str) -> str:
        assert PROGRAM is not None
        command = [str(Path(PROGRAM).with_name(program)), "-c", str(self._etc), *args]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def queued(self) -> str:
        return self._run("postqueue", "-p")

    def flush(self) -> None:
        self._run("postqueue", "-f")

    def take(self, raw: bytes, *to: str) -> dict[str, int]:
        """Hand over mail by SMTP, as the internet does; the code of each refused recipient."""
        with smtplib.SMTP(HOST, PORT, local_hostname="mail.example.com", timeout=PATIENCE) as client:
            try:
                return {one: code for one, (code, _) in client.sendmail("jane@example.com", to, raw).items()}
            except smtplib.SMTPRecipientsRefused as error:
                return {one: code for one, (code, _) in error.recipients.items()}


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.fixture
def place() -> Iterator[Path]:
    """Not below pytest's own directory, which the user `postfix` may not enter."""
    with tempfile.TemporaryDirectory(prefix="postroom-postfix-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.asynccontextmanager
async def serving(store: Store, ctx: ServiceContext) -> AsyncIterator[LmtpServer]:
    writer = Writer(store)
    writer.start()
    settings = Inbound(lmtp="127.0.0.1:0")
    try:
        async with LmtpServer(
            Intake(store=store, writer=writer, ctx=ctx, settings=settings), settings
        ).running() as one:
            yield one
    finally:
        await writer.close()


def test_mail_comes_in_through_a_real_postfix(tmp_path: Path, place: Path) -> None:
    clerk: Clerk = with_mailbox(tmp_path / "desk")
    store = Store(f"sqlite:///{clerk.directory}/postroom.db", clock=SystemClock())
    ctx = ServiceContext(keyring=KEYRING, ids=Ids.seeded(7), chance=lambda _: 0)
    file = clerk.directory / "postroom.db"
    aside = file.with_name("aside.db")

    def story(port: int) -> None:
        with (clerk.directory / "postroom.toml").open("a") as toml:
            toml.write(f'\n[inbound]\nlmtp = "127.0.0.1:{port}"\n')
        printed = clerk.ok("inbound", "postfix")
        with Postfix(place, printed["main_cf"], printed["transport"]) as mta:
            assert mta.take(mail("first", to=ADDRESS), ADDRESS, f"nobody@{DOMAIN}") == {f"nobody@{DOMAIN}": 550}
            wait_until(lambda: len(received(store)) == 1)

            file.rename(aside)
            assert mta.take(mail("kept", to=ADDRESS), ADDRESS) == {}  # Postfix knows the address already
            wait_until(lambda: "451 4.3.0" in mta.queued())
            aside.rename(file)
            mta.flush()
            wait_until(lambda: "Mail queue is empty" in mta.queued())

            assert mta.take(b"Subject: a dot\r\n\r\n.\r\n..\r\nend\r\n", ADDRESS) == {}
            wait_until(lambda: len(received(store)) == 3)

    async def go() -> None:
        async with serving(store, ctx) as server:
            assert server.port is not None
            await asyncio.to_thread(story, server.port)

    asyncio.run(go())
    first, kept, dots = received(store)
    store.close()
    assert [first.text, kept.text, dots.text] == ["first", "kept", ".\n..\nend"]
    assert [row.source for row in (first, kept, dots)] == ["lmtp"] * 3
