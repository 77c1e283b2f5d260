"""Lines that are kept until they change.

Whatever a change touches, Textual asks every widget behind and beside it for all its lines. While nine rows of a table
change four times a second, the screen's blank ground, the frame and the preview make up a third of the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual._styles_cache import RenderLineCallback, StylesCache
from textual.color import Color
from textual.containers import Horizontal
from textual.css.styles import StylesBase
from textual.geometry import Region, Size, Spacing
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.widget import Widget as _Widget
else:
    _Widget = object  # Textual looks for the style sheet of the first base that is a widget


class LineCache(_Widget):
    """Mixed in before a widget: its lines are rendered again when it, its size or its colours have changed."""

    _kept_for: object = None
    _kept: list[Strip]

    def _set_dirty(self, *regions: Region) -> None:  # every full redraw goes through here
        self._kept_for = None
        super()._set_dirty(*regions)

    def render_lines(self, crop: Region) -> list[Strip]:
        wanted = (crop, self.size, self.background_colors, self.app.theme)
        if wanted != self._kept_for:
            self._kept = super().render_lines(crop)
            self._kept_for = wanted
        return self._kept


class PlainLines(StylesCache):
    """The `_styles_cache` of a widget without outline, tint and opacity: lines stay as it draws them.

    Textual would look for each of these around each line, and make a new strip of it, which every filter then goes
    through again. With a border or padding, it does.
    """

    def render_line(
        self, styles: StylesBase, y: int, size: Size, content_size: Size, padding: Spacing, base_background: Color,
        background: Color, render_content_line: RenderLineCallback, *effects: Any,
    ) -> Strip:  # fmt: skip
        if size != content_size:
            return super().render_line(
                styles, y, size, content_size, padding, base_background, background, render_content_line, *effects
            )
        inner, _ = self.get_inner_outer(base_background, background)
        return render_content_line(y).adjust_cell_length(content_size.width, inner.rich_style)


class SideBySide(LineCache, Horizontal):
    """Panes side by side, on a ground that shows nothing."""
