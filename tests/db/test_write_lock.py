from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path

import pytest

from core.db.write_lock import Turn


def test_a_wait_for_the_turn_that_is_interrupted_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    first, second = (Turn(tmp_path / "turn", patience=60) for _ in range(2))
    with first, monkeypatch.context() as patched:
        patched.setattr(time, "sleep", interrupted)
        with pytest.raises(KeyboardInterrupt), second:
            raise AssertionError("never entered")
    closing = threading.Thread(target=second.close, daemon=True)
    closing.start()
    closing.join(timeout=30)
    assert not closing.is_alive(), "a command that ends by Ctrl-C would hang here"
    first.close()


def test_a_thread_that_gave_up_waiting_leaves_the_turn_to_the_thread_that_has_it(tmp_path: Path) -> None:
    mine = Turn(tmp_path / "turn", patience=0.01)

    def wait_in_vain() -> None:
        with mine:
            pass

    with mine:
        thread = threading.Thread(target=wait_in_vain)
        thread.start()
        thread.join()
        with (tmp_path / "turn").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    mine.close()
