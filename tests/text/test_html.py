"""HTML is cut as browsers cut it, and no text however broken costs more than its length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.html import Close, Open, Text, Token, tokens


def words(html: str) -> str:
    return "".join(token.data for token in tokens(html) if isinstance(token, Text))


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p title=it's x>Hi &amp; ho</P >", [Open("p", {"title": "it's", "x": ""}), Text("Hi & ho"), Close("p")]),
        ("<b a=1 A=2 href='x>y'>z", [Open("b", {"a": "1", "href": "x>y"}), Text("z")]),
        ("<br/>1 < 2", [Open("br"), Text("1 < 2")]),
        ("a<!-->seen<!--x--!>too<!doctype html><?x?></ x>", [Text("a"), Text("seen"), Text("too")]),
        ("<script>if (a<b) '</p>'</script>x", [Open("script"), Text("if (a<b) '</p>'"), Close("script"), Text("x")]),
        ("<TITLE>a &lt; <b></title>", [Open("title"), Text("a < <b>"), Close("title")]),
        ("<a href=&quot;u>x", [Open("a", {"href": '"u'}), Text("x")]),
        ("<a b/=c>x", [Open("a", {"b": "", "=c": ""}), Text("x")]),
        ("<a b = 'c'=d e= f>x", [Open("a", {"b": "c", "=d": "", "e": "f"}), Text("x")]),
        ("<a b='' c=\"\" d= >x", [Open("a", {"b": "", "c": "", "d": ""}), Text("x")]),
    ],
)
def test_tags_and_text_come_as_a_browser_sees_them(html: str, found: list[Token]) -> None:
    assert list(tokens(html)) == found


@pytest.mark.parametrize("html", ["x<a href='u", "x<a b c= 'u>", "x<a ", "x<!-- y", "x</a", "x<!doctype", 'x</a b="> '])
def test_what_is_left_open_at_the_end_is_nothing(html: str) -> None:
    assert list(tokens(html)) == [Text("x")]


@pytest.mark.parametrize(
    "piece",
    [
        "<!",
        "<!--",
        "<a ",
        "<a b=c ",
        "<a b='c'",
        '<a href="',
        "</",
        "<?",
        "<![CDATA[",
        "<",
        "<a href=x>",
        "<script>",
        "&#",
        "</title",
        "<a/",
    ],
)
def test_a_megabyte_of_broken_html_is_read_in_one_pass(piece: str) -> None:
    # the standard library's parser needs minutes for a fifth of this, so the test's own time limit would end it
    assert all(len(token.data) for token in tokens(piece * (1_000_000 // len(piece))) if isinstance(token, Text))


@given(st.text(alphabet="<>/!-\"'= abscript&;#x", max_size=60))
def test_nothing_is_too_broken_to_be_read(html: str) -> None:
    assert len(words(html)) <= len(html)
