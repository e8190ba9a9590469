"""Everything that may lie about itself: one sentence, a stable code, no hang, no silent loss."""

import os
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tapehand.audio import Audio, external, io
from tapehand.errors import InputError, InternalError, OutputError


@pytest.fixture
def noise() -> Audio:
    return Audio.of(np.random.default_rng(1).uniform(-0.5, 0.5, (2, 44_100)), 44_100)


def code_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        io.decode(path)
    sentence = caught.value.sentence()
    assert path.name in sentence or not path.name.isprintable()
    assert "\n" not in sentence
    assert caught.value.hint
    return caught.value.code


def test_text_named_wav(tmp_path):
    (tmp_path / "notes.wav").write_text("take 3 is the one\n" * 50)
    assert code_of(tmp_path / "notes.wav") == "audio.not_audio"


def test_random_bytes_under_every_name(tmp_path):
    for suffix in ("wav", "flac", "mp3", "ogg", "aiff", "m4a", "raw", "vox", "gsm", "txt"):
        path = tmp_path / f"noise.{suffix}"
        path.write_bytes(b"\x01" + np.random.default_rng(5).bytes(30_000))
        assert code_of(path) == "audio.not_audio"


def test_empty_missing_folder_link_and_pipe(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    assert code_of(tmp_path / "empty.wav") == "audio.empty_file"
    assert code_of(tmp_path / "folder.wav") == "audio.is_folder"
    assert code_of(tmp_path / "link.wav") == "audio.missing"
    assert code_of(tmp_path / "none.wav") == "audio.missing"
    assert code_of(tmp_path / "pipe.wav") == "audio.special_file"
    assert code_of(Path("/dev/zero")) == "audio.special_file"
    assert code_of(tmp_path / "nul\0.wav") == "audio.unreadable"


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "locked.wav"
    path.write_bytes(b"RIFF")
    if os.geteuid() == 0:  # root may read everything, so the refusal is played

        def refuse(*_arguments: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
    else:
        path.chmod(0)
    assert code_of(path) == "audio.no_permission"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused_with_its_place(tmp_path, bad):
    samples = np.zeros((100_000, 2), dtype=np.float32)
    samples[88_200, 1] = bad
    soundfile.write(tmp_path / "broken.wav", samples, 44_100, subtype="FLOAT")
    with pytest.raises(InputError) as caught:
        io.decode(tmp_path / "broken.wav")
    assert caught.value.code == "audio.not_finite"
    assert "channel 2" in caught.value.message
    assert "2.000 s" in caught.value.message
    with pytest.raises(InputError):
        list(io.blocks(tmp_path / "broken.wav"))


def test_a_huge_double_is_not_finite_in_our_samples(tmp_path):
    soundfile.write(tmp_path / "huge.wav", np.array([0.0, 1e300]), 44_100, subtype="DOUBLE")
    assert code_of(tmp_path / "huge.wav") == "audio.not_finite"


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".wav", {"subtype": "PCM_24"}),
        (".wav", {"subtype": "DOUBLE"}),
        (".wav", {"subtype": "IMA_ADPCM"}),
        (".wav", {"subtype": "MS_ADPCM"}),
        (".wav", {"subtype": "ULAW"}),
        (".aiff", {"subtype": "PCM_16"}),
        (".w64", {"subtype": "PCM_24"}),
        (".au", {"subtype": "PCM_16"}),
        (".rf64", {"subtype": "FLOAT"}),
        (".flac", {}),
        (".ogg", {}),
        (".mp3", {}),
    ],
)
def test_a_file_cut_in_half_says_so(tmp_path, noise, suffix, options):
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    soundfile.write(whole, noise.samples.T, 44_100, **options)
    assert io.decode(whole).damage is None
    payload = whole.read_bytes()
    cut.write_bytes(payload[: len(payload) // 2])
    decoded = io.decode(cut)
    assert decoded.damage is not None
    assert 10_000 < decoded.audio.length_samples < 30_000
    assert decoded.damage.decoded_samples == decoded.audio.length_samples
    if suffix != ".ogg":
        # MP3 and ADPCM announce blocks; the last one may hold a little silence more than was put in.
        assert decoded.damage.announced_samples == pytest.approx(44_100, abs=2_048)
        assert decoded.damage.amount == f"{decoded.audio.length_samples} of {decoded.damage.announced_samples}"


def test_a_header_that_claims_a_terabyte_costs_nothing(tmp_path, noise):
    path = tmp_path / "claim.wav"
    io.write(path, noise)
    payload = bytearray(path.read_bytes())
    data = payload.index(b"data")
    payload[data + 4 : data + 8] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(payload)
    damage = io.decode(path).damage
    assert damage is not None
    assert (damage.decoded_samples, damage.announced_samples) == (44_100, 0xFFFFFFF0 // 6)


def test_a_streamed_wav_without_a_length_is_whole(tmp_path, noise):
    path = tmp_path / "streamed.wav"
    io.write(path, noise)
    payload = bytearray(path.read_bytes())
    data = payload.index(b"data")
    payload[data + 4 : data + 8] = payload[4:8] = b"\xff" * 4
    path.write_bytes(payload)
    decoded = io.decode(path)
    assert (decoded.audio.length_samples, decoded.damage) == (44_100, None)


def test_a_flac_whose_sound_was_changed_inside_is_damaged(tmp_path, noise):
    path = tmp_path / "x.flac"
    io.write(path, noise)
    payload = bytearray(path.read_bytes())
    payload[26] ^= 0xFF  # the checksum of the sound in the header
    path.write_bytes(payload)
    damage = io.decode(path).damage
    assert damage is not None
    assert damage.reason == "checksum"


@pytest.mark.parametrize("place", ["local", "apart"])
def test_broken_mp3_leaves_the_terminal_clean(tmp_path, noise, capfd, monkeypatch, place):
    monkeypatch.setenv("TAPEHAND_DECODER", place)
    whole = tmp_path / "x.mp3"
    soundfile.write(whole, np.tile(noise.samples.T, (5, 1)), 44_100)
    payload = bytearray(whole.read_bytes())
    payload[20_000:20_400] = np.random.default_rng(2).bytes(400)
    payload[30_000:33_000] = bytes(3_000)
    whole.write_bytes(payload)
    assert io.decode(whole).damage is not None
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_muting_over_threads_ends_with_the_terminal_back(tmp_path, noise, capfd, monkeypatch):
    monkeypatch.setenv("TAPEHAND_DECODER", "local")
    path = tmp_path / "x.mp3"
    soundfile.write(path, noise.samples.T, 44_100)
    threads = [threading.Thread(target=io.decode, args=(path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"back")
    assert capfd.readouterr().err == "back"


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".flac", ".ogg"])
def test_cut_and_altered_files_never_lose_a_sample_unsaid(tmp_path, suffix):
    """Cuts anywhere and bytes altered behind the header: the whole length, a damage, or a refusal."""
    rng = np.random.default_rng(11)
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"x{suffix}"
    soundfile.write(whole, rng.standard_normal((30_000, 2)) * 0.1, 44_100)
    payload = whole.read_bytes()
    seen = set()
    for number in range(24):
        altered = bytearray(payload)
        if number % 2:
            altered = altered[: rng.integers(1, len(payload))]
        else:
            altered[rng.integers(5_000, len(payload))] ^= 1 << rng.integers(0, 8)
        path.write_bytes(altered)
        try:
            decoded = io.decode(path)
        except InputError as error:
            seen.add(error.code)
            continue
        assert decoded.damage is not None or decoded.audio.length_samples == 30_000
        seen.add("damaged" if decoded.damage else "whole")
    assert "damaged" in seen


def test_m4a_without_ffmpeg_is_one_clear_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(external, "available", lambda: False)
    (tmp_path / "x.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    assert code_of(tmp_path / "x.m4a") == "audio.ffmpeg_needed"


@pytest.mark.skipif(not external.available(), reason="ffmpeg is not installed")
def test_m4a_through_ffmpeg(tmp_path, noise):
    tone = Audio.of(np.sin(np.arange(88_200) * 0.05)[np.newaxis].repeat(2, 0) * 0.5, 44_100)
    io.write(tmp_path / "-in.wav", tone)
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        f"file:{tmp_path / '-in.wav'}",
        "-c:a",
        "aac",
        f"file:{tmp_path / '-x.m4a'}",
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    decoded = io.decode(tmp_path / "-x.m4a")
    assert (decoded.facts.container, decoded.facts.lossy, decoded.damage) == ("M4A", True, None)
    middle = slice(20_000, 60_000)
    ours = decoded.audio.samples[0]
    delay = np.argmax(np.correlate(ours[20_000:30_000], tone.samples[0, 21_024:29_000], "valid")) - 1_024
    assert abs(delay) % 126 < 8 or abs(delay) % 126 > 118
    assert np.std(ours[middle]) == pytest.approx(np.std(tone.samples[0, middle]), rel=0.02)


def test_an_ffmpeg_that_hangs_is_ended(tmp_path, monkeypatch):
    """A stand-in that gives a little and then nothing."""
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nhead -c 800 /dev/zero\nexec sleep 60\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(external, "WAIT_S", 0.05)
    with pytest.raises(InputError) as caught:
        list(external.decode(tmp_path / "x.m4a", "mov", 2, 1_000))
    assert caught.value.code == "audio.decoder_died"
    assert caught.value.message.startswith("x.m4a kept ffmpeg busy")


@pytest.mark.skipif(not external.available(), reason="ffmpeg is not installed")
def test_a_playlist_in_disguise_opens_nothing_else(tmp_path, noise):
    io.write(tmp_path / "secret.wav", noise)
    (tmp_path / "list.m4a").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path / 'secret.wav'}\n")
    assert code_of(tmp_path / "list.m4a") == "audio.not_audio"


def test_every_odd_file_is_read_or_refused_in_one_sentence(material):
    names = {"read": 0, "damaged": 0, "refused": 0}
    for path in sorted((material / "odd-audio").rglob("*.*")):
        try:
            decoded = io.decode(path)
        except InputError:
            names["refused"] += 1
        else:
            assert decoded.audio.length_samples > 0
            names["damaged" if decoded.damage else "read"] += 1
    assert names["read"] >= 40
    assert names["damaged"] >= 6
    assert names["refused"] >= 14


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("scipy/test-44100Hz-le-1ch-4bytes-early-eof.wav", "236 of 4410"),
        ("scipy/test-8000Hz-le-3ch-5S-24bit-inconsistent.wav", "5 of 11"),
        ("ietf-flac/05_-_wrong_total_number_of_samples.flac", "39842 of 39842"),
    ],
)
def test_known_damaged_files(material, name, amount):
    damage = io.decode(material / "odd-audio" / name).damage
    assert damage is not None
    assert damage.amount == amount


def write_then(path: Path, audio: Audio, event: Callable[[], object]) -> None:
    with io.Writer(path, rate_hz=audio.rate_hz, channels=audio.channels) as writer:
        writer.write(audio)
        event()


class TestWriting:
    def test_never_overwrites_unless_told(self, tmp_path, noise):
        path = tmp_path / "take.wav"
        path.write_bytes(b"precious")
        with pytest.raises(OutputError) as caught:
            io.write(path, noise)
        assert caught.value.code == "output.exists"
        assert path.read_bytes() == b"precious"
        io.write(path, noise, overwrite=True)
        assert io.read(path).length_samples == 44_100
        assert os.listdir(tmp_path) == ["take.wav"]

    def test_a_file_that_appears_meanwhile_is_kept(self, tmp_path, noise):
        path = tmp_path / "take.wav"
        with pytest.raises(OutputError) as caught:
            write_then(path, noise, lambda: path.write_bytes(b"theirs"))
        assert caught.value.code == "output.exists"
        assert path.read_bytes() == b"theirs"
        assert os.listdir(tmp_path) == ["take.wav"]

    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    def test_leaving_early_leaves_nothing(self, tmp_path, noise, suffix):
        def stop() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_then(tmp_path / f"x{suffix}", noise, stop)
        assert os.listdir(tmp_path) == []

    def test_no_folder_and_folder_in_the_way(self, tmp_path, noise):
        with pytest.raises(OutputError) as caught:
            io.write(tmp_path / "none" / "x.wav", noise)
        assert caught.value.code == "output.no_folder"
        (tmp_path / "x.wav").mkdir()
        with pytest.raises(OutputError) as caught:
            io.write(tmp_path / "x.wav", noise, overwrite=True)
        assert caught.value.code == "output.exists"

    @pytest.mark.parametrize("name", ["x.mp3", "x", "x.wav.txt"])
    def test_other_formats_are_refused(self, tmp_path, noise, name):
        with pytest.raises(OutputError) as caught:
            io.write(tmp_path / name, noise)
        assert caught.value.code == "output.format"
        assert os.listdir(tmp_path) == []

    def test_a_full_disk_is_named_with_the_bytes_needed(self, tmp_path, noise, monkeypatch):
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1_000))
        with pytest.raises(OutputError) as caught:
            io.write(tmp_path / "x.wav", noise)
        assert caught.value.code == "output.full"
        assert "264,680 bytes" in caught.value.message
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    @pytest.mark.parametrize("limit_bytes", [0, 40, 5_000, 100_000])
    def test_running_out_of_room_on_the_way(self, tmp_path, noise, suffix, limit_bytes):
        """A real write error at many places: the largest file size of a child process is limited."""
        program = (
            "import resource, signal, sys, numpy as np\n"
            "from pathlib import Path\n"
            "from tapehand.audio import Audio, io\n"
            "from tapehand.errors import OutputError\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "audio = Audio.of(np.random.default_rng(1).uniform(-.5, .5, (2, 44_100)), 44_100)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
            "try:\n"
            "    io.write(Path(sys.argv[1]), audio)\n"
            "except OutputError as error:\n"
            "    print(error.code)\n"
        )
        path = tmp_path / f"x{suffix}"
        run = subprocess.run(
            [sys.executable, "-c", program, str(path), str(limit_bytes)],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert (run.stdout.strip(), run.stderr) == ("output.full", "")
        assert os.listdir(tmp_path) == []

    def test_a_nan_of_ours_is_our_fault(self, tmp_path):
        broken = Audio.of(np.full((1, 10), np.nan), 44_100)
        with pytest.raises(InternalError) as caught:
            io.write(tmp_path / "x.wav", broken)
        assert caught.value.code == "audio.not_finite"
        assert os.listdir(tmp_path) == []

    def test_names_as_they_come(self, tmp_path, noise):
        for name in ("-rf.wav", "two\nlines.wav", "\x1b[31mred.wav", "grüße 🥁.wav", "x" * 251 + ".wav", "\udcff.wav"):
            io.write(tmp_path / name, noise)
            assert io.read(tmp_path / name).length_samples == 44_100
