"""Gate, expander and transient shaper: gains that follow the peaks of a sound, one for all its channels."""

from typing import ClassVar, Final

import numpy as np

from tapehand.audio.buffer import Samples
from tapehand.dsp.dynamics import GAIN_UNIT_DB, POWER_UNIT_DB, share_of_time
from tapehand.kernels.dynamics import GainFollower, gate_follower, transient_follower
from tapehand.song.processors import Gate, TransientShaper

GATE_ENVELOPE_S: Final = 0.010
STEEPEST_RATIO: Final = 1000.0
FAST_RISE_S: Final = 0.0007
SLOW_RISE_S: Final = 0.020
FAST_FALL_S: Final = 0.035
SLOW_FALL_S: Final = 0.250
FULL_DIFFERENCE_DB: Final = 8.0
SMOOTHING_S: Final = 0.0007


class RiddenNode:
    """A sound under the gains that a follower finds for it, and a fixed one."""

    STATE: ClassVar[tuple[str, ...]] = ("_follower",)
    look_ahead_samples: Final = 0

    def __init__(self, channels: int, follower: GainFollower, make_up: float = 1.0) -> None:
        self.channels = channels
        self._follower, self._make_up = follower, np.float32(make_up)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        gains = self._follower.follow(block)
        gains *= self._make_up
        made: Samples = block * gains
        return made


class GateNode(RiddenNode):
    """Quiet passages turned down; the gain moves in dB, with time constants."""

    def __init__(self, channels: int, rate_hz: int, settings: Gate) -> None:
        opening = settings.threshold_db / POWER_UNIT_DB
        follower = gate_follower(
            [
                share_of_time(GATE_ENVELOPE_S, rate_hz),
                opening,
                opening - max(settings.hysteresis_db, 0.0) / POWER_UNIT_DB,
                settings.hold_ms / 1e3 * rate_hz,
                0.5 * (min(max(settings.ratio, 1.0), STEEPEST_RATIO) - 1.0),
                -max(settings.range_db, 0.0) / GAIN_UNIT_DB,
                share_of_time(settings.attack_ms / 1e3, rate_hz),
                share_of_time(settings.release_ms / 1e3, rate_hz),
            ]
        )
        super().__init__(channels, follower)


class TransientNode(RiddenNode):
    """Attacks and tails turned up or down; as it goes by ratios of envelopes, the level does not matter.

    An attack is where an envelope that rises in 0.7 ms is above one that rises in 20 ms; a tail, where one that falls
    in 250 ms is above one that falls in 35 ms. A difference of 8 dB gives the full gain, 2 dB none.
    """

    def __init__(self, channels: int, rate_hz: int, settings: TransientShaper) -> None:
        times = (FAST_RISE_S, SLOW_RISE_S, FAST_FALL_S, SLOW_FALL_S)
        follower = transient_follower(
            [
                *(share_of_time(time_s, rate_hz) for time_s in times),
                settings.attack_db / GAIN_UNIT_DB,
                settings.sustain_db / GAIN_UNIT_DB,
                FULL_DIFFERENCE_DB / POWER_UNIT_DB,
                share_of_time(SMOOTHING_S, rate_hz),
            ]
        )
        super().__init__(channels, follower)
