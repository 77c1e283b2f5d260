"""What the ledger of consent has on the people of a message, and what it comes to: for the gate, and for its replay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Row, select

from core.db.gate_queries import SenderState
from core.db.tables import Consent, table
from core.db.transaction import Transaction
from core.model import ContentClass, Verdict
from core.rules import consent
from core.rules.policy import Policy

CONSENT: Final = table(Consent)

Records = Mapping[str, list[tuple[int | None, consent.Record]]]
"""Subject -> (the stream it is for, or None for all; what was given)."""


class Consents:
    """What the ledger of consent has on these people, read at once; nothing is read before somebody asks."""

    def __init__(self, tx: Transaction, people: Iterable[str]) -> None:
        self._tx = tx
        self._people = set(people)
        self._read: Records | None = None

    def verdicts(
        self, address: str, classes: Iterable[ContentClass], *, box: SenderState, policy: Policy
    ) -> tuple[tuple[ContentClass, Verdict], ...]:
        """What the recipient's consent says to each of these classes, which policy asks consent for."""
        if self._read is None:
            self._read = self._load()
        return verdicts(self._read, address, classes, stream_id=box.stream_id, policy=policy, now=self._tx.now)

    def _load(self) -> Records:
        return records(self._tx.all(select(CONSENT).where(CONSENT.c.subject.in_(subjects(self._people)))))


def subjects(people: Iterable[str]) -> list[str]:
    """Under which names records may speak for these addresses: their own and their domains'."""
    listed = set(people)
    domains = {address.rpartition("@")[2] for address in listed}
    return [*listed, *domains, *(f"@{domain}" for domain in domains)]


def records(rows: Iterable[Row[Any]]) -> Records:
    """Rows of the ledger, by their subject."""
    found: dict[str, list[tuple[int | None, consent.Record]]] = {}
    for row in rows:
        record = consent.Record(
            subject=row.subject, basis=consent.Basis(row.basis), given_at=row.given_at, scope=row.scope,
            region=row.region, expires_at=row.expires_at, withdrawn_at=row.withdrawn_at,
        )  # fmt: skip
        found.setdefault(row.subject, []).append((row.stream_id, record))
    return found


def verdicts(
    known: Records, address: str, classes: Iterable[ContentClass], *, stream_id: int, policy: Policy, now: int
) -> tuple[tuple[ContentClass, Verdict], ...]:
    """What each of these classes comes to for one recipient."""
    terms = consent.Terms(
        require=frozenset(policy.consent.require),
        prior_consent_regions=frozenset(policy.consent.prior_consent_regions),
        unknown_region=policy.consent.unknown_region,
        missing=policy.consent.missing,
    )
    mine = [
        record
        for subject in subjects([address])
        for stream, record in known.get(subject, ())
        if stream in (None, stream_id)
    ]
    recipient = consent.Recipient(address=address)
    return tuple((one, consent.decide(one, recipient=recipient, records=mine, terms=terms, now=now)) for one in classes)
