"""How far each part as a whole lies from A at 440 Hz: chords as well as lines, without knowing their notes.

Partials are read off long spectra, each as its distance from the nearest key of equal temperament. Where most of them
lie is the part's tuning; partials that are no keys by nature (the 5th, the 7th, of any stronger tone) are left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.arrivals import stretch
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact
from tapehand.song.finding import Fact

Series = NDArray[np.float64]

METHOD: Final = "tuning of a part/1"
REFERENCE_HZ: Final = 440.0
SEMITONE_CENTS: Final = 100.0
NOTHING: Final = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTuning:
    """The tuning of one part.

    Parameters
    ----------
    cents : off equal temperament at 440 Hz, -50..50.
    error_cents : how well that is known.
    confidence : 0..1; low for noise, for voices that slide, and for parts of which little is heard.
    weight : frames in which it was heard.
    """

    cents: float
    error_cents: float
    confidence: float
    weight: float


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for the tuning of parts."""
    figures: Mapping[str, float] = load("between")["part_tuning"]
    return figures


def part_tuning(compact: Compact) -> PartTuning | None:
    """The tuning of a recording; None where no partials are heard."""
    cents, weights, frames = _partials(compact)
    if frames < settings()["fewest_frames"] or not float(weights.sum()) > 0.0:
        return None
    mode = _mode(cents, weights)
    near = wrapped(cents - mode)
    inside = np.abs(near) <= settings()["core_cents"]
    weight = float(weights[inside].sum())
    centre = mode + float((near[inside] * weights[inside]).sum()) / weight
    about = near[inside] - float((near[inside] * weights[inside]).sum()) / weight
    deviation = math.sqrt(float((about * about * weights[inside]).sum()) / weight)
    independent = max(1.0, frames / settings()["frames_per_note"])
    share = weight / float(weights.sum())
    # Evenly spread partials would leave this share inside.
    chance = 2.0 * settings()["core_cents"] / SEMITONE_CENTS
    return PartTuning(
        cents=float(wrapped(np.array([centre]))[0]),
        error_cents=deviation / math.sqrt(independent),
        confidence=max(0.0, min(1.0, (share - chance) / (settings()["sure_share"] - chance)))
        * min(1.0, frames / settings()["surely_frames"]),
        weight=float(frames),
    )


def common_tuning(tunings: Sequence[PartTuning]) -> float | None:
    """What most of the parts agree on: the cents with the most weight within a few cents; None without any."""
    if not tunings:
        return None
    reach = settings()["agreement_cents"]

    def support(candidate: PartTuning) -> float:
        return sum(
            each.weight * each.confidence
            for each in tunings
            if abs(wrapped_difference(each.cents, candidate.cents)) <= reach
        )

    best = max(tunings, key=support)
    near = [each for each in tunings if abs(wrapped_difference(each.cents, best.cents)) <= reach]
    weight = sum(each.weight * each.confidence for each in near)
    if not weight > 0.0:
        return best.cents
    return (
        best.cents
        + sum(wrapped_difference(each.cents, best.cents) * each.weight * each.confidence for each in near) / weight
    )


def tuning_fact(track: str, tuning: PartTuning) -> Fact:
    """The tuning as a fact."""
    return Fact(
        name="tuning", value=tuning.cents, unit="cents", track=track, confidence=tuning.confidence, method=METHOD
    )


def wrapped(cents: Series) -> Series:
    """Distances on the circle of a semitone, -50..50."""
    around: Series = cents - SEMITONE_CENTS * np.round(cents / SEMITONE_CENTS)
    return around


def wrapped_difference(first: float, second: float) -> float:
    """``first - second`` on the circle of a semitone, -50..50."""
    return math.remainder(first - second, SEMITONE_CENTS)


