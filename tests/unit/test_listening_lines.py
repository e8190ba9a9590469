"""What kind of line a track carries, and what is told of its notes."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio, io
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand
from tapehand.listening.intonation import heard_lines, intonation, intonation_findings
from tapehand.listening.lines import HeardLine
from tapehand.listening.recordings import recordings_of
from tapehand.song.kept import KeptStretch
from tapehand.units import midi_to_hz

RATE_HZ = 16_000
Signal = NDArray[np.float64]


def voice(hz: Signal, *, level: float = 0.2) -> Signal:
    """Partials through two formants."""
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    made = np.zeros(hz.size)
    for number in range(1, 16):
        strength = 1 / number + 0.5 * np.exp(-(((number * hz - 700) / 200) ** 2))
        made += np.where(number * hz < 0.45 * RATE_HZ, strength, 0.0) * np.sin(number * phase)
    return level * made


def sung(notes: list[tuple[float, float]], transposed: float = 0.0) -> Signal:
    """Notes ``(pitch, length_s)`` with short edges."""
    pieces = []
    for pitch, length_s in notes:
        count = round(length_s * RATE_HZ)
        edge = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / 300)
        pieces.append(edge * voice(np.full(count, midi_to_hz(pitch + transposed))))
    return np.concatenate(pieces)


MELODY = [(60.0, 0.6), (62.0, 0.5), (64.0, 0.7), (65.0, 0.4), (62.0, 0.6), (67.0, 0.8), (60.0, 1.0), (59.0, 0.6)]


def line(sound: Signal, rng: np.random.Generator) -> HeardLine:
    noisy = sound + 1e-4 * rng.standard_normal(sound.size)
    session = recordings_of({"vox": Audio.of(noisy[np.newaxis], RATE_HZ)}, roles={"vox": "lead_vocal"})
    (heard,) = heard_lines(intonation(session))
    return heard


def test_a_melody_is_one_voice_with_its_notes(rng: np.random.Generator) -> None:
    heard = line(sung(MELODY), rng)
    assert heard.kind == "one voice"
    assert [note.name for note in heard.notes] == ["C4", "D4", "E4", "F4", "D4", "G4", "C4", "B3"]
    assert all(abs(note.off_cents) < 3.0 for note in heard.notes)


def test_notes_are_named_in_the_tuning_of_the_line(rng: np.random.Generator) -> None:
    heard = line(sung(MELODY, 0.35), rng)
    assert heard.tuning_hz == pytest.approx(440.0 * 2 ** (0.35 / 12), rel=1e-3)
    assert [note.name for note in heard.notes][:3] == ["C4", "D4", "E4"]


@pytest.mark.parametrize("chord", [(0, 4, 7), (0, 3, 7), (0, 7), (0, 5, 9)])
def test_several_voices_are_no_line(chord: tuple[int, ...], rng: np.random.Generator) -> None:
    together = sum(sung(MELODY, 5.0 + steps + rng.normal(0, 0.06)) for steps in chord)
    heard = line(np.asarray(together), rng)
    assert (heard.kind, heard.notes) == ("several voices", ())


def test_what_slides_all_the_time_is_told_so(rng: np.random.Generator) -> None:
    times = np.arange(8 * RATE_HZ) / RATE_HZ
    hz = 140.0 * 2 ** (np.abs((1.3 * times) % 2 - 1) + 0.3 * np.sin(2 * np.pi * 0.7 * times))
    syllables = np.clip(1.5 * np.sin(2 * np.pi * 3.1 * times) + 0.8, 0, 1)
    assert line(voice(hz) * syllables, rng).kind == "sliding voice"


def test_noise_and_silence_are_no_line(rng: np.random.Generator) -> None:
    for sound in (0.1 * rng.standard_normal(4 * RATE_HZ), np.zeros(4 * RATE_HZ), np.zeros(10)):
        heard = line(sound, rng)
        assert (heard.kind, heard.notes) == ("no line", ())


def test_a_kept_note_is_not_asked_about(rng: np.random.Generator) -> None:
    notes = [*MELODY, (64.45, 1.0), *MELODY]
    session = recordings_of({"vox": Audio.of(sung(notes)[np.newaxis], RATE_HZ)}, roles={"vox": "lead_vocal"})
    heard = intonation(session)
    (asked,) = intonation_findings(heard)
    assert asked.kind == "notes_beside_the_key"
    assert asked.start_s is not None
    assert asked.end_s is not None
    kept = KeptStretch(track="vox", start_s=asked.start_s, end_s=asked.end_s)
    assert intonation_findings(replace(heard, kept=(kept,))) == ()
    elsewhere = (replace(kept, track="gtr"), replace(kept, start_s=0.0, end_s=1.0))
    assert intonation_findings(replace(heard, kept=elsewhere)) == (asked,)


def test_listen_tells_every_note_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = np.arange(RATE_HZ) / RATE_HZ
    vibrato = voice(midi_to_hz(69) * 2 ** (0.4 / 12 * np.sin(2 * np.pi * 5.5 * times)))
    sound = np.concatenate([sung(MELODY), vibrato])
    io.write(tmp_path / "lead vocal.wav", Audio.of(sound[np.newaxis], RATE_HZ))
    for _ in range(2):  # heard, then from the cache
        run(tapehand, ["listen", str(tmp_path / "lead vocal.wav"), "--json"])
        (told,) = json.loads(capsys.readouterr().out)["lines"]
        assert (told["track"], told["kind"]) == ("lead vocal", "one voice")
        last = told["notes"][-1]
        assert last["name"] == "A4"
        assert last["vibrato_hz"] == pytest.approx(5.5, abs=0.3)
        assert last["vibrato_cents"] == pytest.approx(40.0, abs=8.0)
        assert {"start_s", "end_s", "centre_hz", "off_cents", "drift_cents", "scoop_cents", "confidence"} <= set(last)
    assert asdict(HeardLine(track="t", kind="no line", confidence=0.5, tuning_hz=440.0, notes=(), method="m"))
