"""How strongly something begins, every 10 ms, in four registers: the ground that tempo, beats and bars are found on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
LOOK_BACK_FRAMES: Final = 2
LOCAL_FRAMES: Final = 40
# A window shows an onset before its middle reaches it; measured with clicks and tone bursts.
LEAD_S: Final = 0.0075
QUIET_REGISTER: Final = 0.1
BATCH: Final = 2_048
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
    mono = heard.mono.samples[0]
    level = float(np.sqrt(np.square(mono, dtype=np.float64).mean())) if mono.size else 0.0
    fine = _low_bands(mono * np.float32(0.1 / level) if level > NOTHING else np.zeros_like(mono))
    high = _high_bands(heard, fine.shape[0])
    edges = _line_edges() * (COMPACT_RATE_HZ / WINDOW_SAMPLES)
    registers = np.searchsorted(REGISTER_EDGES_HZ, 0.5 * (edges[1:] + edges[:-1]))
    rises = [_rises(fine)[:, registers == register].mean(axis=1) for register in range(4)]
    rises[3] = 0.5 * rises[3] + 0.5 * _rises(high).mean(axis=1)
    return Onsets(registers=_levelled(np.stack(rises, axis=1).astype(np.float64)))


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


def _low_bands(mono: NDArray[np.float32]) -> Levels:
    """Compressed magnitude of each band ``(frames, bands)``; frame ``i`` has its middle at ``i`` hops."""
    window = np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)
    frames, edges = -(-mono.size // HOP_SAMPLES), _line_edges()
    padded = np.pad(mono, (WINDOW_SAMPLES // 2, WINDOW_SAMPLES))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES][:frames]
    widths = np.diff(edges).astype(np.float32)
    levels = np.empty((frames, widths.size), dtype=np.float32)
    for first in range(0, frames, BATCH):
        lines = np.fft.rfft(pieces[first : first + BATCH] * window, axis=1)
        magnitudes = np.sqrt(lines.real**2 + lines.imag**2).astype(np.float32)
        levels[first : first + BATCH] = np.add.reduceat(magnitudes[:, : edges[-1]], edges[:-1], axis=1) / widths
    compressed: Levels = np.log1p(np.float32(4.0 * COMPRESSION / WINDOW_SAMPLES) * levels)
    return compressed


def _high_bands(heard: Compact, frames: int) -> Levels:
    """Compressed magnitude of the bands above 4 kHz on the same frames."""
    power = heard.bands[:, FIRST_HIGH_BAND:]
    if not power.shape[0]:
        return np.zeros((frames, power.shape[1]), dtype=np.float32)
    at = np.round(np.arange(frames) * (heard.frames_per_s / FRAMES_PER_SECOND)).astype(np.int64)
    aligned = np.sqrt(power[np.clip(at - HIGH_BANDS_LATE_FRAMES, 0, power.shape[0] - 1)])
    level = float(np.sqrt(heard.bands.sum(axis=1, dtype=np.float64).mean()))
    return np.log1p(aligned * np.float32(8.0 * COMPRESSION * 0.1 / max(level, NOTHING)))


def _rises(levels: Levels) -> Levels:
    """What each band gains over the loudest of itself and its neighbours two frames before."""
    loudest = levels.copy()
    np.maximum(loudest[:, 1:], levels[:, :-1], out=loudest[:, 1:])
    np.maximum(loudest[:, :-1], levels[:, 1:], out=loudest[:, :-1])
    rises = np.zeros_like(levels)
    np.maximum(levels[LOOK_BACK_FRAMES:] - loudest[:-LOOK_BACK_FRAMES], 0.0, out=rises[LOOK_BACK_FRAMES:])
    return rises


def _levelled(rises: Strengths) -> Strengths:
    """Less the mean of the surroundings, and each register to a mean of 1, the quiet ones left quiet."""
    if not rises.shape[0]:
        return rises
    sums = np.cumsum(np.pad(rises, ((LOCAL_FRAMES + 1, LOCAL_FRAMES), (0, 0)), mode="edge"), axis=0)
    width = 2 * LOCAL_FRAMES + 1
    sharp = np.maximum(rises - (sums[width:] - sums[:-width]) / width, 0.0)
    means = sharp.mean(axis=0)
    levelled: Strengths = sharp / np.maximum(means, max(QUIET_REGISTER * float(means.max()), 1e-5))
    return levelled
