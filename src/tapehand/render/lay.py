"""Regions onto a track: audio is placed, notes are played, both at the song's rate from sample 0."""

from collections.abc import Callable
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.errors import InputError
from tapehand.instruments.play import play
from tapehand.music.time import TempoMap
from tapehand.song.region import AudioRegion, NoteRegion, Region
from tapehand.song.song import Song, Track
from tapehand.units import db_to_gain

ReadSource = Callable[[str], Audio]
MOST_CHANNELS: Final = 2


def lay_track(song: Song, track: Track, read_source: ReadSource) -> Audio:
    """What lies on a track before its strip: mono if everything on it is mono, else stereo.

    Raises InputError for a region whose source is missing or has more than two channels, and for notes without a grid.
    """
    laid = [_laid(song, track, region, read_source) for region in track.regions]
    if len(laid) == 1 and laid[0][0] == 0:
        return laid[0][1]
    channels = max((audio.channels for _, audio in laid), default=1)
    end_samples = max((start + audio.length_samples for start, audio in laid), default=0)
    whole = Audio.silence(channels, end_samples, song.rate_hz)
    for start, audio in laid:
        placed = audio.stereo() if channels == MOST_CHANNELS else audio
        whole.samples[:, start : start + audio.length_samples] += placed.samples
    return whole


def _laid(song: Song, track: Track, region: Region, read_source: ReadSource) -> tuple[int, Audio]:
    if isinstance(region, NoteRegion):
        grid = _grid(song, track)
        return grid.samples_at(region.start_tick, song.rate_hz), play(region, grid, song.rate_hz)
    source = read_source(region.source)
    if source.channels > MOST_CHANNELS:
        raise InputError(
            "render.too_many_channels",
            f"A stem with {source.channels} channels cannot be mixed yet",
            hint="Export it as mono or stereo.",
            where=track.name,
        )
    return region.start_samples, faded(resample(source, song.rate_hz), region)


def _grid(song: Song, track: Track) -> TempoMap:
    if song.grid is None:
        raise InputError("render.no_grid", "Notes cannot be played before the tempo is known", where=track.name)
    return song.grid


def faded(source: Audio, region: AudioRegion) -> Audio:
    """The region's stretch of a source at the song's rate, with its gain and straight fades."""
    whole = region.offset_samples == 0 and region.length_samples == source.length_samples
    if whole and region.gain_db == 0 and not region.fade_in_samples and not region.fade_out_samples:
        return source
    stretch = source.span(region.offset_samples, region.offset_samples + region.length_samples)
    envelope = np.full(stretch.length_samples, db_to_gain(region.gain_db), dtype=np.float32)
    if region.fade_in_samples:
        envelope[: region.fade_in_samples] *= np.linspace(0, 1, region.fade_in_samples, dtype=np.float32)
    if region.fade_out_samples:
        envelope[-region.fade_out_samples :] *= np.linspace(1, 0, region.fade_out_samples, dtype=np.float32)
    return Audio.of(stretch.samples * envelope, stretch.rate_hz)
