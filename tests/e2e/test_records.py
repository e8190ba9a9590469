"""The whole way, as a user goes it: stems to mix to master, sentence to beat; checked by meters that are not ours."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tapehand.cli.frame import run
from tapehand.cli.main import tapehand

pyebur128 = pytest.importorskip("pyebur128").pyebur128

Told = dict[str, Any]
CLIPPED = {"Vocals30", "BassDrums30", "PianoSynth30"}
SILENT = {"ev3-potassium": {"bgvox_alt"}, "ev3-lithium": {"arp_dist"}, "waveform-playlist-band": set()}


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    def call_with(*arguments: object) -> Told:
        code = run(tapehand, [*(str(argument) for argument in arguments), "--json"])
        printed = capsys.readouterr()
        assert code == 0, printed.out + printed.err
        told: Told = json.loads(printed.out)
        return told

    return call_with


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sound(path: Path) -> NDArray[np.float64]:
    samples, _ = soundfile.read(path, always_2d=True)
    return np.asarray(samples)


def lufs(path: Path) -> float:
    """Integrated loudness by libebur128."""
    samples, rate_hz = soundfile.read(path, always_2d=True)
    state = pyebur128.R128State(samples.shape[1], rate_hz, pyebur128.MeasurementMode.MODE_I)
    state.add_frames(np.ascontiguousarray(samples.reshape(-1)), len(samples))
    return float(pyebur128.get_loudness_global(state))


def oversampled_peak_db(path: Path, times: int) -> float:
    """True peak by band-limited interpolation of the whole file: a zero-padded spectrum."""
    samples = sound(path)
    spectrum = np.fft.rfft(samples, axis=0)
    peak = 0.0
    for channel in spectrum.T:
        line = np.fft.irfft(channel, samples.shape[0] * times) * times
        peak = max(peak, float(np.abs(line).max()))
    return float(20 * np.log10(peak))


@pytest.mark.parametrize("session", ["ev3-potassium", "ev3-lithium", "waveform-playlist-band"])
def test_a_session_becomes_a_mix_and_masters(
    session: str, material: Path, tmp_path: Path, call: Callable[..., Told]
) -> None:
    folder = material / "multitrack" / session
    before = hashes(folder)
    told = call("mix", folder, "-o", tmp_path / "out", "--accept", "recommended")
    assert hashes(folder) == before
    assert {track["name"] for track in told["tracks"]} == {Path(name).stem for name in before}
    assert {track["name"] for track in told["tracks"] if track["skipped"]} == SILENT[session]
    clipped = {finding["track"] for finding in told["findings"] if finding["kind"] == "clipping"}
    assert clipped == CLIPPED & {track["name"] for track in told["tracks"]}
    assert all(track["role"] != "unknown" for track in told["tracks"])
    assert len(told["proposal"]["options"]) == 3
    options = [sound(Path(option["path"])) for option in told["proposal"]["options"]]
    assert float(np.abs(sound(Path(told["mix"]))).max()) < 1.0
    levels = [lufs(Path(option["path"])) for option in told["proposal"]["options"]]
    assert max(levels) - min(levels) <= 0.1
    for first, second in ((0, 1), (0, 2), (1, 2)):
        length = min(len(options[first]), len(options[second]))
        difference = options[first][:length] - options[second][:length]
        assert 20 * np.log10(np.std(difference) / np.std(options[first])) > -20
    for target in (-14.0, -9.0):
        path = tmp_path / f"master{target:g}.wav"
        mastered = call("master", told["mix"], "-o", path, "--lufs", target)
        assert lufs(path) == pytest.approx(target, abs=0.05)
        assert mastered["integrated_lufs"] == pytest.approx(target, abs=0.05)
        assert mastered["true_peak_dbtp"] <= -1.0
        assert oversampled_peak_db(path, 4) <= -0.99
        total = sum(stage["delta_lu"] for stage in mastered["stages"])
        assert total == pytest.approx(lufs(path) - lufs(Path(told["mix"])), abs=0.05)


def test_stems_of_other_lengths_are_told(material: Path, tmp_path: Path, call: Callable[..., Told]) -> None:
    folder = tmp_path / "stems"
    shutil.copytree(material / "multitrack" / "ev3-potassium", folder, copy_function=shutil.copyfile)
    samples, rate_hz = soundfile.read(folder / "snare.flac", always_2d=True)
    soundfile.write(folder / "snare.flac", samples[: 20 * rate_hz], rate_hz, subtype="PCM_16")
    told = call("check", folder)
    lengths = [finding for finding in told["findings"] if "length" in finding["kind"]]
    assert {finding["track"] for finding in lengths} == {"snare"}


@pytest.fixture(scope="module")
def beat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("beat") / "made"
    arguments = ["beat", "dusty boom bap, 88 bpm, F minor, 30 seconds", "-o", str(out), "--seed", "7"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        assert run(tapehand, arguments) == 0
    return out


def test_a_sentence_and_a_seed_give_the_same_bytes(
    beat: Path, tmp_path: Path, call: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty cache"))
    again = tmp_path / "again"
    told = call("beat", "dusty boom bap, 88 bpm, F minor, 30 seconds", "-o", again, "--seed", 7)
    sounds = {name: value for name, value in hashes(beat).items() if not name.startswith("song.tapehand")}
    assert len(sounds) == len(told["stems"]) + 4
    assert sounds == {name: value for name, value in hashes(again).items() if not name.startswith("song.tapehand")}


def test_another_seed_is_another_beat(beat: Path, tmp_path: Path, call: Callable[..., Told]) -> None:
    call("beat", "dusty boom bap, 88 bpm, F minor, 30 seconds", "-o", tmp_path / "other", "--seed", 8, "--draft")
    assert (tmp_path / "other" / "song.mid").read_bytes() != (beat / "song.mid").read_bytes()


def test_stems_sum_to_the_mix(beat: Path) -> None:
    mix = sound(beat / "mix.wav")
    stems = [sound(path) for path in sorted((beat / "stems").glob("*.wav"))]
    assert {len(stem) for stem in stems} == {len(mix)}
    residual = np.abs(sum(stems) - mix).max()
    assert 20 * np.log10(residual) <= -100


def test_midi_says_tempo_key_and_form(beat: Path) -> None:
    midi = mido.MidiFile(beat / "song.mid")
    messages = [message for track in midi.tracks for message in track]
    tempos = [message.tempo for message in messages if message.type == "set_tempo"]
    assert [mido.tempo2bpm(tempo) for tempo in tempos] == [pytest.approx(88, abs=1e-3)]
    assert [message.key for message in messages if message.type == "key_signature"] == ["Fm"]
    assert len([message for message in messages if message.type == "marker"]) >= 2
    assert midi.ticks_per_beat == 960
    brief = json.loads((beat / "brief.json").read_text())["brief"]
    assert (brief["tempo_bpm"]["value"], brief["tempo_bpm"]["origin"]) == (88, "said")


@pytest.mark.parametrize("genre", ["house, 124 bpm", "trap, 140 bpm"])
def test_the_other_genres_are_sound_too(genre: str, tmp_path: Path, call: Callable[..., Told]) -> None:
    told = call("beat", f"{genre}, 24 seconds", "-o", tmp_path / "out", "--seed", 3)
    assert lufs(tmp_path / "out" / "master.wav") == pytest.approx(-14, abs=0.05)
    mix = sound(tmp_path / "out" / "mix.wav")
    assert -12 < 20 * np.log10(np.abs(mix).max()) < 0
    assert len(told["stems"]) >= 6
    for stem in told["stems"]:
        assert np.isfinite(sound(Path(stem["path"]))).all()


def test_a_songs_life(beat: Path, tmp_path: Path, call: Callable[..., Told]) -> None:
    song = tmp_path / "Night.tapehand"
    call("new", tmp_path / "Night", "--from", beat / "stems")
    proposed = call("propose", "mix", "--song", song)
    heard = call("hear", 1, "-o", tmp_path / "hear", "--start", 4, "--end", 9, "--song", song)
    levels = [lufs(Path(option["path"])) for option in heard["options"]]
    assert max(levels) - min(levels) <= 0.1
    assert len(call("inbox", "--song", song)["proposals"]) == 1
    call("decide", 1, "--option", proposed["options"][0]["id"], "--by", "Ada", "--song", song)
    assert not call("inbox", "--song", song)["proposals"]
    call("undo", "--by", "Ada", "--song", song)
    events = call("log", "--song", song)["events"]
    assert [event["actor"] for event in events[-2:]] == ["Ada", "Ada"]
    assert call("inbox", "--song", song)["proposals"], "an undone decision is open again"


def test_too_loud_is_refused_with_its_cost(beat: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "crushed.wav"
    code = run(tapehand, ["master", str(beat / "mix.wav"), "-o", str(out), "--lufs", "-5", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 4
    assert not out.exists()
    assert -14 < told["refused"]["loudest_safe_lufs"] < -5
    assert told["refused"]["cost"]


def test_the_demo_tells_the_whole_story(tmp_path: Path, call: Callable[..., Told]) -> None:
    told = call("demo", "-o", tmp_path / "demo", "--prompt", "house, 126 bpm, 24 seconds", "--seed", 2)
    assert told["integrated_lufs"] == pytest.approx(-14, abs=0.05)
    page = (tmp_path / "demo" / "report.html").read_text()
    for words in (
        "Piano roll",
        "Balance before and after",
        "Loudness",
        "Spectrum",
        "Who decided what",
        "accepted option",
    ):
        assert words in page
    for path in ("1-beat/mix.wav", "2-thrown-together.wav", "master.wav"):
        assert f'src="{path}"' in page
        assert (tmp_path / "demo" / path).exists()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
