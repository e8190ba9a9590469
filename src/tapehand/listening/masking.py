"""Which track covers which, where, at the levels they came in: what a balance or an equaliser would have to part.

A band is covered where another track is clearly stronger in it for most of the time in which the covered one sounds
(masking within a critical band: E. Zwicker & H. Fastl, Psychoacoustics, 1999, chapter 4). Faders move all of it, so it
is good to know and seldom a question.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.kinds import clock_time, finding, limit, threshold
from tapehand.listening.recordings import BAND_EDGES_HZ, Recordings
from tapehand.song.finding import Finding
from tapehand.units import db_to_gain

Powers = NDArray[np.float64]
Mask = NDArray[np.bool_]

NOTHING: Final = 1e-14
EVERY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """One track under another in some neighbouring bands.

    Parameters
    ----------
    share : of the time in which the covered track sounds in these bands.
    excess_db : median by which the other is stronger there.
    start_s, end_s : the longest stretch.
    """

    covered: str
    by: str
    low_hz: float
    high_hz: float
    share: float
    excess_db: float
    start_s: float
    end_s: float


def settings() -> Mapping[str, Any]:
    """The figures of ``catalogue/between.toml`` for masking."""
    figures: Mapping[str, Any] = load("between")["masking"]
    return figures


def maskings(recordings: Recordings) -> tuple[Masking, ...]:
    """For each track that has to be heard the one that covers most of it."""
    blocks = {name: _Blocks.of(recordings, name) for name in recordings.names}
    found = []
    for role, (low_hz, high_hz) in settings()["needs_hz"].items():
        for covered in (name for name in recordings.names if recordings.role(name) == role):
            under = [
                masking
                for other in recordings.names
                if other != covered
                for masking in _covering(covered, other, blocks, low_hz, high_hz)
            ]
            if under:
                found.append(max(under, key=lambda masking: masking.share * masking.excess_db))
    return tuple(found)


def masking_findings(found: tuple[Masking, ...]) -> tuple[Finding, ...]:
    """Notes; a question where hardly anything is left."""
    return tuple(_told(masking) for masking in found)


def _told(masking: Masking) -> Finding:
    told = finding(
        "masking",
        track=masking.covered,
        path=None,
        value=masking.excess_db,
        start_s=masking.start_s,
        end_s=masking.end_s,
        confidence=0.8,
        by=masking.by,
        low=f"{masking.low_hz:.0f}",
        high=f"{masking.high_hz:.0f}",
        excess=f"{masking.excess_db:.0f}",
        share=f"{100 * masking.share:.0f}",
        stretch=f"{clock_time(masking.start_s)} to {clock_time(masking.end_s)}",
    )
    gross = masking.excess_db >= limit("masking", "asked_db") and masking.share >= limit("masking", "asked_share")
    return replace(told, severity="ask") if gross else told


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Blocks:
    """Power of each band in blocks of half a second, ``(blocks, bands)``.

    ``heard`` is the mean, which a short hit raises; ``lasting`` the mean of the levels, which it does not: what covers
    has to last.
    """

    heard: Powers
    lasting: Powers

    @classmethod
    def of(cls, recordings: Recordings, name: str) -> "_Blocks":
        compact = recordings.compact(name)
        some = compact.bands[::EVERY]
        width = round(settings()["block_s"] * compact.frames_per_s / EVERY)
        whole = some.shape[0] // width
        powers = some[: whole * width].astype(np.float64).reshape(whole, width, some.shape[1]) + NOTHING
        return cls(heard=powers.mean(axis=1), lasting=np.exp2(np.log2(powers).mean(axis=1)))


def _covering(
    covered: str, other: str, blocks: Mapping[str, _Blocks], low_hz: float, high_hz: float
) -> Iterator[Masking]:
    size = min(blocks[covered].heard.shape[0], blocks[other].heard.shape[0])
    own, its = blocks[covered].heard[:size], blocks[other].lasting[:size]
    edges_hz = BAND_EDGES_HZ
    bands = [band for band in range(own.shape[1]) if low_hz <= edges_hz[band] and edges_hz[band + 1] <= high_hz]
    loud = own.sum(axis=1) > settings()["sounding_share"] * own.sum(axis=1).max(initial=0.0)
    needed, covering = own[:, bands], its[:, bands]
    enough = float(needed[loud].sum()) > settings()["needed_share"] * float(own[loud].sum())
    if int(loud.sum()) < settings()["fewest_blocks"] or not enough:
        return
    excess_db = 10.0 * np.log10(covering.sum(axis=1) / needed.sum(axis=1))
    # What one has to hear of it lies where the other is stronger.
    lost = needed * (covering >= db_to_gain(threshold("masking")) ** 2 * needed)
    under = loud & (lost.sum(axis=1) >= settings()["lost_share"] * needed.sum(axis=1))
    share = float(under.sum()) / float(loud.sum())
    if share < limit("masking", "least_share"):
        return
    first, last = _longest(under)
    yield Masking(
        covered=covered,
        by=other,
        low_hz=BAND_EDGES_HZ[bands[0]],
        high_hz=BAND_EDGES_HZ[bands[-1] + 1],
        share=share,
        excess_db=float(np.median(excess_db[under])),
        start_s=first * settings()["block_s"],
        end_s=last * settings()["block_s"],
    )


def _longest(mask: Mask) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return int(first), int(last)
