"""A chord chart: bars in rows as musicians read them, chords at their beats, sections named, doubts marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.pictures.axes import MARGIN_RIGHT, draw_title
from tapehand.pictures.palette import Theme
from tapehand.pictures.svg import Drawing, shortened

LEFT_PX: Final = 20.0
TOP_PX: Final = 52.0
ROW_PX: Final = 56.0
BARS_IN_ROW: Final = 4
SURE: Final = 0.5
CHORD_PX: Final = 17.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartChord:
    """A chord from ``start_bars`` on (the song's first bar starts at 0.0), as it is written."""

    start_bars: float
    name: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSection:
    """A section that begins with a bar (bars count from 1)."""

    name: str
    start_bar: int


def chord_chart_svg(
    chords: Sequence[ChartChord],
    *,
    bars: int,
    title: str,
    remark: str = "",
    sections: Sequence[ChartSection] = (),
    width: float = 960.0,
    theme: Theme = "auto",
) -> str:
    """Four bars in a row; every section begins a row; a chord that is not sure is grey with a question mark."""
    rows = _rows(max(bars, 1), sections)
    names = {section.start_bar: section.name for section in sections}
    drawing = Drawing(width, TOP_PX + ROW_PX * len(rows) + 14, title, theme=theme)
    draw_title(drawing, shortened(title, 60), remark)
    bar_px = (width - LEFT_PX - MARGIN_RIGHT) / BARS_IN_ROW
    for number, (first, count) in enumerate(rows):
        top = TOP_PX + ROW_PX * number
        if first in names:
            drawing.text(LEFT_PX, top + 11, shortened(names[first], 40), size=11, bold=True)
        for place in range(count):
            left = LEFT_PX + place * bar_px
            inside = [chord for chord in chords if math.floor(chord.start_bars + 1e-6) == first - 1 + place]
            _draw_bar(drawing, left, top + 16, bar_px, first + place, inside)
        end = LEFT_PX + count * bar_px
        drawing.line((end, top + 16), (end, top + ROW_PX - 8), stroke="line")
    return drawing.document()


def _rows(bars: int, sections: Sequence[ChartSection]) -> list[tuple[int, int]]:
    """First bar and number of bars of each row."""
    starts = sorted({1, *(section.start_bar for section in sections if 1 < section.start_bar <= bars)})
    rows = []
    for start, end in zip(starts, [*starts[1:], bars + 1], strict=True):
        rows += [(first, min(BARS_IN_ROW, end - first)) for first in range(start, end, BARS_IN_ROW)]
    return rows


def _draw_bar(drawing: Drawing, left: float, top: float, width: float, bar: int, chords: Sequence[ChartChord]) -> None:
    drawing.line((left, top), (left, top + ROW_PX - 24), stroke="line")
    drawing.text(left + 4, top + 8, str(bar), fill="quiet", size=8)
    for chord in chords:
        inside = chord.start_bars - math.floor(chord.start_bars + 1e-6)
        name = shortened(chord.name, 12)
        sure = chord.confidence >= SURE
        x = left + 8 + max(inside, 0.0) * (width - 12)
        drawing.text(x, top + 26, name if sure else f"{name}?", fill="ink" if sure else "quiet", size=CHORD_PX)
