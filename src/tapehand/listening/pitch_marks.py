"""One mark for each period of a voice: what moving its pitch stands on."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.dsp.psola import PitchCurve, PitchMarks
from tapehand.kernels.psola import Places, follow_periods

# Shorter stretches of pitch are left alone: they hold too few periods to follow.
FEWEST_MARKS: Final = 5
# Between its samples a period is found best when there are many of them.
FOLLOWING_RATE_HZ: Final = 44_100
PHASES: Final = 32


def pitch_marks(audio: Audio, pitch: PitchCurve) -> PitchMarks:
    """Marks of ``audio`` wherever ``pitch``, as ``listening.pitch`` hears it, has one; channels are summed.

    All marks of a run lie at the same place of the waveform: where the energy of a period has its middle. There a
    grain of two periods keeps the most of the formants.
    """
    times = max(1, math.ceil(FOLLOWING_RATE_HZ / audio.rate_hz))
    mono = resample(
        Audio.of(audio.samples.mean(axis=0, dtype=np.float64)[np.newaxis], audio.rate_hz), audio.rate_hz * times
    )
    runs: list[Places] = []
    for first, last in _voiced_stretches(pitch):
        run = _followed(mono, pitch, first, last, after=runs[-1] if runs else None)
        if run.size >= FEWEST_MARKS:
            runs.append(run)
    return PitchMarks(runs=tuple(run / times for run in runs), rate_hz=audio.rate_hz)


def _followed(mono: Audio, pitch: PitchCurve, first: int, last: int, *, after: Places | None) -> Places:
    """The marks of the frames ``first`` to ``last``, at least a period ``after`` the last run."""
    hop = _hop_s(pitch) * mono.rate_hz
    periods = mono.rate_hz / pitch.hz[np.clip(np.arange(last + 2), first, last)]
    earliest = max(0.0, (first - 0.5) * hop, float(after[-1]) + periods[first] if after is not None else 0.0)
    latest = min(mono.length_samples - 1.0, (last + 0.5) * hop)
    inner = mono.samples[0, math.ceil(earliest + periods[first]) : math.floor(latest - periods[last])]
    if inner.size < FEWEST_MARKS * 0.5 * periods[first]:
        return np.zeros(0)
    loudest = math.ceil(earliest + periods[first]) + int(np.abs(inner).argmax())
    run = follow_periods(mono.samples[0], periods, hop, float(loudest), earliest, latest)
    return _centred(run, mono.samples[0], earliest, latest) if run.size >= FEWEST_MARKS else run


def _centred(run: Places, samples: NDArray[np.float32], earliest: float, latest: float) -> Places:
    """The run moved by one share of a period, at most half: to the middle of the energy, taken round the circle."""
    positions = np.arange(math.ceil(run[0]), math.floor(run[-1]))
    mark = np.searchsorted(run, positions, side="right") - 1
    phase = (positions - run[mark]) / (run[mark + 1] - run[mark])
    energy = samples[positions].astype(np.float64) ** 2
    histogram = np.bincount((phase * PHASES).astype(np.int64), weights=energy, minlength=PHASES).tolist()
    turns = [2.0 * math.pi * (number + 0.5) / PHASES for number in range(PHASES)]
    east = math.fsum(amount * math.cos(turn) for amount, turn in zip(histogram, turns, strict=True))
    north = math.fsum(amount * math.sin(turn) for amount, turn in zip(histogram, turns, strict=True))
    share = math.atan2(north, east) / (2.0 * math.pi)
    periods = np.diff(run)
    moved = run + share * np.append(periods, periods[-1])
    inside: Places = moved[(moved >= earliest) & (moved <= latest)]
    return inside


def _hop_s(pitch: PitchCurve) -> float:
    return float(pitch.times_s[1] - pitch.times_s[0]) if pitch.times_s.size > 1 else 1.0


def _voiced_stretches(pitch: PitchCurve) -> Iterator[tuple[int, int]]:
    """First and last frame of every stretch with a pitch."""
    voiced = np.concatenate([[False], pitch.hz > 0.0, [False]])
    edges = np.flatnonzero(voiced[1:] != voiced[:-1])
    for first, end in pairwise(edges.tolist()):
        if voiced[first + 1]:
            yield first, end - 1
