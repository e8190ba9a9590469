"""A voice moved without its formants: pitch, envelope, places, level; what has no pitch stays bit for bit."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import freqz, lfilter

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.dsp.psola import PitchCurve, PitchMarks, correct_pitch, shift_voice
from tapehand.dsp.stretch import transpose
from tapehand.errors import InternalError
from tapehand.kernels.psola import lay_grains
from tapehand.listening.pitch import track_pitch
from tapehand.listening.pitch_marks import pitch_marks

RATE_HZ = 44_100
# First four formants and bandwidths of a man's vowels, Hz (after Peterson and Barney, 1952).
VOWELS = {
    "a": ((730, 80), (1090, 90), (2440, 120), (3400, 200)),
    "e": ((530, 70), (1840, 100), (2480, 130), (3500, 200)),
    "i": ((270, 60), (2290, 100), (3010, 140), (3700, 200)),
    "u": ((300, 60), (870, 80), (2240, 120), (3300, 200)),
}


def resonators(vowel: str, rate_hz: int) -> list[tuple[list[float], list[float]]]:
    filters = []
    for frequency_hz, bandwidth_hz in VOWELS[vowel]:
        if frequency_hz < 0.45 * rate_hz:
            radius = math.exp(-math.pi * bandwidth_hz / rate_hz)
            poles = [1.0, -2 * radius * math.cos(2 * math.pi * frequency_hz / rate_hz), radius * radius]
            filters.append(([sum(poles)], poles))
    return filters


def sung(vowel: str, pitch_hz: np.ndarray, rate_hz: int) -> np.ndarray:
    """A buzz of -6 dB an octave through the vowel's resonators, peak 0.3."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    count = int(min(5_500, 0.45 * rate_hz) / pitch_hz.max())
    line = sum(np.cos(number * phase) / number for number in range(1, count + 1))
    for numerator, denominator in resonators(vowel, rate_hz):
        line = lfilter(numerator, denominator, line)
    return 0.3 * line / np.abs(line).max()


def steady(vowel: str, pitch_hz: float, rate_hz: int = RATE_HZ, length_s: float = 0.8) -> Audio:
    return Audio.of(sung(vowel, np.full(int(length_s * rate_hz), pitch_hz), rate_hz)[np.newaxis], rate_hz)


def marked(sound: Audio) -> PitchMarks:
    return pitch_marks(sound, track_pitch(sound))


def harmonics(sound: Audio, pitch_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies up to 4 kHz and amplitudes of the middle's harmonics, under a Hann window."""
    quarter = sound.length_samples // 4
    middle = sound.samples[0, quarter : 3 * quarter].astype(np.float64)
    window = np.hanning(middle.size)
    frequencies = pitch_hz * np.arange(1, int(4_000 / pitch_hz) + 1)
    turns = np.outer(frequencies, np.arange(middle.size)) / sound.rate_hz
    amplitudes = np.abs((np.exp(-2j * np.pi * turns) * (middle * window)).sum(axis=1)) * 2 / window.sum()
    return frequencies, amplitudes


def envelope_error_db(sound: Audio, vowel: str, pitch_hz: float) -> float:
    """RMS difference in dB of the harmonics to the vowel's own envelope, loudness taken out."""
    frequencies, amplitudes = harmonics(sound, pitch_hz)
    wanted = 1.0 / frequencies
    for numerator, denominator in resonators(vowel, sound.rate_hz):
        wanted = wanted * np.abs(freqz(numerator, denominator, frequencies, fs=sound.rate_hz)[1])
    heard = wanted > wanted.max() * 10 ** (-40 / 20)
    difference = 20 * np.log10(amplitudes[heard] / wanted[heard])
    return float(np.std(difference))


@pytest.mark.parametrize("vowel", sorted(VOWELS))
@pytest.mark.parametrize(("pitch_hz", "most_db"), [(98.0, 1.5), (147.0, 2.6), (220.0, 3.8)])
@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_formants_stay_where_they_are(vowel: str, pitch_hz: float, most_db: float, semitones: float) -> None:
    sound = steady(vowel, pitch_hz)
    wanted_hz = pitch_hz * 2 ** (semitones / 12)
    kept = envelope_error_db(shift_voice(sound, marked(sound), semitones), vowel, wanted_hz)
    assert envelope_error_db(sound, vowel, pitch_hz) < 0.1
    assert kept < most_db
    assert kept < 0.7 * envelope_error_db(transpose(sound, semitones), vowel, wanted_hz)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000, 192_000])
