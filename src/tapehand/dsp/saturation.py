"""Saturation: a soft curve at four times the rate."""

import math
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.dsp.interpolation import kaiser_bank
from tapehand.kernels.effects import OVERSAMPLING, saturate
from tapehand.song.processors import Saturation
from tapehand.units import db_to_gain

DC_CUTOFF_HZ: Final = 5.0
TAPS: Final = 64
KAISER_BETA: Final = 8.0
HALF_GAIN_AT: Final = 0.94


def saturate_audio(audio: Audio, settings: Saturation) -> Audio:
    """``tanh(drive x) / drive`` at 4 times the rate, blended by ``mix``. Quiet sound passes unchanged; no delay.

    Only what the curve changes is filtered (flat to 0.44 of the rate, down 80 dB from 0.5) and freed of DC.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    bank = kaiser_bank(OVERSAMPLING, TAPS, KAISER_BETA, HALF_GAIN_AT)
    dc_share = -math.expm1(-2.0 * math.pi * DC_CUTOFF_HZ / audio.rate_hz)
    drive = db_to_gain(settings.drive_db)
    channels = [saturate(channel, bank, drive, settings.mix, dc_share) for channel in audio.samples]
    return Audio(np.stack(channels), audio.rate_hz)
