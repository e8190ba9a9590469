"""The use cases with the engines that come with the product, on real stems and on stems as they should not be."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tapehand.app.beat import make_beat, understand
from tapehand.app.decide import decide
from tapehand.app.master import master_file, refusal_record
from tapehand.app.mix import mix_folder
from tapehand.app.propose import propose
from tapehand.app.songs import create_from_folder
from tapehand.app.studio import EngineDoor, Studio
from tapehand.app.undo import undo
from tapehand.audio import Audio, io
from tapehand.engines.composing.engine import ComposingEngine
from tapehand.engines.mastering.engine import MasteringEngine
from tapehand.engines.mixing.engine import MixingEngine
from tapehand.errors import InputError, OutputError, Refused
from tapehand.interchange.folder import list_session, read_stem
from tapehand.interchange.midi import write_midi
from tapehand.meters.summary import measure
from tapehand.ports.engine import Engine
from tapehand.song.brief import Brief
from tapehand.store.health import examine, repair
from tapehand.store.render_cache import DiskRenderCache
from tapehand.store.song_folder import SongFolder, create_song_folder
from tapehand.work import Work

RATE_HZ = 44_100
ENGINES: dict[str, Callable[[], Engine]] = {
    "mixing": MixingEngine,
    "mastering": MasteringEngine,
    "composing": ComposingEngine,
}


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    doors = {
        name: EngineDoor(name=name, reference="", distribution="tapehand", version="1", is_built_in=True, load=load)
        for name, load in ENGINES.items()
    }
    return Studio(
        create_song=create_song_folder,
        open_song=SongFolder,
        list_stems=list_session,
        read_stem=read_stem,
        write_midi=write_midi,
        engines=doors,
        version="0",
        examine_song=examine,
        repair_song=repair,
        cache=DiskRenderCache(tmp_path / "cache", 1 << 30),
        threads=2,
    )


def noise(seed: int, seconds: float = 2.0, rate_hz: int = RATE_HZ, channels: int = 1, level: float = 0.1) -> Audio:
    values = np.random.default_rng(seed).normal(0.0, level, (channels, round(seconds * rate_hz)))
    return Audio.of(values, rate_hz)


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_a_real_session_is_imported_proposed_decided_and_undone(studio: Studio, material: Path, tmp_path: Path) -> None:
    folder = material / "multitrack" / "ev3-potassium"
    before = hashes(folder)
    with create_from_folder(studio, folder, tmp_path / "song.tapehand", by="Ann", work=Work()) as song:
        imported = song.state()
        assert imported.song is not None
        assert (len(imported.song.tracks), imported.song.rate_hz) == (10, 48_000)
        assert sorted(source.blob for source in imported.sources.values()) == sorted(before.values())
        filed = propose(studio, song, "mixing", Brief(), seed=0, work=Work())
        assert song.state().song == imported.song
        accepted = decide(song, filed.number, "accept", by="Ann", option="recommended")
        assert accepted.song != imported.song
        assert undo(song, by="Ann").song == imported.song
        assert list(song.media.reader.unsound(imported.sources.values())) == []  # type: ignore[attr-defined]
    assert hashes(folder) == before


def write_silence(folder: Path) -> None:
    for name in ("Kick", "Vox"):
        io.write(folder / f"{name}.wav", Audio.silence(2, RATE_HZ, RATE_HZ))


def write_nan(folder: Path) -> None:
    broken = noise(1).samples[0].copy()
    broken[500] = np.nan
    soundfile.write(folder / "Vox.wav", broken, RATE_HZ, subtype="FLOAT")
    io.write(folder / "Kick.wav", noise(2))


def write_text(folder: Path) -> None:
    (folder / "Vox.wav").write_text("la la la")


def write_nothing(folder: Path) -> None:
    assert folder.is_dir()


@pytest.mark.parametrize("write", [write_silence, write_nan, write_text, write_nothing])
def test_what_cannot_be_mixed_is_told_and_leaves_nothing(
    studio: Studio, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    (tmp_path / "stems").mkdir()
    write(tmp_path / "stems")
    before = hashes(tmp_path / "stems")
    with pytest.raises(InputError) as refusal:
        mix_folder(studio, tmp_path / "stems", tmp_path / "out", by="Ann", accept="recommended", work=Work())
    assert refusal.value.exit_code == 3
    assert "\n" not in refusal.value.sentence()
    assert hashes(tmp_path / "stems") == before
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["stems"]


def test_stems_of_all_sorts_make_one_mix(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "stems"
    folder.mkdir()
    io.write(folder / "Kick.wav", noise(1, rate_hz=8_000))
    io.write(folder / "Bass.wav", noise(2))
    io.write(folder / "Lead Vox.wav", noise(3, rate_hz=96_000, channels=2))
    io.write(folder / "Guitar.wav", noise(4))
    io.write(folder / "Pad.wav", noise(5, level=3.0), "FLOAT")
    io.write(folder / "Empty.wav", Audio.silence(1, RATE_HZ, RATE_HZ))
    cut = (folder / "Guitar.wav").read_bytes()
    (folder / "Guitar.wav").write_bytes(cut[: len(cut) // 2])
    before = hashes(folder)
    record = mix_folder(studio, folder, tmp_path / "out", by="Ann", accept="recommended", work=Work())
    found = {(finding["kind"], finding["track"]) for finding in record["findings"]}
    assert found >= {
        ("damaged_file", "Guitar"),
        ("unequal_length", "Guitar"),
        ("clipping", "Pad"),
        ("silent", "Empty"),
        ("resampled", "Kick"),
        ("resampled", "Lead Vox"),
    }
    assert [track["name"] for track in record["tracks"] if track["skipped"]] == ["Empty"]
    mix = io.read(Path(record["mix"]))
    assert (mix.rate_hz, mix.channels) == (RATE_HZ, 2)
    assert 0.0 < float(np.abs(mix.samples).max()) < 1.0
    assert hashes(folder) == before


def test_a_file_is_mastered_and_measured_again(studio: Studio, tmp_path: Path) -> None:
    io.write(tmp_path / "mix.wav", noise(7, seconds=6.0, channels=2))
    before = (tmp_path / "mix.wav").read_bytes()
    record = master_file(studio, tmp_path / "mix.wav", tmp_path / "master.wav", wishes={"lufs": -14.0}, work=Work())
    meter = measure(io.read(tmp_path / "master.wav"))
    assert meter.integrated_lufs == pytest.approx(-14.0, abs=0.05)
    assert meter.true_peak_dbtp <= -1.0
    assert record["integrated_lufs"] == pytest.approx(meter.integrated_lufs)
    assert (record["target_lufs"], record["ceiling_dbtp"]) == (-14.0, -1.0)
    assert all(stage["why"] and stage["delta_lu"] is not None for stage in record["stages"])
    assert (tmp_path / "mix.wav").read_bytes() == before
    with pytest.raises(OutputError):
        master_file(studio, tmp_path / "mix.wav", tmp_path / "master.wav", work=Work())


def test_mono_stays_mono(studio: Studio, tmp_path: Path) -> None:
    io.write(tmp_path / "mix.wav", noise(8, seconds=4.0))
    master_file(studio, tmp_path / "mix.wav", tmp_path / "master.flac", work=Work())
    assert io.read(tmp_path / "master.flac").channels == 1


def test_a_harmful_loudness_is_refused_with_its_cost(studio: Studio, tmp_path: Path) -> None:
    pulses = np.zeros((2, 6 * RATE_HZ))
    pulses[:, :: RATE_HZ // 2] = 0.9
    io.write(tmp_path / "mix.wav", Audio.of(pulses + noise(9, 6.0, channels=2, level=0.003).samples, RATE_HZ))
    with pytest.raises(Refused) as refusal:
        master_file(studio, tmp_path / "mix.wav", tmp_path / "master.wav", wishes={"lufs": -6.0}, work=Work())
    record = refusal_record(refusal.value)
    assert record["schema"] == "Master.1"
    assert record["refused"]["reason"]
    assert record["refused"].keys() >= {"loudest_safe_lufs", "cost"}
    assert not (tmp_path / "master.wav").exists()


def test_a_sentence_becomes_a_song_and_the_same_one_twice(studio: Studio, tmp_path: Path) -> None:
    prompt = "boom bap, 92 bpm, F minor, 16 seconds, no lead"
    first, second = (make_beat(studio, prompt, tmp_path / name, by="Ann", seed=3, work=Work()) for name in "ab")
    for name in ("mix.wav", "master.wav", "song.mid", "brief.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert hashes(tmp_path / "a" / "stems") == hashes(tmp_path / "b" / "stems")
    assert [stem["part"] for stem in first["stems"]] == [stem["part"] for stem in second["stems"]]
    mix = io.read(Path(first["mix"]))
    stems = [io.read(Path(stem["path"])) for stem in first["stems"]]
    assert {stem.length_samples for stem in stems} == {mix.length_samples}
    residual = sum(stem.stereo().samples.astype(np.float64) for stem in stems) - mix.samples
    assert np.abs(residual).max() < 1e-5  # -100 dBFS
    with SongFolder(Path(first["song"])) as song:
        assert [filed.decided_by for filed in song.state().proposals] == ["Ann", "Ann"]


def test_takes_are_heard_side_by_side_and_a_draft_is_only_a_mix(studio: Studio, tmp_path: Path) -> None:
    record = make_beat(studio, "house, 124 bpm, 8 seconds", tmp_path / "a", by="Ann", takes=2, draft=True, work=Work())
    assert len(record["options"]) == 2
    assert all(Path(option["path"]).is_file() for option in record["options"])
    assert (record["master"], record["stems"]) == (None, [])
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "brief.json",
        "mix.wav",
        "options",
        "song.mid",
        "song.tapehand",
    ]


def test_understanding_makes_no_sound(studio: Studio) -> None:
    told = understand(studio, "trap, 140 bpm, C# minor", work=Work())
    assert told["brief"]["tempo_bpm"] == {"value": 140, "origin": "said", "confidence": 1.0}
    assert told["sections"]
