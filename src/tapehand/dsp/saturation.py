"""Saturation: curves at four times the rate."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.dsp.interpolation import kaiser_bank
from tapehand.kernels.effects import OVERSAMPLING, saturate
from tapehand.song.processors import Saturation
from tapehand.units import db_to_gain

DC_CUTOFF_HZ: Final = 5.0
TAPS: Final = 96
KAISER_BETA: Final = 8.5
HALF_GAIN_AT: Final = 0.94


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What bends the wave: slope 1 for quiet sound, whatever the numbers.

    Parameters
    ----------
    drive : linear gain into the curve; the level of quiet sound comes back.
    bias : how far from its middle the curve is used; above 0 it makes even harmonics.
    hardness : 0 is ``tanh``, 1 a cubic that is straighter first and then stops.
    """

    drive: float
    bias: float = 0.0
    hardness: float = 0.0


def saturate_audio(audio: Audio, settings: Saturation) -> Audio:
    """``tanh(drive x) / drive`` at 4 times the rate, blended by ``mix``. Quiet sound passes unchanged; no delay.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    return bend(audio, Curve(drive=db_to_gain(settings.drive_db)), settings.mix)


def bend(audio: Audio, curve: Curve, mix: float = 1.0) -> Audio:
    """``audio`` plus ``mix`` times what the curve changes of it; that alone is filtered, and freed of DC.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    bank = kaiser_bank(OVERSAMPLING, TAPS, KAISER_BETA, HALF_GAIN_AT)
    dc_share = -math.expm1(-2.0 * math.pi * DC_CUTOFF_HZ / audio.rate_hz)
    shape = (curve.drive, curve.bias, curve.hardness)
    return Audio(np.stack([saturate(channel, bank, *shape, mix, dc_share) for channel in audio.samples]), audio.rate_hz)
