"""The DNS records a stream publishes: DKIM, SPF, DMARC, and the MX of its return path and its addresses.

A stream has two slots with one key per algorithm each: four selectors, each under a dated name of its own. One name
holds one key (RFC 6376 3.6.2.2), so two algorithms under one name would break each other. A name is never reused, so
that a stale copy in a resolver cannot invalidate a new signature.
"""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from core.domains import organisational_domain
from core.durations import DAY, MICROS
from core.errors import Invalid

Algorithm = Literal["rsa", "ed25519"]
Slot = Literal["a", "b"]
Alignment = Literal["none", "quarantine", "reject"]
KeyState = Literal["signs", "waits", "retired", "revoked"]

RETURN_PATH: Final = "bounces"
"""The label under a stream for bounces: it has its own MX, so that people's replies and bounces never mix."""
WATCHED: Final = 14 * DAY
"""Time under one DMARC policy before the next stricter one: two weeks show weekly mail twice."""
REPORTS: Final = "dmarc-reports"
"""Default address for DMARC reports: below the return path, which has its own MX."""
COMPLAINTS: Final = "fbl"
"""The address for complaints (RFC 9477), in the same place."""

_TXT: Final = 255
_TERM: Final = re.compile(
    r"(?:include|exists):[a-z0-9._%{}-]+\.[a-z0-9-]+|(?:a|mx)(?::[a-z0-9._-]+)?(?:/\d{1,3}){0,2}|ip[46]:[0-9a-f:./]+",
    re.IGNORECASE,
)
_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A selector and its public key, the `p=` in base64 (empty: revoked, RFC 6376 3.6.1).

    `state` is its present use. A retired key is to be revoked from `revoke_at` on and may be removed from DNS from
    `remove_at` on, in microseconds.
    """

    selector: str
    algorithm: Algorithm
    public: str
    state: KeyState = "signs"
    revoke_at: int | None = None
    remove_at: int | None = None


class Found(enum.Enum):
    """The result of looking up one record."""

    THERE = "published"
    OTHER = "published with another value"
    MISSING = "not published"
    UNKNOWN = "DNS did not answer"


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record to publish. `value` is the whole value; `strings` is the zone-file form of a long TXT record.

    `state`, `revoke_at` and `remove_at` are those of a key. A record that is not `required` may be omitted or belong to
    someone else.
    """

    type: Literal["TXT", "MX"]
    name: str
    value: str
    purpose: str
    state: KeyState | None = None
    revoke_at: int | None = None
    remove_at: int | None = None
    required: bool = True

    @property
    def strings(self) -> tuple[str, ...]:
        """The value in pieces of 255 characters, the maximum of one string in a TXT record (RFC 1035 3.3.14)."""
        return tuple(self.value[start : start + _TXT] for start in range(0, len(self.value), _TXT)) or ("",)


@dataclass(frozen=True, slots=True)
class DmarcPlan:
    """How strict DMARC may be now, and what comes next: `at` is None before the first mail is sent."""

    policy: Alignment
    next: Alignment | None
    at: int | None


def dmarc_plan(first_mail: int | None, *, now: int) -> DmarcPlan:
    """The DMARC policy that the age of a stream's mail allows, if its reports show no failing mail of its own.

    A new stream starts with `none`: a mistake in DKIM or SPF then costs a report and not the mail. RFC 7489 6.3 and
    appendix B.2 start there too.
    """
    if first_mail is None:
        return DmarcPlan("none", "quarantine", None)
    if now < first_mail + WATCHED:
        return DmarcPlan("none", "quarantine", first_mail + WATCHED)
    if now < first_mail + 2 * WATCHED:
        return DmarcPlan("quarantine", "reject", first_mail + 2 * WATCHED)
    return DmarcPlan("reject", None, None)


def sender_terms(text: str) -> tuple[str, ...]:
    """Normalise SPF terms as a relay's operator writes them; a bare host name is an `include:`. Raises `Invalid`."""
    terms = []
    for part in text.split():
        term = f"include:{part}" if _HOST.fullmatch(part) else part
        if not _TERM.fullmatch(term):
            raise Invalid(
                f"{part!r} is not an SPF term that lets a relay send",
                fix="such as include:_spf.relay.example, ip4:192.0.2.7 or a:smtp.relay.example (RFC 7208 5)",
                problems=(("spf", "is not an SPF term"),),
            )
        terms.append(term)
    return tuple(terms)


def host_term(host: str) -> str:
    """The SPF term for one host: by its addresses or its name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"a:{host}"
    return f"ip{address.version}:{address}"


def selector(date: dt.date, *, slot: Slot, algorithm: Algorithm) -> str:
    """`pr20261121a-rsa`: unique per day and slot; a slot is not rotated twice on one day."""
    return f"pr{date:%Y%m%d}{slot}-{algorithm}"


def return_path(domain: str) -> str:
    """The domain of a stream's envelope senders."""
    return f"{RETURN_PATH}.{domain}"


