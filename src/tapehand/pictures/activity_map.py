"""Which tracks play in each bar: one lane a track, bars across, sections named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.pictures.axes import (
    MARGIN_RIGHT,
    SECTION_ROOM_PX,
    SECTION_TOP_PX,
    Frame,
    Tick,
    draw_section,
    draw_ticks_across,
    draw_title,
    time_name,
    time_ticks,
)
from tapehand.pictures.palette import SERIES, Theme
from tapehand.pictures.svg import Drawing, shortened

LEFT_PX: Final = 156.0
TOP_PX: Final = 36.0
BOTTOM_PX: Final = 40.0
LANE_PX: Final = 16.0
MOST_BAR_LABELS: Final = 18
FAINTEST: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLane:
    """A track: ``shares`` says how much it plays in each bar, 0..1; ``group`` tracks have one colour."""

    name: str
    shares: Sequence[float]
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedStretch:
    """A section or another named stretch of time."""

    name: str
    start_s: float
    end_s: float


def activity_map_svg(
    lanes: Sequence[ActivityLane],
    bars_s: Sequence[float],
    *,
    title: str,
    sections: Sequence[NamedStretch] = (),
    are_bars: bool = True,
    width: float = 960.0,
    theme: Theme = "auto",
) -> str:
    """Every track in a lane, the more it plays the stronger; ``bars_s`` are the bar starts and the end of the last.

    ``are_bars`` False: the stretches are of time only, so seconds stand below instead of bars.
    """
    inner, top = LANE_PX * max(len(lanes), 1), TOP_PX + (SECTION_ROOM_PX if sections else 0.0)
    drawing = Drawing(width, top + inner + BOTTOM_PX, title, theme=theme)
    frame = Frame(LEFT_PX, top, width - MARGIN_RIGHT, top + inner)
    length_s = max(bars_s[-1] if bars_s else 0.0, 1e-3)
    across = frame.across(0.0, length_s)
    draw_title(drawing, shortened(title, 80), "stronger: plays more, against the track's own loud parts")
    drawing.rectangle(frame.left, frame.top, frame.width, frame.height, fill="band", radius=3)
    colours = _colours(lanes)
    for number, lane in enumerate(lanes):
        _draw_lane(drawing, frame.top + number * LANE_PX, lane, [across(bar) for bar in bars_s], colours[lane.group])
    ticks = _bar_ticks(bars_s) if are_bars else time_ticks(length_s)
    draw_ticks_across(drawing, frame, across, ticks, "bar" if are_bars else time_name(length_s))
    for number, section in enumerate(sections):
        start, end = across(section.start_s), across(section.end_s)
        draw_section(drawing, number, section.name, start, end)
        drawing.line((start, SECTION_TOP_PX), (start, frame.bottom), stroke="line", dashes="2 3")
    return drawing.document()


def _draw_lane(drawing: Drawing, top: float, lane: ActivityLane, edges_px: Sequence[float], colour: str) -> None:
    drawing.rectangle(14, top + 3, 10, 10, fill=colour, radius=2)
    drawing.text(30, top + 12, shortened(lane.name, 17), size=11)
    for place, share in enumerate(lane.shares[: len(edges_px) - 1]):
        if share >= FAINTEST:
            start, end = edges_px[place], edges_px[place + 1]
            drawing.rectangle(
                start, top + 1.5, end - start + 0.3, LANE_PX - 3, fill=colour, opacity=round(share, 2), hint=lane.name
            )


def _colours(lanes: Sequence[ActivityLane]) -> dict[str, str]:
    groups = list(dict.fromkeys(lane.group for lane in lanes))
    return {group: SERIES[number % len(SERIES)] for number, group in enumerate(groups)}


def _bar_ticks(bars_s: Sequence[float]) -> list[Tick]:
    count = max(len(bars_s) - 1, 1)
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 1 << 20) if count / step <= MOST_BAR_LABELS)
    return [Tick(bars_s[bar], str(bar + 1)) for bar in range(0, len(bars_s) - 1, step)]
