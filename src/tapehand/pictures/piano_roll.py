"""The notes of a song: one lane a part, bars across, sections named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.pictures.axes import MARGIN_RIGHT, SECTION_TOP_PX, Frame, Scale, draw_section, draw_title
from tapehand.pictures.palette import SERIES, Theme
from tapehand.pictures.svg import Drawing, shortened

LEFT_PX: Final = 156.0
TOP_PX: Final = 62.0
BOTTOM_PX: Final = 30.0
LANE_GAP_PX: Final = 8.0
ROW_PX: Final = 5.0
SMALLEST_LANE_PX: Final = 30.0
LARGEST_LANE_PX: Final = 140.0
MOST_BAR_LABELS: Final = 18
NOTE_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollNote:
    """A note: start and length in bars (the song's first bar starts at 0.0), MIDI pitch, velocity 0..1."""

    start_bars: float
    length_bars: float
    pitch: int
    velocity: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class RollPart:
    """The notes of one part; ``drums`` sets each pitch that occurs on a row of its own, without gaps."""

    name: str
    notes: Sequence[RollNote]
    drums: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RollSection:
    """A section of the form; ``start_bar`` counts from 1."""

    name: str
    start_bar: int
    bars: int


def piano_roll_svg(
    parts: Sequence[RollPart],
    *,
    title: str,
    length_bars: float,
    sections: Sequence[RollSection] = (),
    width: float = 960.0,
    theme: Theme = "auto",
) -> str:
    """Every part in a lane and colour of its own, its lowest and highest note named, louder notes stronger."""
    heights = [_lane_height(part) for part in parts]
    inner = sum(heights) + LANE_GAP_PX * max(len(parts) - 1, 0)
    drawing = Drawing(width, TOP_PX + inner + BOTTOM_PX, title, theme=theme)
    frame = Frame(LEFT_PX, TOP_PX, width - MARGIN_RIGHT, TOP_PX + inner)
    across = frame.across(0.0, max(length_bars, 1.0))
    draw_title(drawing, shortened(title, 80))
    _draw_sections(drawing, frame, across, sections)
    top = frame.top
    for height in heights:
        drawing.rectangle(frame.left, top, frame.width, height, fill="band", radius=3)
        top += height + LANE_GAP_PX
    _draw_bars(drawing, frame, across, length_bars)
    top = frame.top
    for number, (height, part) in enumerate(zip(heights, parts, strict=True)):
        lane = Frame(frame.left, top, frame.right, top + height)
        _draw_part(drawing, lane, across, part, SERIES[number % len(SERIES)])
        top += height + LANE_GAP_PX
    return drawing.document()


def note_name(pitch: int) -> str:
    """MIDI note number as a name; 60 is C4."""
    return f"{NOTE_NAMES[pitch % 12]}{pitch // 12 - 1}"


def _rows(part: RollPart) -> list[int]:
    """The pitches of a part, lowest first: all between its ends, or for drums those that occur."""
    pitches = sorted({note.pitch for note in part.notes})
    if part.drums or not pitches:
        return pitches
    return list(range(pitches[0], pitches[-1] + 1))


def _lane_height(part: RollPart) -> float:
    return min(max(ROW_PX * (len(_rows(part)) + 2), SMALLEST_LANE_PX), LARGEST_LANE_PX)


def _draw_part(drawing: Drawing, lane: Frame, across: Scale, part: RollPart, colour: str) -> None:
    middle = (lane.top + lane.bottom) / 2
    drawing.rectangle(14, middle - 5, 10, 10, fill=colour, radius=2)
    drawing.text(30, middle + 4, shortened(part.name, 18))
    rows = _rows(part)
    if not rows:
        return
    if not part.drums and lane.height > 40:
        drawing.text(lane.left - 4, lane.top + 10, note_name(rows[-1]), fill="quiet", anchor="end", size=9)
        drawing.text(lane.left - 4, lane.bottom - 3, note_name(rows[0]), fill="quiet", anchor="end", size=9)
    row_px = (lane.height - 6) / len(rows)
    place = {pitch: number for number, pitch in enumerate(rows)}
    thickness = min(row_px * 0.86, 7.0)
    for note in part.notes:
        start, end = across(note.start_bars), across(note.start_bars + note.length_bars)
        centre = lane.bottom - 3 - (place[note.pitch] + 0.5) * row_px
        opacity = 0.45 + 0.55 * min(max(note.velocity, 0.0), 1.0)
        drawing.rectangle(
            start,
            centre - thickness / 2,
            max(end - start - 0.4, 1.6),
            thickness,
            fill=colour,
            radius=1,
            opacity=opacity,
        )


def _draw_bars(drawing: Drawing, frame: Frame, across: Scale, length_bars: float) -> None:
    bars = max(1, round(length_bars))
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 1 << 20) if bars / step <= MOST_BAR_LABELS)
    for bar in range(0, bars, step):
        x = across(bar)
        drawing.line((x, frame.top), (x, frame.bottom), stroke="grid")
        drawing.text(x, frame.bottom + 15, str(bar + 1), fill="quiet", size=11, anchor="middle")
    drawing.text(frame.left - 14, frame.bottom + 15, "bar", fill="quiet", size=11, anchor="end")


def _draw_sections(drawing: Drawing, frame: Frame, across: Scale, sections: Sequence[RollSection]) -> None:
    for number, section in enumerate(sections):
        start, end = across(section.start_bar - 1), across(section.start_bar - 1 + section.bars)
        draw_section(drawing, number, section.name, start, end)
        drawing.line((start, SECTION_TOP_PX), (start, frame.bottom), stroke="line", dashes="2 3")
