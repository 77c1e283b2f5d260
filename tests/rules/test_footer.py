"""What the desk says below a message is seen by its reader, whatever the agent's HTML does, or a person decides."""

from __future__ import annotations

from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.rules.compose.footer import hidden_by, html_footer, text_footer
from core.rules.content.visibility import sight
from tests.factories import effort

LINE = "Written by an AI agent of Acme."
LINK = "https://mail.acme.test/u/k1abc"


def seen(html: str) -> bool:
    """Whether a reader of the message sees both, as the checks of content read it."""
    rows = " ".join(row.text for row in sight(html_footer(html, [LINE], link=LINK)).rows)
    return LINE in rows and "Unsubscribe" in rows


@pytest.mark.parametrize(
    "html",
    [
        "<p>Hi</p>",
        "<html><body><p>Hi</p></body></html>",
        "<p>Hi <!-- ",
        "<p>Hi <!-- </body></html>",
        "<style>p{color:red}",
        "<body>Hi<style>x</body></html>",
        "<script>",
        "<textarea>",
        "<title>",
        "<xmp>",
        "<iframe>",
        "<p>Hi <a href='",
        '<p>Hi <a href="x',
        "<p>Hi <a href=x",
        "<div hidden>",
        "<div style='display:none'>",
        "<div style='display:none'><p>a<p>b<ul><li>c<li>d",
        "<font size=1 color=white><b><i>",
        "<div style='font-size:0'><span style='opacity:0'>Hi",
        "<table style='display:none'><tr><td>Hi",
        "<details>",
        "<dialog>",
        "<template>",
        "<select><option>",
        "<object>",
        "<noscript>",
        "<p style='color:#fff'>Hi",
        "<style>div{display:none!important}</style>Hi",
        "<style>div,a{font-size:0!important;color:#fff!important}</style>Hi",
        "<style>body{color:#fff;font-size:0}</style>Hi",
        "<style>*{color:#fff!important;visibility:hidden!important}</style>Hi",
    ],
)
def test_the_footer_is_seen_behind_any_html(html: str) -> None:
    assert seen(html)


@pytest.mark.parametrize(
    "html",
    [
        "<style>body{display:none}</style>Hi",
        "<style>html , p { DISPLAY : none }</style>Hi",
        "<style>:root{opacity:0}</style>Hi",
        "<style>@media screen{body{disp\\6c ay:none}}</style>Hi",
        "<style>bo/**/dy{x:y} html>body{dis/**/play:none}</style>Hi",
        "<body style='display:none'>Hi",
        "<body hidden>Hi",
        "<body style='height:40px;overflow:hidden'>Hi",
        "<style>*{transform:scale(0)}</style>Hi",
        "<style>html{filter:opacity(0)}</style>Hi",
        "<style>body{position:absolute;left:-9999px}</style>Hi",
        "<style>body{margin-top:-9999px}</style>Hi",
        "<style>*::first-line{font-size:0}</style>Hi",
        "<div style='position:fixed;bottom:0;background:#fff'>Hi</div>",
        "<div style='margin-bottom:-400px;background:#fff;height:800px'>Hi</div>",
        "<div style='height:90000px'>Hi</div>",
    ],
)
def test_what_may_still_hide_the_footer_is_named(html: str) -> None:
    assert hidden_by(html)


@pytest.mark.parametrize(
    "html",
    [
        "<style>body{margin:0;padding:0;width:100%!important;height:100%;background:#fff;opacity:1}</style>Hi",
        "<style>*{box-sizing:border-box} .preheader{display:none} img{border:0;height:auto;max-width:100%}</style>Hi",
        "<style>@media (max-width:600px){.column{display:block;width:100%} .desktop{display:none!important}}</style>Hi",
        "<body style='margin:0;font-family:Arial;line-height:0'><div style='max-height:0;overflow:hidden'>pre</div>Hi",
    ],
)
def test_ordinary_newsletters_are_not_suspected(html: str) -> None:
    assert hidden_by(html) is None
    assert seen(html)


@pytest.mark.parametrize("html", ["<plaintext>Hi", "<frameset><frame src=x>", "<div>" * 400])
def test_html_behind_which_nothing_can_be_read_is_refused_with_what_to_do(html: str) -> None:
    with pytest.raises(Invalid) as caught:
        html_footer(html, [LINE])
    assert caught.value.fix


def test_the_page_s_own_end_tags_stay_the_last() -> None:
    assert html_footer("<html><body>Hi</body></html>\n", [LINE]).endswith("</div>\r\n</body></html>\n")


def test_paragraphs_without_end_tags_leave_no_row_of_empty_ones() -> None:
    assert html_footer("<p>a<p>b<p>c", [LINE]).count("</p>") <= 1


def test_the_text_says_where_to_unsubscribe() -> None:
    assert text_footer("Hello\n", [LINE], link=LINK) == f"Hello\n\n{LINE}\nUnsubscribe: {LINK}\n"
    assert text_footer("Hello\n", []) == "Hello\n"


pieces = st.sampled_from(
    ["<p>", "</p>", "<div>", "</div>", "<b>", "<!--", "-->", "<style>", "</style>", "<a href='", "'", '"', ">", "<td>",
     "<table>", "</table>", "Hi ", "<textarea>", "</textarea>", "<br>", "</body>", "</html>", "<", "</",
     "<title>", "&lt;"]
)  # fmt: skip


@settings(max_examples=effort.times(80, 2000))
@given(st.lists(pieces, max_size=14).map("".join))
def test_no_broken_html_swallows_the_footer(html: str) -> None:
    assert seen(html)


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<p>", "a{", "<style>a", "<!--", "<a href='", "</body></html> ", "<style>/*", "<div style='a:b'></div>"],
)
def test_the_work_grows_with_the_length_and_no_faster(unit: str) -> None:
    def seconds(size: int) -> float:
        html = unit * (size // len(unit))
        begun = process_time()
        with suppress(Invalid):
            html_footer(html, [LINE])
        hidden_by(html)
        return process_time() - begun

    seconds(1_000)
    assert seconds(300_000) < 60 * max(seconds(30_000), 0.005)
