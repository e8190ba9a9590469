"""The pitch of one voice: cents on clean tones, no octave jumps, no pitch in noise; marks one period apart."""

from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.dsp.psola import PitchCurve
from tapehand.listening.pitch import PitchRange, track_pitch
from tapehand.listening.pitch_marks import pitch_marks
from tapehand.units import midi_to_hz

RATE_HZ = 44_100


def rich(frequency_hz: float, rate_hz: int, length_s: float = 0.5, *, missing_below: int = 1) -> Audio:
    """Harmonics falling by 6 dB an octave with scattered phases; those under ``missing_below`` left out."""
    times = np.arange(int(length_s * rate_hz)) / rate_hz
    numbers = range(missing_below, int(min(8_000, 0.45 * rate_hz) / frequency_hz) + 1)
    line = sum(np.sin(2 * np.pi * frequency_hz * number * times + number**2) / number for number in numbers)
    return Audio.of(0.2 * line[np.newaxis], rate_hz)


def cents_off(curve: PitchCurve, frequency_hz: float) -> np.ndarray:
    inner = curve.hz[6:-6]
    assert inner.min() > 0.0
    return np.asarray(1200 * np.log2(inner / frequency_hz))


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("frequency_hz", [70.0, 98.0, 155.6, 261.6, 440.0, 622.3, 987.8, 1_150.0])
def test_clean_tones_within_two_cents(rate_hz: int, frequency_hz: float) -> None:
    times = np.arange(rate_hz // 2) / rate_hz
    sine = Audio.of(0.3 * np.sin(2 * np.pi * frequency_hz * times)[np.newaxis], rate_hz)
    for sound in (sine, rich(frequency_hz, rate_hz)):
        curve = track_pitch(sound)
        assert np.abs(cents_off(curve, frequency_hz)).max() < 2.0
        (run,) = pitch_marks(sound, curve).runs
        assert np.abs(1200 * np.log2(rate_hz / np.diff(run)[3:-3] / frequency_hz)).max() < 2.0
        assert run.size > 0.8 * 0.5 * frequency_hz


@pytest.mark.parametrize("frequency_hz", [110.0, 196.0])
def test_a_missing_fundamental_is_no_octave_up(frequency_hz: float) -> None:
    sound = rich(frequency_hz, RATE_HZ, missing_below=2)
    assert np.abs(cents_off(track_pitch(sound), frequency_hz)).max() < 2.0


def test_a_melody_has_its_notes_and_no_octave_jumps() -> None:
    # A sine-clean note an octave above its neighbours has to last: half its pitch fits it as well.
    melody = [(48, 30), (50, 30), (52, 30), (55, 30), (62, 30), (57, 30), (67, 30), (60, 30), (72, 80), (60, 30)]
    notes = [rich(midi_to_hz(note), RATE_HZ, frames / 100).samples for note, frames in melody]
    curve = track_pitch(Audio.of(np.concatenate(notes, axis=1), RATE_HZ))
    start = 0
    for note, frames in melody:
        inner = curve.hz[start + 4 : start + frames - 4]
        assert np.abs(1200 * np.log2(inner / midi_to_hz(note))).max() < 2.0
        start += frames


def test_vibrato_is_followed() -> None:
    times = np.arange(RATE_HZ) / RATE_HZ
    pitch = 330.0 * 2 ** (50 / 1200 * np.sin(2 * np.pi * 6 * times))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    sound = Audio.of(0.2 * sum(np.sin(n * phase) / n for n in range(1, 12))[np.newaxis], RATE_HZ)
    curve = track_pitch(sound)
    off = 1200 * np.log2(curve.hz[6:-6] / np.interp(curve.times_s, times, pitch)[6:-6])
    assert np.abs(off).max() < 15.0


def test_noise_and_silence_have_no_pitch(rng: np.random.Generator) -> None:
    noise = Audio.of(0.1 * rng.standard_normal((1, RATE_HZ)), RATE_HZ)
    assert np.mean(track_pitch(noise).hz > 0.0) < 0.05
    for sound in (Audio.silence(2, RATE_HZ, RATE_HZ), Audio.silence(1, 0, RATE_HZ), Audio.silence(1, 1, 8_000)):
        curve = track_pitch(sound)
        assert not curve.hz.any()
        assert pitch_marks(sound, curve).runs == ()


def test_a_voice_in_noise_is_heard_where_it_sings(rng: np.random.Generator) -> None:
    voice = np.concatenate([np.zeros(RATE_HZ // 2), rich(220.0, RATE_HZ, 1.0).samples[0], np.zeros(RATE_HZ // 2)])
    noise = rng.standard_normal(voice.size) * np.std(voice) * 10 ** (-10 / 20)
    curve = track_pitch(Audio.of((voice + noise)[np.newaxis], RATE_HZ))
    sings = (curve.times_s > 0.55) & (curve.times_s < 1.45)
    rests = (curve.times_s < 0.45) | (curve.times_s > 1.55)
    assert np.mean(np.abs(1200 * np.log2(np.maximum(curve.hz[sings], 1.0) / 220.0)) < 20.0) > 0.95
    assert np.mean(curve.hz[rests] > 0.0) < 0.1


def test_loudness_and_polarity_make_no_difference() -> None:
    sound = rich(233.0, RATE_HZ)
    plain = track_pitch(sound).hz
    assert np.allclose(track_pitch(Audio.of(-0.001 * sound.samples, RATE_HZ)).hz, plain, rtol=1e-6)


def test_a_range_can_be_asked_for() -> None:
    sound = rich(55.0, RATE_HZ, 0.8)
    assert np.abs(cents_off(track_pitch(sound, PitchRange(low_hz=40.0, high_hz=400.0)), 55.0)).max() < 2.0
    narrow = track_pitch(rich(440.0, RATE_HZ), PitchRange(low_hz=430.0, high_hz=450.0))
    assert np.abs(cents_off(narrow, 440.0)).max() < 2.0


@pytest.mark.parametrize(
    ("name", "pitch"),
    [("flute-A4.wav", 69), ("oboe-A4.wav", 69), ("trumpet-A4.wav", 69), ("violin-B3.wav", 59), ("soprano-E4.wav", 64)],
)
def test_recorded_notes_have_the_pitch_in_their_name(material: Path, name: str, pitch: int) -> None:
    sound = read(material / "voices" / name)
    curve = track_pitch(sound)
    heard = curve.hz[curve.hz > 0.0]
    off = 1200 * np.log2(heard / midi_to_hz(pitch))
    assert heard.size > 0.8 * curve.hz.size
    assert abs(np.median(off)) < 50.0
    assert np.mean(np.abs(off) > 600.0) < 0.01
    longest = max(pitch_marks(sound, curve).runs, key=len)
    assert abs(1200 * np.log2(sound.rate_hz / np.median(np.diff(longest)) / np.median(heard))) < 5.0
