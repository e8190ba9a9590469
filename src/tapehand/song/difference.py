"""Two states of a song apart: the ops that lead from one to the other, and which of two such ways touch each other."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

from tapehand.song.mixer import MIX, Bus, Strip
from tapehand.song.op import (
    AddBus,
    AddTrack,
    Op,
    RemoveBus,
    RemoveTrack,
    SetAutomation,
    SetDelay,
    SetFader,
    SetGrid,
    SetInserts,
    SetKey,
    SetLock,
    SetMaster,
    SetMoment,
    SetMute,
    SetMuted,
    SetOutput,
    SetPan,
    SetPolarity,
    SetRegions,
    SetRole,
    SetSections,
    SetSends,
    SetText,
    scopes_overlap,
)
from tapehand.song.song import Song, Track

_STRIP_OPS: Final[dict[str, Any]] = {
    op.FIELD: op
    for op in (
        SetFader,
        SetPan,
        SetPolarity,
        SetDelay,
        SetMute,
        SetInserts,
        SetSends,
        SetOutput,
        SetAutomation,
        SetMuted,
    )
}
_SONG_OPS: Final[dict[str, Any]] = {op.FIELD: op for op in (SetGrid, SetKey, SetSections, SetMaster)}


def difference(before: Song, after: Song) -> tuple[Op, ...]:
    """The ops that make ``after`` out of ``before``; none where they are equal. Both share name and rate.

    Buses come first and go last, so that no op meets a send or an output that leads nowhere.
    """
    return (
        *_new_buses(before, after),
        *_track_list(before, after),
        *_kept_strips(before, after),
        *_leaving_buses(before, after),
        *_song_fields(before, after),
    )


def apart(ours: Sequence[Op], theirs: Sequence[Op]) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
    """``theirs`` in two: what touches nothing of ``ours``, and what does, together with all that depends on it."""
    touching = [op for op in theirs if scopes_overlap([op], ours) and op not in ours]
    named = {
        part for op in touching if isinstance(op, AddBus | AddTrack | RemoveBus | RemoveTrack) for part in parts(op)
    }
    free, bound = [], []
    for op in theirs:
        if op in touching or _mentions(op) & named:
            bound.append(op)
        elif op not in ours:
            free.append(op)
    return tuple(free), tuple(bound)


def parts(op: Op) -> frozenset[str]:
    """The tracks and buses that an op changes, ``"mix"``, or ``"song"``."""
    return frozenset(scope.split("/")[0] for scope in op.scope)


def closed(song: Song, ops: Sequence[Op], wanted: Sequence[int]) -> tuple[int, ...]:
    """The places of ``wanted`` ops and of the earlier ones without which they cannot be applied to ``song``."""
    taken = set(wanted)
    for place in sorted(wanted):
        _take_with_needs(song, ops, place, taken)
    return tuple(sorted(taken))


def _take_with_needs(song: Song, ops: Sequence[Op], place: int, taken: set[int]) -> None:
    """Take the ops before ``place`` that bring, free or take away what the op there names."""
    names = _mentions(ops[place])
    for earlier in range(place):
        if earlier in taken:
            continue
        op = ops[earlier]
        structural = isinstance(op, AddBus | AddTrack | RemoveBus | RemoveTrack) and parts(op) & names
        freeing = isinstance(ops[place], RemoveBus) and isinstance(op, SetOutput | SetSends | RemoveTrack | RemoveBus)
        if structural or freeing:
            taken.add(earlier)
            _take_with_needs(song, ops, earlier, taken)


def _mentions(op: Op) -> frozenset[str]:
    """All that must be in the song for an op to be applied, or that it brings or takes away."""
    match op:
        case SetSends(sends=sends):
            named = {send.bus for send in sends}
        case SetOutput(output=output):
            named = {output}
        case AddTrack(track=Track(strip=strip)) | AddBus(bus=Bus(strip=strip)):
            named = {strip.output, *(send.bus for send in strip.sends)}
        case _:
            named = set()
    return parts(op) | named


def _new_buses(before: Song, after: Song) -> Iterator[Op]:
    """Buses that come, at their places; their strips are set when all of them are there."""
    known = {bus.id for bus in before.buses}
    fresh = [(index, bus) for index, bus in enumerate(after.buses) if bus.id not in known]
    yield from (AddBus(bus=Bus(id=bus.id, name=bus.name, kind=bus.kind), index=index) for index, bus in fresh)
    for _, bus in fresh:
        yield from _strip_ops(bus.id, Strip(), bus.strip)


def _track_list(before: Song, after: Song) -> Iterator[Op]:
    """Tracks that go, come, are not called what they were, or stand elsewhere."""
    wanted = {track.id: track for track in after.tracks}
    now = []
    for track in before.tracks:
        if track.id in wanted and wanted[track.id].name == track.name:
            now.append(track.id)
        else:
            yield RemoveTrack(track=track.id)
    for index, track in enumerate(after.tracks):
        if index < len(now) and now[index] == track.id:
            continue
        if track.id in now:
            now.remove(track.id)
            yield RemoveTrack(track=track.id)
        now.insert(index, track.id)
        yield AddTrack(track=track, index=index)


def _kept_strips(before: Song, after: Song) -> Iterator[Op]:
    """What changed on tracks and buses that both have, and on the mix."""
    old_tracks = {track.id: track for track in before.tracks}
    for track in after.tracks:
        old = old_tracks.get(track.id)
        if old is None or old.name != track.name:
            continue
        if old.regions != track.regions:
            yield SetRegions(track=track.id, regions=track.regions)
        if (old.role, old.group, old.role_confidence) != (track.role, track.group, track.role_confidence):
            yield SetRole(track=track.id, role=track.role, group=track.group, role_confidence=track.role_confidence)
        yield from _strip_ops(track.id, old.strip, track.strip)
    old_buses = {bus.id: bus for bus in before.buses}
    for bus in after.buses:
        if bus.id in old_buses:
            yield from _strip_ops(bus.id, old_buses[bus.id].strip, bus.strip)
    yield from _strip_ops(MIX, before.mix, after.mix)


def _leaving_buses(before: Song, after: Song) -> Iterator[Op]:
    """Buses that go; first they let go of each other."""
    stays = {bus.id for bus in after.buses}
    leaving = [bus for bus in before.buses if bus.id not in stays]
    for bus in leaving:
        yield from _strip_ops(bus.id, bus.strip, Strip())
    yield from (RemoveBus(bus=bus.id) for bus in leaving)


def _song_fields(before: Song, after: Song) -> Iterator[Op]:
    for name, op in _SONG_OPS.items():
        if getattr(before, name) != getattr(after, name):
            yield op(**{name: getattr(after, name)})
    texts, old_texts = dict(after.texts), dict(before.texts)
    for text in sorted(texts.keys() | old_texts.keys()):
        if texts.get(text) != old_texts.get(text):
            yield SetText(name=text, text=texts.get(text))
    locks, old_locks = ({lock.id: lock for lock in song.locks} for song in (after, before))
    for identity in sorted(locks.keys() | old_locks.keys()):
        if locks.get(identity) != old_locks.get(identity):
            yield SetLock(id=identity, lock=locks.get(identity))
    moments, old_moments = ({moment.id: moment for moment in song.moments} for song in (after, before))
    for identity in sorted(moments.keys() | old_moments.keys()):
        if moments.get(identity) != old_moments.get(identity):
            yield SetMoment(id=identity, moment=moments.get(identity))


def _strip_ops(target: str, before: Strip, after: Strip) -> Iterator[Op]:
    for field in fields(Strip):
        if getattr(before, field.name) != getattr(after, field.name):
            yield _STRIP_OPS[field.name](target=target, **{field.name: getattr(after, field.name)})
