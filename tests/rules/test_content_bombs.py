"""Content made to keep the desk busy costs what its length costs: operations are counted, not seconds."""

from __future__ import annotations

import cProfile
import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.model import ContentClass
from core.rules import classification, compose, content
from core.rules.content import Rendered, alternatives, css
from core.text import html
from core.text.html import Text

SMALL, LARGE = 5_000, 20_000


def filled(piece: str) -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece))


def numbered(piece: str) -> Callable[[int], str]:
    """Pieces that are all different."""
    return lambda size: "".join(piece.format(n) for n in range(size // len(piece)))


def styled(before: str, rule: str, after: str, repeated: str) -> Callable[[int], str]:
    """A rule with very many declarations, and very many of what it applies to."""

    def made(size: int) -> str:
        return before + numbered(rule)(size // 2) + after + repeated * (size // 2 // len(repeated))

    return made


def selectors(size: int) -> str:
    return f"<style>{numbered('.a{0},')(size // 2)}b{{{numbered('p{0}:x;')(size // 2)}}}</style>x"


def unknown_selectors(size: int) -> str:
    return f"<style>{'x y,' * (size // 8)}b{{{numbered('color{0}:x;')(size // 2)}}}</style>x"


def one_class(size: int) -> str:
    return f"<style>.a{{{numbered('p{0}:x;')(size // 2)}}}</style><b class='{'a ' * (size // 4)}'>x"


BOMBS: dict[str, Callable[[int], str]] = {
    **{piece: filled(piece) for piece in ("<", "&", "&#", "<b>", "</b>", "<p>", "<td>", "<div><a>", "<a <a ", "<!--")},
    **{
        piece: filled(piece)
        for piece in (" ", "\n", "\t", "a", "a.", "a@", "1,", "1.", "e\u0301", "\u200b", "\xa0", "/*")
    },
    **{
        piece: filled(piece)
        for piece in ("<style>a{}</style>", "<i hidden>a ", "refund ", "we will refund ", "@media{")
    },
    "links to other places": numbered('<a href="http://h{0}.x{0}.test">z</a> '),
    "written links": numbered("http://h{0}.x{0}.test "),
    "different words": numbered("w{0} "),
    "sums of money": numbered("{0} EUR "),
    "a rule for every element": styled("<style>*{", "p{0}:x;", "}</style>", "<i>x"),
    "a rule for every element of a class": styled("<style>.a{", "p{0}:x;", "}</style>", "<b class=a>x"),
    "one class, very often": one_class,
    "a rule of many selectors": selectors,
    "a rule of many selectors that are not known": unknown_selectors,
}


def operations(work: Callable[[], object]) -> int:
    """Calls of functions, Python's and C's."""
    counting = cProfile.Profile()
    counting.runcall(work)
    return sum(one.callcount for one in counting.getstats())


def everything(text: str) -> None:
    """What acceptance does with the content of a message."""
    said = Rendered("Hello", text, text)
    content.examined(said, own=("acme.test",))
    read = compose.reading(text, text)
    classification.raise_class(
        ContentClass.TRANSACTIONAL, subject="Hello", text=read, first_contact=False, mailbox_classes=[]
    )
    compose.preview(text, text)
    content.likeness("Hello", said.parts, recipients=["jane@example.com"], attached=())


@pytest.mark.parametrize("bomb", BOMBS)
def test_four_times_the_content_is_four_times_the_work(bomb: str) -> None:
    made = BOMBS[bomb]
    counted = []
    for size in (SMALL, LARGE):
        alternatives._value.cache_clear()  # what is remembered between messages is no work of either
        counted.append(operations(functools.partial(everything, made(size))))
    small, large = counted
    assert large <= 8 * small  # what is linear takes 4 times as much, what is quadratic 16


def test_a_run_of_less_than_signs_is_one_text() -> None:
    assert list(html.tokens("<" * 1_000_000)) == [Text("<" * 1_000_000)]


def test_every_property_that_is_asked_for_is_kept() -> None:
    source = Path(css.__file__).read_text()
    asked = set(re.findall(r'declared\.get\(\s*"([a-z-]+)"', source)) | set(
        re.findall(r'"([a-z-]+)" (?:not )?in declared', source)
    )
    assert asked
    assert asked <= css._READ
