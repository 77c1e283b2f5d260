"""Signing at the console: what the desk found is on the screen, nothing is ticked, and a NO takes a typed reason."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from console.checklist import Answers, SignDialog, item_lines
from console.dialogs import DEAF_FOR, WaitingDialog
from core.db import directory, signoff_queries
from core.rules.issuance import CHECKLISTS, Finding, Item, Kind
from core.services.identity import mailboxes
from core.services.identity.signoff_checklists import Sheet
from tests.console.harness import (
    Scene,
    burst,
    drawn,
    handled,
    looking,
    press,
    request_identity,
    said,
    shows,
    until,
)
from tests.factories import records
from tests.factories.desk import DORA, GAIL, OLIVE
from tests.factories.records import SALES, add_keys

pytestmark = pytest.mark.anyio
SMALL = (80, 24)


@pytest.fixture
def scene(scene: Scene) -> Scene:
    scene.store.transact(lambda tx: add_keys(tx, scene.bench.stream_id))
    request_identity(scene)
    return scene


def signed(scene: Scene) -> dict[str, Any]:
    """The signatures there are, by kind."""
    with scene.store.read() as conn:
        record = directory.mailbox(conn, SALES)
        assert record is not None
        return {one.kind: one for one in signoff_queries.signoffs(conn, record.id)}


async def opened(pilot: Pilot[int]) -> SignDialog:
    await pilot.press("7")
    await shows(pilot, "○ requested")
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, SignDialog))
    await shows(pilot, "to answer")
    dialog = pilot.app.screen
    assert isinstance(dialog, SignDialog)
    return dialog


async def test_the_owner_answers_for_each_item_and_then_types_the_address(scene: Scene) -> None:
    app = scene.app(OLIVE)
    async with looking(app) as pilot:
        dialog = await opened(pilot)
        for text in ("4 to answer", "answers questions about orders.", "It may write to anyone.", "standing identity"):
            assert text in drawn(pilot)
        assert dialog.open_items == [item.code for item in CHECKLISTS[Kind.OWNER]]
        await press(pilot, scene, "space", "space", "space")
        await shows(pilot, "1 to answer")
        await press(pilot, scene, "tab", *SALES, "space")  # nothing can be typed while an item is open
        assert len(dialog.open_items) == 1
        await press(pilot, scene, "end", "space", "tab", *SALES, "enter")
        await shows(pilot, "Enter never signs")
        assert signed(scene) == {}
        await pilot.press("space")
        await until(pilot, lambda: "signed as owner" in said(app))
        await shows(pilot, "✔ owner: olive")
    assert set(signed(scene)["owner"].checklist.values()) == {"signer"}


async def test_nothing_is_affirmed_by_enter_and_an_affirmation_is_taken_back(scene: Scene) -> None:
    app = scene.app(OLIVE)
    async with looking(app) as pilot:
        dialog = await opened(pilot)
        await press(pilot, scene, "enter")
        await shows(pilot, "Enter does not answer an item")
        await press(pilot, scene, "space")
        await shows(pilot, "● you")
        await press(pilot, scene, "up", "space")
        await until(pilot, lambda: len(dialog.open_items) == 4)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not dialog)
    assert signed(scene) == {}


async def test_keys_that_were_typed_before_the_dialog_was_seen_answer_nothing(scene: Scene) -> None:
    app = scene.app(OLIVE)
    async with looking(app) as pilot:
        dialog = await opened(pilot)
        await pilot.press("space", "space")
        await pilot.pause()
        assert len(dialog.open_items) == 4


WIDE = pytest.param((120, 36), marks=pytest.mark.thorough, id="wide")
"""There is more room, and a picture."""


@pytest.mark.parametrize("size", [WIDE, pytest.param(SMALL, id="small")])
async def test_what_the_desk_finds_false_stands_there_and_takes_a_reason(scene: Scene, size: tuple[int, int]) -> None:
    for kind in (Kind.OWNER, Kind.GOVERNANCE):
        records.sign(scene.store, kind)
    app = scene.app(DORA)
    async with looking(app, size=size) as pilot:
        dialog = await opened(pilot)
        seen = drawn(pilot)
        assert "✖ NO" in seen
        assert "Desk check failed: 1 other agent (support-bot) sends from" in " ".join(seen.split())
        await press(pilot, scene, "space")
        await shows(pilot, "Override the failed check subdomain_own?")
        await press(pilot, scene, *"one", "underscore", *"team", "enter")
        await until(pilot, lambda: pilot.app.screen is dialog)
        await shows(pilot, "you: one_team")
        for number in range(1, len(dialog._sheet.findings)):
            finding = dialog._sheet.findings[number]
            await press(pilot, scene, "home", *["down"] * number)
            if not finding.found:
                await press(pilot, scene, "space")
            if finding.found is False:  # what DNS says of it, wherever this test runs
                await shows(pilot, f"Override the failed check {finding.code}?")
                await press(pilot, scene, *"known", "enter")
                await until(pilot, lambda: pilot.app.screen is dialog)
        await until(pilot, lambda: not dialog.open_items)
        await press(pilot, scene, "tab", *SALES, "space")
        await until(pilot, lambda: f"{SALES} is active" in said(app))
    kept = signed(scene)["deliverability"]
    assert kept.checklist["subdomain_own"] == "override"
    assert kept.reasons["subdomain_own"] == "one_team"


async def test_the_desks_own_yes_is_marked_as_its_own(scene: Scene) -> None:
    records.sign(scene.store, Kind.OWNER)
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        dialog = await opened(pilot)
        assert drawn(pilot).count("✔ desk") == 3
        assert "olive signed as owner" in drawn(pilot)
        await press(pilot, scene, "space")
        await shows(pilot, "It needs no answer")
        assert set(dialog.open_items) == {"naming", "credential_type", "revocation_path"}


async def test_what_was_shown_is_what_is_signed_or_nothing(scene: Scene) -> None:
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        dialog = await opened(pilot)
        records.sign(scene.store, Kind.OWNER)  # the desk finds another thing about ownership now
        for _ in range(len(dialog.open_items)):
            at = next(n for n, one in enumerate(dialog._sheet.findings) if one.code == dialog.open_items[0])
            await press(pilot, scene, "home", *["down"] * at, "space")
        await press(pilot, scene, "tab", *SALES, "space")
        await until(pilot, lambda: "has changed since it was shown" in said(app))
    assert set(signed(scene)) == {"owner"}


async def test_whoever_may_not_sign_is_told_at_once(scene: Scene) -> None:
    records.sign(scene.store, Kind.GOVERNANCE)
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await pilot.press("7")
        await shows(pilot, "✔ governance: gail")
        await pilot.press("a")
        await shows(pilot, "it is waiting for owner, deliverability")


async def test_the_record_shows_what_was_signed_against_the_desks_no(scene: Scene) -> None:
    records.sign(scene.store, Kind.DELIVERABILITY)
    app = scene.app(OLIVE)
    async with looking(app, size=(200, 60)) as pilot:
        await pilot.press("7")
        await shows(pilot, "✔ deliverability: dora")
        seen = " ".join(drawn(pilot).split())
        assert "NO 1 other agent (support-bot) sends from" in seen
        assert "because sales-bot and support-bot are one" in seen


def test_foreign_text_drives_nothing_in_the_dialog(scene: Scene) -> None:
    evil = Finding("purpose", None, "[@click=app.quit()]x[/] \x1b]52;c;aGk=\x07 \u202eolleh")
    pieces = item_lines(Item("purpose", "All of it."), evil, Answers(overrides={"purpose": "\x1b[2J"}))
    text = "".join(piece.text for one in pieces for piece in one)
    assert text.isprintable()
    assert "⟨U+202E⟩" in text
    shown = scene.store.look(lambda tx: mailboxes.to_sign(tx, SALES, Kind.OWNER, actor=OLIVE))
    assert isinstance(shown, Sheet)


async def at_identities(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("7")
    await shows(pilot, "○ requested")
    scene.monotonic.step = DEAF_FOR + 0.1  # no dialog is deaf


async def test_what_is_typed_while_the_desk_looks_for_what_to_sign_does_nothing_below(scene: Scene) -> None:
    app = scene.app(DORA)
    async with looking(app) as pilot:
        await at_identities(pilot, scene)
        burst(app, "a", "2", "3")
        await until(pilot, lambda: isinstance(app.screen, SignDialog))
        await handled(pilot, app)
        assert app.current_mode == "identities"
        assert isinstance(app.screen, SignDialog)


async def test_why_there_is_nothing_to_sign_stands_where_the_question_would(scene: Scene) -> None:
    app = scene.app(DORA)
    async with looking(app) as pilot:
        await at_identities(pilot, scene)
        await pilot.press("Z")  # what is drawn stays as it was
        scene.store.transact(lambda tx: mailboxes.veto(tx, SALES, Kind.GOVERNANCE, reason="not yet", actor=GAIL))
        burst(app, "a", "2")
        await shows(pilot, "✖ ")
        await handled(pilot, app)
        assert isinstance(app.screen, WaitingDialog)
        assert app.current_mode == "identities"
