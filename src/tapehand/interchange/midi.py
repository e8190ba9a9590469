"""A song as a Standard MIDI File, type 1: tempo, metre, key and markers on the first track, a named track a part."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import mido

from tapehand.audio.atomic import AtomicFile
from tapehand.instruments.roster import instruments
from tapehand.music.key import Key
from tapehand.music.pitch import pitch_class_name
from tapehand.music.time import PPQ
from tapehand.song.region import NoteRegion
from tapehand.song.song import Song, Track

DRUM_CHANNEL: Final = 9
_MELODIC_CHANNELS: Final = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
_Timed = tuple[int, int, mido.messages.BaseMessage | mido.MetaMessage]


def midi_bytes(song: Song) -> bytes:
    """The file's bytes: every note region with its exact ticks at PPQ 960; audio regions are not in it.

    Tracks beyond fifteen melodic ones share channels in turn, each with its own port-free track, as the format allows.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=PPQ)
    file.tracks.append(_track(_conductor(song)))
    melodic = 0
    for track in song.tracks:
        regions = [region for region in track.regions if isinstance(region, NoteRegion)]
        if not regions:
            continue
        program = instruments()[regions[0].patch.instrument].gm_program if _known(regions[0]) else None
        drums = _is_drums(regions[0])
        channel = DRUM_CHANNEL if drums else _MELODIC_CHANNELS[melodic % len(_MELODIC_CHANNELS)]
        melodic += not drums
        file.tracks.append(_track(_part(track, regions, channel, None if drums else program)))
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def write_midi(song: Song, path: Path) -> None:
    """Write ``midi_bytes`` to a path, whole or not at all. Raises OutputError."""
    with AtomicFile(path) as target:
        target.file.write(midi_bytes(song))


def _conductor(song: Song) -> Iterator[_Timed]:
    yield 0, 0, mido.MetaMessage("track_name", name=_latin(song.name))
    if song.key is not None:
        yield 0, 0, mido.MetaMessage("key_signature", key=_signature(song.key))
    if song.grid is None:
        return
    for tempo in song.grid.tempos:
        yield tempo.at, 0, mido.MetaMessage("set_tempo", tempo=round(60_000_000 / tempo.bpm))
    for change in song.grid.metres:
        yield (
            change.at,
            0,
            mido.MetaMessage("time_signature", numerator=change.metre.beats, denominator=change.metre.unit),
        )
    bar_ticks = song.grid.metre_at(0).bar_ticks
    for section in song.sections:
        yield (section.start_bar - 1) * bar_ticks, 1, mido.MetaMessage("marker", text=_latin(section.name))


def _part(track: Track, regions: Iterable[NoteRegion], channel: int, program: int | None) -> Iterator[_Timed]:
    yield 0, 0, mido.MetaMessage("track_name", name=_latin(track.name))
    if program is not None:
        yield 0, 1, mido.Message("program_change", channel=channel, program=program)
    for region in regions:
        for note in region.notes:
            start = region.start_tick + note.start_tick
            end = start + max(note.length_ticks, 1)
            yield start, 3, mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
            yield end, 2, mido.Message("note_off", channel=channel, note=note.pitch, velocity=0)


def _track(events: Iterable[_Timed]) -> mido.MidiTrack:
    """Events in order of time, ends before beginnings, as a track of time differences."""
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: (event[0], event[1], getattr(event[2], "note", 0))):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=0))
    return track


def _signature(key: Key) -> str:
    """The key signature's name; modes other than major and minor take the signature of their notes as a minor key."""
    major = key.mode in ("major", "lydian", "mixolydian")
    if key.mode in ("major", "minor", "harmonic minor"):
        tonic = key.tonic
    else:
        tonic = key.relative_major if major else (key.relative_major + 9) % 12
    name = pitch_class_name(tonic, flats=key.uses_flats)
    return name if major else f"{name}m"


def _is_drums(region: NoteRegion) -> bool:
    return _known(region) and bool(instruments()[region.patch.instrument].drum_map)


def _known(region: NoteRegion) -> bool:
    return region.patch.instrument in instruments()


def _latin(text: str) -> str:
    """Text that a MIDI file can hold: Latin-1, other signs as question marks."""
    return text.encode("latin-1", "replace").decode("latin-1")
