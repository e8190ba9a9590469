"""The true-peak look-ahead limiter: up to any ceiling, proved between the samples.

Detection does not depend on the drive except for a scale, so ``LimiterInput`` holds it once for as many drives as a
loudness solve wants to try. The stages are those of a window-minimum limiter with box smoothing: what a peak asks for
is held over a window at least as wide as the smoother, so the smoothed gain reaches it in time without overshoot.
Multiplying by a moving gain can make new inter-sample peaks; ``_polish`` takes those down until every filter of
``interpolation.BANKS`` reads at most the ceiling.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.peak_envelope import coarse_envelope, raise_by_set
from tapehand.kernels import limiter as kernels
from tapehand.song.processors import Limiter
from tapehand.units import db_to_gain

Samples = NDArray[np.float32]

# Room below the ceiling for what comes after and for who reads it: dithered rounding to 24 bits adds under 0.00001 dB,
# to 16 bits 0.001, common resamplers have a ripple of 0.006 dB, and what the ideal filter reads of white noise moves by
# as much with the length that is looked at.
CEILING_MARGIN_DB: Final = 0.015
# Where the standard's filter reads this much below the ceiling, the finer ones read below it too, even for sounds full
# of energy at half the rate.
REACH_DB: Final = 6.0
# What the ideal filter alone reads depends on where its blocks begin; a tenth of it covers other grids.
CAUTION: Final = 0.1
# Half a period of 40 Hz, the lowest note that is common: rectified, it asks again before the hold ends, so a steady
# bass note meets a steady gain and is not distorted.
HOLD_S: Final = 0.0125
# A gain that would move by less than the band within this time stays where it is: a bass with something on top of it
# asks for a little less or more at each crest, and following that would print the bass on what is on top.
STEADY_S: Final = 0.06
STEADY_BAND_DB: Final = 0.25
SLOW_CHARGE_S: Final = 0.25
POLISH_REACH_S: Final = 0.0005
# Aimed at below the ceiling, so that rounding to single precision leaves nothing above it.
AIM_BELOW_DB: Final = 0.0005
POLISH_STEP_DB: Final = 0.002
POLISH_WIDENING: Final = 1.25
POLISH_PASSES: Final = 24
# How far from a dip its change can still be read by the longest filter's main part.
POLISH_CONTEXT: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What the limiter made: the sound, and its gain (linear, 1 = untouched) at every sample, without the drive."""

    audio: Audio
    gain: NDArray[np.float32]

    @property
    def largest_reduction_db(self) -> float:
        """The deepest dip of the gain, 0 or more."""
        deepest = float(self.gain.min(initial=1.0))
        return -20.0 * math.log10(deepest)


def limit(audio: Audio, settings: Limiter) -> Audio:
    """``audio`` with ``settings.drive_db`` of gain and its true peak held at ``settings.ceiling_dbtp``.

    Same length, no delay. Untouched but for the drive where nothing reaches the ceiling.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    return LimiterInput(audio).limited(settings).audio


class LimiterInput:
    """A sound with its detected envelope, to be limited by different settings."""

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        self._coarse = coarse_envelope(audio.samples)
        self._refined: tuple[float, kernels.Envelope] | None = None

    @property
    def true_peak(self) -> float:
        """Linear true peak by the standard's filter."""
        return float(self._coarse.max(initial=0.0))

    def limited(self, settings: Limiter) -> Limited:
        """The sound as ``limit`` gives it, with the gain that was used."""
        gain = self.gain(settings)
        made = self.audio.samples * (gain * np.float32(db_to_gain(settings.drive_db)))
        _polish(made, db_to_gain(settings.ceiling_dbtp - CEILING_MARGIN_DB), self.audio.rate_hz)
        return Limited(audio=Audio(made, self.audio.rate_hz), gain=gain)

    def gain(self, settings: Limiter) -> NDArray[np.float32]:
        """The gain at every sample before the last polish, without the drive."""
        level_db = settings.ceiling_dbtp - CEILING_MARGIN_DB - math.ceil(settings.drive_db)
        return self._gain(self._envelope(level_db), settings)

    def quick_gain(self, settings: Limiter) -> NDArray[np.float32]:
        """As ``gain`` by the standard's filter alone: for predictions."""
        return self._gain(self._coarse, settings)

    def _gain(self, envelope: kernels.Envelope, settings: Limiter) -> NDArray[np.float32]:
        rate_hz = self.audio.rate_hz
        reach = max(1, round(settings.look_ahead_ms * 0.0005 * rate_hz))
        scale = db_to_gain(settings.drive_db - settings.ceiling_dbtp + CEILING_MARGIN_DB + AIM_BELOW_DB)
        attenuation = kernels.attenuation_of(envelope, scale)
        held = kernels.hold(attenuation, reach + round(HOLD_S * rate_hz), reach)
        lasting = kernels.hold(attenuation, reach + round(STEADY_S * rate_hz), reach)
        kernels.steady(lasting, round(STEADY_BAND_DB * kernels.UNITS_PER_DB), held)
        kernels.release(
            held,
            fast=_decay(settings.release_ms / 1000.0, rate_hz),
            charge=1.0 - _decay(SLOW_CHARGE_S, rate_hz),
            slow=_decay(settings.slow_release_ms / 1000.0, rate_hz),
        )
        return kernels.smooth_gain(held, reach)

    def _envelope(self, level_db: float) -> kernels.Envelope:
        """The envelope, exact where it may pass ``level_db``. Whole decibels of drive share one refinement."""
        if self._refined is None or self._refined[0] != level_db:
            envelope = self._coarse.copy()
            raise_by_set(self.audio.samples, envelope, db_to_gain(level_db - REACH_DB), CAUTION)
            self._refined = (level_db, envelope)
        return self._refined[1]


def _decay(time_s: float, rate_hz: int) -> float:
    """Factor a sample of an exponential that falls to 1/e in ``time_s``."""
    return math.exp(-1.0 / max(1.0, time_s * rate_hz))


def _polish(samples: Samples, ceiling: float, rate_hz: int) -> None:
    """Take down, in place, what still reads above ``ceiling``, by short dips around each place, until nothing does.

    A pass looks where the one before worked, and a last one everywhere. Each aims a little lower and wider than the
    one before, so that it comes to an end.
    """
    touched: NDArray[np.bool_] | None = None
    for turn in range(POLISH_PASSES):
        over = _places_over(samples, ceiling, touched)
        if over is None and touched is not None:
            touched = None
            over = _places_over(samples, ceiling, touched)
        if over is None:
            return
        reach = max(2, round(POLISH_REACH_S * rate_hz * POLISH_WIDENING**turn))
        attenuation = kernels.attenuation_of(over, db_to_gain(AIM_BELOW_DB + turn * turn * POLISH_STEP_DB) / ceiling)
        samples *= kernels.smooth_gain(kernels.hold(attenuation, reach, reach), reach)
        touched = kernels.hold(attenuation, reach + POLISH_CONTEXT, reach + POLISH_CONTEXT) > 0


def _places_over(samples: Samples, ceiling: float, touched: NDArray[np.bool_] | None) -> kernels.Envelope | None:
    """The envelope where it passes ``ceiling``, 0 elsewhere; None where it does so nowhere."""
    envelope = coarse_envelope(samples)
    if touched is not None:
        envelope[~touched] = 0.0
    raise_by_set(samples, envelope, ceiling * db_to_gain(-REACH_DB), CAUTION)
    envelope[envelope <= ceiling] = 0.0
    return envelope if envelope.any() else None
