"""Texts that a regular expression matches, made from the expression itself: every alternative has its turn.

What may be left out is sometimes there and sometimes not, except for the gap between two words: nobody writes
`personfor`. The choices come from a seed, so that a failure comes back.
"""

from __future__ import annotations

import random
import re
from re import _constants as op
from re import _parser as parser
from typing import Any, Final

_OF_CATEGORY: Final = {
    op.CATEGORY_WORD: "z", op.CATEGORY_DIGIT: "7", op.CATEGORY_SPACE: " ", op.CATEGORY_NOT_WORD: " ",
}  # fmt: skip


def samples(pattern: re.Pattern[str], *, n: int) -> list[str]:
    """At most `n` different texts that the pattern finds something in."""
    chance, tree = random.Random(pattern.pattern), parser.parse(pattern.pattern)
    made = dict.fromkeys(_text(tree, chance) for _ in range(n))
    return [one for one in made if pattern.search(one)]


def _text(tree: Any, chance: random.Random) -> str:
    return "".join(_part(kind, value, chance) for kind, value in tree)


def _part(kind: Any, value: Any, chance: random.Random) -> str:
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.IN:
        return _character(value, chance)
    if kind is op.ANY:
        return " "
    if kind is op.BRANCH:
        return _text(chance.choice(value[1]), chance)
    if kind is op.SUBPATTERN:
        return _text(value[3], chance)
    if kind in {op.MAX_REPEAT, op.MIN_REPEAT}:
        least, most, repeated = value
        times = max(least, 1) if _gap(repeated) else chance.choice((least, min(most, least + 1)))
        return "".join(_text(repeated, chance) for _ in range(times))
    if kind in {op.AT, op.ASSERT, op.ASSERT_NOT}:
        return ""
    raise NotImplementedError(kind)


def _gap(repeated: Any) -> bool:
    """Whether it stands between two words: a space, or anything but the end of a sentence."""
    if len(repeated) != 1:
        return False
    kind, value = repeated[0]
    if kind is op.ANY:
        return True
    if kind is op.IN:
        return value[0][0] is op.NEGATE or value[0] == (op.CATEGORY, op.CATEGORY_SPACE)
    return bool((kind, value) == (op.LITERAL, ord(" ")))


def _character(choices: Any, chance: random.Random) -> str:
    if choices[0][0] is op.NEGATE:
        return " "
    kind, value = chance.choice(choices)
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.RANGE:
        return chr(chance.randint(*value))
    return _OF_CATEGORY[value]
