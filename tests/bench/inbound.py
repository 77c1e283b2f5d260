"""Received mail over LMTP: messages a second and CPU per message, durable, beside a loop that only writes and syncs.

A mail server of several connections, in a process of its own, hands over distinct 10 kB messages to one gateway process
on a real SQLite desk (`synchronous=FULL`); each answer comes after the commit. The reference writes the same bytes to
a file beside the database and calls fsync for each. On a busy machine the CPU figures are those to compare.

usage: python -m tests.bench.inbound [--messages 2000] [--connections 8] [--size 10000] [--html] [--profile FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import uvloop

from core.clock import SystemClock
from core.db import migrate
from core.db.store import Store
from core.db.writer import Writer
from core.process import YOUNG
from core.services.receiving.intake import Intake
from core.settings import Inbound
from core.workers.lmtp import LmtpServer
from tests.factories.desk import ADDRESS, make_desk
from tests.factories.inbound import mail, received
from tests.factories.lmtp import MailServer

LINE: Final = "Thank you for your patience, we looked at it and found out why.\n"
STYLE: Final = "<style>.a{color:#222}</style>"


def message(number: int, size: int, *, html: bool) -> bytes:
    """A message of about this size that no other equals."""
    text = f"Ticket {number}\n" + LINE * (size // len(LINE))
    if not html:
        return mail(text, message_id=f"<{number}@example.com>")
    plain, page = text[: size // 3], "".join(f"<p class=a>{line}</p>\n" for line in text[: size // 2].splitlines())
    body = (
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n"
        f"--b\nContent-Type: text/html; charset=utf-8\n\n{STYLE}{page}\n--b--"
    )
    more = 'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="b"\n'
    return mail(body, message_id=f"<{number}@example.com>", more=more)


def hand_over(port: int, *, messages: int, connections: int, size: int, html: bool) -> None:
    """The mail server: what the child process does."""
    numbers = iter(range(messages))
    lock = threading.Lock()

    def deliver() -> None:
        with MailServer("127.0.0.1", port, local_hostname="mx", timeout=120) as mta:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                answers = mta.hand_over(message(number, size, html=html), ADDRESS)
                assert answers == [(250, "2.0.0")], answers

    threads = [threading.Thread(target=deliver) for _ in range(connections)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


async def receive(store: Store, ctx: Any, given: argparse.Namespace) -> dict[str, float]:
    """Serve until the child has handed over everything."""
    writer = Writer(store)
    writer.start()
    settings = Inbound(lmtp="127.0.0.1:0")
    async with LmtpServer(Intake(store=store, writer=writer, ctx=ctx, settings=settings), settings).running() as server:
        argv = [sys.executable, "-m", "tests.bench.inbound", "--client", str(server.port), *given.own]
        began, cpu = time.perf_counter(), time.process_time()
        child = await asyncio.create_subprocess_exec(*argv)
        assert await child.wait() == 0
        figures = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    await writer.close()
    return figures


def sync_loop(place: Path, *, messages: int, size: int) -> dict[str, float]:
    """Write and sync each message by itself: what durability alone costs."""
    raw = message(0, size, html=False)
    began, cpu = time.perf_counter(), time.process_time()
    with (place / "reference").open("wb") as file:
        for _ in range(messages):
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--html", action="store_true")
    parser.add_argument("--profile")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--client", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    shape = {"messages": given.messages, "connections": given.connections, "size": given.size}
    if given.client:
        hand_over(given.client, **shape, html=given.html)
        return
    given.own = [part for name, value in shape.items() for part in (f"--{name}", str(value))]
    given.own += ["--html"] if given.html else []
    gc.set_threshold(YOUNG)
    with tempfile.TemporaryDirectory(prefix="postroom-bench-") as name:
        place = Path(name)
        store = Store(f"sqlite:///{place}/desk.db", clock=SystemClock())
        migrate.found(store.engine)
        desk = make_desk(store)
        profile = cProfile.Profile() if given.profile else None
        if profile:
            profile.enable()
        figures = uvloop.run(receive(store, desk.ctx, given))
        if profile:
            profile.disable()
            profile.dump_stats(given.profile)
        assert len(received(store)) == given.messages
        store.close()
        reference = sync_loop(place, messages=given.messages, size=given.size)
    found = {
        "messages_per_second": given.messages / figures["seconds"],
        "cpu_us_per_message": figures["cpu"] / given.messages * 1e6,
        "per_core_per_second": given.messages / figures["cpu"],
        "sync_loop_per_second": given.messages / reference["seconds"],
        "ratio_to_sync_loop": reference["seconds"] / figures["seconds"],
    }
    if given.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:24} {value:12,.2f}")


if __name__ == "__main__":
    main()
