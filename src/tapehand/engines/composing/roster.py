"""The roster: who plays in a song, and on which sound."""

from dataclasses import replace

from tapehand.catalogue.loading import load
from tapehand.engines.composing.brief import Understood, excluded_pieces
from tapehand.engines.composing.chance import dice, one_of, weighted
from tapehand.engines.composing.genre import Part
from tapehand.engines.composing.plan import PIECES, Member


def roster_of(understood: Understood, seed: int) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """Who plays: the genre's parts that are core, asked for or thrown by the dice, less what was excluded."""
    wishes, genre = understood.wishes, understood.genre
    asked = {*(sound.part for sound in wishes.sounds), *wishes.parts}
    moods = load("moods")["moods"]
    brought = {part for mood in wishes.moods for part in moods[mood].get("brings", ())}
    members: list[Member] = []
    missing: list[str] = []
    for part in genre.parts:
        if part.id in wishes.excluded_parts or (wishes.only and part.id not in asked):
            continue
        if part.id not in asked | brought and dice(seed, "roster", part.id).random() >= _chance(
            part, understood.energy
        ):
            continue
        member = _member(part, understood, seed, frozenset(member.patch for member in members))
        if member is None:
            missing.append(f"nothing is left to play the {part.name.lower()} once all that was excluded is gone")
        else:
            members.append(member)
    missing += [f"{genre.name} has no {part} here" for part in sorted(asked) if genre.part(part) is None]
    return _with_second_voices(members, understood), tuple(missing)


def _chance(part: Part, energy: float) -> float:
    return part.chance if part.chance >= 1.0 else min(1.0, part.chance * (0.5 + energy))


def _member(part: Part, understood: Understood, seed: int, taken: frozenset[str]) -> Member | None:
    wishes = understood.wishes
    unwanted = {sound.patch for sound in wishes.excluded_sounds if sound.patch}
    said = [sound for sound in wishes.sounds if sound.part == part.id]
    patches = [patch for patch in part.patches if patch not in unwanted]
    if not patches:
        return None
    fresh = [patch for patch in patches if patch not in taken] if not part.pieces else patches
    patch = next((sound.patch for sound in said if sound.patch), None)
    patch = patch or _preferred(fresh or patches, understood, seed, part.id)
    pieces = _pieces(part, understood, seed, [sound.piece for sound in said if sound.piece])
    if part.pieces and not pieces:
        return None
    density = 1.0
    for part_id, amount in wishes.amounts:
        density *= amount if part_id == part.id else 1.0
    return Member(part=part, patch=patch, pieces=pieces, density=density, sounds=tuple(sound.name for sound in said))


def _preferred(patches: list[str], understood: Understood, seed: int, part_id: str) -> str:
    """One of the patches, those that suit the moods four times as often."""
    moods = load("moods")["moods"]
    tones = {tone for mood in understood.moods for tone in moods[mood]["tones"]}
    weights = {patch: patches.count(patch) * (4.0 if patch in tones else 1.0) for patch in patches}
    return weighted(dice(seed, "patch", part_id), weights)


def _pieces(part: Part, understood: Understood, seed: int, said: list[int]) -> tuple[str, ...]:
    """The drum pieces of a part: of alternatives (``a|b``) one is thrown, said ones join, excluded ones go."""
    gone = excluded_pieces(understood.wishes.excluded_sounds)
    pieces = []
    for index, choice in enumerate(part.pieces):
        options = [piece for piece in choice.split("|") if PIECES[piece] not in gone and piece not in pieces]
        asked = [piece for piece in options if PIECES[piece] in said]
        if options:
            pieces.append(asked[0] if asked else one_of(dice(seed, "piece", part.id, index), options))
    names = {pitch: piece for piece, pitch in PIECES.items()}
    pieces += [names[pitch] for pitch in said if names.get(pitch) not in pieces and pitch not in gone]
    return tuple(dict.fromkeys(pieces))


def _with_second_voices(members: list[Member], understood: Understood) -> tuple[Member, ...]:
    """A track more for every further sound asked of a part that plays already: piano and organ, bell and flute."""
    out: list[Member] = []
    for member in members:
        out.append(member)
        said = [s for s in understood.wishes.sounds if s.part == member.part.id and s.patch and s.patch != member.patch]
        if member.part.player == "fx":
            out[-1] = replace(
                member, sounds=tuple(s.patch for s in understood.wishes.sounds if s.part == "fx" and s.patch)
            )
            continue
        for number, sound in enumerate(said, start=2):
            part = replace(
                member.part,
                id=f"{member.part.id}-{number}",
                pan=-member.part.pan or 0.25,
                level_db=member.part.level_db - 2,
            )
            out.append(replace(member, part=part, patch=str(sound.patch), sounds=(sound.name,)))
    return tuple(out)
