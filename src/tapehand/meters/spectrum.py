"""The long-term spectrum in third-octave bands, and its tilt. For analysis and pictures, not on the way of samples."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.units import power_to_db

# Nominal centres of IEC 61260-1; the exact ones are 1000 * 10^(n/10).
CENTRES_HZ: Final = tuple(1000.0 * 10.0 ** (step / 10.0) for step in range(-16, 14))
RESOLUTION_HZ: Final = 3.0
_SMALLEST_FFT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Mean power in third-octave bands, all channels together.

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
    """Long-term third-octave spectrum: Welch's method, Hann window, half overlap (P. D. Welch, 1967)."""
    size = _fft_size(audio.rate_hz)
    power = np.zeros(size // 2 + 1)
    for channel in audio.samples:
        power += _mean_power(channel, size)
    return _in_bands(power, audio.rate_hz / size, audio.rate_hz)


def _fft_size(rate_hz: int) -> int:
    return int(max(_SMALLEST_FFT, 2 ** round(math.log2(rate_hz / RESOLUTION_HZ))))


def _mean_power(channel: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Mean periodogram, scaled so that its sum is the mean square."""
    window = np.hanning(size + 1)[:-1]
    hop = size // 2
    padded = np.pad(channel, (0, max(0, size - channel.size)))
    starts = range(0, padded.size - size + 1, hop)
    power = np.zeros(size // 2 + 1)
    for start in starts:
        lines = np.fft.rfft(padded[start : start + size] * window)
        power += lines.real**2 + lines.imag**2
    power[1:-1] *= 2.0
    return power / (len(starts) * size * float((window**2).sum()))


def _in_bands(power: NDArray[np.float64], line_hz: float, rate_hz: int) -> Spectrum:
    edge = 10.0 ** (1.0 / 20.0)
    centres = tuple(centre for centre in CENTRES_HZ if centre * edge <= rate_hz / 2)
    cumulative = np.concatenate([[0.0], np.cumsum(power)])

    def below(frequency_hz: float) -> float:
        """Power below a frequency; lines are half a line wide to each side, and cut where the band ends."""
        place = min(frequency_hz / line_hz + 0.5, power.size)
        whole = int(place)
        part = (place - whole) * float(power[whole]) if whole < power.size else 0.0
        return float(cumulative[whole]) + part

    levels = tuple(power_to_db(below(centre * edge) - below(centre / edge)) for centre in centres)
    return Spectrum(centres_hz=centres, levels_db=levels)


def _slope(points: list[tuple[float, float]]) -> float:
    mean_x = math.fsum(x for x, _ in points) / len(points)
    mean_y = math.fsum(y for _, y in points) / len(points)
    rise = math.fsum((x - mean_x) * (y - mean_y) for x, y in points)
    return rise / math.fsum((x - mean_x) ** 2 for x, _ in points)
