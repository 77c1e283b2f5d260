"""Findings about a clause: each one is a bit, named in `NAMES`."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

CLASSES: Final = ("grant", "do", "soft", "state", "other")
GRANTS, DOES, SOFTLY, STATES, OTHERWISE = range(5)
TENSES: Final = ("future", "done", "now")
FUTURE, DONE, NOW = range(3)
_AGENTS: Final = ("we", "ours", "they")
WE, OURS, THEY = range(3)
_THINGS: Final = ("you", "sum", "slot", "pact", "system", "thing")

NAMES: Final[tuple[str, ...]] = (
    *(f"{agent} {tense} {verb}" for agent in _AGENTS for tense in TENSES for verb in CLASSES),
    *(f"{thing} is {verb}" for thing in _THINGS for verb in CLASSES),
    "we deny grant", "we deny", "we might grant", "we might", "ours deny", "ours might",
    "you get", "you get sum", "you get place", "you are spared", "we spare", "is spared", "bare grant", "bare do",
    "due", "no cost", "you act", "is denied", "is supposed", "we ask", "passive future", "you did", "stands",
    "we dated", "we to you", "we sum", "we place", "ours to you", "ours dated", "ours sum", "passive your",
    "passive dated",
    "deal dated", "free you", "free thing", "free rule", "arrives", "system dated", "told grant", "rule grant",
    "costs sum",
    "thing bare", "we grant", "we do", "we other", "ours grant", "ours do", "given grant", "given do", "given future",
    "we ourselves", "will be dated", "we system", "reader keeps",
    "by us", "we offer", "is given", "ours agree", "you gain", "you need not",
    "self given", "self given you", "self given sum", "span",
    "hands you", "hands you dated",
)  # fmt: skip
PASSIVE: Final = len(_AGENTS) * len(TENSES) * len(CLASSES)
_REST: Final = PASSIVE + len(_THINGS) * len(CLASSES)
_AT: Final = {name: 1 << place for place, name in enumerate(NAMES)}
WE_DENY_GRANT, WE_DENY, WE_MIGHT_GRANT, WE_MIGHT, OURS_DENY, OURS_MIGHT = (
    _AT[name] for name in NAMES[_REST : _REST + 6]
)
YOU_GET, YOU_GET_SUM, YOU_GET_PLACE, YOU_SPARED, WE_SPARE, SPARED, BARE_GRANT, BARE_DO, DUE, NO_COST = (
    _AT[name] for name in NAMES[_REST + 6 : _REST + 16]
)
YOU_ACT, IS_DENIED, IS_SUPPOSED, WE_ASK, PASSIVE_FUTURE = (_AT[name] for name in NAMES[_REST + 16 : _REST + 21])

(
    YOU_DID, STANDS, WE_DATED, WE_TO_YOU, WE_SUM, WE_PLACE, OURS_TO_YOU, OURS_DATED, OURS_SUM, PASSIVE_YOUR,
    PASSIVE_DATED,
    DEAL_DATED, FREE_YOU, FREE_THING, FREE_RULE, ARRIVES, SYSTEM_DATED, TOLD_GRANT, RULE_GRANT, COSTS_SUM, THING_BARE,
    WE_GRANT, WE_DO, WE_OTHER, OURS_GRANT, OURS_DO, GIVEN_GRANT, GIVEN_DO, GIVEN_FUTURE,
    WE_OURSELVES, WILL_BE_DATED, WE_SYSTEM, READER_KEEPS, BY_US, WE_OFFER, IS_GIVEN, OURS_AGREE, YOU_GAIN, YOU_NEED_NOT,
    SELF_GIVEN, SELF_GIVEN_YOU, SELF_GIVEN_SUM, SPAN,
    HANDS_YOU, HANDS_YOU_DATED,
) = (_AT[name] for name in NAMES[_REST + 21 :])  # fmt: skip
_BINDING: Final = (GRANTS, DOES, OTHERWISE)
WE_BINDS: Final = sum(
    1 << ((WE * len(TENSES) + tense) * len(CLASSES) + verb) for tense in range(3) for verb in _BINDING
)
OURS_BINDS: Final = sum(
    1 << ((OURS * len(TENSES) + tense) * len(CLASSES) + verb) for tense in range(3) for verb in _BINDING
)
GIVEN: Final = sum(1 << (PASSIVE + thing * len(CLASSES) + verb) for thing in range(6) for verb in (GRANTS, DOES))
BACKED: Final = (
    (sum(1 << (tense * len(CLASSES) + GRANTS) for tense in range(3)), WE_GRANT),
    (sum(1 << (tense * len(CLASSES) + DOES) for tense in range(3)), WE_DO),
    (sum(1 << (tense * len(CLASSES) + OTHERWISE) for tense in range(3)), WE_OTHER),
    (sum(1 << ((OURS * 3 + tense) * len(CLASSES) + GRANTS) for tense in range(3)), OURS_GRANT),
    (sum(1 << ((OURS * 3 + tense) * len(CLASSES) + DOES) for tense in range(3)), OURS_DO),
    (sum(1 << (PASSIVE + thing * len(CLASSES) + GRANTS) for thing in range(6)), GIVEN_GRANT),
    (sum(1 << (PASSIVE + thing * len(CLASSES) + DOES) for thing in range(6)), GIVEN_DO),
)
"""The same findings with all tenses, or all things, merged."""
DATES: Final = k.TIME | k.AHEAD
SUMS: Final = k.SUM | k.MONEY
PLACES: Final = k.SLOT | k.PACT
READER: Final = k.YOU | k.YOUR
