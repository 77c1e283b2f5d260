"""Whether a recipient's consent lets this class of mail go to them (CAN-SPAM, CASL, GDPR Art. 6 and 21, PECR).

A class that policy names needs a record, wherever the recipient lives: what differs between regions is what counts as
one. Where the law asks for consent in advance, and where nobody knows which law it is, only an opt-in does; elsewhere
any documented basis. A message that only its words make commercial is asked for less: it may go to whoever has a
relation to us, and where the law asks for no consent in advance. Nothing else opens the door, so a missing fact always
ends at a human or at a refusal. Who has withdrawn is not written to at all: no reviewer can consent on somebody's
behalf.

Reasons name no address: they end up in the log, which cannot be erased.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.errors import Invalid
from core.model import Block, ContentClass, Execute, Hold, Reason, Verdict


class Basis(enum.StrEnum):
    """Why somebody may be written to, strongest first."""

    OPT_IN = "opt_in"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


_SPELLINGS: Final[Mapping[str, Basis]] = {
    "opt_in": Basis.OPT_IN,
    "double_opt_in": Basis.OPT_IN,
    "consent": Basis.OPT_IN,
    "express": Basis.OPT_IN,
    "express_consent": Basis.OPT_IN,
    "explicit": Basis.OPT_IN,
    "explicit_consent": Basis.OPT_IN,
    "subscription": Basis.OPT_IN,
    "contract": Basis.CONTRACT,
    "customer": Basis.CONTRACT,
    "existing_customer": Basis.CONTRACT,
    "soft_opt_in": Basis.CONTRACT,
    "implied": Basis.CONTRACT,
    "implied_consent": Basis.CONTRACT,
    "legitimate_interest": Basis.LEGITIMATE_INTEREST,
    "legitimate_interests": Basis.LEGITIMATE_INTEREST,
}

# The EU's members and the EEA's, which follow the same two laws; ISO 3166-1. Policy writes "EU".
_EU: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO".split()  # noqa: SIM905 - one line of codes
)
_SYNONYMS: Final = {"GB": "UK"} | dict.fromkeys(_EU, "EU")

# Country codes whose domains the whole world registers: they say nothing about where a reader lives.
_WORLDWIDE: Final = frozenset(
    "AC AD AG AI AM AS BZ CC CD CO CX DJ FM GG GL IM IO JE LA LC LY ME MN MS NU PM PW SC SH SO SR ST SU SX TF TK TO TV VC VG WF WS YT".split()  # noqa: E501, SIM905 - one line of codes
)
# Domains that are written in another script (IANA root zone), and territories where the law of their state holds.
_DOMAINS: Final[Mapping[str, str]] = {
    "XN--E1A4C": "EU", "XN--QXA6A": "EU", "XN--QXAM": "GR", "XN--90AE": "BG", "XN--P1AI": "RU", "XN--J1AMH": "UA",
    "XN--FIQS8S": "CN", "XN--FIQZ9S": "CN", "XN--3E0B707E": "KR", "XN--H2BRJ9C": "IN", "AX": "FI", "RE": "FR",
    "GP": "FR", "MQ": "FR", "GF": "FR", "GOV": "US", "MIL": "US",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry of the ledger of consent. Times in microseconds.

    `subject` is a normalised address or a domain, `scope` `*` or content classes with commas between.
    """

    subject: str
    basis: Basis
    given_at: int
    scope: str = "*"
    region: str | None = None
    expires_at: int | None = None
    withdrawn_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who is to be written to. `address` is normalised; `internal` and `opted_in`: of this house, and asked to be."""

    address: str
    region: str | None = None
    internal: bool = False
    opted_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What policy says. `missing` is `hold` or `block`, `unknown_region` `require` or `allow`."""

    require: frozenset[ContentClass] = frozenset({ContentClass.COLD_OUTREACH})
    prior_consent_regions: frozenset[str] = field(default=frozenset({"CA", "EU", "UK"}))
    unknown_region: str = "require"
    missing: str = "hold"


DEFAULT_TERMS: Final = Terms()


def decide(
    content_class: ContentClass,
    *,
    recipient: Recipient,
    records: Iterable[Record],
    terms: Terms = DEFAULT_TERMS,
    now: int,
) -> Verdict:
    """Execute, hold or block one recipient of one class.

    `records` are those of the address and its domain, for the stream and desk-wide; others are ignored. An address's
    records silence its domain's. A withdrawal ends every record given before it, or with it.
    """
    if content_class not in terms.require:
        return Execute()
    given, ended = _given(records, address=recipient.address, content_class=content_class, now=now)
    if ended:
        return Block("consent_required", f"the recipient has withdrawn consent, and {content_class} needs it")
    if recipient.internal and recipient.opted_in:
        return Execute()
    why = _lacks(given, content_class=content_class, region=recipient.region, terms=terms, now=now)
    if why is None:
        return Execute()
    # Anything but the word `hold` blocks: a typing error in policy must not loosen it.
    return Hold((Reason("consent", why),)) if terms.missing == "hold" else Block("consent_required", why)


