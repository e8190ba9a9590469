"""Songs as MIDI files, read back by another reader."""

import io
from pathlib import Path

import mido
import pytest

from tapehand.interchange.midi import midi_bytes, write_midi
from tapehand.music.form import Section
from tapehand.music.key import Key
from tapehand.music.notes import Note
from tapehand.music.time import Metre, TempoMap
from tapehand.song.region import NoteRegion, Patch
from tapehand.song.song import Song, Track


def _song(bpm: float = 88.0, metre: Metre = Metre(), key: Key | None = Key(tonic=5, mode="minor")) -> Song:  # noqa: B008
    bar = metre.bar_ticks
    keys = (
        Note(start_tick=7, length_ticks=473, pitch=60, velocity=81),
        Note(start_tick=480, length_ticks=480, pitch=60, velocity=99),
    )
    return Song(
        name="Dusty – beat",
        rate_hz=44_100,
        grid=TempoMap.steady(bpm, metre),
        key=key,
        sections=(
            Section(name="Intro", kind="intro", start_bar=1, bars=2),
            Section(name="Hook", kind="hook", start_bar=3, bars=2),
        ),
        tracks=(
            Track(
                id="kick",
                name="Kick",
                regions=(
                    NoteRegion(
                        start_tick=0,
                        length_ticks=bar,
                        notes=(Note(start_tick=0, length_ticks=120, pitch=36, velocity=110),),
                        patch=Patch(instrument="drums.boombap"),
                    ),
                ),
            ),
            Track(
                id="keys",
                name="Electric piano",
                regions=(
                    NoteRegion(
                        start_tick=2 * bar, length_ticks=bar, notes=keys, patch=Patch(instrument="keys.electric_piano")
                    ),
                ),
            ),
            Track(id="voice", name="Vocal"),
        ),
    )


def _read(song: Song) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(midi_bytes(song)))


def _notes(track: mido.MidiTrack) -> list[tuple[int, int, int, int]]:
    """Start, length, pitch, velocity of every note."""
    now, open_notes, notes = 0, {}, []
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            open_notes[message.note] = (now, message.velocity)
        elif message.type in ("note_off", "note_on"):
            start, velocity = open_notes.pop(message.note)
            notes.append((start, now - start, message.note, velocity))
    assert not open_notes
    return sorted(notes)


def test_the_conductor_track_tells_tempo_metre_key_and_sections() -> None:
    file = _read(_song())
    assert (file.type, file.ticks_per_beat) == (1, 960)
    first = {message.type: message for message in file.tracks[0]}
    assert abs(mido.tempo2bpm(first["set_tempo"].tempo) - 88.0) < 1e-3
    assert (first["time_signature"].numerator, first["time_signature"].denominator) == (4, 4)
    assert first["key_signature"].key == "Fm"
    now, markers = 0, []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "marker":
            markers.append((message.text, now))
    assert markers == [("Intro", 0), ("Hook", 2 * 3840)]


def test_every_note_stands_on_its_tick() -> None:
    file = _read(_song())
    assert [track.name for track in file.tracks[1:]] == ["Kick", "Electric piano"]
    assert _notes(file.tracks[1]) == [(0, 120, 36, 110)]
    assert _notes(file.tracks[2]) == [(7687, 473, 60, 81), (8160, 480, 60, 99)]


def test_drums_are_on_channel_ten_and_others_name_their_program() -> None:
    file = _read(_song())
    assert {m.channel for m in file.tracks[1] if not m.is_meta} == {9}
    programs = [m for m in file.tracks[2] if m.type == "program_change"]
    assert [(m.program, m.channel != 9) for m in programs] == [(4, True)]


@pytest.mark.parametrize(
    "mode", ["major", "minor", "harmonic minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"]
)
@pytest.mark.parametrize("tonic", range(12))
def test_every_key_has_a_signature_of_its_notes(tonic: int, mode: str) -> None:
    key = Key(tonic=tonic, mode=mode)
    signature = next(m.key for m in _read(_song(key=key)).tracks[0] if m.type == "key_signature")
    read = Key.named(signature.rstrip("m"), "minor" if signature.endswith("m") else "major")
    natural = Key(tonic=tonic, mode="minor") if mode == "harmonic minor" else key
    assert set(read.pitch_classes) == set(natural.pitch_classes)
    if mode in ("major", "minor"):
        assert (read.tonic, read.mode) == (tonic, mode)


def test_six_eight_and_odd_tempos_survive() -> None:
    file = _read(_song(bpm=92.5, metre=Metre(beats=6, unit=8)))
    first = {message.type: message for message in file.tracks[0]}
    assert (first["time_signature"].numerator, first["time_signature"].denominator) == (6, 8)
    assert abs(mido.tempo2bpm(first["set_tempo"].tempo) - 92.5) < 1e-3


def test_the_same_song_gives_the_same_bytes(tmp_path: Path) -> None:
    write_midi(_song(), tmp_path / "song.mid")
    assert (tmp_path / "song.mid").read_bytes() == midi_bytes(_song())


def test_a_song_without_tempo_key_or_notes_is_a_valid_file() -> None:
    file = _read(Song(name="", rate_hz=44_100))
    assert len(file.tracks) == 1


def test_many_melodic_tracks_never_land_on_the_drum_channel() -> None:
    base = _song()
    many = tuple(Track(id=f"k{i}", name=f"Keys {i}", regions=base.tracks[1].regions) for i in range(20))
    file = _read(Song(name="many", rate_hz=44_100, grid=base.grid, tracks=many))
    assert all(m.channel != 9 for track in file.tracks[1:] for m in track if not m.is_meta)
