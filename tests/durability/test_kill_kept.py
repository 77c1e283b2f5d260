"""`kill -9` after a notification that could not be proved was answered 202: it is there, and its end is in the log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.clock import SystemClock
from core.db import audit_log
from core.db.store import Store
from core.db.tables import KEPT_WEBHOOK
from core.durations import DAY, SECOND
from core.events import FeedbackUnverified
from tests.durability.gateway_processes import site
from tests.rules.test_provider_signatures import TOPIC, envelope, instant, sign

NOWHERE = "https://sns.xx-nowhere-1.amazonaws.com/SimpleNotificationService-0123.pem"
"""Amazon's by its name, and there is no such region: no network leads to it."""
pytestmark = pytest.mark.slow


def kept(store: Store) -> int:
    (row,) = store.rows(select(func.count().label("n")).select_from(KEPT_WEBHOOK))
    return int(row.n)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_kept_notification_survives_a_kill_and_is_given_up_by_name(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = None if kind == "sqlite" else str(request.getfixturevalue("empty_postgres"))
    asyncio.run(story(tmp_path, database))


async def story(directory: Path, database: str | None) -> None:
    stamp = instant(SystemClock().now()).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    body = json.dumps(sign(envelope(SigningCertURL=NOWHERE, Timestamp=stamp)))
    settings = f'\n[feedback.ses]\ntopics = ["{TOPIC}"]\n'
    async with site(directory, database, more_settings=settings) as tested:
        async with tested.gateway() as running:
            answer = await running.client.post("/feedback/ses", content=body)
            assert answer.status_code == 202, answer.text
            await running.kill()
        with tested.store() as store:
            assert kept(store) == 1
        async with tested.gateway(ahead=4 * DAY // SECOND):
            await tested.until(lambda store: kept(store) == 0)
        with tested.store() as store, store.read() as conn:
            told = [one.event for one in audit_log.read(conn, after=0, limit=1_000)]
        (event,) = [one for one in told if isinstance(one, FeedbackUnverified)]
        assert event.reason == "its certificate could not be fetched in 3 days"
