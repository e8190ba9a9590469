"""Where bars begin and how long they are, from what happens on the pulses: onsets in four registers and new harmony.

Beats and the middles between them are laid side by side as one row of pulses. A linear model says for each how likely
it begins a bar; for each bar length the best path through the row is found. So a beat that was tracked on the off-beat
corrects itself, and seven eighths need no pulse of their own.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.kernels.rhythm import bar_line_odds, best_bars, new_tones, strongest_near
from tapehand.listening.onsets import Onsets, nearest_frames
from tapehand.listening.tones import Chroma

Values = NDArray[np.float64]

REACH_FRAMES: Final = 3
LEAST_SPREAD: Final = 0.05
# Pulses (halves of beats) in a bar that are told apart.
BAR_LENGTHS: Final = (4, 6, 7, 8, 10)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bars:
    """The best reading of a row of pulses with bars of one length.

    Parameters
    ----------
    length : pulses to the bar.
    score : mean log-likelihood of a pulse, 0 at most.
    places : for each pulse its place in its bar, 0 being the bar line.
    """

    length: int
    score: float
    places: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pulses:
    """Beats and the middles between them.

    Parameters
    ----------
    times_s : rising, shape ``(2 * beats,)``.
    strongest : the strongest onset near each, in four registers, ``(2 * beats, 4)``.
    bar_line : for each pulse the log-odds that a bar begins there.
    readings : for each of ``BAR_LENGTHS`` the best one.
    """

    times_s: Values
    strongest: Values
    bar_line: Values
    readings: dict[int, Bars]


def pulses(beats_s: Values, heard: Onsets, tones: Chroma) -> Pulses:
    """The pulses of at least four beats, with what each bar length makes of them."""
    times_s = with_middles(beats_s)
    strongest = strongest_onsets(times_s, heard)
    log_odds = line_odds(strongest, new_harmony(times_s, tones), *_bar_line_weights())
    return Pulses(times_s=times_s, strongest=strongest, bar_line=log_odds, readings=_readings(log_odds))


def line_odds(strongest: Values, harmony: Values, weights: Values, bias: float) -> Values:
    """Log-odds of each pulse that a bar begins there, linear in ``weights`` ``(9, 16)``: eight figures of a pulse and
    of the next, and of four pulses of its own kind to either side, relative to their spread in the recording.
    """
    return bar_line_odds(strongest, harmony, weights, bias, LEAST_SPREAD)


def with_middles(beats_s: Values) -> Values:
    """Beats and the middles after them."""
    times_s = np.empty(2 * beats_s.size)
    times_s[0::2] = beats_s
    times_s[1::2] = beats_s + 0.5 * beat_lengths_s(beats_s)
    return times_s


def beat_lengths_s(beats_s: Values) -> Values:
    """How long the beats around each of at least two beats are, in the mean of the one before and the one after."""
    steps = np.diff(beats_s)
    lengths = np.empty(beats_s.size)
    lengths[0], lengths[-1] = steps[0], steps[-1]
    lengths[1:-1] = 0.5 * (steps[1:] + steps[:-1])
    return lengths


@cache
def _bar_line_weights() -> tuple[Values, float]:
    table = load("rhythm")["bar_line"]
    return np.array(table["weights"], dtype=np.float64), float(table["bias"])


def strongest_onsets(times_s: Values, heard: Onsets) -> Values:
    """The strongest onset within 30 ms of each time, ``(pulses, 4)``."""
    return strongest_near(heard.registers, nearest_frames(times_s), REACH_FRAMES)


def new_harmony(times_s: Values, tones: Chroma) -> Values:
    """How much treble and bass differ before and after each time, over one and two beats, 0..1: ``(pulses, 4)``."""
    beat_s = np.repeat(beat_lengths_s(times_s[0::2]), 2)
    edges = tones.nearest_edges(times_s[:, np.newaxis] + beat_s[:, np.newaxis] * np.arange(-2, 3))
    return new_tones(tones.treble_sums, tones.bass_sums, edges)


def _readings(log_odds: Values) -> dict[int, Bars]:
    """The likeliest row of bars of each length; a bar may be broken off, at a cost."""
    slip_cost = float(load("rhythm")["bar_line"]["slip_cost"])
    likelihoods, places = best_bars(log_odds, np.array(BAR_LENGTHS, dtype=np.int64), slip_cost)
    return {
        length: Bars(length=length, score=float(likelihood) / log_odds.size, places=row)
        for length, likelihood, row in zip(BAR_LENGTHS, likelihoods, places, strict=True)
    }
