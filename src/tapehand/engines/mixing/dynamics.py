"""Compression after the rules of Ma et al. (JAES 63, 2015): the livelier the track, the more, with a bound.

The gain reduction grows with the level, so the median reduction is the reduction at the median level, and the threshold
that gives it follows from the compressor's curve without trying.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.dsp.dynamics import RMS_WINDOW_S, static_gain_db
from tapehand.engines.mixing.heard import HeardTrack
from tapehand.engines.mixing.settings import RoleSettings, bounds, role_settings
from tapehand.listening.activity import FAST_PER_SECOND
from tapehand.song.mixer import Insert
from tapehand.song.processors import Compressor
from tapehand.units import power_to_db

Levels = NDArray[np.float64]

LOUD: Final = 0.98
SOUNDS_BELOW_LOUD_DB: Final = 24.0
NOTHING: Final = 1e-12


def compression(track: HeardTrack, strength: float) -> tuple[Insert, str] | None:
    """A compressor for this track at a strength 0..1; None where it would do less than a decibel."""
    role, limits = role_settings(track.role), bounds("dynamics")
    if role.reduction_db is None or track.guess.asks:
        return None
    crest_db, spread_db = track.activity.crest_db, track.activity.spread_db
    wanted_db = role.reduction_db * strength * liveliness(crest_db, spread_db)
    if wanted_db < limits["least_reduction_db"]:
        return None
    compressor, median_db = _solved(track, role, wanted_db)
    why = (
        f"Compression {role.ratio:g}:1, {median_db:.1f} dB at its usual level: peaks reach {crest_db:.0f} dB over the "
        f"mean and phrases differ by {spread_db:.1f} dB; {compressor.make_up_db:+.1f} dB keeps it as loud as before."
    )
    return Insert(name="compressor", processor=compressor), why


def liveliness(crest_db: float, spread_db: float) -> float:
    """0 for a track that is even already, 1 for one that jumps: the mean of what its peaks and its phrases say."""
    limits = bounds("dynamics")
    peaks = _share(crest_db, limits["calm_crest_db"], limits["wild_crest_db"])
    phrases = _share(spread_db, limits["calm_spread_db"], limits["wild_spread_db"])
    return (peaks + phrases) / 2.0


def threshold_for(level_db: float, wanted_db: float, ratio: float, knee_db: float) -> float:
    """The threshold at which the curve takes ``wanted_db`` off ``level_db``."""
    slope = 1.0 - 1.0 / ratio
    if wanted_db >= slope * knee_db / 2.0:
        return level_db - wanted_db / slope
    return level_db + knee_db / 2.0 - math.sqrt(2.0 * knee_db * wanted_db / slope)


def _solved(track: HeardTrack, role: RoleSettings, wanted_db: float) -> tuple[Compressor, float]:
    """The compressor, and its median reduction while the track sounds."""
    limits = bounds("dynamics")
    moments_db = 10.0 * np.log10(track.activity.moment_powers + NOTHING)
    sounding_db = moments_db[moments_db > float(np.quantile(moments_db, LOUD)) - SOUNDS_BELOW_LOUD_DB]
    usual_db, loud_db = (float(np.quantile(sounding_db, share)) for share in (0.5, LOUD))
    most_db = min(limits["most_reduction_db"], limits["most_for_loud"] * wanted_db)
    threshold = max(
        threshold_for(usual_db, wanted_db, role.ratio, limits["knee_db"]),
        threshold_for(loud_db, most_db, role.ratio, limits["knee_db"]),
    )
    plain = Compressor(
        threshold_db=round(threshold, 1),
        ratio=role.ratio,
        attack_ms=role.attack_ms,
        release_ms=role.release_ms,
        knee_db=limits["knee_db"],
    )
    power = track.activity.fast_powers
    gains_db = gain_course_db(power, plain)
    lost_db = power_to_db(float(power.sum()) / float((power * 10.0 ** (gains_db / 10.0)).sum()))
    return replace(plain, make_up_db=round(lost_db, 1)), -static_gain_db(usual_db, plain)


def gain_course_db(powers: Levels, compressor: Compressor) -> Levels:
    """The compressor's gain in dB for mean squares every 5 ms: RMS detector, then attack and release; no make-up.

    Follows the sample-wise compressor of ``dsp.dynamics`` closely enough to foretell its make-up to about 0.5 dB.
    """
    detector, attack, release = map(_step_share, (1e3 * RMS_WINDOW_S, compressor.attack_ms, compressor.release_ms))
    detected, gain_db, course = 0.0, 0.0, []
    for power in powers.tolist():
        detected += detector * (power - detected)
        wanted_db = static_gain_db(power_to_db(detected + NOTHING), compressor)
        gain_db += (attack if wanted_db < gain_db else release) * (wanted_db - gain_db)
        course.append(gain_db)
    return np.array(course)


def _step_share(time_ms: float) -> float:
    """Share of the way that a one-pole of this time constant goes in 5 ms."""
    return 1.0 - math.exp(-1000.0 / (FAST_PER_SECOND * time_ms))


def _share(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
