"""The half of webhooks that needs no network: which URL may be configured, how a body is signed, when to try again."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.durations import DAY, HOUR, SECOND
from core.errors import Invalid
from core.security.credentials import webhook_secret
from core.services.notify.webhook_client import check_url, signed_headers
from core.services.notify.webhook_retries import retry_at

# What an operator may configure


@pytest.mark.parametrize(
    ("url", "because"),
    [
        ("ftp://example.com/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("javascript:alert(1)", "https://"),
        ("//example.com/", "https://"),
        ("https:///path", "no host"),
        ("https://user:password@example.com/", "no user"),
        ("https://good.example\\@evil.example/", "no user"),
        ("https://exa mple.com/", "no host"),
        ("https://ex%61mple.com/", "no host"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "port"),
        ("https://example.com/\r\nX: y", "not a URL"),
        ("https://[fe80::1%25eth0]/", "no host"),
        ("https://" + "a" * 3_000 + ".example/", "longer"),
        ("https://localhost/", "this machine"),
        ("https://LOCALHOST./", "this machine"),
        ("https://api.localhost/", "this machine"),
        ("https://127.0.0.1/", "loopback"),
        ("https://127.1/", "loopback"),
        ("https://2130706433/", "loopback"),
        ("https://0x7f000001/", "loopback"),
        ("https://017700000001/", "loopback"),
        ("https://[::1]/", "loopback"),
        ("https://[::ffff:127.0.0.1]/", "IPv4-mapped"),
        ("http://169.254.169.254/latest/meta-data/", "cloud metadata"),
        ("https://10.0.0.1:8443/", "private"),
    ],
)
def test_url_that_could_be_turned_against_us_is_refused_when_it_is_configured(url: str, because: str) -> None:
    with pytest.raises(Invalid, match=because):
        check_url(url)


@pytest.mark.parametrize("url", ["https://example.com", "https://bücher.example:8443/x?y=z", "https://[2606:4700::1]/"])
def test_ordinary_url_passes_without_a_remark(url: str) -> None:
    assert check_url(url) is None


def test_http_passes_with_a_remark() -> None:
    assert "https is better" in str(check_url("http://example.com/"))


def test_exception_of_the_operator_lets_a_private_target_through() -> None:
    assert check_url("https://10.1.2.3/", allow=["10.1.0.0/16"]) is None
    assert check_url("https://localhost/", allow=["localhost"]) is None
    with pytest.raises(Invalid, match="private"):
        check_url("https://10.2.2.3/", allow=["10.1.0.0/16"])
    with pytest.raises(Invalid, match="neither a network nor a host name"):
        check_url("https://10.2.2.3/", allow=["10.1.2.3/16"])


@given(st.text(max_size=60))
def test_any_text_is_judged_or_refused_but_never_breaks_the_check(url: str) -> None:
    with suppress(Invalid):
        check_url(url)


# Signatures and time


def test_both_secrets_of_a_rotation_verify_and_a_third_does_not() -> None:
    new, old, other = (webhook_secret(bytes([n]) * 32) for n in (1, 2, 3))
    body = json.dumps({"type": "email.approved", "data": {"subject": "Grüße"}}).encode()
    at = 1_760_000_000_000_000
    headers = signed_headers(event_id="msg_1", at=at, body=body, secrets=[new, old])
    with time_machine.travel(datetime.fromtimestamp(at / 1e6, tz=UTC), tick=False):
        assert Webhook(new).verify(body, headers)["type"] == "email.approved"
        assert Webhook(old).verify(body, headers)["type"] == "email.approved"
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(new).verify(body + b" ", headers)


def test_signature_is_the_one_the_specification_describes() -> None:
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    headers = signed_headers(
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=1_614_265_330_000_000, body=body, secrets=[secret]
    )
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_plain_signatures_are_keyed_with_the_whole_spelled_secrets_the_old_one_beside_the_new() -> None:
    secrets = [webhook_secret(b"n" * 24), webhook_secret(b"o" * 24)]
    headers = signed_headers(event_id="msg_1", at=SECOND, body=b"{}", secrets=secrets)
    names = ("X-Postroom-Signature", "X-Postroom-Signature-Previous")
    for name, secret in zip(names, secrets, strict=True):
        assert headers[name] == hmac.new(secret.encode(), b"{}", hashlib.sha256).hexdigest()
    alone = signed_headers(event_id="msg_1", at=SECOND, body=b"{}", secrets=secrets[:1])
    assert names[1] not in alone


def test_nothing_is_sent_unsigned() -> None:
    with pytest.raises(Invalid):
        signed_headers(event_id="msg_1", at=SECOND, body=b"{}", secrets=[])


def test_secret_spells_its_bytes_and_refuses_too_few() -> None:
    assert b64decode(webhook_secret(b"s" * 32).removeprefix("whsec_")) == b"s" * 32
    with pytest.raises(Invalid):
        webhook_secret(b"short")


def test_retries_go_on_for_three_days_and_then_stop() -> None:
    now, attempt = 0, 1
    waits = []
    while (due := retry_at(attempt, first_at=0, now=now, jitter=0.5)) is not None:
        waits.append(due - now)
        now, attempt = due, attempt + 1
    assert now == 3 * DAY
    assert waits[:4] == [5 * SECOND, 10 * SECOND, 20 * SECOND, 40 * SECOND]
    assert max(waits) == 4 * HOUR


@given(
    attempt=st.integers(1, 10**9),
    now=st.integers(0, 4 * DAY),
    jitter=st.floats(0, 1, exclude_max=True, allow_nan=False),
)
def test_retry_is_always_later_and_never_after_the_third_day(attempt: int, now: int, jitter: float) -> None:
    due = retry_at(attempt, first_at=0, now=now, jitter=jitter)
    assert (due is None) == (now >= 3 * DAY)
    assert due is None or now < due <= 3 * DAY
