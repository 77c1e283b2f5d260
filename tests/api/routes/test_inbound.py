"""POST /inbound/raw: a message handed over by whoever has its token, stored before the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.db.store import Store
from core.rules.inbound.message import MAX_BYTES
from tests.api.api_client import Visitor, opened
from tests.factories.desk import ADDRESS, DOMAIN, make_desk
from tests.factories.inbound import mail, received

RAW = f"/inbound/raw?recipient={ADDRESS}"


@pytest.fixture
def mta(store: Store, tmp_path: Path) -> Iterator[Visitor]:
    with opened(make_desk(store), tmp_path, inbound={"raw_token": "secret", "mailbox_megabytes": 1}) as visitor:
        yield visitor.using("secret")


def post(mta: Visitor, path: str, raw: bytes) -> Any:
    return mta.post(path, content=raw, headers={"Content-Type": "message/rfc822"})


def test_a_message_is_stored_before_the_answer_and_once(mta: Visitor) -> None:
    path = f"{RAW}&recipient=nobody@{DOMAIN}&sender=bounce@example.com"
    first = post(mta, path, mail())
    assert (first.status_code, first.json()) == (
        200,
        {
            "recipients": [
                {"address": ADDRESS, "status": "stored"},
                {"address": f"nobody@{DOMAIN}", "status": "unknown"},
            ]
        },
    )
    assert post(mta, RAW, mail()).json()["recipients"][0]["status"] == "duplicate"
    assert post(mta, "/inbound/raw", f"Delivered-To: {ADDRESS}\r\n".encode() + mail("more")).status_code == 200
    assert [row.source for row in received(mta.bench.store)] == ["raw", "raw"]


def test_what_proves_nothing_or_cannot_be_taken_stores_nothing(mta: Visitor) -> None:
    assert post(mta.using("wrong"), RAW, mail()).status_code == 401
    assert post(mta.using(None), RAW, mail()).status_code == 401
    assert post(mta, f"/inbound/raw?recipient=nobody@{DOMAIN}", mail()).status_code == 404
    assert post(mta, "/inbound/raw", mail()).status_code == 422
    assert post(mta, RAW, b"").status_code == 422
    assert post(mta, RAW, b"x" * (MAX_BYTES + 1)).status_code == 413
    full = post(mta, RAW, mail("x" * 1_100_000))
    assert (full.status_code, full.headers["retry-after"]) == (503, "600")
    assert received(mta.bench.store) == []


def test_without_a_configured_token_nobody_hands_over(store: Store, tmp_path: Path) -> None:
    with opened(make_desk(store), tmp_path) as visitor:
        assert post(visitor.using(""), RAW, mail()).status_code == 401
