"""Where sound stops or starts as if cut with scissors: lost blocks, missing takes, edges without a fade.

A hop is still where it lies far below what surrounds it. Between sound and stillness lies an edge; it is cut where the
sound next to it is as high as it was all along. A stillness with a cut edge on both sides of equally loud sound was not
played: a short one is a dropout, a long one a gap.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.kinds import counted, kind, limit
from tapehand.listening.occurrences import Occurrence, asked_once, marks, merged
from tapehand.listening.screens import Screen, highest_between
from tapehand.song.finding import Fact, Finding
from tapehand.units import db_to_gain, gain_to_db, samples_to_seconds

METHOD: Final = "gaps/2"
# A lost block of a millisecond has no more that are still from end to end.
STILL_HOPS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A border between sound and stillness.

    Parameters
    ----------
    rises : whether sound begins here.
    level : highest sample of the sound within 20 ms of it.
    is_cut : whether the sound is at its level within a millisecond.
    is_sharp : whether it is cut, or moves as fast as it ever did within 20 ms: a wave cut where it crosses zero.
    step : the first (or last) sample of the sound, as a share of ``level``.
    lasts : whether the sound goes on at its level rather than dying away like a stroke.
    """

    at_s: float
    rises: bool
    level: float
    is_cut: bool
    is_sharp: bool
    step: float
    lasts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """What is missing in a recording; values are lengths in seconds, those of cut edges levels in dBFS."""

    dropouts: tuple[Occurrence, ...]
    gaps: tuple[Occurrence, ...]
    cut_edges: tuple[Occurrence, ...]
    duration_s: float

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """One question for each kind."""
        return (
            *_with_longest("dropouts", self.dropouts, track, path, noun="dropout"),
            *_with_longest("gap", self.gaps, track, path, noun="place"),
            *asked_once("cut_edge", self.cut_edges, track, path, places=self._where_cut()),
        )

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Each place."""
        return (
            *marks(self.dropouts, "dropout", "s", track, METHOD),
            *marks(self.gaps, "gap", "s", track, METHOD),
            *marks(self.cut_edges, "cut_edge", "dBFS", track, METHOD),
        )

    def _where_cut(self) -> str:
        if not self.cut_edges:
            return ""
        at_start, at_end = self.cut_edges[0].start_s == 0.0, self.cut_edges[-1].end_s >= self.duration_s
        where = {(True, True): "its start and its end", (True, False): "its start", (False, True): "its end"}
        inside = len(self.cut_edges) - at_start - at_end
        places = [where[at_start, at_end]] if at_start or at_end else []
        places += [f"{counted(inside, 'place')} inside"] if inside else []
        return " and ".join(places)


def _with_longest(
    kind: str, places: tuple[Occurrence, ...], track: str | None, path: str | None, noun: str
) -> tuple[Finding, ...]:
    longest_s = max((each.value for each in places), default=0.0)
    longest = f"{1000.0 * longest_s:.0f} ms" if longest_s < 1.0 else f"{longest_s:.1f} s"
    return asked_once(kind, places, track, path, places=counted(len(places), noun), longest=longest)


class GapScan:
    """Looks for edges segment by segment, each channel for itself."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._edges: list[list[Edge]] = [[] for _ in range(channels)]
        self._limits = kind("cut_edge")["limits"]
        self._least = db_to_gain(self._limits["least_dbfs"])
        self._most_rest = db_to_gain(self._limits["rest_db"])
        self._length_samples = 0
        self._peak = 0.0

    def feed(self, screen: Screen) -> None:
        """Take the next segment."""
        self._length_samples = screen.segment.core_end
        self._peak = max(self._peak, float(screen.peaks[:, screen.core].max(initial=0.0)))
        still = _still(screen)
        for channel, edges in enumerate(self._edges):
            edges.extend(self._edges_of(screen, channel, still[channel]))

    def finish(self) -> Gaps:
        """What all edges tell together."""
        duration_s = samples_to_seconds(self._length_samples, self._rate_hz)
        dropouts: list[Occurrence] = []
        gaps: list[Occurrence] = []
        cut: list[Occurrence] = []
        for edges in self._edges:
            between = [place for left, right in pairwise(edges) for place in _missing(left, right)]
            dropouts += [place for place in between if place.value < limit("dropouts", "longest_s")]
            gaps += [place for place in between if place.value >= limit("dropouts", "longest_s")]
            cut += self._cut_edges(edges, between, duration_s)
        return Gaps(
            dropouts=merged(dropouts, limit("dropouts", "same_place_s")),
            gaps=merged(gaps, limit("dropouts", "same_place_s")),
            cut_edges=merged(cut, limit("dropouts", "same_place_s")),
            duration_s=duration_s,
        )

    def _cut_edges(self, edges: list[Edge], missing: list[Occurrence], duration_s: float) -> list[Occurrence]:
        """Edges without a fade that belong to nothing missing."""
        taken = {place.start_s for place in missing} | {place.end_s for place in missing}
        least = self._peak * db_to_gain(limit("cut_edge", "least_below_peak_db"))
        return [
            Occurrence(start_s=edge.at_s, end_s=edge.at_s, value=gain_to_db(edge.level))
            for edge in edges
            if edge.is_cut
            and edge.step >= limit("cut_edge", "least_step")
            and edge.level >= least
            and (edge.lasts or edge.at_s in (0.0, duration_s))
            and edge.at_s not in taken
        ]

    def _edges_of(self, screen: Screen, channel: int, still: NDArray[np.bool_]) -> list[Edge]:
        core = screen.core
        hops = np.flatnonzero(still[core.start : core.stop] != still[core.start - 1 : core.stop - 1]) + core.start
        rises = ~still[hops]
        if screen.segment.is_last and core.stop > core.start and not still[core.stop - 1]:
            hops, rises = np.append(hops, core.stop), np.append(rises, False)
        if not hops.size:
            return []
        # A recording that rests on its noise has thousands of borders in it, nearly all too quiet to be an edge.
        levels = _highest_beside(screen.peaks[channel], hops, rises, screen.hops(0.02))
        beside = _highest_beside(screen.peaks[channel], hops, rises, screen.hops(self._limits["beside_s"]))
        loud = np.flatnonzero(levels > self._least).tolist()
        return [
            self._edge(screen, channel, int(hops[at]), bool(rises[at]), float(levels[at]), float(beside[at]))
            for at in loud
        ]

    def _edge(self, screen: Screen, channel: int, hop: int, rises: bool, level: float, beside: float) -> Edge:
        """The edge before ``hop``: what sounds lies from it on, or before it, ``beside`` right at it."""
        limits = self._limits
        at_s = samples_to_seconds(screen.position(hop), self._rate_hz)
        if 2.0 * beside < limits["least_step"] * level or self._goes_on(screen.peaks[channel], hop, rises, level):
            return Edge(at_s=at_s, rises=rises, level=level, is_cut=False, is_sharp=False, step=0.0, lasts=False)
        peaks = screen.peaks[channel, hop:] if rises else screen.peaks[channel, :hop][::-1]
        first, last = screen.hops(limits["lasting_from_s"]), screen.hops(limits["lasting_to_s"])
        later = _lowest_high(peaks[first:last], screen.hops(0.01))
        at, step, steepest = self._step(screen, channel, hop, level)
        is_cut = beside >= limits["beside_share"] * level or step >= limits["least_step"]
        return Edge(
            at_s=samples_to_seconds(self._at_the_end(screen, hop, at), self._rate_hz),
            rises=rises,
            level=level,
            is_cut=is_cut,
            is_sharp=is_cut or step >= limits["sharp_share"] * steepest,
            step=step,
            lasts=later >= limits["rising_share" if rises else "falling_share"] * level,
        )

    def _goes_on(self, peaks: NDArray[np.float32], hop: int, rises: bool, level: float) -> bool:
        """Whether what is still beside a sound near by is not beside this one: the tail of noise before a stroke."""
        rest = peaks[max(0, hop - STILL_HOPS) : hop] if rises else peaks[hop : hop + STILL_HOPS]
        return float(rest.max(initial=0.0)) > self._most_rest * level

    def _at_the_end(self, screen: Screen, hop: int, at: int) -> int:
        """The start or end of the recording where the edge is that, else the sample at which the step is largest."""
        segment = screen.segment
        if screen.position(hop) <= 0:
            return 0
        return segment.core_end if segment.is_last and hop >= screen.core.stop else at

    def _step(self, screen: Screen, channel: int, hop: int, level: float) -> tuple[int, float, float]:
        """The largest step from one sample to the next around the border: its place and its share of the level; and
        the largest within 20 ms.
        """
        border = screen.position(hop) - screen.segment.start_samples
        first, reach = border - screen.hop - 1, round(0.02 * self._rate_hz)
        wave = screen.segment.samples[channel]
        steps = np.abs(np.diff(wave[first : border + screen.hop]))
        around = np.abs(np.diff(wave[max(0, border - reach) : border + reach]))
        at = int(steps.argmax())
        share = 1.0 / level if level else 0.0
        return screen.segment.start_samples + first + at + 1, float(steps[at]) * share, float(around.max()) * share


