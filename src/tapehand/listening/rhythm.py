"""Tempo, beats and bars of a recording, each with how sure it is.

Several tempos are possible (half, double, two thirds ...). For each its beats are tracked and its bars read; a linear
model weighs how well the onsets return, how well bars can be read, and how usual such a tempo is.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.beats import beat_strength, track_beats
from tapehand.listening.metre import BAR_LENGTHS, Pulses, beat_lengths_s, pulses, strongest_onsets
from tapehand.listening.onsets import FRAMES_PER_SECOND, Onsets
from tapehand.listening.periods import (
    ALL_REGISTERS,
    best_near,
    best_returns,
    period_path,
    periodicity,
    possible_periods,
    returns_after,
)
from tapehand.listening.tones import Chroma
from tapehand.music.time import Metre

Values = NDArray[np.float64]

FEWEST_BEATS: Final = 6
MIDDLE_BPM: Final = 110.0
MOST_READ: Final = 6
FAR_OCTAVES: Final = 0.7
SECONDS_CHOSEN_FROM: Final = 90
LIKELY_BAR_LINES: Final = 8
KEPT_TEMPO: Final = 0.006
DIVISIONS: Final = (1 / 4, 1 / 3, 1 / 2, 2 / 3)
SEVEN: Final = 7
METRES: Final = {
    4: Metre(beats=6, unit=8), 6: Metre(beats=3, unit=4), 7: Metre(beats=7, unit=8), 8: Metre(beats=4, unit=4),
    10: Metre(beats=5, unit=4),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """A tempo in beats per minute, and how likely it is the one that people count, 0..1."""

    bpm: float
    likelihood: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rhythm:
    """The time of a recording.

    Parameters
    ----------
    tempo_bpm : beats of ``metre`` per minute, the median; dotted quarters in 6/8, quarters in 7/8.
    tempo_confidence, beat_confidence, bar_confidence : 0..1, that the tempo is the one people count, that the beats
        lie on it, and that the bar lines do.
    alternatives : other tempos the music could be counted in, the likeliest first.
    metre : the bar.
    beats_s, downbeats_s : rising times. In 7/8 the beats are eighths.
    """

    tempo_bpm: float
    tempo_confidence: float
    beat_confidence: float
    bar_confidence: float
    alternatives: tuple[Tempo, ...]
    metre: Metre
    beats_s: Values
    downbeats_s: Values


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading:
    """One tempo tried: its period in frames, its pulses, and how much returns after it.

    ``features`` ``(32,)`` is what the choice of a tempo looks at: how usual it is, how bars read, what the onsets do.
    ``clarity`` is the strength of the onsets on its beats over the mean of all frames.
    """

    period: float
    pulses: Pulses
    features: Values
    returns: float
    clarity: float


def hear_rhythm(heard: Onsets, tones: Chroma) -> Rhythm | None:
    """Tempo, beats and bars; None where nothing returns that could be a beat (silence, a single sound)."""
    part, tones_of_part = _liveliest(heard, tones)
    readings = read_tempos(part, tones_of_part)
    if not readings:
        return None
    chances = _chances(readings)
    order = sorted(range(len(readings)), key=lambda index: (-round(chances[index], 9), index))
    chosen = readings[order[0]]
    row = chosen.pulses if part is heard else _Ground(heard, tones).pulses(chosen.period)
    if row is None:
        return None
    division = bar_features(row, heard, chosen.period)
    metres = metre_chances(division)
    bars = row.readings[BAR_LENGTHS[int(metres.argmax())]]
    signs = confidence_signs(chosen, chances[order[0]], row, float(metres.max()))
    return Rhythm(
        tempo_bpm=_median_bpm(row.times_s[0::2]),
        tempo_confidence=_confidence("tempo", signs),
        beat_confidence=_confidence("beats", signs),
        bar_confidence=min(_confidence("bars", signs), _confidence("beats", signs), _most_sure_of_bars(division)),
        alternatives=tuple(Tempo(bpm=_bpm(readings[index].period), likelihood=chances[index]) for index in order[1:]),
        metre=METRES[bars.length],
        beats_s=row.times_s if bars.length == SEVEN else row.times_s[bars.places % 2 == 0],
        downbeats_s=row.times_s[bars.places == 0],
    )


def read_tempos(heard: Onsets, tones: Chroma) -> list[Reading]:
    """The likeliest tempos at first sight, each with beats tracked and bars read."""
    if heard.is_silent:
        return []
    ground = _Ground(heard, tones)
    periods = _likeliest_at_first_sight(ground.mean)
    returns = returns_after(ground.mean, periods)
    readings = [ground.read(float(period), returned) for period, returned in zip(periods, returns, strict=True)]
    return [reading for reading in readings if reading is not None]


class _Ground:
    """A recording in which beats can be tracked at any tempo."""

    def __init__(self, heard: Onsets, tones: Chroma) -> None:
        self._found, self._strength = periodicity(heard), beat_strength(heard)
        self._heard, self._tones = heard, tones
        self.mean = self._found.mean
        self._best, self._usual_strength = best_returns(self.mean), float(heard.strength.mean())

    def pulses(self, period: float) -> Pulses | None:
        """Beats of about ``period`` frames and the bars they make; None where there are too few."""
        beats_s = track_beats(self._strength, period_path(self._found, period))
        return pulses(beats_s, self._heard, self._tones) if beats_s.size >= FEWEST_BEATS else None

    def read(self, period: float, returns: Values) -> Reading | None:
        """All about one tempo after which so much ``(4, 5)`` returns; None where there are too few beats."""
        row = self.pulses(period)
        if row is None:
            return None
        on_beats = float(row.strongest[0::2].sum(axis=1).mean())
        return Reading(
            period=period,
            pulses=row,
            features=np.concatenate([_usual(period), _bar_signs(row), (returns / self._best).ravel()]),
            returns=float(returns[1:3, ALL_REGISTERS].sum()),
            clarity=on_beats / max(self._usual_strength, 1e-9),
        )


def bar_features(row: Pulses, heard: Onsets, period: float) -> Values:
    """What the choice of a metre looks at, ``(14,)``: how each bar length reads, and how beats are divided."""
    scores = [row.readings[length].score for length in BAR_LENGTHS]
    beats_s = row.times_s[0::2]
    length_s = beat_lengths_s(beats_s)
    places_s = beats_s + np.array((0.0, *DIVISIONS))[:, np.newaxis] * length_s
    levels = np.sqrt(strongest_onsets(places_s.ravel(), heard)).reshape(len(places_s), -1).mean(axis=1)
    divided = levels / max(float(levels.max()), 1e-9)
    octaves = math.log2(_bpm(period) / MIDDLE_BPM)
    return np.array([*scores, *divided, octaves, octaves * octaves, max(scores), 1.0])


def metre_chances(features: Values) -> Values:
    """How likely each of ``BAR_LENGTHS`` is; they sum to 1."""
    scores = (_metre_weights() * features).sum(axis=1)
    chances = np.exp(scores - scores.max())
    return np.asarray(chances / chances.sum())


def confidence_signs(chosen: Reading, chance: float, row: Pulses, metre_chance: float) -> Values:
    """What confidence is read from, ``(8,)``."""
    chance, metre_chance = (min(max(each, 1e-4), 1.0 - 1e-4) for each in (chance, metre_chance))
    best = max(reading.score for reading in row.readings.values())
    lines = row.bar_line
    return np.array([
        math.log(chance / (1.0 - chance)), math.log(metre_chance / (1.0 - metre_chance)), chosen.returns,
        float(lines.std()), best, math.log(max(chosen.clarity, 1e-3)), math.log(row.times_s.size), 1.0,
    ])  # fmt: skip


def _liveliest(heard: Onsets, tones: Chroma) -> tuple[Onsets, Chroma]:
    """The minute and a half in which most begins: enough to choose a tempo from."""
    length = SECONDS_CHOSEN_FROM * FRAMES_PER_SECOND
    frames = heard.registers.shape[0]
    if frames <= length:
        return heard, tones
    sums = np.concatenate([[0.0], np.cumsum(heard.strength)])
    starts = np.arange(0, frames - length, 5 * FRAMES_PER_SECOND)
    start = int(starts[int((sums[starts + length] - sums[starts]).argmax())])
    first, last = (round(frame * 20 / FRAMES_PER_SECOND) for frame in (start, start + length))
    part = Chroma(treble=tones.treble[first:last], bass=tones.bass[first:last])
    return Onsets(registers=heard.registers[start : start + length]), part


def _likeliest_at_first_sight(mean: Values) -> Values:
    """Possible periods that return most and are not unusual."""
    periods = np.array(possible_periods(mean), dtype=np.float64)
    best = max(float(mean[27:400, ALL_REGISTERS].max()), 0.05)
    returns = (best_near(mean, periods) + 0.6 * best_near(mean, 2.0 * periods))[:, ALL_REGISTERS]
    likely = [
        float(each) / best - 1.8 * math.log2(_bpm(period) / 115.0) ** 2
        for each, period in zip(returns, periods, strict=True)
    ]
    order = sorted(range(periods.size), key=lambda index: -round(likely[index], 9))
    return periods[np.array(order[:MOST_READ], dtype=np.int64)]


def _usual(period: float) -> list[float]:
    """How far a tempo lies from the middle of all."""
    octaves = math.log2(_bpm(period) / MIDDLE_BPM)
    return [octaves, octaves * octaves, max(0.0, octaves - FAR_OCTAVES), max(0.0, -octaves - FAR_OCTAVES)]


def _bar_signs(row: Pulses) -> list[float]:
    """How clearly the pulses of a tempo make bars, and which."""
    lines = row.bar_line
    likeliest = np.sort(lines)[-max(1, lines.size // LIKELY_BAR_LINES) :]
    score = {length: row.readings[length].score for length in BAR_LENGTHS}
    best = max(score[4], score[6], score[8], score[10])
    means = float(lines.mean()), float(lines.std()), float(likeliest.mean())
    return [*means, best, score[8], score[6], score[7] - best, score[10]]


@cache
def _tempo_weights() -> Values:
    return np.array(load("rhythm")["tempo"]["weights"], dtype=np.float64)


def _chances(readings: list[Reading]) -> list[float]:
    """How likely each tempo is the one that people count; they sum to 1."""
    table = load("rhythm")["tempo"]
    scores = np.array([float((reading.features * _tempo_weights()).sum()) for reading in readings])
    chances = np.exp((scores - scores.max()) / float(table["temperature"]))
    return [float(chance) for chance in chances / chances.sum()]


def _bpm(period: float) -> float:
    return 60.0 * FRAMES_PER_SECOND / period


def _most_sure_of_bars(division: Values) -> float:
    """Where beats are divided in three, two of them to the bar or four are a matter of writing: 6/8, or 12/8, swing."""
    half, two_thirds = division[len(BAR_LENGTHS) + 3], division[len(BAR_LENGTHS) + 4]
    return float(load("rhythm")["confidence"]["divided_in_three"]) if two_thirds > half else 1.0


def _median_bpm(beats_s: Values) -> float:
    """Beats per minute: over half of a recording that keeps its tempo, as that is exact; else the median of 8 beats."""
    near, far = (_slope_bpm(beats_s, span) for span in (min(8, beats_s.size - 1), max(1, beats_s.size // 2)))
    return far if abs(far / near - 1.0) < KEPT_TEMPO else near


def _slope_bpm(beats_s: Values, span: int) -> float:
    return 60.0 * span / float(np.median(beats_s[span:] - beats_s[:-span]))


@cache
def _metre_weights() -> Values:
    return np.array(load("rhythm")["metre"]["weights"], dtype=np.float64)


def _confidence(name: str, signs: Values) -> float:
    weights = np.array(load("rhythm")["confidence"][name], dtype=np.float64)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, float((weights * signs).sum())))))
