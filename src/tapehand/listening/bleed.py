"""Another track's sound in the rests of this one: what a microphone caught of its neighbours, or of headphones.

Only the rests are listened to, everything else is faded out of both. A source is told where the rests agree with it at
one and the same lag, and its level is the coherent part of what is heard there, over the source's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.arrivals import stretch, window_size
from tapehand.listening.correlation import Comparison, Lines, Mono, whitened
from tapehand.listening.kinds import finding, limit
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact, Recordings
from tapehand.listening.roles import group_of
from tapehand.song.finding import Finding
from tapehand.units import db_to_gain, power_to_db

Mask = NDArray[np.bool_]

LOUD_PERCENTILE: Final = 90.0
EDGE_FRAMES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bleed:
    """A source heard in the rests of another track.

    Parameters
    ----------
    level_db : of the source in this track, over the source's own.
    below_db : how far what is heard lies under the loud parts of this track.
    lag_s : how late it is heard.
    start_s, end_s : the longest of the rests that were listened to.
    confidence : 0..1; lower where what is taken for a rest may be soft playing.
    """

    track: str
    source: str
    level_db: float
    below_db: float
    lag_s: float
    relation: float
    coherence: float
    start_s: float
    end_s: float
    confidence: float


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for bleed."""
    figures: Mapping[str, float] = load("between")["bleed"]
    return figures


def bleeds(recordings: Recordings, one_source: Sequence[frozenset[str]] = ()) -> tuple[Bleed, ...]:
    """For every track that rests the source heard there most clearly; pairs that are ``one_source`` are left out."""
    found = []
    for name in recordings.names:
        sources = [other for other in recordings.names if other != name and frozenset((name, other)) not in one_source]
        heard = _heard_in(recordings, name, sources)
        if heard is not None:
            found.append(heard)
    return tuple(found)


def _heard_in(recordings: Recordings, name: str, sources: Sequence[str]) -> Bleed | None:
    compact = recordings.compact(name)
    quiet = _Rests.of(compact, "")
    if quiet is None:
        return _clearest_in(_Rests.of(compact, "loud_"), name, sources, recordings)
    heard = _clearest_in(quiet, name, sources, recordings)
    if heard is not None:
        return heard
    struck = [other for other in sources if group_of(recordings.role(other)) == "drums"]
    return _clearest_in(_Rests.of(compact, "struck_"), name, struck, recordings)


def _clearest_in(rests: "_Rests | None", name: str, sources: Sequence[str], recordings: Recordings) -> Bleed | None:
    if rests is None:
        return None
    heard = (rests.bleed(name, other, recordings.compact(other)) for other in sources)
    return max((bleed for bleed in heard if bleed), key=lambda bleed: bleed.coherence, default=None)


def bleed_findings(recordings: Recordings, found: Sequence[Bleed]) -> tuple[Finding, ...]:
    """One for each track; a question only where it stands out and is not the neighbour in one drum kit."""
    return tuple(_question(recordings, bleed) for bleed in found)


