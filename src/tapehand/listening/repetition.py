"""What returns in a song: which bars go on like which others, in their chords.

Where everybody plays all the time, nothing but the order of the chords says that a verse is over. A bar is described by
how alike it and its surroundings are to the bars a given number of bars before and behind it (a time-lag matrix: Goto,
2003; Serrà et al., 2014): inside a section that picture stays, at its end it changes.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.tones import FRAMES_PER_SECOND, Chroma

Values = NDArray[np.float64]

STEPS_PER_BAR: Final = 4
# A step whose tones are this weak against those of most steps says half as much.
WEAK: Final = 0.2


def progression(chroma: Chroma, bars_s: Sequence[float]) -> Values:
    """The tones of each bar in their order, treble and bass, ``(bars, 96)``; two bars lie at most sqrt(2) apart."""
    lines_s = np.asarray(bars_s, dtype=np.float64)
    shares = np.arange(STEPS_PER_BAR) / STEPS_PER_BAR
    steps_s = np.append((lines_s[:-1, np.newaxis] + shares * np.diff(lines_s)[:, np.newaxis]).reshape(-1), lines_s[-1])
    at = np.clip(np.rint(steps_s * FRAMES_PER_SECOND).astype(np.int64), 0, chroma.frames)
    sides = [_in_steps(side, at).reshape(lines_s.size - 1, -1) for side in (chroma.treble, chroma.bass)]
    tones: Values = np.concatenate(sides, axis=1) / math.sqrt(2 * STEPS_PER_BAR)
    return tones


def returns(tones: Values, unit: float, reach_bars: int, width_bars: int) -> Values:
    """How alike each bar's tones are to those of bars up to ``reach_bars`` before and behind it, against usual.

    ``(bars, 2 reach + 1)``: means over ``width_bars`` around each bar, scaled so that two bars that agree nowhere lie
    less than 1 apart. Tones whose squared distance is ``unit`` are alike to 1/e.
    """
    count = tones.shape[0]
    reach = min(reach_bars, count - 1)
    lags = range(reach + 1)
    near = [np.exp(-np.square(tones[lag:] - tones[: count - lag]).sum(axis=1) / unit) for lag in lags]
    # What most bars have in common says nothing, and what lies outside the song neither.
    usual = float(np.concatenate(near).mean())
    alike = np.zeros((count, 2 * reach + 1))
    for lag, values in zip(lags, near, strict=True):
        alike[: count - lag, reach + lag] = values - usual
        alike[lag:, reach - lag] = values - usual
    sums = np.concatenate([np.zeros((1, alike.shape[1])), np.cumsum(alike, axis=0)])
    first = np.clip(np.arange(count) - width_bars // 2, 0, count)
    last = np.clip(np.arange(count) - width_bars // 2 + width_bars, 0, count)
    means: Values = (sums[last] - sums[first]) / (last - first)[:, np.newaxis]
    return means / math.sqrt(min(count, 2 * reach + 1))


def apart_in_order(tones: Values, one: tuple[int, int], other: tuple[int, int]) -> float:
    """Mean squared distance of the tones of two stretches of bars, the shorter laid where it fits the longer best."""
    short, long = sorted((one, other), key=lambda span: span[1] - span[0])
    length = short[1] - short[0]
    here = tones[short[0] : short[1]]
    there = np.lib.stride_tricks.sliding_window_view(tones[long[0] : long[1]], length, axis=0)
    return float(np.square(there - here.T).sum(axis=(1, 2)).min() / length)


def _in_steps(side: Values, at: NDArray[np.int64]) -> Values:
    """Tones of each step at a length of nearly one, whatever their loudness."""
    sums = np.concatenate([np.zeros((1, side.shape[1])), np.cumsum(side, axis=0)])
    steps = sums[at[1:]] - sums[at[:-1]]
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    sounding = lengths[lengths > 0.0]
    floor = WEAK * float(np.median(sounding)) if sounding.size else 1.0
    folded: Values = steps / (lengths + floor)
    return folded
