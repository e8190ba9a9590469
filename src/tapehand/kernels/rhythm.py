"""Kernels of hearing a rhythm: the best row of beats, the best row of bars, and what happens on pulses."""

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

Values = NDArray[np.float64]
Places = NDArray[np.int64]

_P = Parameter
_BEATS = Kernel(
    "rhythm_beats", _P.F64, _P.F64, _P.INT, _P.REAL, _P.REAL, _P.REAL, _P.F64, _P.INT, _P.F64_OUT, _P.I64_OUT
)
_BARS = Kernel(
    "rhythm_bars",
    *(_P.F64, _P.INT, _P.I64, _P.INT, _P.REAL),
    *(_P.F64_OUT, _P.F64_OUT, _P.I64_OUT, _P.F64_OUT, _P.I64_OUT),
)
_STRONGEST = Kernel("rhythm_strongest", _P.F64, _P.INT, _P.I64, _P.INT, _P.INT, _P.F64_OUT)
_NEW_TONES = Kernel("rhythm_new_tones", _P.F64, _P.F64, _P.I64, _P.INT, _P.F64_OUT)
_LINE_ODDS = Kernel(
    "rhythm_line_odds",
    *(_P.F64, _P.F64, _P.INT, _P.F64, _P.INT, _P.REAL, _P.REAL),
    *(_P.F64_OUT, _P.F64_OUT),
)
_HIGHEST = Kernel("rhythm_highest", _P.F64, _P.INT, _P.I64, _P.I64, _P.INT, _P.F64_OUT)
_REFINE = Kernel("rhythm_refine", _P.F64, _P.INT, _P.REAL, _P.INT, _P.F64_OUT)
_DRIFT = Kernel(
    "rhythm_drift",
    *(_P.F64, _P.INT, _P.INT, _P.F64, _P.INT, _P.REAL),
    *(_P.F64_OUT, _P.F64_OUT, _P.I64_OUT, _P.I64_OUT),
)
REGISTERS: Final = 4
PITCH_CLASSES: Final = 12


def best_beats(
    strength: Values, periods: Values, shortest: float, longest: float, stiffness: float
) -> tuple[Values, Places]:
    """For each frame the score of the best row of beats that ends there, and the beat before (-1: it is the first).

    Parameters
    ----------
    strength : float64 ``(frames,)``, what a beat in each frame gains.
    periods : float64 of the same shape: frames from beat to beat, above 0.
    shortest, longest : shares of the period that a step may have.
    stiffness : cost of a step that is twice or half the period; it grows with the square of the octaves.
    """
    _require(strength.ndim == 1 and strength.shape == periods.shape, "Each frame has one strength and one period")
    score, came_from = np.empty_like(strength), np.empty(strength.size, dtype=np.int64)
    steps = _log_steps(int(float(periods.max(initial=0.0)) * longest))
    _BEATS(strength, periods, strength.size, shortest, longest, stiffness, steps, steps.size, score, came_from)
    return score, came_from


def best_bars(log_odds: Values, lengths: Places, slip_cost: float) -> tuple[Values, Places]:
    """For each length in pulses the likeliest row of bars, and its log-likelihood.

    Parameters
    ----------
    log_odds : float64 ``(pulses,)``, that a bar begins there.
    lengths : int64 ``(lengths,)``, each 1 or more.
    slip_cost : of breaking off a bar anywhere.

    Returns
    -------
    float64 ``(lengths,)``, sums of the pulses' log-likelihoods less the slips'; int64 ``(lengths, pulses)``, places in
    the bar, 0 the first.
    """
    longest = int(lengths.max(initial=1))
    _require(log_odds.ndim == 1 and lengths.ndim == 1 and int(lengths.min(initial=1)) > 0, "Bars have a pulse or more")
    scores, places = np.empty(lengths.size), np.empty((lengths.size, log_odds.size), dtype=np.int64)
    slipped = np.empty(log_odds.size * (longest + 1), dtype=np.int64)
    room = np.empty(2 * log_odds.size), np.empty(2 * longest), slipped
    _BARS(log_odds, log_odds.size, lengths, lengths.size, slip_cost, *room, scores, places)
    return scores, places


def strongest_near(registers: Values, frames: Places, reach: int) -> Values:
    """The strongest of each register (0 and more) within ``reach`` frames, ``(frames, 4)``; the edges count on."""
    _require(registers.ndim == 2 and registers.shape[1] == REGISTERS and registers.shape[0] > 0, "Registers are four")
    strongest = np.empty((frames.size, REGISTERS))
    _STRONGEST(registers, registers.shape[0], frames, frames.size, reach, strongest)
    return strongest


