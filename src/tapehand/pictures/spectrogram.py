"""Level over time and frequency: a heat map with logarithmic frequencies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.pictures.axes import (
    Frame,
    Scale,
    draw_ticks_across,
    draw_ticks_up,
    draw_title,
    frequency_ticks,
    time_name,
    time_ticks,
)
from tapehand.pictures.palette import ALERT, Theme
from tapehand.pictures.png import heat, png
from tapehand.pictures.svg import Drawing, Point, shortened, text_width

LOWEST_HZ: Final = 30.0
HIGHEST_HZ: Final = 20_000.0
RANGE_DB: Final = 80.0
WINDOW_S: Final = 0.093
# Enough to see every change on the screen; long recordings are sampled, short ones overlap.
MOST_COLUMNS: Final = 1_200
NARROWEST_PX: Final = 3.0
PLATE_PX: Final = 14.0
LETTER_PX: Final = 5.4


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrogramMark:
    """A place to look at: a stretch of time, of all frequencies unless two are given."""

    label: str
    start_s: float
    end_s: float
    low_hz: float = LOWEST_HZ
    high_hz: float = HIGHEST_HZ


def spectrogram_svg(
    audio: Audio,
    *,
    title: str,
    marks: Sequence[SpectrogramMark] = (),
    start_s: float = 0.0,
    width: float = 960.0,
    height: float = 320.0,
    theme: Theme = "auto",
) -> str:
    """The heat map of ``audio`` with its axes, 80 dB down from the loudest spot, and frames around what is marked.

    Marks count from the start of ``audio``; the axis shows that it lies at ``start_s``.
    """
    drawing = Drawing(width, height, title, theme=theme)
    frame = Frame.inside(drawing)
    length_s = max(audio.duration_s, 1e-3)
    across = frame.across(0.0, length_s)
    highest_hz = _highest_hz(audio.rate_hz)
    up = frame.upwards(LOWEST_HZ, highest_hz, logarithmic=True)
    draw_title(drawing, shortened(title, 80), f"colours: {RANGE_DB:.0f} dB down from the loudest")
    shown = frame.across(start_s, start_s + length_s)
    draw_ticks_across(drawing, frame, shown, time_ticks(length_s, start_s=start_s), time_name(start_s + length_s))
    draw_ticks_up(drawing, frame, up, frequency_ticks(LOWEST_HZ, highest_hz), "frequency / Hz")
    picture = spectrogram_png(audio, columns=round(frame.width), rows=round(frame.height))
    drawing.image(frame.left, frame.top, frame.width, frame.height, picture)
    _draw_marks(drawing, marks, across, up)
    return drawing.document()


def _draw_marks(drawing: Drawing, marks: Sequence[SpectrogramMark], across: Scale, up: Scale) -> None:
    """Every place; its label on a plate, where the same one does not stand just before it."""
    taken_px: dict[str, float] = {}
    rows: dict[str, int] = {}
    for mark in sorted(marks, key=lambda mark: mark.start_s):
        left, top = _draw_place(drawing, mark, across, up)
        label = shortened(mark.label, 24)
        width = LETTER_PX * text_width(label) + 8
        x = min(left, across.end_px - width)
        row = rows.setdefault(label, len(rows))
        if x >= taken_px.get(label, -math.inf):
            y = top + row * PLATE_PX
            drawing.rectangle(x, y, width, PLATE_PX - 1, fill=ALERT, radius=2)
            drawing.text(x + 4, y + 10, label, fill="#ffffff", size=10)
            taken_px[label] = x + width + 4


def _draw_place(drawing: Drawing, mark: SpectrogramMark, across: Scale, up: Scale) -> Point:
    """A frame, or a line where it is too short for one; where its upper left corner is."""
    left, right = across(mark.start_s), across(mark.end_s)
    top, bottom = up(mark.high_hz), up(max(mark.low_hz, LOWEST_HZ))
    if right - left < NARROWEST_PX:
        drawing.curve([(left, top), (left, bottom)], stroke=ALERT, width=1.2, opacity=0.85)
    else:
        drawing.curve([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], stroke=ALERT)
        drawing.rectangle(left, top, right - left, bottom - top, fill=ALERT, opacity=0.12)
    return left, top


def spectrogram_png(audio: Audio, *, columns: int = 900, rows: int = 256) -> bytes:
    """The bare heat map, no axes: time to the right, 30 Hz to 20 kHz (or what the rate holds) upwards."""
    levels_db = _levels_db(audio, min(columns, MOST_COLUMNS), rows)
    loudest_db = float(levels_db.max(initial=-math.inf))
    if not math.isfinite(loudest_db):
        return png(heat(np.zeros((rows, max(columns, 1)))))
    return png(heat((levels_db - loudest_db + RANGE_DB)[::-1] / RANGE_DB))


def _levels_db(audio: Audio, columns: int, rows: int) -> NDArray[np.float64]:
    """Levels ``(rows, columns)``, lowest frequency first, the channels' powers added."""
    size = 1 << math.ceil(math.log2(WINDOW_S * audio.rate_hz))
    window = np.hanning(size + 1)[:-1]
    centres = (np.arange(columns) + 0.5) * audio.length_samples / columns
    starts = np.rint(centres).astype(np.int64) - size // 2
    padded = np.zeros((audio.channels, audio.length_samples + 2 * size), dtype=np.float32)
    padded[:, size : size + audio.length_samples] = audio.samples
    edges = np.geomspace(LOWEST_HZ, _highest_hz(audio.rate_hz), rows + 1) * size / audio.rate_hz
    levels = np.empty((rows, columns))
    for column, start in enumerate(starts.tolist()):
        stretch = padded[:, start + size : start + 2 * size] * window
        spectrum = np.fft.rfft(stretch, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
        levels[:, column] = _rows_of(power, edges)
    with np.errstate(divide="ignore"):
        decibels: NDArray[np.float64] = 10.0 * np.log10(levels)
    return decibels


def _rows_of(power: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strongest bin inside each row; where a row is narrower than a bin, the value between its neighbours."""
    first = np.ceil(edges[:-1]).astype(np.intp)
    past = np.minimum(np.ceil(edges[1:]).astype(np.intp), power.size)
    between = np.interp((edges[:-1] + edges[1:]) / 2, np.arange(power.size), power)
    strongest = np.maximum.reduceat(np.append(power, 0.0), np.minimum(first, power.size))
    return np.where(past - first > 1, strongest, between)


def _highest_hz(rate_hz: int) -> float:
    return min(HIGHEST_HZ, rate_hz / 2)
