"""Why a receiver refused, and the consequences: one rule for SMTP replies, delivery status and free text.

Words override codes, because codes are chosen carelessly: 5.7.1 is used for `No such user!`, 5.2.1 for a rate limit,
5.1.1 for a full mailbox. Codes decide what words leave open. Three questions are answered separately: what the cause
is, whether this message is lost, and whether the address is dead. Only the last suppresses. One message too many to a
dead address costs one bounce; suppressing a live address for good costs a customer, so every doubt favours the address.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from core.rules.reports import blame_phrases as other
from core.rules.reports import cause_phrases as say
from core.rules.reports import codes
from core.rules.reports.normalize import plain


class Cause(enum.StrEnum):
    """The cause of a refusal."""

    UNKNOWN_USER = "unknown_user"
    MAILBOX_INACTIVE = "mailbox_inactive"
    MAILBOX_FULL = "mailbox_full"
    DOMAIN_NOT_FOUND = "domain_not_found"
    NO_MAIL = "no_mail"
    """The domain accepts no mail at all (null MX, RFC 7505)."""
    RATE = "rate"
    GREYLISTING = "greylisting"
    REPUTATION = "reputation"
    SPAM = "spam"
    AUTHENTICATION = "authentication"
    SENDER = "sender"
    """The sender's own address or account."""
    RELAY = "relay"
    POLICY = "policy"
    SIZE = "size"
    LOOP = "loop"
    NETWORK = "network"
    PROTOCOL = "protocol"
    OTHER = "other"


DEAD: Final = frozenset({Cause.UNKNOWN_USER, Cause.MAILBOX_INACTIVE, Cause.DOMAIN_NOT_FOUND, Cause.NO_MAIL})

