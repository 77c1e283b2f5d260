"""Whether a recipient's consent allows this class of mail (CAN-SPAM, CASL, GDPR Art. 6 and 21, PECR).

A class that policy names needs a record wherever the recipient lives; regions differ in what counts as one. Where the
law requires prior consent, or the applicable law is unknown, only an opt-in counts; elsewhere any documented basis
does. A message that is commercial by its wording alone needs less: it may go to anyone who has a relation to us, and to
regions where the law requires no prior consent. Nothing else allows it, so a missing fact always ends in a review or a
refusal. A recipient who has withdrawn gets no mail at all: no reviewer can consent for somebody else.

Reasons name no address: they are stored in the log, which cannot be erased.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.errors import Invalid
from core.model import Block, ContentClass, Execute, Hold, Reason, Verdict


class Basis(enum.StrEnum):
    """Legal basis for writing to a recipient, strongest first."""

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

# Members of the EU and the EEA, which follow the same two laws; ISO 3166-1. Policy writes "EU".
_EU: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO".split()  # noqa: SIM905 - one line of codes
)
_SYNONYMS: Final = {"GB": "UK"} | dict.fromkeys(_EU, "EU")

# Country-code domains registered worldwide: they say nothing about where a reader lives.
_WORLDWIDE: Final = frozenset(
    "AC AD AG AI AM AS BZ CC CD CO CX DJ FM GG GL IM IO JE LA LC LY ME MN MS NU PM PW SC SH SO SR ST SU SX TF TK TO TV VC VG WF WS YT".split()  # noqa: E501, SIM905 - one line of codes
)
# Internationalised country-code domains (IANA root zone), and territories under the law of their state.
_DOMAINS: Final[Mapping[str, str]] = {
    "XN--E1A4C": "EU", "XN--QXA6A": "EU", "XN--QXAM": "GR", "XN--90AE": "BG", "XN--P1AI": "RU", "XN--J1AMH": "UA",
    "XN--FIQS8S": "CN", "XN--FIQZ9S": "CN", "XN--3E0B707E": "KR", "XN--H2BRJ9C": "IN", "AX": "FI", "RE": "FR",
    "GP": "FR", "MQ": "FR", "GF": "FR", "GOV": "US", "MIL": "US",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One consent record. Times in microseconds.

    `subject` is a normalised address or a domain, `scope` is `*` or comma-separated content classes.
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
    """A message's recipient. `address` is normalised; `internal`: in the organisation; `opted_in`: asked for it."""

    address: str
    region: str | None = None
    internal: bool = False
    opted_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The policy's terms. `missing` is `hold` or `block`, `unknown_region` `require` or `allow`."""

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

    `records` are those of the address and its domain, for the stream and desk-wide; others are ignored. Records of an
    address override its domain's. A withdrawal ends every record given before it or at the same time.
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
    # Anything but `hold` blocks: a typing error in policy must not loosen it.
    return Hold((Reason("consent", why),)) if terms.missing == "hold" else Block("consent_required", why)


def withdrawn(content_class: ContentClass, *, address: str, records: Iterable[Record], now: int) -> bool:
    """Whether the recipient has withdrawn consent to this class and has not given it since."""
    return _given(records, address=address, content_class=content_class, now=now)[1]


def asks_first(region: str | None, *, terms: Terms = DEFAULT_TERMS) -> bool:
    """Whether mail to this region needs prior consent. Members of the EU and EEA count as `EU`, `GB` as `UK`.

    An unknown region needs it, unless policy says otherwise.
    """
    if region is None or not region.strip():
        return terms.unknown_region != "allow"
    code = region.strip().upper()
    named = {name.strip().upper() for name in terms.prior_consent_regions}
    return code in named or _SYNONYMS.get(code, code) in named


def region_of(address: str) -> str | None:
    """The country of an address's top-level domain, ISO 3166-1; None where the domain does not tell."""
    last = address.rpartition("@")[2].rpartition(".")[2].upper()
    region = _DOMAINS.get(last)
    if region is not None:
        return region
    return last if len(last) == 2 and last.isalpha() and last not in _WORLDWIDE else None


