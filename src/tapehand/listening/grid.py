"""A tempo map that is known, in seconds: its bars, its beats, and what it says of the song."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from tapehand.listening.marks import DawTime, told_sections
from tapehand.music.form import Section
from tapehand.music.time import PPQ, TempoMap
from tapehand.song.finding import Fact

METHOD: Final = "tempo map of "
HEARD_INSTEAD: Final = ("tempo_bpm", "metre", "tempo_alternative_bpm")
MOST_CHANGES_TOLD: Final = 64

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
