"""Changing the sample rate."""

import numpy as np
import soxr

from tapehand.audio.buffer import Audio


def resample(audio: Audio, rate_hz: int) -> Audio:
    """``audio`` at ``rate_hz`` by soxr's very high quality filter, aligned, exactly ``round(n * ratio)`` samples long.

    Linear phase and delay-free: an event at ``t`` seconds stays at ``t`` seconds.
    """
    if rate_hz == audio.rate_hz:
        return audio
    length_samples = round(audio.length_samples * rate_hz / audio.rate_hz)
    resampled = np.zeros((audio.channels, length_samples), dtype=np.float32)
    if audio.length_samples:
        frames = soxr.resample(audio.samples.T, audio.rate_hz, rate_hz, quality="VHQ")
        kept = min(length_samples, frames.shape[0])
        resampled[:, :kept] = frames[:kept].T
    return Audio(resampled, rate_hz)
