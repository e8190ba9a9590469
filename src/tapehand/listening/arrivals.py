"""How late one track is against another, window by window: what pairs of microphones, copies and clocks are told by.

Related sounds lie at the same lag in all windows, or on a straight line where their clocks drift. Unrelated ones may
agree by chance in one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tapehand.catalogue.loading import load
from tapehand.listening.correlation import Comparison, Likeness, Lines, Mono, whitened
from tapehand.listening.kinds import limit
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact, Recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One window of a pair.

    Parameters
    ----------
    at_s : middle of the window.
    lag_s : how late the second is against the first (negative: early).
    polarity : -1 where it is upside down.
    relation : peak over median of the correlation; noise and unrelated music stay below about 8.
    """

    at_s: float
    lag_s: float
    polarity: int
    relation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a pair's lag goes along the song: a straight line through the windows that agree.

    Parameters
    ----------
    lag_s : at the song's start.
    drift_ppm : by how many millionths the second's clock is slow (positive: it falls behind).
    polarity : -1 where the second is upside down.
    agreeing, windows : windows on the line, and all in which both sound.
    relation : median over the agreeing ones.
    coherence : share of the energy, 0..1, that a short filter makes of one the other, mean over the bands that sound.
    first_s, last_s : middles of the first and last agreeing window.
    """

    lag_s: float
    drift_ppm: float
    polarity: int
    agreeing: int
    windows: int
    relation: float
    coherence: float
    first_s: float
    last_s: float

    def lag_at(self, time_s: float) -> float:
        """Lag at a time of the song, in seconds."""
        return self.lag_s + 1e-6 * self.drift_ppm * time_s

    @property
    def moved_s(self) -> float:
        """By how much the second falls behind from the first agreeing window to the last."""
        return self.lag_at(self.last_s) - self.lag_at(self.first_s)

    @property
    def has_drifted(self) -> bool:
        """Whether it moved by more than a person would leave it."""
        return abs(self.moved_s) >= limit("clock_drift", "least_s")

    @property
    def is_one_source(self) -> bool:
        """Whether most of both is the same, and not just some of one in the other."""
        return self.coherence >= settings()["one_source_coherence"]


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for arrivals."""
    figures: Mapping[str, float] = load("between")["arrivals"]
    return figures


def related_pairs(recordings: Recordings) -> dict[tuple[str, str], Course]:
    """Of all pairs of tracks those that hold the same source, each with the course of its lag."""
    names = tuple(recordings.names)
    windows = _Windows([recordings.compact(name) for name in names])
    found: dict[tuple[int, int], list[Arrival]] = {}
    sounding: dict[tuple[int, int], int] = {}
    for number in range(windows.count):
        lines = windows.lines(number)
        for pair in _pairs_to_try(sorted(lines), found, sounding):
            sounding[pair] = sounding.get(pair, 0) + 1
            arrival = windows.arrival(number, lines[pair[0]], lines[pair[1]])
            if arrival is not None:
                found.setdefault(pair, []).append(arrival)
    related = {}
    for (a, b), arrivals in sorted(found.items()):
        course = course_of(arrivals, sounding[a, b])
        if course is not None:
            course = replace(course, coherence=windows.coherence(a, b, course))
        if course is not None and course.coherence >= settings()["least_coherence"]:
            related[names[a], names[b]] = course
    return related


def _pairs_to_try(
    present: Sequence[int], found: Mapping[tuple[int, int], Sequence[Arrival]], sounding: Mapping[tuple[int, int], int]
) -> list[tuple[int, int]]:
    """Pairs of the tracks that sound here, without those that had their chances and were never related."""
    chances = int(settings()["chances"])
    pairs = [(a, b) for index, a in enumerate(present) for b in present[index + 1 :]]
    return [pair for pair in pairs if sounding.get(pair, 0) < chances or 3 * len(found.get(pair, ())) >= sounding[pair]]


def course_of(arrivals: Sequence[Arrival], windows: int) -> Course | None:
    """The straight line on which most arrivals lie (with one polarity); None where they do not agree."""
    figures = settings()
    best: list[Arrival] = []
    slope = 0.0
    for first in arrivals:
        for second in arrivals:
            apart_s = second.at_s - first.at_s
            tilt = (second.lag_s - first.lag_s) / apart_s if apart_s > 0.0 else 0.0
            if apart_s < 0.0 or abs(tilt) > 1e-6 * figures["most_drift_ppm"]:
                continue
            near = _near(arrivals, first, tilt, figures["agreement_s"])
            if len(near) > len(best) or (len(near) == len(best) and abs(tilt) < abs(slope)):
                best, slope = near, tilt
    if len(best) < min(windows, figures["fewest_windows"]) or len(best) < figures["agreeing_share"] * windows:
        return None
    return _line_through(best, windows)


