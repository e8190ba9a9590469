"""The true-peak look-ahead limiter: up to any ceiling, proved between the samples.

Detection does not depend on the drive except for a scale, so ``LimiterInput`` holds it once for as many drives as a
loudness solve wants to try. The stages are those of a window-minimum limiter with box smoothing: what a peak asks for
is held over a window at least as wide as the smoother, so the smoothed gain reaches it in time without overshoot.
Multiplying by a moving gain makes new inter-sample peaks of a tenth of a dB; ``_polish`` takes those down until every
bank of ``interpolation.BANKS`` reads at most the ceiling.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.interpolation import bs1770_bank, fine_banks
from tapehand.kernels import limiter as kernels
from tapehand.song.processors import Limiter
from tapehand.units import db_to_gain

Samples = NDArray[np.float32]

# Room below the ceiling for what comes after and for who reads it: dithered rounding to 24 bits adds under 0.00001 dB,
# to 16 bits 0.001, and common resamplers have a ripple of 0.006 dB.
CEILING_MARGIN_DB: Final = 0.01
# Where the standard's filter reads this much below the ceiling, the finer ones read below it too: nearly always when
# the gain is made, and, for sounds full of energy at half the rate as well, when it is proved.
REFINE_REACH_DB: Final = 1.5
PROOF_REACH_DB: Final = 4.0
# Half a period of 40 Hz, the lowest note that is common: rectified, it asks again before the hold ends, so a steady
# bass note meets a steady gain and is not distorted.
HOLD_S: Final = 0.0125
SLOW_CHARGE_S: Final = 0.25
POLISH_REACH_S: Final = 0.0005
POLISH_STEP_DB: Final = 0.002
POLISH_PASSES: Final = 24


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
        self._coarse = _coarse_envelope(audio.samples)
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
        scale = db_to_gain(settings.drive_db - settings.ceiling_dbtp + CEILING_MARGIN_DB)
        held = kernels.hold(kernels.attenuation_of(envelope, scale), reach + round(HOLD_S * rate_hz), reach)
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
            _refine(self.audio.samples, envelope, db_to_gain(level_db - REFINE_REACH_DB))
            self._refined = (level_db, envelope)
        return self._refined[1]


def _decay(time_s: float, rate_hz: int) -> float:
    """Factor a sample of an exponential that falls to 1/e in ``time_s``."""
    return math.exp(-1.0 / max(1.0, time_s * rate_hz))


def _coarse_envelope(samples: Samples) -> kernels.Envelope:
    envelope = kernels.sample_peaks(samples)
    kernels.raise_envelope(samples, bs1770_bank(), envelope)
    return envelope


def _refine(samples: Samples, envelope: kernels.Envelope, threshold: float) -> None:
    for bank in fine_banks():
        kernels.raise_envelope(samples, bank, envelope, threshold)


def _polish(samples: Samples, ceiling: float, rate_hz: int) -> None:
    """Take down, in place, what still reads above ``ceiling``, by short dips around each place."""
    envelope = _coarse_envelope(samples)
    _refine(samples, envelope, ceiling * db_to_gain(-PROOF_REACH_DB))
    reach = max(2, round(POLISH_REACH_S * rate_hz))
    for start, end in _spans(np.flatnonzero(envelope > ceiling), 8 * reach + _context(), samples.shape[1]):
        piece = np.ascontiguousarray(samples[:, start:end])
        _polish_piece(piece, ceiling, reach, at_start=start == 0, at_end=end == samples.shape[1])
        samples[:, start:end] = piece


def _polish_piece(piece: Samples, ceiling: float, reach: int, *, at_start: bool, at_end: bool) -> None:
    """Dip until clean. Each pass aims a little lower than the one before, so that it comes to an end."""
    first = 0 if at_start else _context()
    last = piece.shape[1] - (0 if at_end else _context())
    for turn in range(POLISH_PASSES):
        envelope = _coarse_envelope(piece)
        _refine(piece, envelope, ceiling * db_to_gain(-PROOF_REACH_DB))
        envelope[:first] = 0.0
        envelope[last:] = 0.0
        over = envelope > ceiling
        if not over.any():
            return
        envelope[~over] = 0.0
        attenuation = kernels.attenuation_of(envelope, db_to_gain(turn * turn * POLISH_STEP_DB) / ceiling)
        piece *= kernels.smooth_gain(kernels.hold(attenuation, reach, reach), reach)


def _context() -> int:
    """Samples to each side that an interpolated value may depend on."""
    return max(int(bank.shape[1]) for bank in fine_banks()) // 2 + 8


def _spans(places: NDArray[np.int64], margin: int, length: int) -> Iterator[tuple[int, int]]:
    """Stretches around ``places``, ``margin`` to each side, joined where they touch, inside ``[0, length)``."""
    if places.size == 0:
        return
    breaks = np.flatnonzero(np.diff(places) > 2 * margin)
    for first, last in zip([0, *(breaks + 1)], [*breaks, places.size - 1], strict=True):
        yield max(0, int(places[first]) - margin), min(length, int(places[last]) + 1 + margin)
