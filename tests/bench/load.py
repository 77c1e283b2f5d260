"""A load generator as lean as smtp-source: HTTP/1.1 on kept-alive connections, one request at a time on each.

A full HTTP client costs more CPU than the gateway's own API; on two cores that would measure the client.

usage: python -m tests.bench.load HOST PORT[,PORT ...] TOKEN MESSAGES CONNECTIONS SITES BYTES [RATE]
It prints one JSON line. TOKEN may be @FILE: each of its lines is a sender's address and token, and the messages are
theirs in turn. RATE is in messages a second; without it each connection sends once the one before is answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SENDER = "help@support-bot.acme.test"


def senders_of(token: str) -> list[tuple[str, str]]:
    """The senders and their tokens."""
    if not token.startswith("@"):
        return [(SENDER, token)]
    lines = Path(token[1:]).read_text().splitlines()
    return [(line.split()[0], line.split()[1]) for line in lines]


def requests(*, host: str, token: str, messages: int, sites: int, size: int) -> Iterator[bytes]:
    """The HTTP requests, as bytes on the wire."""
    senders = senders_of(token)
    line = "Thank you for your patience, we looked at it and found out why.\n"
    text = (line * (size // len(line) + 1))[: size - 700]  # headers and signatures make up the rest
    for n in range(messages):
        sender, secret = senders[n % len(senders)]
        body = json.dumps(
            {
                "from": sender,
                "to": f"u{n}@d{n % sites}.example",
                "subject": f"Your ticket {n}",
                "text": text,
                "run": {"id": "bench", "user": "ann@acme.test"},
            }
        ).encode()
        yield (
            b"POST /emails/send HTTP/1.1\r\nHost: %b\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (host.encode(), secret.encode(), len(body), body)
        )


async def connection(
    host: str, port: int, work: Iterator[tuple[float, bytes]], latencies: list[float], since: float
) -> None:
    """Send what is left of the work, each request at its second after `since` or as soon as the connection is free."""
    reader, writer = await asyncio.open_connection(host, port)
    for second, request in work:
        await asyncio.sleep(since + second - time.perf_counter())
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        fields = head.lower()
        at = fields.index(b"content-length:") + 15
        body = await reader.readexactly(int(fields[at : fields.index(b"\r\n", at)]))
        latencies.append(time.perf_counter() - began)
        if b" 202 " not in head[:16]:
            raise SystemExit(f"not accepted: {head[:60]!r} {body[:300]!r}")
    writer.close()


async def main() -> None:
    host, ports, token = sys.argv[1], [int(port) for port in sys.argv[2].split(",")], sys.argv[3]
    messages, connections, sites, size = (int(value) for value in sys.argv[4:8])
    pause = 1 / float(sys.argv[8]) if len(sys.argv) > 8 else 0.0
    ready = requests(host=host, token=token, messages=messages, sites=sites, size=size)
    work = ((n * pause, request) for n, request in enumerate(ready))
    latencies: list[float] = []
    began, since = time.time(), time.perf_counter()
    await asyncio.gather(*(connection(host, ports[n % len(ports)], work, latencies, since) for n in range(connections)))
    took = time.time() - began
    latencies.sort()
    print(
        json.dumps(
            {
                "began": began,
                "accepted_per_s": round(messages / took),
                "p50_ms": round(latencies[len(latencies) // 2] * 1_000, 1),
                "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1_000, 1),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
