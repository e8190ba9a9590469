"""Hats with rolls: the drummer's grid, and bursts of 24ths, 32nds and faster that end a phrase or answer the snare."""

from tapehand.engines.composing.chance import dice, one_of
from tapehand.engines.composing.genre import Roll
from tapehand.engines.composing.plan import PIECES, STEP_TICKS, Member, Plan, PlannedSection
from tapehand.engines.composing.players import drummer
from tapehand.music.notes import Note


def play(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """The hats of a section: base grid with rolls in place of what they cover."""
    notes = drummer.play(section, plan, member)
    if "closed_hat" not in member.pieces:
        return notes
    for bar in section.bars_of(member.part.id):
        for roll in _rolls(section, plan, member, bar):
            first = (bar * plan.steps_per_bar + roll.start_step) * STEP_TICKS
            last = first + min(roll.steps, plan.steps_per_bar - roll.start_step) * STEP_TICKS
            notes = [note for note in notes if not first <= note.start_tick < last] + _burst(plan, roll, first, last)
    return sorted(notes)


def _rolls(section: PlannedSection, plan: Plan, member: Member, bar: int) -> list[Roll]:
    """The rolls of a bar: likelier where a phrase of two bars ends, the same every eight bars."""
    chance = plan.genre.roll_chances[section.is_loud] * (1.5 if bar % 2 else 0.6) * member.density
    throw = dice(plan.seed, "roll", section.style.grid, bar % 8)
    shapes = [roll for roll in plan.genre.rolls if roll.start_step < plan.steps_per_bar]
    if not shapes or throw.random() >= chance or drummer.fill_style(section, plan, bar) == "hat_stop":
        return []
    return [one_of(throw, shapes)]


def _burst(plan: Plan, roll: Roll, first: int, last: int) -> list[Note]:
    """Hits from ``first`` to ``last`` that swell or fade."""
    ticks = range(first, last, roll.every_ticks)
    rising = dice(plan.seed, "burst", roll.start_step, roll.every_ticks).random() < 0.6
    notes = []
    for index, tick in enumerate(ticks):
        done = index / max(len(ticks) - 1, 1)
        velocity = 64 + round(44 * (done if rising else 1.0 - done))
        notes.append(
            Note(start_tick=tick, length_ticks=roll.every_ticks // 2, pitch=PIECES["closed_hat"], velocity=velocity)
        )
    return notes
