"""Arranging by stretches of the song: what makes a part silent there, sound there alone, or be there what it was."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from tapehand.errors import InputError
from tapehand.music.form import Section
from tapehand.music.time import Place
from tapehand.song.mixer import Strip
from tapehand.song.op import Op, SetAutomationWithin, SetMutedWithin, SetRegions
from tapehand.song.region import NoteRegion, Region, Span
from tapehand.song.song import Song
from tapehand.song.within import inside, lane, points_inside

LOWEST_PITCH: Final = 0
HIGHEST_PITCH: Final = 127


def muted_within(target: str, span: Span) -> SetMutedWithin:
    """The op that silences a part over ``span``."""
    return SetMutedWithin(target=target, span=span, muted=(span,))


def sounding_within(target: str, span: Span) -> SetMutedWithin:
    """The op that lets a part sound again over ``span``."""
    return SetMutedWithin(target=target, span=span, muted=())


def solo_within(song: Song, targets: Iterable[str], span: Span) -> tuple[Op, ...]:
    """The ops that let only these tracks sound over ``span``."""
    kept = set(targets)
    return tuple(
        sounding_within(track.id, span) if track.id in kept else muted_within(track.id, span) for track in song.tracks
    )


def transposed(song: Song, targets: Iterable[str], section: Section, semitones: int) -> tuple[Op, ...]:
    """The ops that move the notes that tracks play in a section up or down; notes begun before it stay.

    Raises
    ------
    InputError
        ``song.no_track``, ``song.no_section`` where there is no tempo map, ``song.no_such_pitch``.
    """
    if song.grid is None:
        raise InputError("song.no_section", "Without a tempo the song has no sections to transpose", where=section.name)
    start, end = (song.grid.tick_of(Place(bar=bar)) for bar in (section.start_bar, section.end_bar))
    ops = []
    for track in map(song.track, targets):
        regions = tuple(_moved(region, start, end, semitones) for region in track.regions)
        if regions != track.regions:
            ops.append(SetRegions(track=track.id, regions=regions))
    return tuple(ops)


def _moved(region: Region, start: int, end: int, semitones: int) -> Region:
    if not isinstance(region, NoteRegion):
        return region
    begun = range(start - region.start_tick, end - region.start_tick)
    notes = tuple(
        replace(note, pitch=_pitch(note.pitch + semitones)) if note.start_tick in begun else note
        for note in region.notes
    )
    return replace(region, notes=notes)


def _pitch(pitch: int) -> int:
    if not LOWEST_PITCH <= pitch <= HIGHEST_PITCH:
        raise InputError("song.no_such_pitch", "A note would leave the range of MIDI", hint="Transpose by less.")
    return pitch


def restored_within(before: Song, now: Song, target: str, span: Span) -> Iterator[Op]:
    """The ops that make mutes and automation of a part over ``span`` what they were in ``before``."""
    try:
        old, new = before.strip(target), now.strip(target)
    except InputError:
        return
    if inside(old.muted, span) != inside(new.muted, span):
        yield SetMutedWithin(target=target, span=span, muted=inside(old.muted, span))
    yield from _automation_restored(old, new, target, span)


def _automation_restored(old: Strip, new: Strip, target: str, span: Span) -> Iterator[Op]:
    for parameter in ("fader_db", "pan"):
        points = points_inside(lane(old.automation, parameter), span)
        if points != points_inside(lane(new.automation, parameter), span):
            yield SetAutomationWithin(target=target, parameter=parameter, span=span, points=points)
