"""The registry finds each provider's module, and what each says of its relay holds together."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from core.rules.providers import registry
from core.rules.stream_records import sender_terms

ALL = pytest.mark.parametrize("provider", registry.PROVIDERS.values(), ids=lambda one: one.name)


def test_each_module_with_a_provider_is_found_by_name() -> None:
    assert list(registry.PROVIDERS) == ["mailgun", "postmark", "sendgrid", "ses"]
    assert registry.NONE not in registry.PROVIDERS
    assert registry.relay(registry.NONE) == registry.relay("nobody")
    assert registry.relay("nobody").metadata("m1") == b""


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("email-smtp.eu-west-1.amazonaws.com", "ses"),
        ("email-smtp-fips.us-gov-west-1.amazonaws.com", "ses"),
        ("SMTP.SendGrid.net.", "sendgrid"),
        ("smtp.eu.mailgun.org", "mailgun"),
        ("smtp-broadcasts.postmarkapp.com", "postmark"),
        ("smtp.sendgrid.net.evil.test", "none"),
        ("mail.amazonaws.com", "none"),
        ("smtp.acme.test", "none"),
        ("", "none"),
    ],
)
def test_a_relay_is_known_by_its_host(host: str, name: str) -> None:
    assert registry.of_host(host) == name


@ALL
def test_no_agent_may_set_the_field_that_carries_our_id(provider: Any) -> None:
    assert provider.relay.field.lower().startswith(provider.relay.orders)
    assert set(provider.relay.orders) <= set(registry.orders())
    assert all(prefix == prefix.lower() for prefix in provider.relay.orders)


@ALL
def test_its_spf_terms_are_terms_and_nothing_is_connected_by_default(provider: Any) -> None:
    assert sender_terms(" ".join(provider.relay.spf)) == provider.relay.spf
    assert not provider.settings().connected


def test_settings_do_not_wait_for_the_libraries_that_verify_signatures() -> None:
    asked = "import sys, core.settings; print('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, text=True).stdout == "False\n"
