"""How strongly something begins, every 10 ms, in four registers: the ground that tempo, beats and bars are found on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.kernels.onsets import band_levels, rises
from tapehand.kernels.spectra import PowerSpectra
from tapehand.listening.recordings import BAND_EDGES_HZ, COMPACT_RATE_HZ, Compact

Strengths = NDArray[np.float64]
Levels = NDArray[np.float32]

HOP_SAMPLES: Final = COMPACT_RATE_HZ // 100
FRAMES_PER_SECOND: Final = 100
WINDOW_SAMPLES: Final = 512
BANDS_PER_OCTAVE: Final = 5
LOWEST_HZ: Final = 30.0
HIGHEST_HZ: Final = 3_900.0
REGISTER_EDGES_HZ: Final = (150.0, 500.0, 2_000.0)
FIRST_HIGH_BAND: Final = BAND_EDGES_HZ.index(4_000.0)
# The kept bands are centred on frames of 23 ms that begin where ours have their middle.
HIGH_BANDS_LATE_FRAMES: Final = 1
COMPRESSION: Final = 60.0
# What a recording is brought to before its magnitudes are compressed.
LEVEL: Final = 0.1
LOOK_BACK_FRAMES: Final = 2
LOCAL_FRAMES: Final = 40
# A window shows an onset before its middle reaches it; measured with clicks and tone bursts.
LEAD_S: Final = 0.0075
QUIET_REGISTER: Final = 0.1
BATCH: Final = 256
NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Onsets:
    """Onset strengths of a recording.

    Parameters
    ----------
    registers : float64 ``(frames, 4)``: below 150 Hz, to 500 Hz, to 2 kHz, above; 0 and more. The mean of a register is
        1 where it has a tenth of the liveliest one's changes or more.
    """

    registers: Strengths

    @property
    def strength(self) -> Strengths:
        """All registers together, shape ``(frames,)``."""
        total: Strengths = self.registers.sum(axis=1)
        return total

    @property
    def is_silent(self) -> bool:
        """Whether nothing ever begins."""
        return not bool(self.registers.any())

    @property
    def duration_s(self) -> float:
        """Length of what was heard."""
        return int(self.registers.shape[0]) / FRAMES_PER_SECOND


def onsets(heard: Compact) -> Onsets:
    """Onset strengths by spectral flux on logarithmic bands.

    After S. Böck & G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013: a band counts only
    what rises above the loudest of its neighbours two frames before, so that vibrato begins nothing.
    """
    lines = _line_edges()
    fine = _low_bands(heard, lines)
    high = _high_bands(heard, fine.shape[0])
    middles_hz = 0.5 * (lines[1:] + lines[:-1]) * (COMPACT_RATE_HZ / WINDOW_SAMPLES)
    edges = np.searchsorted(middles_hz, [0.0, *REGISTER_EDGES_HZ, np.inf])
    low_rises = rises(fine, LOOK_BACK_FRAMES, edges) / np.diff(edges)
    high_rises = rises(high, LOOK_BACK_FRAMES, np.array([0, high.shape[1]]))[:, 0] / high.shape[1]
    low_rises[:, 3] = 0.5 * low_rises[:, 3] + 0.5 * high_rises
    return Onsets(registers=_levelled(low_rises))


def together(parts: Sequence[Onsets]) -> Onsets:
    """Onsets of several recordings of the same span as one: each is heard as loudly as every other."""
    frames = max(part.registers.shape[0] for part in parts)
    padded = [np.pad(part.registers, ((0, frames - part.registers.shape[0]), (0, 0))) for part in parts]
    return Onsets(registers=np.mean(padded, axis=0))


def frame_times_s(frames: NDArray[np.integer] | Strengths) -> Strengths:
    """Times of onsets that are strongest at (possibly fractional) frames."""
    times_s: Strengths = np.asarray(frames) / FRAMES_PER_SECOND + LEAD_S
    return times_s


def nearest_frames(times_s: Strengths) -> NDArray[np.int64]:
    """The frames in which onsets at these times are strongest."""
    return np.round((np.asarray(times_s) - LEAD_S) * FRAMES_PER_SECOND).astype(np.int64)


def _line_edges() -> NDArray[np.int64]:
    """First spectral lines of bands up to 4 kHz, five to the octave, none empty."""
    line_hz = COMPACT_RATE_HZ / WINDOW_SAMPLES
    steps = int(np.log2(HIGHEST_HZ / LOWEST_HZ) * BANDS_PER_OCTAVE) + 1
    hz = LOWEST_HZ * 2.0 ** (np.arange(steps + 1) / BANDS_PER_OCTAVE)
    return np.unique(np.clip(np.round(hz / line_hz), 1, WINDOW_SAMPLES // 2).astype(np.int64))


def _low_bands(heard: Compact, edges: NDArray[np.int64]) -> Levels:
    """Compressed magnitude of each band ``(frames, bands)``; frame ``i`` has its middle at ``i`` hops."""
    sound = np.zeros(heard.coded.size + 2 * WINDOW_SAMPLES, dtype=np.float32)
    sound[WINDOW_SAMPLES // 2 : WINDOW_SAMPLES // 2 + heard.coded.size] = heard.coded
    level = math.sqrt(float(np.square(sound).sum(dtype=np.float64)) / max(heard.coded.size, 1))
    gain = 4.0 * COMPRESSION / WINDOW_SAMPLES * LEVEL / max(level, 1.0)
    gains = (gain / np.diff(edges)).astype(np.float32)
    frames = -(-heard.coded.size // HOP_SAMPLES)
    spectra = PowerSpectra(np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32), 1.0)
    levels = np.empty((frames, gains.size), dtype=np.float32)
    for first in range(0, frames, BATCH):
        some = spectra.of(sound[first * HOP_SAMPLES :], HOP_SAMPLES, min(BATCH, frames - first))
        levels[first : first + BATCH] = band_levels(some, edges, gains)
    return levels


def _high_bands(heard: Compact, frames: int) -> Levels:
    """Compressed magnitude of the bands above 4 kHz on the same frames."""
    last = heard.bands.shape[0] - 1
    if last < 0:
        return np.zeros((frames, heard.bands.shape[1] - FIRST_HIGH_BAND), dtype=np.float32)
    at = np.round(np.arange(frames) * (heard.frames_per_s / FRAMES_PER_SECOND)).astype(np.int64)
    power = heard.bands[np.clip(at - HIGH_BANDS_LATE_FRAMES, 0, last), FIRST_HIGH_BAND:]
    level = math.sqrt(float(heard.levels.mean(dtype=np.float64)))
    gains = np.full(power.shape[1], 8.0 * COMPRESSION * LEVEL / max(level, NOTHING), dtype=np.float32)
    return band_levels(power, np.arange(gains.size + 1), gains)


def _levelled(gained: Strengths) -> Strengths:
    """Less the mean of the surroundings, and each register to a mean of 1, the quiet ones left quiet."""
    if not gained.shape[0]:
        return gained
    sums = np.cumsum(np.pad(gained, ((LOCAL_FRAMES + 1, LOCAL_FRAMES), (0, 0)), mode="edge"), axis=0)
    width = 2 * LOCAL_FRAMES + 1
    sharp = np.maximum(gained - (sums[width:] - sums[:-width]) / width, 0.0)
    means = sharp.mean(axis=0)
    levelled: Strengths = sharp / np.maximum(means, max(QUIET_REGISTER * float(means.max()), 1e-5))
    return levelled
