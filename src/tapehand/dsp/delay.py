"""The echo of a return or an insert."""

import math
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.dsp.filters import reachable_hz
from tapehand.kernels.effects import Echo
from tapehand.song.processors import Delay
from tapehand.units import seconds_to_samples

HIGHEST_FEEDBACK: Final = 0.98
SILENT_DB: Final = -60.0


def delay(audio: Audio, settings: Delay) -> Audio:
    """Echoes every ``time_s``, each pass through the loop's cuts once more; stereo out, as long as ``audio``.

    ``mix`` blends linearly: 0 is the sound itself, 1 only the echoes. Feedback is held to 0.98. To hear the tail, give
    sound followed by ``delay_tail_s`` of silence.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    sound = audio.stereo()
    echo = Echo.silent(
        delay_samples=max(1, seconds_to_samples(settings.time_s, audio.rate_hz)),
        feedback=min(max(settings.feedback, 0.0), HIGHEST_FEEDBACK),
        low_share=_share(settings.low_cut_hz, audio.rate_hz),
        high_share=_share(settings.high_cut_hz, audio.rate_hz),
        ping_pong=settings.ping_pong,
    )
    return blend(sound, Audio(echo.follow(sound.samples), audio.rate_hz), settings.mix)


def delay_tail_s(settings: Delay) -> float:
    """How long the echoes stay above -60 dB after the sound has ended."""
    feedback = min(max(settings.feedback, 0.0), HIGHEST_FEEDBACK)
    if feedback == 0.0:
        return settings.time_s * (2 if settings.ping_pong else 1)
    return settings.time_s * (2 + math.ceil(SILENT_DB / (20.0 * math.log10(feedback))))


def blend(dry: Audio, wet: Audio, mix: float) -> Audio:
    """``1 - mix`` of one and ``mix`` of the other, of equal shape."""
    if mix == 1.0:
        return wet
    return Audio.of(dry.samples * np.float32(1.0 - mix) + wet.samples * np.float32(mix), dry.rate_hz)


def _share(cutoff_hz: float, rate_hz: int) -> float:
    return -math.expm1(-2.0 * math.pi * reachable_hz(cutoff_hz, rate_hz) / rate_hz)
