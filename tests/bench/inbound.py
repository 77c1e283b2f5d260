"""Received mail over LMTP: messages a second and CPU per message, durable, beside a loop that only writes and syncs.

A mail server of several connections, in a process of its own, hands over distinct 10 kB messages to one gateway with
its content processes, on a real SQLite desk (`synchronous=FULL`); each answer comes after the commit. The reference
writes the same bytes to a file beside the database and calls fsync for each. On a busy machine the CPU figures are
those to compare; they are those of the gateway and of its content processes after their start.

usage: python -m tests.bench.inbound [--messages 2000] [--connections 8] [--size 10000] [--html] [--processes 2]
                                     [--warm 300] [--profile FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import uvloop

from core.api.compose_pool import ComposePool
from core.clock import SystemClock
from core.db import migrate
from core.db.store import Store
from core.db.writer import Writer
from core.process import YOUNG
from core.security import encryption
from core.services.receiving.intake import Intake
from core.settings import MASTER, TOML, Inbound
from core.workers.lmtp import LmtpServer
from tests.factories.desk import ADDRESS, make_desk
from tests.factories.inbound import mail, received

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


def hand_over(port: int, *, first: int, messages: int, connections: int, size: int, html: bool) -> None:
    """The mail server: what the child process does. It is lean, and prepares its mail before the clock starts."""
    ready = deque(on_the_wire(message(first + number, size, html=html)) for number in range(messages))
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    threads = [threading.Thread(target=deliver, args=(one, ready)) for one in sockets]
    print("ready", flush=True)
    sys.stdin.readline()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if ready:
        sys.exit("a message was not taken")


def on_the_wire(raw: bytes) -> bytes:
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"


def deliver(connection: socket.socket, ready: deque[bytes]) -> None:
    """One connection: LMTP (RFC 2033) with the envelope pipelined."""
    replies = connection.makefile("rb")

    def expect(code: bytes) -> None:
        while (line := replies.readline())[3:4] == b"-":
            pass
        assert line.startswith(code), line

    expect(b"220")
    connection.sendall(b"LHLO mx\r\n")
    expect(b"250")
    while ready:
        try:
            octets = ready.popleft()
        except IndexError:
            return
        connection.sendall(b"MAIL FROM:<jane@example.com>\r\nRCPT TO:<%b>\r\nDATA\r\n" % ADDRESS.encode())
        for code in (b"250", b"250", b"354"):
            expect(code)
        connection.sendall(octets)
        expect(b"250 2.0.0")


async def receive(store: Store, ctx: Any, place: Path, given: argparse.Namespace) -> dict[str, float]:
    """Serve until the child has handed over everything."""
    writer = Writer(store)
    writer.start()
    settings = Inbound(lmtp="127.0.0.1:0")
    command = (sys.executable, "-m", "core.cli.compose_process", str(place))
    pool = ComposePool(command, dict(os.environ), most=given.processes) if given.processes else None
    intake = Intake(store=store, writer=writer, ctx=ctx, settings=settings, pool=pool)
    async with LmtpServer(intake, settings).running() as server:
        port = server.port
        assert port is not None
        async with client(port, 0, given.warm, given):
            pass
        async with client(port, given.warm, given.messages, given):
            began, cpu = time.perf_counter(), used_by(pool)
        figures = {"seconds": time.perf_counter() - began, "cpu": used_by(pool) - cpu}
    if pool is not None:
        await pool.close()
    await writer.close()
    return figures


@contextlib.asynccontextmanager
async def client(port: int, first: int, messages: int, given: argparse.Namespace) -> AsyncIterator[None]:
    """A mail server with its mail prepared; it hands over when the block ends, and has done so after it."""
    own = ["--client", str(port), "--first", str(first), "--messages", str(messages), *given.own]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.inbound", *own, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert (await child.stdout.readline()).strip() == b"ready"
    yield
    await child.communicate(b"go\n")
    assert child.returncode == 0


def used_by(pool: ComposePool | None) -> float:
    """CPU seconds so far of this process and of the content processes."""
    ticks = 0
    for pid in pool.pids() if pool is not None else ():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


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
    parser.add_argument("--processes", type=int, default=2, help="content processes; 0: threads read everything")
    parser.add_argument("--warm", type=int, default=300, help="messages beforehand, while processes start")
    parser.add_argument("--profile")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--client", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    shape = {"messages": given.messages, "connections": given.connections, "size": given.size}
    if given.client:
        hand_over(given.client, first=given.first, **shape, html=given.html)
        return
    given.own = ["--connections", str(given.connections), "--size", str(given.size)]
    given.own += ["--html"] if given.html else []
    gc.set_threshold(YOUNG)
    with tempfile.TemporaryDirectory(prefix="postroom-bench-") as name:
        place = Path(name)
        os.environ["POSTROOM_DATABASE"] = f"sqlite:///{place}/desk.db"
        (place / TOML).write_text("")
        key = place / MASTER
        key.write_text(encryption.new_master_key("b1") + "\n")
        key.chmod(0o600)
        store = Store(os.environ["POSTROOM_DATABASE"], clock=SystemClock())
        migrate.found(store.engine)
        desk = make_desk(store)
        profile = cProfile.Profile() if given.profile else None
        if profile:
            profile.enable()
        figures = uvloop.run(receive(store, desk.ctx, place, given))
        if profile:
            profile.disable()
            profile.dump_stats(given.profile)
        assert len(received(store)) == given.messages + given.warm
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
