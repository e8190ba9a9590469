"""Song and audio in; stems, mix and master out.

The signal of a song, in order: regions are played and placed, polarity, delay and inserts make the **pre-fader** track
(cached by content), fader, pan and sends sum into float64 buses in a fixed order, buses run their own inserts, every
strip that ends in the mix bus is a **stem**, and the mix runs through the master chain. Tracks are prepared in groups
of four, on threads if wanted; sums are made in song order, so the bits do not depend on the number of threads.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.dsp.chain import run_chains, tail_s
from tapehand.errors import InputError
from tapehand.render.cache import NoCache, RenderCache, content_key
from tapehand.render.gains import strip_gains
from tapehand.render.lay import ReadSource, lay_track
from tapehand.render.summing import BusSum
from tapehand.song.mixer import MIX, Bus, Insert, Send, Strip
from tapehand.song.processors import Compressor, Convolution, Processor
from tapehand.song.region import NoteRegion
from tapehand.song.song import Song, Track
from tapehand.units import db_to_gain
from tapehand.work import Work

GROUP: Final = 4
RENDER_VERSION: Final = 2
FAINT_DBFS: Final = -90.0

OnStem = Callable[[str, str, Audio], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Renders one song as it stands.

    Parameters
    ----------
    song : what to render.
    read_source : gives the decoded audio of a source hash at its own rate.
    cache : keeps pre-fader tracks between renders, by what they are made of.
    build : names the native library and CPU class in cache keys.
    threads : groups of tracks prepared at once.
    """

    song: Song
    read_source: ReadSource
    cache: RenderCache = field(default_factory=NoCache)
    work: Work = field(default_factory=Work)
    build: str = ""
    threads: int = 1
    _key_sounds: dict[str, Audio] = field(default_factory=dict, init=False, repr=False, compare=False)

    def played(self, track_id: str) -> Audio:
        """What lies on a track before its strip."""
        return lay_track(self.song, self.song.track(track_id), self.read_source)

    def pre_fader(self, track_id: str) -> Audio:
        """A track after its inserts. Polarity and delay come with the fader."""
        return self._pre_fader_group([self.song.track(track_id)])[0]

    def mix(self, on_stem: OnStem | None = None) -> Audio:
        """The stereo mix after the mix bus, before the master chain.

        ``on_stem(id, name, audio)`` is called for every strip that ends in the mix bus, in song order; the stems sum
        to the mix before the mix bus's own inserts and fader.
        """
        sums = {bus.id: BusSum(bus.name) for bus in self.song.buses} | {MIX: BusSum(MIX)}
        heard = [track for track in self.song.tracks if not track.strip.mute and track.regions]
        for done, (track, audio) in enumerate(self._pre_faders(heard)):
            self.work.report("render.tracks", done, len(heard))
            self._route(track, audio, sums, on_stem)
        for bus in self._buses_in_order():
            self.work.report("render.buses", 0, 1)
            audio = self._through(sums.pop(bus.id).audio(self.song.rate_hz), bus.strip.inserts, bus.name)
            if not bus.strip.mute:
                self._route(bus, audio, sums, on_stem)
        return self._mix_bus(sums[MIX].audio(self.song.rate_hz))

    def master(self, mix: Audio | None = None) -> Audio:
        """The mix through the master chain; give ``mix`` if it was rendered already. Its length stays."""
        audio = self.mix() if mix is None else mix
        self.work.report("render.master", 0, 1)
        return run_chains(
            [audio], [_processors(self.song.master)], keys=self._keys(self.song.master), names=["master"]
        )[0]

    def _mix_bus(self, summed: Audio) -> Audio:
        faded = BusSum(MIX)
        faded.add(self._through(summed, self.song.mix.inserts, MIX), strip_gains(self.song.mix, 2))
        return faded.audio(self.song.rate_hz)

    def _route(self, owner: Track | Bus, audio: Audio, sums: dict[str, BusSum], on_stem: OnStem | None) -> None:
        """Sends first, then the output; a stem is what arrives in the mix bus."""
        strip = owner.strip
        for send in strip.sends:
            gains = strip_gains(_as_sent(strip, send), audio.channels, send.level_db)
            sums[send.bus].add(audio, gains, strip.delay_samples)
        gains = strip_gains(strip, audio.channels)
        if strip.output == MIX and on_stem is not None:
            stem = BusSum(owner.name)
            stem.add(audio, gains, strip.delay_samples)
            on_stem(owner.id, owner.name, stem.audio(self.song.rate_hz))
        sums[strip.output].add(audio, gains, strip.delay_samples)

    def _through(self, audio: Audio, inserts: Sequence[Insert], name: str) -> Audio:
        """One signal through its inserts, with the time they audibly ring on added."""
        ringing = _ringing(audio, inserts)
        made = run_chains([ringing], [_processors(inserts)], keys=self._keys(inserts), names=[name])[0]
        return _rung_out(made, audio.length_samples)

    def _keys(self, inserts: Sequence[Insert]) -> dict[str, Audio]:
        """What side-chains listen to, and impulse responses, made ready once a render."""
        for track_id in key_tracks(inserts):
            if track_id not in self._key_sounds:
                self._key_sounds[track_id] = self.played(track_id)
        for source in impulse_sources(inserts):
            if source not in self._key_sounds:
                self._key_sounds[source] = resample(self.read_source(source), self.song.rate_hz)
        return self._key_sounds

    def _pre_faders(self, tracks: Sequence[Track]) -> Iterator[tuple[Track, Audio]]:
        """Pre-fader audio of every track, in order, prepared a few groups ahead."""
        groups = [tracks[start : start + GROUP] for start in range(0, len(tracks), GROUP)]
        if self.threads == 1:
            for group in groups:
                yield from zip(group, self._pre_fader_group(group), strict=True)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            for start in range(0, len(groups), self.threads):
                ahead = groups[start : start + self.threads]
                for group, audios in zip(ahead, pool.map(self._pre_fader_group, ahead), strict=True):
                    yield from zip(group, audios, strict=True)

    def _pre_fader_group(self, tracks: Sequence[Track]) -> list[Audio]:
        self.work.check_cancelled()
        known = {track.id: self._known(track) for track in tracks}
        missing = [track for track in tracks if known[track.id] is None]
        for track, audio in zip(missing, self._made(missing), strict=True):
            self.cache.put(self._pre_fader_key(track), audio)
            known[track.id] = audio
        return [audio for audio in known.values() if audio is not None]

    def _made(self, tracks: Sequence[Track]) -> list[Audio]:
        inserts = [track.strip.inserts for track in tracks]
        played = [self.played(track.id) for track in tracks]
        made = run_chains(
            [_ringing(audio, chain) for audio, chain in zip(played, inserts, strict=True)],
            [_processors(chain) for chain in inserts],
            keys={name: key for chain in inserts for name, key in self._keys(chain).items()},
            names=[track.name for track in tracks],
        )
        return [_rung_out(audio, before.length_samples) for audio, before in zip(made, played, strict=True)]

    def _known(self, track: Track) -> Audio | None:
        """A pre-fader track that costs nothing: untouched by its strip, or remembered."""
        if not _processors(track.strip.inserts):
            return self.played(track.id)
        return self.cache.get(self._pre_fader_key(track))

    def _pre_fader_key(self, track: Track) -> str:
        inserts = track.strip.inserts
        heard = [self._made_of(self.song.track(other)) for other in key_tracks(inserts)]
        return content_key("pre-fader", *self._made_of(track), inserts, *heard)

    def _made_of(self, track: Track) -> tuple[object, ...]:
        grid = self.song.grid if _plays_notes(track) else None
        return (RENDER_VERSION, self.build, self.song.rate_hz, grid, track.regions)

    def _buses_in_order(self) -> list[Bus]:
        """Buses so that each comes after everything that feeds it. Raises InputError (``render.bus_loop``)."""
        waiting = {bus.id: bus for bus in self.song.buses}
        ordered: list[Bus] = []
        while waiting:
            fed = {target for bus in waiting.values() for target in _feeds(bus)}
            ready = [bus for bus in waiting.values() if bus.id not in fed]
            if not ready:
                circle = ", ".join(sorted(waiting))
                raise InputError("render.bus_loop", "Buses feed each other in a circle", where=circle)
            ordered.extend(ready)
            for bus in ready:
                del waiting[bus.id]
        return ordered


