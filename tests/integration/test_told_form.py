"""A person, then the DAW, then names, then the ear: who says where sections are, and by which bars they are counted."""

import struct
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest

from tapehand.app.beat import make_beat
from tapehand.app.by_hand import edit, song_now, tempo_wish
from tapehand.app.corrections import say_sections, say_tempo
from tapehand.app.listen import listen_to_path, listen_to_song
from tapehand.app.songs import create_from_folder
from tapehand.app.studio import Studio
from tapehand.audio import Audio, io
from tapehand.audio.tags import Marker, Tags
from tapehand.audio.wav_tags import tag_chunks
from tapehand.bootstrap import make_studio
from tapehand.music.time import Metre
from tapehand.work import Work

RATE_HZ = 22_050
BPM = 96.0
BAR_S = 4 * 60.0 / BPM
PLAN = (("a", 4), ("b", 8), ("a", 8), ("b", 8), ("c", 4))
Write = Callable[[str, str, float], Path]


@pytest.fixture
def studio() -> Studio:
    return make_studio(1)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """Three parts that play in letters of ``PLAN``; no name says anything."""
    folder = tmp_path / "stems"
    folder.mkdir()
    for name, letters, pitch_hz in (("One", "abc", 80.0), ("Two", "b", 660.0), ("Three", "ab", 330.0)):
        write(folder / f"{name}.wav", letters, pitch_hz)
    return folder


def write(path: Path, letters: str, pitch_hz: float) -> None:
    plays = np.repeat([letter in letters for letter, _ in PLAN], [round(bars * BAR_S * RATE_HZ) for _, bars in PLAN])
    at_s = np.arange(plays.size) / RATE_HZ
    pulse = np.exp(-5.0 * (at_s % (BAR_S / 4)))
    noise = 0.0005 * np.random.default_rng(round(pitch_hz)).standard_normal(at_s.size)
    io.write(
        path, Audio.of((plays * (0.3 * pulse * np.sin(2 * np.pi * pitch_hz * at_s) + noise))[None], RATE_HZ), "PCM_16"
    )


def mark(path: Path, marks: list[tuple[str, float]]) -> None:
    """Cue points with labels behind the sound, as editors write them."""
    tags = Tags(markers=tuple(Marker(position_samples=round(at_s * RATE_HZ), name=name) for name, at_s in marks))
    body = path.read_bytes()[8:] + tag_chunks(tags)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def write_map(path: Path, bpm: float = BPM, markers: tuple[tuple[str, int], ...] = ()) -> None:
    file, track, now = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack(), 0
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))
    track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    for name, bar in markers:
        tick = (bar - 1) * 4 * 480
        track.append(mido.MetaMessage("marker", text=name, time=tick - now))
        now = tick
    file.tracks.append(track)
    file.save(path)


MARKERS = (("Intro", 1), ("Chorus", 5), ("Vers", 13), ("Chorus", 21), ("Out", 29), ("Outro", 29))


def told(studio: Studio, path: Path) -> list[tuple[str, str, int, int, str]]:
    heard = listen_to_path(studio, path, Work()).heard
    return [(each.name, each.kind, each.start_bar, each.bars, each.told_by) for each in heard.sections]


def test_a_map_beside_the_stems_counts_the_bars(studio: Studio, stems: Path) -> None:
    write_map(stems / "song.mid")
    heard = listen_to_path(studio, stems, Work()).heard
    assert heard.has_bars
    assert heard.bars_s[:3] == pytest.approx((0.0, BAR_S, 2 * BAR_S), abs=1e-6)
    tempo = [fact for fact in heard.facts if fact.name == "tempo_bpm"]
    assert [(fact.value, fact.confidence, fact.method) for fact in tempo] == [(BPM, 1.0, "tempo map of song.mid")]


def test_markers_of_the_map_name_the_sections(studio: Studio, stems: Path) -> None:
    write_map(stems / "song.mid", markers=MARKERS)
    assert told(studio, stems) == [
        ("Intro", "intro", 1, 4, "markers"),
        ("Chorus 1", "hook", 5, 8, "markers"),
        ("Vers", "verse", 13, 8, "markers"),
        ("Chorus 2", "hook", 21, 8, "markers"),
        ("Outro", "outro", 29, 4, "markers"),
    ]


def test_markers_in_a_wave_file_name_them_too(studio: Studio, stems: Path) -> None:
    write_map(stems / "song.mid")
    mark(stems / "One.wav", [("Strophe 1", 4 * BAR_S), ("fix this later please", 7 * BAR_S), ("Refrain", 12 * BAR_S)])
    sections = told(studio, stems)
    assert ("Strophe 1", "verse", 5, 8, "markers") in sections
    assert ("Refrain", "hook", 13, 20, "markers") in sections
    assert (sections[0][2:4], sections[0][4]) == ((1, 4), "sound")


def test_names_say_what_plays_where(studio: Studio, stems: Path) -> None:
    write_map(stems / "song.mid")
    (stems / "Two.wav").rename(stems / "Verse Gtr.wav")
    heard = listen_to_path(studio, stems, Work()).heard
    named = [each for each in heard.sections if each.told_by == "names"]
    assert [(each.kind, each.start_bar, each.bars) for each in named] == [("verse", 5, 8), ("verse", 21, 8)]
    assert all('"Verse Gtr" plays here' in each.why for each in named)


def test_a_name_that_plays_all_the_time_says_nothing(studio: Studio, stems: Path) -> None:
    write_map(stems / "song.mid")
    (stems / "One.wav").rename(stems / "Gtr Chorus.wav")
    assert {told_by for *_, told_by in told(studio, stems)} == {"sound"}


def test_a_person_outranks_the_markers(studio: Studio, stems: Path, tmp_path: Path) -> None:
    write_map(stems / "song.mid", markers=MARKERS)
    with create_from_folder(studio, stems, tmp_path / "a.tapehand", by="Ann", work=Work()) as store:
        assert [each.name for each in listen_to_song(studio, store, Work()).heard.sections][2] == "Vers"
        say_sections(store, [("Bridge", 13, 20)], by="Ann")
        sections = listen_to_song(studio, store, Work()).heard.sections
        assert [(each.name, each.start_bar) for each in sections if each.kind == "bridge"] == [("Bridge", 13)]
        say_tempo(store, 48.0, Metre(), by="Ann")
        heard = listen_to_song(studio, store, Work()).heard
        assert heard.bars_s[1] == pytest.approx(2 * BAR_S)


def test_maps_that_contradict_each_other_leave_the_ear(studio: Studio, stems: Path) -> None:
    for number, bpm in enumerate((96.0, 130.0)):
        write_map(stems / f"loop {number}.mid", bpm)
    heard = listen_to_path(studio, stems, Work()).heard
    assert all("tempo map" not in fact.method for fact in heard.facts)


def test_saying_the_tempo_of_a_beat_and_arranging_it_are_the_same(studio: Studio, tmp_path: Path) -> None:
    grids = []
    for name in ("said", "arranged"):
        make_beat(studio, "boom bap 88 bpm, 20 seconds", tmp_path / name, by="Ann", seed=3, draft=True, work=Work())
        with studio.open_song(tmp_path / name / "song.tapehand") as store:
            if name == "said":
                say_tempo(store, 92.0, by="Ann")
            else:
                edit(store, tempo_wish(song_now(store), 92.0), by="Ann")
            song = song_now(store)
            grids.append((song.grid, song.sections, [track.regions for track in song.tracks]))
    assert grids[0] == grids[1]
    assert grids[0][0] is not None
    assert grids[0][0].tempos[0].bpm == 92.0
