"""The kinds of words that make up a promise, the same in every language.

A kind is a bit. A word can be of several kinds; `reading` uses its neighbours to choose between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

GRANT: Final = 1 << 0
"""A verb that concedes, takes on or fixes something: waive, extend, book, sign."""
DO: Final = 1 << 1
"""A verb that commits together with a time, a sum or a recipient: send, bring, pay, fix."""
SOFT: Final = 1 << 2
"""A verb that commits to nothing: look into, ask, hope, discuss."""
STATE: Final = 1 << 3
"""A participle used in system messages and forms: received, shipped, updated."""
SAY: Final = 1 << 4
"""A performative verb, one that commits by being said: promise, accept, undertake."""
LINK: Final = 1 << 5
"""Words between a subject and its main verb: agreed to, happy to, decided to."""
FIRST: Final = 1 << 6
"""I, we."""
OURS: Final = 1 << 7
"""Somebody who acts or decides for one of the parties: the board, our engineer, the landlord."""
THEIRS: Final = 1 << 8
"""A third party: they, your neighbour, the other side."""
YOU: Final = 1 << 9
YOUR: Final = 1 << 10
WILL: Final = 1 << 11
HAVE: Final = 1 << 12
BE: Final = 1 << 13
MIGHT: Final = 1 << 14
IF: Final = 1 << 15
NOT: Final = 1 << 16
DEAL: Final = 1 << 17
"""Words that settle a matter: deal, agreed, sure, hereby."""
SUM: Final = 1 << 18
"""Money as a noun: refund, fee, deposit, salary."""
SLOT: Final = 1 << 19
"""A reserved place in time or space: appointment, seat, table, room."""
PACT: Final = 1 << 20
"""A thing requested, offered or agreed: contract, offer, claim, leave, application."""
SYSTEM: Final = 1 << 21
"""Subjects of notices from systems, shops and carriers: password, parcel, order number, backup."""
TIME: Final = 1 << 22
AHEAD: Final = 1 << 23
"""Tomorrow, by, until, within."""
BEFORE: Final = 1 << 24
"""Yesterday, last, ago."""
FREE: Final = 1 << 25
GET: Final = 1 << 26
"""What the reader can expect: get, receive, keep."""
SPARED: Final = 1 << 27
"""Burdens the reader is glad to avoid: to be charged, billed, sued."""
RULE: Final = 1 << 28
"""General rules: policy, members, normally, each."""
TOLD: Final = 1 << 29
"""Reported speech: claims, according to, you mentioned."""
POLITE: Final = 1 << 30
"""Courtesy and neutral information: thanks, attached, newsletter."""
ASK: Final = 1 << 31
"""Requests to the reader."""
PART: Final = 1 << 32
"""A word in participle form."""
SELF: Final = 1 << 33
"""A verb form that implies "I" or "we" without a pronoun: haremos, togliamo, agendei."""
NUMBER: Final = 1 << 34
MONEY: Final = 1 << 35
IDIOM: Final = 1 << 36
"""A set phrase that is a promise by itself."""
COMMON: Final = 1 << 37
"""An everyday word that only indicates the language."""
AWAY: Final = 1 << 38
"""Absence and closures, such as out of office, closed, maintenance: plans that commit to nothing."""
YOUDO: Final = 1 << 39
"""A verb form that makes the reader the subject: avez, hast."""
STAYS: Final = 1 << 40
"""A verb that keeps an offer or a price in force: holds, stands, gilt, bleibt."""
COSTS: Final = 1 << 41
"""A verb of neutral information: costs, takes, lasts, amounts to."""
YOUSUBJECT: Final = 1 << 42
"""The reader as the subject: usted, voce, lei."""
PRESENT_O: Final = 1 << 43
"""A form in -o that means "I", or without its accent "he" or "you": firmo."""
MUST: Final = 1 << 44
"""An obligation of the reader, or with a negation its absence: mussen, tendra, hoeft."""

NAMES: Final[Mapping[int, str]] = {
    value: name for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
}


class Language(NamedTuple):
    """The vocabulary of one language. `words` maps each kind to its words; a star matches any ending."""

    name: str
    words: Mapping[int, str]
    idioms: tuple[str, ...]
    participle: str
    """Regular expression that matches a participle."""
    selves: tuple[str, ...] = ()
    """Verb endings that imply "I" or "we" without a pronoun."""
    surely: tuple[str, ...] = ()
    """The subset of those endings that marks even an unlisted word as a verb."""
    futures: tuple[str, ...] = ()
    """Verb endings that mark the future tense."""
    plurals: tuple[tuple[str, str], ...] = (("s", ""),)
    """Noun endings in the plural, each with its singular."""
    verb_last: bool = False
    """Whether the main verb may come at the end of the clause, far from its subject."""
