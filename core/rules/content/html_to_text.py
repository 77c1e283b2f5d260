"""Write the text part of a message that came as HTML alone: what its reader sees, line by line, with its links.

Made from `sight`, the reading that the checks use, so that the two parts say the same: text that the HTML hides does
not turn up in it.
"""

from __future__ import annotations

from typing import Final

from core.rules.content.visibility import sight

LONGEST: Final = 400_000
"""Characters of HTML that are read, as many as the checks read."""
_FOLLOWED: Final = ("http://", "https://", "mailto:", "tel:")


def plain_text(html: str) -> str:
    """The words of HTML as text; an empty string where it shows neither words nor pictures."""
    seen = sight(html[:LONGEST])
    lines: list[str] = []
    for row in seen.rows:
        words = " ".join(row.text.split())
        if not words:
            continue
        goals = [goal.strip() for goal in row.targets if goal.strip().lower().startswith(_FOLLOWED)]
        named = [f"({goal})" for goal in goals if goal not in words and len(goal) <= 2_000]
        lines.append(" ".join([words, *named]))
        if row.gap:
            lines.append("")
    if not lines:
        lines = [f"[image: {name.strip()}]" if name.strip() else "[image]" for name in seen.named or [""] * seen.images]
    if len(html) > LONGEST:
        lines.append("[...]")
    return "\n".join(lines).strip()
