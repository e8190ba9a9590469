"""A sung or played line over time: the pitch as it was, over the notes that it was heard as."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.pictures.axes import (
    Frame,
    Scale,
    Tick,
    draw_ticks_across,
    draw_ticks_up,
    draw_title,
    time_name,
    time_ticks,
)
from tapehand.pictures.palette import ACCENT, ALERT, TARGET, Theme
from tapehand.pictures.piano_roll import note_name
from tapehand.pictures.svg import Drawing, Point, shortened

LINE: Final = TARGET
GAP_S: Final = 0.05
# A shorter stretch is a consonant or a slip of the tracker.
SHORTEST_S: Final = 0.06
LEAST_SEMITONES: Final = 7.0
# Of the line so much may lie outside: slips by an octave must not make the rest flat.
OUTSIDE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardNote:
    """A note that was heard: ``pitch`` is its MIDI number with fraction; ``marked`` is drawn as worth a look."""

    start_s: float
    end_s: float
    pitch: float
    marked: bool = False


def pitch_line_svg(
    times_s: Sequence[float],
    pitches: Sequence[float | None],
    *,
    title: str,
    length_s: float,
    notes: Sequence[HeardNote] = (),
    start_s: float = 0.0,
    width: float = 960.0,
    height: float = 320.0,
    theme: Theme = "auto",
) -> str:
    """The line (MIDI numbers with fraction, None where there is no pitch) over the notes, semitones as grid.

    Times count from the start of the stretch; the axis shows that it lies at ``start_s``.
    """
    drawing = Drawing(width, height, title, theme=theme)
    frame = Frame.inside(drawing)
    length_s = max(length_s, 1e-3)
    across = frame.across(0.0, length_s)
    low, high = _range([p for p in pitches if p is not None], [note.pitch for note in notes])
    up = frame.upwards(low, high)
    asked = "; red: asked about" if any(note.marked for note in notes) else ""
    draw_title(drawing, shortened(title, 80), f"bars: notes; line: the pitch{asked}")
    shown = frame.across(start_s, start_s + length_s)
    draw_ticks_across(drawing, frame, shown, time_ticks(length_s, start_s=start_s), time_name(start_s + length_s))
    draw_ticks_up(drawing, frame, up, _semitones(low, high), "pitch")
    thickness = abs(up(low) - up(low + 1.0))
    for note in notes:
        centre, start = up(round(note.pitch)), across(note.start_s)
        colour, length = ALERT if note.marked else ACCENT, max(across(note.end_s) - start, 1.0)
        drawing.rectangle(start, centre - thickness / 2, length, thickness, fill=colour, radius=2, opacity=0.38)
    inside = [p if p is not None and low <= p <= high else None for p in pitches]
    shortest_px = across(SHORTEST_S) - across(0.0)
    for stretch in _stretches(times_s, inside, across, up):
        if stretch[-1][0] - stretch[0][0] >= shortest_px:
            drawing.curve(stretch, stroke=LINE, width=1.3)
    return drawing.document()


def _range(pitches: Sequence[float], notes: Sequence[float]) -> tuple[float, float]:
    """Whole semitones around the notes and nearly all of the line, a fifth at least."""
    ordered, cut = sorted(pitches), int(OUTSIDE * len(pitches))
    most = [*ordered[cut : len(ordered) - cut], *notes]
    low, high = min(most, default=57.0), max(most, default=69.0)
    missing = max(0.0, LEAST_SEMITONES - (high - low)) / 2
    return math.floor(low - missing - 0.5), math.ceil(high + missing + 0.5)


def _semitones(low: float, high: float) -> list[Tick]:
    step = next(step for step in (1, 2, 3, 6, 12, 24) if (high - low) / step <= 14)
    return [Tick(pitch, note_name(pitch)) for pitch in range(math.ceil(low), math.floor(high) + 1, step)]


def _stretches(
    times_s: Sequence[float], pitches: Sequence[float | None], across: Scale, up: Scale
) -> Iterator[list[Point]]:
    """The line where it is not broken: by no pitch, or by more than 50 ms."""
    stretch: list[Point] = []
    last_s = -math.inf
    for time_s, pitch in zip(times_s, pitches, strict=True):
        if stretch and (pitch is None or time_s - last_s > GAP_S):
            yield stretch
            stretch = []
        if pitch is not None:
            stretch.append((across(time_s), up(pitch)))
            last_s = time_s
    if stretch:
        yield stretch
