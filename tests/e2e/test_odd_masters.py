"""Masters asked of odd files, and stopped at odd moments."""

from pathlib import Path

import numpy as np
import pytest

from tapehand.app.master import master_file
from tapehand.audio import Audio
from tapehand.audio.io import write
from tapehand.bootstrap import make_studio
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand
from tapehand.errors import Cancelled
from tapehand.work import Work


def beats(length_s: float, channels: int = 2, rate_hz: int = 44_100) -> Audio:
    time = np.arange(int(length_s * rate_hz)) / rate_hz
    noise = np.random.default_rng(3).standard_normal(time.size)
    return Audio.of(np.tile(0.05 * noise * np.exp(-8.0 * (time % 0.5)), (channels, 1)), rate_hz)


def test_six_channels_are_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "surround.wav", beats(2.0, channels=6))
    write(tmp_path / "song.wav", beats(2.0))
    for arguments in (["surround.wav"], ["song.wav", "--reference", str(tmp_path / "surround.wav"), "--match", "eq"]):
        first, *more = arguments
        assert run(tapehand, ["master", str(tmp_path / first), *more, "-o", str(tmp_path / "out.wav")]) == 3
        assert "surround.wav has 6 channels" in capsys.readouterr().err
    assert not (tmp_path / "out.wav").exists()


def test_a_match_without_a_reference_is_not_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "song.wav", beats(2.0))
    assert run(tapehand, ["master", str(tmp_path / "song.wav"), "-o", str(tmp_path / "out.wav"), "--match", "eq"]) == 2
    assert "no reference" in capsys.readouterr().err


def test_a_file_with_nothing_to_master_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "blink.wav", beats(0.1))
    assert run(tapehand, ["master", str(tmp_path / "blink.wav"), "-o", str(tmp_path / "out.wav")]) == 3
    assert "blink.wav" in capsys.readouterr().err


@pytest.mark.parametrize(("rate_hz", "channels", "length_s"), [(8_000, 1, 2.0), (44_100, 1, 4.0), (96_000, 2, 2.0)])
def test_small_and_odd_files_reach_their_loudness(tmp_path: Path, rate_hz: int, channels: int, length_s: float) -> None:
    write(tmp_path / "mix.wav", beats(length_s, channels, rate_hz))
    told = master_file(make_studio(), tmp_path / "mix.wav", tmp_path / "out.wav", wishes={"lufs": -20.0}, work=Work())
    assert abs(told["integrated_lufs"] + 20.0) <= 0.05
    assert told["true_peak_dbtp"] <= -1.0


@pytest.mark.parametrize("stage", ["render.master", "meter.read"])
def test_stopped_means_nothing_is_there(tmp_path: Path, stage: str) -> None:
    """A stop before the file is in place leaves none; one after it comes too late and is no stop."""
    write(tmp_path / "mix.wav", beats(4.0))
    work, seen = Work(), []

    def stop_at(reported: str, done: float, total: float) -> None:
        seen.append(reported)
        if reported == stage:
            work.cancel()

    work.on_report = stop_at
    try:
        master_file(make_studio(), tmp_path / "mix.wav", tmp_path / "out.wav", work=work)
        finished = True
    except Cancelled:
        finished = False
    assert stage in seen
    assert finished == (tmp_path / "out.wav").exists()
    assert finished == (stage == "meter.read")
