"""The pitch of a voice, moved without moving its formants: pitch-synchronous overlap-add on given marks.

After E. Moulines and F. Charpentier, "Pitch-synchronous waveform processing techniques for text-to-speech synthesis
using diphones", Speech Communication 9, 1990. Where the marks come from: ``listening.pitch_marks``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.interpolation import Bank, kaiser_bank
from tapehand.errors import InternalError
from tapehand.kernels.psola import lay_grains

Places = NDArray[np.float64]

MOST_SEMITONES: Final = 12.0
# Own pitch is taken over this many periods on both sides, so that a voice keeps its jitter when its pitch is moved.
PERIODS_ASIDE: Final = 3
LEVEL_PERIODS: Final = 3.0
MOST_LEVELLING: Final = 1.4
NEXT_TO_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PitchCurve:
    """Pitch over time.

    Parameters
    ----------
    times_s : float64 ``(n,)``, ascending.
    hz : float64 ``(n,)``; 0 where there is no pitch.
    """

    times_s: Places
    hz: Places

    def __post_init__(self) -> None:
        if self.times_s.ndim != 1 or self.times_s.shape != self.hz.shape or (np.diff(self.times_s) <= 0.0).any():
            raise InternalError("dsp.pitch", "A pitch curve has one pitch for each of its ascending times")

    def hz_at(self, times_s: Places) -> Places:
        """Pitch at any times: straight between two points that have one, else 0."""
        if not self.times_s.size:
            return np.zeros_like(times_s)
        later = np.minimum(np.searchsorted(self.times_s, times_s), self.times_s.size - 1)
        within = (self.times_s[0] <= times_s) & (times_s <= self.times_s[-1])
        known = within & (self.hz[later] > 0.0) & (self.hz[np.maximum(later - 1, 0)] > 0.0)
        pitch: Places = np.where(known, np.interp(times_s, self.times_s, self.hz), 0.0)
        return pitch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PitchMarks:
    """Where the periods of a voice begin.

    Parameters
    ----------
    runs : for each stretch with a pitch, float64 ``(n,)`` positions in samples, ascending, one period apart.
    rate_hz : of the sound that was marked.
    """

    runs: tuple[Places, ...]
    rate_hz: int

    def __post_init__(self) -> None:
        last = -math.inf
        for run in self.runs:
            if run.ndim != 1 or run.size < 2 or run[0] <= last or (np.diff(run) <= 1.0).any():
                raise InternalError("dsp.pitch", "Pitch marks ascend, run after run, at least two in a run")
            last = float(run[-1])


class Grain(NamedTuple):
    """A stretch of sound that goes elsewhere; all but its gain in samples."""

    source: float
    place: float
    left: float
    right: float
    gain: float


@cache
def _voice_bank() -> Bank:
    return kaiser_bank(64, 48, 8.0)


def shift_voice(audio: Audio, marks: PitchMarks, semitones: float) -> Audio:
    """``audio`` with everything that has a pitch moved by -12 to +12 semitones, its formants and timing kept.

    What lies outside the runs of ``marks`` comes out bit for bit as it went in.

    Raises
    ------
    InternalError
        ``dsp.pitch`` for marks of another rate or more than an octave; ``render.not_finite`` for NaN or infinity.
    """
    if not abs(semitones) <= MOST_SEMITONES:
        raise InternalError("dsp.pitch", f"A voice is moved by an octave at most, not by {semitones:g} semitones")
    ratio = math.exp2(semitones / 12.0)
    return _moved(audio, marks, [np.full(run.size, ratio) for run in marks.runs])


def correct_pitch(audio: Audio, marks: PitchMarks, target: PitchCurve) -> Audio:
    """``audio`` sung at ``target`` wherever that has a pitch, formants and timing kept; elsewhere as it is.

    The pitch that is moved is the mean of a few periods, so jitter, and with it the voice, stays. A move is held to an
    octave. Runs of ``marks`` that ``target`` does not touch, and all that is outside them, stay bit for bit; after the
    end of a target, the rest of its run keeps its pitch and lies up to half a period off.

    Raises
    ------
    InternalError
        ``dsp.pitch`` for marks of another rate; ``render.not_finite`` for NaN or infinity.
    """
    return _moved(audio, marks, [_wanted_ratio(run, marks.rate_hz, target) for run in marks.runs])


def _wanted_ratio(run: Places, rate_hz: int, target: PitchCurve) -> Places:
    before = np.maximum(np.arange(run.size) - PERIODS_ASIDE, 0)
    after = np.minimum(np.arange(run.size) + PERIODS_ASIDE, run.size - 1)
    own_period = (run[after] - run[before]) / (after - before)
    ratio = target.hz_at(run / rate_hz) * own_period / rate_hz
    wanted: Places = np.where(ratio > 0.0, np.clip(ratio, 0.5, 2.0), 1.0)
    return wanted


def _moved(audio: Audio, marks: PitchMarks, ratios: list[Places]) -> Audio:
    if audio.rate_hz != marks.rate_hz:
        raise InternalError("dsp.pitch", f"Marks at {marks.rate_hz} Hz do not fit a sound at {audio.rate_hz} Hz")
    moved = [(run, ratio) for run, ratio in zip(marks.runs, ratios, strict=True) if (ratio != 1.0).any()]
    runs = [list(_run_grains(run, ratio)) for run, ratio in moved]
    grains = [grain for run in _levelled(runs, audio) for grain in run]
    kept = np.ones(audio.length_samples, dtype=np.float32)
    for run in runs:
        grains += _flanks(run[0], run[-1])
        kept[math.floor(run[0].place) + 1 : math.ceil(run[-1].place)] = 0.0
    return Audio.of(audio.samples * kept + _laid(audio, grains), audio.rate_hz)


def _laid(audio: Audio, grains: list[Grain]) -> Places:
    """The sum of the grains of every channel, float64 ``(channels, samples)``."""
    source, place, left, right, gain = np.array(grains, dtype=np.float64).reshape(-1, len(Grain._fields)).T.copy()
    bank = _voice_bank()
    return np.stack([lay_grains(channel, source, place, left, right, gain, bank) for channel in audio.samples])


def _levelled(runs: list[list[Grain]], audio: Audio) -> Iterator[list[Grain]]:
    """The runs with gains at which each place comes out at the power it had: what overlaps in another phase is
    quieter, by up to a few dB.
    """
    had = _energy_until(audio.samples)
    has = _energy_until(_laid(audio, [grain for run in runs for grain in run]))
    for run in runs:
        start, stop = math.ceil(run[0].place), math.floor(run[-1].place)
        levelled = []
        for grain in run:
            reach = LEVEL_PERIODS * (grain.left + grain.right)
            first, end = max(start, round(grain.place - reach)), min(stop, round(grain.place + reach))
            before, after = float(had[end] - had[first]), float(has[end] - has[first])
            change = math.sqrt(before / after) if after > 0.0 else 1.0
            levelled.append(grain._replace(gain=grain.gain * min(max(change, 1.0 / MOST_LEVELLING), MOST_LEVELLING)))
        yield levelled


def _energy_until(samples: NDArray[np.floating]) -> Places:
    """Sum of squares of all channels before each sample, and in the end of all."""
    return np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64).sum(axis=0))])


def _run_grains(run: Places, ratio: Places) -> Iterator[Grain]:
    """The grains of one run: two whole periods around the nearest mark, at places one new period apart.

    More grains a second would be louder, so each is scaled to keep the power.
    """
    periods = np.diff(run).tolist()
    lefts, rights = [periods[0], *periods], [*periods, periods[-1]]
    places, nearest = _new_places(run, ratio)
    for number, (place, mark) in enumerate(zip(places, nearest, strict=True)):
        before = place - places[number - 1] if number else lefts[mark]
        after = places[number + 1] - place if number + 1 < len(places) else rights[mark]
        gain = math.sqrt((before + after) / (lefts[mark] + rights[mark]))
        yield Grain(float(run[mark]), place, lefts[mark], rights[mark], gain)


def _new_places(run: Places, ratio: Places) -> tuple[list[float], list[int]]:
    """Positions one new period apart along the run, and the mark that is nearest to each."""
    marks, ratios = run.tolist(), ratio.tolist()
    places, nearest = [], []
    place, mark, last = marks[0], 0, len(marks) - 1
    while place <= marks[last]:
        while mark < last - 1 and marks[mark + 1] <= place:
            mark += 1
        period = marks[mark + 1] - marks[mark]
        share = (place - marks[mark]) / period
        places.append(place)
        nearest.append(mark + (share > 0.5))
        coming = marks[min(mark + 2, last)] - marks[min(mark + 1, last - 1)]
        own = period + share * (coming - period)
        place += own / (ratios[mark] + share * (ratios[mark + 1] - ratios[mark]))
    return places, nearest


def _flanks(first: Grain, last: Grain) -> tuple[Grain, Grain]:
    """What must go from the sound beside the run, where its first grain rises and its last one falls."""
    return (
        Grain(first.place, first.place, first.left, NEXT_TO_NOTHING, -1.0),
        Grain(last.place, last.place, NEXT_TO_NOTHING, last.right, -1.0),
    )
