"""A way to a gateway on which answers get lost: the gateway has acted, and its caller does not know."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


@contextlib.contextmanager
def losing(url: str, *, answers: int, then: int = 1) -> Iterator[str]:
    """A way to the desk that loses this many of its first answers, and brings so many more."""
    target = (urlsplit(url).hostname, urlsplit(url).port)
    listener = socket.create_server(("127.0.0.1", 0))

    def carry() -> None:
        for number in range(answers + then):
            client, _ = listener.accept()
            with client, socket.create_connection(target) as desk:
                desk.sendall(http_message(client))
                answer = http_message(desk)
                if number >= answers:
                    client.sendall(answer)

    thread = threading.Thread(target=carry)
    thread.start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(30)


def http_message(peer: socket.socket) -> bytes:
    """One request or answer with its body."""
    got = b""
    while True:
        got += peer.recv(65_536)
        head, ended, body = got.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if ended and len(body) >= (int(length[1]) if length else 0):
            return got
