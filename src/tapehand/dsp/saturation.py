"""Saturation: curves at four times the rate."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from tapehand.audio.buffer import Samples
from tapehand.dsp.interpolation import kaiser_bank
from tapehand.kernels.effects import OVERSAMPLING, Saturator
from tapehand.song.processors import Saturation
from tapehand.units import db_to_gain

DC_CUTOFF_HZ: Final = 5.0
# What the curve adds is whole up to 0.83 of half the rate and 85 dB down from half the rate on.
TAPS: Final = 64
KAISER_BETA: Final = 8.5
HALF_GAIN_AT: Final = 0.91


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


class BentNode:
    """A sound plus ``mix`` times what a curve changes of it; that alone is filtered, and freed of DC."""

    STATE: ClassVar[tuple[str, ...]] = ("_saturators",)

    def __init__(self, channels: int, rate_hz: int, curve: Curve, mix: float = 1.0) -> None:
        self.channels = channels
        self._saturators = [
            Saturator(
                kaiser_bank(OVERSAMPLING, TAPS, KAISER_BETA, HALF_GAIN_AT),
                drive=curve.drive,
                bias=curve.bias,
                hardness=curve.hardness,
                mix=mix,
                dc_share=-math.expm1(-2.0 * math.pi * DC_CUTOFF_HZ / rate_hz),
            )
            for _ in range(channels)
        ]
        self.look_ahead_samples = self._saturators[0].late_samples

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        made = np.empty(block.shape, dtype=np.float32)
        for saturator, channel, out in zip(self._saturators, block, made, strict=True):
            saturator.follow(channel, out)
        return made


class SaturationNode(BentNode):
    """``tanh(drive x) / drive`` at 4 times the rate, blended by ``mix``. Quiet sound passes unchanged."""

    def __init__(self, channels: int, rate_hz: int, settings: Saturation) -> None:
        super().__init__(channels, rate_hz, Curve(drive=db_to_gain(settings.drive_db)), settings.mix)
