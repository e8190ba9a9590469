"""What no listener could know is not said with confidence; a small share of ``python -m torture odd_listening``."""

from pathlib import Path

import numpy as np
import pytest
from torture import odd_listening as odd

from tapehand.app.listen import listen_to_path, listening_plain
from tapehand.bootstrap import make_studio
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand
from tapehand.work import Work

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("kind", ["test tone", "drone", "hum", "metronome", "speech", "silence", "morse", "loop"])
def test_what_is_no_song_is_not_said_to_be_one(kind: str, tmp_path: Path) -> None:
    maker, what = odd.UNKNOWABLE[kind]
    path = odd.written(tmp_path / "sound.wav", maker(np.random.default_rng(2)))
    heard = listening_plain(listen_to_path(make_studio(1), path, Work()).heard)
    assert odd.judge_unknowable(heard, what) is None


@pytest.mark.parametrize("kind", ["detuned by 30 cents", "half speed", "8 kHz"])
def test_what_is_said_with_confidence_of_a_changed_song_is_so(kind: str, tmp_path: Path) -> None:
    rate_hz, sound, bpm, tonic = odd.SONGS[kind](np.random.default_rng(2))
    path = odd.written(tmp_path / "sound.wav", sound, rate_hz)
    heard = listening_plain(listen_to_path(make_studio(1), path, Work()).heard)
    assert odd.judge_song(heard, bpm, tonic) is None


def test_odd_names_are_told_as_they_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ボーカル", "🎤 лид", "a" * 150, "Kick\u202etxt", "tab\tand\nline"):
        odd.written(tmp_path / f"{name}.wav", np.zeros(8_000), 8_000)
    assert run(tapehand, ["listen", str(tmp_path), "--all"]) == 0
    said = capsys.readouterr().out
    assert "🎤 лид" in said
    assert "\u202e" not in said
    assert "\\u202e" in said
    assert "how sure" not in said  # nothing sounds, so nothing is said about a song


def test_many_names_in_one_question_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = 0.2 * np.random.default_rng(1).standard_normal(8_000)
    for number in range(20):
        odd.written(tmp_path / f"Audio {number:02d}.wav", sound, 8_000)
    assert run(tapehand, ["listen", str(tmp_path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Audio 10, 9 more: what is on them" in said
    assert "Audio 06 and 13 more tracks · same recording" in said


def test_a_beat_that_a_machine_repeats_is_no_hum(tmp_path: Path) -> None:
    """Multiples of the rate of its eighths lie beside the mains: the 56th at 127.46 BPM is at 59.48 Hz."""
    chance = np.random.default_rng(101)
    bpm, tonic = float(chance.uniform(85.0, 130.0)), int(chance.integers(12))
    sound = odd.sounds.song(chance, 8.0, bpm, tonic)
    heard = listen_to_path(make_studio(1), odd.written(tmp_path / "beat.wav", sound), Work()).heard
    assert not [each.question for each in heard.findings if each.kind == "hum"]
