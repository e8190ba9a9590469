"""The long-term spectrum in third-octave and Bark bands, and its tilt. For analysis and pictures, not on the way of
samples.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.kernels import meter as kernels
from tapehand.units import power_to_db

# Nominal centres of IEC 61260-1; the exact ones are 1000 * 10^(n/10).
CENTRES_HZ: Final = tuple(1000.0 * 10.0 ** (step / 10.0) for step in range(-16, 14))
# Edges of the critical bands (E. Zwicker, 1961).
BARK_EDGES_HZ: Final = (
    *(0.0, 100.0, 200.0, 300.0, 400.0, 510.0, 630.0, 770.0, 920.0, 1080.0, 1270.0, 1480.0, 1720.0),
    *(2000.0, 2320.0, 2700.0, 3150.0, 3700.0, 4400.0, 5300.0, 6400.0, 7700.0, 9500.0, 12000.0, 15500.0),
)
RESOLUTION_HZ: Final = 3.0
# Transforms made at once, on a grid from the first sample, so that the blocks' sizes do not matter.
BATCH: Final = 2
_SMALLEST_FFT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Mean power in bands, all channels together.

    ``levels_db`` are in dB re a full-scale square wave, ``-inf`` where there is nothing; bands that the rate cannot
    hold are left out. ``centres_hz`` goes with it.
    """

    centres_hz: tuple[float, ...]
    levels_db: tuple[float, ...]

    def tilt_db_per_octave(self, low_hz: float = 100.0, high_hz: float = 10_000.0) -> float | None:
        """Slope of the third-octave levels between two frequencies; None where fewer than three bands hold anything.

        Pink noise is 0, white noise +3.
        """
        points = [
            (math.log2(centre), level)
            for centre, level in zip(self.centres_hz, self.levels_db, strict=True)
            if low_hz <= centre <= high_hz and math.isfinite(level)
        ]
        return _slope(points) if len(points) >= 3 else None


def third_octave_spectrum(audio: Audio) -> Spectrum:
    """Long-term third-octave spectrum by Welch's method (P. D. Welch, 1967).

    The windows are tapered over a quarter to each side, and overlap there.
    """
    stream = SpectrumStream(audio.channels, audio.rate_hz)
    stream.feed(audio.samples)
    return stream.finish().third_octaves()


class LongTermPower:
    """Mean power by frequency, to be read in bands: ``power`` ``(lines,)`` sums to the mean square."""

    def __init__(self, power: NDArray[np.float64], rate_hz: int) -> None:
        self._cumulative = np.concatenate([[0.0], np.cumsum(power)])
        self._line_hz = rate_hz / 2 / (power.size - 1)
        self._nyquist_hz = rate_hz / 2

    def third_octaves(self) -> Spectrum:
        """In third-octave bands of IEC 61260-1."""
        edge = 10.0 ** (1.0 / 20.0)
        return self._in_bands([(centre / edge, centre, centre * edge) for centre in CENTRES_HZ])

    def bark(self) -> Spectrum:
        """In the 24 critical bands."""
        return self._in_bands([(low, (low + high) / 2, high) for low, high in pairwise(BARK_EDGES_HZ)])

    def _in_bands(self, bands: list[tuple[float, float, float]]) -> Spectrum:
        held = [band for band in bands if band[2] <= self._nyquist_hz]
        levels = tuple(power_to_db(max(0.0, self._below(high) - self._below(low))) for low, _, high in held)
        return Spectrum(centres_hz=tuple(centre for _, centre, _ in held), levels_db=levels)

    def _below(self, frequency_hz: float) -> float:
        """Power below a frequency; lines are half a line wide to each side, and cut where the band ends."""
        if frequency_hz <= 0.0:
            return 0.0
        place = min(frequency_hz / self._line_hz + 0.5, self._cumulative.size - 1.0)
        whole = min(int(place), self._cumulative.size - 2)
        low, high = float(self._cumulative[whole]), float(self._cumulative[whole + 1])
        return low + (place - whole) * (high - low)


class SpectrumStream:
    """The long-term spectrum block by block; the blocks' sizes do not matter.

    What is left at the end and fills no window is left out, but for a sound that is shorter than one.
    """

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._size = _fft_size(rate_hz)
        self._hop = self._size * 3 // 4
        self._window = _tapered(self._size)
        self._power = np.zeros(self._size // 2 + 1)
        self._windows = 0
        self._waiting = np.zeros((channels, 0), dtype=np.float32)

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next block ``(channels, samples)``."""
        start = 0
        waiting = np.concatenate([self._waiting, samples], axis=1)
        while start + (BATCH - 1) * self._hop + self._size <= waiting.shape[1]:
            self._add(waiting[:, start:], BATCH)
            start += BATCH * self._hop
        self._waiting = waiting[:, start:].copy()

    def finish(self) -> LongTermPower:
        """The mean over all that was fed."""
        missing = self._size - self._waiting.shape[1]
        if not self._windows and missing > 0:
            self._waiting = np.pad(self._waiting, ((0, 0), (0, missing)))
        if self._waiting.shape[1] >= self._size:
            self._add(self._waiting, (self._waiting.shape[1] - self._size) // self._hop + 1)
        power = self._power / (self._windows * self._size * float(np.square(self._window).sum()))
        power[1:-1] *= 2.0
        return LongTermPower(power, self._rate_hz)

    def _add(self, samples: NDArray[np.float32], windows: int) -> None:
        self._windows += windows
        for channel in samples:
            frames = sliding_window_view(channel, self._size)[: windows * self._hop : self._hop]
            # In double precision: what rings out into silence would be denormal, and slow, in single.
            kernels.add_power(np.fft.rfft(frames * self._window), self._power)


def _fft_size(rate_hz: int) -> int:
    return int(max(_SMALLEST_FFT, 2 ** round(math.log2(rate_hz / RESOLUTION_HZ))))


def _tapered(size: int) -> NDArray[np.float64]:
    """Flat, with slopes of a Hann window over a quarter to each side (J. W. Tukey, 1967)."""
    slopes = np.hanning(size // 2 + 1)
    return np.concatenate([slopes[: size // 4], np.ones(size // 2), slopes[size // 4 : -1]])


def _slope(points: list[tuple[float, float]]) -> float:
    mean_x = math.fsum(x for x, _ in points) / len(points)
    mean_y = math.fsum(y for _, y in points) / len(points)
    rise = math.fsum((x - mean_x) * (y - mean_y) for x, y in points)
    return rise / math.fsum((x - mean_x) ** 2 for x, _ in points)
