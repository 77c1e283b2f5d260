"""Addresses: both grammars agree, mischief is refused, allow-lists match what they say."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import Invalid
from core.rules import addresses
from core.rules.addresses import Address, allowed, check_pattern, matches, parse_address, refuse_routes

ATEXT = "abcXYZ019!#$%&'*+/=?^_`{|}~-."
plain_like = st.builds(
    lambda local, domain: f"{local}@{domain}",
    st.text(ATEXT, min_size=1, max_size=70),
    st.one_of(
        st.text("abCD019-.", min_size=1, max_size=80),
        st.lists(st.text("aB0-x", min_size=1, max_size=8), min_size=1, max_size=4).map(".".join),
        st.sampled_from(
            ["example.com", "Foo.TEST", "a.localhost", "x.onion", "y.arpa", "xn--exmple-cua.com", "ab--c.com"]
        ),
    ),
)


def attempt(text: str) -> Address | Invalid:
    try:
        return parse_address(text)
    except Invalid as refused:
        return refused


@given(plain_like)
@example("Info@example.com")
@example("postmaster@EXAMPLE.com")
@example("a@b.xn--p1ai")
@example("a" * 300 + "@example.com")
@example("a@" + "b" * 64 + ".com")
@example("a@x.y1")
def test_what_the_plain_grammar_accepts_the_library_accepts_with_the_same_result(text: str) -> None:
    plain = addresses._read_plain(text)
    if plain is not None:
        assert plain == addresses._read_any(text, display="")


@given(st.text(max_size=60) | plain_like)
def test_any_text_is_an_address_or_invalid_and_an_address_reads_back_alike(text: str) -> None:
    found = attempt(text)
    if isinstance(found, Invalid):
        assert found.reason
        assert found.reason.isprintable()
        return
    again = parse_address(found.spec)
    assert (again.local, again.domain_ascii, again.normalised) == (found.local, found.domain_ascii, found.normalised)
    assert found.domain_ascii.isascii()
    assert found.domain_ascii == found.domain_ascii.lower()
    assert not any(char in found.spec + found.display for char in "\r\n\0")


def test_the_local_part_is_kept_and_the_key_is_lower_cased() -> None:
    assert parse_address("Jane.Doe+X@Example.COM") == Address(
        "Jane.Doe+X", "example.com", "", needs_smtputf8=False, normalised="jane.doe+x@example.com"
    )


def test_role_names_keep_their_case_too() -> None:
    assert parse_address("Info@exämple.com").local == "Info"


def test_an_international_domain_travels_as_a_labels_and_needs_no_smtputf8() -> None:
    found = parse_address("jane@EXÄMPLE.com")
    assert found.domain_ascii == "xn--exmple-cua.com"
    assert not found.needs_smtputf8
    assert found.normalised == parse_address("Jane@xn--exmple-cua.com").normalised


def test_an_international_local_part_needs_smtputf8_and_is_composed() -> None:
    found = parse_address("jane\u0301@example.com")
    assert found.local == "jan\u00e9"
    assert found.needs_smtputf8


@pytest.mark.parametrize(
    "text", ["a@b.test", "a@example", "a@x.example", "a@x.invalid", "a@localhost", "a@mx.localhost"]
)
def test_special_use_domains_are_allowed(text: str) -> None:
    if text == "a@example":
        with pytest.raises(Invalid, match="period"):
            parse_address(text)
    else:
        assert parse_address(text).spec == text


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("Jane Doe <jane@example.com>", "Jane Doe"),
        ('"Doe, Jane \\"J\\"" <jane@example.com>', 'Doe, Jane "J"'),
        ("J. Dôe <jane@example.com>", "J. Dôe"),
        ("<jane@example.com>", ""),
        (" jane@example.com ", ""),
    ],
)
def test_a_name_beside_the_address_is_read(text: str, display: str) -> None:
    found = parse_address(text)
    assert (found.spec, found.display) == ("jane@example.com", display)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane",
        "@example.com",
        "jane@",
        "jane@intranet",
        "jane@127.0.0.1",
        "jane@[127.0.0.1]",
        "jane@[IPv6:::1]",
        '"jane"@example.com',
        '"jane doe"@example.com',
        '"a@b"@example.com',
        "jane(comment)@example.com",
        "jane@example.com (Jane)",
        "team: a@example.com, b@example.com;",
        "a@example.com, b@example.com",
        "a@example.com b@example.com",
        "a@b@example.com",
        "jane@@example.com",
        ".jane@example.com",
        "ja..ne@example.com",
        "jane.@example.com",
        "jane@-example.com",
        "jane@example-.com",
        "jane@exa_mple.com",
        "jane@example..com",
        "jane@example.com.",
        "jane@example.com\r\nBcc: eve@example.com",
        "jane@example.com\n",
        "\njane@example.com",
        "ja\0ne@example.com",
        "jane\t@example.com",
        "jane\u2028@example.com",
        "jane\ud800@example.com",
        "Jane\r\nBcc: x <jane@example.com>",
        "\u202eenaJ <jane@example.com>",
        "Jane <jane@example.com> <eve@example.com>",
        "Jane <@relay.example,@b.example:jane@example.com>",
        "Jane <jane@example.com",
        "eve@example.com <jane@example.com>",
        "jane@example.com>",
        "a" * 250 + "@example.com",
        "ä" * 125 + "@example.com",
        "x" * 201 + " <jane@example.com>",
        "a@" + "ä" * 60 + "." + "ö" * 60 + "." + "ü" * 60 + "." + "ß" * 60 + ".com",
        "a@hidden.onion",
        "jane@xn--\u0430.com",
    ],
)
def test_oddities_and_injections_are_refused_with_a_printable_sentence(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_address(text)
    assert refused.value.reason.isprintable()


def test_huge_input_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(Invalid, match="longer"):
        parse_address("\u0660" * 5_000_000 + "@example.com")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "anyone@anywhere.test", True),
        ("*@*", "anyone@anywhere.test", True),
        ("*@example.com", "jane@EXAMPLE.com", True),
        ("*@example.com", "jane@sub.example.com", False),
        ("*@example.com", "jane@notexample.com", False),
        ("Example.COM", "jane@example.com", True),
        ("example.com", "jane@sub.example.com", False),
        ("*.example.com", "jane@sub.example.com", True),
        ("*.example.com", "jane@a.b.example.com", True),
        ("*.example.com", "jane@example.com", False),
        ("*.example.com", "jane@badexample.com", False),
        ("*@*.example.com", "jane@sub.example.com", True),
        ("jane@*.example.com", "jane@sub.example.com", True),
        ("jane@*.example.com", "bob@sub.example.com", False),
        ("JANE@example.com", "Jane@Example.com", True),
        ("jane@example.com", "bob@example.com", False),
        ("exämple.com", "jane@xn--exmple-cua.com", True),
        ("xn--exmple-cua.com", "jane@EXÄMPLE.com", True),
        ("*.exämple.com", "jane@mail.xn--exmple-cua.com", True),
        ("jané@example.com", "JANÉ@example.com", True),
        ("jane@*", "jane@example.com", None),
        ("ja*e@example.com", "jane@example.com", None),
        ("ex*mple.com", "jane@example.com", None),
        ("*.*.com", "jane@example.com", None),
        ("**", "jane@example.com", None),
        ("", "jane@example.com", None),
        ("example.com\nother.com", "jane@example.com", None),
    ],
)
def test_allow_list_patterns(pattern: str, text: str, expected: bool | None) -> None:  # noqa: FBT001 - a table of truth
    address = parse_address(text)
    if expected is None:
        with pytest.raises(Invalid):
            matches(pattern, address)
    else:
        assert matches(pattern, address) is expected
        assert matches(check_pattern(pattern), address) is expected


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("a..b@docomo.ne.jp", '"a..b"@docomo.ne.jp'),
        (".a.@ezweb.ne.jp", '".a."@ezweb.ne.jp'),
        ("Taro <a.@DoCoMo.ne.jp>", '"a."@docomo.ne.jp'),
        ('"a..b"@example.com', '"a..b"@example.com'),
    ],
)
def test_misplaced_dots_of_japanese_carriers_are_quoted_on_the_wire(text: str, spec: str) -> None:
    found = parse_address(text)
    assert found.spec == spec
    assert parse_address(found.spec).normalised == found.normalised == spec.lower()


@pytest.mark.parametrize(
    "text", ["a..b@example.com", ".a@example.com", '"a b"@docomo.ne.jp', "..@docomo.ne.jp", '"a"@x']
)
def test_misplaced_dots_elsewhere_are_a_slip(text: str) -> None:
    with pytest.raises(Invalid):
        parse_address(text)


@pytest.mark.parametrize("local", ["a" * 64, "é" * 32])
def test_a_local_part_of_64_octets_passes_and_one_more_does_not(local: str) -> None:
    assert parse_address(f"{local}@example.com").local == local
    with pytest.raises(Invalid, match="64 octets"):
        parse_address(f"a{local}@example.com")


# --- addresses that arrive elsewhere --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["x%evil.test@ok.test", "evil.test!x@ok.test", "X%Evil.Test@OK.test", "a!b!x%evil.test@sub.ok.test", "x%@ok.test"],
)
def test_an_address_that_asks_to_be_sent_on_is_refused_and_named_by_no_domain(text: str) -> None:
    address = parse_address(text)
    with pytest.raises(Invalid, match="send the mail on"):
        refuse_routes(address)
    for pattern in ("ok.test", "*@ok.test", "*.ok.test"):
        assert not matches(pattern, address)
        assert not allowed((pattern,), address.normalised)
    assert allowed(("*",), address.normalised)
    assert allowed(("ok.test", address.normalised), address.normalised), "somebody wrote down this very address"


@pytest.mark.parametrize(
    "text", ["<@ok.test:x@evil.test>", "x@evil.test:x@ok.test", '"x@evil.test"@ok.test', "x@evil.test,y@ok.test"]
)
def test_a_source_route_or_an_address_within_one_is_no_address_of_that_domain(text: str) -> None:
    with pytest.raises(Invalid):
        refuse_routes(parse_address(text))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("jane@OK.TEST", True),
        ("Jane <jane@ok.test>", True),
        ('"jane@ok.test" <jane@evil.test>', False),
        ("jane@ok.test.evil.test", False),
        ("jane@notok.test", False),
        ("jane@sub.ok.test", False),
    ],
)
def test_a_domain_names_its_own_addresses_however_they_are_written(text: str, named: bool) -> None:  # noqa: FBT001
    address = parse_address(text)
    assert allowed(("ok.test",), address.normalised) is named
    assert matches("OK.test", address) is named


def test_a_domain_is_the_same_in_both_of_its_spellings() -> None:
    for text in ("jane@b\u00fccher.example", "jane@xn--bcher-kva.example", "jane@B\u00dcCHER.example"):
        for pattern in ("b\u00fccher.example", "xn--bcher-kva.example", "*@B\u00fccher.example"):
            assert allowed((pattern,), parse_address(text).normalised), (text, pattern)
