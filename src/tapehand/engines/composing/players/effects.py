"""Risers, impacts, reversed cymbals and textures: what joins sections together."""

from dataclasses import dataclass
from typing import Final

from tapehand.engines.composing.chance import dice
from tapehand.engines.composing.plan import Plan, PlannedSection
from tapehand.music.notes import Note
from tapehand.music.pitch import nearest_pitch
from tapehand.music.time import PPQ

_MIDDLE: Final = 60
_LOW: Final = 36


@dataclass(frozen=True, slots=True)
class Effect:
    """A sound effect: its instrument, and its note within the section."""

    patch: str
    note: Note


def play_effects(section: PlannedSection, plan: Plan, patches: frozenset[str]) -> list[Effect]:
    """The effects of a section: what leads out of it, and what opens it."""
    effects: list[Effect] = []
    end, tonic = section.length_ticks, nearest_pitch(plan.key.tonic, _MIDDLE)
    if section.leads_up:
        bars = min(4 if section.bars >= 8 else 2, section.bars)
        effects.append(Effect("fx.riser", _note(end - bars * section.bar_ticks, bars * section.bar_ticks, tonic, 92)))
    if section.next_kind is not None and (section.leads_up or _throw(section, plan, "reverse") < 0.4):
        length = min(2 * PPQ, end)
        effects.append(Effect("fx.reverse_cymbal", _note(end - length, length, tonic, 88)))
    if section.is_loud and section.previous_kind is not None:
        effects.append(Effect("fx.impact", _note(0, min(4 * PPQ, end), nearest_pitch(plan.key.tonic, _LOW), 100)))
    elif section.previous_kind in ("hook", "drop"):
        effects.append(Effect("fx.downlifter", _note(0, min(2 * section.bar_ticks, end), tonic, 84)))
    if section.next_kind is None or (section.is_loud and _throw(section, plan, "stop") < 0.3):
        effects.append(Effect("fx.tape_stop", _note(max(end - PPQ, 0), min(PPQ, end), tonic, 92)))
    return [effect for effect in effects if effect.patch in patches]


def play_texture(section: PlannedSection) -> list[Note]:
    """One long note for the whole section."""
    return [_note(0, section.length_ticks, _MIDDLE, 80)]


def _throw(section: PlannedSection, plan: Plan, what: str) -> float:
    return dice(plan.seed, what, section.form.name).random()


def _note(start_tick: int, length_ticks: int, pitch: int, velocity: int) -> Note:
    return Note(start_tick=start_tick, length_ticks=length_ticks, pitch=pitch, velocity=velocity)
