"""The gateway's CPU profile: time per message by step, on one thread, without the receiver's time.

Each step runs the product's own code on a real SQLite desk (`synchronous=FULL`), in the batches of a busy gateway:
sixteen submissions per commit; claims, attempts and settlements of up to 64; with `--alone` each message by itself, as
in a gateway with little to do. The garbage collector is set as in the gateway. The best of several rounds counts.

usage: python -m tests.bench.steps [--messages 512] [--rounds 5] [--alone] [--json]
needs: smtp-sink (Debian's postfix) for the step over SMTP; without it that step is left out
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from core.api.schemas.requests.body import read
from core.api.schemas.requests.emails import SendRequest
from core.clock import SystemClock
from core.db import migrate
from core.db.queue import Claimed
from core.db.store import Store
from core.model import Mode, Outcome, Reply
from core.process import YOUNG
from core.rules import compose
from core.rules.dkim import SigningKey, sign
from core.security.encryption import new_key_pair
from core.services.sending import delivery
from core.services.sending.submission import Prepared
from core.services.sending.submit import Submit
from core.smtp.client import SmtpClient
from core.smtp.route import Limits, Parcel, Route
from tests.bench.sinks import sink
from tests.factories.desk import DOMAIN, WIDE, Bench, make_desk

BATCH: Final = 16
TURN: Final = 64
TEXT: Final = "Thank you for your patience, we looked at it and found out why.\n" * 52
SENT: Final = Reply(Outcome.SENT, 250, "2.0.0", "queued", "dot")

Figures = dict[str, float]


@contextlib.contextmanager
def timed(figures: Figures, step: str, messages: int) -> Iterator[None]:
    """Record the CPU microseconds per message of the block, for this thread alone."""
    began = time.thread_time()
    yield
    figures[step] = (time.thread_time() - began) / messages * 1e6


def one_round(desk: Bench, keys: Sequence[SigningKey], *, number: int, messages: int, alone: bool) -> Figures:
    """Run a batch of messages through every step."""
    figures: Figures = {}
    body = orjson.dumps({"from": f"help@{DOMAIN}", "to": "jane@example.com", "subject": "Your ticket", "text": TEXT})
    with timed(figures, "parse the request (JSON, 4 kB)", messages):
        for _ in range(messages):
            read(SendRequest, body)
    with timed(figures, "prepare: class, checks, compose, digest", messages):
        prepared = [desk.prepared(f"u{number}-{n}@d{n % 50}.example", text=TEXT, issued=body) for n in range(messages)]
    batch, most = (1, 1) if alone else (BATCH, TURN)
    with timed(figures, "accept: gate, state, events, commit", messages):
        for start in range(0, messages, batch):
            _accept(desk.store, prepared[start : start + batch])
    turns: list[list[Claimed]] = []
    with timed(figures, "claim: lanes, budgets, leases", messages):
        while claimed := desk.store.transact(lambda tx: delivery.claim(tx, worker=1, limit=most)):
            turns.append(claimed)
    with timed(figures, "sign: RSA-2048 and Ed25519", messages):
        for one in prepared:
            sign(compose.with_date(one.rendered, 0), keys=keys, at=0)
    with timed(figures, "attempt: the gate's last look", messages):
        for turn in turns:
            desk.store.transact(lambda tx, these=turn: delivery.attempt(tx, these, worker=1))  # type: ignore[misc]  # bound now
    with timed(figures, "settle: state, counters, events", messages):
        for turn in turns:
            done = [delivery.Settlement(one, SENT) for one in turn]
            desk.store.transact(lambda tx, these=done: delivery.settle(tx, these, worker=1))  # type: ignore[misc]  # bound now
    return figures


def _accept(store: Store, prepared: Sequence[Prepared]) -> None:
    verbs = [Submit(one) for one in prepared]
    with store.begin() as tx:
        Submit.prefetch(tx, verbs)
        for verb in verbs:
            tx.run(verb)


async def carry(messages: int, port: int) -> Figures:
    """The SMTP transactions alone, over 32 persistent connections."""
    figures: Figures = {}
    courier = SmtpClient(clock=SystemClock(), hello="bench.test", limits=Limits(relay=32))
    parcel = Parcel(
        route=Route.parse(f"smtp://127.0.0.1:{port}"), domain="example.com", sender=f"r@{DOMAIN}",
        recipient="jane@example.com", message=TEXT.replace("\n", "\r\n").encode(), smtputf8=False,
    )  # fmt: skip
    await asyncio.gather(*(courier.deliver(parcel) for _ in range(64)))
    with timed(figures, "deliver over SMTP, connections kept", messages):
        await asyncio.gather(*(courier.deliver(parcel) for _ in range(messages)))
    await courier.close()
    return figures


def profile(*, messages: int = 512, rounds: int = 5, alone: bool = False) -> Figures:
    """CPU microseconds per message by step, the best of the rounds, in processing order."""
    keys = [
        SigningKey.load(DOMAIN, selector=f"s-{algorithm}", algorithm=algorithm, private=new_key_pair(algorithm).private)
        for algorithm in ("rsa", "ed25519")
    ]
    with tempfile.TemporaryDirectory() as directory:
        store = Store(f"sqlite:///{Path(directory) / 'postroom.db'}", clock=SystemClock())
        migrate.upgrade(store.engine)
        desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG)
        found = [one_round(desk, keys, number=n, messages=messages, alone=alone) for n in range(rounds + 1)][1:]
        store.close()
    if shutil.which("smtp-sink"):
        with sink(2_632) as port:
            carried = [_carried(lambda: carry(messages, port)) for _ in range(rounds)]
        found = [one | more for one, more in zip(found, carried, strict=True)]
    return {step: min(one[step] for one in found) for step in found[0]}


def _carried(run: Callable[[], Any]) -> Figures:
    figures: Figures = asyncio.run(run())
    return figures


def show(figures: Figures) -> None:
    """Print the table, with each step's share."""
    whole = sum(figures.values())
    for step, micros in figures.items():
        print(f"  {step:44} {micros:6.0f} us  {micros / whole:5.1%}  {'#' * round(micros / whole * 40)}")
    print(f"  {'a message, all steps':44} {whole:6.0f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = profile(messages=asked.messages, rounds=asked.rounds, alone=asked.alone)
    if asked.json:
        print(json.dumps({step: round(micros) for step, micros in figures.items()}))
    else:
        show(figures)


if __name__ == "__main__":
    main()
