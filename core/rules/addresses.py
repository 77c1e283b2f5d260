"""Parse one mail address into the form it is sent in, and match it against an allow-list.

Hides two parsers: a plain grammar for nearly every address (one regular expression, 2 us) and email-validator for the
rest (Unicode, IDNA, 60-100 us). A property test proves that both read alike whatever the first accepts. Forms that RFC
5322 allows but that in practice serve only abuse are refused: quoted local parts, domain literals, groups, comments,
folding. One kind of quoted local part is accepted, misplaced dots and nothing else: Japanese carriers issued such
addresses (`a..b@docomo.ne.jp`) and they still take mail. Special-use domains (RFC 6761) are allowed: the route finds
out whether anything answers there, and demos and tests use them.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import email_validator

from core.errors import Invalid

MAX_OCTETS: Final = 254
"""RFC 5321 4.5.3.1.3 allows a path of 256 octets, angle brackets included (RFC 3696 erratum 1690)."""
MAX_LOCAL_OCTETS: Final = 64
"""RFC 5321 4.5.3.1.1."""
MAX_DISPLAY: Final = 200
"""Characters of a display name; no mail program shows that many."""

# The documented way to allow a special-use name. Those still refused (arpa, onion) never accept mail over SMTP.
_SPECIAL_USE: Final = frozenset({"invalid", "local", "localhost", "test"})
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in _SPECIAL_USE
]
_UNROUTABLE: Final = frozenset(email_validator.SPECIAL_USE_DOMAIN_NAMES)

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN: Final = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+[A-Za-z]{{2,63}})")
_DOTTED: Final = re.compile(rf'("?)([A-Za-z0-9!#$%&\'*+/=?^_`{{|}}~.-]+)\1@((?:{_LABEL}\.)+[A-Za-z]{{2,63}})')
_CARRIERS: Final = frozenset({"docomo.ne.jp", "ezweb.ne.jp", "au.com", "disney.ne.jp"})
"""Domains whose addresses may have misplaced dots without quotes; elsewhere two dots are a typing error."""
_NAMED: Final = re.compile(r'(?:"((?:[^"\\]|\\["\\])*)"|([^"<>(),:;@\[\]\\]*)) *<([^<> ]*)>')

_ROUTING: Final = frozenset("%!@:,;<>[]\\")
_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Address:
    """One address, ready to be sent in SMTP and headers.

    `local` is as written (NFC), `domain_ascii` in lower case with A-labels (RFC 5890), `display` the display name or an
    empty string. `needs_smtputf8`: the local part is not ASCII, so the receiver must offer SMTPUTF8 (RFC 6531).
    `normalised` is the key for suppression and consent. It ignores case: receivers that distinguish `Jane` from `jane`
    are rarer than people who unsubscribe as one and are written to as the other.
    """

    local: str
    domain_ascii: str
    display: str
    needs_smtputf8: bool
    normalised: str

    @property
    def spec(self) -> str:
        """`local@domain`, for the envelope and the header."""
        return f"{self.local}@{self.domain_ascii}"

    def __str__(self) -> str:
        return self.spec


def parse_address(text: str) -> Address:
    """Parse `jane@example.com` or `Jane Doe <jane@example.com>`.

    Raises `Invalid` with a sentence that says what is wrong. The sentence never repeats control characters.
    """
    text = text.strip(" ")
    plain = _read_plain(text)
    if plain is not None:
        return plain
    _refuse_unsafe(text)
    if not text.endswith(">"):
        return _read_dotted(text) or _read_any(text, display="")
    named = _NAMED.fullmatch(text)
    if named is None:
        raise Invalid(
            "the address is not of the form Name <local@domain>",
            fix="put the name in double quotes, and list each address by itself",
        )
    quoted, bare, spec = named.groups()
    display = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
    display = unicodedata.normalize("NFC", display).strip()
    if len(display) > MAX_DISPLAY:
        raise Invalid(f"the name beside the address is longer than {MAX_DISPLAY} characters")
    return _read_plain(spec, display=display) or _read_dotted(spec, display=display) or _read_any(spec, display=display)


def matches(pattern: str, address: Address) -> bool:
    """Whether an allow-list pattern matches the address.

    `*` everyone · `jane@example.com` one address · `example.com` or `*@example.com` that domain alone · `*.example.com`
    or `*@*.example.com` its subdomains, not itself. Raises `Invalid` for anything else.
    """
    return allowed((pattern,), address.normalised)


def _names(pattern: str, local: str, domain: str) -> bool:
    local_pattern, domain_pattern = _pattern(pattern)
    if local_pattern not in {"*", local}:
        return False
    if domain_pattern.startswith("*."):
        return domain.endswith(domain_pattern[1:])
    return domain_pattern in {"*", domain}


def refuse_routes(address: Address) -> None:
    """Refuse a local part with routing syntax: `x%b.test@a.test`, `b.test!x@a.test`, `x@b.test`.

    Old relays obey these forms (RFC 5321 appendix F.2, C). Mail to a.test, which an allow-list, a suppression or a
    consent record names, would then reach b.test, which none of them names. Raises `Invalid`.
    """
    if not _ROUTING.isdisjoint(address.local):
        raise Invalid(
            "the part before the @-sign asks a server to send the mail on to somewhere else",
            fix="write the address where the mail is to arrive, without % ! : or @ before the last @-sign",
        )


def allowed(patterns: tuple[str, ...], normalised: str) -> bool:
    """Whether any allow-list pattern matches an address that is already parsed."""
    local, _, domain = normalised.rpartition("@")
    if not _ROUTING.isdisjoint(local):
        return "*" in patterns or "*@*" in patterns or normalised in patterns  # it may be routed to another domain
    return any(_names(pattern, local, domain) for pattern in patterns)


def check_pattern(pattern: str) -> str:
    """Normalise a pattern for storage. Raises `Invalid`."""
    local, domain = _pattern(pattern)
    return "*" if (local, domain) == ("*", "*") else f"{local}@{domain}"


def _read_plain(text: str, *, display: str = "") -> Address | None:
    """Parse the plain grammar of nearly every address. None only means: ask the library."""
    found = _PLAIN.fullmatch(text) if len(text) <= MAX_OCTETS else None
    if found is None:
        return None
    local, domain = found[1], found[2].lower()
    # "--" calls for IDNA's rules (A-labels, reserved labels), which the library implements.
    if len(domain) > 253 or "--" in domain or domain.rpartition(".")[2] in _UNROUTABLE:
        return None
    if len(local) > MAX_LOCAL_OCTETS:
        return None  # refused below, with an explanation
    return Address(local, domain, display, needs_smtputf8=False, normalised=f"{local.lower()}@{domain}")


def _read_dotted(text: str, *, display: str = "") -> Address | None:
    """Parse `a..b@docomo.ne.jp` or, at any domain, `"a..b"@example.com`, else None. Quoted in SMTP (RFC 5321 4.1.2)."""
    found = _DOTTED.fullmatch(text) if len(text) <= MAX_OCTETS - 2 else None
    if found is None:
        return None
    local, domain = found[2], found[3].lower()
    misplaced = local.startswith(".") or local.endswith(".") or ".." in local
    if not misplaced or not local.strip(".") or not (found[1] or domain in _CARRIERS):
        return None
    if len(domain) > 253 or "--" in domain or domain.rpartition(".")[2] in _UNROUTABLE:
        return None
    if len(local) + 2 > MAX_LOCAL_OCTETS:
        return None
    quoted = f'"{local}"'
    return Address(quoted, domain, display, needs_smtputf8=False, normalised=f"{quoted.lower()}@{domain}")


def _read_any(text: str, *, display: str) -> Address:
    """Parse any address that email-validator accepts as usable on the internet, and `localhost`."""
    if len(text) > MAX_OCTETS:  # before the library, whose running time grows with the length
        raise Invalid(f"the address is longer than {MAX_OCTETS} octets")
    try:
        found = email_validator.validate_email(text, check_deliverability=False, globally_deliverable=False)
    except email_validator.EmailNotValidError as error:
        raise Invalid(str(error)) from error
    domain = found.ascii_domain.lower()
    top = domain.rpartition(".")[2]
    if top == domain and domain != "localhost":
        raise Invalid("the part after the @-sign needs a period: a mail domain has at least two labels")
    if not top[-1].isalpha():
        raise Invalid("the part after the @-sign does not end in a top-level domain; a bare IP address takes no mail")
    # The library lower-cases the role names of RFC 2142; the desk keeps every local part as written.
    local = text.partition("@")[0] if found.ascii_local_part else found.local_part
    spec = f"{local}@{domain}"
    if len(spec.encode()) > MAX_OCTETS:
        raise Invalid(f"the address is longer than {MAX_OCTETS} octets")
    if len(local.encode()) > MAX_LOCAL_OCTETS:
        raise Invalid(
            f"the part before the @-sign is longer than {MAX_LOCAL_OCTETS} octets, which mail servers refuse",
            fix="check the address: no mailbox has so long a name (RFC 5321 4.5.3.1.1)",
        )
    return Address(local, domain, display, needs_smtputf8=not local.isascii(), normalised=f"{local.lower()}@{domain}")


def _refuse_unsafe(text: str) -> None:
    """Refuse characters that could start another header field or show a reader a different address."""
    if len(text) > MAX_OCTETS + 2 * MAX_DISPLAY + 5:
        raise Invalid(f"the address is longer than {MAX_OCTETS} octets")
    for char in text:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in _OVERRIDES:
            raise Invalid(f"the address contains a character that is not allowed there (U+{ord(char):04X})")


@functools.lru_cache(maxsize=4096)
def _pattern(text: str) -> tuple[str, str]:
    """A pattern's (local, domain): each exact or `*`; the domain may also be `*.` and a parent."""
    local, at, domain = text.strip(" ").rpartition("@")
    if not at:
        local = "*"
    if domain == "*" and local == "*":
        return "*", "*"
    below = domain.startswith("*.")
    if "*" in domain[2 if below else 0 :] or ("*" in local and local != "*"):
        raise Invalid(
            "the pattern has a * where none is allowed",
            fix="write *, jane@example.com, example.com or *.example.com",
        )
    parsed = parse_address(f"{'any' if local == '*' else local}@{domain[2:] if below else domain}")
    return "*" if local == "*" else parsed.local.lower(), ("*." if below else "") + parsed.domain_ascii
