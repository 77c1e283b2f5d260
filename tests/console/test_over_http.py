"""Two consoles over HTTP at one gateway: what one decides the other sees, access ends at once, a gateway comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from console import factory
from console.app import PostroomConsole
from console.dialogs import DEAF_FOR
from console.state import Link
from tests.cli.cli_runner import Clerk, with_mailbox
from tests.console.harness import Monotonic, drawn, looking, open_queue, shows, until
from tests.factories.mail import hand_in
from tests.factories.served import served

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def gateway(office: Clerk, *, port: int = 0) -> AsyncIterator[str]:
    """In a thread of its own: its start and end must not block the consoles."""
    serving = served(office.directory, port=port)
    url = await asyncio.to_thread(serving.__enter__)
    try:
        yield url
    finally:
        await asyncio.to_thread(serving.__exit__, None, None, None)


def link(app: PostroomConsole) -> Link:
    return app.live.link


def console(url: str, office: Clerk, who: str) -> PostroomConsole:
    return PostroomConsole(lambda: factory.sign_in(url, office.tokens[who]), monotonic=Monotonic(step=DEAF_FOR + 1))


async def test_what_one_decides_is_gone_at_the_other_and_who_is_disabled_is_out(tmp_path: Path) -> None:
    office = with_mailbox(tmp_path / "desk")
    hand_in(office)
    async with gateway(office) as url:
        alice, bob = console(url, office, "alice"), console(url, office, "victor")
        async with looking(alice) as left, looking(bob) as right:
            assert "LOCAL" not in str(alice.header(200))
            await open_queue(left, "jane@example.com")
            await open_queue(right, "jane@example.com")
            await left.press("x")
            await shows(left, "Reject m")
            await left.press(*"odd", "enter")
            await shows(right, "rejecting by alice")
            await asyncio.to_thread(office.ok, "operator", "disable", "victor", who="root")
            await shows(right, "Your access has ended")
            await right.press("a")
            await until(right, lambda: bob.return_code is not None)
        assert (alice.return_code or 0, bob.return_code) == (0, 1)


async def test_a_drill_from_the_console_shows_the_fresh_token_until_escape_is_pressed_twice(tmp_path: Path) -> None:
    office = with_mailbox(tmp_path / "desk")
    before = office.ok("token", "issue", "--agent", "support-bot", who="gail")
    async with gateway(office) as url:
        gail = console(url, office, "gail")
        async with looking(gail) as pilot:
            await shows(pilot, "support-bot")
            await pilot.press("3", "D")
            await shows(pilot, "Drill the revocation of support-bot?")
            await pilot.press(*"support-bot", "space")
            await shows(pilot, "PASSED: revocation drill")
            assert "pra_" in drawn(pilot)
            assert "U+000A" not in drawn(pilot)
            await pilot.press("escape")
            await shows(pilot, "It is not shown again")
            assert "pra_" in drawn(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: "pra_" not in drawn(pilot))
    (event,) = [one for one in office.ok("audit", "export")["events"] if one["type"] == "identity.drilled"]
    assert (event["actor"], event["data"]["revoked"]) == ("gail", [before["id"]])


async def test_a_gateway_that_goes_away_is_missed_at_once_and_what_happened_meanwhile_shows_once_it_is_back(
    tmp_path: Path,
) -> None:
    office = with_mailbox(tmp_path / "desk")
    hand_in(office)
    async with AsyncExitStack() as first:
        url = await first.enter_async_context(gateway(office))
        app = console(url, office, "alice")
        async with looking(app) as pilot:
            await open_queue(pilot, "jane@example.com")
            await first.aclose()
            await shows(pilot, "NOT CURRENT")
            assert link(app) is Link.LOST
            assert "jane@example.com" in drawn(pilot)  # what was known stays readable
            await asyncio.to_thread(hand_in, office, to="joe@example.com")
            async with gateway(office, port=urlsplit(url).port or 0):
                await shows(pilot, "joe@example.com")
                assert link(app) is Link.LIVE
                assert "NOT CURRENT" not in drawn(pilot)