def withdrawn(content_class: ContentClass, *, address: str, records: Iterable[Record], now: int) -> bool:
    """Whether the recipient has taken consent to this class back, and given none since."""
    return _given(records, address=address, content_class=content_class, now=now)[1]


def asks_first(region: str | None, *, terms: Terms = DEFAULT_TERMS) -> bool:
    """Whether mail to this region needs consent in advance. Members of the EU and EEA count as `EU`, `GB` as `UK`.

    An unknown region does, unless policy says otherwise.
    """
    if region is None or not region.strip():
        return terms.unknown_region != "allow"
    code = region.strip().upper()
    named = {name.strip().upper() for name in terms.prior_consent_regions}
    return code in named or _SYNONYMS.get(code, code) in named


def region_of(address: str) -> str | None:
    """The country that an address's domain is registered under, ISO 3166-1; None where that tells nothing."""
    last = address.rpartition("@")[2].rpartition(".")[2].upper()
    known = _DOMAINS.get(last)
    if known is not None:
        return known
    return last if len(last) == 2 and last.isalpha() and last not in _WORLDWIDE else None


def stranger(*, address: str, contacted: bool, records: Iterable[Record], now: int) -> bool:
    """Whether we have nothing to do with them: no mail of ours has reached them, and no record speaks for them.

    Who has taken consent back is one again.
    """
    known = list(records)
    if withdrawn(ContentClass.COLD_OUTREACH, address=address, records=known, now=now):
        return True
    return not contacted and not any(_living(record, now=now) for record in known)


def unsolicited(
    *, recipient: Recipient, contacted: bool, records: Iterable[Record], terms: Terms = DEFAULT_TERMS, now: int
) -> Verdict:
    """What becomes of a message that is commercial by its words and whose class needs no consent.

    To a stranger it needs consent in advance wherever cold outreach does and the law asks first. `records` are those of
    the address and its domain.
    """
    known = list(records)
    if ContentClass.COLD_OUTREACH not in terms.require:
        return Execute()
    if withdrawn(ContentClass.COLD_OUTREACH, address=recipient.address, records=known, now=now):
        return Block("consent_required", "the recipient has withdrawn consent, and the message is commercial")
    if not stranger(address=recipient.address, contacted=contacted, records=known, now=now):
        return Execute()
    if not asks_first(recipient.region, terms=terms):
        return Execute()
    where = f"in {recipient.region}" if recipient.region else "whose region is unknown"
    why = f"the message is commercial and goes to a stranger {where}, which needs consent"
    return Hold((Reason("consent", why),)) if terms.missing == "hold" else Block("consent_required", why)


def read_basis(text: str) -> Basis:
    """The basis as people and spreadsheets write it. Raises `Invalid`: a basis nobody knows documents nothing."""
    found = _SPELLINGS.get(text.strip().lower().replace("-", "_").replace(" ", "_"))
    if found is None:
        raise Invalid(f"{text!r} is not a basis for consent", fix=f"say one of {', '.join(Basis)}")
    return found


def _said(records: Iterable[Record], *, address: str, content_class: ContentClass, now: int) -> list[Record]:
    """The records that speak for the recipient by now: the address's own, or where there are none its domain's."""
    address = address.lower()
    domain = address.rpartition("@")[2]
    own: list[Record] = []
    shared: list[Record] = []
    for record in records:
        if record.given_at > now or not {"*", content_class.value} & {part.strip() for part in record.scope.split(",")}:
            continue
        subject = record.subject.strip().lower().removeprefix("@")
        if subject == address:
            own.append(record)
        elif subject == domain:
            shared.append(record)
    return own or shared


def _given(
    records: Iterable[Record], *, address: str, content_class: ContentClass, now: int
) -> tuple[list[Record], bool]:
    """The records that no withdrawal has ended, and whether one has ended all there were."""
    said = _said(records, address=address, content_class=content_class, now=now)
    ended = max((record.withdrawn_at or 0 for record in said if _withdrawn(record, now=now)), default=-1)
    given = [record for record in said if record.given_at > ended and not _withdrawn(record, now=now)]
    return given, ended >= 0 and not given


def _living(record: Record, *, now: int) -> bool:
    ended = record.expires_at is not None and record.expires_at <= now
    return record.given_at <= now and not ended and not _withdrawn(record, now=now)


def _withdrawn(record: Record, *, now: int) -> bool:
    return record.withdrawn_at is not None and record.withdrawn_at <= now


def _lacks(
    given: Iterable[Record], *, content_class: ContentClass, region: str | None, terms: Terms, now: int
) -> str | None:
    """Why none of the records will do, or None if one does."""
    why = f"{content_class} needs consent and there is no record of it"
    for record in given:
        if record.expires_at is not None and record.expires_at <= now:
            why = f"{content_class} needs consent and the recipient's record has run out"
            continue
        if record.basis is Basis.OPT_IN:
            return None
        # What somebody wrote down about the person goes before what their address suggests.
        place = record.region if record.region and record.region.strip() else region
        if not asks_first(place, terms=terms):
            return None
        where = f"in {place}" if place and place.strip() else "where the region is unknown"
        why = f"{content_class} {where} needs an opt-in, and the record's basis is {record.basis}"
    return why
