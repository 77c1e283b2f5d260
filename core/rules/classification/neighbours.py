"""Adjust a word's kinds by its neighbours: no cost is no denial, 3 May is a date, signed by us is ours."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k
from core.rules.classification.findings import (
    BY_US,
    COSTS_SUM,
    DUE,
    IS_GIVEN,
    NO_COST,
    SELF_GIVEN,
    SPAN,
)

_VERBS: Final = k.GRANT | k.DO | k.SOFT | k.STATE | k.SAY
_WITHOUT: Final = frozenset(
    {"no", "without", "zero", "sans", "aucun", "sin", "sem", "senza", "zonder", "ohne", "keine", "geen", "nessun"}
)
_BY: Final = frozenset({"by", "von", "par", "por", "pelo", "da", "door"})
_US: Final = frozenset({"us", "me", "uns", "mir", "nous", "moi", "nosotros", "mi", "nos", "mim", "noi", "ons", "mij"})
_OPENING: Final = 2
_COSTLY: Final = k.SPARED


_SIGNED: Final = frozenset({"signed"})
_MAY: Final = frozenset({"may"})
_STILL: Final = frozenset({"noch", "nog", "ancora", "encore"})
_PIVOTS: Final = k.AHEAD | k.COSTS | k.DEAL
_OUR: Final = frozenset(
    {
        "our", "unser", "unsere", "unserer", "notre", "nos", "nuestro", "nuestra", "nuestros", "nosso", "nossa",
        "nostro",
        "nostra", "nostri", "onze", "ons",
    }
)  # fmt: skip
_SPANNING: Final = frozenset({"to", "bis", "au", "a", "ate", "al", "tot", "through"})
_UNTIL: Final = frozenset({"before", "avant", "antes", "prima"})
_LATER: Final = frozenset({"nog", "ancora"})
_LOOKING: Final = frozenset({"take", "taking", "have", "having"})
_RETURNING: Final = frozenset({"come", "coming", "get", "getting", "circle", "report", "go"})
_TURNING: Final = (
    _SPANNING | _UNTIL | _WITHOUT | _BY | _RETURNING | _OUR | _LOOKING | _STILL | {"may", "se", "si", "signed"}
)


def adjusted(masks: list[int], tokens: list[str]) -> tuple[list[int], int]:  # noqa: C901, PLR0912 - a case a line
    """Adjust each word's kinds by its neighbours: no cost is no denial, 3 May is a date, signed by us is ours."""
    masks, frames = list(masks), 0
    for n, (token, mask) in enumerate(zip(tokens, masks, strict=True)):
        if mask & _PIVOTS:
            near = 0
            for one in masks[n + 1 : n + 4]:
                near |= one
            if mask & k.AHEAD and near & (k.TIME | k.NUMBER):
                frames |= DUE
            if mask & k.COSTS and near & (k.NUMBER | k.MONEY):
                frames |= COSTS_SUM
            if n > _OPENING:
                masks[n] &= ~k.DEAL  # settles nothing in mid-clause
        if token not in _TURNING:
            continue
        if token in _SPANNING:
            if n and masks[n - 1] & k.TIME and any(one & k.TIME for one in masks[n + 1 : n + 2]):
                frames |= SPAN  # "Monday to Friday": opening hours
        elif token in _UNTIL:
            if any(one & (k.FIRST | k.SELF | k.THEIRS) for one in masks[n + 1 : n + 3]):
                masks[n] = k.IF  # "before we can refund anything"
        elif token in _WITHOUT and any(one & _COSTLY for one in masks[n + 1 : n + 4]):
            masks[n] = k.FREE
            frames |= NO_COST
        elif token in _SIGNED:
            if tokens[n + 1 : n + 2] and tokens[n + 1] in {"in", "up", "out", "off"}:
                masks[n] = k.STATE  # "signed in" signs nothing
        elif token in _OUR:
            if n <= 1:
                masks[n] |= k.OURS  # "our van", whatever kind of word follows
        elif token in _LOOKING:
            if "look" in tokens[n + 1 : n + 4]:
                masks[n] = k.SOFT
        elif token in _RETURNING:
            if tokens[n + 1 : n + 2] == ["back"]:
                masks[n] = masks[n + 1] = k.SOFT  # "come back to you"
        elif token in _STILL:
            beside = masks[n + 1 : n + 2] if token not in _LATER else masks[max(0, n - 1) : n + 2]
            if any(one & (k.TIME | k.AHEAD) for one in beside):
                masks[n] = k.AHEAD  # "noch heute", "vanmiddag nog": this very day
        elif token in _MAY and any(one & k.NUMBER for one in masks[max(0, n - 1) : n + 2]):
            masks[n] = k.TIME
        elif token in {"se", "si"}:
            if n and masks[n] & k.IF and masks[n - 1] & _VERBS:
                masks[n] &= ~k.IF  # trocam-se
            given = [one for one in masks[n + 1 : n + 5] if one & k.GRANT and not one & k.SELF]
            if given:
                told = any(one & (k.WILL | k.PART) for one in given)  # "se le devolvera", "se ha emitido"
                frames |= SELF_GIVEN if told else IS_GIVEN
        elif token in _BY and n + 1 < len(tokens) and tokens[n + 1] in _US:
            masks[n + 1] = 0
            frames |= BY_US
    return masks, frames
