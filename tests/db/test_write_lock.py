from __future__ import annotations

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
