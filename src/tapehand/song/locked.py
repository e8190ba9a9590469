"""What a lock holds on to, and whether a change would touch it. Judged by the song before and after, not by the ops."""

from dataclasses import replace
from typing import Any

from tapehand.errors import InputError, Refused
from tapehand.music.time import TempoMap
from tapehand.song.lock import WHOLE_SONG, Lock
from tapehand.song.mixer import Automation, Bus, Strip
from tapehand.song.region import AudioRegion, NoteRegion, Region, Span
from tapehand.song.song import Song, Track
from tapehand.song.within import inside


def refuse_locked(before: Song, after: Song) -> None:
    """Raise Refused (``lock.holds``) if a proposal that made ``after`` out of ``before`` would break a lock."""
    broken = broken_locks(before, after)
    if broken:
        lock = broken[0]
        names = {owner.id: owner.name for owner in before.owners}
        because = f": {lock.reason}" if lock.reason else ""
        raise Refused(
            "lock.holds",
            f"{names.get(lock.target, lock.target)} is locked{because}",
            where=f"lock {lock.id}",
            hint="Lift the lock first, or accept the other parts only.",
        )


def broken_locks(before: Song, after: Song) -> tuple[Lock, ...]:
    """The locks of ``before`` whose subject is not the same in ``after``, or which ``after`` does not hold any more."""
    if not before.locks and not before.moments:
        return ()
    return tuple(
        lock for lock in all_locks(before) if lock not in all_locks(after) or _held(before, lock) != _held(after, lock)
    )


def all_locks(song: Song) -> tuple[Lock, ...]:
    """The locks of a song, and those that its kept moments stand for."""
    kept = (
        Lock(id=moment.id, target=moment.track, aspect="regions", span=moment.span, reason=moment.text)
        for moment in song.moments
        if moment.kept
    )
    return (*song.locks, *kept)


def _held(song: Song, lock: Lock) -> object:
    """All that the lock speaks of; None where its target is not in the song."""
    if lock.target == WHOLE_SONG:
        return getattr(song, lock.aspect) if lock.aspect else replace(song, locks=(), moments=())
    try:
        strip = song.strip(lock.target)
    except InputError:
        return None
    owner = next((owner for owner in song.owners if owner.id == lock.target), None)
    held = _fields(song, owner, strip, lock.span)
    return held.get(lock.aspect) if lock.aspect else held


def _fields(song: Song, owner: Track | Bus | None, strip: Strip, span: Span | None) -> dict[str, Any]:
    held: dict[str, Any] = {name: getattr(strip, name) for name in Strip.__dataclass_fields__}
    regions = owner.regions if isinstance(owner, Track) else ()
    if any(isinstance(region, NoteRegion) for region in regions):
        held["grid"] = song.grid
    held["regions"] = regions
    if owner is not None:
        held["name"] = owner.name
    if span is not None:
        held["regions"] = tuple(part for region in regions for part in _within(region, span, song.grid, song.rate_hz))
        held["muted"] = inside(strip.muted, span)
        held["automation"] = tuple(_automation_within(lane, span) for lane in strip.automation)
    return held


def _within(region: Region, span: Span, grid: TempoMap | None, rate_hz: int) -> list[object]:
    """What of a region sounds within a span, in a form that does not depend on how it is cut outside of it."""
    if isinstance(region, AudioRegion):
        return _audio_within(region, span)
    if grid is None:
        return [region]
    first = grid.tick_at(span.start_samples / rate_hz) - region.start_tick
    last = grid.tick_at(span.end_samples / rate_hz) - region.start_tick
    notes = tuple(
        replace(note, start_tick=note.start_tick + region.start_tick)
        for note in region.notes
        if note.start_tick < last and note.end_tick > first
    )
    return [(notes, region.patch, region.seed)] if notes else []


def _audio_within(region: AudioRegion, span: Span) -> list[object]:
    start = max(region.start_samples, span.start_samples)
    end = min(region.start_samples + region.length_samples, span.end_samples)
    if start >= end:
        return []
    faded_in_until = region.start_samples + region.fade_in_samples
    faded_out_from = region.start_samples + region.length_samples - region.fade_out_samples
    fade_in = (region.start_samples, faded_in_until) if faded_in_until > start else None
    fade_out = (faded_out_from, faded_out_from + region.fade_out_samples) if faded_out_from < end else None
    offset = region.offset_samples + start - region.start_samples
    return [(region.source, start, end, offset, region.gain_db, fade_in, fade_out)]


def _automation_within(lane: Automation, span: Span) -> object:
    """The points inside, and the nearest on either side: they bend the line inside too."""
    before = [point for point in lane.points if point.at_samples < span.start_samples][-1:]
    after = [point for point in lane.points if point.at_samples >= span.end_samples][:1]
    inside = [point for point in lane.points if span.start_samples <= point.at_samples < span.end_samples]
    return lane.parameter, tuple(before + inside + after)
