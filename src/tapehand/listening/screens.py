"""A coarse picture of a segment: how high it goes and how sharply it bends in every third of a millisecond.

What happens within a few samples (a click, a lost block, a bad edit) is suspected here and looked at closely only then.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapehand.kernels import faults as kernels
from tapehand.listening.segments import Segment

Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Screen:
    """The picture of one segment.

    Parameters
    ----------
    peaks, jumps : highest size, and highest size of the second difference, float32 ``(channels, hops)``.
    hop : samples to a hop; hop ``h`` begins at ``segment.start_samples + (1 + h) * hop``.
    """

    segment: Segment
    peaks: Levels
    jumps: Levels
    hop: int
    rate_hz: int

    def hops(self, length_s: float) -> int:
        """How many hops a stretch takes, at least one."""
        return max(1, round(length_s * self.rate_hz / self.hop))

    def position(self, hop: int) -> int:
        """Where a hop begins in the recording, in samples."""
        return self.segment.start_samples + (1 + hop) * self.hop

    @property
    def core(self) -> slice:
        """The hops whose first sample lies in the segment's core."""
        first, last = (
            -(-(edge - self.position(0)) // self.hop) for edge in (self.segment.core_start, self.segment.core_end)
        )
        return slice(first, last)


def screen_of(segment: Segment, rate_hz: int) -> Screen:
    """The picture of a segment; hops are 16 samples at 44.1 and 48 kHz, and divide cores and margins at every rate."""
    hop = max(8, 8 * 2 ** round(math.log2(rate_hz / 24_000)))
    first = hop - kernels.LEAD_SAMPLES
    pairs = [kernels.screen(channel[first:], hop) for channel in segment.samples]
    peaks, jumps = (np.stack(rows) for rows in zip(*pairs, strict=True))
    return Screen(segment=segment, peaks=peaks, jumps=jumps, hop=hop, rate_hz=rate_hz)


def highest_ahead(levels: Levels, width: int) -> Levels:
    """The highest of ``width`` neighbours from each place on, along the last axis; fewer at the end."""
    made = levels.copy()
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        np.maximum(made[..., :-step], made[..., step:], out=made[..., :-step])
        reach += step
    return made


def highest_between(levels: Levels, first: int, last: int) -> Levels:
    """For each place ``h`` the highest of ``levels[h + first : h + last]``; 0 where nothing lies there."""
    before, after = max(0, -first), max(0, last)
    widths = [(0, 0)] * (levels.ndim - 1) + [(before, after)]
    ahead = highest_ahead(np.pad(levels, widths), last - first)
    start = before + first
    found: Levels = ahead[..., start : start + levels.shape[-1]]
    return found
