"""True peak, stereo and spectrum meters against what the signals are made of."""

import math

import numpy as np
import pytest
from scipy.signal import resample_poly

from tapehand.audio import Audio
from tapehand.meters.spectrum import BARK_EDGES_HZ, third_octave_spectrum
from tapehand.meters.stereo import channel_sums
from tapehand.meters.summary import measure
from tapehand.meters.true_peak import finest_true_peak_dbtp, true_peak_dbtp

RATE = 48_000


@pytest.mark.parametrize(
    ("level", "divisor", "phase_degrees", "expected_dbtp"),
    [(0.5, 4, 0, -6.0), (0.5, 4, 45, -6.0), (0.5, 6, 60, -6.0), (0.5, 8, 67.5, -6.0), (1.41, 4, 45, 3.0)],
)
def test_true_peak_of_tech_3341_cases_15_to_19(
    level: float, divisor: int, phase_degrees: float, expected_dbtp: float
) -> None:
    # A tone in the middle of silence, faded in and out, so that only the tone is met.
    n = np.arange(RATE)
    fade = np.minimum(1.0, np.minimum(n, n[::-1]) / 2400)
    wave = level * fade * np.sin(2 * np.pi * n / divisor + math.radians(phase_degrees))
    audio = Audio.of(wave[np.newaxis], RATE)
    assert expected_dbtp - 0.4 <= true_peak_dbtp(audio) <= expected_dbtp + 0.2
    assert expected_dbtp - 0.05 <= finest_true_peak_dbtp(audio) <= expected_dbtp + 0.1


@pytest.mark.parametrize("offset", range(4))
def test_true_peak_of_tech_3341_cases_20_to_23(offset: int) -> None:
    # One burst made at four times the rate, peaking at 1 between the samples that are left.
    t = np.arange(-4000, 4000) / (4 * RATE)
    burst = np.cos(2 * np.pi * RATE / 6 * t) * np.exp(-((t * 6000) ** 2))
    audio = Audio.of(burst[offset::4][np.newaxis], RATE)
    assert -0.4 <= true_peak_dbtp(audio) <= 0.2


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 96_000])
def test_true_peak_stands_near_an_independent_interpolator(rng: np.random.Generator, rate_hz: int) -> None:
    sound = np.convolve(rng.standard_normal(30_000), np.hanning(9), mode="same") * 0.05
    over = 20 * math.log10(np.abs(resample_poly(sound, 16, 1)).max())
    audio = Audio.of(sound[np.newaxis], rate_hz)
    assert true_peak_dbtp(audio) == pytest.approx(over, abs=0.15)
    assert finest_true_peak_dbtp(audio) == pytest.approx(over, abs=0.02)


def test_true_peak_never_lies_below_the_sample_peak() -> None:
    samples = np.zeros((1, 64))
    samples[0, 0] = samples[0, 63] = 1.0
    assert measure(Audio.of(samples, RATE)).true_peak_dbtp >= 0.0


def test_correlation_width_and_fold_of_known_pairs(rng: np.random.Generator) -> None:
    left, right = rng.standard_normal((2, 200_000)) * 0.1
    same = channel_sums(Audio.of(np.stack([left, left]), RATE))
    against = channel_sums(Audio.of(np.stack([left, -left]), RATE))
    unrelated = channel_sums(Audio.of(np.stack([left, right]), RATE))
    assert (same.correlation, against.correlation) == pytest.approx((1.0, -1.0))
    assert same.mono_fold_loss_db == pytest.approx(0.0, abs=1e-6)
    assert against.mono_fold_loss_db == math.inf
    assert same.side_to_mid_db == -math.inf
    assert unrelated.correlation == pytest.approx(0.0, abs=0.02)
    assert unrelated.mono_fold_loss_db == pytest.approx(3.01, abs=0.1)
    assert channel_sums(Audio.of(left[np.newaxis], RATE)).correlation is None


def test_an_inverted_side_of_music_is_null_in_json(rng: np.random.Generator) -> None:
    left = rng.standard_normal(48_000) * 0.1
    assert measure(Audio.of(np.stack([left, -left]), RATE)).as_plain()["mono_fold_loss_db"] is None


def test_white_noise_rises_three_db_an_octave_and_pink_stands(rng: np.random.Generator) -> None:
    white = rng.standard_normal(20 * RATE) * 0.1
    lines = np.fft.rfft(white)
    lines[1:] /= np.sqrt(np.arange(1, lines.size))
    pink = np.fft.irfft(lines, white.size)
    tilts = [third_octave_spectrum(Audio.of(x[np.newaxis], RATE)).tilt_db_per_octave() for x in (white, pink)]
    assert tilts == [pytest.approx(3.01, abs=0.1), pytest.approx(0.0, abs=0.1)]


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_a_tone_lies_in_its_band_with_its_power(rate_hz: int) -> None:
    t = np.arange(10 * rate_hz) / rate_hz
    spectrum = third_octave_spectrum(Audio.of(0.5 * np.sin(2 * np.pi * 1000 * t)[np.newaxis], rate_hz))
    loudest = max(range(len(spectrum.levels_db)), key=lambda band: spectrum.levels_db[band])
    assert spectrum.centres_hz[loudest] == pytest.approx(1000.0)
    assert spectrum.levels_db[loudest] == pytest.approx(10 * math.log10(0.125), abs=0.05)


@pytest.mark.parametrize("frequency_hz", [50.0, 1000.0, 8000.0])
def test_a_tone_lies_in_its_bark_band(frequency_hz: float) -> None:
    wave = 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(5 * RATE) / RATE)
    spectrum = measure(Audio.of(wave[np.newaxis], RATE)).bark
    band = next(k for k, high in enumerate(BARK_EDGES_HZ[1:]) if high > frequency_hz)
    assert max(range(len(spectrum.levels_db)), key=lambda k: spectrum.levels_db[k]) == band
    assert spectrum.levels_db[band] == pytest.approx(10 * math.log10(0.125), abs=0.05)


def test_the_offset_of_the_worse_channel_is_read(rng: np.random.Generator) -> None:
    sound = rng.standard_normal((2, RATE)) * 0.01
    sound -= sound.mean(axis=1, keepdims=True)
    sound[1] -= 0.001
    assert measure(Audio.of(sound, RATE)).dc_dbfs == pytest.approx(-60.0, abs=0.1)


def test_the_spectrum_of_silence_and_of_nothing_is_empty() -> None:
    for length in (0, 10, RATE):
        spectrum = third_octave_spectrum(Audio.silence(1, length, RATE))
        assert set(spectrum.levels_db) == {-math.inf}
        assert spectrum.tilt_db_per_octave() is None
