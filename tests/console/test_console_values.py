"""The console's pure parts: filters, the session's alarm and undo, batches, mail as it is read, the frame's lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.batch_decision import Marked, batch_of
from console.keymap import ACTIONS, Scope, footer
from console.safe_text import cells
from console.session import Approval, Session
from console.state import DeskUpdate, Link, Live
from console.views.rows import CAUSE_LINES, need_rows, runbook
from console.widgets.frame import Head, Key, foot_line, head_line, tab_line
from core.durations import HOUR, SECOND
from core.model import Role
from core.rules.content import read_mail
from core.views.live import Level, Need
from tests.console.harness import HOSTILE_HTML
from tests.factories.desk import person

ALICE = person("alice", Role.REVIEWER)


def test_the_desk_is_told_what_is_read_last_and_nothing_twice() -> None:
    session = Session()
    assert not session.set_reading(None)  # nothing was, nothing is
    assert session.set_reading(1)
    assert session.pending_sync() == 1
    assert not session.set_reading(2)  # somebody tells already
    session.mark_synced(1)
    assert session.pending_sync() == 2
    session.mark_synced(2)
    assert session.pending_sync() is None
    assert not session.set_reading(2)
    assert session.set_reading(None)
    assert session.pending_sync() == 0
    session.mark_failed()
    assert session.set_reading(None)


def test_the_latest_approval_is_undone_first_and_none_after_its_release() -> None:
    session = Session()
    session.approved(Approval((1,), "one", 10))
    session.approved(Approval((2,), "two", 20))
    latest = session.undoable(5)
    assert latest is not None
    assert latest.label == "two"
    session.undone(latest)
    assert session.undoable(5) == Approval((1,), "one", 10)
    assert session.undoable(10) is None


def test_a_batch_leaves_out_what_was_not_read_and_what_was_not_opened() -> None:
    known = {
        1: Marked("bot", "a.example", 2, (), opened_first=False, likeness=7),
        2: Marked("bot", "b.example", 1, ("hidden characters",), opened_first=True, likeness=7),
    }
    marks = {1: "d1", 2: "d2", 3: None}
    unseen = batch_of(marks, known, seen=lambda item, digest: False, approving=True)
    assert (unseen.ready, unseen.unopened, unseen.unread) == (((1, "d1"),), 1, 1)
    seen = batch_of(marks, known, seen=lambda item, digest: True, approving=True)
    assert (len(seen.ready), seen.recipients, seen.domains, seen.templates, seen.failing) == (2, 3, 2, 1, 1)
    assert len(batch_of(marks, known, seen=lambda item, digest: False, approving=False).ready) == 2


def test_mail_is_read_for_its_words_its_links_and_what_hangs_on_it() -> None:
    source = b"Subject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + HOSTILE_HTML.encode()
    mail = read_mail(source)
    assert dict(mail.headers)["Subject"] == "café"
    assert "Hello you" in mail.words
    link = mail.links[0]
    assert (link.text, link.host, link.differs) == ("www.bank.example", "evil.example", True)
    assert mail.unseen
    assert mail.images == 1


@pytest.mark.parametrize(
    "source", [b"", b"\xff\xfe", b"Content-Type: text/plain; charset=nonsense\r\n\r\nx", b"A" * 9_000]
)
def test_no_mail_is_too_broken_to_be_shown(source: bytes) -> None:
    assert isinstance(read_mail(source).words, str)


def head(**more: object) -> Head:
    live = Live(
        link=Link.LIVE, last_event_at=0, held=1_284, held_minute=37, oldest=0, needs=(Need(Level.FAULT, "a", "b"),)
    )
    values: dict[str, object] = {
        "live": live, "now": 4 * SECOND // 10, "name": "PROD", "actor": ALICE, "place": "Queue", "title": "2 Queue",
    }  # fmt: skip
    return Head(**(values | more))  # type: ignore[arg-type]  # a test's overrides


def test_the_header_is_exactly_as_wide_as_the_screen_and_says_how_bad_it_is() -> None:
    for width in (60, 80, 99, 100, 120, 200):
        drawn = head_line(head(), width).plain
        assert cells(drawn) == width
        assert "held 1,284" in drawn
    assert head_line(head(), 140).plain.startswith(
        "● live 0.4s │ PROD [RW] alice │ Queue │ held 1,284 ▲37/min │ oldest 0s │ ✖1 ▲0"
    )
    assert head_line(head(), 80).plain.startswith("● 0.4s PROD[RW] alice held 1,284▲37 old 0s ✖1")


def test_a_narrow_header_keeps_operator_filter_and_problems_whatever_else_there_is() -> None:
    names = {"name": "DEVELOPMENT DESK", "actor": person("bartholomew", Role.REVIEWER), "local": True}
    live = Live(
        link=Link.LIVE, last_event_at=0, held=112_284, held_minute=370, oldest=0, stopped_at=1, stopped_by="bob",
        stop_reason="fire", needs=(Need(Level.FAULT, "desk", "stopped"), Need(Level.WARN, "queue", "long")),
    )  # fmt: skip
    for more in ({}, {"paused_at": 0, "waiting": 214}):
        drawn = head_line(head(live=live, title="2 agent:quote-bot 50/52", **names, **more), 80).plain
        assert cells(drawn) == 80
        for kept in ("DEVE", "LOCAL", "bar", "STOP", "✖1▲1", "agent:quote-bot 50/52"):
            assert kept in drawn, (kept, drawn)
    calm = head_line(head(title="2 agent:quote-bot 50/52", name="PRODUCTION"), 80).plain
    assert calm.startswith("● 0.4s PRODUCTION[RW] alice held 1,284 ✖1 ")


def test_a_long_name_hides_no_problem_on_any_screen() -> None:
    live = Live(
        link=Link.LIVE, last_event_at=0, held=1_284, held_minute=37, oldest=0, gateway_down=True,
        needs=(Need(Level.FAULT, "gateway", "down"),),
    )  # fmt: skip
    for width in (80, 100, 120, 200):
        drawn = head_line(head(live=live, name="DEVELOPMENT DESK, NOT FOR PRODUCTION"), width).plain
        assert "✖1" in drawn, (width, drawn)
        assert "gateway" in drawn, (width, drawn)


def test_a_long_name_hides_no_filter() -> None:
    live = Live(link=Link.LIVE, last_event_at=0, held=3, held_minute=3, oldest=0)
    for place in ("Queue to:jane2 → 1 of 3", "Queue to:jane2 agent:quote-bot check:! → 1 of 3"):
        drawn = head_line(head(live=live, name="DEVELOPMENT DESK, NOT FOR PRODUCTION", place=place), 120).plain
        assert "Queue to:jane2" in drawn
        assert "no problems" in drawn


def test_the_header_says_when_it_is_paused_lost_stopped_or_read_only() -> None:
    assert head_line(head(paused_at=0, waiting=214), 140).plain.startswith("◼ PAUSED 00:00:00Z, +214 waiting")
    lost = Live(link=Link.LOST, lost_since=0, lost_reason="gone")
    assert head_line(head(live=lost, now=12 * SECOND), 140).plain.startswith("✖ LOST 12s")
    stopped = Live(link=Link.LIVE, stopped_at=1, stopped_by="bob", stop_reason="\u202efire")
    assert "■ ALL STOP by bob: ⟨U+202E⟩fire" in head_line(head(live=stopped), 160).plain
    reader = person("audrey", Role.AUDITOR)
    assert "[R] audrey, read-only: needs role" in head_line(head(actor=reader), 140).plain


def test_tabs_and_footer_fit_and_the_footer_keeps_what_can_be_undone() -> None:
    assert "[2 Queue]" in tab_line(2, 120).plain
    keys = [Key(action) for action in ACTIONS.values() if action.foot]
    drawn = foot_line(keys, note="", undo="u undo m8f1c 8s", width=80).plain
    assert cells(drawn) == 80
    assert "u undo m8f1c 8s" in drawn
    assert drawn.startswith("a ok")


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.EVERYWHERE])
@pytest.mark.parametrize("stopped", [False, True])
def test_no_footer_is_too_narrow_for_the_keys_that_stop_something(scope: Scope, *, stopped: bool) -> None:
    keys = [Key(action) for action in footer(scope, stopped=stopped)]
    end, undo = "A/X marked(120, 14 hidden)", "u undo batch (120) 1m30"
    for width in (80, 100, 120):
        drawn = foot_line(keys, note=end, undo=undo, width=width, position="99,999/100,000").plain
        assert cells(drawn) == width
        assert undo in drawn
        for key in keys:
            if key.action.kept:
                wanted = (
                    " ".join(key.action.brief).rstrip() if width < 100 else f"{key.action.keycap} {key.action.label}"
                )
                assert f"{wanted} " in drawn, drawn
        assert ("99,999/100,000" in drawn) is (width < 100)
    assert any(key.action.name == ("all_start" if stopped else "all_stop") for key in keys)


def test_what_a_pause_held_back_becomes_one_piece_of_news() -> None:
    first = DeskUpdate(Live(), messages=frozenset({1, 2}), left=frozenset({1, 2}), count=2)
    later = DeskUpdate(Live(seq=9), messages=frozenset({2}), came=True, count=1)
    joined = first.joined(later)
    assert (joined.left, joined.came, joined.count, joined.live.seq) == (frozenset({1}), True, 3, 9)


def test_a_long_cause_goes_on_below_while_there_is_room() -> None:
    long = Need(Level.FAULT, "quote-bot", "suspended by guard: complaints 0.41 % > 0.05 %, 412 frozen, 2 in flight")
    short = Need(Level.WARN, "gmail.com", "domain budget 88 %")

    def drawn(room: int, width: int = 60) -> list[list[str]]:
        return [[cell.text for cell in row.cells] for row in need_rows({0: long, 1: short}, width=width, room=room)]

    assert drawn(2) == [["✖ CRIT", "quote-bot", long.text], ["▲ WARN", "gmail.com", short.text]]
    assert drawn(6) == [
        ["✖ CRIT", "quote-bot", "suspended by guard: complaints"],
        ["", "", "0.41 % > 0.05 %, 412 frozen, 2 in"],
        ["", "", "flight"],
        ["▲ WARN", "gmail.com", short.text],
    ]
    assert drawn(3)[1] == ["", "", "0.41 % > 0.05 %, 412 frozen, 2 in flight"]  # to be cut there
    assert [row.id // CAUSE_LINES for row in need_rows({0: long, 1: short}, width=60, room=6)] == [0, 0, 0, 1]
    assert drawn(3, width=73)[1:] == [["", "", "412 frozen, 2 in flight"], ["▲ WARN", "gmail.com", short.text]]
    assert drawn(6, width=0)[0][0] == "✖ CRIT"


def test_a_need_says_what_to_do_with_its_key_where_there_is_room() -> None:
    need = Need(
        Level.FAULT, "quote-bot", "suspended", id="a", since=0, did="starts no delivery of it", refused=412,
        step="see what it sent", next="agent.resume",
    )  # fmt: skip
    text = runbook(need, now=3 * HOUR, key="r")
    assert text == "3h00 ago · 412 refused · r: see what it sent"
    assert runbook(replace(need, level=Level.INFO), now=0) == ""
    assert len(need_rows({0: need}, width=90, room=1, now=3 * HOUR)) == 1
    rows = need_rows(
        {0: need}, width=90, room=2, now=3 * HOUR, key_of=lambda name: "r" if name == "agent.resume" else ""
    )
    assert [row.id // CAUSE_LINES for row in rows] == [0, 0]
    assert rows[1].cells[-1].text == text


def test_a_long_step_goes_on_below_once_every_need_has_its_own() -> None:
    need = Need(
        Level.WARN, "support-bot", "4 held that failed a check", id="a",
        step="open each, then reject it or approve it with a reason",
    )  # fmt: skip
    other = replace(need, id="b", subject="quote-bot", step="see what it sent")

    def steps(room: int) -> list[str]:
        return [
            row.cells[-1].text for row in need_rows({1: need, 2: other}, width=60, room=room) if not row.cells[0].text
        ]

    whole = need.step
    assert steps(4) == [whole, "see what it sent"]  # the first is cut there
    assert steps(5) == ["open each, then reject it or", "approve it with a reason", "see what it sent"]
    assert steps(9) == steps(5)
