"""Compare the HTML and text parts: a reviewer reads one, the recipient the other.

Words are compared as sets, because layout reorders and repeats them. Amounts of money, account numbers and link
destinations are compared one by one. Footers, rows of links and pictures belong to the layout: they need not occur in
the other part, but they may confirm what the other part says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final

from core.domains import organisational_domain
from core.rules.content.links import host_of, links_of
from core.rules.content.visibility import Row, Sight
from core.text import prechecks

FEW: Final = 6
"""Number of words a part may always have to itself: a greeting, a button."""
FOOTER: Final = 150
"""Maximum number of words in a footer; anything longer is not one, whatever it begins with."""
MENU: Final = 3
"""Minimum number of links in a row for it to be a menu."""
_CLOSE: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD: Final = re.compile(rf"[{_CLOSE}]|[^\W_{_CLOSE}]+")  # scripts without spaces: each letter is a word
_URL: Final = re.compile(r"(?:https?://|www\.|mailto:)\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w.-]+", re.IGNORECASE)
_URL_MARK: Final = prechecks.guarded(r"@|https?://|www\.|mailto:", "@", "http", "www.", "mailto:")
_FOOTS: Final = re.compile(
    r"unsubscribe|copyright|©|all rights reserved|privacy policy|you (?:are )?receiv|(?:was|been) sent to|opt[ -]out"
    r"|view (?:this |it )?(?:e-?mail )?(?:in|on)|abmelden|abbestellen|impressum|datenschutz|désabonner|désinscri"
    r"|mentions légales|darse de baja|disiscriv|cancelar (?:su )?inscri|uitschrijven|отписаться|^\s*--\s*$",
    re.IGNORECASE,
)
_DIGITS: Final = r"\d{1,15}(?:[.,'\u2019]\d{1,15}){0,6}"
_NUMBER: Final = re.compile(
    rf"(?<![\w.])(?:\d{{1,3}}(?:[ \u00a0\u202f\u2009]\d{{3}}(?!\d)){{1,4}}(?:[.,]\d{{1,2}}(?!\d))?|{_DIGITS})"
)
_SIGN: Final = r"[€$£¥₹₽₺₩₴]|\b(?:EUR|USD|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|CNY|BRL|ZAR)\b"
_MONEY_BEFORE: Final = re.compile(rf"(?:{_SIGN})[ \u00a0\u202f]?$")
_MONEY_AFTER: Final = re.compile(
    rf"(?:[.,][-\u2013])?[ \u00a0\u202f]?(?:{_SIGN}|\b(?:euros?|dollars?|pounds?)\b)", re.IGNORECASE
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ \u00a0\u202f-]?[A-Z0-9]){11,60}", re.IGNORECASE)
_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GE": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23,
    "IS": 26, "IT": 27, "KZ": 20, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MT": 31,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "TN": 24, "TR": 26, "UA": 29,
}  # fmt: skip
_IN_ADDRESS: Final = re.compile(r"[\w.-]+")


def differences(text: str, seen: Sight, *, own: Collection[str] = ()) -> Iterator[str]:
    """What only one of the two parts says, one sentence each. Empty if either part has no words."""
    rows = list(seen.rows)
    shown = "\n".join(row.text for row in rows)
    if not _WORD.search(text) or not (_WORD.search(shown) or seen.images):
        return
    plain = text.replace("\r", "").split("\n")
    body = "\n".join(plain[: _foot(plain)])
    kept = [row for row in rows[: _foot([row.text for row in rows])] if row.bare or len(row.targets) < MENU]
    yield from _words_apart(text, body, "\n".join((shown, *seen.named)), "\n".join(row.text for row in kept))
    said, drawn = _figures(text), _figures(shown)
    yield from _apart("amount", _amounts(text, said), _numbers(drawn), _amounts(shown, drawn), _numbers(said))
    accounts, drawn_accounts = _accounts(text), _accounts(shown)
    yield from _apart("account", accounts, drawn_accounts, drawn_accounts, accounts)
    yield from _links_apart(text, body, shown, rows, kept, own)


# --- words --------------------------------------------------------------------------------------------------------


def _words_apart(text: str, body: str, shown: str, kept: str) -> Iterator[str]:
    text_words, drawn = _words(text), _words(shown)
    kept_words, body_words = drawn if kept == shown else _words(kept), text_words if body == text else _words(body)
    for part, other, own, known in (("HTML", "text", kept_words, text_words), ("text", "HTML", body_words, drawn)):
        missing = [word for word in own if word not in known]
        if (len(missing) >= FEW and len(missing) * 2 > len(own)) or (len(own) > 1 and len(missing) == len(own)):
            quoted = " ".join(missing[:8])[:80]
            yield f"most of the {part}'s words are not in the {other}, such as: {quoted}"
            return


def _words(text: str) -> dict[str, None]:
    """Distinct words in order, without addresses and single ASCII characters."""
    unlinked = prechecks.changed(text, _URL_MARK, lambda one: _URL.sub(" ", one))
    if unlinked.isascii():
        return dict.fromkeys(word for word in prechecks.ascii_words(unlinked.lower()) if len(word) > 1)
    plain = unicodedata.normalize("NFKC", unlinked).casefold()
    return dict.fromkeys(word for word in _WORD.findall(plain) if len(word) > 1 or not word.isascii())


def _foot(lines: list[str]) -> int:
    """Line at which the footer begins; it must be short and end the message."""
    left = FOOTER
    found = len(lines)
    for at in range(len(lines) - 1, 0, -1):  # the first line cannot be a footer
        left -= len(lines[at].split())
        if left < 0:
            break
        if _FOOTS.search(lines[at][:1_000]):
            found = at
    return found


# --- figures ------------------------------------------------------------------------------------------------------


def _apart(
    what: str, values: dict[str, str], known: Iterable[str], drawn: dict[str, str], elsewhere: Iterable[str]
) -> Iterator[str]:
    for part, own, other in (("text", values, set(known)), ("HTML", drawn, set(elsewhere))):
        missing = next((value for key, value in own.items() if key not in other), None)
        if missing is not None:
            yield f"the {what} {missing[:60]} is only in the {part}"
            return


def _figures(text: str) -> list[re.Match[str]]:
    return list(_NUMBER.finditer(text))


def _numbers(figures: Iterable[re.Match[str]]) -> set[str]:
    return {_value(found[0]) for found in figures}


def _amounts(text: str, figures: Iterable[re.Match[str]]) -> dict[str, str]:
    """Amounts of money, by value, as spelled in the text."""
    found: dict[str, str] = {}
    for one in figures:
        before, after = text[max(0, one.start() - 5) : one.start()], text[one.end() : one.end() + 12]
        if _MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after):
            found.setdefault(_value(one[0]), one[0])
    return found


@lru_cache(maxsize=4096)
def _value(text: str) -> str:
    """`1.234,50`, `1,234.5` and `1 234.50` are one value. Three digits after a single separator are thousands."""
    plain = re.sub(r"['\u2019\s]", "", text)
    last = max(plain.rfind("."), plain.rfind(","))
    if last < 0:
        return str(Decimal(plain))
    sign, behind = plain[last], len(plain) - last - 1
    whole = plain.count(sign) > 1 or (behind == 3 and not ({".", ","} <= set(plain)))
    digits = re.sub(r"[.,]", "", plain)
    if whole:
        return str(Decimal(digits))
    return format(Decimal(digits).scaleb(-behind).normalize(), "f")


def _accounts(text: str) -> dict[str, str]:
    """IBANs (ISO 13616) with valid check digits."""
    found: dict[str, str] = {}
    for one in _IBAN.finditer(text):
        compact = re.sub(r"[\s-]", "", one[0]).upper()
        compact = compact[: _LENGTHS.get(compact[:2], 0)]
        digits = "".join(str(int(char, 36)) for char in compact[4:] + compact[:4])
        if compact and int(digits) % 97 == 1:
            found.setdefault(compact, compact)
    return found


# --- links --------------------------------------------------------------------------------------------------------


def _links_apart(
    text: str, body: str, shown: str, rows: list[Row], kept: list[Row], own: Collection[str]
) -> Iterator[str]:
    own_domains = {organisational_domain(domain) for domain in own}
    everywhere = (target for row in rows for target in row.targets)
    in_text, in_html = set(_named(text)), {*_named(shown), *(organisational_domain(host_of(one)) for one in everywhere)}
    linked = {host_of(one) for row in kept for one in row.targets if _leads(one)}
    for part, hosts, known in (
        ("HTML", sorted(linked), in_text),
        ("text", sorted({link.host for link in links_of(body, None)}), in_html),
    ):
        expected = known | own_domains
        missing = [host for host in hosts if organisational_domain(host) not in expected and "." in host]
        if missing:
            more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
            yield f"a link to {missing[0][:100]} is only in the {part}{more}"
            return


def _leads(target: str) -> bool:
    head = target.strip()[:12].lower()
    return "//" in head or head.startswith(("http", "www.", "mailto:", "\\\\"))


def _named(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", text)
    return (organisational_domain(found) for found in {one for one in _IN_ADDRESS.findall(plain) if "." in one})
