"""An agent asks for its own mailbox in the demonstration, and people sign it one after the other.

Olive issues an enrolment token. The agent files its request over HTTP and waits; the console shows who must still sign.
Olive, gail and dora sign, as at their own consoles; the agent claims its first token and sends a message, which is
held.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

import httpx

from core.db.store import Store
from core.demo.seed import SeededDesk, sign_off
from core.model import Clock
from core.rules.issuance import Kind
from core.security import credentials

AGENT: Final = "concierge-bot"
ADDRESS: Final = "concierge@digest-bot.acme.example"
RECORD: Final[dict[str, Any]] = {
    "purpose": "Books rooms and tables for visitors, and tells them where and when.",
    "systems": ["room calendar (write)", "visitor list (read)"],
    "revoke_when": "the reception takes over again",
    "users": "visitors of the week",
    "allow": ["globex.example"],
}
MESSAGE: Final[dict[str, Any]] = {
    "to": "jane.doe@globex.example",
    "subject": "Your visit on Thursday",
    "text": "Dear Jane,\n\nthe room Elm is yours from ten to twelve. Coffee is at the entrance.\n\nThe concierge\n",
}
SIGNERS: Final = ((Kind.OWNER, "olive"), (Kind.GOVERNANCE, "gail"), (Kind.DELIVERABILITY, "dora"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """One agent without a mailbox. `pace`: seconds between two steps, so that they can be watched."""

    desk: SeededDesk
    client: httpx.AsyncClient
    clock: Clock
    pace: float
    address: str = ADDRESS

    async def run(self) -> None:
        """Ask, wait for the signatures, claim, send."""
        enrolment = await self._post("/tokens/enrol", self.desk.operators["olive"], {"agent": AGENT})
        await self.clock.sleep(self.pace)
        secret = secrets.token_urlsafe(32)
        record = RECORD | {"address": self.address, "claim_sha256": credentials.digest(secret).hex()}
        filed = await self._post("/enrolment/requests", enrolment["token"], record)
        for kind, name in SIGNERS:
            await self.clock.sleep(self.pace)
            await asyncio.to_thread(self._sign, kind, name)
        await self.clock.sleep(self.pace)
        claim = f"/enrolment/requests/{filed['id']}/claim"
        claimed = await self._post(claim, enrolment["token"], {"claim_secret": secret})
        await self._post("/emails/send", claimed["token"], MESSAGE | {"from": self.address})

    async def _post(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _sign(self, kind: Kind, name: str) -> None:
        """Sign in a transaction of its own, as a console does."""
        database = f"sqlite:///{self.desk.directory / 'postroom.db'}"
        with contextlib.closing(Store(database, clock=self.clock)) as store:
            actor = self.desk.person(name)
            store.transact(lambda tx: sign_off(tx, address=self.address, kind=kind, actor=actor))
