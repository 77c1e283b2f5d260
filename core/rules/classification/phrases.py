"""Find the phrases in a text that promise somebody something.

Sentence by sentence: first the phrases that policy names, then the precise analysis of the plainest English verbs, then
what `reading` and `ordinary` find in seven languages and `weighing` adds up.

A quotation is not the message's own promise: lines that begin with `>` below a line that ends in a colon, the way mail
clients introduce a quotation. Marked lines without that introduction are read, or `> ` would hide any promise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from core.rules.classification import disguise, english, letters, ordinary, weighing
from core.rules.classification import findings as f
from core.rules.classification import kinds as k
from core.rules.classification.reading import TOKEN, Reading

_MOST: Final = 8
"""Maximum number of phrases shown to the reviewer; a ninth would not change the decision."""
_LONGEST_PHRASE: Final = 160
_SENTENCE: Final = re.compile(
    r"[.!?\n](?:(?<=[!?])(?=\s)|(?<=\n)[ \t>|]*\n"
    r"|(?<=[.])(?=\s)(?<!\b\d[.])(?<!\b\d\d[.])(?<!\b[DMSF]r[.])(?<!\bM[rm][se][.])(?<!\bSra[.])(?<!\bMs[.]))"
)
"""End of a sentence, but not the dot of `5. Mai` or `Dr. Weiss`."""
_SHORTEST: Final = 4


def promises(text: str, *, named: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the promising phrases as written, at most eight, without duplicates.

    `named` are extra phrases from policy.
    """
    found: dict[str, None] = {}
    read, spaced = letters.undisguised(letters.plain(_without_addresses(_own(text))), telling=disguise.binds)
    wanted = [(phrase, _normal(phrase)) for phrase in named]
    if wanted:
        whole = f" {_normal(read)} "
        found.update({phrase: None for phrase, spelled in wanted if spelled and f" {spelled} " in whole})
    if spaced and (run := disguise.run_together(_lower(read))) is not None:
        found[run] = None
    after_deal = False
    for start, end in _sentences(read):
        spans, settled = _spans(read[start:end], after_deal)
        after_deal = settled
        for first, last in spans:
            found[" ".join(read[start + first : start + last].split())[:_LONGEST_PHRASE]] = None
            if len(found) >= _MOST:
                return tuple(found)[:_MOST]
    return tuple(found)


def _spans(sentence: str, after_deal: bool) -> tuple[tuple[tuple[int, int], ...], bool]:  # noqa: FBT001 - remembered
    return (_known if len(sentence) <= _REMEMBERED else _read)(sentence, after_deal)


def _read(sentence: str, after_deal: bool) -> tuple[tuple[tuple[int, int], ...], bool]:  # noqa: FBT001 - remembered
    """The spans of a sentence that promise, and whether it settles what the next sentence says."""
    lowered = _lower(sentence)
    if _RECEIPT.fullmatch(lowered.strip()):
        return (), False
    if _QUOTED.search(lowered):
        sentence, lowered = _without_quoted(sentence, lowered)
    spaced = lowered.replace("\n", " ")
    close = tuple(english.promising(sentence)) if any(stem in spaced for stem in english.STEMS) else ()
    settled = False
    for start, end in _pieces(lowered):
        read = _reading(sentence, lowered, start, end)
        if close and read.opening & k.TOLD and read.opening & k.YOU:
            close = ()  # "as you wrote, the seller promised"
        if not close and (span := _weighed(read, lowered[start:end], after_deal=after_deal)) is not None:
            close = ((start + span[0], start + span[1]),)
        settled = read.settles
    return close, settled


_QUOTED: Final = re.compile(
    '"[^"]{8,300}"|\u00ab[^\u00ab\u00bb]{8,300}\u00bb|[\u201c\u201e][^\u201c\u201d\u201e]{8,300}[\u201c\u201d]'
)


def _without_quoted(sentence: str, lowered: str) -> tuple[str, str]:
    """Blank out quotations in a sentence that asks about the quoted words or attributes them to somebody.

    `As promised, "we will refund you"` is the writer's own statement and is read.
    """
    around = _QUOTED.sub(lambda found: " " * len(found[0]), lowered)
    tokens = TOKEN.findall(around)
    if not tokens:
        return sentence, lowered
    read = Reading(around, tokens, tokens)
    if read.every & (k.FIRST | k.SELF) or not (read.every & k.TOLD or tokens[-1] == "?"):
        return sentence, lowered
    return _QUOTED.sub(lambda found: " " * len(found[0]), sentence), around


def _pieces(lowered: str) -> Iterator[tuple[int, int]]:
    """Start and end of each piece of a sentence; there is only one unless the sentence is implausibly long."""
    spans = [found.span() for found in TOKEN.finditer(lowered)]
    for first in range(0, len(spans), _PIECE):
        piece = spans[first : first + _PIECE]
        yield piece[0][0], piece[-1][1]


def _reading(sentence: str, lowered: str, start: int, end: int) -> Reading:
    return Reading(lowered[start:end], TOKEN.findall(lowered[start:end]), TOKEN.findall(sentence[start:end]))


