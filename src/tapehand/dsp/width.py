"""Stereo width, and the removal of DC."""

from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.dsp.strips import run_strips
from tapehand.song.processors import HighPass, Width

DC_CUTOFF_HZ: Final = 5.0


def widen(audio: Audio, settings: Width) -> Audio:
    """The side signal times ``width``; below ``mono_below_hz`` it is filtered away (12 dB/oct). Mono stays as it is.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    if audio.channels != 2:
        return audio
    left, right = audio.samples.astype(np.float64)
    middle, side = 0.5 * (left + right), 0.5 * settings.width * (left - right)
    if settings.mono_below_hz is not None:
        low_cut = HighPass(cutoff_hz=settings.mono_below_hz)
        side = run_strips([Audio.of(side[np.newaxis], audio.rate_hz)], [[low_cut]])[0].samples[0]
    return Audio.of(np.stack([middle + side, middle - side]), audio.rate_hz)


def remove_dc(audio: Audio) -> Audio:
    """``audio`` through a first-order high-pass at 5 Hz."""
    return run_strips([audio], [[HighPass(cutoff_hz=DC_CUTOFF_HZ, slope_db_per_octave=6)]])[0]
