"""A song set up on the mixer: its tracks in groups, its buses in order, everything as far ahead as it has to be."""

from collections.abc import Iterator, Sequence
from itertools import islice

from tapehand.audio.buffer import Samples
from tapehand.render.chains import SIDE_BY_SIDE, Chains
from tapehand.render.gains import strip_gains
from tapehand.render.lay import lay_track
from tapehand.render.mixer import (
    OUT,
    STEM,
    STEP_SAMPLES,
    BusStrip,
    Crew,
    Mixer,
    Outlet,
    Part,
    TrackGroup,
    Window,
    Windows,
)
from tapehand.render.plan import (
    Feed,
    buses_in_order,
    feeds,
    heard_tracks,
    impulse_sources,
    key_tracks,
    leads,
    longest_ringing,
    processors,
)
from tapehand.render.shelf import Shelf
from tapehand.render.sounds import whole
from tapehand.song.mixer import MIX, Bus, Insert, Strip
from tapehand.song.region import NoteRegion
from tapehand.song.song import Song, Track


class Assembly:
    """The desk of one song: its buses wired up, ready for parts that fill their windows.

    Parameters
    ----------
    threads : groups of tracks made at once.
    stems : whether every strip that ends in the mix comes out by itself, too.
    start : the song position to begin at.

    Attributes
    ----------
    tracks : those that are heard.
    windows : of every bus, and of what comes out.
    track_lead : how far ahead of the finished mix tracks are made, in samples.
    dry_samples : where the last region ends.
    end_samples : where the last thing can have rung out.

    Raises InputError for buses that feed each other and for what cannot be laid on a track.
    """

    def __init__(self, song: Song, shelf: Shelf, *, threads: int = 1, stems: bool = False, start: int = 0) -> None:
        self.song, self._shelf, self._threads, self._stems, self._start = song, shelf, threads, stems, start
        self.tracks, buses = heard_tracks(song), buses_in_order(song)
        self._strips = {bus.id: bus.strip for bus in buses} | {MIX: song.mix}
        self._names = {bus.id: bus.name for bus in buses}
        self._chains = {
            name: chains_of(song, shelf, [strip.inserts], [2], [self._names.get(name, name)])
            for name, strip in self._strips.items()
        }
        self._leads = leads(song, buses, {name: chains.look_ahead_samples[0] for name, chains in self._chains.items()})
        self.track_lead = self._leads.tracks
        self.windows = self._make_windows()
        lengths = {track.id: lay_track(song, track, shelf).length_samples for track in self.tracks}
        self.dry_samples = max((lengths[t.id] + t.strip.delay_samples for t in self.tracks), default=0)
        self.end_samples = max((lengths[t.id] + longest_ringing(song, t.strip) for t in self.tracks), default=0)

    @property
    def heard(self) -> list[str]:
        """The buses that tracks can feed, the mix as the last."""
        return list(self._strips)

    def crew(self, tracks: Sequence[Track], song: Song | None = None) -> Crew:
        """Threads that make these tracks, of this song or of ``song``, and add them to what they feed here."""
        return Crew(list(self._groups(tracks, song or self.song)), self.windows, self._threads)

    def mixer(self, parts: Sequence[Part] | None = None) -> Mixer:
        """The mixer, with all tracks or with other parts to fill its windows."""
        return Mixer(
            [self.crew(self.tracks)] if parts is None else parts,
            [self._bus_strip(name) for name in self._strips],
            self.windows,
            inlets={name: self._leads.into.get(name, 0) for name in self.windows},
            track_lead=self.track_lead,
            start=self._start,
        )

    def _make_windows(self) -> Windows:
        stems = [STEM + owner for owner in stem_owners(self.song)] if self._stems else []
        furthest = max(self._leads.tracks, *self._leads.out.values())
        latest = max(strip.delay_samples for strip in self._strips.values())
        length = STEP_SAMPLES + furthest + latest
        return {name: Window(self._start, length) for name in [*self._strips, *stems, OUT]}

    def _groups(self, tracks: Sequence[Track], song: Song) -> Iterator[TrackGroup]:
        waiting = iter(tracks)
        while four := list(islice(waiting, SIDE_BY_SIDE)):
            sounds = [lay_track(song, track, self._shelf) for track in four]
            inserts, names = [track.strip.inserts for track in four], [track.name for track in four]
            chains = chains_of(song, self._shelf, inserts, [sound.channels for sound in sounds], names)
            ways = [
                self._feeds(track.id, track.strip, room) for track, room in zip(four, chains.rooms_out, strict=True)
            ]
            delays = [track.strip.delay_samples for track in four]
            outlet = Outlet(chains.rooms_out, ways, self._names)
            yield TrackGroup(sounds, chains, delays, outlet, self._start)

    def _bus_strip(self, name: str) -> BusStrip:
        strip, chains = self._strips[name], self._chains[name]
        to_the_world = (Feed(bus=OUT, gains=strip_gains(strip, 2)),)
        ways = to_the_world if name == MIX else self._feeds(name, strip, chains.rooms_out[0])
        return BusStrip(
            self.windows[name],
            chains,
            Outlet(chains.rooms_out, [ways], self._names),
            start=self._start,
            delay_samples=strip.delay_samples,
            lead_samples=self._leads.out[name],
            name=self._names.get(name, name),
        )

    def _feeds(self, owner: str, strip: Strip, room: Samples) -> tuple[Feed, ...]:
        ways = feeds(strip, len(room), self.heard)
        if not self._stems or strip.output != MIX:
            return ways
        return (*ways, Feed(bus=STEM + owner, gains=ways[-1].gains))


def chains_of(
    song: Song, shelf: Shelf, inserts: Sequence[Sequence[Insert]], channels: Sequence[int], names: Sequence[str]
) -> Chains:
    """The chains of a few strips of a song, with what they listen to."""
    every = [insert for chain in inserts for insert in chain]
    keys = {name: lay_track(song, song.track(name), shelf) for name in key_tracks(every)}
    impulses = {blob: whole(shelf.source(blob, song.rate_hz)) for blob in impulse_sources(every)}
    chains = [processors(chain) for chain in inserts]
    return Chains(chains, channels, song.rate_hz, names=names, keys=keys, impulses=impulses)


def made_of(song: Song, track: Track) -> tuple[object, ...]:
    """All that shapes what comes out of a track's inserts, but for these."""
    sounding = (track.regions, *(song.track(other).regions for other in key_tracks(track.strip.inserts)))
    plays_notes = any(isinstance(region, NoteRegion) for regions in sounding for region in regions)
    return song.rate_hz, song.grid if plays_notes else None, sounding


def stem_owners(song: Song) -> dict[str, str]:
    """The names, by id, of the strips that end in the mix bus and are to be heard, in song order."""
    owners: list[Track | Bus] = [*heard_tracks(song), *buses_in_order(song)]
    return {owner.id: owner.name for owner in owners if owner.strip.output == MIX}
