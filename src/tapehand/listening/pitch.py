"""The pitch of one voice over time, by autocorrelation.

After P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", IFA Proceedings 17, 1993: the autocorrelation of a windowed frame divided by that of the window, several
candidates a frame, and the cheapest path through them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.dsp.psola import PitchCurve
from tapehand.kernels.pitch import NO_PITCH, cheapest_path

Frames = NDArray[np.float64]
Windows = NDArray[np.float32]

HOP_S: Final = 0.01
LISTENING_RATE_HZ: Final = 16_000
# What comes at this rate or a lower one is listened to at this rate: it has nothing above 4 kHz.
LOW_RATE_HZ: Final = 8_000
LAG_RATE_HZ: Final = 32_000
PERIODS_IN_WINDOW: Final = 3.0
CANDIDATES: Final = 8
BATCH: Final = 128

# Boersma's constants but one; the costs of a jump are meant for 10 ms.
VOICING_THRESHOLD: Final = 0.45
SILENCE_THRESHOLD: Final = 0.03
# Four times his: soft high voices are as even over two periods as over one, and were heard an octave down.
OCTAVE_COST: Final = 0.04
OCTAVE_JUMP_COST: Final = 0.35
VOICING_COST: Final = 0.14


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchRange:
    """Where a pitch is looked for, in Hz; the lowest also says how long is listened for each value."""

    low_hz: float = 65.0
    high_hz: float = 1200.0


def track_pitch(audio: Audio, within: PitchRange | None = None) -> PitchCurve:
    """Pitch of one voice every 10 ms from 0 s on; 0 where there is none. For one voice at a time, not for chords.

    Channels are summed. On clean tones within 2 cents.
    """
    within = within or PitchRange()
    mono = Audio.of(audio.samples.mean(axis=0, dtype=np.float64)[np.newaxis], audio.rate_hz)
    heard = resample(mono, LOW_RATE_HZ if audio.rate_hz <= LOW_RATE_HZ else LISTENING_RATE_HZ)
    count = math.ceil(audio.duration_s / HOP_S)
    times_s: Frames = np.arange(count, dtype=np.float64) * HOP_S
    if not count or not heard.samples.any():
        return PitchCurve(times_s=times_s, hz=np.zeros(count))
    hz, strength = _candidates(heard, count, within)
    octaves = np.where(hz > 0.0, np.log2(np.where(hz > 0.0, hz, 1.0)), NO_PITCH)
    chosen = cheapest_path(octaves, strength, OCTAVE_JUMP_COST, VOICING_COST)
    return PitchCurve(times_s=times_s, hz=hz[np.arange(count), chosen])


def _candidates(heard: Audio, count: int, within: PitchRange) -> tuple[Frames, Frames]:
    """Pitches and their strengths, ``(count, 1 + CANDIDATES)``; the first is "no pitch"."""
    signal = heard.samples[0] - np.float32(heard.samples[0].mean(dtype=np.float64))
    length = 2 * round(0.5 * PERIODS_IN_WINDOW * heard.rate_hz / within.low_hz)
    autocorrelation = _Autocorrelation(length, heard.rate_hz)
    loudest = float(np.abs(signal).max())
    hz, strength = np.zeros((count, 1 + CANDIDATES)), np.full((count, 1 + CANDIDATES), -np.inf)
    done = 0
    for frames in _framed(signal, length, count, heard.rate_hz):
        frames = frames - frames.mean(axis=1, keepdims=True)
        peak = np.abs(frames[:, length // 4 : length - length // 4]).max(axis=1)
        quiet = 2.0 - (peak / max(loudest, 1e-30)) * (1.0 + VOICING_THRESHOLD) / SILENCE_THRESHOLD
        strength[done : done + peak.size, 0] = VOICING_THRESHOLD + np.maximum(0.0, quiet)
        # Where it is as quiet as this, no strength wins over "no pitch".
        heard_at = np.flatnonzero(quiet < 1.0)
        rows = done + heard_at
        hz[rows, 1:], strength[rows, 1:] = _peaks(autocorrelation.of(frames[heard_at]), within)
        done += peak.size
    return hz, strength


def _framed(signal: Windows, length: int, count: int, rate_hz: int) -> Iterator[Windows]:
    """Batches of frames with their middles at 0, 10, 20 ... ms."""
    padded = np.concatenate([np.zeros(length // 2, np.float32), signal, np.zeros(length, np.float32)])
    starts = np.minimum(np.round(np.arange(count) * (HOP_S * rate_hz)).astype(np.int64), signal.size)
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)
    for first in range(0, count, BATCH):
        yield windows[starts[first : first + BATCH]]


class _Autocorrelation:
    """Normalised autocorrelation of frames, between the samples at ``LAG_RATE_HZ``, for lags up to half a frame."""

    def __init__(self, length: int, rate_hz: int) -> None:
        self._oversampling = LAG_RATE_HZ // rate_hz
        self._lags = self._oversampling * (length // 2)
        self._size = 1 << math.ceil(math.log2(1.5 * length))
        self._window: Windows = np.hanning(length + 2)[1:-1].astype(np.float32)
        own = self._products(self._window[np.newaxis])
        self._of_window = own / own[:, :1]

    def of(self, frames: Windows) -> Windows:
        raw = self._products(frames * self._window)
        normalised: Windows = raw / (np.maximum(raw[:, :1], np.float32(1e-30)) * self._of_window)
        return normalised

    def _products(self, frames: Windows) -> Windows:
        spectrum = np.fft.rfft(frames, self._size, axis=1)
        power = (spectrum * spectrum.conj()).astype(np.complex64)
        products = np.fft.irfft(power, self._size * self._oversampling, axis=1)[:, : self._lags]
        return products.astype(np.float32)


def _peaks(correlation: Windows, within: PitchRange) -> tuple[Frames, Frames]:
    """The strongest maxima of each row as pitch and strength; ``-inf`` where a row has fewer."""
    low = max(2, math.floor(LAG_RATE_HZ / within.high_hz))
    high = min(correlation.shape[1] - 2, max(low + CANDIDATES + 1, math.ceil(LAG_RATE_HZ / within.low_hz)))
    before, at, after = (correlation[:, low + shift : high + shift] for shift in (-1, 0, 1))
    lags = np.arange(low, high)
    octaves = np.log2(lags * (within.low_hz / LAG_RATE_HZ))
    cost = np.where((at > before) & (at >= after) & (at > 0.5 * VOICING_THRESHOLD), at - OCTAVE_COST * octaves, -np.inf)
    best = np.argpartition(-cost, CANDIDATES, axis=1)[:, :CANDIDATES]
    left, middle, right, strength = (
        np.take_along_axis(values, best, 1).astype(np.float64) for values in (before, at, after, cost)
    )
    bend = np.minimum(left - 2.0 * middle + right, -1e-30)
    summit = np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    pitches: Frames = np.where(np.isfinite(strength), LAG_RATE_HZ / (lags[best] + summit), 0.0)
    return pitches, strength - 0.25 * (left - right) * summit
