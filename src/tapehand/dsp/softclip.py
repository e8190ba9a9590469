"""Oversampled soft clipping of the highest peaks, for the last decibel or two before a limiter."""

import numpy as np

from tapehand.audio import Audio
from tapehand.dsp.interpolation import kaiser_bank
from tapehand.kernels.softclip import softclip
from tapehand.song.processors import SoftClip
from tapehand.units import db_to_gain


def soft_clip(audio: Audio, settings: SoftClip) -> Audio:
    """``audio`` with its peaks bent: linear up to ``knee_db`` below ``ceiling_db``, held at ``ceiling_db`` above.

    The curve is a parabola between the two, applied at 8 times the rate. Only the difference to the straight line is
    brought back down, so below the knee nothing changes but the drive. The ceiling holds for the signal at 8 times the
    rate; the way down may leave a few tenths of a dB above it.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    top = db_to_gain(settings.ceiling_db)
    knee = top * db_to_gain(-max(settings.knee_db, 0.01))
    driven = audio.samples * np.float32(db_to_gain(settings.drive_db))
    bank = kaiser_bank(8, 48, 7.0)
    return Audio.of(np.stack([softclip(channel, bank, knee, top) for channel in driven]), audio.rate_hz)
