"""The DNS records a stream publishes: DKIM, SPF, DMARC and the MX of its return path.

A stream has two slots with a key of each algorithm: four selectors, each under a dated name of its own. One name holds
one key (RFC 6376 3.6.2.2), so two algorithms under one name would fail each other; and a name is never used again, so
that a resolver's old copy cannot spoil a new signature.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from core.errors import Invalid

Algorithm = Literal["rsa", "ed25519"]
Slot = Literal["a", "b"]
Alignment = Literal["none", "quarantine", "reject"]

RETURN_PATH: Final = "bounces"
"""The label under a stream where bounces come back: its own MX, so that people's replies and bounces never mix."""

_TXT: Final = 255


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A selector and its public key, the `p=` in base64 (empty: revoked, RFC 6376 3.6.1)."""

    selector: str
    algorithm: Algorithm
    public: str


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record to publish. `value` is the whole value; `strings` is how a zone file wants a long TXT."""

    type: Literal["TXT", "MX"]
    name: str
    value: str
    purpose: str

    @property
    def strings(self) -> tuple[str, ...]:
        """The value in pieces of 255 characters, the most one string of a TXT record holds (RFC 1035 3.3.14)."""
        return tuple(self.value[start : start + _TXT] for start in range(0, len(self.value), _TXT)) or ("",)


def selector(date: dt.date, *, slot: Slot, algorithm: Algorithm) -> str:
    """`pr20261121a-rsa`: unique per day and slot; a slot is not rotated twice on one day."""
    return f"pr{date:%Y%m%d}{slot}-{algorithm}"


def return_path(domain: str) -> str:
    """The domain of a stream's envelope senders."""
    return f"{RETURN_PATH}.{domain}"


def records(
    domain: str,
    *,
    keys: Sequence[PublishedKey],
    mail_host: str,
    spf_include: Sequence[str] = (),
    report_address: str | None = None,
    dmarc: Alignment = "reject",
) -> tuple[DnsRecord, ...]:
    """Everything to publish for `domain`, DKIM first.

    `mail_host` receives bounces and sends direct mail; `spf_include` names the relays' SPF domains; DMARC reports go to
    `report_address`. Raises `Invalid` if two keys share a selector.
    """
    if len({key.selector for key in keys}) < len(keys):
        raise Invalid("two keys share a selector name", fix="give every key a selector of its own")
    bounces = return_path(domain)
    spf = " ".join(["v=spf1", f"a:{mail_host}", *(f"include:{name}" for name in spf_include), "-all"])
    found = [
        *(_dkim(domain, key) for key in keys),
        DnsRecord("TXT", domain, spf, "SPF: who may send as this domain (RFC 7208)"),
        DnsRecord("TXT", bounces, spf, "SPF of the return path, which receivers check (RFC 7208 2.4)"),
        DnsRecord("MX", bounces, f"10 {mail_host}.", "bounces and reports come back here"),
        _dmarc(domain, report_address=report_address, policy=dmarc),
    ]
    if report_address is not None and (foreign := _foreign(domain, report_address)):
        name = f"{domain}._report._dmarc.{foreign}"
        found.append(DnsRecord("TXT", name, "v=DMARC1", f"{foreign} agrees to take these reports (RFC 7489 7.1)"))
    return tuple(found)


def _dkim(domain: str, key: PublishedKey) -> DnsRecord:
    match key.algorithm:
        case "rsa":
            tags, rfc = "v=DKIM1; k=rsa; h=sha256", "RFC 6376"
        case "ed25519":
            tags, rfc = "v=DKIM1; k=ed25519; h=sha256", "RFC 8463"
        case never:
            assert_never(never)
    purpose = f"DKIM, {key.algorithm} ({rfc})" if key.public else f"DKIM, {key.algorithm}, revoked (RFC 6376 3.6.1)"
    return DnsRecord("TXT", f"{key.selector}._domainkey.{domain}", f"{tags}; p={key.public}", purpose)


def _dmarc(domain: str, *, report_address: str | None, policy: Alignment) -> DnsRecord:
    # adkim=s: only the stream's own key speaks for it. aspf=r: the return path is a label below the stream.
    tags = [f"v=DMARC1; p={policy}; adkim=s; aspf=r"]
    if report_address is not None:
        tags.append(f"rua=mailto:{report_address}")
    return DnsRecord("TXT", f"_dmarc.{domain}", "; ".join(tags), "DMARC: what fails both is not ours (RFC 7489)")


def _foreign(domain: str, report_address: str) -> str | None:
    """The reports' domain, if it is neither above nor below the stream: it must then consent in its own zone."""
    target = report_address.rpartition("@")[2].lower()
    home = domain.lower()
    related = target == home or home.endswith("." + target) or target.endswith("." + home)
    return None if related else target
