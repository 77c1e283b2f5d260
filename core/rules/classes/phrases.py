"""Find the phrases of a text in which somebody is promised something.

Sentence by sentence: first what policy names, then the close reading of English, then the grammar of all
languages, and where none of them finds anything, the weight of all cues together.
What the message quotes is not its own promise: lines that begin with `>` below a line that ends in a colon, as mail
programs introduce a quotation. Lines so marked without that introduction are read, or `> ` would hide any promise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from core.rules.classes import english, grammar, letters, weighing

_MOST: Final = 8
"""Phrases shown to the reviewer; the ninth would not change the decision."""
_LONGEST_PHRASE: Final = 160
_SENTENCE: Final = re.compile(
    r"[.](?=\s)(?<!\b\d[.])(?<!\b\d\d[.])(?<!\b[DMSF]r[.])(?<!\bM[rm][se][.])(?<!\bSra[.])(?<!\bMs[.])"
    r"|[!?](?=\s)|\n[ \t>|]*\n"
)
"""A sentence's end: not the dot of `5. Mai` or `Dr. Weiss`."""
_SHORTEST: Final = 4


def promises(text: str, *, named: Iterable[str] = ()) -> tuple[str, ...]:
    """The phrases as written, at most eight, each once. `named` are further ones that policy asks for."""
    found: dict[str, None] = {}
    read, spaced = letters.undisguised(letters.plain(_own(text)), telling=grammar.binds)
    wanted = [(phrase, _normal(phrase)) for phrase in named]
    if wanted:
        whole = f" {_normal(read)} "
        found.update({phrase: None for phrase, spelled in wanted if spelled and f" {spelled} " in whole})
    if spaced and (run := grammar.run_together(_lower(read))) is not None:
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
    """Where a sentence promises, and whether it settles what the next one says."""
    lowered = _lower(sentence)
    if _RECEIPT.fullmatch(lowered.strip()):
        return (), False
    spans = _worded(sentence, lowered)
    if not spans and (weighed := weighing.promising(lowered, after_deal=after_deal)) is not None:
        spans = (weighed,)
    return spans, weighing.settles(lowered)


def _worded(sentence: str, lowered: str) -> tuple[tuple[int, int], ...]:
    spaced = lowered.replace("\n", " ")
    close = tuple(english.promising(sentence)) if any(stem in spaced for stem in english.STEMS) else ()
    return close or tuple(grammar.promising(lowered))


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
"""The whole of a receipt's sentence: it tells that something came in and grants nothing ("Order 5 confirmed")."""
_REMEMBERED: Final = 400
_known = lru_cache(maxsize=4096)(_read)
"""Agents write the same sentences again and again."""


def _lower(text: str) -> str:
    """In lower case, every place where it was: some letters are longer in lower case, and stay."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends, its mark included."""
    start = 0
    for found in _SENTENCE.finditer(text):
        end = found.end()
        if end - start >= _SHORTEST:
            yield start, end
        start = end
    if len(text) - start >= _SHORTEST:
        yield start, len(text)


def _own(text: str) -> str:
    """The text without what it quotes."""
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


@lru_cache(maxsize=512)
def _normal_phrase(phrase: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", letters.plain(phrase).lower()))


def _normal(text: str) -> str:
    return _normal_phrase(text) if len(text) <= 200 else " ".join(re.findall(r"[^\W_]+", letters.plain(text).lower()))
