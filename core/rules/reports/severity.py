"""Is sending again pointless? Enhanced status code first, then the reply code, then the words.

RFC 3463: the class 5 is permanent, 4 is not. A report without any code is a failure the reporting system gave up on:
permanent, unless its words name a cause that passes (a full mailbox, a timeout, a policy).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_AFTER_REPLY: Final = re.compile(r"(?<![\d.])[245]\d\d[ \-]{1,3}[#(\[]?([245]\.\d{1,3}\.\d{1,3})(?![.]?\d)")
_MARKED: Final = re.compile(
    r"(?:#|\(|\[|status:?\s?|dsn=|code:?\s?|error:?\s?)([245]\.\d{1,3}\.\d{1,3})(?![.]?\d)", re.IGNORECASE
)
_BARE: Final = re.compile(r"(?<![\w.\-/])([245]\.[0-7]\.\d{1,2})(?![.]?\d)")
_SPELLED: Final = re.compile(r"\b([245])\s?\.\s?(\d{1,3})\s?\.\s?(\d{1,3})\b")
_REPLY: Final = re.compile(
    r"(?:^|[\s:;,<(\[\"'#=>])([45][0-5]\d)(?=[ \-:#,.;)\]]|$)"
    r"(?!\s?(?:[kmg]?bytes?|[kmg]b|messages?|recipients?|seconds?|minutes?|hours?|days?|times?)\b)(?!\.\d)",
    re.IGNORECASE,
)
_OF_MESSAGE: Final = re.compile(r"5\.(?:[67]\.\d{1,3}|3\.4|2\.3)")
_GONE: Final = re.compile(
    r"user (?:is )?unknown|unknown (?:user|recipient|address|mailbox|account|local)|no such (?:user|"
    r"recipient|address|mailbox|person|account|local)|"
    r"(?:does|did) ?n[o']t exist|not exist|invalid (?:recipient|address|mailbox|user)|(?:recipient|"
    r"user|address|mailbox|account) (?:name )?(?:was |is |could |can)?(?:not |"
    r"n[o']t )(?:be )?(?:found|known|listed|recogni[sz]ed|local|valid|active)|"
    r"not found|no mailbox|(?:account|mailbox|user|address) (?:has been |is |"
    r"was )?(?:temporarily )?(?:disabled|deleted|inactive|suspended|closed|removed|terminated|"
    r"unavailable)|"
    r"(?:host|domain)(?: name)? (?:is )?(?:unknown|not found|does not exist)|unrouteable|"
    r"no (?:valid )?mx|unknown (?:host|domain)|"
    r"not listed in|permanent(?:ly)? (?:fatal )?(?:error|failure|failed)|permanent error|"
    r"no longer (?:valid|available|active|works|exists)|"
    r"unbekannt|existiert nicht|inconnu|n.existe pas|no existe|desconocid|sconosciut|non esiste|"
    r"n[ãa]o existe|onbekend|bestaat niet|"
    r"не существует|не найден|неизвест|不存在|見つかりません|存在しません|宛先不明|あて先不明|"
    r"nie istnieje|finns inte|neexistuje",
    re.IGNORECASE,
)
_PASSING: Final = re.compile(
    r"(?:mail ?box|inbox|account|disk|quota|storage|folder|postfach|box)\b.{0,40}\b(?:full|exceed|"
    r"over|limit|voll)|over ?quota|quota.{0,20}exceed|exceed.{0,30}(?:quota|storage|space|limit)|"
    r"insufficient.{0,20}(?:space|storage)|"
    r"not enough (?:space|storage|room)|(?:message|mail|file)?.{0,12}too (?:large|big|long)\b|"
    r"size limit|maximum.{0,20}size|exceeds? .{0,20}size|"
    r"time[ds]?[ -]?out|temporar|try(?:ing)? again|(?:too|system) busy|connection (?:refused|reset|"
    r"lost|dropped|failed)|could ?n[o']t connect|unable to connect|"
    r"retry (?:time|timeout)|in the queue too long|network (?:error|unreachable)|no route to host|"
    r"greylist|rate limit|too many|"
    r"\bspam\b|junk|blacklist|blocklist|block(?:ed| list)|reputation|policy|policies|virus|banned|"
    r"content (?:filter|reject)|not (?:allowed|authori[sz]ed|permitted)|moderator|"
    r"pleine?\b|d[ée]pass|llen[oa]\b|pien[oa]\b|chei[oa]\b|\bvol\b|переполнен|превышен|容量|満杯|已满|overskred",
    re.IGNORECASE,
)


def spelled_status(value: str) -> str | None:
    """The code of a Status field, comments and typing errors aside: `5.1.1 (bad mailbox)`, `5. 1. 1`, `550 5.1.1`."""
    hit = _AFTER_REPLY.search(value) or _SPELLED.search(value)
    return ".".join(hit.groups() if hit.re is _SPELLED else (hit[1],)) if hit else None


def enhanced_code(text: str) -> str | None:
    """The likeliest enhanced status code in what a server said; numbers of versions and hosts are passed over."""
    for pattern in (_AFTER_REPLY, _MARKED, _BARE):
        # A class 2 code in a failure's words is the acknowledgement of an earlier command.
        for hit in pattern.finditer(text):
            if hit[1][0] != "2":
                return hit[1]
    return None


def reply_code(text: str) -> int | None:
    """The first SMTP reply code of class 4 or 5 (RFC 5321 4.2) in what a server said."""
    hit = _REPLY.search(text)
    return int(hit[1]) if hit else None


def permanent(status: str | None, *, words: str) -> bool:
    """Whether a failure is for good. `words` is the diagnostic, or the notice where there is none."""
    if status:
        return status.startswith("5")
    return _words_mean_it(words)


@lru_cache(maxsize=32)
def _words_mean_it(words: str) -> bool:
    # Remembered, for a notice may list five hundred recipients and say why only once.
    code = reply_code(words)
    if code:
        return code >= 500
    return bool(_GONE.search(words)) or not _PASSING.search(words)


def unwanted(status: str | None, diagnostic: str | None) -> bool:
    """Whether a permanent failure is about the message, not the address: policy, content, size (RFC 3463 X.7, X.6)."""
    return status is not None and _OF_MESSAGE.fullmatch(status) is not None and not _GONE.search(diagnostic or "")


def speaks(words: str) -> bool:
    """Whether the words name a cause at all."""
    return bool(_GONE.search(words) or _PASSING.search(words))
