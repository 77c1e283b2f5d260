"""A held message's wording as a file for an editor, and back: subject, text and HTML in sections.

Subject: Your refund

--- text ---
It is on its way.
--- html ---
<p>It is on its way.</p>
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.errors import Invalid

TEXT: Final = "--- text ---"
HTML: Final = "--- html ---"
GENERATED: Final = "# The text part is made from the HTML."


def spelled(wording: Mapping[str, Any]) -> str:
    """The answer of `message.wording` as a file."""
    lines = [f"Subject: {wording['subject']}", ""]
    if wording["text"] is not None:
        lines += [TEXT, wording["text"].rstrip("\n")]
    if wording["html"] is not None:
        lines += ([] if wording["text"] is not None else [GENERATED]) + [HTML, wording["html"].rstrip("\n")]
    return "\n".join(lines) + "\n"


def read(written: str, before: Mapping[str, Any]) -> dict[str, str]:
    """The members of `message.edit` that differ from what was there before. Raises `Invalid` for another form.

    A section that is gone removes the HTML part; a text cannot be removed.
    """
    head, *rest = written.replace("\r\n", "\n").split("\n")
    if not head.startswith("Subject:"):
        raise Invalid("the first line must be the subject", fix="keep `Subject: ...` as the first line")
    parts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in rest:
        if line in (TEXT, HTML) and line not in parts:
            lines = parts[line] = []
        else:
            lines.append(line)
    found = {"subject": head.removeprefix("Subject:").strip()}
    if before["text"] is not None:
        if TEXT not in parts:
            raise Invalid(f"the line {TEXT} is missing", fix="keep it above the text")
        found["text"] = _body(parts[TEXT])
    if before["html"] is not None:
        found["html"] = _body(parts[HTML]) if HTML in parts else ""
    same = {name for name, value in found.items() if value.rstrip("\n") == (before[name] or "").rstrip("\n")}
    changed = {name: value for name, value in found.items() if name not in same}
    if before["html"] is not None and before["text"] is not None and {"text", "html"} & changed.keys():
        changed |= {name: found[name] for name in ("text", "html")}  # both are given where both are there
    if not changed:
        raise Invalid("nothing was changed", fix="change the subject or the body, or approve it as it is")
    return changed


def _body(lines: list[str]) -> str:
    text = "\n".join(lines).rstrip("\n")
    return f"{text}\n" if text else ""