def new_tones(treble_sums: Values, bass_sums: Values, edges: Places) -> Values:
    """How much the tones of neighbouring stretches differ: 1 less the cosine of their pitch classes, 1 where either is
    silent; ``(places, 4)``: treble over the near and the far span, then bass.

    Parameters
    ----------
    treble_sums, bass_sums : float64 ``(frames + 1, 12)``, sums of all frames before.
    edges : int64 ``(places, 5)``, rising, 0 to ``frames``: far and near start, the place itself, near and far end.
    """
    inside = not edges.size or (int(edges.min()) >= 0 and int(edges.max()) < treble_sums.shape[0])
    fits = treble_sums.shape == bass_sums.shape == (treble_sums.shape[0], PITCH_CLASSES)
    _require(fits and inside and edges.shape == (edges.shape[0], 5), "Stretches lie inside the tones")
    news = np.empty((edges.shape[0], 4))
    _NEW_TONES(treble_sums, bass_sums, edges, edges.shape[0], news)
    return news


def bar_line_odds(strongest: Values, news: Values, weights: Values, bias: float, least_spread: float) -> Values:
    """Log-odds of each pulse that a bar begins there, by a linear model: float64 ``(pulses,)``.

    Parameters
    ----------
    strongest, news : float64 ``(pulses, 4)``, an even number of pulses from 4 on: beats and the middles after them. The
        model sees the roots of the former, and all eight relative to their mean and spread.
    weights : float64 ``(2 * context + 1, 16)``, for pulses of the same kind from ``context`` before to as many after;
        eight for each and eight for the pulse that follows it.
    bias : log-odds where all figures are as usual.
    least_spread : what is added to the spread of each figure.
    """
    pulses, context = strongest.shape[0], weights.shape[0] // 2
    fits = strongest.shape == news.shape == (pulses, 4) and weights.shape == (2 * context + 1, 16)
    _require(fits and pulses >= 4 and pulses % 2 == 0, "Pulses are beats and the middles after them")
    odds = np.empty(pulses)
    _LINE_ODDS(strongest, news, pulses, weights, context, bias, least_spread, np.empty(8 * pulses), odds)
    return odds


def highest_between(values: Values, firsts: Places, lasts: Places) -> Values:
    """The highest of each column from one row to another (both included), for each pair: ``(pairs, columns)``.

    Parameters
    ----------
    values : float64 ``(rows, columns)``.
    firsts, lasts : int64 ``(pairs,)``, rows; no first lies behind its last.
    """
    fits = firsts.shape == lasts.shape and not bool((firsts > lasts).any())
    inside = not firsts.size or (int(firsts.min()) >= 0 and int(lasts.max()) < values.shape[0])
    _require(values.ndim == 2 and fits and inside, "Stretches lie inside the rows")
    highs = np.empty((firsts.size, values.shape[1]))
    _HIGHEST(values, values.shape[1], firsts, lasts, firsts.size, highs)
    return highs


def refined(correlation: Values, periods: Values, lean: float) -> Values:
    """Of each period the one that its multiples agree on, read at the longest of them.

    Parameters
    ----------
    correlation : float64 ``(lags,)``.
    periods : float64 ``(periods,)``, in lags, 0 and more.
    lean : share by which the highest correlation may lie beside once, twice and four times a period.
    """
    fits = correlation.ndim == 1 and periods.ndim == 1 and float(periods.min(initial=0.0)) >= 0.0
    _require(fits and 0.0 <= lean < 1.0, "Periods are not negative")
    found = periods.copy()
    _REFINE(correlation, correlation.size, lean, found.size, found)
    return found


def best_drift(correlations: Values, grid: Values, stiffness: float) -> Places:
    """The best path of a period through windows (Viterbi), as numbers of ``grid``.

    Parameters
    ----------
    correlations : float64 ``(windows, lags)``. A period scores at once, twice and four times its lag.
    grid : float64 ``(periods,)``, in lags, 0 and more.
    stiffness : cost of one step along the grid, in standard deviations of the scores; it grows with the square.

    Returns
    -------
    int64 ``(windows,)``.
    """
    fits = correlations.ndim == 2 and grid.ndim == 1 and float(grid.min(initial=math.inf)) >= 0.0
    _require(
        fits and grid.size > 0 and correlations.size > 0, "Windows have correlations, and periods are not negative"
    )
    windows, lags = correlations.shape
    room = np.empty((windows, grid.size)), np.empty(2 * grid.size), np.empty((windows, grid.size), dtype=np.int64)
    path = np.empty(windows, dtype=np.int64)
    _DRIFT(correlations, windows, lags, grid, grid.size, stiffness, *room, path)
    return path


@cache
def _log_steps(most: int) -> Values:
    """Octaves of ``most``, ..., 2, 1."""
    return np.array([math.log2(step) for step in range(most, 0, -1)], dtype=np.float64)


def _require(fits: bool, why: str) -> None:
    if not fits:
        raise InternalError("kernels.argument", why)
