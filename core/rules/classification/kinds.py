"""The kinds of words that a promise is made of, the same in every language.

A kind is a bit. A word can be of several kinds; `reading` decides from its neighbours which of them counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

GRANT: Final = 1 << 0
"""A verb by which somebody gives something up, takes something on or fixes something: waive, extend, book, sign."""
DO: Final = 1 << 1
"""A verb that binds beside a time, a sum or a recipient: send, bring, pay, fix."""
SOFT: Final = 1 << 2
"""A verb that binds nobody: look into, ask, hope, discuss."""
STATE: Final = 1 << 3
"""A participle by which systems and forms report: received, shipped, updated."""
SAY: Final = 1 << 4
"""A verb that binds by being said: promise, accept, undertake."""
LINK: Final = 1 << 5
"""What stands between somebody and what he does: agreed to, happy to, decided to."""
FIRST: Final = 1 << 6
"""I, we."""
OURS: Final = 1 << 7
"""Somebody who acts or decides for a party: the board, our engineer, the landlord."""
THEIRS: Final = 1 << 8
"""Somebody else: they, your neighbour, the other side."""
YOU: Final = 1 << 9
YOUR: Final = 1 << 10
WILL: Final = 1 << 11
HAVE: Final = 1 << 12
BE: Final = 1 << 13
MIGHT: Final = 1 << 14
IF: Final = 1 << 15
NOT: Final = 1 << 16
DEAL: Final = 1 << 17
"""Words that settle a thing: deal, agreed, sure, hereby."""
SUM: Final = 1 << 18
"""Money as a thing: refund, fee, deposit, salary."""
SLOT: Final = 1 << 19
"""A place in time or space that is kept for somebody: appointment, seat, table, room."""
PACT: Final = 1 << 20
"""What is asked for, offered or agreed: contract, offer, claim, leave, application."""
SYSTEM: Final = 1 << 21
"""What machines, shops and carriers report about: password, parcel, order number, backup."""
TIME: Final = 1 << 22
AHEAD: Final = 1 << 23
"""Tomorrow, by, until, within."""
BEFORE: Final = 1 << 24
"""Yesterday, last, ago."""
FREE: Final = 1 << 25
GET: Final = 1 << 26
"""What the reader may expect: get, receive, keep."""
SPARED: Final = 1 << 27
"""What the reader is glad to be spared: to be charged, billed, sued."""
RULE: Final = 1 << 28
"""What holds for everybody: policy, members, normally, each."""
TOLD: Final = 1 << 29
"""What others say: claims, according to, you mentioned."""
POLITE: Final = 1 << 30
"""Courtesy and plain information: thanks, attached, newsletter."""
ASK: Final = 1 << 31
"""What the reader is asked to do."""
PART: Final = 1 << 32
"""The form of a participle."""
SELF: Final = 1 << 33
"""A verb form that says "I" or "we" by itself: haremos, togliamo, agendei."""
NUMBER: Final = 1 << 34
MONEY: Final = 1 << 35
IDIOM: Final = 1 << 36
"""A set phrase that promises by itself."""
COMMON: Final = 1 << 37
"""An everyday word that only tells which language is written."""
AWAY: Final = 1 << 38
"""Out of office, closed, maintenance: plans that bind nobody."""
YOUDO: Final = 1 << 39
"""A verb form that names the reader as the one who acts: avez, hast."""
STAYS: Final = 1 << 40
"""A verb by which an offer or a price stands: holds, stands, gilt, bleibt."""
COSTS: Final = 1 << 41
"""A verb of plain information: costs, takes, lasts, amounts to."""
YOUSUBJECT: Final = 1 << 42
"""The reader as the one who acts: usted, voce, lei."""
PRESENT_O: Final = 1 << 43
"""A form in -o that says "I", or without its accent "he" or "you": firmo."""
MUST: Final = 1 << 44
"""What the reader has to do, or with a denial need not: mussen, tendra, hoeft."""

NAMES: Final[Mapping[int, str]] = {
    value: name for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
}


class Language(NamedTuple):
    """The words of one language. `words` holds for each kind its words; a star stands for any ending."""

    name: str
    words: Mapping[int, str]
    idioms: tuple[str, ...]
    participle: str
    """How a participle looks, as a regular expression."""
    selves: tuple[str, ...] = ()
    """How a verb ends that says "I" or "we" by itself."""
    surely: tuple[str, ...] = ()
    """Such endings that even a word that no list knows is taken for a verb."""
    futures: tuple[str, ...] = ()
    """How a verb ends that speaks of the future by itself."""
    plurals: tuple[tuple[str, str], ...] = (("s", ""),)
    """How a noun ends in the plural, and in the singular."""
    verb_last: bool = False
    """Whether the verb that tells what is done may stand far from its subject, at the clause's end."""
