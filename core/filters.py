"""The filter grammar, as typed after `/`: `agent:quote to=jane@acme.com !subject:*refund* check>=2 age>10m`.

    field:text    contains the text; equals it for a number or a closed list of values
    field=value   equals the value
    mine:         a field with a usual value (yes) needs none
    * in a value  any characters; the value must then match the whole text
    > < >= <=     for numbers, durations (10m, 2h), sizes (200k), and ordered values
    !             before a term excludes what it matches; field!=value means the same
    OR            between two terms: either may match; `agent:a OR agent:b check:!` is (a or b) and a failed check
    "..."         keeps words together and takes * ! and other operators literally
    a bare word   is searched for in all texts of a row

All terms must match, of those joined by OR one. A to Z match regardless of case. An invalid value raises `Unreadable`,
which says where, and never matches everything, because the user is about to mark and decide what remains. `matches`
implements the meaning in Python, and `db/queries/filter_conditions.py` the same in SQL. The fields are in
`filter_fields.py`.
"""

from __future__ import annotations

import enum
import operator
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final, NoReturn

from core.durations import duration
from core.errors import Invalid
from core.ids import read_id, spell_id

Values = Mapping[str, str | int | Collection[str] | None]
"""The values of a row that filters can match, by field."""

MOST_STARS: Final = 8
"""Databases backtrack on patterns with many `*`: a hundred of them would keep one busy for minutes."""


