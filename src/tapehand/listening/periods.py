"""Which periods return in the onsets of a recording: the tempos it could have, and how much speaks for each."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tapehand.kernels.rhythm import best_drift, highest_between, refined
from tapehand.listening.onsets import FRAMES_PER_SECOND, Onsets

Values = NDArray[np.float64]

WINDOW_FRAMES: Final = 10 * FRAMES_PER_SECOND
HOP_FRAMES: Final = WINDOW_FRAMES // 4
LAGS: Final = 520
# Long enough for no lag to come round, and quick.
TRANSFORM: Final = 1_536
BATCH: Final = 16
SHORTEST_FRAMES: Final = 27
LONGEST_FRAMES: Final = 133
BLUR_FRAMES: Final = 1.5
ALL_REGISTERS: Final = 4
STRONGEST: Final = 3
REFINED_WITHIN: Final = 0.03
SAME_PERIOD: Final = 0.035
LEAN: Final = 0.02
FRACTIONS: Final = (0.5, 2.0, 1 / 3, 3.0, 2 / 3, 1.5, 0.75, 4 / 3, 0.25, 4.0)
EVIDENCE_MULTIPLES: Final = (0.5, 1.0, 2.0, 4.0)
WEIGHTS_OF_MULTIPLES: Final = ((1, 1.0), (2, 0.6), (3, 0.4), (4, 0.4))
LEAST_CORRELATION: Final = 0.05
PATH_STEPS: Final = 25
PATH_REACH_OCTAVES: Final = 0.13
PATH_STIFFNESS: Final = 0.15
PATH_SHARES: Final = 2.0 ** (np.linspace(-1.0, 1.0, PATH_STEPS) * PATH_REACH_OCTAVES)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Periodicity:
    """Autocorrelation of onsets in windows of 10 s.

    Parameters
    ----------
    windows : float64 ``(5, windows, lags)``, lags in frames of 10 ms; four registers, then all of them.
    frames : length of the recording.
    """

    windows: Values
    frames: int

    @property
    def mean(self) -> Values:
        """Over the whole recording, ``(lags, 5)``."""
        mean: Values = np.ascontiguousarray(self.windows.mean(axis=1).T)
        return mean

    @property
    def window_middles(self) -> Values:
        """Frame in the middle of each window."""
        starts: Values = np.arange(self.windows.shape[1], dtype=np.float64) * HOP_FRAMES
        return starts + 0.5 * min(WINDOW_FRAMES, self.frames)


def periodicity(heard: Onsets) -> Periodicity:
    """How well the onsets (of at least one frame) agree with themselves later, for lags up to 5.2 s."""
    blurred = _blurred(np.concatenate([heard.registers.T, heard.strength[np.newaxis]]))
    frames = blurred.shape[1]
    pieces = sliding_window_view(blurred, min(frames, WINDOW_FRAMES), axis=1)[:, ::HOP_FRAMES]
    windows = np.empty((*pieces.shape[:2], LAGS))
    for first in range(0, pieces.shape[1], BATCH):
        windows[:, first : first + BATCH] = _autocorrelations(pieces[:, first : first + BATCH])
    return Periodicity(windows=windows, frames=frames)


def possible_periods(mean: Values) -> tuple[float, ...]:
    """Periods in frames that a beat could have: those that return most, and their simple fractions and multiples."""
    every = np.ascontiguousarray(mean[:, ALL_REGISTERS])
    periods = np.arange(SHORTEST_FRAMES - 3, LONGEST_FRAMES + 7, dtype=np.float64)
    salience = np.zeros(periods.size)
    for multiple, weight in WEIGHTS_OF_MULTIPLES:
        salience += weight * best_near(mean, multiple * periods)[:, ALL_REGISTERS]
    tops = 1 + np.flatnonzero((salience[1:-1] >= salience[:-2]) & (salience[1:-1] > salience[2:]))
    order = sorted(tops, key=lambda index: (-round(float(salience[index]), 9), index))[:STRONGEST]
    strongest = refined(every, periods[order], REFINED_WITHIN)
    wider = refined(every, np.outer(strongest[:2], FRACTIONS).ravel(), REFINED_WITHIN)
    kept: list[float] = []
    for period in (*strongest.tolist(), *wider.tolist()):
        inside = SHORTEST_FRAMES <= period <= LONGEST_FRAMES
        if inside and all(abs(math.log(period / other)) > SAME_PERIOD for other in kept):
            kept.append(period)
    return tuple(kept)


def returns_after(mean: Values, periods: Values) -> Values:
    """How the registers agree at half, once, twice and four times each period: ``(periods, 4, 5)``."""
    lags = periods[:, np.newaxis] * np.array(EVIDENCE_MULTIPLES)
    return best_near(mean, lags.ravel()).reshape(*lags.shape, -1)


def best_returns(mean: Values) -> Values:
    """How each register agrees at best, ``(5,)``; not less than chance would give."""
    best: Values = np.maximum(mean[SHORTEST_FRAMES : 3 * LONGEST_FRAMES].max(axis=0), LEAST_CORRELATION)
    return best


def best_near(correlation: Values, lags: Values) -> Values:
    """The highest correlation ``(lags, columns)`` within 2 % of each of ``lags``; 0 beyond the longest."""
    low, high = (lags * (1.0 - LEAN)).astype(np.int64), np.ceil(lags * (1.0 + LEAN)).astype(np.int64)
    best = highest_between(correlation, np.clip(low, 1, LAGS - 1), np.minimum(high, LAGS - 1))
    return best * (low < LAGS - 1)[:, np.newaxis]


def period_path(found: Periodicity, period: float) -> Values:
    """The period of each frame, where the tempo leans up to 9 % to either side of ``period``; shape ``(frames,)``."""
    grid = period * PATH_SHARES
    path = best_drift(found.windows[ALL_REGISTERS], grid, PATH_STIFFNESS)
    return np.interp(np.arange(found.frames), found.window_middles, grid[path])


def cheapest_path(scores: Values, cost: Values) -> NDArray[np.int64]:
    """For each row of ``scores`` ``(steps, states)`` the state on the best path, ``cost[from, to]`` taken off."""
    total, came_from = scores[0], np.zeros(scores.shape, dtype=np.int64)
    for step in range(1, scores.shape[0]):
        ways = total[:, np.newaxis] - cost
        came_from[step] = ways.argmax(axis=0)
        total = ways.max(axis=0) + scores[step]
    path = np.zeros(scores.shape[0], dtype=np.int64)
    path[-1] = int(total.argmax())
    for step in range(scores.shape[0] - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path


def _blurred(rows: Values) -> Values:
    reach = int(4 * BLUR_FRAMES)
    bell = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / BLUR_FRAMES))
    bell /= bell.sum()
    return np.stack([np.convolve(row, bell, "full")[reach:-reach] for row in rows])


def _autocorrelations(pieces: Values) -> Values:
    """Normalised autocorrelation along the last axis; what overlaps less counts no more than its share."""
    length = pieces.shape[-1]
    lines = np.fft.rfft(pieces - pieces.mean(axis=-1, keepdims=True), TRANSFORM)
    products = np.fft.irfft(lines.real**2 + lines.imag**2, TRANSFORM)[..., :LAGS]
    spread = products / np.maximum(length - np.arange(LAGS), 0.3 * length)
    normalised: Values = spread / np.maximum(spread[..., :1], 1e-9)
    return normalised
