"""Several desks from one console, over real gateways: their colours, guards, `:desk NAME`, all of them at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot

from console import desk_list
from console.app import PostroomConsole
from console.dialogs import DEAF_FOR
from console.screens.all_desks import AllDesksScreen
from console.screens.message import MessageScreen
from console.screens.queue import QueueScreen
from console.start import Start
from core.cli import known_desks
from core.cli.known_desks import KnownDesks, Place
from tests.cli.cli_runner import Clerk, with_mailbox
from tests.console.harness import Monotonic, drawn, lines, looking, open_queue, said, shows, strips, until
from tests.console.test_over_http import gateway
from tests.factories.mail import hand_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's configuration; their tokens are in the environment, one for each desk."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("POSTROOM_TOKEN", raising=False)
    return tmp_path


def save(*places: Place) -> None:
    known_desks.save(KnownDesks({place.name or "": place for place in places}))


def console(name: str | None, start: Start | None = None) -> PostroomConsole:
    """On this desk, or with none open."""
    opener = None if name is None else lambda: desk_list.open_named(name)
    return PostroomConsole(opener, desks=desk_list, start=start, monotonic=Monotonic(step=DEAF_FOR + 1))


@asynccontextmanager
async def two_desks(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Clerk, Clerk]]:
    """`prod` with three held messages, `staging` with one."""
    prod, staging = with_mailbox(home / "prod"), with_mailbox(home / "staging")
    for n in range(3):
        hand_in(prod, to=f"jane{n}@example.com")
    hand_in(staging, to="test@example.com")
    monkeypatch.setenv("POSTROOM_TOKEN_PROD", prod.tokens["alice"])
    monkeypatch.setenv("POSTROOM_TOKEN_STAGING", staging.tokens["alice"])
    async with gateway(prod) as here, gateway(staging) as there:
        save(Place(name="prod", url=here, word="LIVE"), Place(name="staging", url=there))
        yield prod, staging


async def command(pilot: Pilot[int], text: str) -> None:
    """Type it after `:`, and choose what is offered for it."""
    await pilot.press("colon")
    palette = await until_palette(pilot)
    await pilot.press(*("space" if char == " " else char for char in text))
    offered = palette.query_one(CommandList)
    await until(
        pilot,
        lambda: bool(offered.option_count) and text in str(getattr(offered.get_option_at_index(0), "prompt", "")),
    )
    await pilot.press("enter")


async def until_palette(pilot: Pilot[int]) -> CommandPalette:
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    assert isinstance(pilot.app.screen, CommandPalette)
    return pilot.app.screen


def followers() -> int:
    """Threads that follow the log of a desk."""
    return sum(thread.name == "console-log" for thread in threading.enumerate())


async def test_a_guarded_desk_is_shown_in_its_colour_and_asks_for_its_name_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = with_mailbox(home / "desk")
    for n in range(3):
        hand_in(office, to=f"jane{n}@example.com")
    monkeypatch.setenv("POSTROOM_TOKEN_PROD", office.tokens["alice"])
    async with gateway(office) as url:
        save(Place(name="prod", url=url, word="LIVE", colour="red", guard=True))
        app = console("prod")
        async with looking(app) as pilot:
            assert "│  LIVE prod  [RW] alice │" in lines(pilot)[0]
            ground = next(one.style for one in strips(pilot)[0] if "LIVE prod" in one.text)
            assert ground is not None
            assert ground.bgcolor is not None
            assert ground.bgcolor.get_truecolor().hex == "#a3171f"
            await open_queue(pilot, "jane0@example.com")
            await pilot.press("x")
            await shows(pilot, "Reject m")
            await pilot.press(*"odd", "enter")
            await until(pilot, lambda: "rejected" in said(app))  # what tightens is not asked
            await pilot.press("j", "a")
            await shows(pilot, "This loosens prod, which is guarded")
            await pilot.press(*"staging", "space", "escape")
            await until(pilot, lambda: "the name of the desk was not typed" in said(app))
            await pilot.press("a")
            await shows(pilot, "type prod")
            await pilot.press(*"prod", "space")
            await shows(pilot, "u undo")
            await pilot.press("j", "a")
            await until(pilot, lambda: app.session.undoable(app.now) is not None and not app._under_way)
            assert "This loosens" not in drawn(pilot)
            assert len(office.ok("queue", "pending", who="alice")["messages"]) == 0


async def test_another_desk_is_opened_by_name_or_the_old_one_stays_and_nothing_of_a_left_one_does(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_desks(home, monkeypatch) as (prod, staging):
        app = console("prod")
        async with looking(app) as pilot:
            await open_queue(pilot, "jane0@example.com")
            await pilot.press("space")
            await command(pilot, "desk nowhere")
            await until(pilot, lambda: "nowhere was not opened: no desk is called 'nowhere'" in said(app))
            monkeypatch.setenv("POSTROOM_TOKEN_STAGING", "pro_x")
            await command(pilot, "desk staging")
            await until(pilot, lambda: "staging was not opened: no operator has this token" in said(app))
            assert "LIVE prod" in lines(pilot)[0]
            assert "A/X marked(1)" in drawn(pilot), "what was marked stays"
            monkeypatch.delenv("POSTROOM_TOKEN_STAGING")
            monkeypatch.setenv("POSTROOM_TOKEN", prod.tokens["alice"])  # never sent to a desk that it is not for
            await command(pilot, "desk staging")
            await until(pilot, lambda: "there is no token for staging; set POSTROOM_TOKEN_STAGING" in said(app))
            monkeypatch.delenv("POSTROOM_TOKEN")
            monkeypatch.setenv("POSTROOM_TOKEN_STAGING", staging.tokens["alice"])
            await command(pilot, "desk staging")
            await until(pilot, lambda: "staging" in drawn(pilot)[:120] and app.live.held == 1)
            await until(pilot, lambda: followers() == 1)
            await open_queue(pilot, "test@example.com")
            assert "jane0@example.com" not in drawn(pilot)
            await pilot.press("x")
            await shows(pilot, "Reject m")
            await pilot.press(*"odd", "enter")
            await until(pilot, lambda: app.live.held == 0)
            assert staging.ok("queue", "pending", who="alice")["messages"] == []
            await command(pilot, "desk prod")
            await until(pilot, lambda: "LIVE prod" in drawn(pilot)[:120] and app.live.held == 3)
            await until(pilot, lambda: followers() == 1)


async def test_all_desks_are_read_one_by_one_and_enter_opens_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_desks(home, monkeypatch):
        known = known_desks.load()
        with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts a connection and never answers
            port = silent.getsockname()[1]
            save(
                Place(name="dead", url=f"http://127.0.0.1:{port}"), *known.desks.values(),
                Place(name="other", url=known.desks["prod"].url), Place(name="bad", url=known.desks["prod"].url),
            )  # fmt: skip
            monkeypatch.setenv("POSTROOM_TOKEN_DEAD", "pro_x")
            monkeypatch.setenv("POSTROOM_TOKEN_BAD", "pro_x")
            app = console(None)
            async with app.run_test(size=(120, 36)) as pilot:
                await shows(pilot, "2 of 5 desks live")
                table = {line.strip(" >").split()[0]: line.strip(" >") for line in lines(pilot)[2:7]}
                assert "asking" in table["dead"], "a desk that does not answer delays nobody"
                assert (table["LIVE"].split()[2], table["staging"].split()[1]) == ("3", "1")
                await shows(pilot, "▲ sign-in needed: there is no token for other")
                await shows(pilot, "▲ sign-in needed: no operator has this token")
                silent.close()
                await shows(pilot, "✖ unreachable since")
                await pilot.press("2")
                await until(pilot, lambda: "open a desk first" in said(app))
                await pilot.press("down", "down", "enter")
                await until(pilot, lambda: app.live.held == 1 and "staging" in drawn(pilot)[:120])
                await pilot.press("0")
                await shows(pilot, "▸ staging")
                assert isinstance(app.screen, AllDesksScreen)
                await pilot.press("escape")
                await shows(pilot, "[1 Desk]")


async def test_a_link_opens_the_screen_the_filter_and_the_message(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_desks(home, monkeypatch) as (prod, _):
        held = [one["id"] for one in prod.ok("queue", "pending", who="alice")["messages"]]
        app = console("prod", Start(screen="queue", filter="to:jane1", open=held[1][:1] + held[1][-5:]))
        async with looking(app) as pilot:
            await until(pilot, lambda: isinstance(app.screen, MessageScreen))
            await shows(pilot, held[1])
            await pilot.press("escape")
            await shows(pilot, "to:jane1 → 1 of 3")
            await command(pilot, "save jane")
            await until(pilot, lambda: "saved: :view jane opens queue with to:jane1" in said(app))
            await pilot.press("escape", "1")
            await command(pilot, "view jane")
            await until(pilot, lambda: isinstance(app.screen, QueueScreen) and app.screen.filter_text == "to:jane1")
            await command(pilot, "view nothing")
            await until(pilot, lambda: "no view is called 'nothing': there are jane" in said(app))
        again = console("prod", Start(view="jane", open=held[0][:5]))
        async with looking(again) as pilot:
            await shows(pilot, "to:jane1 → 1 of 3")
            await until(pilot, lambda: f"{held[0][:5]} is ambiguous: m" in said(again))
