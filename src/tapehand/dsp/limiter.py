"""The true-peak look-ahead limiter: up to any ceiling, proved between the samples.

Three things in a row, each on a grid of its own that is counted from the first sample, so that memory does not grow
with the sound and its cutting into blocks changes nothing. ``_Detector`` tells how high the sound reaches between its
samples. ``_GainCurve`` makes a gain of that, as window-minimum limiters with box smoothing do: what a peak asks for is
held over a window at least as wide as the smoother, so the smoothed gain reaches it in time without overshoot.
Multiplying by a moving gain can make new inter-sample peaks; ``_Polish`` takes those down until every filter of
``interpolation.BANKS`` reads at most the ceiling.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.node import run_whole
from tapehand.dsp.peak_envelope import (
    BLOCK_SAMPLES,
    CONTEXT_SAMPLES,
    coarse_envelope,
    coarse_stretch,
    raise_stretch,
)
from tapehand.kernels import limiter as kernels
from tapehand.kernels.library import NotFinite
from tapehand.song.processors import Limiter
from tapehand.units import db_to_gain

Gain = NDArray[np.float32]

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
SLOW_CHARGE_S: Final = 0.5
# Pressure on the ceiling is the share of this time in which so much is asked; see ``limiter_release``.
PRESSURE_S: Final = 1.0
PRESSING_DB: Final = 1.5
POLISH_REACH_S: Final = 0.0005
# Aimed at below the ceiling, so that rounding to single precision leaves nothing above it.
AIM_BELOW_DB: Final = 0.0005
POLISH_STEP_DB: Final = 0.002
POLISH_WIDENING: Final = 1.25
POLISH_PASSES: Final = 24
# How far from a dip its change can still be read by the longest filter's main part.
POLISH_CONTEXT: Final = 256
# What is polished stays open for as long, until what lies behind it is polished too. Dips beyond that are read here as
# a few thousandths of a dB at most: filters forget with the distance.
OPEN_SAMPLES: Final = 3_072
GRID_SAMPLES: Final = BLOCK_SAMPLES - 2 * CONTEXT_SAMPLES - OPEN_SAMPLES


def limit(audio: Audio, settings: Limiter) -> Audio:
    """``audio`` with ``settings.drive_db`` of gain and its true peak held at ``settings.ceiling_dbtp``.

    Same length, no delay. Untouched but for the drive where nothing reaches the ceiling.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    return run_whole(LimiterNode(audio.channels, audio.rate_hz, settings), audio)


