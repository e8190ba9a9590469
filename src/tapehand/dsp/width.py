"""Stereo width."""

from typing import ClassVar, Final

from tapehand.audio.buffer import Samples
from tapehand.dsp.strip_node import StripNode
from tapehand.kernels.blend import left_and_right, mid_and_side, widened
from tapehand.song.processors import HighPass, Width


class WidthNode:
    """The side signal times ``width``; below ``mono_below_hz`` it is filtered away (12 dB/oct). Mono stays as it is."""

    STATE: ClassVar[tuple[str, ...]] = ("_side",)
    look_ahead_samples: Final = 0

    def __init__(self, channels: int, rate_hz: int, settings: Width) -> None:
        self.channels = channels
        self._width, self._cuts_lows = settings.width, settings.mono_below_hz is not None
        self._side = StripNode(
            1, rate_hz, [] if settings.mono_below_hz is None else [HighPass(cutoff_hz=settings.mono_below_hz)]
        )

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        if self.channels != 2:
            return block
        if not self._cuts_lows:
            return widened(block, self._width)
        mid, side = mid_and_side(block, self._width)
        return left_and_right(mid, self._side.follow(side))
