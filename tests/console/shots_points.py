"""Pictures of what people who work at the desk all day asked for, each at both sizes."""

from __future__ import annotations

from sqlalchemy import insert
from textual.command import CommandPalette
from textual.pilot import Pilot

from console import saved_views
from console.app import PostroomConsole
from console.saved_views import View
from console.screens.events import EventsScreen
from console.views.rows import TIMES
from core.db.tables import DEAD_HOOK
from core.db.transaction import Transaction
from core.durations import SECOND
from core.model import Role
from core.rules import policy as policies
from core.services.control import policy
from core.services.sending import review
from core.services.sending.review import Decision
from tests.console.harness import Scene, drawn, open_queue, press, shows, until
from tests.console.picture import both, each
from tests.factories.desk import BOB, person

GRACE = person("grace", Role.GOVERNANCE, Role.ONCALL)

TERMS = "Re: revised"


async def typed(pilot: Pilot[int], text: str) -> None:
    await pilot.press(*("space" if char == " " else char for char in text))


# --- 1: one filter grammar


async def filter_typed(pilot: Pilot[int], scene: Scene) -> None:
    """A filter while it is typed: what it may go on with, and how many match so far."""
    await open_queue(pilot, TERMS)
    await pilot.press("slash")
    await typed(pilot, "!subject:quote agent:in")
    await shows(pilot, "tab: agent:invoice-bot")
    await shows(pilot, "38 match")


async def filter_refused(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, TERMS)
    await pilot.press("slash")
    await typed(pilot, "age>soon")
    await pilot.press("enter")
    await shows(pilot, "soon")


# --- 3: claim and presence


async def claims(pilot: Pilot[int], scene: Scene) -> None:
    """Bob has claimed one; alice has claimed another."""
    screen = await open_queue(pilot, TERMS)
    claimed = screen.table.roster.ids[2]
    scene.store.transact(lambda tx: review.claim(tx, claimed, actor=BOB))
    await shows(pilot, "bob has it")
    await pilot.press("j", "c")
    await shows(pilot, "yours")
    await shows(pilot, "alice has it")  # the preview says, which is read again in its own time


async def presence(pilot: Pilot[int], scene: Scene) -> None:
    """Bob has one open: nothing of it is in the log, so the queue looks for itself."""
    screen = await open_queue(pilot, TERMS)
    opened = screen.table.roster.ids[3]
    scene.store.transact(lambda tx: review.opened(tx, opened, actor=BOB))
    await shows(pilot, "bob reads it")


async def mine(pilot: Pilot[int], scene: Scene) -> None:
    await claims(pilot, scene)
    await pilot.press("slash", *"mine:", "enter")
    await until(pilot, lambda: "bob has it" not in drawn(pilot))
    await shows(pilot, "yours")
    await shows(pilot, "alice has it")  # the preview says, which is read again in its own time


# --- 4: send back and edit


async def returned(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, TERMS)
    await pilot.press("j", "R")
    await shows(pilot, "to its agent?")
    await press(pilot, scene)
    await typed(pilot, "no guarantees, please")


async def edited(pilot: Pilot[int], scene: Scene) -> None:
    app = pilot.app
    assert isinstance(app, PostroomConsole)
    app.edit_text = lambda text: text.replace("We guarantee that all", "All")  # type: ignore[method-assign]  # the operator's own program
    await open_queue(pilot, TERMS)
    await pilot.press("j", "E")
    await shows(pilot, "edited")
    await pilot.press("enter")
    await shows(pilot, "All of it will be")
    await pilot.press("D")
    await shows(pilot, "compared with what is sent")
    await pilot.press("end")


# --- 7: reasons for refusals and overrides, undo by any reviewer


async def override(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, TERMS)
    await pilot.press("enter")
    await shows(pilot, "Dear Ms Doe")
    scene.monotonic.at += 5
    await pilot.press("a")
    await shows(pilot, "despite 2 failed checks?")
    await press(pilot, scene)
    await typed(pilot, "phoned her, she expects it")


async def batch_reject(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, TERMS)
    await pilot.press("j", "j", "equals_sign", "X")
    await shows(pilot, "Reject 4 of 4")
    await press(pilot, scene)
    await typed(pilot, "wrong price list")
    await pilot.press("enter", "4")


