"""The lead and those who answer it: motifs of two bars, said A A' B A'' over eight."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Final

from tapehand.engines.composing.chance import dice, one_of, weighted
from tapehand.engines.composing.feel import cells
from tapehand.engines.composing.genre import Lines
from tapehand.engines.composing.plan import STEP_TICKS, Member, Plan, PlannedSection
from tapehand.music.key import Key
from tapehand.music.notes import Note

_MOVES: Final = {-1: 3.2, 1: 3.0, 0: 1.2, 2: 0.9, -2: 0.9, 3: 0.4, -3: 0.3, 4: 0.25}
_SLOTS: Final = ("A", "A'", "B", "A''")
_SLOT_BARS: Final = 2
_STRONG_STEPS: Final = 8
_RANGE: Final = 14


@dataclass(frozen=True, slots=True)
class Motif:
    """A rhythm grid of two bars, the scale step it starts from (above the middle) and the moves from note to note."""

    grid: str
    start: int
    moves: tuple[int, ...]


def play_lead(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """The song's tune: whole in loud sections, hinted at in calm ones."""
    lines = _register(plan, plan.genre.lead, "lead")
    notes: list[Note] = []
    for bar in _slot_bars(section, member.part.id):
        slot = _SLOTS[bar // _SLOT_BARS % len(_SLOTS)]
        if not section.is_loud and slot in ("A'", "A''"):
            continue
        notes += _sung(section, plan, lines, _motif(plan, slot), bar, ends=slot == "A''")
    return _within(notes, section, member)


def play_counter(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """Answers where the lead rests, or broken chords under it."""
    lines = plan.genre.counter
    grid = one_of(dice(plan.seed, "counter"), lines.grids)
    if "-" not in grid:
        return _broken_chords(section, plan, member, grid)
    lines = _register(plan, lines, "counter")
    busy = [(note.start_tick, note.end_tick) for note in _lead_of(section, plan)]
    notes: list[Note] = []
    bars = len(grid) // 16
    for bar in range(0, section.bars, bars):
        count = sum(sign == "x" for sign in grid)
        motif = Motif(
            grid, one_of(dice(plan.seed, "answer start"), (0, 2, 4)), _moves(dice(plan.seed, "answer"), count)
        )
        notes += _sung(section, plan, lines, motif, bar, ends=True)
    free = [note for note in notes if not any(start <= note.start_tick < end for start, end in busy)]
    return _within(free, section, member)


def _register(plan: Plan, lines: Lines, name: str) -> Lines:
    """The part of the register that this song's tune stays in: a ninth and a bit."""
    room = max(lines.high - lines.low - _RANGE, 0)
    low = lines.low + int(dice(plan.seed, "register", name).random() * (room + 1))
    return replace(lines, low=low, high=min(low + _RANGE, lines.high))


def _lead_of(section: PlannedSection, plan: Plan) -> list[Note]:
    lead = plan.member("lead")
    return play_lead(section, plan, lead) if lead is not None and "lead" in section.style.parts else []


def _slot_bars(section: PlannedSection, part_id: str) -> range:
    bars = section.bars_of(part_id)
    return range(bars.start - bars.start % _SLOT_BARS, bars.stop, _SLOT_BARS)


def _within(notes: list[Note], section: PlannedSection, member: Member) -> list[Note]:
    bars = section.bars_of(member.part.id)
    first, last = bars.start * section.bar_ticks, bars.stop * section.bar_ticks
    return [
        Note(
            start_tick=n.start_tick,
            length_ticks=min(n.length_ticks, last - n.start_tick),
            pitch=n.pitch,
            velocity=n.velocity,
        )
        for n in notes
        if first <= n.start_tick < last
    ]


# -- motifs -------------------------------------------------------------------------------------------------------


def _motif(plan: Plan, slot: str) -> Motif:
    """The song's motif for a slot: A' turns its end, A'' comes home, B moves elsewhere and higher."""
    lines = plan.genre.lead
    first = one_of(dice(plan.seed, "motif", "A", "grid"), lines.grids)
    count = sum(sign == "x" for sign in first)
    start = one_of(dice(plan.seed, "motif", "A", "start"), (0, 0, 2, 4, -1))
    moves = _moves(dice(plan.seed, "motif", "A"), count)
    if slot == "B":
        others = [grid for grid in (*lines.grids, *lines.others) if grid != first]
        grid = one_of(dice(plan.seed, "motif", "B", "grid"), others)
        return Motif(grid, start + 3, _moves(dice(plan.seed, "motif", "B"), sum(sign == "x" for sign in grid)))
    if slot == "A'" and count > 3:
        return Motif(first, start, (*moves[:-2], *(-move or 1 for move in moves[-2:])))
    return Motif(first, start, moves)


def _moves(throw: Random, count: int) -> tuple[int, ...]:
    """Scale steps from note to note: mostly by step; a leap is answered by a step back."""
    moves: list[int] = []
    for _ in range(max(count - 1, 0)):
        if moves and abs(moves[-1]) >= 3:
            moves.append(-1 if moves[-1] > 0 else 1)
        elif len(moves) > 1 and moves[-1] == moves[-2] == 0:
            moves.append(one_of(throw, (-1, 1)))
        else:
            moves.append(weighted(throw, _MOVES))
    return tuple(moves) or (1,)


def _sung(section: PlannedSection, plan: Plan, lines: Lines, motif: Motif, first_bar: int, *, ends: bool) -> list[Note]:
    """A motif sung from a bar on: strong and long notes on chord tones, the last one at home if it ``ends``."""
    places = _places(motif.grid, plan.steps_per_bar, min(len(motif.grid) // 16, section.bars - first_bar))
    scale = _scale(plan.key, lines.low, lines.high)
    index = min(max(_home(scale, plan.key, (lines.low + lines.high) // 2) + motif.start, 0), len(scale) - 1)
    notes: list[Note] = []
    for number, (step, length) in enumerate(places):
        if number:
            index = _moved(index, motif.moves[(number - 1) % len(motif.moves)], len(scale))
        tick = (first_bar * plan.steps_per_bar + step) * STEP_TICKS
        tones = section.chord_at(tick).chord.pitch_classes
        last = ends and number == len(places) - 1
        pitch = scale[index]
        if last or number == 0 or step % _STRONG_STEPS == 0 or length >= 4:
            home = (tones[0], tones[0]) if last and tones[0] in {p % 12 for p in scale} else tones
            pitch = min((p for p in _pitches(lines) if p % 12 in home), key=lambda p: (abs(p - scale[index]), p))
        if notes and abs(pitch - notes[-1].pitch) > 9:
            pitch += 12 if pitch < notes[-1].pitch else -12
        index = min(range(len(scale)), key=lambda i: abs(scale[i] - pitch))
        velocity = 98 if step % _STRONG_STEPS == 0 else 88
        notes.append(
            Note(start_tick=tick, length_ticks=length * STEP_TICKS - STEP_TICKS // 8, pitch=pitch, velocity=velocity)
        )
    return notes


def _places(grid: str, steps_per_bar: int, bars: int) -> list[tuple[int, int]]:
    """First sixteenth and length in sixteenths of every note of a grid."""
    signs = "".join(cells(grid, bar, steps_per_bar) for bar in range(bars))
    return [
        (step, 1 + len(signs[step + 1 :]) - len(signs[step + 1 :].lstrip("-")))
        for step, sign in enumerate(signs)
        if sign in "xs"
    ]


@lru_cache(maxsize=64)
def _scale(key: Key, low: int, high: int) -> Sequence[int]:
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in key.pitch_classes]


def _pitches(lines: Lines) -> range:
    return range(lines.low, lines.high + 1)


def _home(scale: Sequence[int], key: Key, middle: int) -> int:
    """The place in the scale of the tonic nearest below the middle of the register."""
    return min(range(len(scale)), key=lambda i: (scale[i] % 12 != key.tonic, abs(scale[i] - (middle - 3))))


def _moved(index: int, move: int, size: int) -> int:
    """A step in the scale, turned round at the ends of the register."""
    goal = index + move
    return goal if 0 <= goal < size else index - move if 0 <= index - move < size else index


def _broken_chords(section: PlannedSection, plan: Plan, member: Member, grid: str) -> list[Note]:
    """Chord tones up and down in the rhythm of a grid, the same figure every bar."""
    lines = plan.genre.counter
    shape = one_of(dice(plan.seed, "arp shape"), ((0, 1, 2, 3), (0, 2, 1, 3), (3, 2, 1, 0), (0, 1, 2, 1), (0, 2, 3, 2)))
    notes = []
    for bar in section.bars_of(member.part.id):
        for number, (step, length) in enumerate(_places(cells(grid, bar, 16), plan.steps_per_bar, 1)):
            tick = (bar * plan.steps_per_bar + step) * STEP_TICKS
            tones = section.chord_at(tick).chord.pitch_classes
            ladder = [pitch for pitch in _pitches(lines) if pitch % 12 in tones]
            pitch = ladder[min(shape[number % len(shape)], len(ladder) - 1)]
            notes.append(Note(start_tick=tick, length_ticks=length * STEP_TICKS * 3 // 4, pitch=pitch, velocity=80))
    return notes
