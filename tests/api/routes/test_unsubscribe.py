"""One click: a page that changes nothing, and a POST that needs nothing else (RFC 8058)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import select

from core.db import audit_log
from core.db.store import Store
from core.db.tables import SUPPRESSION
from core.model import Mode
from core.rules import signed_ids
from core.rules.signed_ids import HmacKeys
from tests.api.api_client import Visitor, chunks, opened, problem
from tests.factories.delivery import events, leave
from tests.factories.desk import DOMAIN, KEYRING, WIDE, make_desk

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def anybody(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as visitor:
        yield visitor.using(None)


def link(visitor: Visitor, keyring: HmacKeys = KEYRING) -> str:
    (message,) = leave(visitor.bench, "jane@example.com")
    return f"/u/{signed_ids.unsubscribe_token(message, 0, keyring=keyring)}"


def suppressed(visitor: Visitor) -> list[str]:
    return [row.cause for row in visitor.bench.store.rows(select(SUPPRESSION))]


class Page(HTMLParser):
    """What of a page matters: its elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str | None]]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.setdefault(tag, []).append(dict(attrs))


def test_page_shows_a_button_and_changes_nothing(anybody: Visitor) -> None:
    path = link(anybody)
    with anybody.bench.store.read() as conn:
        before = audit_log.head(conn)
    answer = anybody.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text).found
    assert page["html"] == [{"lang": "en"}]
    assert page["form"] == [{"method": "post"}]
    assert page["input"] == [{"type": "hidden", "name": "List-Unsubscribe", "value": "One-Click"}]
    assert page["button"] == [{"type": "submit"}]
    assert len(page["h1"]) == 1
    assert {"script", "img", "link", "a", "iframe"}.isdisjoint(page)
    assert "Acme &amp; Sons" in answer.text
    with anybody.bench.store.read() as conn:
        assert audit_log.head(conn) == before
    assert suppressed(anybody) == []


def test_page_may_load_and_run_nothing(anybody: Visitor) -> None:
    answer = anybody.get(link(anybody))
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    style = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


def test_one_click_unsubscribes_at_once_without_login(anybody: Visitor) -> None:
    path = link(anybody)
    answer = anybody.post(path, data=ONE_CLICK)
    assert answer.status_code == 200
    assert suppressed(anybody) == ["unsubscribed"]
    assert len(events(anybody.bench.store, "email.unsubscribed")) == 1


def test_page_says_what_will_stop_and_what_will_still_come(anybody: Visitor) -> None:
    path = link(anybody)
    for text in (anybody.get(path).text, anybody.post(path, data=ONE_CLICK).text):
        assert f"offers from Acme &amp; Sons ({DOMAIN})" in text or f"no more offers from {DOMAIN}" in text
        assert "receipts, will still come" in text


def test_asked_again_it_still_holds_and_is_told_once(anybody: Visitor) -> None:
    path = link(anybody)
    for _ in range(3):
        assert anybody.post(path, data=ONE_CLICK).status_code == 200
    assert suppressed(anybody) == ["unsubscribed"]
    assert len(events(anybody.bench.store, "email.unsubscribed")) == 1


def test_providers_post_it_as_multipart_as_well(anybody: Visitor) -> None:
    assert anybody.post(link(anybody), files={"List-Unsubscribe": (None, "One-Click")}).status_code == 200
    assert suppressed(anybody) == ["unsubscribed"]


def test_token_survives_upper_case_and_a_new_key(anybody: Visitor) -> None:
    old = HmacKeys(keys=KEYRING.keys, active="k1")
    assert anybody.post(link(anybody, old).upper().replace("/U/", "/u/"), data=ONE_CLICK).status_code == 200


@pytest.mark.parametrize("token", ["x", "k1" + "a" * 40, "%00", "a" * 5_000, "..%2f..%2faudit"])
def test_unknown_token_is_a_404_page_and_moves_nothing(anybody: Visitor, token: str) -> None:
    link(anybody)
    for answer in (anybody.get(f"/u/{token}"), anybody.post(f"/u/{token}", data=ONE_CLICK)):
        assert answer.status_code == 404
    assert suppressed(anybody) == []


def test_token_of_another_kind_opens_nothing(anybody: Visitor) -> None:
    (message,) = leave(anybody.bench, "jane@example.com")
    path = signed_ids.return_path(message, 0, domain="x.test", keyring=KEYRING)
    assert anybody.post(f"/u/{path[2:44]}", data=ONE_CLICK).status_code == 404


def test_token_of_a_message_that_is_gone_is_a_404(anybody: Visitor) -> None:
    token = signed_ids.unsubscribe_token(1, 0, keyring=KEYRING)
    assert anybody.post(f"/u/{token}", data=ONE_CLICK).status_code == 404


def test_body_over_a_kibibyte_is_413(anybody: Visitor) -> None:
    path = link(anybody)
    problem(anybody.post(path, content=b"x" * 1_025), 413, "too_large")
    problem(anybody.post(path, content=chunks(*[b"x" * 100] * 11)), 413, "too_large")
    assert suppressed(anybody) == []
    assert anybody.post(path, content=b"x" * 1_024).status_code == 200


def test_desk_that_cannot_write_says_to_try_again(anybody: Visitor) -> None:
    path = link(anybody)
    asyncio.run(anybody.desk.writer.close())
    answer = anybody.post(path, data=ONE_CLICK)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "try again" in answer.text
