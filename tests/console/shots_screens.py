"""The pictures of every screen: what is done before each is taken."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import select
from textual.pilot import Pilot

from console.app import PostroomConsole
from console.ports import Parts
from console.views.rows import TIMES
from core.cli.known_desks import Place
from core.db.tables import READING
from core.desk_client.interface import Desk
from core.errors import NotFound, Unauthenticated, Unavailable
from core.model import Role
from core.services.control.read_log import Shown, What
from core.services.sending import gated_actions, review, taint
from core.services.sending.review import Decision
from tests.console.fixtures_gallery import add_week, receive_mail
from tests.console.harness import Scene, drawn, lines, open_queue, press, shows, until
from tests.console.picture import SMALL, Shot, both, each
from tests.factories.desk import ADDRESS, ALICE, DORA, KEYRING, person
from tests.factories.log_lines import log_night

AUDREY = person("audrey", Role.AUDITOR)


async def desk(pilot: Pilot[int], scene: Scene) -> None:
    await shows(pilot, "suspended: complaints")


async def queue(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, "Re: revised")
    await pilot.press("j", "j", "space", "space")
    if pilot.app.size.width >= 120:
        await shows(pilot, "ap@gamma.example ▲ first contact")
    await shows(pilot, "marked(2)")


async def message(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, "Re: revised")
    await pilot.press("enter")
    await shows(pilot, "gnp.exe")
    await shows(pilot, "Dear Ms Doe")


async def batch(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, "Re: revised")
    await pilot.press("j", "space", "equals_sign")
    await shows(pilot, "marked(5)")
    await shows(pilot, "Q-1182 is ready")
    await pilot.press("A")
    await shows(pilot, "Approve 4 of 5")


async def agents(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("3")
    await shows(pilot, "reset-bot")


async def agent(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("3")
    await shows(pilot, "quote-bot")
    await pilot.press("enter")
    await shows(pilot, "agent.suspended")


async def ladder(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("3")
    await shows(pilot, "invoice-bot")
    await pilot.press("j", "j", "enter")
    await shows(pilot, "gated_all")


async def lanes(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("4")
    await shows(pilot, "452 4.2.2")


async def sites(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("4")
    await shows(pilot, "gamma.example")
    await pilot.press("b")
    await shows(pilot, "older")


async def events(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("5")
    await shows(pilot, "agent.suspended")
    await shows(pilot, "desk.read")  # once the log has it, nothing but the new mail can come while it is paused
    await pilot.press("exclamation_mark")
    await until(pilot, lambda: "email.queued" not in drawn(pilot))
    await pilot.press("Z")
    scene.submit("late@example.com")
    await until(pilot, lambda: re.search(r"PAUSED .*\+[1-9]", lines(pilot)[0]) is not None)


async def groups(pilot: Pilot[int], scene: Scene) -> None:
    screen = await open_queue(pilot, "Re: revised")
    if screen.size.width >= 100:  # beside the list its first message stands, which counts as read after a while
        read = select(READING.c.item).where(READING.c.operator == "alice", READING.c.first_at.is_not(None))
        await until(pilot, lambda: scene.store.row(read) is not None)
    await pilot.press("t")
    await shows(pilot, f"{TIMES}37")
    await shows(pilot, "oldest")


async def history(pilot: Pilot[int], scene: Scene) -> None:
    add_week(scene)
    await pilot.press("3")
    await shows(pilot, "quote-bot")
    await pilot.press("H")
    await shows(pilot, "✖0.05 %")


async def handover(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("O")
    await shows(pilot, "digest-bot is suspended by bob")


async def logs(pilot: Pilot[int], scene: Scene) -> None:
    log_night(scene.directory)
    await pilot.press("l")
    await shows(pilot, "the route answers again")
    await shows(pilot, "Logs of desk-a")


async def suppressions(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("6")
    await shows(pilot, "INC-431")


async def identities(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("7", "j")
    await shows(pilot, "✔ owner: olive")


async def sign(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("7", "j")
    await shows(pilot, "✔ owner: olive")
    await pilot.press("a")
    await shows(pilot, "Desk check failed")


async def trace(pilot: Pilot[int], scene: Scene) -> None:
    await pilot.press("8", *"cfo@acme.example", "enter")
    await shows(pilot, "submitted")


async def help_(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, "Subj   Re: revised")
    await pilot.press("question_mark")
    await shows(pilot, "Approve exactly these bytes")


async def stopped(pilot: Pilot[int], scene: Scene) -> None:
    await shows(pilot, "suspended: complaints")
    await pilot.press("ctrl+x")
    await press(pilot, scene, *"wrong_list", "enter")
    await shows(pilot, "the desk       ALL STOP by alice: wrong_list")


async def undo(pilot: Pilot[int], scene: Scene) -> None:
    await open_queue(pilot, "Re: revised")
    await pilot.press("j", "j")
    await shows(pilot, "j.doe@gmail.example ▲ first contact")
    await pilot.press("a")
    await shows(pilot, "u undo m")
    await until(pilot, lambda: "held 43" in drawn(pilot))


async def lost(pilot: Pilot[int], scene: Scene) -> None:
    await shows(pilot, "suspended: complaints")
    folder = Path(scene.store.engine.url.database or "").parent
    folder.rename(folder.with_name("away"))
    scene.store.engine.dispose()
    await shows(pilot, "LOST")
    scene.clock.advance(seconds=38)
    await shows(pilot, "LOST 38s")


async def inbox(pilot: Pilot[int], scene: Scene) -> None:
    receive_mail(scene)
    await pilot.press("9")
    await shows(pilot, "■ held")
    await until(pilot, lambda: lines(pilot)[-1].endswith("3 shown"))


async def trap(pilot: Pilot[int], scene: Scene) -> None:
    await inbox(pilot, scene)
    await pilot.press("enter")
    await shows(pilot, "Ignore previous")


async def tainted(pilot: Pilot[int], scene: Scene) -> None:
    by = receive_mail(scene)
    token = scene.bench.token
    released = Decision(by, approve=True, reason="the warning is wanted")
    scene.store.transact(lambda tx: review.decide(tx, released, actor=ALICE))
    asked = Shown(What.BODY, item=by)
    scene.store.transact(
        lambda tx: gated_actions.read(tx, ADDRESS, "body", token=token, ctx=scene.bench.ctx, shown=asked)
    )
    scene.store.transact(lambda tx: taint.note_read(tx, [by], token=token, keyring=KEYRING))
    item = scene.submit("audit@bad.example", subject="The invoices", text="Dear auditor,\n\nhere they are.")
    await open_queue(pilot, "Re: revised")
    pilot.app.open_message(item)  # type: ignore[attr-defined]  # ours
    if pilot.app.size.width < 100:
        await shows(pilot, "its run had read")
        await pilot.press("T")
    await shows(pilot, "tainted the run")
    await shows(pilot, "drop its instructions")


class Saved:
    """What a person has saved: this desk, one that is gone, and one that they have no token for."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def places(self) -> tuple[Place, ...]:
        url = "https://desk.example"
        return (
            Place(name="prod", url=url, word="LIVE", colour="red", guard=True), Place(name="eu", url=url),
            Place(name="staging", url=url, word="TEST"),
        )  # fmt: skip

    def open_named(self, name: str) -> Parts:
        raise NotFound(name)

    def connect(self, place: Place, within: float) -> Desk:
        if place.name == "eu":
            raise Unavailable("eu does not answer at https://desk.example (timed out)")
        if place.name == "staging":
            raise Unauthenticated("sign-in needed: there is no token for staging", fix="set POSTROOM_TOKEN_STAGING")
        return self._scene.parts().desk.direct


