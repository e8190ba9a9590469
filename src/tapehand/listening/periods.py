"""Which periods return in the onsets of a recording: the tempos it could have, and how much speaks for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.onsets import FRAMES_PER_SECOND, Onsets

Values = NDArray[np.float64]

WINDOW_FRAMES: Final = 10 * FRAMES_PER_SECOND
HOP_FRAMES: Final = WINDOW_FRAMES // 4
LAGS: Final = 520
SHORTEST_FRAMES: Final = 27
LONGEST_FRAMES: Final = 133
BLUR_FRAMES: Final = 1.5
ALL_REGISTERS: Final = 4
STRONGEST: Final = 3
SAME_PERIOD: Final = 0.035
LEAN: Final = 0.02
FRACTIONS: Final = (0.5, 2.0, 1 / 3, 3.0, 2 / 3, 1.5, 0.75, 4 / 3, 0.25, 4.0)
EVIDENCE_MULTIPLES: Final = (0.5, 1.0, 2.0, 4.0)
WEIGHTS_OF_MULTIPLES: Final = ((1, 1.0), (2, 0.6), (3, 0.4), (4, 0.4))
LEAST_CORRELATION: Final = 0.05
PATH_STEPS: Final = 25
PATH_REACH_OCTAVES: Final = 0.13
PATH_STIFFNESS: Final = 0.15


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Periodicity:
    """Autocorrelation of onsets in windows of 10 s.

    Parameters
    ----------
    windows : float64 ``(windows, lags, 5)``, lags in frames of 10 ms; four registers, then all of them.
    frames : length of the recording.
    """

    windows: Values
    frames: int

    @property
    def mean(self) -> Values:
        """Over the whole recording, ``(lags, 5)``."""
        mean: Values = self.windows.mean(axis=0)
        return mean

    @property
    def window_middles(self) -> Values:
        """Frame in the middle of each window."""
        starts: Values = np.arange(self.windows.shape[0], dtype=np.float64) * HOP_FRAMES
        return starts + 0.5 * min(WINDOW_FRAMES, self.frames)


def periodicity(heard: Onsets) -> Periodicity:
    """How well the onsets agree with themselves later, for lags up to 5.2 s."""
    registers = np.concatenate([heard.registers, heard.strength[:, np.newaxis]], axis=1)
    blurred = _blurred(registers)
    frames = registers.shape[0]
    starts = range(0, max(1, frames - WINDOW_FRAMES + 1), HOP_FRAMES)
    windows = [_autocorrelation(blurred[start : start + WINDOW_FRAMES]) for start in starts]
    return Periodicity(windows=np.stack(windows), frames=frames)


def possible_periods(found: Periodicity) -> tuple[float, ...]:
    """Periods in frames that a beat could have: those that return most, and their simple fractions and multiples."""
    every = found.mean[:, ALL_REGISTERS]
    periods = np.arange(SHORTEST_FRAMES - 3, LONGEST_FRAMES + 7)
    salience = np.zeros(periods.size)
    for multiple, weight in WEIGHTS_OF_MULTIPLES:
        salience += weight * np.array([best_near(every, multiple * float(period)) for period in periods])
    tops = 1 + np.flatnonzero((salience[1:-1] >= salience[:-2]) & (salience[1:-1] > salience[2:]))
    order = sorted(tops, key=lambda index: (-round(float(salience[index]), 9), index))[:STRONGEST]
    strongest = [_refined(every, float(periods[index])) for index in order]
    wider = [_refined(every, period * fraction) for period in strongest[:2] for fraction in FRACTIONS]
    kept: list[float] = []
    for period in strongest + wider:
        inside = SHORTEST_FRAMES <= period <= LONGEST_FRAMES
        if inside and all(abs(np.log(period / other)) > SAME_PERIOD for other in kept):
            kept.append(period)
    return tuple(kept)


def evidence_for(mean: Values, period: float) -> Values:
    """How the registers agree at half, once, twice and four times a period, relative to their best: ``(20,)``."""
    best = np.maximum(mean[SHORTEST_FRAMES : 3 * LONGEST_FRAMES].max(axis=0), LEAST_CORRELATION)
    return np.concatenate([best_near(mean, period * multiple) / best for multiple in EVIDENCE_MULTIPLES])


def best_near(correlation: Values, lag: float) -> Values:
    """The highest correlation within 2 % of a lag, along the first axis; 0 beyond the longest."""
    low, high = int(lag * (1.0 - LEAN)), int(np.ceil(lag * (1.0 + LEAN)))
    if low >= LAGS - 1:
        return np.zeros(correlation.shape[1:])
    best: Values = correlation[max(1, low) : min(high, LAGS - 1) + 1].max(axis=0)
    return best


def period_path(found: Periodicity, period: float) -> Values:
    """The period of each frame, where the tempo leans up to 9 % to either side of ``period``; shape ``(frames,)``."""
    grid = period * 2.0 ** (np.linspace(-1.0, 1.0, PATH_STEPS) * PATH_REACH_OCTAVES)
    scores = _scores_along(found.windows[:, :, ALL_REGISTERS], grid)
    steps = np.arange(PATH_STEPS)
    cost = PATH_STIFFNESS * np.square(steps[:, np.newaxis] - steps)
    path = cheapest_path(scores / max(float(scores.std()), 1e-9), cost)
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


def _scores_along(every: Values, grid: Values) -> Values:
    """Summed correlation at once, twice and four times each period of ``grid``, ``(windows, grid)``."""
    scores = np.zeros((every.shape[0], grid.size))
    for multiple in (1, 2, 4):
        lags = grid * multiple
        whole = np.minimum(lags.astype(np.int64), LAGS - 2)
        rest = lags - whole
        inside = lags < LAGS - 2
        scores += inside * (every[:, whole] * (1.0 - rest) + every[:, whole + 1] * rest)
    return scores


def _blurred(values: Values) -> Values:
    reach = int(4 * BLUR_FRAMES)
    bell = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / BLUR_FRAMES))
    bell /= bell.sum()
    columns: Sequence[Values] = [np.convolve(column, bell, "full")[reach:-reach] for column in values.T]
    return np.stack(columns, axis=1)


def _autocorrelation(piece: Values) -> Values:
    """Normalised autocorrelation of each column; what overlaps less counts no more than its share."""
    centred = piece - piece.mean(axis=0)
    size = 1 << (2 * WINDOW_FRAMES - 1).bit_length()
    lines = np.fft.rfft(centred, size, axis=0)
    products = np.fft.irfft(lines.real**2 + lines.imag**2, size, axis=0)[:LAGS]
    overlap = np.maximum(piece.shape[0] - np.arange(LAGS), 0.3 * piece.shape[0])
    spread = products / overlap[:, np.newaxis]
    normalised: Values = spread / np.maximum(spread[0], 1e-9)
    return normalised


def _refined(every: Values, period: float) -> float:
    """The period that its multiples agree on, read at the longest of them."""
    for multiple in (1, 2, 4):
        lag = period * multiple
        low, high = int(lag * 0.97), int(np.ceil(lag * 1.03))
        if high >= LAGS - 1 or low < 2:
            break
        top = low + int(np.argmax(every[low : high + 1]))
        before, at, after = (float(value) for value in every[top - 1 : top + 2])
        bend = before - 2.0 * at + after
        offset = min(0.5, max(-0.5, 0.5 * (before - after) / bend)) if bend < 0.0 else 0.0
        period = (top + offset) / multiple
    return period
