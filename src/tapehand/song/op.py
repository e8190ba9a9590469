"""Ops: the small, typed, invertible steps that a decision is made of.

``op.apply(song)`` gives the changed song; ``op.inverse(song)``, asked **before** applying, gives the op that takes it
back. ``op.scope`` names what it touches, so that two proposals can be told to be independent. Ops set absolute values:
applying one twice is applying it once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeVar

from tapehand.errors import Conflict, InputError
from tapehand.music.form import Section
from tapehand.music.key import Key
from tapehand.music.time import TempoMap
from tapehand.song.change import with_value
from tapehand.song.lock import Lock, Moment
from tapehand.song.mixer import MIX, AutomatedParameter, Automation, AutomationPoint, Bus, Insert, Send, Strip
from tapehand.song.region import Region, Span
from tapehand.song.song import Song, Track
from tapehand.song.within import inside, joined, lane, outside, points_inside, with_points


@dataclass(frozen=True, slots=True, kw_only=True)
class _StripOp:
    """Sets one field of the strip of a track, a bus, or ``"mix"``."""

    FIELD: ClassVar[str]
    target: str

    def apply(self, song: Song) -> Song:
        strip = song.strip(self.target)
        return song.with_strip(self.target, with_value(strip, self.FIELD, getattr(self, self.FIELD)))

    def inverse(self, song: Song) -> Self:
        before: dict[str, Any] = {self.FIELD: getattr(song.strip(self.target), self.FIELD)}
        return type(self)(target=self.target, **before)

    @property
    def scope(self) -> frozenset[str]:
        return frozenset({f"{self.target}/{self.FIELD}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFader(_StripOp):
    """Fader level; ``-inf`` is off."""

    FIELD: ClassVar[str] = "fader_db"
    fader_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPan(_StripOp):
    """Pan, -1..+1."""

    FIELD: ClassVar[str] = "pan"
    pan: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolarity(_StripOp):
    """Polarity, 1 or -1."""

    FIELD: ClassVar[str] = "polarity"
    polarity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDelay(_StripOp):
    """Delay against the others, in samples of the song's rate."""

    FIELD: ClassVar[str] = "delay_samples"
    delay_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMute(_StripOp):
    """Mute."""

    FIELD: ClassVar[str] = "mute"
    mute: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInserts(_StripOp):
    """The whole insert chain."""

    FIELD: ClassVar[str] = "inserts"
    inserts: tuple[Insert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSends(_StripOp):
    """All sends."""

    FIELD: ClassVar[str] = "sends"
    sends: tuple[Send, ...]

    def apply(self, song: Song) -> Song:
        """The song with these sends; raises InputError (``song.no_target``) for a bus that is not there."""
        _refuse_dangling(song, (send.bus for send in self.sends))
        return _StripOp.apply(self, song)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAutomation(_StripOp):
    """All automation."""

    FIELD: ClassVar[str] = "automation"
    automation: tuple[Automation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMuted(_StripOp):
    """All stretches in which the strip is silent, in order and apart."""

    FIELD: ClassVar[str] = "muted"
    muted: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMutedWithin:
    """Within ``span`` exactly ``muted`` is silent; elsewhere nothing changes. So a section is muted or sounds again."""

    target: str
    span: Span
    muted: tuple[Span, ...]

    def apply(self, song: Song) -> Song:
        """The song with those stretches silent."""
        strip = song.strip(self.target)
        muted = joined((*outside(strip.muted, self.span), *inside(self.muted, self.span)))
        return song.with_strip(self.target, with_value(strip, "muted", muted))

    def inverse(self, song: Song) -> "SetMutedWithin":
        """What was silent there before."""
        muted = inside(song.strip(self.target).muted, self.span)
        return SetMutedWithin(target=self.target, span=self.span, muted=muted)

    @property
    def scope(self) -> frozenset[str]:
        """That stretch of the mutes."""
        return frozenset({f"{self.target}/muted{_where(self.span)}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAutomationWithin:
    """Within ``span`` a parameter has exactly these points; elsewhere nothing changes."""

    target: str
    parameter: AutomatedParameter
    span: Span
    points: tuple[AutomationPoint, ...]

    def apply(self, song: Song) -> Song:
        """The song with those points; raises Conflict (``song.point_outside``) for one that is not within the span."""
        if points_inside(self.points, self.span) != self.points:
            raise Conflict("song.point_outside", "A point lies outside the stretch it is for", where=self.target)
        strip = song.strip(self.target)
        automation = with_points(strip.automation, self.parameter, self.span, self.points)
        return song.with_strip(self.target, with_value(strip, "automation", automation))

    def inverse(self, song: Song) -> "SetAutomationWithin | SetAutomation":
        """The points before. Where lanes are not in the order of their names, all automation as it was."""
        automation = song.strip(self.target).automation
        if automation != tuple(sorted(automation, key=lambda each: each.parameter)):
            return SetAutomation(target=self.target, automation=automation)
        points = points_inside(lane(automation, self.parameter), self.span)
        return replace(self, points=points)

    @property
    def scope(self) -> frozenset[str]:
        """That stretch of the parameter."""
        return frozenset({f"{self.target}/automation{_where(self.span)}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOutput(_StripOp):
    """Where the strip goes."""

    FIELD: ClassVar[str] = "output"
    output: str

    def apply(self, song: Song) -> Song:
        """The song with this routing; raises InputError (``song.no_target``) for a bus that is not there."""
        _refuse_dangling(song, (self.output,))
        return _StripOp.apply(self, song)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SongOp:
    """Sets one field of the song."""

    FIELD: ClassVar[str]

    def apply(self, song: Song) -> Song:
        return replace(song, **{self.FIELD: getattr(self, self.FIELD)})

    def inverse(self, song: Song) -> Self:
        return type(self)(**{self.FIELD: getattr(song, self.FIELD)})

    @property
    def scope(self) -> frozenset[str]:
        return frozenset({f"song/{self.FIELD}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGrid(_SongOp):
    """Tempo map; None when it is not known."""

    FIELD: ClassVar[str] = "grid"
    grid: TempoMap | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKey(_SongOp):
    """Key; None when it is not known."""

    FIELD: ClassVar[str] = "key"
    key: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSections(_SongOp):
    """The form."""

    FIELD: ClassVar[str] = "sections"
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMaster(_SongOp):
    """The master chain."""

    FIELD: ClassVar[str] = "master"
    master: tuple[Insert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRole:
    """What a track is."""

    track: str
    role: str
    group: str
    role_confidence: float = 1.0

    def apply(self, song: Song) -> Song:
        """The song with that role."""
        changed = replace(
            song.track(self.track), role=self.role, group=self.group, role_confidence=self.role_confidence
        )
        return song.with_track(changed)

    def inverse(self, song: Song) -> "SetRole":
        """The role before."""
        old = song.track(self.track)
        return SetRole(track=old.id, role=old.role, group=old.group, role_confidence=old.role_confidence)

    @property
    def scope(self) -> frozenset[str]:
        """The track's role."""
        return frozenset({f"{self.track}/role"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRegions:
    """What lies on a track."""

    track: str
    regions: tuple[Region, ...]

    def apply(self, song: Song) -> Song:
        """The song with those regions."""
        return song.with_track(replace(song.track(self.track), regions=self.regions))

    def inverse(self, song: Song) -> "SetRegions":
        """The regions before."""
        return SetRegions(track=self.track, regions=song.track(self.track).regions)

    @property
    def scope(self) -> frozenset[str]:
        """What lies on the track."""
        return frozenset({f"{self.track}/regions"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTrack:
    """A new track at ``index`` (from 0; at the end when None)."""

    track: Track
    index: int | None = None

    def apply(self, song: Song) -> Song:
        """The song with the track; raises Conflict (``song.id_taken``)."""
        _refuse_taken(song, self.track.id)
        _refuse_dangling(song, _destinations(self.track.strip))
        index = len(song.tracks) if self.index is None else self.index
        return replace(song, tracks=(*song.tracks[:index], self.track, *song.tracks[index:]))

    def inverse(self, song: Song) -> "RemoveTrack":
        """Its removal."""
        return RemoveTrack(track=self.track.id)

    @property
    def scope(self) -> frozenset[str]:
        """All of the track."""
        return frozenset({f"{self.track.id}/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTrack:
    """Takes a track out of the song. Its audio stays in the store."""

    track: str

    def apply(self, song: Song) -> Song:
        """The song without the track."""
        song.track(self.track)
        return replace(song, tracks=tuple(track for track in song.tracks if track.id != self.track))

    def inverse(self, song: Song) -> AddTrack:
        """The track put back in its place."""
        return AddTrack(track=song.track(self.track), index=[track.id for track in song.tracks].index(self.track))

    @property
    def scope(self) -> frozenset[str]:
        """All of the track."""
        return frozenset({f"{self.track}/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AddBus:
    """A new bus at ``index`` (from 0; at the end when None)."""

    bus: Bus
    index: int | None = None

    def apply(self, song: Song) -> Song:
        """The song with the bus; raises Conflict (``song.id_taken``)."""
        _refuse_taken(song, self.bus.id)
        _refuse_dangling(song, _destinations(self.bus.strip))
        index = len(song.buses) if self.index is None else self.index
        return replace(song, buses=(*song.buses[:index], self.bus, *song.buses[index:]))

    def inverse(self, song: Song) -> "RemoveBus":
        """Its removal."""
        return RemoveBus(bus=self.bus.id)

    @property
    def scope(self) -> frozenset[str]:
        """All of the bus."""
        return frozenset({f"{self.bus.id}/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveBus:
    """Takes a bus out. Sends to it and outputs into it must be gone before."""

    bus: str

    def apply(self, song: Song) -> Song:
        """The song without the bus; raises Conflict (``song.bus_in_use``), InputError (``song.no_target``)."""
        _bus_place(song, self.bus)
        for owner in song.owners:
            if owner.strip.output == self.bus or any(send.bus == self.bus for send in owner.strip.sends):
                raise Conflict("song.bus_in_use", "That bus still receives signal", where=f"{self.bus} from {owner.id}")
        return replace(song, buses=tuple(bus for bus in song.buses if bus.id != self.bus))

    def inverse(self, song: Song) -> AddBus:
        """The bus put back in its place."""
        index = _bus_place(song, self.bus)
        return AddBus(bus=song.buses[index], index=index)

    @property
    def scope(self) -> frozenset[str]:
        """All of the bus."""
        return frozenset({f"{self.bus}/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetText:
    """A text about the song by its name (``"title"``, ``"lyrics"``, ``"notes"``); None takes it away."""

    name: str
    text: str | None

    def apply(self, song: Song) -> Song:
        """The song with that text; texts stand in the order of their names."""
        texts = {**dict(song.texts), self.name: self.text}
        return replace(song, texts=tuple(sorted((name, text) for name, text in texts.items() if text is not None)))

    def inverse(self, song: Song) -> "SetText":
        """The text before."""
        return SetText(name=self.name, text=dict(song.texts).get(self.name))

    @property
    def scope(self) -> frozenset[str]:
        """That text."""
        return frozenset({f"song/text:{self.name}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLock:
    """A lock by its id; None lifts it."""

    id: str
    lock: Lock | None

    def apply(self, song: Song) -> Song:
        """The song with or without that lock; a lock outlives what it is on, in case that comes back."""
        return replace(song, locks=_with_named(song.locks, self.id, self.lock))

    def inverse(self, song: Song) -> "SetLock":
        """The lock before."""
        return SetLock(id=self.id, lock=next((lock for lock in song.locks if lock.id == self.id), None))

    @property
    def scope(self) -> frozenset[str]:
        """That lock."""
        return frozenset({f"song/lock:{self.id}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMoment:
    """A moment by its id; None forgets it."""

    id: str
    moment: Moment | None

    def apply(self, song: Song) -> Song:
        """The song with or without that moment."""
        return replace(song, moments=_with_named(song.moments, self.id, self.moment))

    def inverse(self, song: Song) -> "SetMoment":
        """The moment before."""
        return SetMoment(id=self.id, moment=next((each for each in song.moments if each.id == self.id), None))

    @property
    def scope(self) -> frozenset[str]:
        """That moment."""
        return frozenset({f"song/moment:{self.id}"})


_Named = TypeVar("_Named", Lock, Moment)


def _with_named(named: tuple[_Named, ...], identity: str, new: _Named | None) -> tuple[_Named, ...]:
    """``named`` with ``new`` as the one of that id, in the order of ids."""
    kept = [each for each in named if each.id != identity]
    if new is not None:
        kept.append(new)
    return tuple(sorted(kept, key=lambda each: each.id))


Op = (
    SetFader
    | SetPan
    | SetPolarity
    | SetDelay
    | SetMute
    | SetInserts
    | SetSends
    | SetAutomation
    | SetAutomationWithin
    | SetMuted
    | SetMutedWithin
    | SetOutput
    | SetGrid
    | SetKey
    | SetSections
    | SetMaster
    | SetRole
    | SetRegions
    | AddTrack
    | RemoveTrack
    | AddBus
    | RemoveBus
    | SetText
    | SetLock
    | SetMoment
)


def apply_all(song: Song, ops: Iterable[Op]) -> Song:
    """The song after all ops, in order."""
    for op in ops:
        song = op.apply(song)
    return song


def apply_with_undo(song: Song, ops: Iterable[Op]) -> tuple[Song, tuple[Op, ...]]:
    """The song after all ops, and the ops that take them back, in the order to apply them."""
    undo: list[Op] = []
    for op in ops:
        undo.append(op.inverse(song))
        song = op.apply(song)
    return song, tuple(reversed(undo))


def inverse_all(song: Song, ops: Iterable[Op]) -> tuple[Op, ...]:
    """The ops that take ``ops`` back when they are applied to ``song``, in the order to apply them."""
    return apply_with_undo(song, ops)[1]


def untouched(before: Song, now: Song, ops: Iterable[Op]) -> bool:
    """Whether all that ``ops`` would set stands in ``now`` as it stood in ``before``.

    It does when taking the ops back would restore the same values in both; a change that was undone counts as none.
    """
    ops = tuple(ops)
    try:
        return inverse_all(before, ops) == inverse_all(now, ops)
    except (InputError, Conflict):
        return False


def scopes_overlap(first: Iterable[Op], second: Iterable[Op]) -> bool:
    """Whether two lists of ops touch a common thing (a whole track or bus overlaps with each of its parts)."""
    left = {name for op in first for name in op.scope}
    right = {name for op in second for name in op.scope}
    return any(_same_place(a, b) for a in left for b in right)


def _same_place(first: str, second: str) -> bool:
    """Whether two scopes share something: one names the other's whole, or both the same, at stretches that meet."""
    first, _, at = first.partition("@")
    second, _, also_at = second.partition("@")
    if first != second:
        return (first.endswith("/") and second.startswith(first)) or (second.endswith("/") and first.startswith(second))
    if not at or not also_at:
        return True
    (start, end), (other_start, other_end) = (map(int, where.split("-")) for where in (at, also_at))
    return start < other_end and other_start < end


def _where(span: Span) -> str:
    """The end of a scope that is about a stretch only."""
    return f"@{span.start_samples}-{span.end_samples}"


def _bus_place(song: Song, identity: str) -> int:
    for place, bus in enumerate(song.buses):
        if bus.id == identity:
            return place
    raise InputError("song.no_target", "No bus of that name is in the song", where=identity)


def _destinations(strip: Strip) -> tuple[str, ...]:
    return (strip.output, *(send.bus for send in strip.sends))


def _refuse_dangling(song: Song, destinations: Iterable[str]) -> None:
    buses = {MIX, *(bus.id for bus in song.buses)}
    for destination in destinations:
        if destination not in buses:
            raise InputError("song.no_target", "No bus of that name is in the song; add it first", where=destination)


def _refuse_taken(song: Song, identity: str) -> None:
    if any(owner.id == identity for owner in song.owners):
        raise Conflict("song.id_taken", "The song already has a track or bus of that id", where=identity)