def _near(arrivals: Sequence[Arrival], first: Arrival, tilt: float, agreement_s: float) -> list[Arrival]:
    return [
        each
        for each in arrivals
        if each.polarity == first.polarity
        and abs(each.lag_s - first.lag_s - tilt * (each.at_s - first.at_s)) <= agreement_s
    ]


def _line_through(arrivals: Sequence[Arrival], windows: int) -> Course:
    times = np.array([each.at_s for each in arrivals])
    lags = np.array([each.lag_s for each in arrivals])
    about = times - times.mean()
    spread = float((about * about).sum())
    tilt = float((about * lags).sum()) / spread if spread > 0.0 else 0.0
    return Course(
        lag_s=float(lags.mean()) - tilt * float(times.mean()),
        drift_ppm=1e6 * tilt,
        polarity=arrivals[0].polarity,
        agreeing=len(arrivals),
        windows=windows,
        relation=float(np.median([each.relation for each in arrivals])),
        coherence=0.0,
        first_s=float(times.min()),
        last_s=float(times.max()),
    )


class _Windows:
    """Windows spread over a session, in which all tracks that sound are compared."""

    def __init__(self, compacts: Sequence[Compact]) -> None:
        self._compacts = compacts
        length = max((compact.coded.size for compact in compacts), default=0)
        size = window_size(length)
        self.comparison = Comparison(size, COMPACT_RATE_HZ)
        self.count = int(min(settings()["most_windows"], max(1, length // size))) if length else 0
        last = max(0, length - size)
        self._starts = [
            round(last * (number + 0.5) / self.count) if self.count > 1 else 0 for number in range(self.count)
        ]
        self._loud = [settings()["sounding_share"] * _mean_square(compact) for compact in compacts]

    def lines(self, number: int) -> dict[int, Lines]:
        """Whitened spectra, by the number of the track, of those that sound in a window."""
        made = {}
        for track in range(len(self._compacts)):
            sound = self._sound(track, number)
            if sound.size and float(np.square(sound).mean()) > max(self._loud[track], settings()["quietest_power"]):
                made[track] = whitened(self.comparison.spectrum(sound))
        return made

    def arrival(self, number: int, first: Lines, second: Lines) -> Arrival | None:
        """How the second track lies against the first; None where they are not related in this window."""
        reach_s = settings()["reach_s"]
        peak = self.comparison.peak(second * first.conj(), -reach_s, reach_s)
        if peak is None or peak.relation < settings()["least_relation"]:
            return None
        return Arrival(at_s=self._middle_s(number), lag_s=peak.lag_s, polarity=peak.polarity, relation=peak.relation)

    def coherence(self, first: int, second: int, course: Course) -> float:
        """Of two tracks along the course of their lag, over the windows in which both sound."""
        sums: Likeness | None = None
        for number in range(self.count):
            at_s = self._middle_s(number)
            if course.first_s <= at_s <= course.last_s:
                own, other = (self.comparison.spectrum(self._sound(track, number)) for track in (first, second))
                here = self.comparison.likeness(own, other, course.lag_at(at_s))
                sums = here if sums is None else sums + here
        return 0.0 if sums is None else sums.coherence

    def _middle_s(self, number: int) -> float:
        return (self._starts[number] + 0.5 * self.comparison.size) / COMPACT_RATE_HZ

    def _sound(self, track: int, number: int) -> Mono:
        start = self._starts[number]
        return stretch(self._compacts[track], start, start + self.comparison.size)


def window_size(length: int) -> int:
    """Samples of a window: a power of two, about 4 s, less where there is less."""
    most = min(length, settings()["window_s"] * COMPACT_RATE_HZ)
    return int(2 ** max(6, math.floor(math.log2(max(1.0, most)))))


def stretch(compact: Compact, start: int, end: int) -> Mono:
    """A stretch of the small copy, no longer than the copy goes."""
    sound: Mono = compact.coded[start:end] * np.float32(compact.coding_gain)
    return sound


def _mean_square(compact: Compact) -> float:
    """Of the small copy itself: hats have next to nothing left there, and still enough."""
    return float(np.square(compact.mono.samples).mean()) if compact.coded.size else 0.0
