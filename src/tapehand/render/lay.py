"""Regions onto a track: audio is placed, notes are played, both at the song's rate from sample 0."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.buffer import Samples
from tapehand.errors import InputError
from tapehand.instruments.play import play
from tapehand.music.time import TempoMap
from tapehand.render.shelf import Shelf
from tapehand.render.sounds import Sound, within
from tapehand.song.region import AudioRegion, NoteRegion, Region
from tapehand.song.song import Song, Track
from tapehand.units import db_to_gain

MOST_CHANNELS: Final = 2


def lay_track(song: Song, track: Track, shelf: Shelf) -> Sound:
    """What lies on a track before its strip: mono if everything on it is mono, else stereo.

    Raises InputError for a region whose source is missing or has more than two channels, and for notes without a grid.
    """
    laid = [_laid(song, track, region, shelf) for region in track.regions]
    if len(laid) == 1 and laid[0].start_samples == 0 and laid[0].is_plain:
        return laid[0].sound
    return LaidSound(laid, song.rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidRegion:
    """A stretch of a sound on a track, with its gain and straight fades."""

    sound: Sound
    start_samples: int
    offset_samples: int
    length_samples: int
    gain: float = 1.0
    fade_in_samples: int = 0
    fade_out_samples: int = 0

    @property
    def end_samples(self) -> int:
        """Where on the track it ends."""
        return self.start_samples + self.length_samples

    @property
    def is_plain(self) -> bool:
        """Whether it is the whole sound as it is."""
        whole = self.offset_samples == 0 and self.length_samples == self.sound.length_samples
        return whole and self.gain == 1.0 and not self.fade_in_samples and not self.fade_out_samples

    def add_to(self, out: Samples, position: int) -> None:
        """Its part of ``out``, which begins at track position ``position``, onto what is there."""
        first, end = within(position - self.start_samples, out.shape[1], self.length_samples)
        if first >= end:
            return
        inside = position + first - self.start_samples
        heard = np.empty((self.sound.channels, end - first), dtype=np.float32)
        self.sound.read_into(self.offset_samples + inside, heard)
        out[:, first:end] += self._shaped(heard, inside)

    def _shaped(self, heard: Samples, inside: int) -> Samples:
        if self.gain == 1.0 and not self.fade_in_samples and not self.fade_out_samples:
            return heard
        envelope = np.full(heard.shape[1], self.gain, dtype=np.float32)
        _fade(envelope, inside, self.fade_in_samples)
        last = self.length_samples - inside - heard.shape[1]
        _fade(envelope[::-1], last, self.fade_out_samples)
        return heard * envelope


def _fade(envelope: NDArray[np.float32], inside: int, length: int) -> None:
    """A straight way from 0 to 1 over the first ``length`` samples of what begins ``inside`` samples earlier."""
    end = min(length - inside, envelope.size)
    if end > 0:
        envelope[:end] *= (np.arange(inside, inside + end) / max(length - 1, 1)).astype(np.float32)


class LaidSound:
    """Regions on a track: those that overlap sound together."""

    def __init__(self, regions: Sequence[LaidRegion], rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.channels = max((region.sound.channels for region in regions), default=1)
        self.length_samples = max((region.end_samples for region in regions), default=0)
        self._regions = tuple(regions)

    def read_into(self, start_sample: int, out: Samples) -> None:
        """As ``sounds.Sound``."""
        out[...] = 0.0
        for region in self._regions:
            region.add_to(out, start_sample)


def _laid(song: Song, track: Track, region: Region, shelf: Shelf) -> LaidRegion:
    if isinstance(region, NoteRegion):
        return _played(song, track, region, shelf)
    sound = shelf.source(region.source, song.rate_hz)
    if sound.channels > MOST_CHANNELS:
        raise InputError(
            "render.too_many_channels",
            f"A stem with {sound.channels} channels cannot be mixed yet",
            hint="Export it as mono or stereo.",
            where=track.name,
        )
    return _placed(sound, region)


def _placed(sound: Sound, region: AudioRegion) -> LaidRegion:
    return LaidRegion(
        sound=sound,
        start_samples=region.start_samples,
        offset_samples=region.offset_samples,
        length_samples=region.length_samples,
        gain=db_to_gain(region.gain_db),
        fade_in_samples=region.fade_in_samples,
        fade_out_samples=region.fade_out_samples,
    )


def _played(song: Song, track: Track, region: NoteRegion, shelf: Shelf) -> LaidRegion:
    grid = _grid(song, track)
    sound = shelf.made(("played", region, grid, song.rate_hz), lambda: play(region, grid, song.rate_hz))
    start = grid.samples_at(region.start_tick, song.rate_hz)
    return LaidRegion(sound=sound, start_samples=start, offset_samples=0, length_samples=sound.length_samples)


def _grid(song: Song, track: Track) -> TempoMap:
    if song.grid is None:
        raise InputError("render.no_grid", "Notes cannot be played before the tempo is known", where=track.name)
    return song.grid