def _weighed(read: Reading, lowered: str, *, after_deal: bool) -> tuple[int, int] | None:
    """The span of a piece that promises, by a set phrase or by its weight; None if it does not."""
    if read.idiom is not None and not read.opening & (k.TOLD | k.NOT) and read.tokens[-1] != "?":
        return read.idiom
    if _titled(read) or (read.masks[0] & k.NOT and not (read.frames & _SPARING or read.ordinary & ordinary.BESIDE)):
        return None
    if read.frames & f.WE_DENY_GRANT and not read.plain and not read.frames & _SPARING:
        return None  # "we guarantee nothing"
    if weighing.promising(weighing.atoms(read, after_deal=after_deal)):
        return read.idiom or read.span(lowered)
    return None


def _titled(read: Reading) -> bool:
    """Whether a few words are a heading ("Your refund 12"), which promises nothing unless a word settles it."""
    words = sum(token.isalpha() for token in read.tokens)
    masks = read.masks[2:] if read.tokens[0] in _PREFIXES and read.tokens[1:2] == [":"] else read.masks
    says = any(mask & _SAYING for mask in masks) or read.frames & f.BARE_GRANT or read.idiom is not None
    return words <= _TITLE and not says


def atoms_of(text: str) -> list[int]:
    """The atoms of each sentence, as `promises` reads the text; the weights are fitted to them."""
    found = []
    read = letters.plain(_own(text))
    after_deal = False
    for start, end in _sentences(read):
        lowered = _lower(read[start:end])
        for first, last in _pieces(lowered):
            one = _reading(read[start:end], lowered, first, last)
            found.append(weighing.atoms(one, after_deal=after_deal))
            after_deal = one.settles
    return found


def forget() -> None:
    """Clear the cache of sentences, for benchmarks."""
    _known.cache_clear()


_RECEIPT: Final = re.compile(
    r"(?:(?:your|the|ihre|deine|votre|su|tu|o seu|il tuo|je|uw) )?"
    r"(?:order|payment|purchase|subscription|registration|account|e-?mail address"
    r"|bestellung|zahlung|commande|paiement|pedido|pago|pagamento|ordine|bestelling|betaling)"
    r"(?: (?:no\.?|nr\.?|number))?(?: ?#?[\w-]{1,20})? "
    r"(?:(?:is|was|has been|ist|wurde|est|a ete|foi|ha sido|e stato) )?"
    r"(?:confirmed|received|completed?|verified|activated|bestatigt|confirmee?|confirmad[oa]|confermat[oa]|bevestigd)"
    r"[.!]?"
    r"|(?:thanks|thank you)?[,.!]? ?(?:we|i)(?:'ve| have)? (?:received|got) your [\w ]{0,40}?"
    r"(?:request|message|enquiry|inquiry|e-?mail|question|application|claim|complaint)[.!]?"
)
"""A whole sentence that only acknowledges receipt and grants nothing ("Order 5 confirmed")."""
_TITLE: Final = 3
_PREFIXES: Final = frozenset({"re", "aw", "fwd", "fw", "wg", "tr", "rv", "enc", "antw"})
_SAYING: Final = k.DEAL | k.FIRST | k.SELF | k.WILL | k.BE | k.HAVE | k.GET
_PIECE: Final = 64
_SPARING: Final = f.NO_COST | f.WE_SPARE | f.YOU_SPARED | f.SPARED | f.YOU_NEED_NOT
_REMEMBERED: Final = 400
_known = lru_cache(maxsize=4096)(_read)
"""Cached, because agents repeat the same sentences."""


def _lower(text: str) -> str:
    """Lower-case a text without changing its length: letters that become longer in lower case are kept."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, including its end mark."""
    start = 0
    for found in _SENTENCE.finditer(text):
        end = found.end()
        if end - start >= _SHORTEST:
            yield start, end
        start = end
    if len(text) - start >= _SHORTEST:
        yield start, len(text)


def _own(text: str) -> str:
    """The text without its quotations."""
    if "\n>" not in text:
        return text
    kept: list[str] = []
    introduced = quoting = False
    for line in text.split("\n"):
        bare = line.strip()
        if bare.startswith(">") and (quoting or introduced):
            quoting = True
            continue
        kept.append(line)
        if bare:
            quoting = False
            introduced = bare.endswith(":")
    return "\n".join(kept)


_ADDRESS: Final = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}|\bhttps?://[^\s<>\"]{1,300}")


def _without_addresses(text: str) -> str:
    """Blank out addresses: nobody signs anything in `jane@firm.ca`."""
    return _ADDRESS.sub(lambda found: " " * len(found[0]), text) if "@" in text or "://" in text else text


@lru_cache(maxsize=512)
def _normal_phrase(phrase: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", letters.plain(phrase).lower()))


def _normal(text: str) -> str:
    return _normal_phrase(text) if len(text) <= 200 else " ".join(re.findall(r"[^\W_]+", letters.plain(text).lower()))
