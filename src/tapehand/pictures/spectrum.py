"""Third-octave spectra as bars, beside the band they are held against."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tapehand.pictures.axes import (
    Frame,
    Scale,
    draw_ticks_across,
    draw_ticks_up,
    draw_title,
    frequency_ticks,
    ticks,
)
from tapehand.pictures.palette import ACCENT, BEFORE, TARGET, Theme
from tapehand.pictures.svg import Drawing, Point, closed, shortened

HALF_BAND = 2.0 ** (1 / 6)
RANGE_DB = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetBand:
    """Where each band is expected, in dB, lower and upper edge."""

    lower_db: Sequence[float]
    upper_db: Sequence[float]
    name: str = "target"


def spectrum_svg(
    centres_hz: Sequence[float],
    levels_db: Sequence[float],
    *,
    title: str,
    before_db: Sequence[float] | None = None,
    target: TargetBand | None = None,
    width: float = 960.0,
    height: float = 320.0,
    theme: Theme = "auto",
) -> str:
    """Bars of third-octave levels; ``before_db`` as a line over them, ``target`` as a band.

    All sequences go with ``centres_hz``; levels may be ``-inf``.
    """
    drawing = Drawing(width, height, title, theme=theme)
    frame = Frame.inside(drawing)
    everything = [*levels_db, *(before_db or ()), *((*target.upper_db,) if target else ())]
    top_db = 5.0 * math.ceil((max((db for db in everything if math.isfinite(db)), default=0.0) + 1.0) / 5.0)
    across = frame.across(centres_hz[0] / HALF_BAND, centres_hz[-1] * HALF_BAND, logarithmic=True)
    up = frame.upwards(top_db - RANGE_DB, top_db)
    draw_title(drawing, shortened(title, 70))
    draw_ticks_up(drawing, frame, up, ticks(up.low, up.high, 10.0), "level / dB")
    draw_ticks_across(drawing, frame, across, frequency_ticks(across.low, across.high), "frequency / Hz")
    for centre_hz, level_db in zip(centres_hz, levels_db, strict=True):
        _draw_bar(drawing, across, up, centre_hz, level_db)
    if target is not None:
        _draw_target(drawing, across, up, centres_hz, target)
    if before_db is not None:
        points = [(across(hz), up(_floored(db))) for hz, db in zip(centres_hz, before_db, strict=True)]
        drawing.curve(points, stroke=BEFORE, width=2)
    _draw_legend(drawing, frame, before=before_db is not None, target=target)
    return drawing.document()


def _draw_bar(drawing: Drawing, across: Scale, up: Scale, centre_hz: float, level_db: float) -> None:
    left, right = across(centre_hz / HALF_BAND), across(centre_hz * HALF_BAND)
    top = up(_floored(level_db))
    hint = f"{centre_hz:.0f} Hz: " + (f"{level_db:.1f} dB" if math.isfinite(level_db) else "nothing")
    drawing.rectangle(
        left + 1.5, top, right - left - 3, up.start_px - top, fill=ACCENT, radius=1.5, opacity=0.85, hint=hint
    )


def _draw_target(drawing: Drawing, across: Scale, up: Scale, centres_hz: Sequence[float], target: TargetBand) -> None:
    def edge(levels_db: Sequence[float]) -> list[Point]:
        """The band's edge where it is known: bands at ``-inf`` are left open."""
        known = ((hz, db) for hz, db in zip(centres_hz, levels_db, strict=True) if math.isfinite(db))
        return [(across(hz), up(_floored(db))) for hz, db in known]

    upper, lower = edge(target.upper_db), edge(target.lower_db)
    drawing.area(closed(upper, lower), fill=TARGET, opacity=0.2)
    for line in (upper, lower):
        drawing.curve(line, stroke=TARGET, width=1.2, opacity=0.9)


def _draw_legend(drawing: Drawing, frame: Frame, *, before: bool, target: TargetBand | None) -> None:
    entries = [("now", ACCENT)]
    entries += [("before", BEFORE)] if before else []
    entries += [(target.name, TARGET)] if target else []
    if len(entries) > 1:
        draw_legend(drawing, frame.right, entries)


def draw_legend(drawing: Drawing, right: float, entries: Sequence[tuple[str, str]]) -> None:
    """Names with their colours, in the title's line, set from the right."""
    x = right
    for name, colour in reversed(entries):
        name = shortened(name, 24)
        x -= 7.0 * len(name)
        drawing.text(x, 23, name, fill="quiet")
        x -= 15
        drawing.rectangle(x, 14, 10, 10, fill=colour, radius=2)
        x -= 14


def _floored(level_db: float) -> float:
    return level_db if math.isfinite(level_db) else -1e9
