"""Ops: the small, typed, invertible steps that a decision is made of.

``op.apply(song)`` gives the changed song; ``op.inverse(song)``, asked **before** applying, gives the op that takes it
back. ``op.scope`` names what it touches, so that two proposals can be told to be independent. Ops set absolute values:
applying one twice is applying it once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from tapehand.errors import Conflict, InputError
from tapehand.music.form import Section
from tapehand.music.key import Key
from tapehand.music.time import TempoMap
from tapehand.song.mixer import MIX, Automation, Bus, Insert, Send, Strip
from tapehand.song.region import Region
from tapehand.song.song import Song, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class _StripOp:
    """Sets one field of the strip of a track, a bus, or ``"mix"``."""

    FIELD: ClassVar[str]
    target: str

    def apply(self, song: Song) -> Song:
        strip = song.strip(self.target)
        return song.with_strip(self.target, replace(strip, **{self.FIELD: getattr(self, self.FIELD)}))

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
        """The song without the bus; raises Conflict (``song.bus_in_use``)."""
        song.strip(self.bus)
        for owner in song.owners:
            if owner.strip.output == self.bus or any(send.bus == self.bus for send in owner.strip.sends):
                raise Conflict("song.bus_in_use", "That bus still receives signal", where=f"{self.bus} from {owner.id}")
        return replace(song, buses=tuple(bus for bus in song.buses if bus.id != self.bus))

    def inverse(self, song: Song) -> AddBus:
        """The bus put back in its place."""
        index = [bus.id for bus in song.buses].index(self.bus)
        return AddBus(bus=song.buses[index], index=index)

    @property
    def scope(self) -> frozenset[str]:
        """All of the bus."""
        return frozenset({f"{self.bus}/"})


Op = (
    SetFader
    | SetPan
    | SetPolarity
    | SetDelay
    | SetMute
    | SetInserts
    | SetSends
    | SetAutomation
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
)


def apply_all(song: Song, ops: Iterable[Op]) -> Song:
    """The song after all ops, in order."""
    for op in ops:
        song = op.apply(song)
    return song


def inverse_all(song: Song, ops: Iterable[Op]) -> tuple[Op, ...]:
    """The ops that take ``ops`` back when they are applied to ``song``, in the order to apply them."""
    undo: list[Op] = []
    for op in ops:
        undo.append(op.inverse(song))
        song = op.apply(song)
    return tuple(reversed(undo))


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
    return any(
        a == b or (a.endswith("/") and b.startswith(a)) or (b.endswith("/") and a.startswith(b))
        for a in left
        for b in right
    )


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