def _highest_beside(
    peaks: NDArray[np.float32], hops: NDArray[np.intp], rises: NDArray[np.bool_], width: int
) -> NDArray[np.float64]:
    """The highest of ``width`` hops at each border, on the side that sounds."""
    starts = np.where(rises, hops, hops - width)
    beside = peaks.take(starts[:, None] + np.arange(width), mode="clip")
    highest: NDArray[np.float64] = beside.max(axis=1).astype(np.float64)
    return highest


def _lowest_high(peaks: NDArray[np.float32], width: int) -> float:
    """The lowest of the highest values of stretches of ``width``."""
    whole = peaks[: peaks.size // width * width].reshape(-1, width)
    return float(whole.max(axis=1).min()) if whole.size else 0.0


def _still(screen: Screen) -> NDArray[np.bool_]:
    """Which hops carry nothing beside their surroundings, ``(channels, hops)``."""
    reach = screen.hops(limit("dropouts", "around_s"))
    share = np.float32(db_to_gain(limit("dropouts", "below_db")))
    nothing = np.float32(db_to_gain(limit("dropouts", "nothing_dbfs")))
    lowest_possible: NDArray[np.bool_] = screen.peaks <= max(share * screen.peaks.max(initial=np.float32(0.0)), nothing)
    if not lowest_possible.any():
        return lowest_possible
    around = highest_between(screen.peaks, -reach, reach + 1)
    still: NDArray[np.bool_] = screen.peaks <= np.maximum(share * around, nothing)
    return still


def _missing(left: Edge, right: Edge) -> list[Occurrence]:
    """The stillness between two edges, if it was not played."""
    length_s = right.at_s - left.at_s
    alike = abs(gain_to_db(left.level / right.level)) <= limit("dropouts", "alike_db")
    if left.rises or not right.rises or not (left.is_sharp and right.is_sharp and alike):
        return []
    if not limit("dropouts", "shortest_s") <= length_s <= limit("gap", "longest_s"):
        return []
    if min(left.level, right.level) < db_to_gain(limit("dropouts", "least_dbfs")):
        return []
    if length_s < limit("dropouts", "longest_s"):
        is_lost = left.is_cut and right.is_cut and max(left.step, right.step) >= limit("dropouts", "least_step")
    else:
        is_lost = max(left.step, right.step) >= limit("gap", "least_step")
    if not is_lost:
        return []
    return [Occurrence(start_s=left.at_s, end_s=right.at_s, value=length_s)]