def _question(recordings: Recordings, bleed: Bleed) -> Finding:
    roles = recordings.role(bleed.track), recordings.role(bleed.source)
    apart = group_of(roles[0]) != group_of(roles[1])
    asked_db = limit("bleed", "asked_click_db" if roles[1] == "click" else "asked_db")
    told = finding(
        "bleed",
        track=bleed.track,
        path=None,
        value=bleed.level_db,
        start_s=bleed.start_s,
        end_s=bleed.end_s,
        confidence=bleed.confidence,
        source=bleed.source,
        level=f"{-bleed.level_db:.0f}",
        below=f"{bleed.below_db:.0f}",
    )
    return told if apart and bleed.below_db <= asked_db else replace(told, severity="note")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Rests:
    """The rests of one track in a few windows, faded out of the rest."""

    compact: Compact
    comparison: Comparison
    starts: tuple[int, ...]
    masks: tuple[Mono, ...]
    spectra: tuple[Lines, ...]
    loud_power: float
    resting: Mask
    least_coherence: float
    least_certainty: float
    most_confidence: float

    @classmethod
    def of(cls, compact: Compact, kind: str) -> "_Rests | None":
        """Rests with the figures of a kind; None for a track that has none, or is silent where it rests."""
        resting, loud_power = _resting(compact, settings()["loud_rest_below_db" if kind else "rest_below_db"])
        if int(resting.sum()) < settings()["fewest_rest_s"] * compact.frames_per_s:
            return None
        comparison = Comparison(window_size(compact.coded.size), COMPACT_RATE_HZ)
        starts = _windows_of_rest(resting, compact, comparison.size)
        masks = tuple(_soft(resting, compact, start, comparison.size) for start in starts)
        pieces = [
            stretch(compact, start, start + comparison.size) * mask for start, mask in zip(starts, masks, strict=True)
        ]
        return cls(
            compact=compact,
            comparison=comparison,
            starts=starts,
            masks=masks,
            spectra=tuple(comparison.spectrum(piece) for piece in pieces),
            loud_power=loud_power,
            resting=resting,
            least_coherence=settings()[f"least_{kind}coherence"],
            least_certainty=settings()[f"least_{kind}certainty"],
            most_confidence=settings()[f"most_{kind}confidence"],
        )

    def bleed(self, name: str, source: str, other: Compact) -> Bleed | None:
        """Whether ``source`` is heard in the rests."""
        spectra = self._spectra_of(other)
        if spectra is None:
            return None
        cross = sum(
            (whitened(mine) * whitened(its).conj() for mine, its in zip(self.spectra, spectra, strict=True)),
            np.zeros_like(self.spectra[0]),
        )
        peak = self.comparison.peak(cross, settings()["earliest_s"], settings()["latest_s"])
        if peak is None or peak.relation < settings()["least_relation"]:
            return None
        first, *more = (
            self.comparison.likeness(its, mine, peak.lag_s) for mine, its in zip(self.spectra, spectra, strict=True)
        )
        likeness = sum(more, first)
        certainty = likeness.coherence * peak.relation
        if likeness.coherence < self.least_coherence or certainty < self.least_certainty:
            return None
        start_s, end_s = _longest(self.resting, self.compact.frames_per_s)
        heard = float(self.compact.levels[self.resting].mean()) * likeness.coherence
        return Bleed(
            track=name,
            source=source,
            level_db=likeness.gain_db,
            below_db=power_to_db(self.loud_power / max(heard, 1e-20)),
            lag_s=peak.lag_s,
            relation=peak.relation,
            coherence=likeness.coherence,
            start_s=start_s,
            end_s=end_s,
            confidence=min(self.most_confidence, 2.0 * likeness.coherence),
        )

    def _spectra_of(self, other: Compact) -> tuple[Lines, ...] | None:
        """The other's spectra in the same rests; None where it rests, too."""
        size = min(other.levels.size, self.resting.size)
        levels = other.levels[:size]
        here = levels[self.resting[:size]]
        if not here.size or float(here.mean()) < settings()["sounding_share"] * float(levels.mean()):
            return None
        return tuple(
            self.comparison.spectrum(sound * mask[: sound.size])
            for start, mask in zip(self.starts, self.masks, strict=True)
            for sound in [stretch(other, start, start + self.comparison.size)]
        )


def _resting(compact: Compact, below_db: float) -> tuple[Mask, float]:
    """Frames of rests that are long enough and not digitally silent, and the power of the loud parts."""
    levels = _smooth(compact.levels, round(settings()["smoothing_s"] * compact.frames_per_s))
    audible = levels > db_to_gain(settings()["quietest_db"]) ** 2
    if not audible.any():
        return audible, 0.0
    loud = float(np.percentile(levels[audible], LOUD_PERCENTILE))
    quiet = levels < loud * db_to_gain(-below_db) ** 2
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    resting = np.zeros_like(quiet)
    shortest = round(settings()["shortest_rest_s"] * compact.frames_per_s)
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start >= shortest:
            resting[start + EDGE_FRAMES : end - EDGE_FRAMES] = True
    return resting & audible, loud


def _smooth(levels: NDArray[np.float32], width: int) -> NDArray[np.float64]:
    """Running means, so that a drum in the background ends no rest."""
    sums = np.concatenate([[0.0], np.cumsum(np.pad(levels, (width // 2, width - 1 - width // 2)), dtype=np.float64)])
    smooth: NDArray[np.float64] = np.maximum(sums[width:] - sums[:-width], 0.0) / width
    return smooth


def _windows_of_rest(resting: Mask, compact: Compact, size: int) -> tuple[int, ...]:
    """Starts, in samples, of the windows with the most rest."""
    width = max(1, round(size / COMPACT_RATE_HZ * compact.frames_per_s))
    starts = range(0, max(1, resting.size - width + 1), width)
    amounts = sorted((-int(resting[start : start + width].sum()), start) for start in starts)
    chosen = [start for amount, start in amounts[: int(settings()["windows"])] if amount < 0]
    return tuple(round(start / compact.frames_per_s * COMPACT_RATE_HZ) for start in sorted(chosen))


def _soft(resting: Mask, compact: Compact, start: int, size: int) -> Mono:
    """1 in rests, 0 elsewhere, in straight lines between the middles of frames."""
    frames = (start + np.arange(size)) * (compact.frames_per_s / COMPACT_RATE_HZ) - 0.5
    mask: Mono = np.interp(frames, np.arange(resting.size), resting).astype(np.float32)
    return mask[: max(0, compact.coded.size - start)]


def _longest(resting: Mask, frames_per_s: float) -> tuple[float, float]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], resting, [False]]).astype(np.int8)))
    start, end = max(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), key=lambda rest: rest[1] - rest[0])
    return start / frames_per_s, end / frames_per_s
