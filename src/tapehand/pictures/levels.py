"""Levels of the tracks, before and after."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.pictures.axes import (
    MARGIN_BOTTOM,
    MARGIN_RIGHT,
    MARGIN_TOP,
    Frame,
    Scale,
    draw_ticks_across,
    draw_title,
    ticks,
)
from tapehand.pictures.palette import ACCENT, BEFORE, Theme
from tapehand.pictures.spectrum import draw_legend
from tapehand.pictures.svg import Drawing, shortened

ROW_PX: Final = 24.0
LEFT_PX: Final = 170.0
FIGURES_PX: Final = 64.0
RANGE_DB: Final = 48.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """One track; levels in the unit the picture is made for, None where the track is silent."""

    name: str
    before: float | None
    after: float | None


def levels_svg(
    rows: Sequence[LevelRow],
    *,
    title: str,
    unit: str = "LUFS",
    width: float = 960.0,
    theme: Theme = "auto",
) -> str:
    """Two bars a track, before above after, with the difference in figures."""
    drawing = Drawing(width, MARGIN_TOP + ROW_PX * len(rows) + MARGIN_BOTTOM, title, theme=theme)
    frame = Frame(LEFT_PX, MARGIN_TOP, width - MARGIN_RIGHT - FIGURES_PX, MARGIN_TOP + ROW_PX * len(rows))
    known = [level for row in rows for level in (row.before, row.after) if level is not None and math.isfinite(level)]
    top = 6.0 * math.ceil((max(known, default=0.0) + 0.5) / 6.0)
    across = frame.across(top - RANGE_DB, top)
    draw_title(drawing, shortened(title, 60))
    draw_ticks_across(drawing, frame, across, ticks(across.low, across.high, 6.0), f"level / {unit}")
    for number, row in enumerate(rows):
        _draw_row(drawing, frame, across, row, frame.top + number * ROW_PX)
    draw_legend(drawing, width - MARGIN_RIGHT, [("before", BEFORE), ("after", ACCENT)])
    return drawing.document()


def _draw_row(drawing: Drawing, frame: Frame, across: Scale, row: LevelRow, top: float) -> None:
    drawing.text(frame.left - 10, top + 16, shortened(row.name, 22), anchor="end")
    for level, colour, offset in ((row.before, BEFORE, 4.0), (row.after, ACCENT, 12.0)):
        if level is not None and math.isfinite(level):
            drawing.rectangle(frame.left, top + offset, across(level) - frame.left, 7, fill=colour, radius=2)
    if row.before is None and row.after is None:
        drawing.text(frame.left + 6, top + 16, "silent", fill="quiet", size=11)
    elif row.before is not None and row.after is not None:
        difference = f"{row.after - row.before:+.1f}"
        drawing.text(frame.right + FIGURES_PX - 8, top + 16, f"{difference} dB", fill="quiet", anchor="end", size=11)
