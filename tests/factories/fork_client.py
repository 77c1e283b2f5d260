"""Stands for a process that tests/factories/fork_server.py forks: passes signals on to it and ends as it does.

Runs alone, without site-packages: its start is what is saved. Arguments: the server's socket, a module, its arguments.
"""

import json
import os
import signal
import socket
import sys

PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGQUIT")


def main() -> None:
    server = socket.socket(socket.AF_UNIX)
    server.connect(sys.argv[1])
    ignored = [name for name in PASSED_ON if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN]
    for name in PASSED_ON:
        signal.signal(getattr(signal, name), lambda number, _: server.send(bytes([number])))
    call = {
        "module": sys.argv[2], "arguments": sys.argv[3:], "env": dict(os.environ), "cwd": os.getcwd(),  # noqa: PTH109 - pathlib takes time to import
        "ignored": ignored,
    }  # fmt: skip
    data = json.dumps(call).encode("utf-8", "surrogateescape")
    socket.send_fds(server, [len(data).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(data)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)  # or this process would hold the pipes of one that is gone
    said = b""
    while not said.endswith(b"\n"):
        came = server.recv(64)
        if not came:
            os._exit(70)
        said += came
    code = int(said)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
