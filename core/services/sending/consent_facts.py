"""Consent records of a message's recipients and the verdicts that follow from them, for the gate and its replay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, select

from core.db import gate_queries
from core.db.gate_queries import SenderState
from core.db.tables import CONSENT
from core.db.transaction import Transaction
from core.model import ContentClass, Verdict
from core.rules import consent
from core.rules.policy import Policy

Records = Mapping[str, list[tuple[int | None, consent.Record]]]
"""Subject -> (the stream the record is for, or None for all; the record)."""


COLD: Final = ContentClass.COLD_OUTREACH
_PREFETCHED: Final = "consent"


class Consents:
    """Relationship to recipients: their consent records, and which of them the agent has written to.

    Each is read once for all recipients, on first use.
    """

    def __init__(self, tx: Transaction, people: Iterable[str]) -> None:
        self._tx = tx
        self._people = set(people)
        self._read: Records | None = None
        self._contacted: dict[int, set[str]] = {}

    def verdicts(
        self, address: str, classes: tuple[ContentClass, ...], *, mailbox: SenderState, policy: Policy, commercial: bool
    ) -> tuple[tuple[ContentClass, Verdict], ...]:
        """Return the consent verdict for each of these classes that needs consent under the policy.

        `commercial`: the message is commercial by its words. If its class does not say so, the verdict for cold
        outreach depends on our relationship with the recipient.
        """
        if self._read is None:
            self._read = self._load()
        wanted = [one for one in classes if one in policy.consent.require]
        found = verdicts(self._read, address, wanted, stream_id=mailbox.stream_id, policy=policy, now=self._tx.now)
        if not commercial or COLD in classes:
            return found
        objection = consent.unsolicited(
            recipient=consent.Recipient(address=address, region=consent.region_of(address)),
            contacted=relates(classes) and address in self._written_to(mailbox.agent_id),
            records=mine(self._read, address, stream_id=mailbox.stream_id), terms=terms(policy), now=self._tx.now,
        )  # fmt: skip
        return (*found, (COLD, objection))

    def _load(self) -> Records:
        wanted = subjects(self._people)
        known = self._tx.batch_cache.rows(_PREFETCHED, wanted)
        return records(self._tx.fetch(_RECORDS, {"b_subjects": wanted}) if known is None else known)

    def _written_to(self, agent_id: int) -> set[str]:
        if agent_id not in self._contacted:
            self._contacted[agent_id] = gate_queries.contacts(self._tx, self._people, agent_id=agent_id)[0]
        return self._contacted[agent_id]


def asked_for(classes: Iterable[ContentClass], *, commercial: bool, policy: Policy) -> bool:
    """Whether the gate asks for consent at all."""
    required = policy.consent.require
    return any(one in required for one in classes) or (commercial and COLD in required)


def relates(classes: Iterable[ContentClass]) -> bool:
    """Whether mail of these classes may be commercial to someone only because we have written to them before.

    Not a newsletter: someone who got a receipt has not subscribed.
    """
    return ContentClass.NOTIFICATION not in classes


def prefetch(tx: Transaction, people: Iterable[str]) -> None:
    """Prefetch for a whole batch what `Consents` reads message by message."""
    wanted = subjects(people)
    tx.batch_cache.keep_rows(_PREFETCHED, wanted, tx.fetch_unflushed(_RECORDS, {"b_subjects": wanted}))


def subjects(people: Iterable[str]) -> list[str]:
    """Subjects whose records may apply to these addresses: the addresses and their domains."""
    listed = set(people)
    domains = {address.rpartition("@")[2] for address in listed}
    return [*listed, *domains, *(f"@{domain}" for domain in domains)]


def of(people: Iterable[str]) -> Select[Any]:
    """Select the consent records of these people."""
    return select(CONSENT).where(CONSENT.c.subject.in_(subjects(people)))


def records(rows: Iterable[Row[Any]]) -> Records:
    """Group consent records by subject."""
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
    """The consent verdict for each of these classes, for one recipient."""
    recipient = consent.Recipient(address=address, region=consent.region_of(address))
    applicable, in_force = mine(known, address, stream_id=stream_id), terms(policy)
    return tuple(
        (one, consent.decide(one, recipient=recipient, records=applicable, terms=in_force, now=now)) for one in classes
    )


def mine(known: Records, address: str, *, stream_id: int) -> list[consent.Record]:
    """The records that may apply to this address on this stream."""
    return [
        record
        for subject in subjects([address])
        for stream, record in known.get(subject, ())
        if stream in (None, stream_id)
    ]


def terms(policy: Policy) -> consent.Terms:
    """The policy's terms of consent."""
    return consent.Terms(
        require=frozenset(policy.consent.require),
        prior_consent_regions=frozenset(policy.consent.prior_consent_regions),
        unknown_region=policy.consent.unknown_region,
        missing=policy.consent.missing,
    )


_RECORDS: Final = select(CONSENT, CONSENT.c.subject.label("address")).where(
    CONSENT.c.subject.in_(bindparam("b_subjects", expanding=True))
)
