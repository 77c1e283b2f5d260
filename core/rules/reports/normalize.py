"""Normalise a server's text to one plain spelling, so that a phrase is written once and matches everywhere.

Receivers fold lines (`550-5.1.1 The account`), write HTML, use or omit typographic apostrophes and accents, join words
(`RESOLVER.ADR.RecipientNotFound`, `user_unknown`) and include the sender's words: an address, a host or a link named
`spam` proves nothing. Patterns are bounded: replies come from strangers.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from typing import Final

MAX_WORDS: Final = 2_000

_FOLDED: Final = re.compile(r"(?<![\w.])[245]\d\d(?:-|\s)(?:[#(\[]?[245]\.\d{1,3}\.\d{1,3}\b[\])]?)?")
_CODE: Final = re.compile(r"(?<![\w.])#?[245]\.\d{1,3}\.\d{1,3}(?![.\d])")
_TAG: Final = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,10}(?:\s[^<>@]{0,200})?/?>")
_LINK: Final = re.compile(r"(?:https?://|\bwww\.)[^\s<>\"]{1,400}", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[^\s<>()\[\]:;,\"']{0,64}@[\w.-]{1,100}")
_NUMERIC: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]{0,20}", re.IGNORECASE)
_HOST: Final = re.compile(
    r"\b(?:[\w-]{1,40}\.){2,8}[a-z]{2,12}\b|"
    r"\b[\w-]{1,40}\.(?:com|net|org|edu|gov|info|biz|jp|de|fr|es|ru|cn|kr|uk|nl|pl|br|eu|io|at|ch|example|test)\b",
    re.IGNORECASE,
)
_LISTS: Final = re.compile(
    r"spamhaus|spamcop|sorbs|barracudacentral|uceprotect|abuseat|dnsbl|\brbl|rbl\.|blocklist|blacklist|reputation|"
    r"ipcheck|senderscore|senderbase|delist|sendersupport|surriel|nixspam|cloudmark|invaluement|spamrl|[?&]c=bl",
    re.IGNORECASE,
)
# Gmail and Exchange give the cause as a one-word name: `?p=NoSuchUser`, `RESOLVER.RST.NotAuthorized`.
_POINT: Final = re.compile(r"[?&]p=([A-Za-z]{3,40})")
_GLUED: Final = re.compile(r"\b[A-Z]{2,20}(?:\.[A-Z]{2,20}){0,3}\.(?:[A-Z][A-Za-z]{2,60})")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LATIN: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "\u0131": "i", "ß": "ss", "æ": "ae", "œ": "oe"}
    | dict.fromkeys("\u2018\u2019\u00b4`", "'")
)
_MARKS: Final = re.compile(r"[\u0300-\u036f]")
_NOISE: Final = re.compile(r"[\s\"'<>()\[\]{}*|/\\=_#~^\u00ab\u00bb\u201c\u201d\u2010-\u2015-]+")
_SPELLINGS: Final = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"\bcan ?not\b|\bcan't\b|\bcant\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\b(do|does|dos|did|is|are|was|were|has|have|could|would|should)(?:n't|nt|n t)\b", r"\1 not"),
        (r"\bdoesn not\b|\bdos not\b|\bdosen't\b|\bdose not\b", "does not"),
    )
)
_JOINED: Final = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"\be mail", "email"),
        (r"\bmail ?box", "mailbox"),
        (r"\bin box\b", "inbox"),
        (r"\b(black|block|deny|white|grey|gray|safe) list", r"\1list"),
        (r"\bgraylist", "greylist"),
        (r"\boverquota\b", "over quota"),
        (r"\bno such\b", "no such"),
        (r"\buser ?(?:name|id)\b", "user"),
    )
)


def folded(text: str) -> str:
    """Lower case without accents; Japanese and Korean syllables stay composed."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LATIN))
    return unicodedata.normalize("NFC", _MARKS.sub("", apart))


def any_of(*phrases: str) -> re.Pattern[str]:
    """Compile these phrases into one pattern, folded like the text, so that they may contain umlauts."""
    # `\S` and similar keep their case.
    return re.compile("|".join(re.sub(r"[^\x00-\x7f]+", lambda hit: folded(hit[0]), phrase) for phrase in phrases))


@lru_cache(maxsize=64)
def plain(text: str) -> str:
    """The words alone, at most 2,000 characters: no codes, links, addresses or punctuation marks."""
    text = " ".join(text[: 2 * MAX_WORDS].split())
    if "&" in text:
        text = html.unescape(text)
    text = _LINK.sub(_linked, text)
    text = _ADDRESS.sub(" addr ", text)
    text = _FOLDED.sub(" ", _TAG.sub(" ", text))
    text = _NUMERIC.sub(" ipaddr ", _CODE.sub(" ", text))
    text = _GLUED.sub(lambda hit: _HUMP.sub(" ", hit[0].rpartition(".")[2]), text)
    text = _HOST.sub(lambda hit: " blocklisthost " if _LISTS.search(hit[0]) else " namedhost ", text)
    # Joined words are split as well: `MailboxFull`.
    text = folded(_HUMP.sub(" ", text) if re.search(r"\b[A-Z][a-z]+[A-Z][a-z]", text) else text)
    for pattern, instead in _SPELLINGS:
        text = pattern.sub(instead, text)
    text = _NOISE.sub(" ", text)
    for pattern, instead in _JOINED:
        text = pattern.sub(instead, text)
    return " ".join(text.split())[:MAX_WORDS]


def _linked(hit: re.Match[str]) -> str:
    if point := _POINT.search(hit[0]):
        return f" {_HUMP.sub(' ', point[1])} "
    return " blocklisthost " if _LISTS.search(hit[0]) else " "
