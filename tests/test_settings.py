"""Settings that a typo would make useless for weeks before anybody notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import Invalid
from core.model import ContentClass
from core.settings import TOML, Feedback, Smtp, load


@pytest.mark.parametrize("sender", ["acme", "a" * 16, "acme:mail", "acme mail", "-acme", "äcmemail", "acme-mail\\n"])
def test_a_sender_id_that_gmail_would_drop_is_refused(tmp_path: Path, sender: str) -> None:
    (tmp_path / TOML).write_text(f'[feedback]\nsender_id = "{sender}"\n')
    with pytest.raises(Invalid, match=r"feedback\.sender_id: .*5 to 15"):
        load(tmp_path)


@pytest.mark.parametrize("sender", ["acme1", "Acme-mail_2.prod"[:15]])
def test_a_sender_id_is_taken_as_written(tmp_path: Path, sender: str) -> None:
    (tmp_path / TOML).write_text(f'[feedback]\nsender_id = "{sender}"\n')
    assert load(tmp_path).feedback.sender_id == sender


@pytest.mark.parametrize(
    ("given", "invited"),
    [
        ({}, set()),
        ({"cfbl": ["notification"]}, set()),
        ({"report_token": "pipe"}, set(ContentClass) - {ContentClass.INTERNAL}),
        ({"maildirs": ["/var/mail/bounces"], "cfbl": ["notification"]}, {ContentClass.NOTIFICATION}),
        ({"report_open": True, "cfbl": []}, set()),
    ],
)
def test_complaints_are_asked_for_only_where_a_report_can_arrive(
    given: dict[str, Any], invited: set[ContentClass]
) -> None:
    assert Feedback.model_validate(given).invites_complaints == invited


@pytest.mark.parametrize(
    ("written", "at_most"),
    [
        ({}, 128),
        ({"connections_per_relay": 3}, 3),
        ({"connections_per_relay": 3, "connections_per_far_relay": 20}, 20),
        ({"connections_per_far_relay": 20}, 20),
    ],
)
def test_a_limit_of_connections_to_a_relay_holds_at_any_distance(written: dict[str, int], at_most: int) -> None:
    assert Smtp(**written).connections_at_most == at_most
