"""Stretches of a recording with what comes before and after them, whatever blocks it arrives in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CORE_SAMPLES: Final = 1 << 17
MARGIN_SAMPLES: Final = 1 << 13

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segment:
    """A stretch to be looked at, and enough around it to look from.

    Parameters
    ----------
    samples : float32 ``(channels, samples)``; silence stands in for what lies outside the recording.
    start_samples : position of ``samples[:, 0]`` in the recording; negative in the first segment.
    core_start, core_end : the stretch itself, as positions in the recording. Cores lie next to each other.
    is_last : whether the recording ends with this core.
    """

    samples: Samples
    start_samples: int
    core_start: int
    core_end: int
    is_last: bool


class SegmentStream:
    """Cuts a recording into segments; the blocks' sizes do not matter."""

    def __init__(self, channels: int) -> None:
        # One sample more than a segment takes: the one that ends the recording is made by ``finish``.
        self._kept = np.zeros((channels, CORE_SAMPLES + 2 * MARGIN_SAMPLES + 1), dtype=np.float32)
        self._filled = MARGIN_SAMPLES
        self._start = -MARGIN_SAMPLES

    def feed(self, samples: Samples) -> Iterator[Segment]:
        """The segments that are complete with ``samples`` ``(channels, samples)``."""
        taken = 0
        while taken < samples.shape[1]:
            count = min(samples.shape[1] - taken, self._kept.shape[1] - self._filled)
            self._kept[:, self._filled : self._filled + count] = samples[:, taken : taken + count]
            self._filled += count
            taken += count
            if self._filled == self._kept.shape[1]:
                yield self._segment(CORE_SAMPLES, is_last=False)

    def finish(self) -> Iterator[Segment]:
        """What is left; nothing for a recording without a sample."""
        left = self._filled - MARGIN_SAMPLES
        self._kept = np.pad(self._kept[:, : self._filled], ((0, 0), (0, MARGIN_SAMPLES)))
        self._filled = self._kept.shape[1]
        while left > 0:
            core = min(left, CORE_SAMPLES)
            left -= core
            yield self._segment(core, is_last=left == 0)

    def _segment(self, core: int, *, is_last: bool) -> Segment:
        start = self._start
        segment = Segment(
            samples=self._kept[:, : core + 2 * MARGIN_SAMPLES].copy(),
            start_samples=start,
            core_start=start + MARGIN_SAMPLES,
            core_end=start + MARGIN_SAMPLES + core,
            is_last=is_last,
        )
        rest = self._kept[:, core : max(core, self._filled)].copy()
        self._kept[:, : rest.shape[1]] = rest
        self._filled = rest.shape[1]
        self._start += core
        return segment
