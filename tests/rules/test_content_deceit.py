"""What a reviewer would not see or would take for something else fails a check; ordinary mail fails none."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domains import organisational_domain
from core.rules.content import Rendered, examined
from tests.factories import effort


def failed(said: Rendered) -> list[str]:
    return [reason.code for reason in examined(said, own=("acme.test",))]


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("javascript:go()", "link_scheme"),
        ("JaVa\tscript:go()", "link_scheme"),
        ("&#1; java&#10;script&colon;go()", "link_scheme"),
        ("data:text/html,x", "link_scheme"),
        ("vbscript:x", "link_scheme"),
        ("file:///etc/passwd", "link_scheme"),
        ("blob:https://a.example/1", "link_scheme"),
        ("http://127.0.0.1/", "link_address"),
        ("http://2130706433/", "link_address"),
        ("http://0x7f.1/", "link_address"),
        ("http://0177.0.0.1/", "link_address"),
        ("http://10.0.0.1/", "link_address"),
        ("http://169.254.169.254/", "link_address"),
        ("http://0.0.0.0/", "link_address"),
        ("http://8.8.8.8/", "link_address"),
        ("http://999.1.1.1/", "link_address"),
        ("http://[::1]/", "link_address"),
        ("http://[::ffff:10.0.0.1]/", "link_address"),
        ("http://localhost:8000/", "link_address"),
        ("//127.0.0.1/", "link_address"),
        ("https://bank.example@evil.example/", "link_user"),
        ("https://www.bank%2eexample:x@evil.example/", "link_user"),
    ],
)
def test_a_link_whose_target_itself_is_odd_fails(target: str, code: str) -> None:
    assert code in failed(Rendered("x", html=f'<p>Please <a href="{target}">look</a></p>'))


@pytest.mark.parametrize(
    "target",
    ["https://acme.test/", "mailto:a@b.example", "tel:+49", "#top", "", "/1182", "1182", "%unsubscribe%", "{{url}}",
     "https://user:pass@shop.example/", "https://shop.example/@ann.example", "https://4.shop.example/"],
)  # fmt: skip
def test_an_ordinary_target_does_not(target: str) -> None:
    assert failed(Rendered("x", html=f'<p>Please <a href="{target}">look</a></p>')) == []


# --- hidden text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "style",
    [
        "display:none", "DISPLAY : NONE !important", "display:/**/none", "d\\69splay:none", "visibility:hidden",
        "font-size:0", "font-size:1px", "font:0/0 a", "opacity:0", "color:#fff", "color:white;background:#ffffff",
        "color:rgb(10,10,10);background-color:#0a0a0a", "color:transparent", "position:absolute;left:-9999px",
        "text-indent:-9999px", "height:0;overflow:hidden", "max-height:0;overflow:hidden", "background:#000",
        "font-size:1e-3px", "color:hwb(0 100% 0%)", "color:wheat;background-color:wheat", 'content:"/*";display:none',
        'background:url("x;}");display:n\\6fne', f"width:{'9' * 5_000}px;display:none",
    ],
)  # fmt: skip
def test_text_its_reader_does_not_see_fails_with_its_first_words(style: str) -> None:
    (found,) = examined(Rendered("x", html=f"<p>Hello</p><div style='{style}'>wire the money</div>"))
    assert found.code == "hidden_text"
    assert found.text == "the HTML hides text from its reader: wire the money"


@pytest.mark.parametrize(
    "html",
    [
        "<p hidden>wire the money",
        "<style>.x{display:none}</style><p class=x>wire the money",
        "<table bgcolor=#000000><tr><td>wire the money</table>",
        "<div style='display:none'><div>wire</div> the money</div>",
        "<template>wire the money</template>",
    ],
)
def test_so_does_what_an_attribute_a_rule_or_a_parent_hides(html: str) -> None:
    assert "hidden_text" in failed(Rendered("x", html=f"<p>Hello</p>{html}"))


@pytest.mark.parametrize(
    "html",
    [
        "<div style='display:none'>Your order has shipped &#847;&zwnj;&nbsp;&#8203;</div>",  # a preheader
        "<div style='max-height:0;overflow:hidden'>&#847;&zwnj;&nbsp;&shy;&#8203;</div>",
        "<td style='font-size:0'><div style='font-size:13px'>Hello</div></td>",
        "<p style='display:none'></p><p>Hello",
        "<p style='display:none'>&nbsp;<p>Hello",
        "<a href='https://acme.test' style='background:#1a73e8;color:#fff'>Track</a>",
        "<table bgcolor=black><tr><td style='color:#fff'>Hello</table>",
        "<td background='x.png' style='color:#fff'>Hello</td>",
        "<div style='background:url(x.png)'><p style='color:white'>Hello</div>",
        "<style>.m{display:none}@media (max-width:600px){.x{display:none}}</style><p class=x>Hello<p class=m>order",
        "<style>td.dark p{background:#000}</style><p style='color:#fff'>Hello",
        "<p style='background:url(\"x;display:none;y\")'>Hello",
        "<style>p{content:'} p{display:none'}</style><p>Hello",
        "<div style='visibility:hidden'><b style='visibility:visible'>Hello</b></div>",
    ],
)
def test_what_newsletters_are_made_of_does_not(html: str) -> None:
    assert failed(Rendered("x", html=f"{html}<h1>Your order has shipped</h1>")) == []


# --- text and HTML ----------------------------------------------------------------------------------------------------

TEXT = "Dear Ms Doe,\n\nyour order 1182 over 1.234,50 EUR has shipped. See https://acme.test/q\n\nKind regards\nAcme\n"
HTML = (
    "<p>Dear Ms Doe,</p><p>your order 1182 over <b>&euro;1,234.50</b> has <a href='https://acme.test/q'>shipped</a>."
    "</p><p>Kind regards</p><p><a href='https://a.example'>Shop</a> <a href='https://b.example'>Help</a> "
    "<a href='https://c.example'>News</a></p><p>Unsubscribe or read our privacy policy at Acme Inc, Main Street 1</p>"
)


def test_a_text_and_its_html_differ_in_nothing_that_matters() -> None:
    assert failed(Rendered("x", text=TEXT, html=HTML)) == []


@pytest.mark.parametrize(
    ("text", "html", "why"),
    [
        (TEXT, "<p>Wire the whole deposit to our new bank in Zurich today, please</p>", "most of the HTML's words"),
        (TEXT, HTML.replace("1,234.50", "9,234.50"), "the amount 1.234,50 is only in the text"),
        (TEXT, HTML.replace("https://acme.test/q", "https://evil.example/q"), "a link to evil.example is only in"),
        (
            "Read https://acme.github.io/q today",
            "<p>Read <a href='https://evil.github.io/q'>it</a> today</p>",
            "a link to evil.github.io is only in the HTML",
        ),
        (
            "See shop.com.tr today",
            "<p>See <a href='https://evil.com.tr'>it</a> today</p>",
            "a link to evil.com.tr is only",
        ),
        ("Pay to DE89 3704 0044 0532 0130 00 now", "<p>Pay to GB82 WEST 1234 5698 7654 32 now</p>", "the account"),
        ("Hello", "<p>Goodbye then</p>", "most of the HTML's words"),
    ],
)
def test_a_html_that_says_something_else_than_the_text_fails(text: str, html: str, why: str) -> None:
    found = examined(Rendered("x", text=text, html=html), own=("acme.test",))
    assert [reason.code for reason in found] == ["versions_differ"]
    assert why in found[0].text


@given(st.lists(st.text(alphabet="abcdefgh ", min_size=1, max_size=12), min_size=1, max_size=30))
def test_the_same_words_in_both_never_differ(lines: list[str]) -> None:
    html = "".join(f"<tr><td>{line}</td></tr>" for line in lines)
    assert failed(Rendered("x", text="\n".join(lines), html=f"<table>{html}</table>")) == []


# --- letters ----------------------------------------------------------------------------------------------------------

ALIKE = "\u0440\u0430ypal"


@pytest.mark.parametrize(
    "said",
    [
        Rendered(f"Your {ALIKE} account"),
        Rendered("x", people=(f"{ALIKE} <a@b.example>",)),
        Rendered("x", html=f"<a href='https://acme.test'>{ALIKE}</a>"),
        Rendered("x", attached=(f"{ALIKE}.pdf",)),
        Rendered("C\u0431ep\u0431a\u043d\u043a"),
        Rendered("Micr\u03bfsoft"),
        Rendered("\u2ca3aypal"),  # a Coptic letter
        Rendered("\ua4d1aypal"),  # one of Lisu
    ],
)
def test_words_of_look_alike_letters_fail(said: Rendered) -> None:
    assert failed(said) == ["look_alike_letters"]


@pytest.mark.parametrize(
    "subject",
    ["Ваш заказ отправлен", "Η παραγγελία σας", "ご注文のT恤", "PDF-файл", "SMSка", "10 k\u03a9 and \u03bcs", "Jürgen"],  # noqa: RUF001 - other scripts are the point
)
def test_words_of_other_scripts_do_not(subject: str) -> None:
    assert failed(Rendered(subject)) == []


@pytest.mark.parametrize("subject", ["\u00a0\u00a0", " ", "\u3000\u2003"])
def test_a_subject_of_blanks_fails(subject: str) -> None:
    assert failed(Rendered(subject)) == ["blank_subject"]


CSS = (
    "p", ".x", "{", "}", "(", ")", "[", ";", ":", ",", "/*", "*/", "\\", '"', "@media", "!important", "color(",
    "color", "font-size", "rgb(", "hsl(", "none", "1e999", "9" * 5_000, "%", "px", "url(", "<!--", "\x00", "\ud800",
)  # fmt: skip

# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece", ["<p>", "</b><b>", "<div style='color:#fff'>x", "a.", "a", "1,", "€1 ", "<td><p>x", "漢"]
)
def test_twice_the_mail_costs_twice_the_calls(piece: str) -> None:
    organisational_domain("acme.test")  # reads its list once, which is no cost of a mail

    def calls(size: int) -> int:
        n = 0

        def count(*_: object) -> None:
            nonlocal n
            n += 1

        body = piece * (size // len(piece))
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            failed(Rendered("x", text=body + "z", html=body))
        finally:
            sys.setprofile(before)
        return n

    assert calls(8_000) < 3 * calls(4_000)


@settings(max_examples=effort.times(60, 2000))
@given(st.lists(st.sampled_from(CSS), max_size=30), st.booleans())
def test_no_css_is_too_broken_to_be_examined(pieces: list[str], inline: bool) -> None:  # noqa: FBT001
    css = "".join(pieces)
    html = f"<p style='{css}'>x" if inline else f"<style>{css}</style><p class=x>x"
    assert isinstance(examined(Rendered("x", html=html)), tuple)


@settings(max_examples=effort.times(60, 2000))
@given(st.text(alphabet="<>/!-\"'=:; abpstyle&;#x0", max_size=80))
def test_nothing_is_too_broken_to_be_examined(html: str) -> None:
    assert isinstance(examined(Rendered(html, text=html, html=html)), tuple)
