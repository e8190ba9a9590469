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

Frames = NDArray[np.float64]

HOP_S: Final = 0.01
LISTENING_RATE_HZ: Final = 16_000
OVERSAMPLING: Final = 2
PERIODS_IN_WINDOW: Final = 3.0
CANDIDATES: Final = 8
BATCH: Final = 128

# Boersma's constants; the costs of a jump are meant for 10 ms.
VOICING_THRESHOLD: Final = 0.45
SILENCE_THRESHOLD: Final = 0.03
OCTAVE_COST: Final = 0.01
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
    heard = resample(mono, LISTENING_RATE_HZ)
    count = math.ceil(audio.duration_s / HOP_S)
    times_s: Frames = np.arange(count, dtype=np.float64) * HOP_S
    if not count or not heard.samples.any():
        return PitchCurve(times_s=times_s, hz=np.zeros(count))
    hz, strength = _candidates(heard, count, within)
    return PitchCurve(times_s=times_s, hz=_cheapest_path(hz, strength))


def _candidates(heard: Audio, count: int, within: PitchRange) -> tuple[Frames, Frames]:
    """Pitches and their strengths, ``(count, 1 + CANDIDATES)``; the first is "no pitch"."""
    signal = heard.samples[0].astype(np.float64)
    length = 2 * round(0.5 * PERIODS_IN_WINDOW * heard.rate_hz / within.low_hz)
    loudest = float(np.abs(signal - signal.mean()).max())
    hz, strength = np.zeros((count, 1 + CANDIDATES)), np.full((count, 1 + CANDIDATES), -np.inf)
    done = 0
    for frames in _framed(signal, length, count, heard.rate_hz):
        rows = slice(done, done + frames.shape[0])
        frames = frames - frames.mean(axis=1, keepdims=True)
        peak = np.abs(frames[:, length // 4 : length - length // 4]).max(axis=1)
        quiet = 2.0 - (peak / max(loudest, 1e-30)) * (1.0 + VOICING_THRESHOLD) / SILENCE_THRESHOLD
        strength[rows, 0] = VOICING_THRESHOLD + np.maximum(0.0, quiet)
        hz[rows, 1:], strength[rows, 1:] = _peaks(_autocorrelation(frames), heard.rate_hz * OVERSAMPLING, within)
        done = rows.stop
    return hz, strength


def _framed(signal: Frames, length: int, count: int, rate_hz: int) -> Iterator[Frames]:
    """Batches of frames with their middles at 0, 10, 20 ... ms."""
    padded = np.concatenate([np.zeros(length // 2), signal, np.zeros(length)])
    starts = np.minimum(np.round(np.arange(count) * (HOP_S * rate_hz)).astype(np.int64), signal.size)
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)
    for first in range(0, count, BATCH):
        yield windows[starts[first : first + BATCH]]


def _autocorrelation(frames: Frames) -> Frames:
    """Normalised autocorrelation of each frame at ``OVERSAMPLING`` times the rate, for lags up to half a frame."""
    length = frames.shape[1]
    window = np.hanning(length + 2)[1:-1]
    own = _lag_products(window[np.newaxis])
    lags = OVERSAMPLING * (length // 2)
    raw = _lag_products(frames * window)
    power = np.maximum(raw[:, :1], 1e-30)
    normalised: Frames = (raw / power)[:, :lags] / (own / own[:, :1])[:, :lags]
    return normalised


def _lag_products(frames: Frames) -> Frames:
    length = frames.shape[1]
    size = 1 << math.ceil(math.log2(1.5 * length))
    spectrum = np.fft.rfft(frames, size, axis=1)
    products: Frames = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size * OVERSAMPLING, axis=1)
    return products


def _peaks(correlation: Frames, lag_rate_hz: int, within: PitchRange) -> tuple[Frames, Frames]:
    """The strongest maxima of each row as pitch and strength; ``-inf`` where a row has fewer."""
    low = max(2, math.floor(lag_rate_hz / within.high_hz))
    high = min(correlation.shape[1] - 2, max(low + CANDIDATES + 1, math.ceil(lag_rate_hz / within.low_hz)))
    before, at, after = (correlation[:, low + shift : high + shift] for shift in (-1, 0, 1))
    lags = np.arange(low, high)
    octaves = np.log2(lags * (within.low_hz / lag_rate_hz))
    cost = np.where((at > before) & (at >= after) & (at > 0.5 * VOICING_THRESHOLD), at - OCTAVE_COST * octaves, -np.inf)
    best = np.argpartition(-cost, CANDIDATES, axis=1)[:, :CANDIDATES]
    left, middle, right, strength = (np.take_along_axis(values, best, 1) for values in (before, at, after, cost))
    bend = np.minimum(left - 2.0 * middle + right, -1e-30)
    summit = np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    pitches: Frames = np.where(np.isfinite(strength), lag_rate_hz / (lags[best] + summit), 0.0)
    return pitches, strength - 0.25 * (left - right) * summit


def _cheapest_path(hz: Frames, strength: Frames) -> Frames:
    """Of each frame's candidates the one on the path of greatest strength less the costs of its jumps (Viterbi)."""
    voiced = hz > 0.0
    octaves = np.log2(np.where(voiced, hz, 1.0))
    score = strength[0]
    came_from = np.zeros(hz.shape, dtype=np.int64)
    for frame in range(1, hz.shape[0]):
        both = voiced[frame - 1][:, np.newaxis] & voiced[frame]
        change = voiced[frame - 1][:, np.newaxis] != voiced[frame]
        jump = np.abs(octaves[frame - 1][:, np.newaxis] - octaves[frame])
        total = score[:, np.newaxis] - OCTAVE_JUMP_COST * jump * both - VOICING_COST * change
        came_from[frame] = total.argmax(axis=0)
        score = total.max(axis=0) + strength[frame]
    chosen = np.zeros(hz.shape[0], dtype=np.int64)
    chosen[-1] = int(score.argmax())
    for frame in range(hz.shape[0] - 1, 0, -1):
        chosen[frame - 1] = came_from[frame, chosen[frame]]
    path: Frames = hz[np.arange(hz.shape[0]), chosen]
    return path
