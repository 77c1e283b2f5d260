"""What a session owes the log."""

from __future__ import annotations

from console.session import Session
from core.services.control.read_log import Shown, What

FIRST, SECOND = Shown(What.MESSAGE, item=1), Shown(What.MESSAGE, item=2)


def test_what_is_entered_is_owed_again_only_in_another_hour() -> None:
    session = Session()
    assert session.set_shown(FIRST, 7)
    assert session.pending_log() == (FIRST,)
    assert not session.set_shown(SECOND, 7)  # somebody is at it
    session.mark_logged((FIRST,))
    assert session.pending_log() == (SECOND,)
    session.mark_logged((SECOND,))
    assert session.pending_log() == ()
    assert not session.set_shown(FIRST, 7)
    assert session.set_shown(FIRST, 8)


def test_what_could_not_be_entered_stays_owed() -> None:
    session = Session()
    session.set_shown(FIRST, 7)
    session.pending_log()
    session.mark_log_failed()
    assert session.set_shown(SECOND, 7)
    assert session.pending_log() == (FIRST, SECOND)