def complaint_address(domain: str) -> str:
    """Where mail of a stream asks for complaints to be sent.

    A child of the domain in From, which signs the message, so one signature covers both (RFC 9477 3.1.2).
    """
    return f"{COMPLAINTS}@{return_path(domain)}"


def records(
    domain: str,
    *,
    keys: Sequence[PublishedKey],
    mail_host: str,
    senders: Sequence[str],
    report_address: str | None = None,
    dmarc: Alignment = "none",
    plan: DmarcPlan = DmarcPlan("none", "quarantine", None),
) -> tuple[DnsRecord, ...]:
    """All records to publish for `domain`, DKIM first.

    `mail_host` receives bounces and replies; `senders` are the SPF terms of the sending hosts; DMARC reports go to
    `report_address`. Raises `Invalid` if two keys share a selector.
    """
    if len({key.selector for key in keys}) < len(keys):
        raise Invalid("two keys share a selector name", fix="give every key a selector of its own")
    bounces = return_path(domain)
    reports = report_address or f"{REPORTS}@{bounces}"
    spf = " ".join(["v=spf1", *senders, "-all"])
    found = [
        *(_dkim(domain, key) for key in keys),
        DnsRecord("TXT", domain, spf, "SPF: who may send as this domain (RFC 7208)"),
        DnsRecord("TXT", bounces, spf, "SPF of the return path, which receivers check (RFC 7208 2.4)"),
        DnsRecord("MX", bounces, f"10 {mail_host}.", "bounces and reports come back here"),
        DnsRecord(
            "MX", domain, f"10 {mail_host}.", "replies to the agents come here, unless another host takes them",
            required=False,
        ),
        _dmarc(domain, reports=reports, policy=dmarc, plan=plan),
    ]  # fmt: skip
    if external := _foreign(domain, reports):
        name = f"{domain}._report._dmarc.{external}"
        found.append(DnsRecord("TXT", name, "v=DMARC1", f"{external} agrees to take these reports (RFC 7489 7.1)"))
    return tuple(found)


def _dkim(domain: str, key: PublishedKey) -> DnsRecord:
    match key.algorithm:
        case "rsa":
            tags, rfc = "v=DKIM1; k=rsa; h=sha256", "RFC 6376"
        case "ed25519":
            tags, rfc = "v=DKIM1; k=ed25519; h=sha256", "RFC 8463"
        case never:
            assert_never(never)
    return DnsRecord(
        "TXT", f"{key.selector}._domainkey.{domain}", f"{tags}; p={key.public}",
        f"DKIM, {key.algorithm} ({rfc}): {_use(key)}",
        state=key.state, revoke_at=key.revoke_at, remove_at=key.remove_at,
    )  # fmt: skip


def _use(key: PublishedKey) -> str:
    """The purpose of a key's record."""
    match key.state:
        case "signs":
            return "signs now"
        case "waits":
            return "waits; it signs after the next rotation, so publish it before"
        case "retired":
            return f"retired; mail on its way needs it until {_day(key.revoke_at)}, then publish it with an empty p="
        case "revoked":
            return f"revoked (RFC 6376 3.6.1); it may go from DNS from {_day(key.remove_at)} on"
        case never:
            assert_never(never)


def _dmarc(domain: str, *, reports: str, policy: Alignment, plan: DmarcPlan) -> DnsRecord:
    # adkim=s: only the stream's own key aligns. aspf=r: the return path is a label below the stream.
    value = f"v=DMARC1; p={policy}; adkim=s; aspf=r; rua=mailto:{reports}"
    return DnsRecord("TXT", f"_dmarc.{domain}", value, f"DMARC (RFC 7489): {tightening(policy, plan)}")


def tightening(policy: Alignment, plan: DmarcPlan) -> str:
    """When a domain that publishes `policy` should become stricter, as text."""
    if plan.policy == "reject" or (plan.policy == "quarantine" and policy == "none"):
        step: Alignment = "quarantine" if policy == "none" else "reject"
        if policy == "reject":
            return "what passes neither DKIM nor SPF is not ours"
        return f"p={step} is due now, if the reports show no mail of yours that fails"
    if policy != plan.policy or plan.next is None:
        return "stricter than the age of its mail has shown to be safe: read the reports"
    weeks = WATCHED // (7 * DAY)
    after = f"from {_day(plan.at)} on" if plan.at is not None else f"{weeks} weeks after its first mail"
    return f"p={policy} only reports; p={plan.next} {after}, if the reports show no mail of yours that fails"


def _day(micros: int | None) -> str:
    return "?" if micros is None else f"{dt.datetime.fromtimestamp(micros // MICROS, tz=dt.UTC):%Y-%m-%d}"


def _foreign(domain: str, report_address: str) -> str | None:
    """The domain of the reports if it belongs to another organisation, whose zone must then consent (RFC 7489 7.1)."""
    target = report_address.rpartition("@")[2].lower()
    return None if organisational_domain(target) == organisational_domain(domain) else target
