"""Short-time spectra of one recording, computed once and shared by everything that listens to it.

A frame every 10 ms, of about 23 ms, over one channel made of all: fine enough in time for a plosive or a breath, fine
enough in frequency for anything wider than 43 Hz. What needs finer lines looks at a longer transform of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.kernels.spectra import SMALLEST, PowerSpectra, band_sums

Powers = NDArray[np.float32]
Mono = NDArray[np.float32]

FRAMES_PER_SECOND: Final = 100
FRAME_S: Final = 0.02
NO_SOUND: Final = np.zeros(0, dtype=np.float32)
# Unequal, so that two channels of which one is upside down do not cancel each other.
LEFT_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameGrid:
    """Where frames and lines of a recording lie.

    Frame ``i`` covers the samples from ``i * hop_samples`` on, ``size`` of them (a power of two of 20 to 40 ms); line
    ``k`` lies at ``k * line_hz``.
    """

    rate_hz: int
    size: int = field(init=False)
    hop_samples: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", max(SMALLEST, 2 ** math.ceil(math.log2(FRAME_S * self.rate_hz))))
        object.__setattr__(self, "hop_samples", max(1, self.rate_hz // FRAMES_PER_SECOND))

    @property
    def lines(self) -> int:
        """How many lines a frame has."""
        return self.size // 2 + 1

    @property
    def line_hz(self) -> float:
        """From one line to the next."""
        return self.rate_hz / self.size

    def line(self, frequency_hz: float) -> int:
        """The first line at or above a frequency; the number of lines where there is none."""
        return min(self.lines, math.ceil(frequency_hz / self.line_hz))

    def time_s(self, frame: float) -> float:
        """The middle of a frame."""
        return (frame * self.hop_samples + 0.5 * self.size) / self.rate_hz


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Frames:
    """Neighbouring frames.

    Parameters
    ----------
    first : number of the first of them in the recording.
    powers : float32 ``(frames, lines)``, one-sided: the sum over the lines is the mean square of the windowed frame.
    grid : where they lie.
    sound : the stretch that ended in them, one channel of all, float32 ``(samples,)``; empty at the end.
    """

    first: int
    powers: Powers
    grid: FrameGrid
    sound: Mono

    @property
    def count(self) -> int:
        """How many they are."""
        return int(self.powers.shape[0])

    def band(self, low_hz: float, high_hz: float) -> Powers:
        """Power of the lines in ``[low_hz, high_hz)``, shape ``(frames,)``."""
        power: Powers = self.powers[:, self.grid.line(low_hz) : self.grid.line(high_hz)].sum(axis=1)
        return power

    def bands(self, edges_hz: Sequence[float]) -> Powers:
        """Power between neighbouring rising edges, shape ``(frames, edges - 1)``; 0 above half the rate."""
        return band_sums(self.powers, _edges(self.grid, tuple(edges_hz)))


class FrameStream:
    """The frames of a recording that arrives in blocks; their sizes do not matter."""

    def __init__(self, rate_hz: int) -> None:
        self.grid = FrameGrid(rate_hz=rate_hz)
        window = np.hanning(self.grid.size + 1)[:-1].astype(np.float32)
        scale = 2.0 / (self.grid.size * float(np.square(window, dtype=np.float64).sum()))
        self._spectra = PowerSpectra(window, scale)
        self._kept = np.zeros(0, dtype=np.float32)
        self._done = 0

    def feed(self, block: Audio) -> Frames:
        """The frames that end inside ``block``."""
        sound = one_channel(block)
        self._kept = np.concatenate([self._kept, sound])
        return self._take(sound)

    def finish(self) -> Frames:
        """What is left: frames that begin inside the recording and end in silence after it."""
        begun = -(-self._kept.size // self.grid.hop_samples)
        if begun == 0:
            return self._frames(0, NO_SOUND)
        length = (begun - 1) * self.grid.hop_samples + self.grid.size
        self._kept = np.pad(self._kept, (0, max(0, length - self._kept.size)))
        return self._take(NO_SOUND)

    def _take(self, sound: Mono) -> Frames:
        whole = (self._kept.size - self.grid.size) // self.grid.hop_samples + 1
        frames = self._frames(max(0, whole), sound)
        self._kept = self._kept[frames.count * self.grid.hop_samples :]
        return frames

    def _frames(self, count: int, sound: Mono) -> Frames:
        powers = self._spectra.of(self._kept, self.grid.hop_samples, count)
        frames = Frames(first=self._done, powers=powers, grid=self.grid, sound=sound)
        self._done += count
        return frames


@cache
def _edges(grid: FrameGrid, edges_hz: tuple[float, ...]) -> NDArray[np.int64]:
    """The lines that frequencies stand for."""
    return np.array([grid.line(edge_hz) for edge_hz in edges_hz], dtype=np.int64)


def one_channel(audio: Audio) -> Mono:
    """One channel of all, float32 ``(samples,)``, in which channels that are upside down do not vanish."""
    if audio.channels == 1:
        mono: Mono = audio.samples[0]
        return mono
    left = np.float32(LEFT_SHARE)
    mixed: Mono = audio.samples[0] * left + audio.samples[1] * (np.float32(1.0) - left)
    return mixed
