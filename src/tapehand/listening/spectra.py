"""What a track sounds like over frequency: sixth-octave powers of frames spread over its whole length."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio

Powers = NDArray[np.float64]

BANDS_PER_OCTAVE: Final = 6
LOWEST_HZ: Final = 20.0
BAND_COUNT: Final = 60
CENTRES_HZ: Final[tuple[float, ...]] = tuple(
    LOWEST_HZ * 2.0 ** ((band + 0.5) / BANDS_PER_OCTAVE) for band in range(BAND_COUNT)
)
EDGES_HZ: Final[tuple[float, ...]] = tuple(
    LOWEST_HZ * 2.0 ** (band / BANDS_PER_OCTAVE) for band in range(BAND_COUNT + 1)
)

MOST_FRAMES: Final = 400
SHORTEST_STEP_S: Final = 0.25
FRAME_S: Final = 0.18
BATCH: Final = 50
NOTHING: Final = 1e-14
ACTIVE_BELOW_LOUDEST: Final = 1e-4
# A single periodogram of white noise has exp(-0.577) = 0.561 for geometric over arithmetic mean.
FLATNESS_OF_NOISE: Final = 1.0 / 0.5615
TONAL_LOW_HZ: Final = 90.0
TONAL_HIGH_HZ: Final = 4000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectra:
    """Sixth-octave powers of frames.

    Parameters
    ----------
    powers : float64 ``(frames, 60)``, all channels together; the sum over bands is the frame's mean square.
    frames_at_s : middle of each frame.
    tonality : 0 (noise) .. 1 (a few clear partials), median over the frames that sound.
    """

    powers: Powers
    frames_at_s: Powers
    tonality: float

    @property
    def active(self) -> NDArray[np.bool_]:
        """Frames within 40 dB of the loudest."""
        totals = self.powers.sum(axis=1)
        active: NDArray[np.bool_] = totals > max(float(totals.max(initial=0.0)) * ACTIVE_BELOW_LOUDEST, NOTHING)
        return active

    @property
    def mean(self) -> Powers:
        """Mean over the frames that sound, shape ``(60,)``; zeros for silence."""
        active = self.active
        mean: Powers = self.powers[active].sum(axis=0) / max(1, int(active.sum()))
        return mean

    def share_between(self, low_hz: float, high_hz: float) -> float:
        """Share 0..1 of the energy between two frequencies (whole bands by their middle)."""
        mean = self.mean
        total = float(mean.sum())
        chosen = [band for band, centre in enumerate(CENTRES_HZ) if low_hz <= centre < high_hz]
        return float(mean[chosen].sum()) / total if total > NOTHING else 0.0

    def lowest_essential_hz(self, share: float) -> float:
        """Frequency under which only ``share`` of the energy lies (lower edge of the band in which it is passed)."""
        mean = self.mean
        total = float(mean.sum())
        if total <= NOTHING:
            return EDGES_HZ[0]
        passed = np.flatnonzero(np.cumsum(mean) > share * total)
        return float(EDGES_HZ[int(passed[0])])

    @property
    def centroid_octaves(self) -> float:
        """Middle of the energy on the scale of octaves above 20 Hz."""
        mean = self.mean
        total = float(mean.sum())
        if total <= NOTHING:
            return 0.0
        return float((mean * (np.arange(BAND_COUNT) + 0.5)).sum()) / total / BANDS_PER_OCTAVE

    def resonances(
        self, above_db: float, share: float, low_hz: float, high_hz: float
    ) -> tuple[tuple[float, float], ...]:
        """Bands that stand out for long: ``(frequency_hz, excess_db)``, the strongest first.

        A band stands out in a frame when it lies ``above_db`` over the median of the half octave to either side.
        ``excess_db`` is the median excess of the frames in which it does.
        """
        frames = self.powers[self.active]
        if not frames.size:
            return ()
        excess = _excess_db(10.0 * np.log10(frames + NOTHING))
        found = []
        for band, centre in enumerate(CENTRES_HZ):
            out = excess[:, band] >= above_db
            if low_hz <= centre <= high_hz and float(out.mean()) >= share:
                found.append((centre, float(np.median(excess[out, band]))))
        return tuple(sorted(found, key=lambda resonance: (-resonance[1], resonance[0])))


def spectra(audio: Audio) -> Spectra:
    """Band powers of up to 400 frames of 0.18 s, evenly spread over ``audio``."""
    size = 2 ** round(math.log2(FRAME_S * audio.rate_hz))
    step_s = max(SHORTEST_STEP_S, audio.duration_s / MOST_FRAMES)
    count = max(1, int((audio.duration_s - size / audio.rate_hz) / step_s) + 1)
    starts = np.minimum(np.arange(count) * step_s * audio.rate_hz, max(0, audio.length_samples - size)).astype(np.int64)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    lines = _Lines(size, audio.rate_hz)
    powers = np.zeros((count, BAND_COUNT))
    flatness = np.zeros(count)
    for first in range(0, count, BATCH):
        some = starts[first : first + BATCH]
        power = _line_powers(audio, some, window)
        powers[first : first + some.size] = lines.in_bands(power)
        flatness[first : first + some.size] = lines.flatness(power)
    totals = powers.sum(axis=1)
    sounding = totals > max(float(totals.max()) * ACTIVE_BELOW_LOUDEST, NOTHING)
    tonality = 1.0 - float(np.median(flatness[sounding])) if sounding.any() else 0.0
    return Spectra(powers=powers, frames_at_s=(starts + size / 2) / audio.rate_hz, tonality=tonality)


def _line_powers(audio: Audio, starts: NDArray[np.int64], window: NDArray[np.float32]) -> Powers:
    """Mean square of each spectral line, all channels: float64 ``(frames, lines)``."""
    size = window.size
    power = np.zeros((starts.size, size // 2 + 1))
    for channel in audio.samples:
        padded = channel if channel.size >= size else np.pad(channel, (0, size - channel.size))
        frames = np.stack([padded[start : start + size] for start in starts]) * window
        lines = np.fft.rfft(frames, axis=1)
        power += lines.real**2 + lines.imag**2
    mean_square: Powers = power * (2.0 / (size * float(np.square(window, dtype=np.float64).sum())))
    return mean_square


class _Lines:
    """Which spectral lines belong to which band."""

    def __init__(self, size: int, rate_hz: int) -> None:
        line_hz = rate_hz / size
        self._last = size // 2 + 1
        self._edges = [min(self._last, max(1, math.ceil(edge / line_hz))) for edge in EDGES_HZ]
        self._tonal = slice(round(TONAL_LOW_HZ / line_hz), min(self._last, round(TONAL_HIGH_HZ / line_hz)))

    def in_bands(self, power: Powers) -> Powers:
        cumulative = np.concatenate([np.zeros((power.shape[0], 1)), np.cumsum(power, axis=1)], axis=1)
        return np.maximum(np.diff(cumulative[:, self._edges], axis=1), 0.0)

    def flatness(self, power: Powers) -> Powers:
        """Geometric over arithmetic mean of the lines: 1 for noise, near 0 for a few partials."""
        tonal = power[:, self._tonal] + NOTHING
        ratio: Powers = np.exp(np.log(tonal).mean(axis=1)) / tonal.mean(axis=1)
        return np.minimum(1.0, FLATNESS_OF_NOISE * ratio)


def _excess_db(levels_db: Powers) -> Powers:
    """How far each band lies above the median of three bands to either side, itself left out."""
    padded = np.pad(levels_db, ((0, 0), (3, 3)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1)
    around = np.delete(windows, 3, axis=2)
    return levels_db - np.median(around, axis=2)
