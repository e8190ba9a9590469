"""A folder as it comes from other people."""

import os

import numpy as np
import pytest

from tapehand.audio import Audio, io
from tapehand.errors import InputError
from tapehand.interchange.folder import is_mix_name, list_session, natural_order, read_stem
from tapehand.work import Work


def put(path, channels=2, rate_hz=44_100, length=4_410, seed=1, subtype="PCM_24"):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, length))
    io.write(path, Audio.of(samples, rate_hz), subtype)
    return path


def names(session):
    return [stem.name for stem in session.stems]


def test_stems_in_natural_order_with_sub_folders(tmp_path):
    for name in ("Audio 10.wav", "Audio 2.wav", "audio 1.flac", "Vox/lead.wav", "Vox/ad libs/x.wav"):
        put(tmp_path / name)
    session = list_session(tmp_path)
    assert names(session) == ["audio 1", "Audio 2", "Audio 10", "x", "lead"]
    assert session.skipped == ()
    assert session.rate_hz == 44_100


def test_what_tapehand_made_beside_the_stems_is_no_stem(tmp_path):
    for name in ("kick.wav", "song.tapehand/audio/0a1b.wav", "options/As it came in.wav", "options/Punch.wav"):
        put(tmp_path / name)
    put(tmp_path / "Drums" / "options" / "room.wav")
    session = list_session(tmp_path)
    assert names(session) == ["room", "kick"]
    assert {each.path.name: each.code for each in session.skipped} == {
        "song.tapehand": "session.song",
        "options": "session.song",
    }


def test_what_is_left_out_is_listed_with_its_reason(tmp_path):
    put(tmp_path / "kick.wav")
    put(tmp_path / "surround.wav", channels=6)
    put(tmp_path / "._kick.wav")
    put(tmp_path / "__MACOSX" / "kick.wav")
    put(tmp_path / ".git" / "x.wav")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "fake.wav").write_text("hello")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    session = list_session(tmp_path)
    assert names(session) == ["kick"]
    assert {each.path.name: each.code for each in session.skipped} == {
        "surround.wav": "session.many_channels",
        "._kick.wav": "session.hidden",
        "__MACOSX": "session.hidden",
        ".git": "session.hidden",
        ".DS_Store": "session.hidden",
        "notes.txt": "session.not_audio",
        "fake.wav": "audio.not_audio",
        "empty.wav": "audio.empty_file",
        "gone.wav": "audio.missing",
        "loop": "audio.is_folder",
        "pipe.wav": "audio.special_file",
    }
    assert all(each.reason for each in session.skipped)


@pytest.mark.parametrize(("left", "right"), [("OH.L", "OH.R"), ("OH_L", "OH_R"), ("OH-left", "OH-Right")])
def test_split_stereo_is_joined(tmp_path, left, right):
    put(tmp_path / f"{left}.wav", channels=1, seed=1)
    put(tmp_path / f"{right}.wav", channels=1, seed=2)
    put(tmp_path / "kick.wav", channels=1)
    session = list_session(tmp_path)
    assert sorted(names(session)) == ["OH", "kick"]
    stem = next(stem for stem in session.stems if stem.name == "OH")
    audio = read_stem(stem).audio
    assert stem.channels == audio.channels == 2
    assert np.array_equal(audio.samples[0], io.read(tmp_path / f"{left}.wav").samples[0])
    assert np.array_equal(audio.samples[1], io.read(tmp_path / f"{right}.wav").samples[0])
    assert any("joined" in note for note in session.notes)


def test_what_only_looks_like_a_pair_stays_apart(tmp_path):
    put(tmp_path / "a_L.wav", channels=1)
    put(tmp_path / "a_R.wav", channels=2)
    put(tmp_path / "b_L.wav", channels=1)
    put(tmp_path / "c_L.wav", channels=1)
    put(tmp_path / "c_R.wav", channels=1, length=9_000)
    put(tmp_path / "GTR L.wav", channels=1)
    put(tmp_path / "GTR R.wav", channels=1)
    assert len(list_session(tmp_path).stems) == 7


