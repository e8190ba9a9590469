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
from tapehand.listening.onsets import Onsets, nearest_frames
from tapehand.listening.tones import Chroma

Values = NDArray[np.float64]

REACH_FRAMES: Final = 3
CONTEXT: Final = 4
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
    bar_line : for each pulse the log-odds that a bar begins there.
    readings : for each of ``BAR_LENGTHS`` the best one.
    """

    times_s: Values
    bar_line: Values
    readings: dict[int, Bars]


def pulses(beats_s: Values, heard: Onsets, tones: Chroma) -> Pulses:
    """The pulses of at least four beats, with what each bar length makes of them."""
    times_s = with_middles(beats_s)
    features = pulse_features(times_s, heard, tones)
    weights, bias = _bar_line_weights()
    # A sum of products in a fixed order, so that the decision is the same everywhere.
    log_odds = bias + (features * weights).sum(axis=1)
    readings = {length: _read(log_odds, length) for length in BAR_LENGTHS}
    return Pulses(times_s=times_s, bar_line=log_odds, readings=readings)


def with_middles(beats_s: Values) -> Values:
    """Beats and the middles after them."""
    times_s = np.empty(2 * beats_s.size)
    times_s[0::2] = beats_s
    times_s[1::2] = beats_s + 0.5 * np.gradient(beats_s)
    return times_s


def pulse_features(times_s: Values, heard: Onsets, tones: Chroma) -> Values:
    """What the bar-line model looks at, ``(pulses, 144)``: eight figures of a pulse and of the next, and of four pulses
    of its own kind to either side, relative to their spread in the recording.
    """
    own = np.concatenate([np.sqrt(strongest_onsets(times_s, heard)), _new_harmony(times_s, tones)], axis=1)
    own = (own - own.mean(axis=0)) / (own.std(axis=0) + LEAST_SPREAD)
    pairs = np.concatenate([own, np.concatenate([own[1:], own[-2:-1]])], axis=1)
    features = np.empty((times_s.size, pairs.shape[1] * (2 * CONTEXT + 1)))
    for kind in (0, 1):
        features[kind::2] = _in_context(pairs[kind::2])
    return features


@cache
def _bar_line_weights() -> tuple[Values, float]:
    table = load("rhythm")["bar_line"]
    return np.array(table["weights"], dtype=np.float64).ravel(), float(table["bias"])


def strongest_onsets(times_s: Values, heard: Onsets) -> Values:
    """The strongest onset within 30 ms of each time, ``(pulses, 4)``."""
    frames, last = nearest_frames(times_s), heard.registers.shape[0] - 1
    around = [heard.registers[np.clip(frames + by, 0, last)] for by in range(-REACH_FRAMES, REACH_FRAMES + 1)]
    strongest: Values = np.max(around, axis=0)
    return strongest


def _new_harmony(times_s: Values, tones: Chroma) -> Values:
    """How much treble and bass differ before and after each time, over one and two beats, 0..1: ``(pulses, 4)``."""
    beat_s = np.repeat(np.gradient(times_s[0::2]), 2)
    columns = []
    for values in (tones.treble, tones.bass):
        sums = np.concatenate([np.zeros((1, 12)), np.cumsum(values, axis=0)])
        for beats in (1, 2):
            before = _direction(sums, times_s - beats * beat_s, times_s)
            after = _direction(sums, times_s, times_s + beats * beat_s)
            columns.append(1.0 - (before * after).sum(axis=1))
    return np.stack(columns, axis=1)


def _direction(sums: Values, starts_s: Values, ends_s: Values) -> Values:
    """Unit vectors of what sounds between times; zero where nothing does."""
    frames = sums.shape[0] - 1
    first, last = (np.clip(np.round(times * 20.0).astype(np.int64), 0, frames) for times in (starts_s, ends_s))
    total = sums[np.maximum(first, last)] - sums[first]
    unit: Values = total / np.maximum(np.sqrt(np.square(total).sum(axis=1, keepdims=True)), 1e-9)
    return unit


def _in_context(values: Values) -> Values:
    count = values.shape[0]
    padded = np.pad(values, ((CONTEXT, CONTEXT), (0, 0)), mode="reflect" if count > CONTEXT else "edge")
    return np.concatenate([padded[shift : shift + count] for shift in range(2 * CONTEXT + 1)], axis=1)


def _read(log_odds: Values, length: int) -> Bars:
    """The likeliest row of bars of ``length`` pulses; a bar may be broken off, at a cost (Viterbi).

    Plain numbers: with ten places to the bar, arrays would take five times as long.
    """
    slip_cost = float(load("rhythm")["bar_line"]["slip_cost"])
    lines, others = (-np.logaddexp(0.0, sign * log_odds) for sign in (-1.0, 1.0))
    total = [0.0] * length
    slips: list[tuple[float, int]] = []
    stays: list[list[float]] = []
    for line, other in zip(lines.tolist(), others.tolist(), strict=True):
        best = max(total)
        stay = [total[-1], *total[:-1]] if stays else total
        slips.append((best - slip_cost, total.index(best)))
        stays.append(stay)
        total = [max(each, best - slip_cost) + other for each in stay]
        total[0] = max(stay[0], best - slip_cost) + line
    places = np.zeros(log_odds.size, dtype=np.int64)
    place = total.index(max(total))
    for pulse in range(log_odds.size - 1, -1, -1):
        places[pulse] = place
        slipped, best_place = slips[pulse]
        place = best_place if stays[pulse][place] < slipped else (place - 1) % length
    return Bars(length=length, score=max(total) / log_odds.size, places=places)
