"""What `y` offers to copy, and where the text goes if the terminal has no clipboard.

OSC 52 asks the terminal to set the clipboard, and no terminal answers: over SSH nothing can be known about it. So the
text is also written to a file of the person's own, and the notice names it.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from console.safe_text import make_safe
from core.security.files import replace_private

SELECT_HERE: Final = "select it here if your terminal's clipboard stays empty"


@dataclass(frozen=True, slots=True)
class Source:
    """What is under the cursor: its id (or an agent's name), and the address it is about."""

    id: str
    address: str = ""


def offers(source: Source) -> list[tuple[str, str]]:
    """What can be copied, by its name. Foreign text is made safe to draw, and quoted for a shell."""
    item_id, address = make_safe(source.id).text, make_safe(source.address).text
    key = item_id or address
    body = shlex.quote(json.dumps({"key": key}, ensure_ascii=False))
    found = [("id", item_id), ("address", address)]
    if key:
        option = "-- " if key.startswith("-") else ""
        asked = 'curl -sS "$POSTROOM_URL/v1/trace.show" -H "Authorization: Bearer $POSTROOM_TOKEN"'
        found.append(("command", f"postroom trace {option}{shlex.quote(key)}"))
        found.append(("curl", f"{asked} -H 'Content-Type: application/json' -d {body}"))
    return [(name, text) for name, text in found if text]


def file() -> Path:
    """Where the last copied text is kept (XDG_STATE_HOME, or ~/.local/state)."""
    base = os.environ.get("XDG_STATE_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".local" / "state") / "postroom" / "copied.txt"


def without_clipboard(environment: Mapping[str, str]) -> bool:
    """Whether this terminal is known to ignore OSC 52."""
    return (
        environment.get("TERM_PROGRAM") == "Apple_Terminal"
        or "VTE_VERSION" in environment
        or environment.get("TERM") in {"linux", "vt100", "vt220"}
    )


def written(text: str, path: Path) -> str | None:
    """Keep the text in a file that only this person can read; why not, or None."""
    try:
        replace_private(path, f"{text}\n".encode())
    except OSError as error:
        return error.strerror or str(error)
    return None


def notice(text: str, *, path: Path | None, failed: str | None, no_clipboard: bool) -> str:
    """What is said after copying: what, and where it is if the clipboard stays empty."""
    if path is None:
        return f"copied {text} ({SELECT_HERE})"
    if failed is not None:
        return f"copied {text} ({SELECT_HERE}; {path} cannot be written: {failed})"
    if no_clipboard:
        return f"this terminal has no clipboard (OSC 52): it is in {path}: {text}"
    return f"copied {text} (if the clipboard stays empty: {path})"
