"""Write the text part of an HTML-only message: what its reader sees, line by line, with its links.

Built on `sight`, which the checks use too, so that both parts say the same: text that the HTML hides does not appear.
"""

from __future__ import annotations

from typing import Final

from core.rules.content.visibility import sight

LONGEST: Final = 400_000
"""Maximum number of characters of HTML to read, the same as `mime.PART_LIMIT`."""
_FOLLOWED: Final = ("http://", "https://", "mailto:", "tel:")


def plain_text(html: str) -> str:
    """Convert HTML to text; an empty string if it shows neither words nor pictures."""
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
