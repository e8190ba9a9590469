"""Oversampled soft clipping of the highest peaks, for the last decibel or two before a limiter."""

from typing import ClassVar, Final

import numpy as np

from tapehand.audio.buffer import Samples
from tapehand.dsp.interpolation import kaiser_bank
from tapehand.kernels.softclip import SoftClipper
from tapehand.song.processors import SoftClip
from tapehand.units import db_to_gain

OVERSAMPLING: Final = 8
TAPS: Final = 48
KAISER_BETA: Final = 7.0
SMALLEST_KNEE_DB: Final = 0.01


class SoftClipNode:
    """Peaks bent: linear up to ``knee_db`` below ``ceiling_db``, held at ``ceiling_db`` above.

    The curve is a parabola between the two, applied at 8 times the rate. Only the difference to the straight line is
    brought back down, so below the knee nothing changes but the drive. The ceiling holds for the signal at 8 times the
    rate; the way down may leave a few tenths of a dB above it.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_clippers",)

    def __init__(self, channels: int, rate_hz: int, settings: SoftClip) -> None:
        del rate_hz  # the same filter at every rate
        self.channels = channels
        top = db_to_gain(settings.ceiling_db)
        self._clippers = [
            SoftClipper(
                kaiser_bank(OVERSAMPLING, TAPS, KAISER_BETA),
                drive=db_to_gain(settings.drive_db),
                knee=top * db_to_gain(-max(settings.knee_db, SMALLEST_KNEE_DB)),
                top=top,
            )
            for _ in range(channels)
        ]
        self.look_ahead_samples = self._clippers[0].late_samples

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        made = np.empty(block.shape, dtype=np.float32)
        for clipper, channel, out in zip(self._clippers, block, made, strict=True):
            clipper.follow(channel, out)
        return made
