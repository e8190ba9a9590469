"""Stereo as mid and side."""

import numpy as np

from tapehand.audio import Audio
from tapehand.dsp.strips import StripProcessor, run_strips
from tapehand.song.processors import Equaliser, Gain, MidSideEqualiser


def encode(stereo: Audio) -> tuple[Audio, Audio]:
    """Mid ``(l + r) / 2`` and side ``(l - r) / 2``, both mono."""
    left, right = stereo.samples.astype(np.float64)
    mid, side = 0.5 * (left + right), 0.5 * (left - right)
    return Audio.of(mid[np.newaxis], stereo.rate_hz), Audio.of(side[np.newaxis], stereo.rate_hz)


def decode(mid: Audio, side: Audio) -> Audio:
    """Stereo again: ``mid + side`` and ``mid - side``."""
    middle, difference = mid.samples[0].astype(np.float64), side.samples[0].astype(np.float64)
    return Audio.of(np.stack([middle + difference, middle - difference]), mid.rate_hz)


def equalise_mid_side(audio: Audio, settings: MidSideEqualiser) -> Audio:
    """Bands and gains of mid and side; a mono sound is all mid and stays mono.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    chains: list[list[StripProcessor]] = [
        [Gain(gain_db=settings.mid_gain_db), Equaliser(bands=settings.mid)],
        [Gain(gain_db=settings.side_gain_db), Equaliser(bands=settings.side)],
    ]
    if audio.channels != 2:
        return run_strips([audio], chains[:1])[0]
    mid, side = run_strips(encode(audio), chains)
    return decode(mid, side)
