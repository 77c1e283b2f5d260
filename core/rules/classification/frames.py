"""Find who does what in one clause: agent, tense, kind of verb, and its object; each finding is a bit.

English shows the agent by word order; German and Dutch put the main verb at the end of the clause; Spanish, Portuguese
and Italian mark the subject in the verb form itself. The resulting bits are the same for all languages.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from core.rules.classification import kinds as k
from core.rules.classification.acting import acting, agent_of, class_of
from core.rules.classification.findings import (
    ARRIVES,
    BACKED,
    BARE_DO,
    BARE_GRANT,
    CLASSES,
    DATES,
    DEAL_DATED,
    DUE,
    FREE_RULE,
    FREE_THING,
    FREE_YOU,
    GIVEN,
    GIVEN_DO,
    GIVEN_FUTURE,
    GIVEN_GRANT,
    HANDS_YOU,
    HANDS_YOU_DATED,
    IS_DENIED,
    IS_SUPPOSED,
    NO_COST,
    OURS,
    OURS_AGREE,
    OURS_BINDS,
    OURS_DATED,
    OURS_SUM,
    OURS_TO_YOU,
    PASSIVE,
    PASSIVE_DATED,
    PASSIVE_FUTURE,
    PASSIVE_YOUR,
    PLACES,
    READER,
    READER_KEEPS,
    RULE_GRANT,
    SELF_GIVEN,
    SELF_GIVEN_SUM,
    SELF_GIVEN_YOU,
    SPARED,
    STANDS,
    STATES,
    SUMS,
    SYSTEM_DATED,
    THING_BARE,
    TOLD_GRANT,
    WE,
    WE_BINDS,
    WE_DATED,
    WE_DENY,
    WE_DENY_GRANT,
    WE_MIGHT,
    WE_MIGHT_GRANT,
    WE_OFFER,
    WE_OURSELVES,
    WE_PLACE,
    WE_SPARE,
    WE_SUM,
    WE_SYSTEM,
    WE_TO_YOU,
    WILL_BE_DATED,
    YOU_ACT,
    YOU_DID,
    YOU_GAIN,
    YOU_GET,
    YOU_GET_PLACE,
    YOU_GET_SUM,
    YOU_NEED_NOT,
    YOU_SPARED,
)
from core.rules.classification.neighbours import adjusted

_VERBS: Final = k.GRANT | k.DO | k.SOFT | k.STATE | k.SAY
_OBJECTS: Final = ((k.SUM, 1), (k.SLOT, 2), (k.PACT, 3), (k.SYSTEM, 4), (k.YOU, 0))
_AND: Final = frozenset({"and", "und", "et", "y", "e", "ed", "en", "then", "dann", "puis", "dan"})


_CLOUDED: Final = k.IF | k.MIGHT | k.TOLD | k.RULE | k.AWAY | k.BEFORE | k.NOT | k.COSTS
"""What makes a finding less than plain: negation, hypotheticals, reported speech, general rules, the past."""
_CLOUDING: Final = YOU_DID | IS_DENIED | IS_SUPPOSED | WE_DENY | WE_DENY_GRANT


def clause_frames(  # noqa: C901, PLR0912 - a list of findings
    masks: list[int], tokens: list[str], *, english: bool, verb_last: bool, inherited: int
) -> tuple[int, int, int]:
    """The frames of a clause, the plain ones among them, and the agent that the next clause inherits."""
    settled = any(mask & k.DEAL for mask in masks)
    masks, frames = adjusted(masks, tokens)
    every = 0
    for mask in masks:
        every |= mask
    agent, at = agent_of(masks, english=english)
    if agent < 0 and inherited and tokens[0] in _AND | {"have", "will"}:
        agent, at = (WE if inherited & k.FIRST else OURS), 0
    if agent >= 0 and at <= _FAR:
        frames |= acting(masks, tokens, every, agent=agent, at=at, english=english, verb_last=verb_last)
    elif every & READER:
        frames |= _reader(masks, every, english=english)
    if agent < 0 and not english and every & k.YOUDO and every & k.PART and not every & (k.BE | k.YOU):
        frames |= YOU_DID
    if agent != WE and not frames & YOU_DID and every & k.BE and every & (k.GRANT | k.DO | k.STATE | k.PART):
        frames |= _passive(masks, every, english=english)
    if every & k.NOT and every & k.SPARED:
        frames |= _spared(masks, every)
    if agent < 0 and not every & (k.YOU | k.BE | k.NOT | k.IF):
        opening = next((mask for mask in masks[:4] if not mask & (k.LINK | k.DEAL)), 0)
        if opening & k.PART and opening & (k.GRANT | k.DO):
            frames |= BARE_GRANT if opening & k.GRANT else BARE_DO
    if not english and agent == WE and any(early & k.SELF and late & k.FIRST for early, late in pairwise(masks)):
        frames |= WE_OURSELVES
    if agent < 0 and not english and masks[0] & k.GET and not every & (k.YOU | k.NOT | k.IF):
        frames |= READER_KEEPS
    frames |= _together(frames, every, agent=agent)
    own = k.FIRST if agent == WE else k.OURS if agent == OURS else 0
    if settled and agent == OURS and not every & k.NOT:
        frames |= OURS_AGREE
    if every & k.MUST and every & k.NOT and agent != WE and not every & k.IF:
        frames |= YOU_NEED_NOT
    clouded = every & _CLOUDED
    if frames & (NO_COST | YOU_NEED_NOT | WE_SPARE | YOU_SPARED | SPARED) or (clouded & k.NOT and _says_first(masks)):
        clouded &= ~k.NOT
    return frames, 0 if clouded or frames & _CLOUDING else frames, own


def _together(frames: int, every: int, *, agent: int) -> int:  # noqa: C901, PLR0912 - a list of findings
    """Findings from combinations within a clause."""
    found = 0
    for some, frame in BACKED:
        if frames & some:
            found |= frame
    if found & (GIVEN_GRANT | GIVEN_DO) and frames & PASSIVE_FUTURE:
        found |= GIVEN_FUTURE
    if frames & WE_BINDS:
        if every & k.SYSTEM and not every & (k.SUM | k.SLOT | k.PACT):
            found |= WE_SYSTEM
        for kinds, frame in ((DATES, WE_DATED), (READER, WE_TO_YOU), (SUMS, WE_SUM), (PLACES, WE_PLACE)):
            if every & kinds:
                found |= frame
    if frames & OURS_BINDS:
        for kinds, frame in ((DATES, OURS_DATED), (READER, OURS_TO_YOU), (SUMS, OURS_SUM)):
            if every & kinds:
                found |= frame
    if frames & GIVEN:
        found |= (PASSIVE_YOUR if every & READER else 0) | (PASSIVE_DATED if every & DATES else 0)
    if frames & SELF_GIVEN and not every & (k.NOT | k.IF):
        found |= (SELF_GIVEN_YOU if every & READER else 0) | (SELF_GIVEN_SUM if every & (SUMS | PLACES) else 0)
    if every & k.DEAL and every & (DATES | k.NUMBER | k.MONEY):
        found |= DEAL_DATED
    if every & k.FREE:
        found |= (FREE_YOU if every & READER else 0) | (FREE_THING if every & (PLACES | k.SUM) else 0)
        found |= FREE_RULE if every & k.RULE else 0
    if agent != WE and every & (k.DO | k.BE) and every & READER and every & DATES:
        found |= ARRIVES
    ahead = every & k.WILL or (every & k.BE and frames & DUE)
    if agent in {-1, OURS} and ahead and every & DATES and not every & (k.NOT | k.IF | k.MIGHT):
        found |= WILL_BE_DATED
    if every & k.SYSTEM and every & DATES:
        found |= SYSTEM_DATED
    if every & (k.GRANT | k.SUM):
        found |= (TOLD_GRANT if every & k.TOLD else 0) | (RULE_GRANT if every & k.RULE else 0)
    if frames & (WE_MIGHT | WE_MIGHT_GRANT) and every & SUMS and not every & (k.IF | k.ASK & ~k.MIGHT):
        found |= WE_OFFER
    if every & k.STAYS and every & (k.SUM | k.PACT | k.SLOT) and not every & k.RULE:
        found |= STANDS
    if agent < 0 and every & k.PART and every & k.GRANT and every & (PLACES | k.SUM) and not every & k.BE:
        found |= THING_BARE
    return found


_FAR: Final = 12
_HANDING: Final = k.GRANT | k.DO | k.SOFT | k.SAY
_IN_O: Final = 3
"""A shorter word in -o is no verb ("no", "do")."""


def _says_first(masks: list[int]) -> bool:
    """Whether the promise precedes any negation: "I promise this will not happen again"."""
    first = next(mask for mask in masks if mask & (k.SAY | k.NOT))
    return not first & k.NOT


def _reader(masks: list[int], every: int, *, english: bool) -> int:  # noqa: C901 - a list of findings
    """Findings about what the reader receives or does."""
    if every & (k.IF | k.MIGHT) and not every & k.WILL:
        return IS_SUPPOSED
    if every & k.NOT:
        return IS_DENIED
    at = next(n for n, mask in enumerate(masks) if mask & READER)
    if not every & k.YOU:  # "your son has a place from September"
        return YOU_GET_PLACE if every & k.GET and every & k.SLOT else 0
    if english and any(
        early & k.YOU and not early & k.YOUR and late & k.PART and late & _VERBS and not late & k.GET
        for early, late in pairwise(masks)
    ):
        return YOU_DID  # "great that you booked early"
    if at <= 2 and not every & (k.WILL | k.BE):  # "you signed the lease", "Sie haben zweimal bezahlt"
        near = masks[at + 1 : at + 4] if english else masks
        if any(mask & k.PART and mask & _VERBS and not mask & k.GET for mask in near) and (
            english or every & (k.HAVE | k.YOUDO)
        ):
            return YOU_DID
    reach = masks[at + 1 : at + 5] if english else masks
    if not any(mask & k.GET for mask in reach):
        return YOU_ACT
    found = YOU_GET
    if any(mask & k.GET and not mask & (k.HAVE | k.YOUDO) for mask in reach):
        found |= YOU_GAIN  # "you will get", not "you have"
    if every & (k.SUM | k.MONEY | k.FREE):
        found |= YOU_GET_SUM
    if every & (k.SLOT | k.PACT | k.TIME):
        found |= YOU_GET_PLACE
    return found


def _passive(masks: list[int], every: int, *, english: bool) -> int:
    being = next(n for n, mask in enumerate(masks) if mask & k.BE)
    before, after = masks[:being], masks[being + 1 :]
    subject, done = (before, after[:6]) if english else (masks, masks)
    best = 0
    for mask in done:
        if mask & k.PART and mask & (k.GRANT | k.DO | k.STATE):
            best |= mask
    if not best:
        best = next((mask for mask in done if mask & k.PART and not mask & k.BE), 0)
        if not best:
            best = next((mask for mask in done if mask & k.GRANT), 0)
        if not best:
            return 0
    if every & k.NOT:
        return IS_DENIED
    if every & k.IF:
        return IS_SUPPOSED
    things = 0
    for mask in subject:
        things |= mask
    thing = next((place for kind, place in _OBJECTS if things & kind), 5)
    verb = STATES if best & k.STATE and not best & k.GRANT else class_of(best)
    found = 1 << (PASSIVE + thing * len(CLASSES) + verb)
    return found | (PASSIVE_FUTURE if every & k.WILL else 0)


def _spared(masks: list[int], every: int) -> int:
    denied = next(n for n, mask in enumerate(masks) if mask & k.NOT)
    if not any(mask & k.SPARED for mask in masks[max(0, denied - 5) : denied + 7]):
        return 0
    if every & k.MIGHT and not every & k.WILL:
        return 0
    if every & k.FIRST | every & k.SELF:
        return WE_SPARE
    return YOU_SPARED if every & k.YOU else SPARED


def handed(tokens: list[str], masks: list[int], every: int) -> int:
    """Whether the writer gives the reader something, in the present: "ti giro", "ik stuur u", "wir zahlen Ihnen"."""
    if every & (k.IF | k.MIGHT | k.TOLD) or not every & k.YOU:
        return 0
    for n, mask in enumerate(masks[:-1]):
        after = masks[n + 1]
        in_o = mask & k.YOU and after & _HANDING and len(tokens[n + 1]) > _IN_O and tokens[n + 1].endswith("o")
        verb_between = mask & k.FIRST and after & (k.GRANT | k.DO) and any(one & k.YOU for one in masks[n + 2 : n + 3])
        you_between = mask & k.FIRST and after & k.YOU and any(one & (k.GRANT | k.DO) for one in masks[n + 2 : n + 3])
        if in_o or verb_between or you_between:
            return HANDS_YOU | (HANDS_YOU_DATED if every & DATES else 0)
    return 0
