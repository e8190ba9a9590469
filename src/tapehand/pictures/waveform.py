"""A recording as its wave, with the places that were found in it and the sections it has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tapehand.audio.peaks import Peaks
from tapehand.pictures.axes import (
    MARGIN_BOTTOM,
    MARGIN_LEFT,
    MARGIN_RIGHT,
    MARGIN_TOP,
    SECTION_ROOM_PX,
    Frame,
    Scale,
    Tick,
    draw_section,
    draw_ticks_across,
    draw_ticks_up,
    draw_title,
    time_name,
    time_ticks,
)
from tapehand.pictures.palette import ACCENT, ALERT, Theme
from tapehand.pictures.svg import Drawing, closed, shortened

CHANNEL_HEIGHT_PX = 84.0
CHANNEL_GAP_PX = 16.0
FLAG_PX = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A stretch of time with a name: a section of the form, or the place of a finding."""

    start_s: float
    end_s: float
    label: str = ""


def waveform_svg(
    peaks: Peaks,
    *,
    title: str,
    places: Sequence[Mark] = (),
    sections: Sequence[Mark] = (),
    width: float = 960.0,
    theme: Theme = "auto",
) -> str:
    """The wave of every channel, full scale from -1 to +1.

    Parameters
    ----------
    peaks : the overview of the recording; the zoom level fitting the width is taken from it.
    places : where something was found: a flag above the wave and a line through it, the label shown on pointing.
    sections : the form, as plates under the title.
    """
    channels = peaks.levels[0].lowest.shape[0]
    inner = channels * CHANNEL_HEIGHT_PX + (channels - 1) * CHANNEL_GAP_PX
    head = FLAG_PX + (SECTION_ROOM_PX if sections else 0.0)
    drawing = Drawing(width, MARGIN_TOP + head + inner + MARGIN_BOTTOM, title, theme=theme)
    frame = Frame(MARGIN_LEFT, MARGIN_TOP + head, width - MARGIN_RIGHT, MARGIN_TOP + head + inner)
    length_s = max(peaks.length_samples / peaks.rate_hz, 1e-3)
    across = frame.across(0.0, length_s)
    draw_title(drawing, shortened(title, 80), f"{peaks.rate_hz:,} Hz")
    draw_ticks_across(drawing, frame, across, time_ticks(length_s), time_name(length_s))
    for number, section in enumerate(sections):
        draw_section(drawing, number, section.label, across(section.start_s), across(section.end_s))
    for channel in range(channels):
        top = frame.top + channel * (CHANNEL_HEIGHT_PX + CHANNEL_GAP_PX)
        lane = Frame(frame.left, top, frame.right, top + CHANNEL_HEIGHT_PX)
        _draw_channel(drawing, lane, peaks, channel, across, ("",) if channels == 1 else ("L", "R"))
    for place in places:
        _draw_place(drawing, frame, across, place)
    return drawing.document()


def _draw_channel(
    drawing: Drawing, lane: Frame, peaks: Peaks, channel: int, across: Scale, names: Sequence[str]
) -> None:
    level = peaks.level_for(round(lane.width))
    up = lane.upwards(-1.0, 1.0)
    draw_ticks_up(drawing, lane, up, [Tick(-1, "-1"), Tick(0, "0"), Tick(1, "+1")], "")
    if channel < len(names):
        drawing.text(22, up(0.0) + 4, names[channel], fill="quiet", anchor="middle", bold=True)
    step_s = level.samples_per_point / peaks.rate_hz
    # Several points may fall on one pixel: what is drawn is the outermost of them.
    folds = max(1, int(level.points / max(lane.width, 1.0)))
    starts = np.arange(0, level.points, folds)
    if starts.size == 0:
        return
    lowest = np.minimum.reduceat(level.lowest[channel], starts).tolist()
    highest = np.maximum.reduceat(level.highest[channel], starts).tolist()
    times = [across((start + folds / 2) * step_s) for start in starts.tolist()]
    upper = [(x, min(up(value), up(0.0) - 0.4)) for x, value in zip(times, highest, strict=True)]
    lower = [(x, max(up(value), up(0.0) + 0.4)) for x, value in zip(times, lowest, strict=True)]
    drawing.area(closed(upper, lower), fill=ACCENT)


def _draw_place(drawing: Drawing, frame: Frame, across: Scale, place: Mark) -> None:
    start = across(place.start_s)
    length = max(across(place.end_s) - start, 1.5)
    drawing.rectangle(start, frame.top, length, frame.height, fill=ALERT, opacity=0.45, hint=place.label)
    drawing.area([(start - 4, frame.top - FLAG_PX), (start + 4, frame.top - FLAG_PX), (start, frame.top)], fill=ALERT)
