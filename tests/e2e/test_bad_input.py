"""What people really hand over: each gets one sentence, the right exit code, and leaves nothing half-made."""

import contextlib
import hashlib
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.audio.io import write
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand

RATE_HZ = 44_100
Answer = tuple[int, str, str]


def tone(frequency_hz: float, length_s: float = 3.0, rate_hz: int = RATE_HZ, channels: int = 2) -> Audio:
    time = np.arange(int(length_s * rate_hz)) / rate_hz
    line = 0.2 * np.sin(2 * np.pi * frequency_hz * time) * (1 + np.sin(2 * np.pi * 2 * time)) / 2
    return Audio.of(np.tile(line, (channels, 1)), rate_hz)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    folder = tmp_path / "stems"
    folder.mkdir()
    for name, frequency in (("Kick", 55.0), ("Bass", 80.0), ("LdVox", 330.0), ("Gtr L", 220.0)):
        write(folder / f"{name}.wav", tone(frequency))
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def call_with(*arguments: object) -> Answer:
        code = run(tapehand, [str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call_with


def tree_hash(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def assert_one_sentence(answer: Answer, exit_code: int, *words: str) -> None:
    code, _, error = answer
    lines = [line for line in error.splitlines() if not line.endswith(" ...")]
    assert code == exit_code, error
    assert len(lines) == 1, error
    assert "Traceback" not in error
    for word in words:
        assert word in lines[0], lines[0]


def left_behind(tmp_path: Path, *expected: str) -> set[str]:
    return {path.name for path in tmp_path.iterdir()} - set(expected)


def test_empty_folder(tmp_path: Path, call: Callable[..., Answer]) -> None:
    (tmp_path / "nothing").mkdir()
    assert_one_sentence(call("mix", tmp_path / "nothing", "-o", tmp_path / "out"), 3, "nothing")
    assert not left_behind(tmp_path, "nothing")


def test_folder_that_is_not_there(tmp_path: Path, call: Callable[..., Answer]) -> None:
    assert_one_sentence(call("mix", tmp_path / "gone", "-o", tmp_path / "out"), 3, "gone")


def _text(path: Path) -> None:
    path.write_text("this is a shopping list\n" * 50)


def _truncated(path: Path) -> None:
    write(path, tone(100.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zero_length(path: Path) -> None:
    path.write_bytes(b"")


def _nan(path: Path) -> None:
    samples = tone(100.0).samples.copy()
    samples[1, 44_100] = np.nan
    raw = samples.T.astype("<f4").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(raw), b"WAVE", b"fmt ", 16, 3, 2, RATE_HZ,
                       RATE_HZ * 8, 8, 32, b"data", len(raw))  # fmt: skip
    path.write_bytes(head + raw)


@pytest.mark.parametrize("make", [_text, _zero_length, _nan])
def test_a_master_of_a_broken_file_is_refused(
    make: Callable[[Path], None], tmp_path: Path, call: Callable[..., Answer]
) -> None:
    path = tmp_path / "broken.wav"
    make(path)
    before = tree_hash(tmp_path)
    assert_one_sentence(call("master", path, "-o", tmp_path / "out.wav"), 3, "broken.wav")
    assert tree_hash(tmp_path) == before


@pytest.mark.parametrize("make", [_text, _zero_length, _nan, _truncated])
def test_one_broken_stem_is_told_and_the_originals_stay(
    make: Callable[[Path], None], tmp_path: Path, stems: Path, call: Callable[..., Answer]
) -> None:
    make(stems / "broken.wav")
    before = tree_hash(stems)
    code, out, error = call("mix", stems, "-o", tmp_path / "out", "--accept", "recommended", "--json")
    assert tree_hash(stems) == before
    assert "Traceback" not in error
    told = json.loads(out)
    assert "broken" in json.dumps(told)
    if code == 0:
        assert (tmp_path / "out" / "mix.wav").exists()
    else:
        assert code == 3
        assert not (tmp_path / "out").exists()


def test_rates_and_channels_beside_each_other(tmp_path: Path, stems: Path, call: Callable[..., Answer]) -> None:
    write(stems / "Pad.wav", tone(440.0, rate_hz=96_000))
    write(stems / "Phone.wav", tone(440.0, rate_hz=8_000, channels=1))
    code, out, _ = call("mix", stems, "-o", tmp_path / "out", "--accept", "recommended", "--json")
    assert code == 0
    told = json.loads(out)
    assert {track["name"] for track in told["tracks"]} >= {"Pad", "Phone", "Kick"}
    kinds = {(finding["kind"], finding["track"]) for finding in told["findings"]}
    assert any("resampl" in kind for kind, _ in kinds), kinds


def test_all_silent(tmp_path: Path, call: Callable[..., Answer]) -> None:
    folder = tmp_path / "quiet"
    folder.mkdir()
    for name in ("Kick", "Vox"):
        write(folder / f"{name}.wav", Audio.silence(2, RATE_HZ, RATE_HZ))
    assert_one_sentence(call("mix", folder, "-o", tmp_path / "out"), 3)
    assert not left_behind(tmp_path, "quiet")
    assert_one_sentence(call("master", folder / "Kick.wav", "-o", tmp_path / "m.wav"), 3)
    assert not (tmp_path / "m.wav").exists()


def test_names_nobody_should_print(tmp_path: Path, stems: Path, call: Callable[..., Answer]) -> None:
    wild = ["-rf", "kick\nnew line", "esc\x1b[31mred", "smile 🥁", "rtl\u202egnp"]
    for name in wild:
        write(stems / f"{name}.wav", tone(150.0))
    code, out, error = call("mix", stems, "-o", tmp_path / "out", "--accept", "recommended")
    assert code == 0, error
    for text in (out, error):
        assert "\x1b[31m" not in text
        assert "\u202e" not in text
        assert "kick\nnew line" not in text
    assert "smile 🥁" in out
    code, out, _ = call("meter", stems / "-rf.wav", stems / "esc\x1b[31mred.wav")
    assert code == 0
    assert "\x1b[31m" not in out


def test_folder_without_permission(stems: Path, call: Callable[..., Answer]) -> None:
    with tempfile.TemporaryDirectory() as open_folder:
        Path(open_folder).chmod(0o777)
        locked, empty, out = (Path(open_folder) / name for name in ("locked", "empty", "out"))
        shutil.copytree(stems, locked)
        empty.mkdir()
        call("mix", empty, "-o", out)  # imports everything while it can still be read
        locked.chmod(0)
        try:
            with as_nobody():
                answer = call("mix", locked, "-o", out)
        finally:
            locked.chmod(0o700)
        assert_one_sentence(answer, 3, "permission")
        assert not out.exists()


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so root becomes nobody meanwhile."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)


def test_output_that_exists_is_never_touched(tmp_path: Path, stems: Path, call: Callable[..., Answer]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious.txt").write_text("mine")
    assert_one_sentence(call("mix", stems, "-o", out), 3, "out")
    assert_one_sentence(call("master", stems / "Kick.wav", "-o", out / "precious.txt"), 3)
    assert tree_hash(out).keys() == {"precious.txt"}
    assert (out / "precious.txt").read_text() == "mine"


def test_output_that_cannot_be_written(tmp_path: Path, stems: Path, call: Callable[..., Answer]) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    assert_one_sentence(call("mix", stems, "-o", blocked / "out"), 3)
    assert_one_sentence(call("master", stems / "Kick.wav", "-o", blocked / "m.wav"), 3)
    assert_one_sentence(call("master", stems / "Kick.wav", "-o", tmp_path / "m.mp3"), 3)


def test_disk_full(tmp_path: Path, stems: Path, call: Callable[..., Answer]) -> None:
    device = Path("/dev/shm")
    if os.geteuid() != 0 or not device.exists() or shutil.which("mount") is None:
        pytest.skip("a full disk needs root and a small tmpfs")
    small = tmp_path / "small"
    small.mkdir()
    if os.system(f"mount -t tmpfs -o size=900k tmpfs '{small}' 2>/dev/null") != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        before = tree_hash(stems)
        assert_one_sentence(call("mix", stems, "-o", small / "out", "--accept", "recommended"), 3, "disk")
        assert_one_sentence(call("beat", "trap, 30 seconds", "-o", small / "beat"), 3, "disk")
        assert list(small.iterdir()) == []
        assert tree_hash(stems) == before
    finally:
        os.system(f"umount '{small}'")


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["frobnicate"], 2),
        (["mix"], 2),
        (["master", "x.wav", "-o", "y.wav", "--lufs", "loud"], 2),
        (["beat", "", "-o", "b"], 3),
        (["beat", "boom bap at 9000 bpm", "-o", "b"], 3),
        (["decide", "1", "--option", "a", "--by", "me", "--song", "no.tapehand"], 3),
        (["inbox"], 2),
    ],
)
def test_usage(
    arguments: list[str], exit_code: int, tmp_path: Path, call: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_one_sentence(call(*arguments), exit_code)
    assert not left_behind(tmp_path)


def test_errors_are_json_when_asked(tmp_path: Path, call: Callable[..., Answer]) -> None:
    code, out, error = call("mix", tmp_path / "gone", "-o", tmp_path / "out", "--json")
    plain = json.loads(out)
    assert (code, error) == (3, "")
    assert plain["schema"] == "Error.1"
    assert plain["code"]
    assert plain["message"]