class Kind(enum.Enum):
    """The type of a field's values."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    SIZE = "size"
    CHOICE = "choice"
    ID = "id"


@dataclass(frozen=True, slots=True)
class Field:
    """What a filter may match in one field. `choices` are sorted if `ordered`; `aliases` are other names for them.

    `bang`: `field:!` asks for at least one. `usual`: the choice that `field:` alone means. `about` is what help and
    completion say of it.
    """

    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = False
    bang: bool = False
    usual: str = ""
    about: str = ""


Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Text:
    """`pieces` are the parts between the `*`. A single piece matches if contained, or with `exact` if equal."""

    pieces: tuple[str, ...]
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """`sign` is one of `= > < >= <=`."""

    sign: str
    number: int


@dataclass(frozen=True, slots=True)
class OneOf:
    values: frozenset[str]


Test = Text | Compare | OneOf


@dataclass(frozen=True, slots=True)
class Want:
    """One term: `field` is empty for a bare word, `text` is the term as typed.

    `others` are the terms joined to it by OR: it is enough that one of `either` matches. `text` then covers them all.
    """

    field: str
    test: Test
    negated: bool
    text: str
    others: tuple[Want, ...] = ()

    @property
    def either(self) -> tuple[Want, ...]:
        """The term itself and those joined to it by OR."""
        return (self, *self.others)


class Unreadable(Invalid):
    """A filter that cannot be read: `start` and `end` are the characters at fault, counted from 0."""

    def __init__(self, reason: str, *, fix: str | None, start: int, end: int) -> None:
        super().__init__(f"{reason}, at {start + 1}", fix=fix)
        self.start = start
        self.end = end


SIGNS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "=": operator.eq, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
_OPERATOR: Final = re.compile(r"(!=|>=|<=|[:=<>])")
_NAME: Final = re.compile(r"[A-Za-z_]+")
_NUMBER: Final = re.compile(r"[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4}")
_SIZE: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]))? ?(b|kb?|mb?|gb?)?")
_OCTETS: Final = {"b": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_LOWER: Final = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})
_MANY: Final = 12


def fold(text: str) -> str:
    """Lower-case A to Z and nothing else: every database can do the same."""
    return text.translate(_LOWER)


# --- parsing ------------------------------------------------------------------------------------------------------


def parse(text: str, fields: Fields) -> tuple[Want, ...]:
    """The terms of a filter, in order. Raises `Unreadable` with the problem, its position and the valid values."""
    found: list[list[Want]] = []
    joins: _Token | None = None
    for token in _tokens(text):
        if token.plain() == "OR":
            if joins is not None or not found:
                _refuse(token, "OR lacks the term before it", _AROUND_OR)
            joins = token
            continue
        try:
            want = _want(token, fields)
        except Invalid as error:
            raise Unreadable(error.reason, fix=error.fix, start=token.start, end=token.end) from None
        if joins is None:
            found.append([want])
        else:
            found[-1].append(want)
            joins = None
    if joins is not None:
        _refuse(joins, "OR lacks the term after it", _AROUND_OR)
    return tuple(_joined(alternatives) for alternatives in found)


_AROUND_OR: Final = 'write agent:a OR agent:b; "OR" in quotes looks for the word'


def _joined(alternatives: Sequence[Want]) -> Want:
    first, *others = alternatives
    return replace(first, text=" OR ".join(one.text for one in alternatives), others=tuple(others)) if others else first


def _refuse(token: _Token, reason: str, fix: str) -> NoReturn:
    raise Unreadable(reason, fix=fix, start=token.start, end=token.end)


def spelled(wants: Iterable[Want]) -> str:
    """The filter text that `parse` reads as the same terms."""
    return " ".join(want.text for want in wants)


def term(name: str, sign: str, value: str) -> str:
    """A term that matches exactly this value, whatever characters it has."""
    if value and not re.search(r'[\s"*!]', value):
        return f"{name}{sign}{value}"
    return f'{name}{sign}"{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'


@dataclass(frozen=True, slots=True)
class _Token:
    """A word as typed, and its characters, each with whether it was quoted."""

    raw: str
    chars: tuple[tuple[str, bool], ...]
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.raw)

    def plain(self, start: int = 0) -> str:
        """The characters, with quoted ones replaced by NUL so that they are not taken for operators."""
        return "".join("\0" if quoted else char for char, quoted in self.chars[start:])

    def since(self, start: int) -> _Token:
        return _Token(self.raw, self.chars[start:], self.start)

    @property
    def value(self) -> str:
        return "".join(char for char, _ in self.chars)


def _tokens(text: str) -> list[_Token]:
    for at, char in enumerate(text):
        if unicodedata.category(char) in {"Cc", "Cs"}:
            raise Unreadable("the filter holds a control character", fix="type it again", start=at, end=at + 1)
    found: list[_Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start, chars, quoted = at, [], False
        while at < len(text) and (quoted or not text[at].isspace()):
            char = text[at]
            if char == '"':
                quoted = not quoted
                chars += [("", True)]  # an empty pair of quotes is a value too
            elif quoted and char == "\\" and text[at + 1 : at + 2] in {'"', "\\"}:
                at += 1
                chars.append((text[at], True))
            else:
                chars.append((char, quoted))
            at += 1
        if quoted:
            raise Unreadable("a quote is not closed", fix='end it with "', start=start, end=at)
        found.append(_Token(text[start:at], tuple(chars), start))
    return found


def _want(token: _Token, fields: Fields) -> Want:
    negated = token.plain().startswith("!")
    body = token.since(1) if negated else token
    if not body.chars:
        raise Invalid("! excludes nothing by itself", fix="write what to exclude, such as !agent:quote-bot")
    plain = body.plain()
    name = _NAME.match(plain)
    sign = _OPERATOR.match(plain, name.end()) if name else None
    if name is None or sign is None:
        return Want("", _bare(body), negated, token.raw)
    field = fields.get(name[0].lower())
    if field is None:
        listed = ", ".join(fields)
        raise Invalid(f"unknown field {name[0]}", fix=f'use {listed}; or put it in "quotes" to look for the text')
    signed, end = sign[0], sign.end()
    if signed == ":" and field.kind is not Kind.TEXT and (further := _OPERATOR.match(plain, end)) is not None:
        signed, end = further[0], further.end()
    if signed == "!=":
        signed, negated = "=", not negated
    return Want(name[0].lower(), _test(name[0].lower(), field, signed, body.since(end)), negated, token.raw)


def _bare(body: _Token) -> Text:
    if (word := body.plain()) in {"OR", "AND", "NOT"}:
        fix = f'terms side by side must all hold, OR joins two, ! excludes; "{word}" in quotes looks for the word'
        raise Invalid(f"{word} is no part of a filter here", fix=fix)
    test = _text(body)
    if test.pieces == ("",):
        raise Invalid("an empty pair of quotes looks for nothing", fix="leave it out")
    return test


def _test(name: str, field: Field, sign: str, value: _Token) -> Test:
    if not value.chars:
        return _usual(name, field, sign)
    if sign not in {":", "="} and not (field.kind in _COMPARED or field.ordered):
        raise Invalid(f"{name} has no order, so {sign} means nothing", fix=_examples(name, field))
    match field.kind:
        case Kind.TEXT:
            test = _text(value, exact=sign == "=")
            if test.pieces == ("",) and not test.exact:
                raise Invalid(f"{name}: lacks a value", fix=_examples(name, field))
            return test
        case Kind.CHOICE:
            return _choice(name, field, sign, value)
        case Kind.NUMBER if field.bang and value.value == "!" and sign in {":", "="}:
            return Compare(">=", 1)
        case Kind.ID:
            number = read_id("m", value.value.lower()) or read_id("a", value.value.lower())
        case _:
            number = _COMPARED[field.kind](fold(value.value))
    if number is None:
        raise Invalid(f"{name}: {value.value!r} is no {field.kind.value}", fix=_examples(name, field))
    if field.kind is Kind.DURATION and sign in {":", "="}:
        raise Invalid(f"{name} is never exactly {value.value}", fix=_examples(name, field))
    return Compare("=" if sign == ":" else sign, number)


def _usual(name: str, field: Field, sign: str) -> OneOf:
    """What a field without a value means, if it means anything."""
    if field.usual and sign in {":", "="}:
        return OneOf(frozenset({field.usual}))
    raise Invalid(f"{name}{sign} lacks a value", fix=_examples(name, field))


def _text(value: _Token, *, exact: bool = False) -> Text:
    pieces = [""]
    for char, quoted in value.chars:
        if char == "*" and not quoted:
            if len(pieces) == 1 or pieces[-1]:  # two in a row mean the same as one
                pieces.append("")
        else:
            pieces[-1] += fold(char)
    if len(pieces) > MOST_STARS + 1:
        raise Invalid(f"more than {MOST_STARS} * in one value", fix="leave some out")
    return Text(tuple(pieces), exact)


def _choice(name: str, field: Field, sign: str, value: _Token) -> OneOf:
    folded = fold(value.value)
    exact = field.aliases.get(folded, folded)
    if sign not in {":", "="}:
        if exact not in field.choices:
            raise Invalid(f"{name} has no value {value.value!r}", fix=_listed(field, folded))
        at = field.choices.index(exact)
        return OneOf(frozenset(one for n, one in enumerate(field.choices) if SIGNS[sign](n, at)))
    if exact in field.choices:
        return OneOf(frozenset({exact}))
    test = _text(value, exact=sign == "=")
    found = frozenset(one for one in field.choices if test.pieces != ("",) and is_like(one, test))
    if not found:
        raise Invalid(f"{name} has no value {value.value!r}", fix=_listed(field, folded))
    return OneOf(found)


def _number(text: str) -> int | None:
    return int(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


def _duration(text: str) -> int | None:
    try:
        return duration(text) if text.isascii() else None
    except Invalid:
        return None


def _size(text: str) -> int | None:
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    unit = _OCTETS[(found[3] or "b")[0]]
    return int(found[1]) * unit + int(found[2] or 0) * unit // 10


_COMPARED: Final[Mapping[Kind, Callable[[str], int | None]]] = {
    Kind.NUMBER: _number,
    Kind.DURATION: _duration,
    Kind.SIZE: _size,
}


def _examples(name: str, field: Field) -> str:
    """Examples of valid values."""
    match field.kind:
        case Kind.TEXT:
            return f"write {name}:part, {name}=all-of-it or {name}:begin*"
        case Kind.NUMBER:
            return f"write {name}:2, {name}>=2 or {name}<2" + (f", or {name}:! for any" if field.bang else "")
        case Kind.DURATION:
            return f"write {name}>10m, {name}<2h or {name}>=1d"
        case Kind.SIZE:
            return f"write {name}>200k or {name}<2m"
        case Kind.ID:
            return f"write a whole id, such as {name}:{spell_id('m', 0)}"
        case Kind.CHOICE:
            return _listed(field, "")


def _listed(field: Field, folded: str) -> str:
    if len(field.choices) <= _MANY:
        return f"values are {', '.join(field.choices)}"
    close = get_close_matches(folded, field.choices, n=3) or field.choices[:3]
    return f"such as {', '.join(close)}"


# --- matching -----------------------------------------------------------------------------------------------------


def matches(values: Values, wants: Sequence[Want]) -> bool:
    """Whether a row with these values satisfies all terms. A missing value matches nothing."""
    return all(any(_one(values, one) is not one.negated for one in want.either) for want in wants)


def _one(values: Values, want: Want) -> bool:
    if not want.field:
        return any(is_like(text, want.test) for value in values.values() for text in _texts(value))
    value = values.get(want.field)
    match want.test:
        case Compare(sign, number):
            return isinstance(value, int) and SIGNS[sign](value, number)
        case OneOf(wanted):
            return any(text in wanted for text in _texts(value))
        case Text():
            return any(is_like(text, want.test) for text in _texts(value))


def _texts(value: str | int | Collection[str] | None) -> Collection[str]:
    if isinstance(value, str):
        return (value,)
    return () if value is None or isinstance(value, int) else value


def is_like(text: str, test: Test) -> bool:
    """Whether a text satisfies the test."""
    if not isinstance(test, Text):
        return False
    whole, pieces = fold(text), test.pieces
    if len(pieces) == 1:
        return whole == pieces[0] if test.exact else pieces[0] in whole
    first, *middle, last = pieces
    if not whole.startswith(first) or not whole.endswith(last) or len(whole) < len(first) + len(last):
        return False
    at, end = len(first), len(whole) - len(last)
    for piece in middle:
        found = whole.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
