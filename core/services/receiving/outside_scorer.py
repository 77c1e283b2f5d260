"""Ask a scorer of the operator's own about received mail (`inbound.scorer`): a model or a filter, by HTTP.

It can only add: its score joins the desk's findings as one more (noisy-or), so mail that the desk holds stays held
whatever the scorer says. The mail server in front waits meanwhile, so all of it is bounded: what is sent, how long it
takes, how many are asked at once; and a scorer that fails several times in a row is left alone for a while.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx
import orjson
import structlog

from core.rules.inbound.message import storable
from core.rules.inbound.screening import Finding, joined
from core.security.tls_roots import public_roots
from core.services.receiving.read_mail import ReceivedMail
from core.settings import Inbound

MAX_TEXT: Final = 64 * 1_024
"""Characters of the text that are sent."""
MAX_ANSWER: Final = 64 * 1_024
MAX_REASON: Final = 200
AT_ONCE: Final = 8
FAILURES: Final = 3
"""In a row; then the scorer is left alone."""
PAUSE: Final = 30.0
"""Seconds for which it is left alone."""

log = structlog.get_logger("receiving")


@dataclass(frozen=True, slots=True)
class Opinion:
    """The scorer's answer: a score from 0 to 1, and why; or `trouble`, a sentence of ours, where there is none."""

    score: float = 0.0
    reason: str = ""
    trouble: str | None = None


class OutsideScorer:
    """The scorer of one gateway. Never raises for anything that it does."""

    def __init__(self, url: str, *, seconds: float, holds: bool) -> None:
        """`holds`: mail that it did not score is held for a person; otherwise it is marked."""
        self._url = url
        self._seconds = seconds
        self._holds = holds
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._failures = 0
        self._resting_until = 0.0

    async def scored(self, mail: ReceivedMail) -> ReceivedMail:
        """The message with the scorer's finding. Mail that could not be read is held anyway, so it is not asked."""
        if mail.score is None:
            return mail
        said = await self.ask(question(mail))
        if said.trouble is not None:
            log.warning(said.trouble, url=self._url)
        if said.trouble is None:
            finding = Finding(
                "outside_score", f"the outside scorer gave it {said.score:.2f} of 1", said.score, "message"
            )
            finding = dataclasses.replace(finding, quote=said.reason)
            score = joined(mail.score, said.score)
        else:
            finding = Finding("not_scored", said.trouble, 1.0 if self._holds else 0.0, "message")
            score = 1.0 if self._holds else mail.score
        findings = sorted((*mail.findings, asdict(finding)), key=lambda one: -float(one["weight"]))
        return dataclasses.replace(mail, score=score, findings=tuple(findings))

    async def ask(self, question: Mapping[str, Any]) -> Opinion:
        """The scorer's opinion, within the seconds that it has."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._resting_until:
            return Opinion(trouble=f"the outside scorer was not asked: it failed {FAILURES} times in a row")
        try:
            async with asyncio.timeout(self._seconds), self._at_once:
                said = _read(await self._post(orjson.dumps(question)))
        except TimeoutError:
            said = Opinion(trouble=f"the outside scorer did not answer within {self._seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            said = Opinion(trouble=f"the outside scorer could not be asked ({type(error).__name__})")
        if said.trouble is None:
            self._failures = 0
            return said
        self._failures += 1
        if self._failures >= FAILURES:
            self._failures, self._resting_until = 0, loop.time() + PAUSE
        return said

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        # A proxy of the environment would be sent the mail; a redirect would send it elsewhere.
        async with (
            httpx.AsyncClient(
                verify=public_roots(), trust_env=False, follow_redirects=False, timeout=self._seconds
            ) as http,
            http.stream("POST", self._url, content=body, headers={"Content-Type": "application/json"}) as answer,
        ):
            found = bytearray()
            async for chunk in answer.aiter_raw():
                found += chunk
                if len(found) > MAX_ANSWER:
                    break
            return answer.status_code, bytes(found)


def configured(settings: Inbound) -> OutsideScorer | None:
    """The scorer of this desk, or None."""
    if settings.scorer is None:
        return None
    return OutsideScorer(
        settings.scorer, seconds=settings.scorer_seconds, holds=settings.scorer_failure == "hold"
    )  # fmt: skip


def question(mail: ReceivedMail) -> dict[str, Any]:
    """What the scorer is sent of a message."""
    return {
        "subject": mail.subject,
        "from": [{"address": one.given, "name": one.name} for one in mail.addresses if one.role == "from"],
        "text": mail.text[:MAX_TEXT],
        "hidden": list(mail.hidden),
        "attachments": [{"name": one["name"], "type": one["sniffed"], "size": one["size"]} for one in mail.attachments],
        "dmarc": str(mail.authentication.get("dmarc", {}).get("status", "none")),
        "score": mail.score,
        "findings": [str(one["code"]) for one in mail.findings],
    }


def _read(answer: tuple[int, bytes]) -> Opinion:
    status, body = answer
    if status != 200:
        return Opinion(trouble=f"the outside scorer answered {status}")
    try:
        found = orjson.loads(body) if len(body) <= MAX_ANSWER else None
    except orjson.JSONDecodeError:
        found = None
    score = found.get("score") if isinstance(found, dict) else None
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        return Opinion(trouble='the outside scorer did not answer {"score": 0 to 1}')
    reason = found.get("reason") if isinstance(found, dict) else None
    return Opinion(float(score), storable(reason)[:MAX_REASON] if isinstance(reason, str) else "")
