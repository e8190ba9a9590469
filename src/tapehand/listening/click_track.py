"""The grid that a click track gives: exact beats, and bars where the click accents them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact
from tapehand.listening.rhythm import Rhythm
from tapehand.music.time import Metre

Values = NDArray[np.float64]
Places = NDArray[np.int64]

REST_S: Final = 0.06
STROKE_S: Final = 0.03
NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClickGrid:
    """The beats of a click track.

    Parameters
    ----------
    beats_s : rising times, gaps in the click filled with the beats that belong there.
    downbeats_s : the accented ones; empty where none stand out.
    beats_to_bar : how many clicks from accent to accent; None where none stand out.
    """

    beats_s: Values
    downbeats_s: Values
    beats_to_bar: int | None

    @property
    def tempo_bpm(self) -> float:
        """Clicks per minute, the median."""
        return 60.0 / float(np.median(np.diff(self.beats_s)))

    def rhythm(self) -> Rhythm:
        """The same as what would be heard of music, with the confidence of a click."""
        sure = float(load("rhythm")["click"]["confidence"])
        return Rhythm(
            tempo_bpm=self.tempo_bpm,
            tempo_confidence=sure,
            beat_confidence=sure,
            bar_confidence=sure if self.beats_to_bar else 0.0,
            alternatives=(),
            metre=Metre(beats=self.beats_to_bar or 4, unit=4),
            beats_s=self.beats_s,
            downbeats_s=self.downbeats_s,
        )


def hear_click(heard: Compact) -> ClickGrid | None:
    """The grid of a recording that holds a click and little else; None where it does not sound like one."""
    limits = load("rhythm")["click"]
    mono = np.abs(heard.mono.samples[0].astype(np.float64))
    starts = _starts(mono, float(limits["threshold"]))
    if starts.size < int(limits["fewest"]) or _share_in_strokes(mono, starts) < float(limits["least_share"]):
        return None
    times_s = starts / COMPACT_RATE_HZ
    beats_s, sounding = _regular(times_s, float(limits["lean"]), float(limits["least_regular"]))
    if beats_s is None:
        return None
    bar = _accents(_brightness_and_level(heard.mono.samples[0], starts), sounding, float(limits["least_contrast"]))
    if bar is None:
        return ClickGrid(beats_s=beats_s, downbeats_s=np.zeros(0), beats_to_bar=None)
    length, first = bar
    return ClickGrid(beats_s=beats_s, downbeats_s=beats_s[first::length], beats_to_bar=length)


def _starts(mono: Values, threshold: float) -> Places:
    """Samples at which a stroke begins after a rest."""
    size = COMPACT_RATE_HZ // 1000
    peaks = mono[: mono.size // size * size].reshape(-1, size).max(axis=1)
    if not peaks.size or peaks.max() <= NOTHING:
        return np.zeros(0, dtype=np.int64)
    loud = peaks > threshold * float(np.percentile(peaks[peaks > 0.1 * peaks.max()], 90))
    rest = round(REST_S * COMPACT_RATE_HZ / size)
    sums = np.concatenate([[0], np.cumsum(loud)])
    places = np.flatnonzero(loud)
    quiet_before = sums[places] - sums[np.maximum(places - rest, 0)] == 0
    starts = []
    for place in places[quiet_before]:
        stroke = mono[max(0, (place - 1) * size) : (place + 10) * size]
        starts.append(max(0, (place - 1) * size) + int(np.flatnonzero(stroke > 0.3 * stroke.max())[0]))
    return np.array(starts, dtype=np.int64)


def _share_in_strokes(mono: Values, starts: Places) -> float:
    """Share of the energy that lies within 30 ms after a start."""
    energy = np.concatenate([[0.0], np.cumsum(mono * mono)])
    ends = np.minimum(starts + round(STROKE_S * COMPACT_RATE_HZ), mono.size)
    return float((energy[ends] - energy[np.maximum(starts - 8, 0)]).sum()) / max(float(energy[-1]), NOTHING)


def _regular(times_s: Values, lean: float, least: float) -> tuple[Values | None, Places]:
    """Beats with gaps filled, and which of them sound; None where the distances have no common measure."""
    gaps = np.diff(times_s)
    near = np.array([np.median(gaps[max(0, place - 8) : place + 9]) for place in range(gaps.size)])
    whole = np.maximum(np.round(gaps / near), 1.0)
    agrees = np.abs(gaps / (whole * near) - 1.0) < lean
    if float(agrees.mean()) < least:
        return None, np.zeros(0, dtype=np.int64)
    sounding = np.concatenate([[0], np.cumsum(whole)]).astype(np.int64)
    return np.interp(np.arange(sounding[-1] + 1), sounding, times_s), sounding


def _brightness_and_level(mono: NDArray[np.float32], starts: Places) -> Values:
    """Two figures of each stroke in which an accent may differ: log level, and share of the difference signal."""
    length = round(STROKE_S * COMPACT_RATE_HZ)
    padded = np.pad(mono.astype(np.float64), (0, length + 1))
    strokes = padded[starts[:, np.newaxis] + np.arange(length)]
    energy = np.square(strokes).sum(axis=1) + NOTHING
    changes = np.square(np.diff(strokes, axis=1)).sum(axis=1) + NOTHING
    return np.stack([np.log(energy), np.log(changes / energy)], axis=1)


def _accents(figures: Values, sounding: Places, least: float) -> tuple[int, int] | None:
    """Beats to the bar and the first accent: the shortest cycle in which one place differs clearly from all others."""
    for length in range(2, 10):
        if sounding[-1] < 2 * length:
            break
        for first in range(length):
            accented = sounding % length == first
            if accented.sum() >= 2 and _contrast(figures[accented], figures[~accented]) > least:
                return length, first
    return None


def _contrast(accented: Values, others: Values) -> float:
    """The gap between two sets of strokes over what lies inside them, the better of the figures."""
    if not others.shape[0]:
        return 0.0
    gap = np.maximum(accented.min(axis=0) - others.max(axis=0), others.min(axis=0) - accented.max(axis=0))
    inside = np.maximum(np.ptp(accented, axis=0), np.ptp(others, axis=0)) + 0.05
    return float((gap / inside).max())
