"""Changing the sample rate, or the speed."""

import numpy as np
import soxr

from tapehand.audio.buffer import Audio, Samples


def resample(audio: Audio, rate_hz: int) -> Audio:
    """``audio`` at ``rate_hz`` by soxr's very high quality filter, aligned, exactly ``round(n * ratio)`` samples long.

    Linear phase and delay-free: an event at ``t`` seconds stays at ``t`` seconds.
    """
    if rate_hz == audio.rate_hz:
        return audio
    length_samples = round(audio.length_samples * rate_hz / audio.rate_hz)
    return Audio(_converted(audio, audio.rate_hz, rate_hz, length_samples), rate_hz)


def varispeed(audio: Audio, speed: float, length_samples: int) -> Audio:
    """``audio`` as a tape machine plays it at ``speed`` (above 0): pitch and time change together; cut or filled up
    with silence to ``length_samples``.
    """
    return Audio(_converted(audio, audio.rate_hz * speed, float(audio.rate_hz), length_samples), audio.rate_hz)


def _converted(audio: Audio, from_hz: float, to_hz: float, length_samples: int) -> Samples:
    converted = np.zeros((audio.channels, length_samples), dtype=np.float32)
    if audio.length_samples:
        frames = soxr.resample(audio.samples.T, from_hz, to_hz, quality="VHQ")
        kept = min(length_samples, frames.shape[0])
        converted[:, :kept] = frames[:kept].T
    return converted
