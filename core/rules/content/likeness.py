"""Which messages are alike: a key that is the same when they differ only in what belongs to their recipient.

A reviewer who sees one template four hundred times stops reading; told that it is one, they read it once well and the
others for what differs. So the key errs towards telling apart: names in the greeting, words of the recipient's own
address, and figures do not count; hosts of links, other people's addresses, how many are written to and what hangs on
the message do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

READ: Final = 16_000
"""Characters of a part whose words are compared; what follows must be the same to the letter."""
GREETS: Final = 1_000
"""Characters of a part within which it greets."""
_GREETING: Final = re.compile(
    r"(^|>)[ \t]*(?:dear|hi|hello|hey|good (?:morning|day|afternoon|evening)|hallo|guten (?:tag|morgen|abend)"
    r"|sehr geehrte[rs]?|liebe[rs]?|bonjour|cher|chère|hola|estimad[oa]s?|ciao|gentile)\b[^\n,!:.<]{0,60}",
    re.MULTILINE,
)
_TOKEN: Final = re.compile(r"https?://[^\s\"'<>]+|@[\w.-]+|[^\W\d_]+")
_SHORT: Final = 3
"""Letters a word of the recipient's address needs to be left out: `me@` must not take every `me` from the text."""


def likeness(subject: str, parts: Collection[str], *, recipients: Collection[str], attached: Collection[str]) -> int:
    """63 bits. `parts` are the text and the HTML, `attached` the names of files."""
    own = {word for address in recipients for word in _words(address)} | {
        f"@{address.lower().rpartition('@')[2]}" for address in recipients
    }
    shape = hashlib.blake2b(digest_size=8)
    for part in (subject, *parts, *attached):
        read, rest = part[:READ].lower(), part[READ:]
        shape.update(" ".join(_tokens(read, own)).encode(errors="replace"))
        shape.update(b"\n" + rest.encode(errors="replace") + b"\n")
    shape.update(b"%d" % len(recipients))
    return int.from_bytes(shape.digest(), "big") >> 1


def _words(address: str) -> Iterator[str]:
    return (word for word in re.findall(r"[^\W\d_]+", address.lower()) if len(word) >= _SHORT)


def _tokens(text: str, own: Collection[str]) -> Iterable[str]:
    tokens = _TOKEN.findall(_GREETING.sub(r"\1", text[:GREETS]) + text[GREETS:])
    if "@" in text or "://" in text:
        # where a link leads counts, not the number of the quote at its end
        tokens = [t.split("/", maxsplit=3)[2] if "://" in t else t.rstrip(".") if "@" in t else t for t in tokens]
    return [token for token in tokens if token not in own]
