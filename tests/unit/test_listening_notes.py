"""Notes with their centres and shapes, parts with their tuning, and the questions that follow from both."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.dsp.psola import PitchCurve
from tapehand.listening.intonation import intonation, intonation_findings
from tapehand.listening.notes import notes_of, settled
from tapehand.listening.pitch import track_pitch
from tapehand.listening.recordings import compact_of, recordings_of
from tapehand.listening.tuning_of_parts import common_tuning, part_tuning, wrapped_difference
from tapehand.units import midi_to_hz
from tapehand.work import Work

RATE_HZ = 44_100
Signal = NDArray[np.float64]


def curve(hz: Signal) -> PitchCurve:
    return PitchCurve(times_s=np.arange(hz.size) * 0.01, hz=hz)


def held(pitch: float, frames: int) -> Signal:
    return np.full(frames, midi_to_hz(pitch))


def tone(hz: Signal | float, length_s: float, *, partials: int = 10) -> Signal:
    size = round(length_s * RATE_HZ)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, (size,))) / RATE_HZ
    times = np.arange(size) / RATE_HZ
    shape = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.02)
    made: Signal = 0.1 * shape * sum(np.sin(number * phase) / number for number in range(1, partials))
    return made


def chords(cents: float, *, seed: int = 1, length_s: float = 8.0) -> Signal:
    """Triads of decaying, freely phased partials, each second another."""
    random = np.random.default_rng(seed)
    pieces = []
    for _ in range(round(length_s)):
        root = 48 + int(random.choice([0, 2, 5, 7, 9]))
        times = np.arange(RATE_HZ) / RATE_HZ
        piece = np.zeros(RATE_HZ)
        for pitch in (root, root + 4, root + 7):
            for number in range(1, 7):
                hz = number * midi_to_hz(pitch + cents / 100)
                piece += np.exp(-times * number) / number * np.sin(2 * np.pi * hz * times + random.uniform(0, 6))
        pieces.append(0.05 * piece * np.minimum(1, times[::-1] / 0.01))
    return np.concatenate(pieces)


def test_notes_have_their_places_and_centres() -> None:
    line = np.concatenate([held(60.1, 40), held(62.0, 25), np.zeros(20), held(67.25, 60)])
    notes = notes_of(curve(line))
    assert [note.start_s for note in notes] == pytest.approx([0.0, 0.4, 0.85], abs=0.01)
    assert [note.name for note in notes] == ["C4", "D4", "G4"]
    assert [note.off_cents() for note in notes] == pytest.approx([10.0, 0.0, 25.0], abs=0.01)
    assert all(note.drift_cents == pytest.approx(0.0, abs=1e-6) for note in notes)


@pytest.mark.parametrize(("rate_hz", "reach"), [(5.2, 30.0), (6.5, 80.0), (5.0, 0.0)])
def test_vibrato_is_one_note_with_rate_and_reach(rate_hz: float, reach: float) -> None:
    times = np.arange(120) * 0.01
    (note,) = notes_of(curve(330.0 * 2 ** (reach / 1200 * np.sin(2 * np.pi * rate_hz * times))))
    assert note.vibrato_cents == pytest.approx(reach, rel=0.15, abs=0.1)
    if reach:
        assert note.vibrato_hz == pytest.approx(rate_hz, abs=0.3)
    assert 1200 * np.log2(note.centre_hz / 330.0) == pytest.approx(0.0, abs=8.0)
    assert note.confidence > 0.75


def test_scoops_and_drifts_are_told_apart_from_the_centre() -> None:
    times = np.arange(100) * 0.01
    (scooped,) = notes_of(curve(220.0 * 2 ** (-0.06 * np.exp(-times / 0.04))))
    assert scooped.scoop_cents < -25.0
    assert 1200 * np.log2(scooped.centre_hz / 220.0) == pytest.approx(0.0, abs=2.0)
    (falling,) = notes_of(curve(220.0 * 2 ** (-40.0 / 1200 * times)))
    assert falling.drift_cents == pytest.approx(-40.0, rel=0.2)


def test_a_slide_never_settles() -> None:
    notes = notes_of(curve(200.0 * 2 ** (np.arange(150) * 0.01)))
    assert settled(notes) == ()
    assert notes_of(curve(np.zeros(50))) == notes_of(PitchCurve(times_s=np.zeros(0), hz=np.zeros(0))) == ()


def test_note_centres_from_sound_are_right_to_a_cent(rng: np.random.Generator) -> None:
    offs = [-18.0, 7.0, 22.0, 0.0, -9.0]
    sound = np.concatenate([tone(midi_to_hz(57 + 3 * n + off / 100), 0.5) for n, off in enumerate(offs)])
    noisy = sound + rng.standard_normal(sound.size) * np.sqrt(np.mean(sound**2)) * 10 ** (-20 / 20)
    notes = notes_of(track_pitch(Audio.of(noisy[np.newaxis], RATE_HZ)))
    assert [note.off_cents() for note in settled(notes)] == pytest.approx(offs, abs=1.0)


@pytest.mark.parametrize("cents", [0.0, 12.0, -31.0, 49.0])
def test_chords_have_a_tuning(cents: float) -> None:
    found = part_tuning(compact_of(Audio.of(chords(cents)[np.newaxis], RATE_HZ)))
    assert found is not None
    assert wrapped_difference(found.cents, cents) == pytest.approx(0.0, abs=1.5)
    assert found.confidence > 0.8


def test_noise_and_slides_have_no_tuning_to_speak_of(rng: np.random.Generator) -> None:
    noise = part_tuning(compact_of(Audio.of(0.1 * rng.standard_normal((1, 6 * RATE_HZ)), RATE_HZ)))
    slide = tone(200.0 * 2 ** (np.arange(6 * RATE_HZ) / (3 * RATE_HZ)), 6.0)
    sliding = part_tuning(compact_of(Audio.of(slide[np.newaxis], RATE_HZ)))
    assert all(each is None or each.confidence < 0.5 for each in (noise, sliding))
    assert part_tuning(compact_of(Audio.silence(1, RATE_HZ, RATE_HZ))) is None
    assert common_tuning([]) is None


def test_the_part_beside_the_others_is_the_one_asked_about() -> None:
    sounds = {"keys": chords(0.0), "guitar": chords(1.0, seed=2), "pad": chords(14.0, seed=3)}
    together = recordings_of(
        {name: Audio.of(sound[np.newaxis], RATE_HZ) for name, sound in sounds.items()},
        roles={"keys": "keys", "guitar": "acoustic_guitar", "pad": "pad"},
    )
    (question,) = intonation_findings(intonation(together))
    assert (question.kind, question.track) == ("part_out_of_tune", "pad")
    assert question.value == pytest.approx(14.0, abs=2.0)


def test_a_melody_is_held_against_the_tuning_of_the_parts() -> None:
    """All at 20 cents above 440 Hz: only the one note that is off against them is named."""
    pitches = [60, 62, 64, 65, 67, 64]
    offs = [20.0, 20.0, 62.0, 20.0, 20.0, 20.0]
    sung = np.concatenate([tone(midi_to_hz(p + off / 100), 0.6) for p, off in zip(pitches, offs, strict=True)])
    together = recordings_of(
        {"keys": Audio.of(chords(20.0)[np.newaxis], RATE_HZ), "vox": Audio.of(sung[np.newaxis], RATE_HZ)},
        roles={"keys": "keys", "vox": "lead_vocal"},
    )
    (question,) = intonation_findings(intonation(together))
    assert (question.kind, question.track) == ("notes_beside_the_key", "vox")
    assert question.value == pytest.approx(42.0, abs=2.0)
    assert question.start_s == pytest.approx(1.2, abs=0.05)
    assert "1 note lies" in question.question


def test_low_rates_hear_the_same_pitch() -> None:
    sound = Audio.of(tone(midi_to_hz(58.3), 1.0)[np.newaxis], RATE_HZ)
    low = track_pitch(compact_of(sound).mono).hz[10:-10]
    assert np.abs(1200 * np.log2(low / midi_to_hz(58.3))).max() < 1.0


@pytest.mark.parametrize("name", ["singing-female.flac", "vocadito_10.flac", "vocadito_14.flac", "vignesh.wav"])
def test_real_singing_agrees_with_praat(material: Path, name: str) -> None:
    parselmouth = pytest.importorskip("parselmouth")
    audio = read(material / "voices" / name, Work())
    mine = track_pitch(audio)
    pitch = parselmouth.Sound(audio.samples.mean(axis=0, dtype=np.float64), audio.rate_hz).to_pitch_ac(
        time_step=0.01, pitch_floor=65.0, pitch_ceiling=1200.0
    )
    nearest = np.clip(np.round((mine.times_s - pitch.x1) / pitch.dx).astype(int), 0, pitch.n_frames - 1)
    theirs = pitch.selected_array["frequency"][nearest]
    both = (mine.hz > 0) & (theirs > 0)
    assert both.sum() > 200
    assert np.mean(np.abs(1200 * np.log2(mine.hz[both] / theirs[both])) < 50) >= 0.97


def test_speech_is_not_asked_about(material: Path) -> None:
    speech = read(material / "voices" / "speech-male.flac", Work())
    heard = intonation(recordings_of({"vo": speech}, roles={"vo": "lead_vocal"}))
    assert intonation_findings(heard) == ()


def test_a_note_that_is_struck_again_is_two() -> None:
    line = curve(held(64.0, 100))
    assert len(notes_of(line)) == 1
    notes = notes_of(line, np.array([0.01, 0.5, 0.52]))
    assert [(note.start_s, note.end_s) for note in notes] == [
        (pytest.approx(0.0, abs=0.01), pytest.approx(0.5, abs=0.01)),
        (pytest.approx(0.5, abs=0.01), pytest.approx(1.0, abs=0.01)),
    ]
