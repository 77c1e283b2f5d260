"""Which domain an organisation registered: a matter of the public suffix list, never of counting labels."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.cli.next_steps import home_domain
from core.domains import organisational_domain


@pytest.mark.parametrize(
    ("host", "registered"),
    [
        ("bot.eu.acme.com", "acme.com"),
        ("acme.com", "acme.com"),
        ("WWW.Acme.CO.UK.", "acme.co.uk"),
        ("mx.shop.acme.com.br", "acme.com.br"),
        ("x.y.city.kawasaki.jp", "city.kawasaki.jp"),  # an exception of the list
        ("a.b.c.kawasaki.jp", "b.c.kawasaki.jp"),  # a wildcard of the list
        ("bot.acme.github.io", "acme.github.io"),
        ("bot.acme.test", "acme.test"),  # unlisted: one label
        ("bot.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
    ],
)
def test_the_domain_below_the_public_suffix_is_the_organisations(host: str, registered: str) -> None:
    assert organisational_domain(host) == registered
    assert organisational_domain(registered) == registered


@pytest.mark.parametrize("host", ["", "localhost", "com", "co.uk", "192.0.2.1", "[2001:db8::1]", "a..b", "?", "mailto"])
def test_what_is_below_no_public_suffix_stays_as_it_is(host: str) -> None:
    assert organisational_domain(host) == host


def test_a_suggested_allow_list_names_the_organisation_and_never_everybody_below_co_uk() -> None:
    assert home_domain("help@bot.eu.acme.com") == "acme.com"
    assert home_domain("help@acme.co.uk") == "acme.co.uk"


def test_a_host_of_a_million_labels_is_no_work() -> None:
    assert organisational_domain("a." * 1_000_000 + "acme.com") == "acme.com"


def test_libraries_with_tables_are_imported_only_when_they_are_asked_something() -> None:
    tables = {"publicsuffixlist", "confusable_homoglyphs", "tinycss2", "wcwidth"}
    said = f"import sys, core.cli.remote.lanes, core.cli.doctor; print(sorted({tables} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", said], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
