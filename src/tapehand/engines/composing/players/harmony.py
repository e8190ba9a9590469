"""Those who play chords: keys with a rhythm, pads that hold, brass that stabs."""

from functools import lru_cache
from typing import Final

from tapehand.engines.composing.chance import dice, one_of
from tapehand.engines.composing.feel import cells
from tapehand.engines.composing.plan import STEP_TICKS, Member, Plan, PlannedSection
from tapehand.music.chord import Chord
from tapehand.music.notes import Note
from tapehand.music.voicing import voice_lead

_SHORT_TICKS: Final = STEP_TICKS * 3 // 4
_PAD_LIFT: Final = 4


def play_keys(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """Chords in the rhythm of one of the genre's comping grids; held in sections that breathe."""
    lines = plan.genre.comping
    held = section.kind in ("break", "bridge", "intro") and bool(lines.others)
    kind = "held" if held else section.style.grid
    grid = one_of(dice(plan.seed, "comping", kind), lines.others if held else lines.grids)
    return _comped(section, plan, member, grid, (lines.low, lines.high), voices=4)


def play_stabs(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """Short chords at the ends of phrases."""
    lines = plan.genre.stabs
    grid = one_of(dice(plan.seed, "stabs"), lines.grids)
    return _comped(section, plan, member, grid, (lines.low, lines.high), voices=3)


def play_pads(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """Every chord held for as long as it stands, a little above the keys."""
    lines = plan.genre.comping
    bars = section.bars_of(member.part.id)
    first, last = bars.start * section.bar_ticks, bars.stop * section.bar_ticks
    notes = []
    for span in section.chords:
        start, end = max(span.start_tick, first), min(span.end_tick, last)
        if end > start:
            for pitch in voicings(plan, lines.low + _PAD_LIFT, lines.high + _PAD_LIFT, 3)[span.chord]:
                notes.append(Note(start_tick=start, length_ticks=end - start, pitch=pitch, velocity=84))
    return notes


def voicings(plan: Plan, low: int, high: int, voices: int) -> dict[Chord, tuple[int, ...]]:
    """One voicing for every chord of the song, led through its loops in the order they sound."""
    chords = tuple(dict.fromkeys(span.chord for section in plan.sections for span in section.chords))
    return dict(zip(chords, _led(chords, low, high, voices), strict=True))


@lru_cache(maxsize=64)
def _led(chords: tuple[Chord, ...], low: int, high: int, voices: int) -> tuple[tuple[int, ...], ...]:
    return tuple(voice_lead(chords, low=low, high=high, voices=voices))


def _comped(
    section: PlannedSection, plan: Plan, member: Member, grid: str, register: tuple[int, int], voices: int
) -> list[Note]:
    voiced = voicings(plan, *register, voices)
    bars = section.bars_of(member.part.id)
    end = bars.stop * section.bar_ticks
    notes: list[Note] = []
    for bar in bars:
        signs = cells(grid, bar, plan.steps_per_bar)
        ahead = cells(grid, bar + 1, plan.steps_per_bar)
        for step, sign in enumerate(signs):
            if sign not in "xs":
                continue
            tick = (bar * plan.steps_per_bar + step) * STEP_TICKS
            tail = (signs + ahead)[step + 1 :]
            held = (1 + len(tail) - len(tail.lstrip("-"))) * STEP_TICKS
            length = _SHORT_TICKS if sign == "s" else held - STEP_TICKS // 8
            velocity = 96 if step == 0 else 86
            notes += _struck(section, voiced, tick, min(length, end - tick), velocity)
    return notes


def _struck(
    section: PlannedSection, voiced: dict[Chord, tuple[int, ...]], tick: int, length_ticks: int, velocity: int
) -> list[Note]:
    """A chord struck at a tick; where the harmony changes under a held one it is struck again, softer."""
    notes: list[Note] = []
    end = tick + length_ticks
    while tick < end:
        span = section.chord_at(tick)
        length = min(end, span.end_tick) - tick
        top = max(voiced[span.chord])
        for pitch in voiced[span.chord]:
            notes.append(
                Note(
                    start_tick=tick,
                    length_ticks=length,
                    pitch=pitch,
                    velocity=velocity if pitch == top else velocity - 8,
                )
            )
        if end - span.end_tick < STEP_TICKS:
            break
        tick, velocity = span.end_tick, velocity - 6
    return notes
