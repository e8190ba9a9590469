"""Song and audio in; stems, mix and master out.

The signal of a song, in order: regions are played and placed, delay and inserts make the **pre-fader** track, polarity,
fader, pan and sends sum into float64 buses, buses run their own inserts, every strip that ends in the mix bus is a
**stem**, and the mix runs through the master chain. All of it goes on in blocks on a grid that begins with the song, so
memory does not grow with its length, and neither the number of threads nor who asks for what changes a bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.render.assembly import Assembly, chains_of, stem_owners
from tapehand.render.cache import LostRecord, NoCache, RenderCache, content_key
from tapehand.render.chains import through
from tapehand.render.lay import lay_track
from tapehand.render.mixer import OUT, STEP_SAMPLES, Mixer
from tapehand.render.moments import MomentKeeper, moment_samples
from tapehand.render.plan import ringing_samples
from tapehand.render.shelf import Shelf
from tapehand.render.sounds import HeldSound, NoSources, Sound, Sources, stretch, whole
from tapehand.render.sums import parts_since
from tapehand.song.mixer import Insert
from tapehand.song.song import Song
from tapehand.units import db_to_gain, seconds_to_samples
from tapehand.work import Work

RENDER_VERSION: Final = 3
FAINT_DBFS: Final = -90.0
PRE_ROLL_S: Final = 10.0

OnStem = Callable[[str, str, Audio], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedBlock:
    """A stretch of the finished mix, float32 ``(2, n)``, and of the stems by strip where they were asked for."""

    start_samples: int
    mix: Samples
    stems: Mapping[str, Samples]

    @property
    def end_samples(self) -> int:
        """The song position behind its last sample."""
        return self.start_samples + int(self.mix.shape[1])

    def part(self, start: int, end: int) -> "RenderedBlock":
        """What lies in it between two song positions."""
        first, last = start - self.start_samples, end - self.start_samples
        stems = {name: stem[:, first:last] for name, stem in self.stems.items()}
        return RenderedBlock(start_samples=start, mix=self.mix[:, first:last], stems=stems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Renders one song as it stands.

    Parameters
    ----------
    song : what to render.
    sources : the recordings, by the hash of their file.
    cache : keeps between renders what is worth it, by what it is made of.
    build : names the native library and CPU class in cache keys.
    threads : groups of tracks made at once.
    before : the song as it was rendered last, while it is being worked on: what did not change is then kept in the
        cache, and so are moments to go on from.
    """

    song: Song
    sources: Sources = field(default_factory=NoSources)
    cache: RenderCache = field(default_factory=NoCache)
    work: Work = field(default_factory=Work)
    build: str = ""
    threads: int = 1
    before: Song | None = None

    def played(self, track_id: str) -> Audio:
        """What lies on a track before its strip."""
        return whole(lay_track(self.song, self.song.track(track_id), self._shelf()))

    def pre_fader(self, track_id: str) -> Audio:
        """A track after its inserts. Polarity and delay come with the fader."""
        shelf, track = self._shelf(), self.song.track(track_id)
        sound, inserts = lay_track(self.song, track, shelf), track.strip.inserts
        end = sound.length_samples + ringing_samples(inserts, self.song.rate_hz)
        made = [block.copy() for block in self._through(sound, inserts, track.name, shelf, end)]
        ringing = Audio.of(np.concatenate(made, axis=1), self.song.rate_hz) if made else stretch(sound, 0, 0)
        return ringing.span(0, max(sound.length_samples, _last_heard(ringing.samples) + 1))

    def blocks(self, *, stems: bool = False, start_samples: int = 0) -> Iterator[RenderedBlock]:
        """The stereo mix after the mix bus, before the master chain, up to its end; with all stems if wanted.

        Stems sum to the mix before the mix bus's own inserts and fader, and are as long as it. From a later
        ``start_samples`` the mixer goes on from the last moment that is kept, with the same bits, or else begins
        ``PRE_ROLL_S`` earlier: what differs then is below -90 dBFS, unless something rings for longer than that.
        """
        given = start_samples
        while True:
            try:
                for block in self._attempt(stems, given):
                    if block.end_samples > given:
                        yield block.part(max(given, block.start_samples), block.end_samples)
                        given = block.end_samples
            except LostRecord:
                continue  # the cache has dropped it: once more, up to where we were
            else:
                return

    def mix(self, on_stem: OnStem | None = None) -> Audio:
        """All of ``blocks`` in memory; ``on_stem(id, name, audio)`` is called for every stem, in song order."""
        blocks = list(self.blocks(stems=on_stem is not None))
        if on_stem is not None:
            for owner, name in stem_owners(self.song).items():
                on_stem(owner, name, self._joined([block.stems[owner] for block in blocks]))
        return self._joined([block.mix for block in blocks])

    def master(self, mix: Audio | None = None) -> Audio:
        """The mix through the master chain; give ``mix`` if it was rendered already. Its length stays."""
        return self._joined([block.samples for block in self.master_blocks(self.mix() if mix is None else mix)])

    def master_blocks(self, mix: Audio) -> Iterator[Audio]:
        """A mix of one or two channels through the master chain, from start to end."""
        end = mix.length_samples
        self.work.report("render.master", 0, end)
        done = 0
        for block in self._through(HeldSound(mix), self.song.master, "master", self._shelf(), end):
            yield Audio.of(block.copy(), self.song.rate_hz)
            done += block.shape[1]
            self.work.report("render.master", done, end)

    def _attempt(self, stems: bool, start: int) -> Iterator[RenderedBlock]:
        with ExitStack() as keeping:
            shelf = self._shelf()
            if start and not stems:
                mixer, desk = self._from(start, shelf)
                keeper = None
            else:
                desk = Assembly(self.song, shelf, threads=self.threads, stems=stems)
                mixer, keeper = self._from_the_start(desk, shelf, keeping, stems)
            yield from _until_faint(self._steps(mixer, desk.end_samples, keeper), desk.dry_samples)

    def _from_the_start(
        self, desk: Assembly, shelf: Shelf, keeping: ExitStack, stems: bool
    ) -> tuple[Mixer, MomentKeeper | None]:
        if self.before is None or stems:
            return desk.mixer(), None
        parts = parts_since(self.before, desk, shelf, keeping)
        key = self._moments_key()
        if not parts.all_made or self.cache.open(key) is not None:
            return desk.mixer(parts.parts), None
        moments = keeping.enter_context(self.cache.keep(key))
        return desk.mixer(parts.parts), MomentKeeper(moments, self.song.rate_hz)

    def _from(self, start: int, shelf: Shelf) -> tuple[Mixer, Assembly]:
        """A mixer that has been running, or does as if, for what is to be heard from a song position on."""
        kept = self.cache.open(self._moments_key())
        number = 0 if kept is None else min(start // moment_samples(self.song.rate_hz), len(kept))
        if kept is not None and number:
            desk = Assembly(self.song, shelf, threads=self.threads)
            mixer = desk.mixer()
            mixer.restore(kept.read(number - 1))
            return mixer, desk
        begin = max(0, start - seconds_to_samples(PRE_ROLL_S, self.song.rate_hz))
        desk = Assembly(self.song, shelf, threads=self.threads, start=begin)
        return desk.mixer(), desk

    def _steps(self, mixer: Mixer, end: int, keeper: MomentKeeper | None) -> Iterator[RenderedBlock]:
        self.work.report("render.mix", mixer.position, end)
        for made in mixer.steps(end, keeper):
            mix = made.pop(OUT)
            yield RenderedBlock(start_samples=mixer.position - mix.shape[1], mix=mix, stems=made)
            self.work.report("render.mix", mixer.position, end)

    def _moments_key(self) -> str:
        song = self.song
        sound = (song.rate_hz, song.grid, song.tracks, song.buses, song.mix)
        return content_key("moments", RENDER_VERSION, self.build, STEP_SAMPLES, *sound)

    def _shelf(self) -> Shelf:
        return Shelf(sources=self.sources, cache=self.cache, version=(RENDER_VERSION, self.build))

    def _through(self, sound: Sound, inserts: Sequence[Insert], name: str, shelf: Shelf, end: int) -> Iterator[Samples]:
        """One signal through its inserts, up to the sample ``end``; a block lives until the next."""
        return through(sound, chains_of(self.song, shelf, [inserts], [sound.channels], [name]), end)

    def _joined(self, parts: Sequence[Samples]) -> Audio:
        joined = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0), dtype=np.float32)
        return Audio.of(joined, self.song.rate_hz)


def _until_faint(blocks: Iterator[RenderedBlock], least: int) -> Iterator[RenderedBlock]:
    """Blocks up to where what rings on after the song position ``least`` has become too faint to matter."""
    held: list[RenderedBlock] = []
    for block in blocks:
        heard = max(min(least, block.end_samples), block.start_samples + _last_heard(block.mix) + 1)
        if heard > block.start_samples:
            yield from held
            yield block.part(block.start_samples, heard)
            held = []
        if heard < block.end_samples:
            held.append(block.part(heard, block.end_samples))


def _last_heard(samples: Samples) -> int:
    """The last sample that is loud enough to matter; -1 for none."""
    heard = np.flatnonzero(np.abs(samples).max(axis=0, initial=0.0) > db_to_gain(FAINT_DBFS))
    return int(heard[-1]) if heard.size else -1