def stranger(*, address: str, contacted: bool, records: Iterable[Record], now: int) -> bool:
    """Whether the recipient has no relation to us: no mail of ours has reached them, and no record covers them.

    A recipient who has withdrawn consent is a stranger again.
    """
    listed = list(records)
    if withdrawn(ContentClass.COLD_OUTREACH, address=address, records=listed, now=now):
        return True
    return not contacted and not any(in_force(record, now=now) for record in listed)


def unsolicited(
    *, recipient: Recipient, contacted: bool, records: Iterable[Record], terms: Terms = DEFAULT_TERMS, now: int
) -> Verdict:
    """The verdict on a message that is commercial by its wording and whose class needs no consent.

    To a stranger it needs prior consent if cold outreach does and the law requires it. `records` are those of the
    address and its domain.
    """
    listed = list(records)
    if ContentClass.COLD_OUTREACH not in terms.require:
        return Execute()
    if withdrawn(ContentClass.COLD_OUTREACH, address=recipient.address, records=listed, now=now):
        return Block("consent_required", "the recipient has withdrawn consent, and the message is commercial")
    if not stranger(address=recipient.address, contacted=contacted, records=listed, now=now):
        return Execute()
    if not asks_first(recipient.region, terms=terms):
        return Execute()
    where = f"in {recipient.region}" if recipient.region else "whose region is unknown"
    why = f"the message is commercial and goes to a stranger {where}, which needs consent"
    return Hold((Reason("consent", why),)) if terms.missing == "hold" else Block("consent_required", why)


def read_basis(text: str) -> Basis:
    """Parse a basis as people and spreadsheets write it. Raises `Invalid`: an unknown basis documents nothing."""
    found = _SPELLINGS.get(text.strip().lower().replace("-", "_").replace(" ", "_"))
    if found is None:
        raise Invalid(f"{text!r} is not a basis for consent", fix=f"say one of {', '.join(Basis)}")
    return found


def _applicable(records: Iterable[Record], *, address: str, content_class: ContentClass, now: int) -> list[Record]:
    """The records that apply to the recipient by now: the address's own, or, if there are none, its domain's."""
    address = address.lower()
    domain = address.rpartition("@")[2]
    of_address: list[Record] = []
    shared: list[Record] = []
    for record in records:
        if record.given_at > now or not {"*", content_class.value} & {part.strip() for part in record.scope.split(",")}:
            continue
        subject = record.subject.strip().lower().removeprefix("@")
        if subject == address:
            of_address.append(record)
        elif subject == domain:
            shared.append(record)
    return of_address or shared


def _given(
    records: Iterable[Record], *, address: str, content_class: ContentClass, now: int
) -> tuple[list[Record], bool]:
    """The records that no withdrawal has ended, and whether a withdrawal has ended all of them."""
    applicable = _applicable(records, address=address, content_class=content_class, now=now)
    ended = max((record.withdrawn_at or 0 for record in applicable if _withdrawn(record, now=now)), default=-1)
    given = [record for record in applicable if record.given_at > ended and not _withdrawn(record, now=now)]
    return given, ended >= 0 and not given


def in_force(record: Record, *, now: int) -> bool:
    """Whether the record has begun, has not ended and was not withdrawn."""
    ended = record.expires_at is not None and record.expires_at <= now
    return record.given_at <= now and not ended and not _withdrawn(record, now=now)


def _withdrawn(record: Record, *, now: int) -> bool:
    return record.withdrawn_at is not None and record.withdrawn_at <= now


def _lacks(
    given: Iterable[Record], *, content_class: ContentClass, region: str | None, terms: Terms, now: int
) -> str | None:
    """Why none of the records is sufficient, or None if one is."""
    why = f"{content_class} needs consent and there is no record of it"
    for record in given:
        if record.expires_at is not None and record.expires_at <= now:
            why = f"{content_class} needs consent and the recipient's record has run out"
            continue
        if record.basis is Basis.OPT_IN:
            return None
        # A region recorded about the person overrides what their address suggests.
        place = record.region if record.region and record.region.strip() else region
        if not asks_first(place, terms=terms):
            return None
        where = f"in {place}" if place and place.strip() else "where the region is unknown"
        why = f"{content_class} {where} needs an opt-in, and the record's basis is {record.basis}"
    return why
