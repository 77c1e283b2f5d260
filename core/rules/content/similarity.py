"""Detect messages that are alike: their keys are equal if they differ only in what belongs to their recipient.

A reviewer who sees one template four hundred times stops reading. If they know it is one template, they read it once
properly, and the others for what differs. So the key errs towards telling messages apart: every character counts,
including whitespace (a run counts as one space), punctuation, hidden characters and capitals. The exceptions are the
name in a greeting, the recipient's own address and its words, and short numbers. Each leaves a placeholder, so a
subject that was nothing but a name differs from an empty one. Amounts, percentages, and numbers as long as an account
or telephone number count, and so do the hosts and paths of links, other people's addresses, the number of recipients,
and the attachments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import Final

READ: Final = 16_000
"""Maximum number of characters of a part that are normalised; the rest must be identical."""
GREETS: Final = 1_000
"""Number of characters of a part in which a greeting is looked for."""
_NAME: Final = r"(?:[ \t]+[^\W\d_]+(?:[-'\u2019.][^\W\d_]+)*\.?){0,4}"
_GREETING: Final = re.compile(
    r"(^|>)([ \t]*(?:dear|hi|hello|hey|good (?:morning|day|afternoon|evening)|hallo|guten (?:tag|morgen|abend)"
    rf"|sehr geehrte[rs]?|liebe[rs]?|bonjour|cher|chère|hola|estimad[oa]s?|ciao|gentile)\b)"
    rf"{_NAME}(?=[ \t]*(?:[,!:<\r\n]|$))",
    re.MULTILINE | re.IGNORECASE,
)
_CURRENCY: Final = "[€$£¥₹₽₩]|EUR|USD|GBP|CHF|JPY|CAD|AUD|INR|CNY"
_LINK: Final = r"(?P<link>https?://[^\s\"'<>]+)"
# The look-behind makes it linear: a run of letters and dots is tried once, at its beginning.
_ADDRESS: Final = r"(?P<address>(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)*)"
_FIGURE: Final = re.compile(
    rf"{_LINK}|{_ADDRESS}"
    rf"|(?P<kept>(?:{_CURRENCY})[ \u00a0]?[0-9][0-9.,]*|(?<![0-9.,])[0-9][0-9.,]*+[ \u00a0]?(?:{_CURRENCY}|%))"
    r"|(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"|(?P<long>[0-9](?:[ -]?[0-9]){7,})"
    r"|(?P<number>[0-9]+)"
)
_WORD: Final = re.compile(rf"{_LINK}|{_ADDRESS}|(?P<word>[^\W\d_]+)")
_BLANKS: Final = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")
_SHORT: Final = 3
"""Minimum letters of an address word to be replaced: `me@` must not remove every `me` from the text."""
# Placeholders are control characters: no readable text contains them, and composing refuses them.
_OWN, _GREETED, _NUMBER = "\x01", "\x02", "\x03"
_DIGITS: Final = re.compile("[0-9]+")


def likeness(subject: str, parts: Collection[str], *, recipients: Collection[str], attached: Collection[str]) -> int:
    """A 63-bit key. `parts` are the text and the HTML, `attached` the names of files."""
    own = {word for address in recipients for word in _words(address)} | {address.lower() for address in recipients}
    shape = hashlib.blake2b(b"%d %d" % (len(recipients), len(parts)), digest_size=8)
    for part in (subject, *parts, *attached):
        read = _shape(part[:READ], own).encode(errors="surrogatepass")
        rest = part[READ:].encode(errors="surrogatepass")
        shape.update(b"\n%d %d\n" % (len(read), len(rest)))
        shape.update(read)
        shape.update(rest)
    return int.from_bytes(shape.digest(), "big") >> 1


def _words(address: str) -> Iterator[str]:
    return (word for word in re.findall(r"[^\W\d_]+", address.lower()) if len(word) >= _SHORT)


def _shape(text: str, own: Collection[str]) -> str:
    """The text with a placeholder for each thing that belongs to its recipient."""
    text = _GREETING.sub(rf"\1\2 {_GREETED}", text[:GREETS]) + text[GREETS:]
    text = _FIGURE.sub(_figure, text)
    lowered = text.lower()
    if any(one in lowered for one in own):
        text = _WORD.sub(
            lambda found: _OWN if found.lastgroup != "link" and found[0].lower() in own else found[0], text
        )
    return _BLANKS.sub(" ", text)


def _figure(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "link":
            return _DIGITS.sub(_NUMBER, found[0])
        case "number" | "date":
            return _NUMBER
        case _:
            return found[0]
