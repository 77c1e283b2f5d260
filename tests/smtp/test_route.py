"""Routes, as operators write them."""

from __future__ import annotations

import pytest

from core.errors import Invalid
from core.smtp.route import Route


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("smtp://127.0.0.1:2525", Route("relay", "127.0.0.1", 2525, tls="none")),
        ("smtp://[::1]", Route("relay", "::1", 25, tls="none")),
        ("smtp://localhost?tls=starttls&verify=no", Route("relay", "localhost", 25, tls="starttls", verify=False)),
        ("smtp://relay.example", Route("relay", "relay.example", 25, tls="starttls")),
        ("smtp://u:p%40ss@relay.example", Route("relay", "relay.example", 587, "u", "p@ss", tls="starttls")),
        ("smtps://u:p@relay.example/", Route("relay", "relay.example", 465, "u", "p", tls="implicit")),
        ("smtp://relay.example?tls=none", Route("relay", "relay.example", 25, tls="none")),
        ("direct", Route("direct", tls="starttls", verify=False)),
        ("direct://?port=2525&verify=yes", Route("direct", port=2525, tls="starttls", verify=True)),
    ],
)
def test_a_route_is_read(text: str, route: Route) -> None:
    assert Route.parse(text) == route


@pytest.mark.parametrize(
    "text",
    [
        "",
        "relay.example",
        "http://relay.example",
        "smtp://",
        "smtp://relay.example:99999",
        "smtp://relay.example?tls=maybe",
        "smtp://relay.example?tls=implicit",
        "smtps://relay.example?tls=none",
        "smtp://relay.example?verify=perhaps",
        "smtp://relay.example?colour=red",
        "smtp://u:p@relay.example?tls=none",
        "smtp://relay.example/path",
        "direct:?port=0",
        "direct:?port=" + "9" * 5_000,
        "smtp://relay.acme.test:" + "9" * 5_000,
        "smtp://[::1",
    ],
)
def test_what_is_no_route_is_refused_with_a_fix(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        Route.parse(text)
    assert refused.value.fix


def test_plain_smtp_beyond_this_machine_is_a_written_decision() -> None:
    assert Route.parse("smtp://10.0.0.5").tls == "starttls"
    assert Route.parse("smtp://127.0.0.9").tls == "none"


def test_a_route_never_shows_its_password() -> None:
    route = Route.parse("smtp://user:secret@relay.example:2587")
    assert "secret" not in f"{route!r} {route}"
    assert str(route) == "smtp://relay.example:2587"