@pytest.mark.parametrize("semitones", [-12.0, -3.0, 0.25, 5.0, 12.0])
def test_pitch_and_level_at_every_rate(rate_hz: int, semitones: float) -> None:
    sound = steady("a", 196.0, rate_hz, 0.6)
    moved = shift_voice(sound, marked(sound), semitones)
    pitch = track_pitch(moved).hz[12:-12]
    assert moved.length_samples == sound.length_samples
    assert np.abs(1200 * np.log2(pitch / 196.0) - 100 * semitones).max() < 4.0
    assert abs(20 * np.log10(np.std(moved.samples) / np.std(sound.samples))) < 0.5


def vibrato(length_s: float = 1.5, depth_cents: float = 60.0) -> tuple[Audio, np.ndarray, np.ndarray]:
    """A sung e at 220 Hz with vibrato, the times of its samples, and its pitch."""
    times = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    pitch = 220.0 * 2 ** (depth_cents / 1200 * np.sin(2 * np.pi * 5.5 * times))
    return Audio.of(sung("e", pitch, RATE_HZ)[np.newaxis], RATE_HZ), times, pitch


def test_a_wavering_voice_comes_to_its_target() -> None:
    sound, _, _ = vibrato()
    target = PitchCurve(times_s=np.array([0.0, 2.0]), hz=np.array([233.08, 233.08]))
    before, after = (track_pitch(one).hz[20:-20] for one in (sound, correct_pitch(sound, marked(sound), target)))
    assert np.ptp(1200 * np.log2(before)) > 90.0
    assert np.abs(1200 * np.log2(after / 233.08)).max() < 12.0
    assert abs(1200 * np.log2(np.median(after) / 233.08)) < 1.0


def test_a_target_that_moves_is_followed() -> None:
    sound = steady("a", 196.0, length_s=1.5)
    target = PitchCurve(times_s=np.array([0.0, 0.4, 1.0, 1.5]), hz=np.array([196.0, 196.0, 247.0, 247.0]))
    curve = track_pitch(correct_pitch(sound, marked(sound), target))
    inner = slice(10, -10)
    off = 1200 * np.log2(curve.hz[inner] / target.hz_at(curve.times_s)[inner])
    assert np.abs(off).max() < 15.0


