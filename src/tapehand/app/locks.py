"""Locks: a person says that something stays as it is, and lifts it again. Both are edits, so both can be undone."""

from collections.abc import Iterable
from dataclasses import dataclass

from tapehand.app.parts import part_named, section_span
from tapehand.app.view import song_of
from tapehand.errors import InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.event import Edited
from tapehand.song.fold import SongState
from tapehand.song.lock import WHOLE_SONG, Lock, Moment
from tapehand.song.locked import all_locks
from tapehand.song.mixer import MIX, Strip
from tapehand.song.op import Op, SetLock, SetMoment
from tapehand.song.region import Span
from tapehand.song.song import Song
from tapehand.units import samples_to_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRow:
    """A lock for a person to read."""

    id: str
    part: str
    aspect: str
    reason: str


def lock_rows(store: SongStore) -> list[LockRow]:
    """All locks, and the kept moments, of a song."""
    song = song_of(store.state())
    names = {owner.id: owner.name for owner in song.owners}
    return [
        LockRow(
            id=each.id, part=names.get(each.target, each.target), aspect=_said(each, song.rate_hz), reason=each.reason
        )
        for each in all_locks(song)
    ]


def lock(
    store: SongStore, part: str, *, by: str, aspect: str = "", section: str | None = None, reason: str = ""
) -> SongState:
    """Keep a part of the song (a name of a track or bus, ``"mix"``, ``"song"``) as it is, against every proposal.

    ``aspect`` is one field of it (``"fader_db"``, ``"regions"``); ``section`` is the only stretch that is meant.

    Raises
    ------
    InputError
        ``song.no_target``, ``song.no_section``, ``lock.no_aspect``.
    """
    state = store.state()
    song = song_of(state)
    target = part_named(song, part)
    _refuse_unknown_aspect(target, aspect)
    span = section_span(song, section) if section else None
    new = Lock(id=_fresh_id(song, "l"), target=target, aspect=aspect, span=span, reason=reason)
    return _edited(store, state, SetLock(id=new.id, lock=new), by)


def keep_moment(store: SongStore, part: str, span: Span, *, by: str, text: str = "") -> SongState:
    """Keep the performance of a track over ``span`` as it was played; raises as ``lock``."""
    state = store.state()
    song = song_of(state)
    (op,) = moments_on(song, [(song.track(part_named(song, part)).id, span, text)])
    return _edited(store, state, op, by)


def moments_on(song: Song, places: Iterable[tuple[str, Span, str]], *, kept: bool = True) -> tuple[Op, ...]:
    """The ops that keep stretches of tracks as they were played, or let go of them: ``(track, span, what)``."""
    number = _next_number(song, "m")
    moments = (
        Moment(id=f"m{number + index}", track=track, span=span, text=text, kept=kept)
        for index, (track, span, text) in enumerate(places)
    )
    return tuple(SetMoment(id=moment.id, moment=moment) for moment in moments)


def lift(store: SongStore, identity: str, *, by: str) -> SongState:
    """Lift the lock, or let go of the kept moment, of that id. Raises InputError (``lock.unknown``)."""
    state = store.state()
    song = song_of(state)
    if any(each.id == identity for each in song.locks):
        return _edited(store, state, SetLock(id=identity, lock=None), by)
    if any(moment.id == identity for moment in song.moments):
        return _edited(store, state, SetMoment(id=identity, moment=None), by)
    raise InputError("lock.unknown", f"There is no lock {identity}", hint="See 'tapehand lock'.")


def locks_on(song: Song, aspects: Iterable[tuple[str, str]], *, reason: str) -> tuple[Op, ...]:
    """The ops that lock those aspects of those parts."""
    number = _next_number(song, "l")
    return tuple(
        SetLock(id=f"l{number + index}", lock=Lock(id=f"l{number + index}", target=part, aspect=aspect, reason=reason))
        for index, (part, aspect) in enumerate(aspects)
    )


def touched_aspects(song: Song, ops: Iterable[Op]) -> list[tuple[str, str]]:
    """Which fields of which parts, of those the song has, are changed by ``ops``."""
    known = {owner.id for owner in song.owners} | {MIX, WHOLE_SONG}
    touched = sorted({tuple(scope.split("/", 1)) for op in ops for scope in op.scope})
    return [(part, aspect) for part, aspect in touched if part in known and _is_aspect(part, aspect)]


def _said(each: Lock, rate_hz: int) -> str:
    what = each.aspect or "everything"
    if each.span is None:
        return what
    start_s, end_s = (samples_to_seconds(at, rate_hz) for at in (each.span.start_samples, each.span.end_samples))
    return f"{what} from {start_s:.1f} to {end_s:.1f} s"


def _edited(store: SongStore, state: SongState, op: Op, by: str) -> SongState:
    return store.append([Edited(ops=(op,))], actor=by, actor_kind="person", expected_head=state.head)


def _is_aspect(target: str, aspect: str) -> bool:
    if target == WHOLE_SONG:
        return aspect in ("", "grid", "key", "sections", "master", "texts")
    return aspect in ("", *Strip.__dataclass_fields__) or (aspect in ("regions", "name") and target != MIX)


def _refuse_unknown_aspect(target: str, aspect: str) -> None:
    if not _is_aspect(target, aspect):
        fields = ("grid", "key", "sections", "master") if target == WHOLE_SONG else tuple(Strip.__dataclass_fields__)
        raise InputError(
            "lock.no_aspect", f"There is no {aspect} to lock there", hint=f"Say one of {', '.join(fields)}."
        )


def _fresh_id(song: Song, letter: str) -> str:
    return f"{letter}{_next_number(song, letter)}"


def _next_number(song: Song, letter: str) -> int:
    ids = [*(each.id for each in song.locks), *(moment.id for moment in song.moments)]
    numbers = (identity[1:] for identity in ids if identity.startswith(letter) and identity[1:].isdecimal())
    return 1 + max(map(int, numbers), default=0)
