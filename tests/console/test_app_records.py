"""Runs, limits, allow-lists, tokens, dead webhooks, the waiting policy, requests: what only the command line could."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from textual.widgets import Input

from console.screens.needs_actions import NeedsScreen
from core.db.tables import DEAD_HOOK, MAILBOX, OPERATOR, RECIPIENT, RUN, TOKEN
from core.db.transaction import Transaction
from core.model import Role
from core.rules import policy as policies
from core.services import context
from core.services.control import notes, policy
from tests.console.harness import Scene, drawn, looking, make_scene, press, said, shows, until
from tests.factories.desk import ADDRESS, DOMAIN, person

pytestmark = pytest.mark.anyio
GRACE = person("grace", Role.GOVERNANCE, Role.ONCALL)
NEW = f"news@{DOMAIN}"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(tmp_path, limit_run=2, allow=["*@example.com"], webhook_url="https://acme.test/hooks")
    yield made
    made.store.close()


def mailbox(scene: Scene, address: str = ADDRESS) -> dict[str, object]:
    row = scene.store.row(select(MAILBOX).where(MAILBOX.c.address == address))
    return {} if row is None else dict(row._mapping)


async def test_a_run_is_confirmed_a_token_revoked_and_a_note_kept_on_the_line_of_their_agent(scene: Scene) -> None:
    for n in range(3):
        scene.submit(f"jane{n}@example.com", run="run-7")
    app = scene.app(GRACE)
    async with looking(app) as pilot:
        await pilot.press("3")
        await shows(pilot, "support-bot")

        await pilot.press("c")
        await shows(pilot, "Which run of support-bot?")
        await shows(pilot, "run-7 · 3 recipients")
        await press(pilot, scene, "enter")
        await shows(pilot, "whole life")
        await press(pilot, scene, *"3", "enter")
        await shows(pilot, "it must be more than 3")
        await pilot.press("backspace", *"50", "enter")
        await shows(pilot, "up to 50 recipients?")
        await press(pilot, scene, *"spring", "enter", *"50", "space")
        await until(pilot, lambda: "may reach 50" in said(app))
        (run,) = scene.store.rows(select(RUN.c.confirmed_up_to, RUN.c.confirmed_by))
        assert tuple(run) == (50, "grace")

        await pilot.press("N")
        await shows(pilot, "Note on support-bot")
        await press(pilot, scene, *"asked", "enter")
        await until(pilot, lambda: "noted" in said(app))
        with scene.store.read() as conn:
            assert [(one.operator, one.text) for one in notes.listed(conn)] == [("grace", "asked")]

        await pilot.press("T")
        await shows(pilot, "Which token of support-bot?")
        await press(pilot, scene, "enter")
        await shows(pilot, "It stops working at once")
        await press(pilot, scene, *"leaked", "enter")
        await until(pilot, lambda: "1 token revoked" in said(app))
        assert [row.revoked_at is not None for row in scene.store.rows(select(TOKEN))] == [True]
        await pilot.press("T")
        await until(pilot, lambda: "no token in force" in said(app))


async def test_to_lower_takes_a_reason_and_to_widen_the_figure_or_the_entry_is_typed(scene: Scene) -> None:
    async with looking(scene.app(GRACE)) as pilot:
        await pilot.press("3")
        await shows(pilot, "support-bot")
        await pilot.press("L")
        await shows(pilot, "per hour              1,000,000 (policy: 10)")
        await press(pilot, scene, "enter")
        await shows(pilot, "a number, or policy")
        await press(pilot, scene, *"200", "enter")
        await shows(pilot, "1,000,000 → 200")
        await press(pilot, scene, *"loop", "enter")  # to lower it takes a reason alone
        await until(pilot, lambda: mailbox(scene)["limit_hour"] == 200)
        await pilot.press("L")
        await shows(pilot, "per hour              200")
        await press(pilot, scene, "enter")
        await shows(pilot, "a number, or policy")
        await press(pilot, scene, *"300", "enter")
        await shows(pilot, "200 → 300")
        await press(pilot, scene, *"wide", "enter", *"300", "enter")
        await shows(pilot, "Enter never confirms")
        await pilot.press("space")
        await until(pilot, lambda: mailbox(scene)["limit_hour"] == 300)

        await pilot.press("W")
        await shows(pilot, "- remove *@example.com")
        await press(pilot, scene, "enter")
        await shows(pilot, "Whom else may it")
        await press(pilot, scene, *"a b", "enter")
        await shows(pilot, "▲")
        await pilot.press("ctrl+u", *"acme.com", "enter")
        await shows(pilot, "Allow *@acme.com?")
        await press(pilot, scene, *"asked", "enter", *"*@acme.com", "space")
        await until(pilot, lambda: mailbox(scene)["allow"] == ["*@example.com", "*@acme.com"])
        await pilot.press("W")
        await shows(pilot, "- remove *@acme.com")
        await press(pilot, scene, "down", "enter")
        await shows(pilot, "Remove *@example.com?")
        await press(pilot, scene, *"left", "enter")
        await until(pilot, lambda: mailbox(scene)["allow"] == ["*@acme.com"])


@pytest.mark.thorough
async def test_who_may_not_widen_is_told_so_by_the_desk(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("3")
        await shows(pilot, "support-bot")
        await pilot.press("c")
        await shows(pilot, "You cannot confirm run")
        await press(pilot, scene, "escape")
        await pilot.press("L")
        await shows(pilot, "per hour")
        await press(pilot, scene, "enter")
        await shows(pilot, "a number, or policy")
        await press(pilot, scene, *"policy", "enter")
        await shows(pilot, "→ 10")
        await press(pilot, scene, *"all", "enter")
        await until(pilot, lambda: mailbox(scene)["limit_hour"] is None)
        await pilot.press("L")
        await shows(pilot, "10 (the policy's)")
        await press(pilot, scene, "enter")
        await shows(pilot, "a number, or policy")
        await press(pilot, scene, *"20", "enter")
        await shows(pilot, "10 → 20")
        await press(pilot, scene, *"more", "enter", *"20", "space")
        await until(pilot, lambda: "may not widen a limit" in said(app))
        assert mailbox(scene)["limit_hour"] is None


async def test_a_mailbox_is_renewed_by_typing_its_address(scene: Scene) -> None:
    app = scene.app(GRACE)
    before = mailbox(scene)["expires_at"]
    async with looking(app) as pilot:
        await pilot.press("3")
        await shows(pilot, "support-bot")
        app.perform("renew_mailbox")
        await shows(pilot, "until when?")
        await press(pilot, scene, "enter")
        await shows(pilot, "for 30 days?")
        await press(pilot, scene, *"spring", "enter", *ADDRESS, "enter")
        await shows(pilot, "Enter never confirms")
        assert mailbox(scene)["expires_at"] == before
        await pilot.press("space")
        await until(pilot, lambda: mailbox(scene)["expires_at"] != before)


async def test_a_mailbox_is_retired_by_typing_its_address(scene: Scene) -> None:
    app = scene.app(GRACE)
    async with looking(app) as pilot:
        await pilot.press("3")
        await shows(pilot, "support-bot")
        app.perform("retire_mailbox")
        await shows(pilot, "Retire help")
        await press(pilot, scene, *"ended", "enter", *ADDRESS, "space")
        await until(pilot, lambda: f"{ADDRESS} is retired" in said(app))
        assert mailbox(scene)["status"] == "retired"


async def test_waiting_mail_is_cancelled_on_its_page_with_a_reason(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app(GRACE)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        app.open_message(item)
        await shows(pilot, "jane@example.com")
        app.perform("cancel")
        await shows(pilot, "This cannot be undone")
        await press(pilot, scene, *"by phone", "enter")
        await until(pilot, lambda: "is cancelled" in said(app))
        (row,) = scene.store.rows(select(RECIPIENT.c.status))
        assert row.status == "cancelled"


async def test_a_person_s_access_is_ended_from_anywhere_by_an_admin_alone(scene: Scene) -> None:
    admin = person("rosa", Role.ADMIN)
    app = scene.app(admin)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        app.perform("disable_operator")
        await shows(pilot, "Disable whom?")
        await shows(pilot, "alice")
        await press(pilot, scene, "enter")
        await shows(pilot, "Disable alice?")
        await press(pilot, scene, *"alice", "space")
        await until(pilot, lambda: "alice is disabled" in said(app))
    row = scene.store.row(select(OPERATOR.c.disabled_at).where(OPERATOR.c.name == "alice"))
    assert row is not None
    assert row.disabled_at is not None
    app = scene.app(GRACE)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        app.perform("disable_operator")
        await shows(pilot, "needs role admin")


async def test_dead_webhooks_and_a_waiting_policy_open_where_they_need_somebody_and_by_the_palette(
    scene: Scene,
) -> None:
    store = scene.store

    def dead(tx: Transaction) -> None:
        for seq in (1, 2, 3):
            row = {"mailbox_id": scene.bench.mailbox_id, "seq": seq, "at": tx.now, "error": "410 gone"}
            tx.write(insert(DEAD_HOOK).values(**row))

    scene.submit()
    scene.submit()
    store.transact(dead)
    store.transact(lambda tx: policy.watch_edit(tx, policies.parse("[budgets.agent]\nhour = 100\n")))
    app = scene.app(GRACE)
    async with looking(app) as pilot:
        await shows(pilot, "loosening of policy.toml waits")
        overview = app.screen
        assert isinstance(overview, NeedsScreen)
        overview.query_one("#needs").focus()
        await until(pilot, lambda: overview.chosen_need() is not None)
        while (need := overview.chosen_need()) is not None and need.next != "policy.confirm":
            await pilot.press("down")
        await pilot.press("enter")
        await shows(pilot, "budgets.agent.hour")
        await pilot.press("a")
        await shows(pilot, "Put 1 change")
        await press(pilot, scene, *"spring", "enter", *"1", "space")
        await shows(pilot, "Nothing waits")
        assert store.look(lambda tx: context.current_policy(tx)[1].budgets.agent.hour) == 100
        store.transact(lambda tx: policy.watch_edit(tx, policies.parse("[budgets.agent]\nhour = 900\n")))
        await shows(pilot, "loosens")
        await pilot.press("x")
        await shows(pilot, "Drop what waits?")
        await press(pilot, scene, *"no", "enter")
        await shows(pilot, "Nothing waits")
        assert store.look(lambda tx: context.current_policy(tx)[1].budgets.agent.hour) == 100

        await pilot.press("escape", "colon")
        await until(pilot, lambda: app.screen.__class__.__name__ == "CommandPalette")
        await pilot.press(*"dead webhooks")
        await shows(pilot, "Webhook events that were never")
        await pilot.press("enter")
        await until(pilot, lambda: "3 not delivered" in drawn(pilot))
        await pilot.press("r")
        await until(pilot, lambda: "1 event sent again" in said(app))
        await until(pilot, lambda: "is being sent again" in drawn(pilot))
        await pilot.press("R")
        await shows(pilot, "type 3")
        await press(pilot, scene, *"3", "space")
        await until(pilot, lambda: drawn(pilot).count("is being sent again") == 3)


async def test_an_identity_is_requested_and_its_record_completed(scene: Scene) -> None:
    app = scene.app(GRACE)
    async with looking(app, size=(80, 24)) as pilot:
        await pilot.press("7")
        await shows(pilot, ADDRESS[:20])
        await pilot.press("n")
        await shows(pilot, "Request an identity")
        app.screen.query_one("#standing_reason").focus()
        await press(pilot, scene, *"odd", "enter")
        await until(pilot, lambda: "address" in said(app))
        await pilot.press("n")
        await shows(pilot, "unattended as   odd")  # what was typed is not lost
        app.screen.query_one("#address", Input).value = NEW
        await press(pilot, scene, "enter", *"bot", "enter", *"news")
        app.screen.query_one("#standing_reason").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "is requested" in said(app))
        assert "Its record lacks owner" in said(app)
        record = mailbox(scene, NEW)
        assert (record["status"], record["purpose"], record["requested_by"]) == ("requested", "news", "grace")
        await shows(pilot, "requested")
        await pilot.press("home", "e")
        await shows(pilot, f"Record of {NEW}")
        app.screen.query_one("#owner", Input).value = "olive"
        app.screen.query_one("#standing_reason").focus()
        await press(pilot, scene, "enter")
        await until(pilot, lambda: mailbox(scene, NEW)["owner"] == "olive")
