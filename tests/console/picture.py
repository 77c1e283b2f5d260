"""Pictures of screens as SVG files that stand alone: no font is fetched from anywhere, the same bytes on every run."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from textual.pilot import Pilot

from core.model import Actor
from tests.console.harness import Scene
from tests.factories.desk import ALICE

PICTURES: Final = Path(__file__).parent / "pictures"
WIDE: Final = (120, 36)
SMALL: Final = (80, 24)
Steps = Callable[[Pilot[int], Scene], Awaitable[None]]
_FONT_FACE: Final = re.compile(r"\s*@font-face \{.*?\}\n", re.DOTALL)
_TEXT: Final = re.compile(r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>((?:&#160;)+)')
_CELL: Final = 12.2
_FONT: Final = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its steps, its size, who looks, in which theme."""

    name: str
    steps: Steps
    size: tuple[int, int] = WIDE
    actor: Actor = ALICE
    theme: str | None = None
    no_color: bool = False
    hint: str = ""
    """What a newcomer is told above the screen, until the demonstration's guide knows better."""
    then: str | None = None
    """A second picture, once the terminal is made as small as `SMALL`."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,) if self.then is None else (self.name, self.then)


def both(name: str, steps: Steps, **more: Any) -> tuple[Shot]:
    """The same at both sizes: whoever makes the window smaller sees what whoever began in a small one does."""
    return (Shot(f"{name}-120", steps, then=f"{name}-80", **more),)


def each(name: str, steps: Steps, **more: Any) -> tuple[Shot, Shot]:
    """Begun at either size, because what is seen or chosen on the way differs."""
    return Shot(f"{name}-120", steps, **more), Shot(f"{name}-80", steps, SMALL, **more)


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


def kept(name: str) -> str | None:
    """The picture of that name as it was accepted, if it ever was."""
    file = PICTURES / f"{name}.svg"
    return file.read_text() if file.exists() else None


def compared(svg: str, name: str, *, actual: Path, update: bool) -> None:
    """Hold it against the picture of that name; `update` accepts it. What differs is left in `actual`."""
    if update:
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.svg").write_text(svg)
        return
    seen = actual / f"{name}.svg"
    seen.write_text(svg)
    before = kept(name)
    assert before is not None, f"there is no picture {name}: look at {seen}, then run with --snapshot-update"
    assert before == svg, f"{name} looks different: see {seen}, then run with --snapshot-update"
