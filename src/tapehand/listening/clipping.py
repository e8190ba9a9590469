"""Clipping: samples above full scale, and flat tops at it, or at a recording's own highest level.

A recording that was clipped and then turned down is flat where it reaches its top, and leaves it at once. The crest of
a low tone is flat too, for a few samples of coarse steps, but round beside them: a parabola that stays within one step
for ``n`` samples has fallen by no more than ``(1 + 4 / n) ** 2`` steps two samples later, and one more by rounding. A
synthesiser's square wave jumps from top to top, by intent. Neither counts as clipped and turned down.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.listening.kinds import clock_time, counted, finding, limit
from tapehand.song.finding import Finding
from tapehand.units import db_to_gain, gain_to_db, samples_to_seconds

FULL_SCALE: Final = np.float32(1.0)
# The highest code of 16 bits, which never reach full scale upwards.
HIGHEST_CODE: Final = 1.0 - 2.0**-15
COARSEST_STEP: Final = np.float32(2.0**-7)
ROUNDING: Final = 2.0**-15
MOST_WAITING: Final = 1 << 16


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


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Runs of equal neighbours in their order: ``(start, end)`` of each, shape ``(runs, 2)``, and its value.

    ``is_coarse`` where the recording they are of has 8 bits or fewer.
    """

    spans: NDArray[np.int64]
    values: NDArray[np.float32]
    is_coarse: bool = False

    @property
    def lengths(self) -> NDArray[np.int64]:
        lengths: NDArray[np.int64] = self.spans[:, 1] - self.spans[:, 0]
        return lengths

    @property
    def heights(self) -> NDArray[np.float32]:
        return np.abs(self.values)

    @property
    def step(self) -> float:
        """The coarsest resolution that the heights can have."""
        finest = float(COARSEST_STEP) if self.is_coarse else ROUNDING
        steps = np.diff(np.unique(self.heights).astype(np.float64))
        return float(steps.min()) if steps.size else finest

    def where(self, chosen: NDArray[np.bool_]) -> "_Runs":
        return replace(self, spans=self.spans[chosen], values=self.values[chosen])

    def are_highest(self) -> NDArray[np.bool_]:
        """Which of them lie at the top of all, or at full scale; up and down may differ by one step of rounding."""
        top = min(float(self.heights.max(initial=np.float32(0.0))), HIGHEST_CODE)
        highest: NDArray[np.bool_] = self.heights >= top - 1.5 * min(self.step, ROUNDING)
        return highest

    def falls(self, side: int) -> NDArray[np.float64]:
        """How far the wave lies under each run two samples before (-1) or after (1) it, unbounded where that is far.

        Nothing is known then of a recording in steps so coarse that the next one may be far.
        """
        first, second = self._beside(side), self._beside(2 * side)
        next_to = _touching(self.spans, side)
        beyond = np.where(self.lengths[first] > 1, first, second)
        reached = next_to & ((self.lengths[first] > 1) | next_to[first])
        fallen = self.heights - np.sign(self.values) * self.values[beyond]
        return np.where(reached, fallen, 0.0 if self.is_coarse else np.inf)

    def jumps(self) -> NDArray[np.bool_]:
        """Which runs are left or reached from top to top, as in a square wave."""
        before, after = (
            _touching(self.spans, side) & (self.values * self.values[self._beside(side)] < 0.0) for side in (-1, 1)
        )
        jumps: NDArray[np.bool_] = before | after
        return jumps

    def are_cut(self) -> NDArray[np.bool_]:
        """Which flat runs are left more steeply on both sides than a round crest can be."""
        crest = self.step * (1.0 + (1.0 + 4.0 / self.lengths) ** 2)
        cut: NDArray[np.bool_] = np.minimum(self.falls(-1), self.falls(1)) > crest
        return cut

    def _beside(self, shift: int) -> NDArray[np.intp]:
        return np.clip(np.arange(len(self.spans)) + shift, 0, max(len(self.spans) - 1, 0))


