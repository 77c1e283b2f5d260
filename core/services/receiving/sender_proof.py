"""Verify the senders of received mail: fetch keys and policies from DNS, then apply `rules/inbound/signatures`.

Only where the mail server in front wrote no verdict. Look-ups do not delay other mail and take a few seconds at most: a
name without an answer is `temperror`, and proves nothing.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import dns.exception
import dns.name
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from core.domains import organisational_domain
from core.rules.inbound import signatures
from core.rules.inbound.signatures import Policy, Signature
from core.settings import Inbound
from core.smtp.mx import LookUp, system_resolver

PATIENCE: Final = 5.0
"""Seconds for all look-ups of a message; the mail server in front waits."""
Verify = Callable[[bytes, Sequence[Signature], Mapping[str, str | None]], Awaitable[list[str]]]


def available() -> bool:
    """Whether the library that verifies is installed: the extra `postroom[inbound]`."""
    return importlib.util.find_spec("dkim") is not None


def configured(settings: Inbound) -> SenderProof | None:
    """The verifier of this installation, or None."""
    return SenderProof() if settings.verify and available() else None


class SenderProof:
    """One per gateway. `look_up` is the resolver; None takes the machine's."""

    def __init__(self, look_up: LookUp | None = None) -> None:
        self._look_up = look_up

    async def evidence(self, raw: bytes, found: Sequence[Signature], *, author: str, verify: Verify) -> dict[str, Any]:
        """The evidence about a message. `verify` runs `signatures.verify` off the event loop."""
        names = list(dict.fromkeys(one.key_name for one in found if one.refused is None))
        policies = list(dict.fromkeys(f"_dmarc.{one}" for one in (author, organisational_domain(author)) if one))
        answers = await asyncio.gather(*(self._texts(name) for name in [*names, *policies]))
        texts = dict(zip([*names, *policies], answers, strict=True))
        keys = {name: None if (given := texts[name]) is None else next(iter(given), "") for name in names}
        statuses = await verify(raw, found, keys)
        policy, answered = _policy([texts[name] for name in policies])
        return signatures.evidence(found, statuses, author=author, policy=policy, answered=answered)

    async def _texts(self, name: str) -> list[str] | None:
        """The TXT records of a name; None if DNS did not answer."""
        try:
            if self._look_up is None:
                self._look_up = system_resolver(patience=PATIENCE)
            async with asyncio.timeout(PATIENCE):
                found = await self._look_up(name, "TXT")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.LabelTooLong, dns.name.NameTooLong,
                dns.name.EmptyLabel, UnicodeError):  # fmt: skip
            return []
        except (dns.exception.DNSException, OSError, TimeoutError):
            return None
        return [b"".join(one.strings).decode("utf-8", "replace") for one in found if isinstance(one, TXT)]


def _policy(answers: Sequence[list[str] | None]) -> tuple[Policy | None, bool]:
    """The author's policy, else its organisation's; and whether DNS answered."""
    for texts in answers:
        if texts is None:
            return None, False
        policy = signatures.read_policy(texts)
        if policy is not None:
            return policy, True
    return None, True
