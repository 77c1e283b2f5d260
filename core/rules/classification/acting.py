"""Find who acts in a clause, in which tense, and with what kind of verb.

English shows the agent by word order; German and Dutch put the main verb at the end of the clause; Spanish, Portuguese
and Italian mark the subject in the verb form itself.
"""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k
from core.rules.classification.findings import (
    CLASSES,
    DOES,
    DONE,
    FUTURE,
    GRANTS,
    NOW,
    OTHERWISE,
    OURS,
    OURS_DENY,
    OURS_MIGHT,
    SOFTLY,
    STATES,
    TENSES,
    THEY,
    WE,
    WE_DENY,
    WE_DENY_GRANT,
    WE_MIGHT,
    WE_MIGHT_GRANT,
)

_VERBS: Final = k.GRANT | k.DO | k.SOFT | k.STATE | k.SAY
_CHAIN: Final = k.WILL | k.HAVE | k.BE | k.MIGHT | k.NOT | k.LINK
_AND: Final = frozenset({"and", "und", "et", "y", "e", "ed", "en", "then", "dann", "puis", "dan"})


def class_of(mask: int) -> int:
    if mask & (k.GRANT | k.SAY):
        return GRANTS
    if mask & k.DO:
        return DOES
    if mask & k.SOFT:
        return SOFTLY
    return STATES if mask & k.STATE else OTHERWISE


def _act(agent: int, tense: int, verb: int) -> int:
    return 1 << ((agent * len(TENSES) + tense) * len(CLASSES) + verb)


def agent_of(masks: list[int], *, english: bool) -> tuple[int, int]:
    """The agent and its position; the agent is -1 if neither our side nor a third party acts."""
    theirs = ours = -1
    other = False
    for n, mask in enumerate(masks):
        if mask & k.FIRST or (not english and mask & k.SELF and not (other and mask & k.PRESENT_O)):
            return WE, n
        other = other or bool(mask & (k.OURS | k.THEIRS | k.YOUSUBJECT))
        if mask & k.YOU and english and n <= 1:
            return -1, n
        if mask & k.OURS and ours < 0:
            ours = n
        elif mask & k.THEIRS and theirs < 0 and english:
            theirs = n
    if ours >= 0 and (theirs < 0 or ours < theirs):
        return OURS, ours
    return (THEY, theirs) if theirs >= 0 else (-1, 0)


def acting(  # noqa: C901, PLR0912 - the order of words, step by step
    masks: list[int], tokens: list[str], every: int, *, agent: int, at: int, english: bool, verb_last: bool
) -> int:
    chain = 0
    if english:
        n = at + 1
        if agent != WE:  # "the engineer from Leeds will": the chain begins at the first auxiliary or verb
            while n < len(masks) and not masks[n] & (_CHAIN | _VERBS):
                n += 1
        while n < len(masks) and (masks[n] & _CHAIN or tokens[n].endswith("ly")):
            chain |= masks[n]
            n += 1
        mask = masks[n] if n < len(masks) else 0
        verb = class_of(mask)
        part = mask & k.PART
        if verb == OTHERWISE and chain & k.LINK and chain & (k.GRANT | k.DO | k.SAY):
            verb, part = class_of(chain), chain & k.PART
        if verb in {SOFTLY, OTHERWISE, STATES}:
            verb = min(verb, _joined(masks, tokens, n + 1))
        if (part and not chain & (k.WILL | k.BE)) or (tokens[n - 1 :] and mask & k.PART and chain & k.HAVE):
            tense = DONE
        elif chain & k.WILL or (chain & k.BE and mask and tokens[n].endswith("ing")):
            tense = FUTURE
        else:
            tense = NOW
        if chain & k.LINK and chain & k.DEAL:  # "would be happy to"
            chain &= ~k.MIGHT
        if tokens[n - 2 : n] and tokens[n - 1] == "to" and tokens[n - 2] in {"have", "has", "had", "got"}:
            verb = SOFTLY  # "I have to pay the invoice first"
        denied = chain & k.NOT or any(
            one & k.NOT and (not one & k.FREE or mask & k.SAY) for one in masks[n + 1 : n + 3]
        )
        supposed = chain & (k.MIGHT | k.IF) or any(mask & k.IF for mask in masks[:at])
    else:
        verb, tense, upto = _elsewhere(masks, every, at=at, verb_last=verb_last)
        if verb == OTHERWISE and agent == OURS:  # "la paga la empresa"
            before = 0
            for mask in masks[:at]:
                before |= mask if not mask & (k.SUM | k.SLOT | k.PACT) else 0
            verb = class_of(before)
        denied = any(mask & k.NOT for mask in masks[:upto])
        supposed = (every & (k.MIGHT | k.IF) and not every & k.WILL) or any(mask & k.IF for mask in masks[:2])
        chain = every
    if denied:
        if agent == WE:
            return WE_DENY_GRANT if verb == GRANTS else WE_DENY
        return OURS_DENY
    if supposed:
        if agent == WE:
            return WE_MIGHT_GRANT if verb == GRANTS else WE_MIGHT
        return OURS_MIGHT
    return _act(agent, tense, verb)


