"""The score: every member plays every section it is on in, each section a region of its own."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Final

from tapehand.engines.composing.chance import seed_of
from tapehand.engines.composing.feel import perform
from tapehand.engines.composing.plan import Member, Plan, PlannedSection
from tapehand.engines.composing.players import bass, drummer, effects, harmony, hats, melody
from tapehand.music.notes import Note
from tapehand.song.region import NoteRegion, Patch

Player = Callable[[PlannedSection, Plan, Member], list[Note]]

PLAYERS: Final[Mapping[str, Player]] = {
    "drums": drummer.play,
    "hats": hats.play,
    "bass": bass.play,
    "keys": harmony.play_keys,
    "pads": harmony.play_pads,
    "stabs": harmony.play_stabs,
    "lead": melody.play_lead,
    "counter": melody.play_counter,
}


def regions_of(member: Member, plan: Plan) -> tuple[NoteRegion, ...]:
    """The regions of a member's track, in order of time."""
    regions: list[NoteRegion] = []
    for section in plan.sections:
        if member.part.id.partition("-")[0] not in section.style.parts:
            continue
        if member.part.player == "fx":
            regions += _effect_regions(member, section, plan)
        elif member.part.player == "texture":
            regions.append(_region(member.patch, tuple(effects.play_texture(section)), member, section, plan))
        else:
            notes = perform(PLAYERS[member.part.player](section, plan, member), section, plan, member)
            if notes:
                regions.append(_region(member.patch, notes, member, section, plan))
    return tuple(regions)


def _effect_regions(member: Member, section: PlannedSection, plan: Plan) -> list[NoteRegion]:
    """A region for every effect sound that a section uses."""
    patches = frozenset((*member.part.patches, *member.sounds))
    found = sorted(effects.play_effects(section, plan, patches), key=lambda effect: effect.patch)
    return [
        _region(patch, tuple(effect.note for effect in group), member, section, plan)
        for patch, group in groupby(found, key=lambda effect: effect.patch)
    ]


def _region(patch: str, notes: tuple[Note, ...], member: Member, section: PlannedSection, plan: Plan) -> NoteRegion:
    return NoteRegion(
        start_tick=section.start_tick,
        length_ticks=section.length_ticks,
        notes=notes,
        patch=Patch(instrument=patch),
        seed=seed_of(plan.seed, "sound", member.part.id, section.form.name) % 2**31,
    )
