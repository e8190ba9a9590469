"""Loudness over time, against its target."""

import math
from collections.abc import Sequence

from tapehand.pictures.axes import (
    Frame,
    Scale,
    draw_ticks_across,
    draw_ticks_up,
    draw_title,
    ticks,
    time_name,
    time_ticks,
)
from tapehand.pictures.palette import ACCENT, BEFORE, TARGET, Theme
from tapehand.pictures.spectrum import draw_legend
from tapehand.pictures.svg import Drawing, Point, shortened

RANGE_LU = 30.0


def loudness_svg(
    momentary_lufs: Sequence[float],
    short_term_lufs: Sequence[float],
    *,
    step_s: float,
    length_s: float,
    title: str,
    integrated_lufs: float | None = None,
    target_lufs: float | None = None,
    width: float = 960.0,
    height: float = 280.0,
    theme: Theme = "auto",
) -> str:
    """Momentary loudness as an area, short-term as a line, target and integrated loudness as levels across.

    Parameters
    ----------
    momentary_lufs, short_term_lufs : one value each ``step_s``; the first belongs to 0.4 s and 3 s. May be ``-inf``.
    """
    drawing = Drawing(width, height, title, theme=theme)
    frame = Frame.inside(drawing)
    length_s = max(length_s, 1e-3)
    across = frame.across(0.0, length_s)
    loudest = max((value for value in momentary_lufs if math.isfinite(value)), default=-20.0)
    top_lufs = 3.0 * math.ceil((max(loudest, loudest if target_lufs is None else target_lufs) + 1.0) / 3.0)
    up = frame.upwards(top_lufs - RANGE_LU, top_lufs)
    draw_title(drawing, shortened(title, 50))
    draw_ticks_up(drawing, frame, up, ticks(up.low, up.high, 3.0), "loudness / LUFS")
    draw_ticks_across(drawing, frame, across, time_ticks(length_s), time_name(length_s))
    momentary = _curve(momentary_lufs, 0.4, step_s, across, up, frame.width)
    if momentary:
        base = [(momentary[0][0], frame.bottom), *momentary, (momentary[-1][0], frame.bottom)]
        drawing.area(base, fill=ACCENT, opacity=0.35)
    drawing.curve(_curve(short_term_lufs, 3.0, step_s, across, up, frame.width), stroke=ACCENT, width=2.2)
    entries = [("short-term", ACCENT)]
    for name, level, colour in (("integrated", integrated_lufs, BEFORE), ("target", target_lufs, TARGET)):
        if level is not None and math.isfinite(level):
            drawing.line((frame.left, up(level)), (frame.right, up(level)), stroke=colour, width=1.6, dashes="6 4")
            entries.append((f"{name} {level:.1f} LUFS", colour))
    draw_legend(drawing, frame.right, entries)
    return drawing.document()


def _curve(
    values: Sequence[float], first_s: float, step_s: float, across: Scale, up: Scale, width_px: float
) -> list[Point]:
    """Points of a curve, no more than the picture has pixels; of those that share one the loudest."""
    fold = max(1, int(len(values) / max(width_px, 1.0)))
    return [
        (across(first_s + start * step_s), up(max(values[start : start + fold])))
        for start in range(0, len(values), fold)
    ]
