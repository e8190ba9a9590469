"""Performance: notes on the grid become notes of somebody who plays them.

Swing moves the second sixteenth of each pair. A slow drift (AR(1), one step a beat) is shared by all parts; scatter and
lay-back are each part's own. Accents follow the place in the bar. Figures: the genre's ``feel`` table.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import sqrt
from typing import Final

from tapehand.engines.composing.chance import dice, spread
from tapehand.engines.composing.plan import STEP_TICKS, Member, Plan, PlannedSection
from tapehand.music.notes import Note
from tapehand.music.time import PPQ

_MEMORY: Final = 0.92
_BEAT_STEPS: Final = PPQ // STEP_TICKS


def perform(notes: Iterable[Note], section: PlannedSection, plan: Plan, member: Member) -> tuple[Note, ...]:
    """Notes as played: moved off the grid and given touch; none before the section's start or beyond its end."""
    played = [_played(note, section, plan, member) for note in notes]
    return tuple(sorted(note for note in played if note.start_tick < section.length_ticks))


def swing_ticks(swing_percent: float) -> int:
    """How late the second sixteenth of a pair is, 50 % being straight and 66.7 % a triplet."""
    return round(2 * STEP_TICKS * (swing_percent - 50.0) / 100.0)


def cells(grid: str, bar: int, steps_per_bar: int, bar_steps: int = 16) -> str:
    """The signs of one bar of a grid that repeats; cut or lengthened where the bar has not sixteen sixteenths."""
    bars = len(grid) // bar_steps
    first = (bar % bars) * bar_steps
    segment = grid[first : first + bar_steps]
    return (segment * (1 + steps_per_bar // bar_steps))[:steps_per_bar]


def _played(note: Note, section: PlannedSection, plan: Plan, member: Member) -> Note:
    feel = plan.genre.feel
    part = member.part.id.partition("-")[0]
    step = note.start_tick // STEP_TICKS
    throw = dice(plan.seed, "touch", member.part.id, section.form.name, note.start_tick)
    late_ms = _drift_ms(plan.seed, feel.drift_ms, plan.bars * plan.metre.bar_ticks // PPQ + 1)[
        (section.start_tick + note.start_tick) // PPQ
    ]
    late_ms += feel.lay_back_ms.get(part, 0.0) + spread(throw, feel.jitter_ms.get(part, 2.0) if feel.jitter_ms else 0.0)
    late = plan.ms_to_ticks(late_ms) + (swing_ticks(plan.swing_percent) if step % 2 else 0)
    start = max(0, round(note.start_tick + late))
    place = "beat" if step % _BEAT_STEPS == 0 else "eighth" if step % 2 == 0 else "sixteenth"
    touch = (
        feel.accents.get(place, 1.0)
        if member.part.player in ("drums", "hats")
        else 0.5 + 0.5 * feel.accents.get(place, 1.0)
    )
    loudness = note.velocity * touch * (0.86 + 0.16 * section.form.energy) + spread(throw, feel.velocity_spread)
    length = max(1, min(note.length_ticks, section.length_ticks - start))
    return Note(
        start_tick=start,
        length_ticks=length,
        pitch=note.pitch,
        velocity=min(max(round(loudness), 1), 127),
        glide_ticks=note.glide_ticks,
    )


@lru_cache(maxsize=32)
def _drift_ms(seed: int, deviation_ms: float, beats: int) -> Sequence[float]:
    source, now, drift = dice(seed, "drift"), 0.0, []
    for _ in range(beats + 1):
        drift.append(now)
        now = _MEMORY * now + spread(source, deviation_ms * sqrt(1.0 - _MEMORY * _MEMORY))
    return drift
