"""Stereo as mid and side."""

from typing import ClassVar, Final

import numpy as np

from tapehand.audio.buffer import Samples
from tapehand.dsp.strip_node import NO_KEYS
from tapehand.dsp.strips import StripBank, StripProcessor
from tapehand.kernels.blend import left_and_right, mid_and_side
from tapehand.song.processors import Equaliser, Gain, MidSideEqualiser


class MidSideNode:
    """Bands and gains of mid and side; a mono sound is all mid and stays mono."""

    STATE: ClassVar[tuple[str, ...]] = ("_bank",)
    look_ahead_samples: Final = 0

    def __init__(self, channels: int, rate_hz: int, settings: MidSideEqualiser) -> None:
        self.channels = channels
        chains: list[list[StripProcessor]] = [
            [Gain(gain_db=settings.mid_gain_db), Equaliser(bands=settings.mid)],
            [Gain(gain_db=settings.side_gain_db), Equaliser(bands=settings.side)],
        ]
        self._bank = StripBank(chains[:channels], rate_hz)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        parts = mid_and_side(block) if self.channels == 2 else (block,)
        made = [np.empty(part.shape, dtype=np.float32) for part in parts]
        self._bank.follow(parts, NO_KEYS, made)
        return left_and_right(*made) if self.channels == 2 else made[0]
