"""The sound check: a few bars of the fullest section are played, and every level is set by what is heard.

First each part's trim, so that it reaches its inserts at one working level; then its fader, by its loudness after the
inserts; then the returns against the mix; last, all faders together, so that the mix peaks where it should.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.engines.composing.desk import TRIM, WORKING_LEVEL_DB
from tapehand.engines.composing.plan import Plan
from tapehand.meters.loudness import integrated_lufs
from tapehand.music.notes import Note
from tapehand.render.renderer import Renderer
from tapehand.song.mixer import Bus, Insert, Strip
from tapehand.song.processors import Gain
from tapehand.song.region import NoteRegion
from tapehand.song.song import Song, Track
from tapehand.units import gain_to_db
from tapehand.work import Work

#: The peak (dBFS) of the checked bars; elsewhere the song comes up to about 2.5 dB above it.
PEAK_DBFS: Final = -5.6
CHECKED_BARS: Final = 4
_SILENT_LUFS: Final = -90.0
_MOST_TRIM_DB: Final = 40.0


def checked(song: Song, plan: Plan, levels: dict[str, float], wet_lu: dict[str, float], work: Work) -> Song:
    """``song`` with trims, faders and returns set.

    Parameters
    ----------
    song : as composed; tracks of the plan carry an insert named ``trim`` first.
    levels : wished loudness (LUFS) of each new track while it plays, against the others; other tracks stay as they are.
    wet_lu : wished loudness of each new return against the dry mix, in LU.
    """
    sample = _sample(song, plan, levels)
    for track in sample.tracks:
        work.check_cancelled()
        heard = _lufs(_renderer(sample, work).played(track.id))
        trim = 0.0 if heard is None else min(max(WORKING_LEVEL_DB - heard, -_MOST_TRIM_DB), _MOST_TRIM_DB)
        sample = sample.with_strip(track.id, _trimmed(track.strip, round(trim, 1)))
    for track in sample.tracks:
        work.check_cancelled()
        heard = _lufs(_renderer(sample, work).pre_fader(track.id))
        fader = levels[track.id] - (WORKING_LEVEL_DB if heard is None else heard)
        sample = sample.with_strip(track.id, replace(sample.strip(track.id), fader_db=round(fader, 1)))
    sample = _with_returns(sample, wet_lu, work)
    peak_db = gain_to_db(float(np.abs(_renderer(sample, work).mix().samples).max()))
    shift = 0.0 if math.isinf(peak_db) else round(PEAK_DBFS - peak_db, 1)
    for track in sample.tracks:
        strip = sample.strip(track.id)
        song = song.with_strip(track.id, replace(strip, fader_db=round(strip.fader_db + shift, 1)))
    for bus in sample.buses:
        song = song.with_strip(bus.id, sample.strip(bus.id))
    return song


def _renderer(song: Song, work: Work) -> Renderer:
    return Renderer(song=song, work=Work(cancelled=work.cancelled))


def _sample(song: Song, plan: Plan, levels: dict[str, float]) -> Song:
    """A few bars of the song's new tracks, each taken from the fullest section it plays in, all moved to the start."""
    by_energy = sorted(plan.sections, key=lambda section: (-section.form.energy, section.start_tick))
    length = min(CHECKED_BARS, plan.bars) * plan.metre.bar_ticks
    tracks = []
    for track in song.tracks:
        if track.id in levels:
            tracks.append(replace(track, regions=_excerpt(track, [s.start_tick for s in by_energy], length)))
    buses = tuple(
        bus for bus in song.buses if any(bus.id == send.bus for track in tracks for send in track.strip.sends)
    )
    return replace(song, tracks=tuple(tracks), buses=buses, sections=())


def _excerpt(track: Track, starts: list[int], length_ticks: int) -> tuple[NoteRegion, ...]:
    """The first bars of the regions at the first of ``starts`` where the track plays; of many sounds, one of each."""
    regions = [region for region in track.regions if isinstance(region, NoteRegion)]
    sounds = {region.patch: region for region in regions}
    if len(sounds) > 1:
        return tuple(_cut(replace(region, notes=_from_zero(region)), length_ticks) for region in sounds.values())
    for start in starts:
        cut = [_cut(region, length_ticks) for region in regions if region.start_tick == start]
        found = tuple(region for region in cut if region.notes)
        if found:
            return found
    return tuple(_cut(replace(region, notes=_from_zero(region)), length_ticks) for region in regions[:1])


def _from_zero(region: NoteRegion) -> tuple[Note, ...]:
    first = min(note.start_tick for note in region.notes)
    return tuple(replace(note, start_tick=note.start_tick - first) for note in region.notes)


def _cut(region: NoteRegion, length_ticks: int) -> NoteRegion:
    length = min(length_ticks, region.length_ticks)
    notes = tuple(note for note in region.notes if note.start_tick < length)
    return replace(region, start_tick=0, length_ticks=length, notes=notes)


def _with_returns(sample: Song, wet_lu: dict[str, float], work: Work) -> Song:
    """The sample with each return's fader solved for its loudness against everything dry."""
    heard: dict[str, Audio] = {}
    mix = _renderer(sample, work).mix(lambda identity, _name, audio: heard.__setitem__(identity, audio))
    level = _lufs(mix)
    for bus in sample.buses:
        wet = _lufs(heard[bus.id]) if bus.id in heard else None
        if level is not None and wet is not None:
            sample = sample.with_strip(bus.id, _turned(bus, level + wet_lu[bus.id] - wet))
    return sample


def _turned(bus: Bus, change_db: float) -> Strip:
    return replace(bus.strip, fader_db=round(min(max(bus.strip.fader_db + change_db, -30.0), 18.0), 1))


def _trimmed(strip: Strip, trim_db: float) -> Strip:
    inserts = tuple(
        Insert(name=TRIM, processor=Gain(gain_db=trim_db)) if insert.name == TRIM else insert
        for insert in strip.inserts
    )
    return replace(strip, inserts=inserts)


def _lufs(audio: Audio) -> float | None:
    """Loudness of what sounds, None for silence."""
    loudness = integrated_lufs(audio)
    return loudness if loudness > _SILENT_LUFS else None
