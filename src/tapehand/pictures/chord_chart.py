"""A chord chart: bars in rows as musicians read them, chords at their beats, sections named, doubts marked."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.pictures.axes import MARGIN_RIGHT, draw_title
from tapehand.pictures.palette import SERIES, Theme
from tapehand.pictures.svg import Drawing, shortened

LEFT_PX: Final = 18.0
TOP_PX: Final = 44.0
BAR_PX: Final = 34.0
GAP_PX: Final = 6.0
NAME_PX: Final = 22.0
BARS_IN_ROW: Final = 4
# Songs of more bars have twice as many in a row, unless chords change too fast for that.
MOST_IN_SHORT_ROWS: Final = 32
MOST_IN_NARROW_BAR: Final = 2
SURE: Final = 0.5
CHORD_PX: Final = 16.0
LETTER_PX: Final = 9.0
NONE: Final = "N"
NONE_WRITTEN: Final = "N.C."
GOES_ON: Final = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartChord:
    """A chord from ``start_bars`` on (the song's first bar starts at 0.0), as it is written; ``N`` is none."""

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
    """Bars in rows of four or eight; every section begins a row; a chord that is not sure is grey with a question mark.

    A stroke stands where the chord before goes on.
    """
    inside = _by_bar(chords)
    in_row = _bars_in_row(bars, inside)
    rows = _rows(max(bars, 1), sections, in_row)
    names = {section.start_bar: section.name for section in sections}
    height = sum(_row_px(first in names) for first, _ in rows)
    drawing = Drawing(width, TOP_PX + height + 10, title, theme=theme)
    draw_title(drawing, shortened(title, 60), remark)
    bar_px = (width - LEFT_PX - MARGIN_RIGHT) / in_row
    top = TOP_PX
    for first, count in rows:
        if first in names:
            drawing.text(LEFT_PX, top + 13, shortened(names[first], 40), size=12, bold=True)
            top += NAME_PX
        for place in range(count):
            _draw_bar(drawing, LEFT_PX + place * bar_px, top, bar_px, first + place, inside.get(first + place, ()))
        _draw_line(drawing, LEFT_PX + count * bar_px, top)
        top += BAR_PX + GAP_PX
    return drawing.document()


def _by_bar(chords: Sequence[ChartChord]) -> dict[int, list[ChartChord]]:
    """The chords that begin in each bar; what only goes on is left out."""
    inside: dict[int, list[ChartChord]] = {}
    last = ""
    for chord in sorted(chords, key=lambda chord: chord.start_bars):
        if chord.name != last:
            inside.setdefault(math.floor(chord.start_bars + 1e-6) + 1, []).append(chord)
        last = chord.name
    return inside


def _bars_in_row(bars: int, inside: dict[int, list[ChartChord]]) -> int:
    full = Counter(len(chords) > MOST_IN_NARROW_BAR for chords in inside.values())[True]
    return BARS_IN_ROW if bars <= MOST_IN_SHORT_ROWS or full else 2 * BARS_IN_ROW


def _row_px(is_named: bool) -> float:
    return BAR_PX + GAP_PX + (NAME_PX if is_named else 0.0)


def _rows(bars: int, sections: Sequence[ChartSection], in_row: int) -> list[tuple[int, int]]:
    """First bar and number of bars of each row."""
    starts = sorted({1, *(section.start_bar for section in sections if 1 < section.start_bar <= bars)})
    rows = []
    for start, end in zip(starts, [*starts[1:], bars + 1], strict=True):
        rows += [(first, min(in_row, end - first)) for first in range(start, end, in_row)]
    return rows


def _draw_bar(drawing: Drawing, left: float, top: float, width: float, bar: int, chords: Sequence[ChartChord]) -> None:
    drawing.rectangle(left, top, width, BAR_PX, fill="band")
    _draw_line(drawing, left, top)
    drawing.text(left + width - 5, top + 10, str(bar), fill="quiet", size=8, anchor="end")
    if not chords:
        drawing.text(left + 10, top + 23, GOES_ON, fill="quiet", size=CHORD_PX)
    free_px = left + 8
    for chord in chords:
        words, fill = _written(chord)
        inside = max(chord.start_bars - math.floor(chord.start_bars + 1e-6), 0.0)
        x = max(left + 8 + inside * (width - 12), free_px)
        drawing.text(x, top + 23, words, fill=fill, size=CHORD_PX)
        free_px = x + (len(words) + 1) * LETTER_PX


def _written(chord: ChartChord) -> tuple[str, str]:
    """The words and their tone."""
    if chord.name == NONE:
        return NONE_WRITTEN, "quiet"
    name = shortened(chord.name, 10)
    return (name, "ink") if chord.confidence >= SURE else (f"{name}?", "quiet")


def _draw_line(drawing: Drawing, x: float, top: float) -> None:
    drawing.rectangle(x - 0.75, top, 1.5, BAR_PX, fill=SERIES[7])
