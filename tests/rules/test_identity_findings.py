from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.durations import DAY, HOUR
from core.rules.identity_findings import STARTED_LONG_AGO, Code, Identity, drill_due_at, findings, is_unused

NOW = 1_000 * DAY
GOOD = Identity(
    agent="support-bot", address="help@support-bot.acme.test", owner="olive", owner_active=True,
    system_owner="platform team", activated_at=NOW - 60 * DAY, last_used_at=NOW - HOUR, drill_started_at=None,
    drilled_at=NOW - 10 * DAY, drill_failures=(), drill_unreached=(),
)  # fmt: skip


def codes(one: Identity) -> list[Code]:
    return [each.code for each in findings(one, now=NOW, drill_every=90 * DAY, unused_after=30 * DAY)]


def test_an_identity_that_is_owned_used_and_drilled_has_no_findings() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"owner": None, "owner_active": False}, Code.UNOWNED),
        ({"owner_active": False}, Code.UNOWNED),
        ({"system_owner": None}, Code.NO_SYSTEM_OWNER),
        ({"last_used_at": NOW - 30 * DAY}, Code.UNUSED),
        ({"last_used_at": None}, Code.UNUSED),
        ({"drilled_at": None}, Code.NEVER_DRILLED),
        ({"drilled_at": NOW - 90 * DAY}, Code.DRILL_DUE),
        ({"drill_failures": ("a door opens",)}, Code.DRILL_FAILED),
        ({"drill_unreached": ("8025 on b",)}, Code.DRILL_INCOMPLETE),
        ({"drill_failures": ("a door opens",), "drill_unreached": ("8025 on b",)}, Code.DRILL_FAILED),
        ({"drill_started_at": NOW - STARTED_LONG_AGO}, Code.DRILL_UNFINISHED),
    ],
    ids=str,
)
def test_each_trouble_is_a_finding_of_its_own_with_a_sentence_and_a_next_step(
    changed: dict[str, Any], code: Code
) -> None:
    (found,) = findings(replace(GOOD, **changed), now=NOW, drill_every=90 * DAY, unused_after=30 * DAY)
    assert found.code is code
    assert found.text
    assert found.fix


@pytest.mark.parametrize(
    "changed",
    [
        {"last_used_at": NOW - 30 * DAY + 1},
        {"last_used_at": None, "activated_at": NOW - 30 * DAY + 1},
        {"drilled_at": NOW - 90 * DAY + 1},
        {"drill_started_at": NOW - STARTED_LONG_AGO + 1},
    ],
    ids=str,
)
def test_up_to_the_line_there_is_nothing_to_say(changed: dict[str, Any]) -> None:
    assert codes(replace(GOOD, **changed)) == []


def test_nothing_is_expected_of_an_identity_that_is_not_active_yet_but_an_owner() -> None:
    asked = replace(GOOD, activated_at=None, last_used_at=None, drilled_at=None)
    assert codes(asked) == []
    assert codes(replace(asked, owner=None, system_owner=None)) == [Code.UNOWNED, Code.NO_SYSTEM_OWNER]
    assert not is_unused(asked, now=NOW, unused_after=HOUR)


def test_the_worst_comes_first() -> None:
    bad = replace(
        GOOD, owner_active=False, last_used_at=None, drill_started_at=NOW - DAY, drill_failures=("x",),
        drilled_at=NOW - 91 * DAY,
    )  # fmt: skip
    assert codes(bad) == [Code.DRILL_UNFINISHED, Code.DRILL_FAILED, Code.UNOWNED, Code.UNUSED, Code.DRILL_DUE]


def test_the_next_drill_counts_from_the_last_one_or_from_activation() -> None:
    assert drill_due_at(activated_at=5, drilled_at=None, every=10) == 15
    assert drill_due_at(activated_at=5, drilled_at=7, every=10) == 17
    assert drill_due_at(activated_at=None, drilled_at=7, every=10) is None
