"""Clipping: samples above full scale, and flat tops at it.

Flat tops count only near full scale: a synthesiser's square wave is flat by intent, at any level below.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.listening.kinds import clock_time, counted, finding, limit
from tapehand.song.finding import Finding
from tapehand.units import db_to_gain, gain_to_db, samples_to_seconds

FULL_SCALE: Final = np.float32(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping:
    """What is clipped in a recording.

    Parameters
    ----------
    clipped_samples : samples of all channels that are above full scale or part of a flat top.
    places : ``(start_s, end_s)`` in order; clipped samples of any channel closer than 50 ms are one place.
    longest_samples : the longest unbroken run in one channel.
    peak_dbfs : the highest clipped value.
    """

    clipped_samples: int
    places: tuple[tuple[float, float], ...]
    longest_samples: int
    peak_dbfs: float


@dataclass(slots=True)
class _OpenRun:
    """Equal neighbours that reach the end of the last block and may go on."""

    start: int
    value: float
    length: int


class ClippingScan:
    """One pass over a recording that arrives in blocks; their sizes do not matter."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._flat_samples = int(limit("clipping", "flat_run_samples"))
        self._floor = np.float32(db_to_gain(-limit("clipping", "margin_db")))
        self._position = 0
        self._open: list[_OpenRun | None] = [None] * channels
        self._runs: list[list[NDArray[np.int64]]] = [[] for _ in range(channels)]
        self._peak = 0.0

    def feed(self, block: Audio) -> None:
        """Take the next stretch."""
        for channel, samples in enumerate(block.samples):
            loud = np.flatnonzero(np.abs(samples) >= self._floor)
            if loud.size == 0:
                self._close(channel)
                continue
            self._take(channel, loud, samples[loud], block.length_samples)
        self._position += block.length_samples

    def finish(self) -> Clipping | None:
        """What was clipped, None where nothing was."""
        for channel in range(len(self._open)):
            self._close(channel)
        channels = [_joined(np.concatenate(runs)) for runs in self._runs if runs]
        if not channels:
            return None
        lengths = np.concatenate([runs[:, 1] - runs[:, 0] for runs in channels])
        return Clipping(
            clipped_samples=int(lengths.sum()),
            places=self._places(np.concatenate(channels)),
            longest_samples=int(lengths.max()),
            peak_dbfs=gain_to_db(self._peak),
        )

    def _take(self, channel: int, at: NDArray[np.intp], values: NDArray[np.float32], block_samples: int) -> None:
        """Group equal neighbours among the loud samples, carry the last group, keep the clipped ones."""
        fresh = np.ones(at.size, dtype=bool)
        fresh[1:] = (np.diff(at) != 1) | (values[1:] != values[:-1])
        first = np.flatnonzero(fresh)
        starts = at[first].astype(np.int64) + self._position
        lengths = np.diff(first, append=at.size).astype(np.int64)
        heights = values[first]
        before = self._open[channel]
        if before is not None and starts[0] == self._position and heights[0] == before.value:
            starts[0], lengths[0] = before.start, lengths[0] + before.length
            self._open[channel] = None
        self._close(channel)
        last = len(first)
        if at[-1] == block_samples - 1:
            last -= 1
            self._open[channel] = _OpenRun(int(starts[-1]), float(heights[-1]), int(lengths[-1]))
        self._keep(channel, starts[:last], lengths[:last], np.abs(heights[:last]))

    def _close(self, channel: int) -> None:
        run = self._open[channel]
        if run is not None:
            self._open[channel] = None
            self._keep(channel, np.array([run.start]), np.array([run.length]), np.array([abs(run.value)], np.float32))

    def _keep(
        self, channel: int, starts: NDArray[np.int64], lengths: NDArray[np.int64], heights: NDArray[np.float32]
    ) -> None:
        clipped = (heights > FULL_SCALE) | (lengths >= self._flat_samples)
        if clipped.any():
            self._peak = max(self._peak, float(heights[clipped].max()))
            self._runs[channel].append(np.stack([starts[clipped], starts[clipped] + lengths[clipped]], axis=1))

    def _places(self, runs: NDArray[np.int64]) -> tuple[tuple[float, float], ...]:
        runs = runs[np.argsort(runs[:, 0], kind="stable")]
        gap_samples = round(limit("clipping", "same_place_s") * self._rate_hz)
        return tuple(
            (samples_to_seconds(int(start), self._rate_hz), samples_to_seconds(int(end), self._rate_hz))
            for start, end in _joined(runs, gap_samples)
        )


def clipping_finding(clipping: Clipping, track: str | None, path: str | None) -> Finding:
    """One finding for a recording, from its first clipped sample to its last."""
    start_s, end_s = clipping.places[0][0], max(end for _start, end in clipping.places)
    return finding(
        "clipping",
        track=track,
        path=path,
        value=clipping.peak_dbfs,
        start_s=start_s,
        end_s=end_s,
        samples=counted(clipping.clipped_samples, "sample"),
        places=counted(len(clipping.places), "place"),
        first=clock_time(start_s),
        longest=counted(clipping.longest_samples, "sample"),
    )


def _joined(runs: NDArray[np.int64], gap_samples: int = 0) -> NDArray[np.int64]:
    """Stretches ``(start, end)``, sorted by start, with those closer than ``gap_samples`` made one."""
    reach = np.maximum.accumulate(runs[:, 1])
    fresh = np.ones(len(runs), dtype=bool)
    fresh[1:] = runs[1:, 0] > reach[:-1] + gap_samples
    first = np.flatnonzero(fresh)
    last = np.append(first[1:] - 1, len(runs) - 1)
    return np.stack([runs[first, 0], reach[last]], axis=1)
