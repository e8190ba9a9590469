"""What lies between processors and beside them: delay lines, the second side of a mono sound, dry and wet."""

from typing import ClassVar

import numpy as np

from tapehand.audio.buffer import Samples
from tapehand.kernels.blend import weighted_sum


class DelayLine:
    """A sound, some samples late; silence comes first."""

    STATE: ClassVar[tuple[str, ...]] = ("_held",)

    def __init__(self, channels: int, delay_samples: int) -> None:
        self._held = np.zeros((channels, delay_samples), dtype=np.float32)

    def follow(self, block: Samples) -> Samples:
        """The next block ``(channels, n)``, as it was ``delay_samples`` ago."""
        if self._held.shape[1] == 0:
            return block
        joined = np.concatenate([self._held, block], axis=1)
        self._held[...] = joined[:, block.shape[1] :]
        return joined[:, : block.shape[1]]


class Blend:
    """``1 - mix`` of the dry sound and ``mix`` of the wet one, which comes ``late_samples`` behind it."""

    STATE: ClassVar[tuple[str, ...]] = ("_dry",)

    def __init__(self, channels: int, mix: float, late_samples: int = 0) -> None:
        self._mix = mix
        self._dry = DelayLine(channels, late_samples if mix != 1.0 else 0)

    def follow(self, dry: Samples, wet: Samples) -> Samples:
        """The next block of both, ``(channels, n)``; with a mix of 1, the wet one as it is."""
        if self._mix == 1.0:
            return wet
        return weighted_sum([self._dry.follow(dry), wet], [1.0 - self._mix, self._mix])


def both_sides(block: Samples) -> Samples:
    """Two channels: a mono block is read twice (and must not be written into), stereo is itself."""
    return block if block.shape[0] == 2 else np.broadcast_to(block, (2, block.shape[1]))
