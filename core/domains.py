"""The organisational domain of a host name, by the public suffix list.

`acme.com` for `bot.eu.acme.com`, `acme.co.uk` for `mail.acme.co.uk`: where registrations begin depends on the rules of
each registry, not on syntax. The list (publicsuffix.org) comes with a package, so nothing is downloaded. It is loaded
on first use, because most commands do not need it.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_LONGEST: Final = 253
"""Maximum length of a domain name (RFC 1035 2.3.4): of a longer host only the end is considered."""


def organisational_domain(host: str) -> str:
    """The domain below the public suffix (RFC 7489 3.2), in lower case.

    A public suffix, an IP address or a string that is no name is returned unchanged. Domains below a private suffix
    (`acme.github.io`) belong to different owners and stay distinct.
    """
    name = host.strip(".").lower()
    if name[-1:].isdigit() or name.endswith("]"):  # no top-level domain ends in a digit (RFC 3696 2)
        return name
    return _below_suffix(name[-_LONGEST:].lstrip(".")) or name


@lru_cache(maxsize=4096)  # caches truncated names: hosts come from mail and may be megabytes long
def _below_suffix(name: str) -> str | None:
    return _suffixes().privatesuffix(name)


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - 60 ms of CPU that most commands need not spend

    return PublicSuffixList()