_FINAL: Final = DEAD | {Cause.SENDER, Cause.RELAY, Cause.LOOP, Cause.PROTOCOL, Cause.OTHER}
# RFC 3463 X.1, RFC 7505. X.1.7 and X.1.8 mean the sender, X.1.0 almost nothing.
_OF_ADDRESS: Final = frozenset({"5.1.1", "5.1.3", "5.1.6", "5.1.10"})
_SAYS_LITTLE: Final = frozenset({None, "5.0.0", "5.1.0", "5.2.0", "5.2.1", "5.3.0", "5.5.0", "5.5.1"})
_BLAME: Final = (
    (Cause.RELAY, other.RELAY),
    (Cause.AUTHENTICATION, other.AUTHENTICATION),
    (Cause.RATE, other.RATE),
    (Cause.REPUTATION, other.REPUTATION),
    (Cause.SPAM, other.SPAM),
    (Cause.POLICY, other.POLICY),
    (Cause.REPUTATION, other.BLOCKED),
)
_LATE_STAGE: Final = re.compile(
    r"(?:end of|to|after|>>>) ?\.?(?:the )?(?:end of )?(?:message |mail )?data\b", re.IGNORECASE
)
_OF_STATUS: Final = (
    (re.compile(r"[45]\.1\.(?:1|3|6)"), Cause.UNKNOWN_USER),
    (re.compile(r"[45]\.1\.2"), Cause.DOMAIN_NOT_FOUND),
    (re.compile(r"[45]\.1\.10"), Cause.NO_MAIL),
    (re.compile(r"[45]\.1\.[78]"), Cause.SENDER),
    (re.compile(r"[45]\.2\.1"), Cause.MAILBOX_INACTIVE),
    (re.compile(r"[45]\.2\.2|[45]\.3\.1"), Cause.MAILBOX_FULL),
    (re.compile(r"[45]\.2\.3|[45]\.3\.4"), Cause.SIZE),
    (re.compile(r"[45]\.4\.6"), Cause.LOOP),
    (re.compile(r"[45]\.4\.\d{1,3}"), Cause.NETWORK),
    (re.compile(r"[45]\.5\.\d{1,3}"), Cause.PROTOCOL),
    (re.compile(r"[45]\.6\.\d{1,3}"), Cause.SPAM),
    (re.compile(r"[45]\.7\.(?:[5-9]|2\d)"), Cause.AUTHENTICATION),
    (re.compile(r"[45]\.7\.\d{1,3}"), Cause.POLICY),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`permanent`: this message is lost. `suppress`: the address is dead and must get no more mail."""

    cause: Cause
    permanent: bool
    suppress: bool


def judge(*, code: int | None, status: str | None, text: str, late: bool = False) -> Judgement:
    """Judge a refusal.

    `code` is the reply code (RFC 5321 4.2), `status` the enhanced status code (RFC 3463) if one was given, not one
    derived from a code; if None, either is searched for in `text`. `late`: the reply came after the message was sent,
    so that it may be about the message.
    """
    return _judge(code, status, text[:4_000], late=late)


@lru_cache(maxsize=64)
def _judge(code: int | None, status: str | None, text: str, *, late: bool) -> Judgement:
    # Cached, because a notice may list five hundred recipients and give the reason only once.
    reply_code = codes.enhanced_code(text)
    code = code or codes.reply_code(text)
    status = reply_code or status
    cause, sure = _cause(plain(text), code=code, status=status, late=late or bool(_LATE_STAGE.search(text)))
    if code is not None:
        permanent = code >= 500
    elif status is not None:
        permanent = status.startswith("5")
    else:
        # Given up, without a known reply: permanent, unless the words name a temporary cause.
        unknown = say.UNKNOWN.search(plain(text)) or say.INACTIVE.search(plain(text))
        permanent = cause in _FINAL or unknown is not None
    return Judgement(cause, permanent, suppress=permanent and sure and cause in DEAD)


def states_cause(text: str) -> bool:
    """Whether the words name a cause at all."""
    return judge(code=None, status=None, text=text).cause is not Cause.OTHER


def _cause(words: str, *, code: int | None, status: str | None, late: bool) -> tuple[Cause, bool]:
    """The cause, and whether it is certain enough to suppress an address."""
    passing = other.PASSING.search(words) is not None
    blame = next((cause for cause, pattern in _BLAME if pattern.search(words)), None)
    if status == "5.4.1" and say.REFUSED_ADDRESS.search(words) and not late and blame in (None, Cause.POLICY):
        return Cause.UNKNOWN_USER, not passing  # Exchange Online's edge, which knows the directory
    working = _alive(words, blame)
    if working:
        return working, False
    if say.UNKNOWN.search(words) and (blame is None or (status in _OF_ADDRESS and blame is not Cause.RATE)):
        # `Domain not found` also says that something does not exist.
        of_domain = not say.UNKNOWN.search(other.DOMAIN.sub(" ", words))
        explicit = code is not None and code >= 500
        return Cause.DOMAIN_NOT_FOUND if of_domain else Cause.UNKNOWN_USER, explicit or not passing
    if blame is None and (other.NO_MAIL.search(words) or status == "5.1.10" or code == _NULL_MX):
        return Cause.NO_MAIL, True
    if say.INACTIVE.search(words) and (blame in (None, Cause.POLICY) or "inactivity" in words):
        return Cause.MAILBOX_INACTIVE, not passing
    if other.SIZE.search(words) and blame in (None, Cause.POLICY, Cause.RATE):
        return Cause.SIZE, False
    if other.DOMAIN.search(words) and blame is None:
        return Cause.DOMAIN_NOT_FOUND, not passing
    vague = blame in (None, Cause.POLICY) and "unavailable or access denied" in words
    return (blame, False) if blame and not vague else _by_code(words, code=code, status=status, late=late)


def _alive(words: str, blame: Cause | None) -> Cause | None:
    """A cause that implies a live recipient, whatever else the words deny: checked before the dead causes."""
    if other.GREYLISTING.search(words):
        return Cause.GREYLISTING
    if other.SENDER.search(words):
        return Cause.AUTHENTICATION if blame is Cause.AUTHENTICATION else Cause.SENDER
    if say.FULL.search(words) and blame is not Cause.RATE:
        return Cause.MAILBOX_FULL
    return Cause.LOOP if other.LOOP.search(words) else None


_NULL_MX: Final = 556
_BARE: Final = frozenset({None, 550, 551, 552, 553, 554})


def _by_code(words: str, *, code: int | None, status: str | None, late: bool) -> tuple[Cause, bool]:
    """The cause if the words blame nothing: a refused address, the transport, or a code alone."""
    passing = other.PASSING.search(words) is not None
    if say.UNAVAILABLE.search(words) and status in _SAYS_LITTLE | _OF_ADDRESS and code in _BARE:
        return Cause.UNKNOWN_USER, not late and not passing
    refused = say.REFUSED_ADDRESS.search(words) is not None
    if refused and status == "5.1.0" and not late:
        return Cause.UNKNOWN_USER, not passing  # IronPort's `#5.1.0 Address rejected.`
    by_status = next((cause for pattern, cause in _OF_STATUS if status and pattern.fullmatch(status)), None)
    if by_status in DEAD:
        # 5.2.1 is used for any temporary dislike of a receiver; only words about a mailbox make it certain.
        vague = by_status is Cause.MAILBOX_INACTIVE and bool(words) and not say.MAILBOX.search(words)
        return by_status, not passing and not vague
    if by_status not in {None, Cause.NETWORK, Cause.PROTOCOL}:
        return by_status or Cause.OTHER, False
    if other.NETWORK.search(words):
        return Cause.NETWORK, False
    if other.PROTOCOL.search(words):
        return Cause.PROTOCOL, False
    if (refused or other.DENIED.search(words)) and (code or status):
        return Cause.POLICY, False
    return by_status or Cause.OTHER, False
