"""Pictures of screens as SVG files that stand alone: no font is fetched from anywhere, the same bytes on every run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from textual.pilot import Pilot

PICTURES: Final = Path(__file__).parent / "pictures"
_FONT_FACE: Final = re.compile(r"\s*@font-face \{.*?\}\n", re.DOTALL)
_TEXT: Final = re.compile(r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>((?:&#160;)+)')
_CELL: Final = 12.2
_FONT: Final = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def taken(pilot: Pilot[int]) -> str:
    """What is on the screen now."""
    svg = pilot.app.export_screenshot(title="Postroom", simplify=True)
    svg = _FONT_FACE.sub("\n", svg).replace("Fira Code, monospace", _FONT).replace("arial", "sans-serif")
    svg = _TEXT.sub(_set_in, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _set_in(found: re.Match[str]) -> str:
    """Some viewers swallow blanks at the beginning of a text: let it begin behind them."""
    blank = len(found[6]) // len("&#160;") * _CELL
    x, length = float(found[2]) + blank, float(found[4]) - blank
    return f'<text class="{found[1]}" x="{x:.1f}" y="{found[3]}" textLength="{max(0.0, length):.1f}"{found[5]}>'


def compared(svg: str, name: str, *, actual: Path, update: bool) -> None:
    """Hold it against the picture of that name; `update` accepts it. What differs is left in `actual`."""
    kept = PICTURES / f"{name}.svg"
    if update:
        PICTURES.mkdir(exist_ok=True)
        kept.write_text(svg)
        return
    seen = actual / f"{name}.svg"
    seen.write_text(svg)
    assert kept.exists(), f"there is no picture {name}: look at {seen}, then run with --snapshot-update"
    assert kept.read_text() == svg, f"{name} looks different: see {seen}, then run with --snapshot-update"
