"""A held message's wording as a file for an editor, and back: subject, text and HTML in sections.

Subject: Your refund

--- text ---
It is on its way.
--- html ---
<p>It is on its way.</p>

Where a body has such a line itself, the lines of the file have more dashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from core.errors import Invalid

TEXT: Final = "--- text ---"
HTML: Final = "--- html ---"
GENERATED: Final = "# The text part is made from the HTML."


def spelled(wording: Mapping[str, Any]) -> str:
    """The answer of `message.wording` as a file."""
    lines = [f"Subject: {wording['subject']}", ""]
    if wording["text"] is None:
        lines.append(GENERATED)
    for name, mark in _marks(wording).items():
        lines += [mark, wording[name].rstrip("\n")]
    return "\n".join(lines) + "\n"


def _marks(wording: Mapping[str, Any]) -> dict[str, str]:
    """The line above each body, which none of the bodies has itself."""
    bodies = {name: wording[name] for name in ("text", "html") if wording[name] is not None}
    within = {line for body in bodies.values() for line in body.replace("\r\n", "\n").split("\n")}
    more = ""
    while not within.isdisjoint({f"{more}{TEXT}{more}", f"{more}{HTML}{more}"}):
        more += "-"
    return {name: f"{more}{TEXT if name == 'text' else HTML}{more}" for name in bodies}


def read(written: str, before: Mapping[str, Any]) -> dict[str, str]:
    """The members of `message.edit` that differ from what was there before. Raises `Invalid` for another form.

    A section that is gone removes the HTML part; a text cannot be removed.
    """
    head, *rest = written.replace("\r\n", "\n").split("\n")
    if not head.startswith("Subject:"):
        raise Invalid("the first line must be the subject", fix="keep `Subject: ...` as the first line")
    found = {"subject": head.removeprefix("Subject:").strip()} | _bodies(rest, _marks(before))
    same = {name for name, value in found.items() if value.rstrip("\n") == (before[name] or "").rstrip("\n")}
    changed = {name: value for name, value in found.items() if name not in same}
    if before["html"] is not None and before["text"] is not None and {"text", "html"} & changed.keys():
        changed |= {name: found[name] for name in ("text", "html")}  # both are given where both are there
    if not changed:
        raise Invalid("nothing was changed", fix="change the subject or the body, or approve it as it is")
    return changed


def _bodies(lines: Iterable[str], marks: Mapping[str, str]) -> dict[str, str]:
    """The bodies below their lines. Raises `Invalid` rather than leave anything out that was written."""
    above: list[str] = []
    parts: dict[str, list[str]] = {}
    current = above
    for line in lines:
        name = next((name for name, mark in marks.items() if mark == line), None)
        if name is None:
            current.append(line)
        elif name in parts:
            raise Invalid(f"the line {line} is there twice", fix="keep the one that was there")
        else:
            current = parts[name] = []
    if "text" in marks and "text" not in parts:
        raise Invalid(f"the line {marks['text']} is missing", fix="keep it above the text")
    if any(line.strip() not in ("", GENERATED) for line in above):
        raise Invalid("there is text above the body", fix=f"put it below the line {next(iter(marks.values()))}")
    return {name: _body(parts.get(name, [])) for name in marks}


def _body(lines: list[str]) -> str:
    text = "\n".join(lines).rstrip("\n")
    return f"{text}\n" if text else ""
