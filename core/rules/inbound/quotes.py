"""Cut the mail that a reply quotes, so that a reader sees what is new. The whole text is kept elsewhere.

Line by line, each pattern on a line of bounded length: one pass over the text. The library for this,
mail-parser-reply, runs its patterns over the whole body, and 150 kB of `On On On ...` keep it busy for minutes: any
stranger could stop the desk with one message.

Only the end of the text is cut: a quotation that is answered paragraph by paragraph stays readable.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 400
"""Characters of a line that are compared; an attribution is shorter."""
WRAPPED: Final = 4
"""Lines over which an attribution may be wrapped."""

# "On Monday ... wrote:" in the languages of the large mail programs. Each begins a line and ends one.
_WROTE: Final = re.compile(
    r"(?:On\b.{3,}\b(?:wrote|writes)|Am\b.{3,}\bschrieb\b.{0,120}|Le\b.{3,}\ba écrit|El\b.{3,}\bescribió\b.{0,120}"
    r"|Il\b.{3,}\bha scritto|Em\b.{3,}\bescreveu\b.{0,120}|Op\b.{3,}\bschreef\b.{0,120}|Den\b.{3,}\bskrev\b.{0,120}"
    r"|W dniu\b.{3,}\bnapisał(?:\(a\)|a)?|.{3,}\bпишет|.{3,}\bwrote|.{3,}\bschrieb|.{3,}のメール|.{3,}写道)"  # noqa: RUF001
    r"\s{0,3}[:\uff1a]$",
    re.IGNORECASE,
)
_BEGINS: Final = re.compile(r"(?:On|Am|Le|El|Il|Em|Op|Den|W dniu)\s", re.IGNORECASE)
_SEPARATOR: Final = re.compile(
    r"[-_*=\s]{2,60}(?:original message|ursprüngliche nachricht|message d'origine|mensaje original|messaggio originale"
    r"|mensagem original|oorspronkelijk bericht|forwarded message|weitergeleitete nachricht|message transféré"
    r"|mensaje reenviado|messaggio inoltrato)[-_*=\s]{0,60}",
    re.IGNORECASE,
)
_RULED: Final = "-_*="
"""One of these begins a separator."""
_FROM: Final = re.compile(
    r"\*?(?:From|Von|De|Da|Van|Od|Fra|Från|От|差出人|发件人)\*?\s{0,3}[:\uff1a].{1,}", re.IGNORECASE
)
_HEADER: Final = re.compile(
    r"\*?(?:Sent|Date|To|Subject|Cc|Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviado(?: el)?|Para|Asunto|Inviato|A"
    r"|Oggetto|Enviada(?: em)?|Assunto|Verzonden|Aan|Onderwerp)\*?\s{0,3}[:\uff1a].{0,}",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"_{10,}|-{10,}")


def without_quotes(text: str) -> str:
    """The text up to the mail it quotes at its end; the whole text if that would leave nothing."""
    lines = text.split("\n")
    end = _quoted_from(lines)
    kept = "\n".join(lines[:end]).strip()
    return kept or text.strip()


def _quoted_from(lines: list[str]) -> int:
    """Index of the first line of the quotation that runs to the end; the number of lines if there is none."""
    for index, line in enumerate(lines):
        short = line[:LONGEST].strip()
        if not short:
            continue
        if (short[0] in _RULED and _SEPARATOR.fullmatch(short)) or _is_header(lines, index, short):
            return _before_rule(lines, index)
        last = _attribution(lines, index, short)
        if last is not None and _only_quotes(lines, last + 1):
            return index
    return _trailing(lines)


def _attribution(lines: list[str], index: int, short: str) -> int | None:
    """Index of the last line of an attribution that begins here; None if none does."""
    if len(short) < LONGEST and short[-1] in ":\uff1a" and _WROTE.fullmatch(short):
        return index
    if not _BEGINS.match(short):
        return None
    joined = short
    for further in range(index + 1, min(index + WRAPPED, len(lines))):
        joined = f"{joined} {lines[further].strip()}"
        if len(joined) > LONGEST:
            return None
        if joined[-1:] in {":", "\uff1a"} and _WROTE.fullmatch(joined):
            return further
    return None


def _only_quotes(lines: list[str], at: int) -> bool:
    """Whether nothing new follows a quotation: quoted lines, or a quotation without marks.

    Without marks, all of the rest is the quotation: mail programs that write HTML quote so. With marks, text after
    them is an answer below the quotation.
    """
    rest = [line[:LONGEST].lstrip() for line in lines[at:] if line.strip()]
    marked = [line.startswith(">") for line in rest]
    if not any(marked[:2]):
        return bool(rest)
    return all(marked[marked.index(True) :])


def _is_header(lines: list[str], index: int, short: str) -> bool:
    """Whether a quoted header begins here, as Outlook writes it: From, and two more fields in the next five lines."""
    if not (":" in short or "\uff1a" in short) or not _FROM.fullmatch(short):
        return False
    following = [line[:LONGEST].strip() for line in lines[index + 1 : index + 6]]
    return sum(bool(_HEADER.fullmatch(line)) for line in following) >= 2


def _before_rule(lines: list[str], index: int) -> int:
    """The line drawn above a quotation belongs to it."""
    at = index
    while at > 0 and not lines[at - 1].strip():
        at -= 1
    return at - 1 if at > 0 and _RULE.fullmatch(lines[at - 1][:LONGEST].strip()) else index


def _trailing(lines: list[str]) -> int:
    """Index of the first of the quoted lines at the end."""
    end = len(lines)
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    first = end
    while first > 0 and (lines[first - 1].lstrip().startswith(">") or not lines[first - 1].strip()):
        first -= 1
    return first if any(line.lstrip().startswith(">") for line in lines[first:end]) else len(lines)
