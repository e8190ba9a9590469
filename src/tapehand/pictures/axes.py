"""Axes: from musical units to pixels, with ticks at round numbers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.pictures.palette import SERIES, TITLE_PX
from tapehand.pictures.svg import Drawing, shortened

MARGIN_LEFT: Final = 58.0
MARGIN_RIGHT: Final = 18.0
MARGIN_TOP: Final = 36.0
MARGIN_BOTTOM: Final = 40.0
SECTION_TOP_PX: Final = 36.0
SECTION_ROOM_PX: Final = 26.0
ROUND_STEPS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
FREQUENCY_TICKS_HZ: Final = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of values laid on a stretch of pixels, straight or logarithmic."""

    low: float
    high: float
    start_px: float
    end_px: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of ``value``, held inside the stretch."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start_px + share * (self.end_px - self.start_px)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what stands beside it."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The inner rectangle of a picture, where the data are drawn."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def inside(cls, drawing: Drawing, *, left: float = MARGIN_LEFT, bottom: float = MARGIN_BOTTOM) -> "Frame":
        """The usual frame, with room for title, ticks and the names of the axes."""
        return cls(left, MARGIN_TOP, drawing.width - MARGIN_RIGHT, drawing.height - bottom)

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    def across(self, low: float, high: float, *, logarithmic: bool = False) -> Scale:
        """A scale from left to right."""
        return Scale(low, high, self.left, self.right, logarithmic)

    def upwards(self, low: float, high: float, *, logarithmic: bool = False) -> Scale:
        """A scale from bottom to top."""
        return Scale(low, high, self.bottom, self.top, logarithmic)


def draw_title(drawing: Drawing, title: str, remark: str = "") -> None:
    """Name of the picture at the top left, a remark in figures at the top right."""
    drawing.text(14, 23, title, size=TITLE_PX, bold=True)
    if remark:
        drawing.text(drawing.width - MARGIN_RIGHT, 23, remark, fill="quiet", anchor="end")


def draw_section(drawing: Drawing, number: int, name: str, start_px: float, end_px: float) -> None:
    """The ``number``-th section as a named plate under the title; neighbours differ in colour."""
    width = end_px - start_px - 1
    drawing.rectangle(start_px + 0.5, SECTION_TOP_PX, width, 20, fill=SERIES[number % 2 * 4], radius=3, opacity=0.22)
    room = int((width - 7) / 6.4)
    if room >= 2:
        drawing.text(start_px + 6, SECTION_TOP_PX + 14, shortened(name, room), size=11)


def draw_ticks_across(drawing: Drawing, frame: Frame, scale: Scale, ticks: Sequence[Tick], name: str) -> None:
    """Vertical grid lines, their labels, and the name of the axis with its unit below."""
    for tick in ticks:
        x = scale(tick.value)
        drawing.line((x, frame.top), (x, frame.bottom), stroke="grid")
        drawing.text(x, frame.bottom + 15, tick.label, fill="quiet", anchor="middle", size=11)
    if name:
        drawing.text((frame.left + frame.right) / 2, frame.bottom + 32, name, fill="quiet", anchor="middle", size=11)


def draw_ticks_up(drawing: Drawing, frame: Frame, scale: Scale, ticks: Sequence[Tick], name: str) -> None:
    """Horizontal grid lines, their labels, and the name of the axis with its unit at the left."""
    for tick in ticks:
        y = scale(tick.value)
        drawing.line((frame.left, y), (frame.right, y), stroke="grid")
        drawing.text(frame.left - 7, y + 4, tick.label, fill="quiet", anchor="end", size=11)
    if name:
        drawing.text(16, (frame.top + frame.bottom) / 2, name, fill="quiet", anchor="middle", size=11, turned=True)


def ticks(low: float, high: float, step: float, label: Callable[[float], str] = "{:g}".format) -> list[Tick]:
    """Ticks at the multiples of ``step`` from ``low`` to ``high``."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [Tick(number * step, label(number * step)) for number in range(first, last + 1)]


def time_ticks(length_s: float, most: int = 12, start_s: float = 0.0) -> list[Tick]:
    """Ticks at round times from ``start_s`` on; minutes and seconds where it ends after one minute."""
    step_s = next((step for step in ROUND_STEPS_S if length_s / step <= most), 7200)
    end_s = start_s + length_s
    if end_s < 60:
        return ticks(start_s, end_s, step_s)
    return ticks(start_s, end_s, step_s, lambda time_s: f"{int(time_s // 60)}:{int(time_s % 60):02d}")


def time_name(end_s: float) -> str:
    """Name of a time axis that ends there, with its unit."""
    return "time / s" if end_s < 60 else "time / min:s"


def frequency_ticks(low_hz: float, high_hz: float) -> list[Tick]:
    """Ticks at 20, 50, 100 ... as they stand on every equaliser."""
    return [
        Tick(value, f"{value // 1000}k" if value >= 1000 else str(value))
        for value in FREQUENCY_TICKS_HZ
        if low_hz <= value <= high_hz
    ]
