"""The filter grammar: every line is an error, or means what a plain reading of it says."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.errors import Invalid
from core.filter_fields import GATEWAY_LOG, Listing, fields
from core.filters import Field, Fields, Kind, Unreadable, Values, Want, matches, parse, spelled, term

FIELDS: Fields = {
    "agent": Field(),
    "to": Field(),
    "check": Field(Kind.NUMBER, bang=True),
    "age": Field(Kind.DURATION),
    "size": Field(Kind.SIZE),
    "sev": Field(Kind.CHOICE, choices=("info", "warn", "error"), ordered=True, aliases={"crit": "error"}),
    "state": Field(Kind.CHOICE, choices=("active", "inactive", "suspended")),
    "id": Field(Kind.ID),
}
MINUTE = 60_000_000
LINE: Values = {
    "agent": "Quote-Bot", "to": ("jane@gmail.com", "bob@acme.example"), "check": 9, "age": 15 * MINUTE, "size": 250_000,
    "sev": "error", "state": "active", "id": 5,
}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "", "agent:quote", "agent:QUOTE", "agent=quote-bot", "agent:quote*", "agent:*bot", "agent!=quote",
        "!agent:sales",
        "to:gmail", "to:*@gmail.com", "!to:*@gmail.co", "to=bob@acme.example", "check:9", "check=9", "check>=9",
        "check:>=9", "check>8", "check<10", "check:!", "!check:0", "age>10m", "age:>10m", "age<1h", "size>=250k",
        "size<1.2m", "sev:error", "sev:CRIT", "sev>=warn", "sev!=info", "sev:err", "state:active", "state:act",
        'agent:"quote-bot"', "gmail", "!nobody", '"Quote-Bot"', "agent:quote to:jane check>=1", "*bot",
        "agent:sales OR agent:quote", "agent:sales OR to:*@gmail.com check:9", "nobody OR !agent:sales OR nobody",
        '"OR" OR gmail',
    ],
)  # fmt: skip
def test_a_line_that_says_what_is_so_matches(line: str) -> None:
    assert matches(LINE, parse(line, FIELDS))


@pytest.mark.parametrize(
    "line",
    [
        "agent:sales", "agent=quote", "agent:quote*s", "!agent:quote", "agent!=quote-bot", "!to:*@gmail.com",
        "to:*@gmail.co", "check:8", "check>9", "check:<9", "!check:!", "age<10m", "size>1m", "sev:warn", "sev<error",
        "state:inactive",
        "agent:sales OR agent:help", "agent:sales OR agent:quote check:8", "agent:quote check:8 OR check:7", '"AND"',
        'agent:"quote*"', "nobody", "agent:quote check:8", '"quote bot"',
    ],
)  # fmt: skip
def test_a_line_that_says_what_is_not_so_does_not(line: str) -> None:
    assert not matches(LINE, parse(line, FIELDS))


@pytest.mark.parametrize(
    ("line", "wrong", "fix"),
    [
        ("check:many", "check: 'many' is no number", "check>=2"),
        ("check:>=", "check>= lacks a value", "check>=2"),
        ("check:>=x", "check: 'x' is no number", "check>=2"),
        ("check:2*", "is no number", "check:2"),
        ("check:²", "is no number", "check:2"),
        ("sev:loud", "sev has no value 'loud'", "info, warn, error"),
        ("sev>=loud", "sev has no value 'loud'", "info, warn, error"),
        ("state:gone", "state has no value 'gone'", "active, inactive, suspended"),
        ("state>active", "state has no order", "active, inactive"),
        ("age:10m", "age is never exactly 10m", "age>10m"),
        ("age>soon", "age: 'soon' is no duration", "age>10m"),
        ("size>big", "size: 'big' is no size", "size>200k"),
        ("agent>x", "agent has no order", "agent:part"),
        ("agent:", "agent: lacks a value", "agent:part"),
        ('agent:""', "agent: lacks a value", "agent:part"),
        ("colour:red", "unknown field colour", "use agent, to"),
        ("https://acme.example", "unknown field https", "quotes"),
        ("id:m12", "id: 'm12' is no id", "whole id"),
        ('agent:"quote', "a quote is not closed", 'end it with "'),
        ("!", "! excludes nothing by itself", "!agent"),
        ("OR agent:b", "OR lacks the term before it, at 1", "agent:a OR agent:b"),
        ("agent:a OR", "OR lacks the term after it, at 9", "agent:a OR agent:b"),
        ("agent:a OR OR agent:b", "OR lacks the term before it, at 12", "agent:a OR agent:b"),
        ("agent:a AND agent:b", "AND is no part of a filter here, at 9", "side by side"),
        ("agent:a check:many to:b", "check: 'many' is no number, at 9", "check>=2"),
        ("agent:a OR !check:many", "'many' is no number, at 12", "check>=2"),
        ('""', "looks for nothing", "leave it out"),
        ("agent:" + "a*" * 9, "more than 8 *", "leave some out"),
        ("agent:a\0", "control character", "again"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_which_values_there_are(line: str, wrong: str, fix: str) -> None:
    with pytest.raises(Invalid, match=re.escape(wrong)) as refused:
        parse(line, FIELDS)
    assert fix in (refused.value.fix or "")


@given(st.text(max_size=60))
def test_any_line_is_an_error_or_reads_the_same_again_when_it_is_shown(line: str) -> None:
    try:
        wants = parse(line, FIELDS)
    except Invalid:
        return
    assert parse(spelled(wants), FIELDS) == wants
    assert bool(wants) is bool(line.split())  # only an empty line means everything


@given(st.text(alphabet='agentOR:= "*!>x1m', max_size=30))
def test_an_error_points_into_the_line(line: str) -> None:
    start, end = 0, 1
    try:
        parse(line, FIELDS)
    except Unreadable as error:
        start, end = error.start, error.end
        line = line or "x"
    assert 0 <= start < end <= max(1, len(line))


@given(st.text(min_size=1, max_size=20), st.sampled_from(["to", "agent"]))
def test_a_term_made_for_a_value_matches_that_value_and_no_longer_one(value: str, name: str) -> None:
    try:
        wants = parse(term(name, "=", value), FIELDS)
    except Invalid as error:
        assert "control character" in error.reason  # noqa: PT017 - the only thing that no term can hold
        return
    assert matches({name: value}, wants)
    assert not matches({name: value + "x"}, wants)


# --- against a plain reading ----------------------------------------------------------------------------------------

_LETTERS = st.text(alphabet="aAbB.*@%_ \\[", min_size=1, max_size=6).map(str.strip).filter(bool)
_SIGNS = {"=": lambda a, b: a == b, ":": lambda a, b: a == b, ">": lambda a, b: a > b, "<": lambda a, b: a < b,
          ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b}  # fmt: skip


def plainly(value: str, sign: str, text: str) -> bool:
    """What a text term means, by a regular expression."""
    low = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
    value, text = value.translate(low), text.translate(low)
    if "*" in text:
        return re.fullmatch(".*".join(re.escape(piece) for piece in text.split("*")), value, re.DOTALL) is not None
    return value == text if sign == "=" else text in value


@given(st.text(alphabet="aAbB.@%_ \\[", max_size=12), st.sampled_from([":", "="]), _LETTERS, st.sampled_from(["", "!"]))
def test_text_terms_agree_with_a_regular_expression(value: str, sign: str, text: str, bang: str) -> None:
    line = bang + "agent" + sign + (f'"{text}"'.replace("\\", "\\\\") if " " in text else text)
    if " " in text and "*" in text:
        return  # in quotes a * is itself
    assert matches({"agent": value}, parse(line, FIELDS)) is (plainly(value, sign, text) is not bool(bang))


@given(st.integers(0, 20), st.sampled_from(sorted(_SIGNS)), st.integers(0, 20), st.sampled_from(["", "!"]))
def test_number_terms_agree_with_arithmetic(value: int, sign: str, asked: int, bang: str) -> None:
    meant = _SIGNS[sign](value, asked) is not bool(bang)
    assert matches({"check": value}, parse(f"{bang}check{sign}{asked}", FIELDS)) is meant
    if sign != ":":
        assert matches({"check": value}, parse(f"{bang}check:{sign}{asked}", FIELDS)) is meant


def test_what_a_line_does_not_have_matches_nothing_and_is_left_by_an_exclusion() -> None:
    none: Values = {"agent": None, "check": None}
    assert not matches(none, parse("agent:a", FIELDS))
    assert matches(none, parse("!agent:a", FIELDS))
    assert not matches(none, parse("check>=0", FIELDS))
    assert matches(none, parse("!check>=0", FIELDS))


def test_no_terms_are_no_condition() -> None:
    wants: tuple[Want, ...] = parse("   ", FIELDS)
    assert wants == ()
    assert matches(LINE, wants)


def test_the_page_lists_the_fields_of_every_list() -> None:
    page = (Path(core.__file__).parent / "docs" / "cli.md").read_text(encoding="utf-8")
    for listing in Listing:
        named = ", ".join(f"`{name}`" for name in fields(listing))
        assert f"| {listing} | {named} |" in page
    named = ", ".join(f"`{name}`" for name in GATEWAY_LOG)
    assert f"| gateway logs | {named} |" in page