class LimiterNode:
    """``limit``, block by block.

    Attributes
    ----------
    deepest_gain : the least gain (linear, 1 = untouched) that any sample so far was given, without the drive.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        *("_detector", "_curve", "_polish", "_coming", "_leaving", "_filled"),
        "deepest_gain",
    )

    def __init__(self, channels: int, rate_hz: int, settings: Limiter) -> None:
        self.channels = channels
        self._drive = np.float32(db_to_gain(settings.drive_db))
        self._curve = _GainCurve(rate_hz, settings, GRID_SAMPLES)
        self._detector = _Detector(channels, settings, self._curve.delay_samples)
        self._polish = _Polish(channels, rate_hz, db_to_gain(settings.ceiling_dbtp - CEILING_MARGIN_DB))
        self._coming = np.zeros((channels, GRID_SAMPLES), dtype=np.float32)
        self._leaving = np.zeros((channels, GRID_SAMPLES), dtype=np.float32)
        self._filled = 0
        self.deepest_gain = 1.0

    @property
    def look_ahead_samples(self) -> int:
        """One step of the grid, and what the three parts wait for."""
        return GRID_SAMPLES + _Detector.DELAY_SAMPLES + self._curve.delay_samples + _Polish.DELAY_SAMPLES

    def follow(self, block: Samples) -> Samples:
        """The next block ``(channels, n)``, limited, as a node gives it (``dsp.node``)."""
        finite = np.isfinite(block).all(axis=0)
        if not finite.all():
            raise NotFinite("", int(np.argmin(finite)))
        made = np.empty(block.shape, dtype=np.float32)
        start = 0
        while start < block.shape[1]:
            end = min(start + GRID_SAMPLES - self._filled, block.shape[1])
            here = slice(self._filled, self._filled + end - start)
            self._coming[:, here] = block[:, start:end]
            made[:, start:end] = self._leaving[:, here]
            start, self._filled = end, here.stop
            if self._filled == GRID_SAMPLES:
                self._step()
        return made

    def _step(self) -> None:
        envelope, sound = self._detector.step(self._coming)
        gain = self._curve.step(envelope)
        self.deepest_gain = min(self.deepest_gain, float(gain.min()))
        self._leaving[...] = self._polish.step(sound * (gain * self._drive))
        self._filled = 0


class LimiterForecast:
    """What the limiter will do to a sound at any drive, from one detection by the standard's filter.

    Kept are the highest readings of each ``step_samples``, on which the gain is worked out.
    """

    def __init__(self, audio: Audio, step_samples: int) -> None:
        self._rate_hz, self._step_samples = audio.rate_hz, step_samples
        self._peaks = _highest_of_each(audio.samples, step_samples)

    @property
    def true_peak(self) -> float:
        """Linear true peak by the standard's filter."""
        return float(self._peaks.max(initial=0.0))

    def gain(self, settings: Limiter) -> Gain:
        """The gain for each ``step_samples`` (the last may be shorter), without the drive."""
        steps = self._peaks.size
        curve = _GainCurve(self._rate_hz / self._step_samples, settings, GRID_SAMPLES)
        ahead = np.zeros((steps + curve.delay_samples + GRID_SAMPLES - 1) // GRID_SAMPLES * GRID_SAMPLES, np.float32)
        ahead[:steps] = self._peaks
        gain = np.empty_like(ahead)
        for start in range(0, ahead.size, GRID_SAMPLES):
            gain[start : start + GRID_SAMPLES] = curve.step(ahead[start : start + GRID_SAMPLES])
        return gain[curve.delay_samples : curve.delay_samples + steps]


def _highest_of_each(samples: Samples, step_samples: int) -> kernels.Envelope:
    """The coarse envelope's maximum over each step, read in parts so that the whole envelope never stands."""
    length = samples.shape[1]
    part_samples = step_samples * (BLOCK_SAMPLES // step_samples + 1)
    parts = [np.zeros(0, dtype=np.float32)]
    for start in range(0, length, part_samples):
        first, end = max(0, start - CONTEXT_SAMPLES), min(start + part_samples, length)
        stretch = np.ascontiguousarray(samples[:, first : end + CONTEXT_SAMPLES])
        envelope = coarse_envelope(stretch)[start - first : end - first]
        parts.append(np.maximum.reduceat(envelope, np.arange(0, envelope.size, step_samples)))
    return np.concatenate(parts)


class _Detector:
    """The envelope of a sound by the whole set, where it may pass the ceiling, and the sound to go with its gain."""

    STATE: ClassVar[tuple[str, ...]] = ("_heard",)
    CONTEXT: ClassVar[int] = (BLOCK_SAMPLES - GRID_SAMPLES) // 2
    DELAY_SAMPLES: ClassVar[int] = CONTEXT

    def __init__(self, channels: int, settings: Limiter, gain_delay_samples: int) -> None:
        level_db = settings.ceiling_dbtp - CEILING_MARGIN_DB - settings.drive_db
        self._threshold = db_to_gain(level_db - REACH_DB)
        self._gain_delay = gain_delay_samples
        before = max(self.CONTEXT, gain_delay_samples)
        self._heard = np.zeros((channels, before + GRID_SAMPLES + self.CONTEXT), dtype=np.float32)

    def step(self, coming: Samples) -> tuple[kernels.Envelope, Samples]:
        """Envelope of the next step, and the sound that lies ``gain_delay_samples`` further behind."""
        _push(self._heard, coming)
        stretch = np.ascontiguousarray(self._heard[:, -BLOCK_SAMPLES:])
        envelope = np.zeros(GRID_SAMPLES + 1, dtype=np.float32)
        envelope[1:] = coarse_stretch(stretch, self.CONTEXT, GRID_SAMPLES)
        envelope[0] = envelope[1]
        raise_stretch(stretch, self.CONTEXT - 1, envelope, self._threshold, CAUTION)
        end = self._heard.shape[1] - self.CONTEXT - self._gain_delay
        return envelope[1:], self._heard[:, end - GRID_SAMPLES : end]


class _GainCurve:
    """The gain that an envelope asks for, ``delay_samples`` behind it, by steps of one length."""

    STATE: ClassVar[tuple[str, ...]] = ("_asked", "_held", "_release")

    def __init__(self, rate_hz: float, settings: Limiter, step_samples: int) -> None:
        self._reach = max(1, round(settings.look_ahead_ms * 0.0005 * rate_hz))
        self._back = self._reach + round(HOLD_S * rate_hz)
        self._lasting_back = self._reach + round(STEADY_S * rate_hz)
        self._scale = db_to_gain(settings.drive_db - settings.ceiling_dbtp + CEILING_MARGIN_DB + AIM_BELOW_DB)
        self._times = _release_times(rate_hz, settings)
        self._asked = np.zeros(self._lasting_back + step_samples + self._reach, dtype=np.int32)
        self._held = np.zeros(step_samples + 2 * self._reach, dtype=np.int32)
        self._release = kernels.release_state()

    @property
    def delay_samples(self) -> int:
        """How far the gain lies behind the envelope: a hold that begins before the peak, and half the smoother."""
        return 2 * self._reach

    def step(self, envelope: kernels.Envelope) -> Gain:
        """The next step of the gain, for the next step of the envelope."""
        _push(self._asked, kernels.attenuation_of(envelope, self._scale))
        here = slice(self._lasting_back, self._lasting_back + envelope.size)
        held = kernels.hold(self._asked, self._back, self._reach)[here]
        lasting = kernels.hold(self._asked, self._lasting_back, self._reach)[here]
        kernels.steady(lasting, round(STEADY_BAND_DB * kernels.UNITS_PER_DB), held)
        kernels.release(held, self._times, self._release)
        _push(self._held, held)
        return kernels.smooth_gain(self._held, self._reach)[self._reach : -self._reach]


def _release_times(rate_hz: float, settings: Limiter) -> kernels.ReleaseTimes:
    return kernels.ReleaseTimes(
        fast=max(1.0, settings.release_ms / 1000.0 * rate_hz),
        slow=max(1.0, settings.slow_release_ms / 1000.0 * rate_hz),
        dense=max(1.0, settings.dense_release_ms / 1000.0 * rate_hz),
        charge=SLOW_CHARGE_S * rate_hz,
        pressure=PRESSURE_S * rate_hz,
        deep=PRESSING_DB * kernels.UNITS_PER_DB,
    )


class _Polish:
    """Takes down what still reads above the ceiling, by short dips around each place, until nothing does.

    A step works on what came with it and, once more, on the ``OPEN_SAMPLES`` before that: the last of a step can only
    be judged when what lies behind is done as well. What leaves is never touched again.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_sound",)
    OPEN: ClassVar[slice] = slice(CONTEXT_SAMPLES, BLOCK_SAMPLES - CONTEXT_SAMPLES)
    DELAY_SAMPLES: ClassVar[int] = OPEN_SAMPLES + CONTEXT_SAMPLES

    def __init__(self, channels: int, rate_hz: int, ceiling: float) -> None:
        self._rate_hz, self._ceiling = rate_hz, ceiling
        self._sound = np.zeros((channels, BLOCK_SAMPLES), dtype=np.float32)

    def step(self, coming: Samples) -> Samples:
        """The next step, ``DELAY_SAMPLES`` behind what comes."""
        _push(self._sound, coming)
        for over, turn in self._overs():
            self._dip(over, turn)
        return self._sound[:, CONTEXT_SAMPLES : CONTEXT_SAMPLES + GRID_SAMPLES]

    def _overs(self) -> Iterator[tuple[kernels.Envelope, int]]:
        """What passes the ceiling, pass by pass: where the pass before worked, and everywhere before it is enough."""
        touched: NDArray[np.bool_] | None = None
        for turn in range(POLISH_PASSES):
            over = self._places_over(touched)
            if over is None and touched is not None:
                over = self._places_over(None)
            if over is None:
                return
            reach = POLISH_CONTEXT + self._reach(turn)
            touched = kernels.hold(np.asarray(over > 0.0, dtype=np.int32), reach, reach) > 0
            yield over, turn

    def _places_over(self, touched: NDArray[np.bool_] | None) -> kernels.Envelope | None:
        """The envelope where it passes the ceiling, 0 elsewhere, at each place; None where it does so nowhere."""
        envelope = np.zeros(BLOCK_SAMPLES, dtype=np.float32)
        envelope[self.OPEN] = coarse_stretch(self._sound, CONTEXT_SAMPLES, OPEN_SAMPLES + GRID_SAMPLES)
        if touched is not None:
            envelope[~touched] = 0.0
        raise_stretch(self._sound, CONTEXT_SAMPLES, envelope[self.OPEN], self._ceiling * db_to_gain(-REACH_DB), CAUTION)
        envelope[envelope <= self._ceiling] = 0.0
        return envelope if envelope.any() else None

    def _dip(self, over: kernels.Envelope, turn: int) -> None:
        """Each pass aims a little lower and wider than the one before, so that polishing comes to an end."""
        aim = db_to_gain(AIM_BELOW_DB + turn * turn * POLISH_STEP_DB) / self._ceiling
        reach = self._reach(turn)
        gain = kernels.smooth_gain(kernels.hold(kernels.attenuation_of(over, aim), reach, reach), reach)
        self._sound[:, CONTEXT_SAMPLES:] *= gain[CONTEXT_SAMPLES:]

    def _reach(self, turn: int) -> int:
        return max(2, round(POLISH_REACH_S * self._rate_hz * POLISH_WIDENING**turn))


def _push(line: NDArray[np.generic], coming: NDArray[np.generic]) -> None:
    """Move ``line`` on, along its last axis, so that ``coming`` stands at its end."""
    count = coming.shape[-1]
    line[..., :-count] = line[..., count:]
    line[..., -count:] = coming
