"""The verdicts on a message's sender, as the mail server in front wrote them (RFC 8601), kept as evidence.

Anybody can write `Authentication-Results`. Only those of the configured servers (authserv-id) count, only above the
second `Received` field, and that server must remove what arrives under its own name (RFC 8601 5; OpenDKIM, OpenDMARC
and rspamd do). Where two of them disagree, the worse result counts. Nothing here is the desk's own verdict.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.domains import organisational_domain
from core.rules.inbound import coverage

MAX_FIELDS: Final = 20
MAX_SIGNATURES: Final = 10
_COMMENT: Final = re.compile(r"\(([^()]{0,500})\)")
_RESULT: Final = re.compile(r"\s*([a-z0-9-]{1,40})(?:/\d+)?\s*=\s*([a-z]{1,20})\b(.*)", re.IGNORECASE | re.DOTALL)
_PROPERTY: Final = re.compile(
    r"([a-z]{1,20}\.[a-z0-9_-]{1,40})\s{0,5}=\s{0,5}(\"[^\"]{0,300}\"|[^\s;]{1,300})", re.IGNORECASE
)
_POLICY: Final = re.compile(r"\bp=(none|quarantine|reject)\b", re.IGNORECASE)
_WORDS: Final = frozenset({"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "policy"})
_DOMAIN: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?", re.IGNORECASE)


_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
MAX_HEADER: Final = 256 * 1024


@dataclass(slots=True)
class _Found:
    spf: list[dict[str, Any]] = field(default_factory=list)
    dkim: list[dict[str, Any]] = field(default_factory=list)
    dmarc: list[dict[str, Any]] = field(default_factory=list)


def evidence(fields: Sequence[tuple[str, str]], *, author: str, trusted: Collection[str]) -> dict[str, Any]:
    """SPF, DKIM and DMARC of a message. `fields` is its header; `author` the domain of its From, empty if unclear.

    `{"spf": {status, domain, aligned}, "dkim": [{status, domain, selector, aligned}], "dmarc": {status, domain, policy,
    aligned_by}}`; a status is `none` where no trusted server gave one.
    """
    found = _Found()
    names = {one.strip().lower() for one in trusted}
    for value in _values(fields):
        server, _, results = _uncommented(value).partition(";")
        if server.split()[:1] and server.split()[0].lower() in names:
            _read(results, value, found)
    spf = _worst(found.spf) or {"status": "none", "domain": None}
    spf["aligned"] = spf["status"] == "pass" and _aligned(spf["domain"], author)
    dkim = found.dkim[:MAX_SIGNATURES]
    for one in dkim:
        one["aligned"] = one["status"] == "pass" and _aligned(one["domain"], author)
    covered = _covered(fields, dkim, author=author)
    for one in dkim:
        if one["aligned"] and not covered:
            one.update(status="policy", aligned=False)  # RFC 8601 2.7.1
    dmarc = _worst(found.dmarc) or {"status": "none", "domain": None, "policy": None}
    if dmarc["status"] == "pass" and (not author or (dmarc["domain"] or author).lower() != author.lower()):
        dmarc["status"] = "none"  # it is about another domain than the From that a reader sees
    if dmarc["status"] == "pass" and not spf["aligned"] and not covered:
        dmarc["status"] = "none"  # it may be the author's mail, sent again by a stranger who added words
    ways = [("spf", spf["aligned"]), ("dkim", any(one["aligned"] for one in dkim))]
    dmarc["aligned_by"] = [name for name, holds in ways if holds]
    return {"spf": spf, "dkim": dkim, "dmarc": dmarc}


def _covered(fields: Sequence[tuple[str, str]], dkim: Sequence[dict[str, Any]], *, author: str) -> bool:
    """Whether the author's signatures, those that the server in front verified, cover what a reader is shown.

    Where the author's domain signed nothing, a DMARC pass is by SPF: the author's own servers delivered the message,
    so nobody else could add to it. A verified signature that is not found here covers nothing.
    """
    selectors = {one["selector"] for one in dkim if one["aligned"]}
    own = [
        found
        for name, value in fields
        if name == "dkim-signature" and _may_be_of(author, found := coverage.tags(value))
    ]
    if selectors and None not in selectors:
        own = [one for one in own if one.get("s", "").lower() in selectors]
    # All of them: a stranger may add one with the same names that covers everything, and fails.
    return all(coverage.covers(one, fields) for one in own) if own else not selectors


def _may_be_of(author: str, signature: Mapping[str, str]) -> bool:
    domain = _domain(signature.get("d"))
    return domain is None or _aligned(domain, author)


def unambiguous(raw: bytes) -> bool:
    """Whether every program finds the same lines in the header of a message.

    A lone CR ends a line for some and not for others. With one, a copy of a signed message could show its reader
    another From than the one that the server in front (or dkimpy) verified.
    """
    end = _HEADER_END.search(raw, 0, MAX_HEADER)
    if end is None:
        return False
    header = raw[: end.end()]
    pairs = header.count(b"\r\n")
    return header.count(b"\r") == pairs and pairs in {0, header.count(b"\n")}


def judged(fields: Sequence[tuple[str, str]], *, trusted: Collection[str]) -> bool:
    """Whether a trusted server wrote any verdict."""
    names = {one.strip().lower() for one in trusted}
    servers = (_uncommented(value).partition(";")[0].split()[:1] for value in _values(fields))
    return any(server and server[0].lower() in names for server in servers)


def _values(fields: Sequence[tuple[str, str]]) -> list[str]:
    """The Authentication-Results above the second Received field."""
    found: list[str] = []
    received = 0
    for name, value in fields:
        received += name == "received"
        if received > 1 or len(found) >= MAX_FIELDS:
            break
        if name == "authentication-results":
            found.append(value[:8_000].replace("\n", " "))
    return found


def _uncommented(text: str) -> str:
    """Text without comments, nested ones too."""
    for _ in range(5):
        shorter = _COMMENT.sub(" ", text)
        if shorter == text:
            break
        text = shorter
    return text


def _read(results: str, whole: str, found: _Found) -> None:
    for result in results.split(";")[:50]:
        hit = _RESULT.match(result)
        if hit is None:
            continue
        method, status, rest = hit[1].lower(), hit[2].lower(), hit[3]
        status = status if status in _WORDS else "none"
        properties = {name.lower(): value.strip('"') for name, value in _PROPERTY.findall(rest)}
        if method == "spf":
            found.spf.append(
                {"status": status, "domain": _domain(properties.get("smtp.mailfrom") or properties.get("smtp.helo"))}
            )
        elif method == "dkim":
            domain = _domain(properties.get("header.d") or properties.get("header.i"))
            found.dkim.append({"status": status, "domain": domain, "selector": _domain(properties.get("header.s"))})
        elif method == "dmarc":
            policy = _POLICY.search(f"p={properties['policy.dmarc']}" if "policy.dmarc" in properties else whole)
            found.dmarc.append(
                {
                    "status": status,
                    "domain": _domain(properties.get("header.from")),
                    "policy": policy[1].lower() if policy else None,
                }
            )


def _worst(listed: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The result that is not a pass, if there is one: a forged pass must not override a failure."""
    return next((one for one in listed if one["status"] != "pass"), listed[0] if listed else None)


def _domain(value: str | None) -> str | None:
    """The domain of an address or a host name; None for anything else."""
    name = (value or "").rpartition("@")[2].strip().strip(".").lower()
    return name if _DOMAIN.fullmatch(name) else None


def _aligned(domain: str | None, author: str) -> bool:
    return bool(domain and author) and organisational_domain(str(domain)) == organisational_domain(author)
