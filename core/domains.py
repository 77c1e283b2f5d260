"""The domain an organisation registered, told from a host's name by the public suffix list.

`acme.com` of `bot.eu.acme.com` and `acme.co.uk` of `mail.acme.co.uk`: where names end and registrations begin is a
matter of each registry's rules and of no grammar. The list (publicsuffix.org) comes with a package, so that nothing is
fetched; it is read when it is first asked for, for most commands need none of it.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_LONGEST: Final = 253
"""Characters of a domain name (RFC 1035 2.3.4): of a longer host only the end is looked at."""


def organisational_domain(host: str) -> str:
    """The domain below the public suffix (RFC 7489 3.2), in lower case.

    A name that is a public suffix itself, an IP address or no name at all comes back as it is. Domains below a private
    suffix (`acme.github.io`) belong to different people and are told apart.
    """
    name = host.strip(".").lower()
    if name[-1:].isdigit() or name.endswith("]"):  # no top-level domain ends in a digit (RFC 3696 2)
        return name
    return _below_suffix(name[-_LONGEST:].lstrip(".")) or name


@lru_cache(maxsize=4096)  # of names that were cut: hosts come from mail and may be megabytes
def _below_suffix(name: str) -> str | None:
    return _suffixes().privatesuffix(name)


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - 60 ms of CPU that most commands need not spend

    return PublicSuffixList()
