"""Processes of Postroom whose imports are done: each is forked from one server, which all workers of a run share.

Importing the gateway takes two seconds of CPU, a fork some milliseconds. The process is a real one, with its own
memory, files, environment and signals; who started it holds a small client in its place (fork_client.py), and kill -9
of the client kills it. What a test says about starting itself (imports, Ctrl-C meanwhile, the process table) needs
`[sys.executable, "-m", ...]`; with --thorough, and where there is no fork, `postroom` returns just that.

The workers themselves are forked too (`worker_python`), from a process that has collected their tests.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.factories import effort

CLIENT = Path(__file__).with_name("fork_client.py")
WORKER = "-u"
"""The first option that execnet starts a worker with, where a module's name stands otherwise."""
OF_TESTS = ("hypothesis", "mcp.server", "mcp.client", "schemathesis", "psutil", "pyte", "dkim", "aiosmtpd.controller")
"""What else tests import that takes time."""
IN_MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 2 * 2**30
"""Bytes that must be free there; a run with six workers takes half of one GiB."""
READY = 200.0
"""Seconds that a server may take to import everything on a busy machine, and then waits for its first member."""


# --- for tests ----------------------------------------------------------------------------------------------------


def postroom(module: str = "console.main") -> list[str]:
    """The beginning of a command line: `python -m MODULE`, forked. `-c`: a program follows, as after `python -c`."""
    if effort.thorough() or not hasattr(os, "fork"):
        return [sys.executable, "-c"] if module == "-c" else [sys.executable, "-m", module]
    return [*_forked(_server(os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}")), module]


def worker_python(run: str, tests: Sequence[str]) -> str | None:
    """What stands for the interpreter on the command line of this run's workers; None: the interpreter itself.

    `tests`: what they will collect, as on pytest's command line.
    """
    if effort.thorough() or not hasattr(os, "fork"):
        return None
    place = _place(run)
    collect = [*_forked(_server(run)), "tests.factories.collected", str(place / "workers"), *tests]
    return shlex.join(_forked(_started(place / "workers", collect)))


def _forked(address: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(CLIENT), address]


def _place(run: str) -> Path:
    place = Path(tempfile.gettempdir()) / f"postroom-fork-{run[:12]}"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def has_memory() -> bool:
    """Whether a run's databases fit into memory."""
    return hasattr(os, "fork") and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ENOUGH_MEMORY


def place_in_memory(run: str) -> Path | None:
    """A directory for what a run writes and nobody keeps; None where memory is scarce. It goes with the run's server.

    PostgreSQL makes and drops some hundred databases of six hundred files each. On a disk that takes ten times as long
    when all workers do it: ext4 passes over each file that was deleted a moment ago.
    """
    if effort.thorough() or not has_memory():
        return None
    _server(run)
    place = IN_MEMORY / _place(run).name
    place.mkdir(mode=0o711, exist_ok=True)  # PostgreSQL runs as a user of its own where the tests are run by root
    return place


@functools.cache
def _server(run: str) -> str:
    """The socket of this run's server, which the first that needs it starts. It ends with the last of its members."""
    place = _place(run)
    address = place / "server"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _started(address, [sys.executable, "-m", __name__, str(address)], cwd=Path(__file__).parents[2])


def _started(address: Path, command: Sequence[str], cwd: Path | None = None) -> str:
    """The socket of a server that listens, if need be after this command; this process is a member of it to its end."""
    member = _joined(str(address))
    if member is None:
        log = address.with_suffix(".log")
        with log.open("w") as file:
            server = subprocess.Popen(
                command, cwd=cwd, start_new_session=True, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        server.returncode = 0  # nobody waits for it: it may outlive this worker
        end = time.monotonic() + READY
        while (member := _joined(str(address))) is None:
            assert time.monotonic() < end, f"it never came up: {log.read_text()}"
            time.sleep(0.05)
    atexit.register(member.close)
    return str(address)


def _joined(address: str) -> socket.socket | None:
    """A connection that asks for nothing; the server stays while one is open."""
    member = socket.socket(socket.AF_UNIX)
    try:
        member.connect(address)
    except OSError:
        member.close()
        return None
    return member


# --- the server ---------------------------------------------------------------------------------------------------


class Server:
    """Forks a process for each call that comes in, tells its client how it ended, and passes signals on to it."""

    def __init__(self, address: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._listening = socket.socket(socket.AF_UNIX)
        Path(address).unlink(missing_ok=True)
        self._listening.bind(address)
        self._listening.listen(64)
        self._clients: dict[socket.socket, int] = {}
        """The process behind each connection; 0: it has not asked for one."""
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        joined = False
        while self._clients or not joined:
            ready = self._selector.select(None if joined else READY)
            if not ready:
                return  # who started it is gone
            for key, _ in ready:
                if key.fileobj is self._listening:
                    joined = True
                    client, _ = self._listening.accept()
                    self._clients[client] = 0
                    self._selector.register(client, selectors.EVENT_READ)
                elif key.fileobj is self._woken:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4_096)
                    self._reap()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._clients:
                    self._hear(key.fileobj)

    def _hear(self, client: socket.socket) -> None:
        pid = self._clients[client]
        try:
            data, files = (client.recv(1), []) if pid else _call(client)
        except OSError:
            data, files = b"", []
        if not data:
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)  # its client was killed
            self._forget(client)
        elif pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, data[0])
        else:
            self._clients[client] = self._fork(json.loads(data), files)
        for one in files:
            os.close(one)

    def _forget(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        self._clients.pop(client)
        client.close()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for client in [client for client, known in self._clients.items() if known == pid]:
                with contextlib.suppress(OSError):
                    client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                self._forget(client)

    def _fork(self, call: dict[str, Any], files: list[int]) -> int:
        if call["module"] != WORKER:
            importlib.import_module("tests.factories.fork_preparation")  # with the first: no worker needs it
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            for place in (*self._clients, self._listening, self._woken, self._wake):
                place.close()
            self._selector.close()
            _become(call, files)
            code = _run(call["module"], call["arguments"])
        except BaseException:  # noqa: BLE001 - whatever it is, it ends here
            traceback.print_exc()
        finally:
            os._exit(code)


def _call(client: socket.socket) -> tuple[bytes, list[int]]:
    """What a client asks for, with its three files; nothing if it has gone."""
    head, files, _, _ = socket.recv_fds(client, 8, 3)
    left = int.from_bytes(head, "big")
    data = b""
    while len(data) < left:
        came = client.recv(left - len(data))
        if not came:
            return b"", files
        data += came
    return data, files


def _become(call: dict[str, Any], files: list[int]) -> None:
    """Take over what a new process inherits from who starts it."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(call["env"])
    tempfile.tempdir = None  # of the server's own surroundings
    os.chdir(call["cwd"])
    time.tzset()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGQUIT", "SIGCHLD"):
        number = getattr(signal, name)
        usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if name in call["ignored"] else usual)
    sys.argv = [call["module"], *call["arguments"]]
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__ = (  # type: ignore[misc]
        _text(0, "r"), _text(1, "w"), _text(2, "w")
    )  # fmt: skip
    atexit._clear()


def _text(number: int, mode: str) -> io.TextIOWrapper:
    """A standard stream as the interpreter opens it."""
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    file = open(number, mode + "b", closefd=False)  # noqa: SIM115 - it stays open
    usual = "backslashreplace" if number == 2 else "strict"
    return io.TextIOWrapper(
        file, encoding=encoding or "utf-8", errors=errors or usual, line_buffering=number == 2 or os.isatty(number),
        write_through=bool(os.environ.get("PYTHONUNBUFFERED")) and mode == "w",
    )  # fmt: skip


def _run(module: str, arguments: list[str]) -> int:
    """Run the module, or the program after `-c`, as the main one; returns the exit code."""
    code: object = 0
    if module == WORKER:
        module, *arguments = arguments
    try:
        if module == "-c":
            sys.argv = ["-c", *arguments[1:]]
            exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.modules.pop(module, None)  # run_module warns of one that is imported already
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        traceback.print_exc()
        code = 130
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        sys.stderr.write(code + "\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return 0 if code is None else int(code)  # type: ignore[call-overload]


def serve(address: str) -> None:
    """Import everything that commands, gateways and workers import, then fork on demand."""
    import console.app
    import console.demo
    import console.factory
    import console.main
    import core.cli
    import core.gateway

    del console
    for one in pkgutil.iter_modules(core.cli.__path__):
        importlib.import_module(f"core.cli.{one.name}")
    for library in OF_TESTS:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()  # what no process ever frees, none need look at, nor copy for it
    Server(address).run()
    place = Path(address).parent
    for left in (place, IN_MEMORY / place.name):
        shutil.rmtree(left, ignore_errors=True)


if __name__ == "__main__":
    serve(sys.argv[1])
