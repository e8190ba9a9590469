"""Track and Song: the state that decisions change. Frozen; every change gives a new Song."""

from dataclasses import dataclass, field, replace

from tapehand.errors import InputError
from tapehand.music.form import Section
from tapehand.music.key import Key
from tapehand.music.time import TempoMap
from tapehand.song.change import with_value
from tapehand.song.lock import Lock, Moment
from tapehand.song.mixer import MIX, Bus, Insert, Strip
from tapehand.song.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One voice of the song.

    Parameters
    ----------
    id : stable within the song; never shown.
    name : the file's name without suffix, or the part's name. May hold anything; show it through ``safe_text``.
    role : a word of ``catalogue/roles.toml``; ``"unknown"`` when it is not.
    role_confidence : 0..1; 1 when a person said so.
    group : a group of ``catalogue/roles.toml``.
    regions : what lies on it, in order of time.
    """

    id: str
    name: str
    role: str = "unknown"
    role_confidence: float = 0.0
    group: str = "other"
    regions: tuple[Region, ...] = ()
    strip: Strip = field(default_factory=Strip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """The whole song as it stands.

    ``grid`` is None until somebody or something trusted has said the tempo. ``mix`` is the mix bus; ``master`` is the
    chain after it that makes the delivered file. ``texts`` holds what is written about it, by name.
    """

    name: str
    rate_hz: int
    grid: TempoMap | None = None
    key: Key | None = None
    sections: tuple[Section, ...] = ()
    tracks: tuple[Track, ...] = ()
    buses: tuple[Bus, ...] = ()
    mix: Strip = field(default_factory=Strip)
    master: tuple[Insert, ...] = ()
    locks: tuple[Lock, ...] = ()
    moments: tuple[Moment, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    def track(self, track_id: str) -> Track:
        """The track of that id. Raises InputError (``song.no_track``) if there is none (any more)."""
        for track in self.tracks:
            if track.id == track_id:
                return track
        raise InputError("song.no_track", "That track is not in the song", where=track_id)

    @property
    def owners(self) -> tuple[Track | Bus, ...]:
        """Everything that has a strip of its own: tracks, then buses."""
        return (*self.tracks, *self.buses)

    def strip(self, target: str) -> Strip:
        """The strip of a track, a bus, or ``"mix"``. Raises InputError (``song.no_target``)."""
        if target == MIX:
            return self.mix
        for track in self.tracks:
            if track.id == target:
                return track.strip
        for bus in self.buses:
            if bus.id == target:
                return bus.strip
        raise InputError("song.no_target", "No track or bus of that name is in the song", where=target)

    def with_strip(self, target: str, strip: Strip) -> "Song":
        """The song with another strip at ``target``."""
        if target == MIX:
            return with_value(self, "mix", strip)
        for index, track in enumerate(self.tracks):
            if track.id == target:
                changed = with_value(track, "strip", strip)
                return with_value(self, "tracks", (*self.tracks[:index], changed, *self.tracks[index + 1 :]))
        self.strip(target)
        return replace(self, buses=tuple(replace(bus, strip=strip) if bus.id == target else bus for bus in self.buses))

    def with_track(self, track: Track) -> "Song":
        """The song with ``track`` in the place of the track that has its id."""
        self.track(track.id)
        return replace(self, tracks=tuple(track if old.id == track.id else old for old in self.tracks))
