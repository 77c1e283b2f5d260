"""How soon GET /mailboxes/{address}/wait answers after mail for it is committed, on a real gateway over HTTP.

usage: python -m tests.bench.wait [rounds = 50]
bar: 50 ms (median). Measured until the mail's own hand-over is answered and, apart, until the wait is.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from core.demo.seed import Cast
from core.model import Mode
from tests.factories.inbound import mail
from tests.mcp.live_gateway import Live, live_gateway

BOX = "inbox@bots.acme.test"
BAR_MS = 50.0


def rounds(live: Live, n: int) -> list[float]:
    """Milliseconds from the answer to the hand-over, which follows the commit, to the answer to the wait."""
    taken = []
    with httpx.Client(
        base_url=live.url, headers={"Authorization": f"Bearer {live.token('inbox')}"}, timeout=60, trust_env=False
    ) as agent:
        after = None
        for number in range(n):
            answered: list[tuple[float, str]] = []

            def wait(after: str | None = after, answered: list[tuple[float, str]] = answered) -> None:
                asked = {"timeout": "30"} | ({"after": after} if after else {})
                answer = agent.get(f"/mailboxes/{BOX}/wait", params=asked).json()
                answered.append((time.perf_counter(), answer["after"]))

            waiting = threading.Thread(target=wait)
            waiting.start()
            time.sleep(0.2)  # until it waits
            live.arrives(mail(f"{number}", to=BOX, message_id=f"<{number}@example.com>"), BOX)
            committed = time.perf_counter()
            waiting.join()
            at, after = answered[0]
            taken.append(max(0.0, at - committed) * 1_000)
    return taken


def main(n: int) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        live_gateway(Path(directory) / "desk", [Cast("inbox", BOX, Mode.AUTONOMOUS, "waits")]) as live,
    ):
        taken = sorted(rounds(live, n))
    median = statistics.median(taken)
    print(f"wait answers {median:.1f} ms after the hand-over (worst of {n}: {taken[-1]:.1f} ms); bar {BAR_MS:g} ms")
    sys.exit(median > BAR_MS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
