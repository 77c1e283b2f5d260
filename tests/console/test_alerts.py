"""The terminal's title, bell and notification: for a new critical problem, and never with a stranger's text."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from console.alerts import Alerts
from console.state import Link, Live
from core.views.live import Level, Need

BOT = Need(Level.FAULT, "quote-bot", "suspended: complaints 0.41 %", id="agent:1")
STOP = Need(Level.FAULT, "the desk", "ALL STOP by bob: fire", id="desk")
LATE = Need(Level.WARN, "queue", "a message waits", id="queue")
CALM = Live(link=Link.LIVE)


def live(*needs: Need) -> Live:
    return replace(CALM, needs=needs)


def test_only_a_new_critical_problem_rings_and_the_title_counts_all() -> None:
    alerts = Alerts({})
    assert alerts.after(live(BOT, LATE), "PROD") == "\x1b]2;✖1 PROD\x1b\\"  # it was there when the console opened
    assert alerts.after(live(replace(BOT, text="complaints 0.52 %"), LATE), "PROD") == ""
    assert alerts.after(live(BOT, STOP), "PROD") == (
        "\x1b]2;✖2 PROD\x1b\\\a\x1b]9;Postroom PROD: 2 critical problems\x1b\\"
    )
    assert alerts.after(replace(live(), link=Link.LOST), "PROD") == ""
    assert alerts.after(live(LATE), "PROD") == "\x1b]2;PROD\x1b\\"
    assert alerts.after(live(BOT), "PROD").startswith("\x1b]2;✖1 PROD\x1b\\\a")


def test_what_somebody_has_acknowledged_leaves_the_title_and_does_not_ring() -> None:
    alerts = Alerts({})
    alerts.after(live(), "PROD")
    assert alerts.after(live(replace(BOT, quiet_by="bob")), "PROD") == ""


def test_tmux_rings_by_itself_and_is_asked_to_pass_the_notification_on() -> None:
    alerts = Alerts({"TMUX": "/tmp/tmux-1000/default,1,0"})
    alerts.after(live(), "PROD")
    assert alerts.after(live(BOT), "PROD") == (
        "\x1b]2;✖1 PROD\x1b\\\a\x1bPtmux;\x1b\x1b]9;Postroom PROD: 1 critical problem\x1b\x1b\\\x1b\\"
    )


@given(st.text(), st.text(), st.text())
def test_nobodys_text_reaches_an_escape_sequence(subject: str, text: str, name: str) -> None:
    alerts = Alerts({})
    alerts.after(CALM, name)
    need = Need(Level.FAULT, f"mallory{subject}", f"mallory{text}\x1b]0;owned\a", id=subject, key=text)
    written = alerts.after(live(need), name)
    title, _, notification = written.partition("\a")
    for sequence, start in ((title, "\x1b]2;✖1 "), (notification, "\x1b]9;Postroom ")):
        assert sequence.startswith(start)
        assert sequence.endswith("\x1b\\")
        assert sequence[4:-2].isprintable()
    if "mallory" not in name:
        assert "mallory" not in written
