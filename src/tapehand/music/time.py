"""Musical time: ticks, metre, tempo map, and the way people write a place (bar.beat.tick).

Positions and durations are different things: positions are ``Tick`` counted from the song's start, durations are
plain tick counts. Intervals are half-open. 960 ticks make a quarter note, as in DAWs.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NewType, TypeVar

PPQ: Final = 960
Tick = NewType("Tick", int)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Metre:
    """Time signature: ``beats`` of ``1/unit`` notes to the bar."""

    beats: int = 4
    unit: int = 4

    @property
    def beat_ticks(self) -> int:
        """Length of a beat."""
        return PPQ * 4 // self.unit

    @property
    def bar_ticks(self) -> int:
        """Length of a bar."""
        return self.beats * self.beat_ticks

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoChange:
    """From ``at`` on, quarter notes per minute."""

    at: int
    bpm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetreChange:
    """From ``at`` on (a bar line), this metre."""

    at: int
    metre: Metre


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place as people say it; bar and beat count from 1."""

    bar: int
    beat: int = 1
    tick: int = 0

    def __str__(self) -> str:
        return f"{self.bar}.{self.beat}.{self.tick:03d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoMap:
    """Steps of tempo and metre; both lists start at tick 0 and rise."""

    tempos: tuple[TempoChange, ...]
    metres: tuple[MetreChange, ...] = (MetreChange(at=0, metre=Metre()),)

    @classmethod
    def steady(cls, bpm: float, metre: Metre = Metre()) -> "TempoMap":
        """One tempo and one metre throughout."""
        return cls(tempos=(TempoChange(at=0, bpm=bpm),), metres=(MetreChange(at=0, metre=metre),))

    def seconds_at(self, tick: int) -> float:
        """Time of a tick. Exact rational arithmetic inside, so that long songs do not drift."""
        total = Fraction(0)
        for change, end in _stretches(self.tempos, tick):
            total += Fraction(end - change.at) * 60 / (Fraction(change.bpm).limit_denominator(10**9) * PPQ)
        return float(total)

    def samples_at(self, tick: int, rate_hz: int) -> int:
        """Nearest sample position of a tick."""
        return round(self.seconds_at(tick) * rate_hz)

    def tick_at(self, time_s: float) -> Tick:
        """Nearest tick of a time at or after the start."""
        elapsed = 0.0
        for index, change in enumerate(self.tempos):
            tick_s = 60.0 / (change.bpm * PPQ)
            last = index + 1 == len(self.tempos)
            length_s = 0.0 if last else (self.tempos[index + 1].at - change.at) * tick_s
            if last or time_s < elapsed + length_s:
                return Tick(change.at + round((time_s - elapsed) / tick_s))
            elapsed += length_s
        raise AssertionError("a tempo map has at least one tempo")

    def bpm_at(self, tick: int) -> float:
        """Quarter notes per minute at a tick."""
        return self.tempos[_index_at([c.at for c in self.tempos], tick)].bpm

    def metre_at(self, tick: int) -> Metre:
        """The metre at a tick."""
        return self.metres[_index_at([c.at for c in self.metres], tick)].metre

    def place_at(self, tick: int) -> Place:
        """Bar, beat and tick of a position."""
        bar = 1
        for change, end in _stretches(self.metres, tick):
            bars, rest = divmod(end - change.at, change.metre.bar_ticks)
            bar += bars
        beat, inside = divmod(rest, change.metre.beat_ticks)
        return Place(bar=bar, beat=beat + 1, tick=inside)

    def tick_of(self, place: Place) -> Tick:
        """Position of a place; the inverse of ``place_at``."""
        bars_left = place.bar - 1
        for index, change in enumerate(self.metres):
            following = self.metres[index + 1].at if index + 1 < len(self.metres) else None
            bars_here = bars_left + 1 if following is None else (following - change.at) // change.metre.bar_ticks
            if bars_left < bars_here:
                inside = (place.beat - 1) * change.metre.beat_ticks + place.tick
                return Tick(change.at + bars_left * change.metre.bar_ticks + inside)
            bars_left -= bars_here
        raise AssertionError("the last metre has no end")


_Change = TypeVar("_Change", TempoChange, MetreChange)


def _index_at(starts: list[int], tick: int) -> int:
    return max(bisect_right(starts, tick) - 1, 0)


def _stretches(changes: tuple[_Change, ...], end_tick: int) -> Iterator[tuple[_Change, int]]:
    """Each change with the end of its reign, up to ``end_tick``; always yields the first."""
    for index, change in enumerate(changes):
        if index and change.at > end_tick:
            return
        following = changes[index + 1].at if index + 1 < len(changes) else end_tick
        yield change, min(following, end_tick) if following > change.at else change.at
