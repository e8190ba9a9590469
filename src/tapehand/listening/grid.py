"""A tempo map that is known, in seconds: its bars, its beats, and what it says of the song."""

import cmath
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from tapehand.listening.kinds import finding, limit
from tapehand.listening.marks import DawTime, told_sections
from tapehand.listening.rhythm import Rhythm
from tapehand.music.form import Section
from tapehand.music.time import PPQ, TempoMap
from tapehand.song.finding import Fact, Finding

METHOD: Final = "tempo map of "
HEARD_INSTEAD: Final = ("tempo_bpm", "metre", "tempo_alternative_bpm")
MOST_CHANGES_TOLD: Final = 64
KIND: Final = "tempo_map_differs"
# Beats are counted slower or faster than the quarter notes of a map; that is no difference.
LEVELS: Final = (1.0, 2.0, 0.5, 4.0, 0.25, 3.0, 1 / 3, 1.5, 2 / 3, 4 / 3, 0.75)

_Change = tuple[str, int, float | str, str]


def bars_of_grid(grid: TempoMap, end_s: float) -> tuple[float, ...]:
    """The starts of the bars of a tempo map up to ``end_s``, and the end of the last."""
    return _lines(grid, end_s, lambda tick: grid.metre_at(tick).bar_ticks)


def beats_of_grid(grid: TempoMap, end_s: float) -> tuple[float, ...]:
    """The beats of a tempo map up to ``end_s``."""
    return _lines(grid, end_s, lambda tick: grid.metre_at(tick).beat_ticks)


def marked_sections(told: DawTime, end_s: float) -> tuple[Section, ...]:
    """The sections that a DAW's markers speak of, each from the bar line that is nearest."""
    lines_s = bars_of_grid(told.grid, end_s)

    def bar(at_s: float) -> int:
        return 1 + min(range(len(lines_s)), key=lambda line: abs(lines_s[line] - at_s))

    placed = [(section, bar(section.start_s), bar(section.end_s)) for section in told_sections(told.marks, end_s)]
    return tuple(
        Section(name=section.name, kind=section.kind, start_bar=first, bars=end - first)
        for section, first, end in placed
        if end > first
    )


def grid_facts(grid: TempoMap, end_s: float, heard: Sequence[Fact], source: str) -> tuple[Fact, ...]:
    """What was heard, with the tempi and metres of the map of ``source`` in the place of those that were heard."""
    kept = (fact for fact in heard if fact.name not in HEARD_INSTEAD)
    return (*_told_facts(grid, end_s, METHOD + source), *kept)


def grid_findings(grid: TempoMap, source: str, rhythm: Rhythm | None) -> tuple[Finding, ...]:
    """Whether a map is that of this session, asked where what is played goes otherwise beyond doubt."""
    sure = limit(KIND, "least_confidence")
    if rhythm is None or len(grid.tempos) > 1 or min(rhythm.tempo_confidence, rhythm.beat_confidence) < sure:
        return ()
    told_bpm, heard_bpm, half_s = grid.tempos[0].bpm, rhythm.tempo_bpm, 30.0 / grid.tempos[0].bpm
    beside_s = _beside(rhythm.beats_s.tolist(), half_s)
    if all(abs(heard_bpm / (told_bpm * level) - 1.0) > limit(KIND, "tempo_share") for level in LEVELS):
        told, heard = f"it goes at {told_bpm:g} BPM", f"what is played goes at {heard_bpm:.2f} BPM"
    elif beside_s is not None and abs(beside_s) > 2.0 * half_s * limit(KIND, "beside_beats"):
        told, heard = "the first beat is where the files begin", f"beats lie {1000 * beside_s:+.0f} ms beside that"
    else:
        return ()
    return (finding(KIND, track=None, path=None, value=heard_bpm, source=source, told=told, heard=heard),)


def _beside(beats_s: Sequence[float], step_s: float) -> float | None:
    """How far beats lie beside a grid of steps from 0 on, in seconds; None where they do not lie together."""
    turns = [cmath.exp(2j * math.pi * beat_s / step_s) for beat_s in beats_s]
    mean = sum(turns) / max(1, len(turns))
    if abs(mean) < limit(KIND, "together"):
        return None
    return cmath.phase(mean) / (2.0 * math.pi) * step_s


def _told_facts(grid: TempoMap, end_s: float, method: str) -> Iterator[Fact]:
    clock = _clock(grid)
    tempi: list[_Change] = [("tempo_bpm", change.at, round(change.bpm, 3), "BPM") for change in grid.tempos]
    metres: list[_Change] = [("metre", change.at, str(change.metre), "") for change in grid.metres]
    for changes in (tempi, metres):
        starts_s = [clock(at) for _, at, _, _ in changes]
        for (name, _, value, unit), start_s, until_s in zip(changes, starts_s, [*starts_s[1:], end_s], strict=True):
            alone = len(changes) == 1
            if alone or (start_s < end_s and len(changes) <= MOST_CHANGES_TOLD):
                place = (None, None) if alone else (start_s, min(until_s, end_s))
                yield Fact(name=name, value=value, unit=unit, start_s=place[0], end_s=place[1], method=method)


def _lines(grid: TempoMap, end_s: float, step: Callable[[int], int]) -> tuple[float, ...]:
    clock, lines_s, tick = _clock(grid), [0.0], 0
    while lines_s[-1] < end_s:
        tick += step(tick)
        lines_s.append(clock(tick))
    return tuple(lines_s)


def _clock(grid: TempoMap) -> Callable[[int], float]:
    """``grid.seconds_at`` for many ticks: what lies before each change is added up once, exactly."""
    changes = [(change.at, 60 / (Fraction(change.bpm).limit_denominator(10**9) * PPQ)) for change in grid.tempos]
    starts, before = [at for at, _ in changes], [Fraction(0)]
    for (at, tick_s), (following, _) in pairwise(changes):
        before.append(before[-1] + (following - at) * tick_s)

    def seconds(tick: int) -> float:
        place = max(bisect_right(starts, tick) - 1, 0)
        return float(before[place] + (tick - starts[place]) * changes[place][1])

    return seconds
