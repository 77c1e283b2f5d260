"""The live demonstration's first line, and the held mail that it shows a visitor."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from console.demo_guide import guide
from console.state import Live
from core.db.tables import REVIEW
from core.demo import scripts
from tests.console.fixtures_gallery import make_gallery
from tests.console.harness import lines, looking, make_scene, shows


@pytest.mark.anyio
async def test_after_a_guards_suspension_the_first_line_says_what_the_desk_did(tmp_path: Path) -> None:
    assert guide(Live()) == ""
    scene = make_gallery(tmp_path)
    app = scene.app(hint="a demonstration: press 2 for held mail")
    app.guide = guide
    async with looking(app) as pilot:
        await shows(pilot, "the desk itself suspended quote-bot, none of its mail left since")
        assert not any("press 2" in line for line in lines(pilot))
    scene.store.close()


def test_one_kind_of_quote_fails_a_check_and_the_others_none(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    for draft in scripts.QUOTES.drafts:
        known = {"name": "Jane", "number": "Q-7", "amount": "1,200", "day": "Friday"}
        scene.submit(subject=draft.subject.format(**known), text=draft.text.format(**known))
    failed = scene.store.rows(select(REVIEW.c.failed_checks).order_by(REVIEW.c.id))
    assert [bool(row.failed_checks) for row in failed] == [False, False, True]
    scene.store.close()