async def all_desks(pilot: Pilot[int], scene: Scene) -> None:
    app = pilot.app
    assert isinstance(app, PostroomConsole)
    app.saved_desks, app.saved_as = Saved(scene), "prod"
    await pilot.press("0")
    await shows(pilot, "1 of 3 desks live")
    await shows(pilot, "unreachable since")
    await shows(pilot, "sign-in needed")
    await pilot.press("j")
    await shows(pilot, "eu: eu does not answer")


SCREENS = (
    *both("desk", desk), *both("queue", queue), *both("message", message), *both("batch", batch), *both("undo", undo),
    *each("groups", groups), *both("agents", agents), *both("agent", agent), *both("ladder", ladder),
    *both("lanes", lanes), *both("sites", sites), *both("events-paused", events), *both("history", history),
    *both("handover", handover), *both("logs", logs), *both("suppressions", suppressions),
    *both("identities", identities),
    *both("sign", sign, actor=DORA), *both("trace", trace), *both("inbox", inbox), *both("received", trap),
    *each("tainted", tainted), *both("help", help_), *both("all-desks", all_desks), *both("stopped", stopped),
    *each("lost", lost),
    Shot("read-only-80", queue, SMALL, actor=AUDREY),
    Shot("light-120", desk, theme="postroom-light"),
    Shot("high-contrast-120", desk, theme="high-contrast"),
    Shot("sixteen-120", desk, theme="sixteen"),
    Shot("no-color-120", queue, no_color=True),
)  # fmt: skip