async def undo_others(pilot: Pilot[int], scene: Scene) -> None:
    screen = await open_queue(pilot, TERMS)
    decisions = [
        Decision(item, approve=False, reason="wrong price list", delay=10 * SECOND, batch="b1")
        for item in list(screen.table.roster.ids)[2:4]
    ]

    def reject(tx: Transaction) -> None:
        for decision in decisions:
            review.decide(tx, decision, actor=BOB)

    scene.store.transact(reject)
    await shows(pilot, "held 42")
    await until(pilot, lambda: f"{TIMES}4 " not in drawn(pilot))  # the two others of its template are counted again
    await pilot.press("u")
    await shows(pilot, "bob rejected 2 messages")


# --- 9: events that do not drown


async def event(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("5")
    await shows(pilot, "agent.suspended")
    screen = pilot.app.screen
    assert isinstance(screen, EventsScreen)
    screen.filter_by("type:agent.suspended")
    await until(pilot, lambda: not screen.rows_pending)
    await pilot.press("j", "enter")
    await shows(pilot, "of the log")


# --- 10: deep links and saved views; 11: copying


async def views(pilot: Pilot[int], scene: Scene) -> None:
    saved_views.save("night", View("queue", "age>10m check:!"))
    saved_views.save("quotes", View("queue", "agent:quote-bot"))
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    await typed(pilot, "view qu")
    await shows(pilot, "view quotes")


async def copy(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, TERMS)
    await pilot.press("y")
    await shows(pilot, "curl")


# --- 12: what only the command line could do


async def limits(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("3")
    await shows(pilot, "quote-bot")
    await pilot.press("L")
    await shows(pilot, "per hour")


async def confirm_run(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("3")
    await shows(pilot, "quote-bot")
    await pilot.press("c")
    await shows(pilot, "7c1e · ")


async def revoke(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("3")
    await shows(pilot, "quote-bot")
    await pilot.press("T")
    await shows(pilot, "Which token of quote-bot?")


async def waiting_policy(pilot: Pilot[int], scene: Scene) -> None:
    edit = policies.parse("[budgets.agent]\nhour = 100\n")
    scene.store.transact(lambda tx: policy.watch_edit(tx, edit))
    app = pilot.app
    assert isinstance(app, PostroomConsole)
    app.perform("waiting_policy")
    await shows(pilot, "budgets.agent.hour")


async def webhooks(pilot: Pilot[int], scene: Scene) -> None:
    def dead(tx: Transaction) -> None:
        for seq, error in ((1, "410 gone"), (2, "timed out after 10 s"), (3, "500 Internal Server Error")):
            row = {"mailbox_id": scene.bench.mailbox_id, "seq": seq, "at": tx.now, "error": error}
            tx.write(insert(DEAD_HOOK).values(**row))

    scene.store.transact(dead)
    app = pilot.app
    assert isinstance(app, PostroomConsole)
    app.perform("dead_webhooks")
    await shows(pilot, "410 gone")


# --- guarded desks, columns, the demonstration


async def guard(pilot: Pilot[int], scene: Scene) -> None:
    app = pilot.app
    assert isinstance(app, PostroomConsole)
    app.saved_as, app.desk.direct.guarded = "prod", True
    await open_queue(pilot, TERMS)
    await pilot.press("j", "j", "a")
    await shows(pilot, "This loosens prod, which is guarded")


async def columns(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, TERMS)
    await pilot.press("C")
    await shows(pilot, "Columns")


async def guided(pilot: Pilot[int], scene: Scene) -> None:
    """The demonstration's first line, once its rogue is suspended by the desk itself."""
    await shows(pilot, "the desk itself suspended quote-bot")


POINTS = (
    *both("filter", filter_typed), *both("filter-refused", filter_refused), *both("claims", claims),
    *both("presence", presence), *both("mine", mine), *both("returned", returned), *each("edited", edited),
    *both("override", override), *both("batch-reject", batch_reject), *both("undo-others", undo_others),
    *both("event", event),
    *both("views", views), *both("copy", copy), *both("limits", limits, actor=GRACE),
    *both("confirm-run", confirm_run, actor=GRACE), *both("revoke", revoke, actor=GRACE),
    *both("waiting-policy", waiting_policy, actor=GRACE), *both("webhooks", webhooks, actor=GRACE),
    *both("guard", guard), *both("columns", columns), *both("demo", guided, hint="a demonstration"),
)  # fmt: skip
