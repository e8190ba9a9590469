"""Compression: from settings to the numbers of the strip kernel.

Levels are in dB re full scale: a full-scale square wave is 0 dB for both detectors, a full-scale sine 0 dB for ``peak``
and -3 dB for ``rms``. Attack and release are time constants (1 - 1/e of the way) of the gain in dB.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.song.processors import Compressor

RMS_WINDOW_S: Final = 0.010
SMALLEST_KNEE_DB: Final = 1e-3
POWER_UNIT_DB: Final = 10.0 * math.log10(2.0)
GAIN_UNIT_DB: Final = 20.0 * math.log10(2.0)


def static_gain_db(level_db: float, settings: Compressor) -> float:
    """The gain, make-up included, that a steady level ends at.

    D. Giannoulis, M. Massberg & J. D. Reiss, JAES 60(6), 2012, equation 4.
    """
    over, knee = level_db - settings.threshold_db, max(settings.knee_db, SMALLEST_KNEE_DB)
    slope = 1.0 / settings.ratio - 1.0
    inside = min(max(over + knee / 2.0, 0.0), knee)
    return slope * (inside * inside / (2.0 * knee) + max(over - knee / 2.0, 0.0)) + settings.make_up_db


def compressor_column(settings: Compressor | None, rate_hz: int) -> NDArray[np.float64]:
    """One track's column ``(10,)`` of the kernel's table; None is a compressor that does nothing."""
    if settings is None:
        return np.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    attack, release = (
        share_of_time(settings.attack_ms / 1e3, rate_hz),
        share_of_time(settings.release_ms / 1e3, rate_hz),
    )
    is_peak = settings.detector == "peak"
    return np.array(
        [
            1.0 if is_peak else share_of_time(RMS_WINDOW_S, rate_hz),
            float(is_peak),
            settings.threshold_db / POWER_UNIT_DB,
            max(settings.knee_db, SMALLEST_KNEE_DB) / POWER_UNIT_DB,
            0.5 * (1.0 / settings.ratio - 1.0),
            1.0 if attack >= release else -1.0,
            attack,
            release,
            settings.make_up_db / GAIN_UNIT_DB,
            float(settings.key_track is not None),
        ]
    )


def share_of_time(time_s: float, rate_hz: int) -> float:
    """Coefficient of a one-pole that goes 1 - 1/e of its way in ``time_s``; 1 (at once) for no time."""
    return -math.expm1(-1.0 / (time_s * rate_hz)) if time_s > 0.0 else 1.0