def key_tracks(inserts: Sequence[Insert]) -> tuple[str, ...]:
    """Ids of the tracks that compressors in a chain listen to, each once."""
    processors = (insert.processor for insert in inserts if insert.on)
    keys = (each.key_track for each in processors if isinstance(each, Compressor))
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def impulse_sources(inserts: Sequence[Insert]) -> tuple[str, ...]:
    """The sources that reverbs in a chain take as impulse responses, each once."""
    processors = (insert.processor for insert in inserts if insert.on)
    return tuple(dict.fromkeys(each.impulse for each in processors if isinstance(each, Convolution)))


def _processors(inserts: Sequence[Insert]) -> list[Processor]:
    return [insert.processor for insert in inserts if insert.on]


def _ringing(audio: Audio, inserts: Sequence[Insert]) -> Audio:
    tail = math.ceil(tail_s(_processors(inserts)) * audio.rate_hz)
    return audio.span(0, audio.length_samples + tail) if tail else audio


def _rung_out(audio: Audio, least_samples: int) -> Audio:
    """``audio`` cut where its ringing after ``least_samples`` has become too faint to matter."""
    ringing = audio.samples[:, least_samples:]
    heard = np.flatnonzero(np.abs(ringing).max(axis=0, initial=0.0) > db_to_gain(FAINT_DBFS))
    end = least_samples + (int(heard[-1]) + 1 if heard.size else 0)
    return audio if end >= audio.length_samples else audio.span(0, end)


def _plays_notes(track: Track) -> bool:
    return any(isinstance(region, NoteRegion) for region in track.regions)


def _feeds(bus: Bus) -> tuple[str, ...]:
    return (bus.strip.output, *(send.bus for send in bus.strip.sends))


def _as_sent(strip: Strip, send: Send) -> Strip:
    """The strip whose fader and pan a send hears: its own, or none for a pre-fader send."""
    return replace(strip, fader_db=0.0, automation=()) if send.pre_fader else strip