def test_what_has_no_pitch_or_no_target_stays_bit_for_bit(rng: np.random.Generator) -> None:
    voiced = [steady("a", 131.0, length_s=0.5).samples[0], steady("i", 165.0, length_s=0.5).samples[0]]
    hiss = 0.02 * rng.standard_normal((3, RATE_HZ // 2))
    sound = Audio.of(np.concatenate([hiss[0], voiced[0], hiss[1], voiced[1], hiss[2]])[np.newaxis], RATE_HZ)
    marks = marked(sound)
    target = PitchCurve(times_s=np.array([0.4, 0.95]), hz=np.array([139.0, 139.0]))
    made = correct_pitch(sound, marks, target)
    changed = np.flatnonzero(made.samples[0] != sound.samples[0])
    assert 0.45 * RATE_HZ < changed[0] < 0.55 * RATE_HZ
    assert 0.95 * RATE_HZ < changed[-1] < 1.05 * RATE_HZ
    nothing = PitchCurve(times_s=np.zeros(0), hz=np.zeros(0))
    assert np.array_equal(correct_pitch(sound, marks, nothing).samples, sound.samples)
    assert np.array_equal(shift_voice(sound, marks, 0.0).samples, sound.samples)
    silence = Audio.silence(2, RATE_HZ, RATE_HZ)
    assert not shift_voice(silence, marked(silence), 4.0).samples.any()


def test_a_move_by_next_to_nothing_changes_next_to_nothing() -> None:
    sound = steady("a", 131.0)
    rest = shift_voice(sound, marked(sound), 1e-7).samples.astype(np.float64) - sound.samples
    assert 10 * np.log10(np.mean(rest**2) / np.mean(sound.samples.astype(np.float64) ** 2)) < -70.0


@pytest.mark.parametrize("right", [1.0, -1.0, 0.25])
def test_channels_keep_together(right: float) -> None:
    left = steady("u", 175.0).samples[0]
    # Opposed channels have no sum to listen to; their marks come from one of them.
    marks = marked(Audio.of(left[np.newaxis], RATE_HZ))
    made = shift_voice(Audio.of(np.stack([left, np.float32(right) * left]), RATE_HZ), marks, 3.0).samples
    assert np.abs(made[1] - right * made[0]).max() < 1e-6


def test_twice_as_loud_in_is_twice_as_loud_out() -> None:
    sound = steady("a", 150.0)
    marks = marked(sound)
    louder = Audio.of(2 * sound.samples, RATE_HZ)
    assert np.allclose(shift_voice(louder, marks, 2.0).samples, 2 * shift_voice(sound, marks, 2.0).samples, atol=1e-6)


def test_both_simd_levels_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, _, _ = vibrato(0.5)
    fast = shift_voice(sound, marked(sound), -2.0)
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert np.array_equal(shift_voice(sound, marked(sound), -2.0).samples, fast.samples)


def test_grains_land_between_samples(rng: np.random.Generator) -> None:
    times = np.arange(2_000) / RATE_HZ
    wave = np.sin(2 * np.pi * 9_000 * times)
    channel = wave.astype(np.float32)
    bank = np.ascontiguousarray(_bank())
    places, one = np.array([1_000.0 + 0.37]), np.array([1.0])
    laid = lay_grains(channel, np.array([990.0]), places, one * 300, one * 300, one, bank)
    at = np.arange(700, 1_301)
    distance = at - places[0]
    inside = np.abs(distance) <= 300
    window = np.where(inside, 0.5 + 0.5 * np.cos(np.pi * distance / 300), 0.0)
    moved = np.sin(2 * np.pi * 9_000 * (at - 10.37) / RATE_HZ)
    assert np.abs(laid[at] - window * moved).max() < 1e-3
    assert not laid[:700].any()
    assert not laid[1_302:].any()


def _bank() -> np.ndarray:
    from tapehand.dsp.interpolation import kaiser_bank

    return kaiser_bank(64, 48, 8.0)


def test_what_does_not_fit_is_refused() -> None:
    sound = steady("a", 150.0, length_s=0.3)
    marks = marked(sound)
    with pytest.raises(InternalError, match="octave"):
        shift_voice(sound, marks, 12.5)
    with pytest.raises(InternalError, match="do not fit"):
        shift_voice(steady("a", 150.0, 48_000, 0.3), marks, 1.0)
    with pytest.raises(InternalError, match="ascend"):
        PitchMarks(runs=(np.array([10.0, 5.0]),), rate_hz=RATE_HZ)
    with pytest.raises(InternalError, match="ascending"):
        PitchCurve(times_s=np.array([1.0, 0.5]), hz=np.array([1.0, 1.0]))
    broken = sound.samples.copy()
    broken[0, 5_000] = np.inf
    with pytest.raises(InternalError, match="not a number"):
        shift_voice(Audio(broken, RATE_HZ), marks, 1.0)


@pytest.mark.parametrize("name", ["singing-female.flac", "soprano-E4.wav", "vocadito_14.flac", "cello-phrase.flac"])
@pytest.mark.parametrize("semitones", [-3.0, 3.0])
def test_real_voices_move_as_they_were_told(material: Path, name: str, semitones: float) -> None:
    sound = read(material / "voices" / name)
    sound = sound.span(0, min(sound.length_samples, 5 * sound.rate_hz))
    was = track_pitch(sound)
    moved = shift_voice(sound, pitch_marks(sound, was), semitones)
    now = track_pitch(moved)
    both = (was.hz > 80.0) & (now.hz > 0.0)
    off = 1200 * np.log2(now.hz[both] / was.hz[both]) - 100 * semitones
    assert both.sum() > 0.95 * (was.hz > 80.0).sum()
    assert abs(np.median(off)) < 2.0
    assert np.percentile(np.abs(off), 90) < 12.0
    assert np.mean(np.abs(off) > 600.0) < 0.005
    assert abs(20 * np.log10(np.std(moved.samples) / np.std(sound.samples))) < 0.6
