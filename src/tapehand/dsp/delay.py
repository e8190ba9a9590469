"""The echo of a return or an insert."""

import math
from typing import ClassVar, Final

from tapehand.audio.buffer import Samples
from tapehand.dsp.filters import reachable_hz
from tapehand.dsp.wiring import Blend, both_sides
from tapehand.kernels.effects import Echo
from tapehand.song.processors import Delay
from tapehand.units import seconds_to_samples

HIGHEST_FEEDBACK: Final = 0.98
SILENT_DB: Final = -60.0


class DelayNode:
    """Echoes every ``time_s``, each pass through the loop's cuts once more; stereo out.

    ``mix`` blends linearly: 0 is the sound itself, 1 only the echoes. Feedback is held to 0.98.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_echo", "_blend")
    channels: Final = 2
    look_ahead_samples: Final = 0

    def __init__(self, channels: int, rate_hz: int, settings: Delay) -> None:
        del channels  # mono and stereo alike
        self._echo = Echo.silent(
            delay_samples=max(1, seconds_to_samples(settings.time_s, rate_hz)),
            feedback=min(max(settings.feedback, 0.0), HIGHEST_FEEDBACK),
            low_share=_share(settings.low_cut_hz, rate_hz),
            high_share=_share(settings.high_cut_hz, rate_hz),
            ping_pong=settings.ping_pong,
        )
        self._blend = Blend(2, settings.mix)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        dry = both_sides(block)
        return self._blend.follow(dry, self._echo.follow(dry))


def delay_tail_s(settings: Delay) -> float:
    """How long the echoes stay above -60 dB after the sound has ended."""
    feedback = min(max(settings.feedback, 0.0), HIGHEST_FEEDBACK)
    if feedback == 0.0:
        return settings.time_s * (2 if settings.ping_pong else 1)
    return settings.time_s * (2 + math.ceil(SILENT_DB / (20.0 * math.log10(feedback))))


def _share(cutoff_hz: float, rate_hz: int) -> float:
    return -math.expm1(-2.0 * math.pi * reachable_hz(cutoff_hz, rate_hz) / rate_hz)