def test_names_stay_unlike_each_other(tmp_path):
    put(tmp_path / "vox.wav")
    put(tmp_path / "vox.flac")
    put(tmp_path / "VOX.aif.wav")
    put(tmp_path / "takes" / "Vox.wav")
    session = list_session(tmp_path)
    assert len({name.casefold() for name in names(session)}) == 4
    assert "vox" in [name.casefold() for name in names(session)]
    assert "Vox (takes)" in names(session) or "vox (flac)" in names(session)
    assert len([note for note in session.notes if "is called" in note]) == 2


def test_a_rough_mix_is_kept_apart(tmp_path):
    for name in ("kick.wav", "Drum Mix.wav", "Song_RoughMix_v2.wav", "master.wav"):
        put(tmp_path / name)
    session = list_session(tmp_path)
    assert sorted(names(session)) == ["Drum Mix", "kick"]
    assert sorted(mix.name for mix in session.rough_mixes) == ["Song_RoughMix_v2", "master"]


def test_a_lone_mix_is_the_session(tmp_path):
    put(tmp_path / "mix.wav")
    assert names(list_session(tmp_path)) == ["mix"]


@pytest.mark.parametrize(
    "name", ["rough mix", "Song - Final Mix 24bit", "MASTER", "song master v3", "2mix", "Ref", "ROUGH_2"]
)
def test_names_of_mixes(name):
    assert is_mix_name(name)


@pytest.mark.parametrize(
    "name",
    ["Drum mix", "vox_lead", "Remix Vocal", "Mixed Choir", "Kick bounce", "BGV master", "sub mix", "Audio 01", ""],
)
def test_names_of_stems(name):
    assert not is_mix_name(name)


def test_rates(tmp_path):
    for number, rate_hz in enumerate((48_000, 48_000, 8_000, 96_000)):
        put(tmp_path / f"{number}.wav", rate_hz=rate_hz)
    session = list_session(tmp_path)
    assert session.rate_hz == 48_000
    assert [stem.name for stem in session.to_resample] == ["2", "3"]


def test_mono_beside_stereo_and_lossy_files_are_told(tmp_path, material):
    put(tmp_path / "a.wav", channels=1)
    put(tmp_path / "b.wav", channels=2)
    (tmp_path / "c.mp3").write_bytes((material / "multitrack/waveform-playlist-band/Guitar30.mp3").read_bytes())
    notes = " ".join(list_session(tmp_path).notes)
    assert "1 of 3 stems are mono" in notes
    assert "lossy files: c" in notes


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda folder: None, "session.empty"),
        (lambda folder: (folder / "notes.txt").write_text("x"), "session.no_audio"),
        (lambda folder: (folder / "fake.wav").write_text("x"), "session.no_audio"),
        (lambda folder: folder.rmdir(), "session.missing"),
        (lambda folder: (folder.rmdir(), folder.write_text("x")), "session.not_a_folder"),
    ],
)
def test_folders_that_are_no_session(tmp_path, prepare, code):
    folder = tmp_path / "my\nsession"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(InputError) as caught:
        list_session(folder)
    assert caught.value.code == code
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.sentence()


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    put(tmp_path / "kick.wav")

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError) as caught:
        list_session(tmp_path)
    assert caught.value.code == "session.no_permission"


def test_odd_names_come_through(tmp_path):
    odd = ["-rf.wav", "two\nlines.wav", "\x1b[31mred.wav", "grüße 🥁.wav", "\udcff.wav"]
    for name in odd:
        put(tmp_path / name)
    session = list_session(tmp_path, Work())
    assert sorted(stem.path.name for stem in session.stems) == sorted(odd)
    assert all(read_stem(stem).audio.length_samples == 4_410 for stem in session.stems)


def test_natural_order():
    assert sorted(["b10", "b9", "B1", "a", "10", "9", ""], key=natural_order) == ["", "9", "10", "a", "B1", "b9", "b10"]


def test_the_real_sessions(material):
    lithium = list_session(material / "multitrack" / "ev3-lithium")
    assert (len(lithium.stems), lithium.rate_hz, lithium.skipped, lithium.rough_mixes) == (17, 48_000, (), ())
    band = list_session(material / "multitrack" / "waveform-playlist-band")
    assert names(band) == ["BassDrums30", "Guitar30", "PianoSynth30", "Vocals30"]