class _TopRuns:
    """The runs of one channel that lie near full scale, or near the highest level that was met so far."""

    def __init__(self, margin: np.float32) -> None:
        self._margin = margin
        self._top = np.float32(0.0)
        self._is_coarse = True
        self._position = 0
        self._open: _OpenRun | None = None
        self._kept: list[_Runs] = []
        self._count = 0

    def feed(self, samples: NDArray[np.float32]) -> None:
        highest = max(samples.max(initial=np.float32(0.0)), -samples.min(initial=np.float32(0.0)))
        self._top = max(self._top, highest)
        if self._is_coarse and highest > 0.0:
            self._is_coarse = not np.any(np.mod(samples, COARSEST_STEP))
        floor = self._floor()
        at = np.flatnonzero(np.abs(samples) >= floor) if highest >= floor > 0.0 else np.zeros(0, np.int64)
        if at.size:
            self._take(at, samples[at], samples.size)
        else:
            self._close()
        self._position += samples.size

    def finish(self) -> _Runs:
        self._close()
        spans = np.concatenate([np.zeros((0, 2), np.int64), *(runs.spans for runs in self._kept)])
        values = np.concatenate([np.zeros(0, np.float32), *(runs.values for runs in self._kept)])
        return _Runs(spans, values, self._is_coarse).where(np.abs(values) >= self._floor())

    def _floor(self) -> np.float32:
        return min(self._top, FULL_SCALE) * self._margin

    def _take(self, at: NDArray[np.intp], values: NDArray[np.float32], block_samples: int) -> None:
        """Group equal neighbours among the high samples; the last group may go on in the next block."""
        fresh = np.ones(at.size, dtype=bool)
        fresh[1:] = (np.diff(at) != 1) | (values[1:] != values[:-1])
        first = np.flatnonzero(fresh)
        starts = at[first].astype(np.int64) + self._position
        lengths = np.diff(first, append=at.size).astype(np.int64)
        tops = values[first]
        before = self._open
        if before is not None and starts[0] == self._position and tops[0] == before.value:
            starts[0], lengths[0] = before.start, lengths[0] + before.length
            self._open = None
        self._close()
        last = len(first)
        if at[-1] == block_samples - 1:
            last -= 1
            self._open = _OpenRun(int(starts[-1]), float(tops[-1]), int(lengths[-1]))
        self._keep(starts[:last], lengths[:last], tops[:last])

    def _close(self) -> None:
        run = self._open
        if run is not None:
            self._open = None
            self._keep(np.array([run.start]), np.array([run.length]), np.array([run.value], np.float32))

    def _keep(self, starts: NDArray[np.int64], lengths: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        self._kept.append(_Runs(np.stack([starts, starts + lengths], axis=1), values))
        self._count += starts.size
        if self._count > MOST_WAITING:  # a rising level leaves its lower runs behind
            self._kept = [runs.where(runs.heights >= self._floor()) for runs in self._kept]
            self._count = 0


class ClippingScan:
    """One pass over a recording that arrives in blocks; their sizes do not matter."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._flat_samples = int(limit("clipping", "flat_run_samples"))
        self._margin = np.float32(db_to_gain(-limit("clipping", "margin_db")))
        self._tops = [_TopRuns(self._margin) for _ in range(channels)]
        self._length_samples = 0

    def feed(self, block: Audio) -> None:
        """Take the next stretch."""
        for channel, samples in enumerate(block.samples):
            self._tops[channel].feed(samples)
        self._length_samples += block.length_samples

    def finish(self) -> Clipping | None:
        """What was clipped, None where nothing was."""
        tops = [top.finish() for top in self._tops]
        clipped = [self._at_full_scale(runs) for runs in tops]
        if not any(runs.values.size for runs in clipped):
            clipped = [self._turned_down(runs) for runs in tops]
        clipped = [runs for runs in clipped if runs.values.size]
        if not clipped:
            return None
        channels = [_joined(runs.spans) for runs in clipped]
        lengths = np.concatenate([spans[:, 1] - spans[:, 0] for spans in channels])
        return Clipping(
            clipped_samples=int(lengths.sum()),
            places=self._places(np.concatenate(channels)),
            longest_samples=int(lengths.max()),
            peak_dbfs=gain_to_db(max(float(runs.heights.max()) for runs in clipped)),
        )

    def _at_full_scale(self, runs: _Runs) -> _Runs:
        """What is above full scale, and flat runs at the top if that is near it, unless all of them are round."""
        near, over = runs.heights >= self._margin, runs.heights > FULL_SCALE
        flat = near & runs.are_highest() & self._are_flat(runs)
        return runs.where(over | (flat & np.any(over | (flat & runs.are_cut()))))

    def _turned_down(self, runs: _Runs) -> _Runs:
        """Flat runs at the top, if enough is cut off there, in them or in shorter ones, and not most of the time."""
        at_top = runs.are_highest()
        flat = at_top & self._are_flat(runs)
        cut_samples = int(runs.lengths[flat & runs.are_cut() & ~runs.jumps()].sum())
        often = (
            at_top.sum() >= limit("clipping", "least_runs_at_top")
            and runs.lengths[at_top].sum() >= limit("clipping", "share_at_top") * runs.lengths.sum()
        )
        is_clipped = (
            cut_samples >= (self._flat_samples if often else limit("clipping", "least_samples_at_top"))
            and runs.lengths.sum() <= limit("clipping", "most_of_time") * self._length_samples
            and runs.heights.max(initial=0.0) >= db_to_gain(limit("clipping", "least_top_dbfs"))
        )
        return runs.where(flat & is_clipped)

    def _are_flat(self, runs: _Runs) -> NDArray[np.bool_]:
        return runs.lengths >= self._flat_samples

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


def _touching(spans: NDArray[np.int64], side: int) -> NDArray[np.bool_]:
    """Which stretches have another right before (-1) or after (1) them."""
    touching = np.zeros(len(spans), dtype=bool)
    meet = spans[1:, 0] == spans[:-1, 1]
    touching[slice(1, None) if side < 0 else slice(None, -1)] = meet
    return touching


def _joined(runs: NDArray[np.int64], gap_samples: int = 0) -> NDArray[np.int64]:
    """Stretches ``(start, end)``, sorted by start, with those closer than ``gap_samples`` made one."""
    reach = np.maximum.accumulate(runs[:, 1])
    fresh = np.ones(len(runs), dtype=bool)
    fresh[1:] = runs[1:, 0] > reach[:-1] + gap_samples
    first = np.flatnonzero(fresh)
    last = np.append(first[1:] - 1, len(runs) - 1)
    return np.stack([runs[first, 0], reach[last]], axis=1)
