"""What is kept of the shared frames for faults that show over time: a few bands and how peaky each frame is."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.frames import FrameGrid, Frames

Levels = NDArray[np.float64]
Mask = NDArray[np.bool_]

EDGES_HZ: Final = (30.0, 120.0, 300.0, 600.0, 1200.0, 2500.0, 4500.0, 7000.0, 10_000.0, 14_000.0, 20_000.0)
OCTAVES_HZ: Final = ((500.0, 1000.0), (1000.0, 2000.0), (2000.0, 4000.0))
NOTHING: Final = 1e-12
# The highest of n exponentially distributed powers is on average ln n + 0.577 times their mean.
EULER: Final = 0.5772


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trace:
    """A recording every 10 ms.

    Parameters
    ----------
    bands : power between neighbouring edges of ``EDGES_HZ``, float32 ``(frames, 10)``.
    peakiness : strongest line over the mean of its octave, three octaves from 500 Hz on, against what is to be expected
        of noise: about 1 for noise however it is coloured, 2 and more for tones.
    """

    bands: NDArray[np.float32]
    peakiness: NDArray[np.float32]
    grid: FrameGrid

    def power(self, low_hz: float, high_hz: float) -> Levels:
        """Power between two of the edges."""
        first, last = EDGES_HZ.index(low_hz), EDGES_HZ.index(high_hz)
        power: Levels = self.bands[:, first:last].sum(axis=1, dtype=np.float64)
        return power

    def level_db(self, low_hz: float = 120.0, high_hz: float = 20_000.0) -> Levels:
        """The same in dB, not under -120."""
        level_db: Levels = 10.0 * np.log10(self.power(low_hz, high_hz) + NOTHING)
        return level_db

    def time_s(self, frame: float) -> float:
        """The middle of a frame."""
        return self.grid.time_s(frame)


class TraceScan:
    """Collects a trace."""

    def __init__(self) -> None:
        self._bands: list[NDArray[np.float32]] = []
        self._peakiness: list[NDArray[np.float32]] = []

    def feed(self, frames: Frames) -> None:
        """Take the next frames."""
        self._bands.append(frames.bands(EDGES_HZ))
        self._peakiness.append(_peakiness(frames))

    def finish(self, grid: FrameGrid) -> Trace:
        """All that was fed."""
        return Trace(
            bands=np.concatenate([np.zeros((0, len(EDGES_HZ) - 1), np.float32), *self._bands]),
            peakiness=np.concatenate([np.zeros(0, np.float32), *self._peakiness]),
            grid=grid,
        )


def _peakiness(frames: Frames) -> NDArray[np.float32]:
    total, expected = np.zeros(frames.count, np.float32), 0.0
    for low_hz, high_hz in OCTAVES_HZ:
        lines = frames.powers[:, frames.grid.line(low_hz) : frames.grid.line(high_hz)]
        if lines.shape[1] > 1:
            total += lines.max(axis=1) / (lines.mean(axis=1) + np.float32(NOTHING))
            expected += math.log(lines.shape[1]) + EULER
    return total / np.float32(expected or 1.0)


def runs(mask: Mask, least: int = 1, bridge: int = 0) -> list[tuple[int, int]]:
    """Stretches ``(first, end)`` of true frames at least ``least`` long; gaps of up to ``bridge`` are closed."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    found: list[tuple[int, int]] = []
    for first, end in edges.reshape(-1, 2).tolist():
        if found and first - found[-1][1] <= bridge:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return [(first, end) for first, end in found if end - first >= least]
