"""Benchmark of one message's DKIM signatures against unmodified dkimpy: `uv run python tests/bench/signing.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dkim
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from core.rules.dkim import SigningKey, sign
from core.security.encryption import Algorithm, new_key_pair

DOMAIN = "support-bot.acme.example"
MESSAGE = (
    b"From: Help <help@support-bot.acme.example>\r\nTo: jane@example.com\r\nSubject: Your refund\r\n"
    b"Date: Sat, 21 Nov 2026 03:20:00 +0000\r\nMessage-ID: <1.abcdef@support-bot.acme.example>\r\n"
    b"X-Agent-ID: refunds\r\nX-Agent-Run-ID: run-7\r\nX-Postroom-Message-ID: m0123456789abc\r\n"
    b"Auto-Submitted: auto-generated\r\nFeedback-ID: m0:refunds:support-bot:postroom\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
) + b"A line of a message about a refund, as long as such lines are.\r\n" * 56


def measure(name: str, work: Callable[[], object], *, rounds: int) -> None:
    work()
    best = min(_round(work, rounds) for _ in range(5))
    print(f"{name:58} {best:8.0f} us")


def _round(work: Callable[[], object], rounds: int) -> float:
    started = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - started) / rounds * 1e6


def key(algorithm: Algorithm, private: bytes) -> SigningKey:
    return SigningKey.load(DOMAIN, selector=f"s-{algorithm}", algorithm=algorithm, private=private)


def main() -> None:
    pair = new_key_pair("rsa")
    rsa = key("rsa", pair.private)
    ed25519 = key("ed25519", new_key_pair("ed25519").private)
    pem = load_der_private_key(pair.private, password=None).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    digest = bytes(32)
    print(f"{len(MESSAGE)} bytes, best of 5, CPU time a message")
    measure("RSA-2048 alone (cryptography)", lambda: rsa.sign(digest), rounds=200)
    measure("Ed25519 alone (cryptography)", lambda: ed25519.sign(digest), rounds=1_000)
    measure("everything but the cryptography, two signatures", _without(rsa, ed25519), rounds=500)
    measure("ours, RSA-2048", lambda: sign(MESSAGE, keys=[rsa], at=0), rounds=200)
    measure("ours, Ed25519", lambda: sign(MESSAGE, keys=[ed25519], at=0), rounds=500)
    measure("ours, RSA-2048 and Ed25519", lambda: sign(MESSAGE, keys=[rsa, ed25519], at=0), rounds=200)
    measure("dkimpy as it comes, RSA-2048", lambda: dkim.sign(MESSAGE, b"s", DOMAIN.encode(), pem), rounds=20)
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(lambda _: sign(MESSAGE, keys=[rsa, ed25519], at=0), range(400)))
        each = (time.perf_counter() - started) / 400 * 1e6
    print(f"{f'ours, both, in {threads} threads (wall time)':58} {each:8.0f} us")


def _without(*keys: SigningKey) -> Callable[[], object]:
    class Idle(SigningKey):
        def sign(self, digest: bytes) -> bytes:
            return bytes(256)

    idle = [Idle(each.domain, each.selector, each.algorithm, each.key) for each in keys]
    return lambda: sign(MESSAGE, keys=idle, at=0)


if __name__ == "__main__":
    main()