def _partials(compact: Compact) -> tuple[Series, Series, int]:
    """Distances from the nearest keys and weights of the partials of many frames; how many frames had any."""
    size = round(2 ** math.floor(math.log2(settings()["frame_s"] * COMPACT_RATE_HZ)))
    length = compact.coded.size
    if length < size:
        return np.zeros(0), np.zeros(0), 0
    count = int(min(settings()["most_frames"], max(1, 2 * (length - size) // size)))
    starts = np.round(np.linspace(0, length - size, count)).astype(int)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    frames = np.stack([stretch(compact, start, start + size) for start in starts]) * window
    energy = np.square(frames).sum(axis=1)
    loud = energy > settings()["loud_share"] * float(energy.max(initial=0.0))
    magnitudes = np.abs(np.fft.rfft(frames[loud], 2 * size, axis=1)).astype(np.float64)
    found = [_of_frame(row, COMPACT_RATE_HZ / (2 * size)) for row in magnitudes]
    heard = [pair for pair in found if pair[0].size]
    if not heard:
        return np.zeros(0), np.zeros(0), 0
    return np.concatenate([pair[0] for pair in heard]), np.concatenate([pair[1] for pair in heard]), len(heard)


def _of_frame(magnitude: Series, line_hz: float) -> tuple[Series, Series]:
    """The strongest partials of one spectrum that may be keys; the weights of a frame add up to 1."""
    first, last = round(settings()["low_hz"] / line_hz), round(settings()["high_hz"] / line_hz)
    floor = settings()["partial_share"] * float(magnitude[first:last].max(initial=0.0)) + NOTHING
    at = first + np.flatnonzero(
        (magnitude[first:last] > magnitude[first - 1 : last - 1])
        & (magnitude[first:last] >= magnitude[first + 1 : last + 1])
        & (magnitude[first:last] > floor)
    )
    at = at[_stands_out(magnitude, at)]
    at = at[np.argsort(-magnitude[at], kind="stable")[: int(settings()["most_partials"])]]
    left, middle, right = (np.log(magnitude[at + step] + NOTHING) for step in (-1, 0, 1))
    bend = np.minimum(left - 2.0 * middle + right, -NOTHING)
    hz = (at + 0.5 * (left - right) / bend) * line_hz
    strength = np.sqrt(magnitude[at])
    kept = ~_unkeyed(hz, magnitude[at])
    if not kept.any():
        return np.zeros(0), np.zeros(0)
    cents = wrapped(1200.0 * np.log2(hz[kept] / REFERENCE_HZ))
    return cents, strength[kept] / float(strength[kept].sum())


def _stands_out(magnitude: Series, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Peaks that are lines: high above what lies a few lines to either side."""
    reach = int(settings()["valley_lines"])
    around = np.maximum(magnitude[np.maximum(at - reach, 0)], magnitude[np.minimum(at + reach, magnitude.size - 1)])
    clear: NDArray[np.bool_] = magnitude[at] > settings()["above_valley"] * around
    return clear


def _unkeyed(hz: Series, strength: Series) -> NDArray[np.bool_]:
    """Which may be a 5th, 7th, 10th, 11th ... partial of a tone below that is there."""
    ratio = hz[:, np.newaxis] / hz[np.newaxis, :]
    number = np.round(ratio)
    multiple = (np.abs(ratio / np.maximum(number, 1.0) - 1.0) < 0.006) & np.isin(number, (5, 7, 10, 11, 13, 14, 15))
    present = strength[np.newaxis, :] > 0.1 * strength[:, np.newaxis]
    unkeyed: NDArray[np.bool_] = np.asarray((multiple & present).any(axis=1))
    return unkeyed


def _mode(cents: Series, weights: Series) -> float:
    """The most common distance, by a smooth histogram round the circle."""
    histogram = np.bincount(np.round(cents).astype(int) % 100, weights=weights, minlength=100)
    width = round(settings()["smoothing_cents"])
    kernel = np.hanning(2 * width + 3)[1:-1]
    wide = np.concatenate([histogram[-width:], histogram, histogram[:width]])
    return float(np.convolve(wide, kernel, "valid").argmax())