def _elsewhere(  # noqa: C901, PLR0912 - two families of languages
    masks: list[int], every: int, *, at: int, verb_last: bool
) -> tuple[int, int, int]:
    """Verb class and tense of a clause in a language other than English, and how far a negation is looked for."""
    part = False
    upto = len(masks)
    if verb_last:
        near = 0
        for n in (at - 1, at + 1):
            if 0 <= n < len(masks):
                near |= masks[n] & _VERBS if not masks[n] & (k.WILL | k.HAVE | k.BE) else 0
        others = 0
        for n, mask in enumerate(masks):
            if n != at and not mask & (k.SUM | k.SLOT | k.PACT | k.TIME | k.YOU | k.WILL | k.HAVE):
                others |= mask & _VERBS
                part = part or bool(mask & k.PART)
        verb = class_of(near) if near and class_of(near) == SOFTLY else class_of(near | others)
    else:
        n = at
        if not masks[n] & k.SELF or (masks[n] & (k.WILL | k.HAVE | k.BE) and not masks[n] & k.GRANT):
            n += 1
            skip = k.WILL | k.HAVE | k.BE | k.NOT | k.YOU | k.LINK | k.MIGHT
            while n < min(len(masks), at + 7) and (masks[n] & skip or not masks[n] & _VERBS):
                if masks[n] & k.WILL and masks[n] & k.GRANT:
                    break  # "rembourserons": the verb and its future in one word
                n += 1
        verb = class_of(masks[n]) if n < len(masks) else OTHERWISE
        upto = n + 1 if n < len(masks) and masks[n] & k.SAY else n + 4  # "I promise that it will not happen again"
        part = n < len(masks) and bool(masks[n] & k.PART)
        if verb in {SOFTLY, OTHERWISE, STATES}:
            later = 0
            for mask in masks[n + 1 :]:
                if mask & k.SELF and mask & (k.GRANT | k.DO):
                    later |= mask
            verb = min(verb, class_of(later))
    if every & k.HAVE and part:
        return verb, DONE, upto
    return verb, FUTURE if every & k.WILL else NOW, upto


def _joined(masks: list[int], tokens: list[str], start: int) -> int:
    """Class of a verb that "and" joins to the same subject: looked into it and refunded you."""
    for n in range(start, len(masks) - 1):
        if tokens[n] in _AND and masks[n + 1] & k.YOU == 0:
            after = (
                masks[n + 1]
                if not masks[n + 1] & _CHAIN or masks[n + 1] & _VERBS
                else masks[min(n + 2, len(masks) - 1)]
            )
            if after & (k.GRANT | k.DO) and not after & (k.SUM | k.SLOT):
                return class_of(after)
    return OTHERWISE
