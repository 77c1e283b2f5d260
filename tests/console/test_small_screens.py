"""80x24, where the desk is used at 4 a.m.: no screen cuts the word that decides, and each is headed as where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.keymap import TABS
from console.widgets.columns import Row, pieces
from console.widgets.table import VirtualTable
from core.services.control import emergency
from tests.console.fixtures_gallery import make_gallery, receive_mail
from tests.console.harness import Scene, drawn, lines, looking, shows, until
from tests.console.picture import SMALL
from tests.factories.desk import BOB

pytestmark = pytest.mark.anyio
MAY_BE_CUT = frozenset(
    {"to", "from", "subject", "detail", "reply", "reason", "address", "mailbox", "site", "object", "type"}
)
"""Columns of names and of text from elsewhere: enter shows them whole."""
ENTER = {
    "desk": "1 Agent", "queue": "2 Message", "agents": "3 Agent", "lanes": "4 Agent", "events": "5 Event",
    "suppressions": "6 Trace", "identities": "7 Identities", "inbox": "9 Message",
}  # fmt: skip
"""What enter opens on each screen, as the header says it."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_gallery(tmp_path)
    yield made
    made.store.close()


def cut(table: VirtualTable) -> list[str]:
    """What is drawn shorter than it is in the columns that say what to do."""
    placed = [one for one in table._painter._layout(table.size.width) if one.column.key not in MAY_BE_CUT]
    rows = [row for row_id in table.roster.ids if isinstance(row := table._pages.get(row_id), Row)]
    drawn_cells = ("".join(part.text for part in pieces(row, [one], now=0)) for row in rows for one in placed)
    return [text for text in drawn_cells if "…" in text[1:]]


async def test_at_80_columns_no_word_that_decides_is_cut_and_a_page_is_headed_by_the_screen_below_it(
    scene: Scene,
) -> None:
    receive_mail(scene)
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="too loud", actor=BOB))
    async with looking(scene.app(), size=SMALL) as pilot:
        for name, opened in ENTER.items():
            await pilot.press(str(key(name)))
            await shows(pilot, f" {key(name)} {name.title()} ")
            await until(pilot, lambda: all(table._pages._rows for table in tables(pilot)))
            await until(pilot, lambda: not [text for table in tables(pilot) for text in cut(table)])
            await pilot.press("enter")
            await shows(pilot, f" {opened} ")
            assert not [line for line in (lines(pilot)[0], lines(pilot)[-1]) if "…" in line[1:]]
            if name == "identities":
                assert "revoked if" in drawn(pilot)  # the whole record, which the list leaves no room for
            await pilot.press("escape")
            await shows(pilot, f" {key(name)} {name.title()} ")


def key(name: str) -> int:
    return TABS.index(name) + 1


def tables(pilot: Pilot[int]) -> list[VirtualTable]:
    return [table for table in pilot.app.screen.query(VirtualTable) if table.display and len(table.roster)]
