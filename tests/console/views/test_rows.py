"""Rows of the queue, from held mail of a real desk."""

from __future__ import annotations

from console.themes import Tone
from console.views.record_rows import IDENTITIES
from console.views.rows import AGENTS, agent_row, held_row, in_text
from console.widgets.columns import Cell, lay_out, pieces
from core.db.queries import queue
from core.db.store import Store
from core.durations import DAY, HOUR, stamp
from core.model import Mode
from core.views.live import AgentLine, Level, MailboxLine, Share
from tests.factories.delivery import number
from tests.factories.desk import make_desk


def subject(store: Store, message: int) -> Cell:
    with store.read() as conn:
        return held_row(queue.pending_rows(conn, [message])[message]).cells[-1]


def test_the_end_of_the_longest_life_fits_its_column() -> None:
    (ends,) = (column for column in IDENTITIES if column.key == "ends")
    assert len(in_text(365 * DAY, 0)) <= ends.width


def test_the_queue_says_before_which_time_held_mail_does_not_leave(sqlite_store: Store) -> None:
    desk = make_desk(sqlite_store)
    at = sqlite_store.clock.now() + 30 * HOUR
    later, free = desk.submit(send_at=at), desk.submit()
    when = stamp(at)
    cell = subject(sqlite_store, number(later.message_id))
    assert (cell.tail, cell.tail_tone) == (f" →{when[5:10]} {when[11:16]}Z", Tone.INFO)
    assert subject(sqlite_store, number(free.message_id)).tail == ""


def test_no_mode_and_no_rate_of_an_agent_is_cut_on_a_narrow_screen() -> None:
    mailboxes = tuple(MailboxLine(n, f"a{n}@acme.test", Mode.GATED_SEND, 0, None, 1) for n in (1, 2))
    for events, whole, complaints, bounces in ((41, 10_000, "✖0.41%", "✖0.4%"), (1, 1, "✖100%", "✖100%")):
        share = Share(events, whole, warn=0.001, suspend=0.002, level=Level.FAULT)
        agent = AgentLine(
            1, "survey-bot", "active", None, None, None, mailboxes, held=1, sent_hour=0, hour=None, day=None,
            complaints=share, bounces=share, trend=(), oldest=None, last="", last_at=None, level=Level.FINE,
        )  # fmt: skip
        drawn = "".join(piece.text for piece in pieces(agent_row(agent), lay_out(AGENTS, 79), now=0)).split()
        assert {"survey-bot", "gated_send+1", complaints, bounces} <= set(drawn)
