"""A song set up on the mixer: its tracks in groups, its buses in order, everything as far ahead as it has to be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.node import BLOCK_SAMPLES
from tapehand.render.chains import SIDE_BY_SIDE, Chains
from tapehand.render.gains import strip_gains
from tapehand.render.lay import lay_track
from tapehand.render.mixer import OUT, STEM, STEP_SAMPLES, BusStrip, Mixer, Outlet, TrackGroup, Window
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
from tapehand.render.sounds import Sound, stretch
from tapehand.song.mixer import MIX, Bus, Insert, Strip
from tapehand.song.song import Song, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """A mixer, ready to run.

    Parameters
    ----------
    dry_samples : where the last region ends.
    end_samples : where the last thing can have rung out.
    """

    mixer: Mixer
    dry_samples: int
    end_samples: int


def assemble(song: Song, shelf: Shelf, *, stems: bool = False, start: int = 0) -> Assembly:
    """The mixer of ``song`` from the song position ``start`` on, with a window for every stem if wanted.

    Raises InputError for buses that feed each other and for what cannot be laid on a track.
    """
    return _Assembler(song, shelf, stems=stems, start=start).assembly()


class _Assembler:
    def __init__(self, song: Song, shelf: Shelf, *, stems: bool, start: int) -> None:
        self._song, self._shelf, self._stems, self._start = song, shelf, stems, start
        self._tracks, self._buses = heard_tracks(song), buses_in_order(song)
        self._sounds = [lay_track(song, track, shelf) for track in self._tracks]
        self._strips = {bus.id: bus.strip for bus in self._buses} | {MIX: song.mix}
        self._names = {bus.id: bus.name for bus in self._buses}
        self._rooms = {name: np.empty((2, BLOCK_SAMPLES), dtype=np.float32) for name in self._strips}
        self._chains = {
            name: chains_of(song, shelf, [strip.inserts], [self._rooms[name]], [self._names.get(name, name)])
            for name, strip in self._strips.items()
        }
        look_ahead = {name: chains.look_ahead_samples[0] for name, chains in self._chains.items()}
        self._leads = leads(song, self._buses, look_ahead)
        self._windows = self._make_windows()

    def assembly(self) -> Assembly:
        ends = [
            sound.length_samples + track.strip.delay_samples
            for track, sound in zip(self._tracks, self._sounds, strict=True)
        ]
        rung = [
            sound.length_samples + longest_ringing(self._song, track.strip)
            for track, sound in zip(self._tracks, self._sounds, strict=True)
        ]
        mixer = Mixer(
            list(self._groups()),
            [self._bus_strip(name) for name in self._strips],
            self._windows,
            inlets={name: self._leads.into.get(name, 0) for name in self._windows},
            track_lead=self._leads.tracks,
            start=self._start,
        )
        return Assembly(mixer=mixer, dry_samples=max(ends, default=0), end_samples=max(rung, default=0))

    def _make_windows(self) -> dict[str, Window]:
        stems = [STEM + owner.id for owner in stem_owners(self._song)] if self._stems else []
        furthest = max(self._leads.tracks, *self._leads.out.values())
        latest = max(strip.delay_samples for strip in self._strips.values())
        length = STEP_SAMPLES + furthest + latest
        return {name: Window(self._start, length) for name in [*self._strips, *stems, OUT]}

    def _groups(self) -> Iterator[TrackGroup]:
        waiting = iter(zip(self._tracks, self._sounds, strict=True))
        while four := list(islice(waiting, SIDE_BY_SIDE)):
            tracks, sounds = [track for track, _ in four], [sound for _, sound in four]
            rooms = [np.empty((sound.channels, BLOCK_SAMPLES), dtype=np.float32) for sound in sounds]
            chains = chains_of(
                self._song, self._shelf, [t.strip.inserts for t in tracks], rooms, [t.name for t in tracks]
            )
            ways = [self._feeds(track.id, track.strip, room) for track, room in zip(tracks, chains.rooms, strict=True)]
            outlet = Outlet(chains.rooms, ways, self._names)
            delays = [track.strip.delay_samples for track in tracks]
            yield TrackGroup(sounds, rooms, chains, delays, outlet, self._start)

    def _bus_strip(self, name: str) -> BusStrip:
        strip, chains = self._strips[name], self._chains[name]
        if name == MIX:
            ways: tuple[Feed, ...] = (Feed(bus=OUT, gains=strip_gains(strip, 2)),)
        else:
            ways = self._feeds(name, strip, chains.rooms[0])
        return BusStrip(
            self._windows[name],
            self._rooms[name],
            chains,
            Outlet(chains.rooms, [ways], self._names),
            start=self._start,
            delay_samples=strip.delay_samples,
            lead_samples=self._leads.out[name],
            name=self._names.get(name, name),
        )

    def _feeds(self, owner: str, strip: Strip, room: Samples) -> tuple[Feed, ...]:
        ways = feeds(strip, len(room), list(self._strips))
        if not self._stems or strip.output != MIX:
            return ways
        return (*ways, Feed(bus=STEM + owner, gains=ways[-1].gains))


def chains_of(
    song: Song, shelf: Shelf, inserts: Sequence[Sequence[Insert]], rooms: Sequence[Samples], names: Sequence[str]
) -> Chains:
    """The chains of a few strips of a song, with what they listen to."""
    every = [insert for chain in inserts for insert in chain]
    keys = {name: lay_track(song, song.track(name), shelf) for name in key_tracks(every)}
    impulses = {blob: _whole(shelf.source(blob, song.rate_hz)) for blob in impulse_sources(every)}
    chains = [processors(chain) for chain in inserts]
    return Chains(chains, rooms, song.rate_hz, names=names, keys=keys, impulses=impulses)


def stem_owners(song: Song) -> list[Track | Bus]:
    """The strips that end in the mix bus and are to be heard, in song order."""
    owners: list[Track | Bus] = [*heard_tracks(song), *buses_in_order(song)]
    return [owner for owner in owners if owner.strip.output == MIX]


def _whole(sound: Sound) -> Audio:
    return stretch(sound, 0, sound.length_samples)
