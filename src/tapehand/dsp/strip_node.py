"""Strips as nodes: gains, filters and compressors of one sound, and several of them side by side that are summed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from tapehand.audio.buffer import Samples
from tapehand.dsp.strips import StripBank, StripPart
from tapehand.kernels.blend import weighted_sum

NO_KEYS: Final[Mapping[str, Samples]] = MappingProxyType({})


class StripNode:
    """One sound through gains, high-passes, equalisers, sections and compressors."""

    STATE: ClassVar[tuple[str, ...]] = ("_bank",)
    look_ahead_samples: Final = 0

    def __init__(self, channels: int, rate_hz: int, chain: Sequence[StripPart]) -> None:
        self.channels = channels
        self._bank = StripBank([chain], rate_hz)

    def follow(self, block: Samples, keys: Mapping[str, Samples] = NO_KEYS) -> Samples:
        """The next block; ``keys`` holds the same block of what compressors with a ``key_track`` listen to.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block; ``dsp.key`` for a key that is not there.
        """
        made = np.empty(block.shape, dtype=np.float32)
        self._bank.follow([block], keys, [made])
        return made


class ParallelStrips:
    """The sum of several strips that hear one and the same sound, each by its gain; an empty chain is the sound."""

    STATE: ClassVar[tuple[str, ...]] = ("_bank",)
    look_ahead_samples: Final = 0

    def __init__(
        self, channels: int, rate_hz: int, chains: Sequence[Sequence[StripPart]], gains: Sequence[float] = ()
    ) -> None:
        self.channels = channels
        self._strips, self._gains = len(chains), gains or [1.0] * len(chains)
        self._bank = StripBank(chains, rate_hz)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        rooms = list(np.empty((self._strips, *block.shape), dtype=np.float32))
        self._bank.follow([block] * self._strips, NO_KEYS, rooms)
        return weighted_sum(rooms, self._gains)
