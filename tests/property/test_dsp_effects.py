"""Delay, reverb and saturation: what a listener relies on, measured."""

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from tapehand.audio import Audio
from tapehand.dsp.chain import apply, tail_s
from tapehand.dsp.reverb import room
from tapehand.errors import InternalError
from tapehand.song.processors import Delay, Processor, Reverb, Saturation

RATE_HZ = 44_100
OPEN = Reverb(decay_s=1.5, pre_delay_ms=0.0, low_cut_hz=20.0, high_cut_hz=20_000.0)


def impulse(length_s: float, channels: int = 2, rate_hz: int = RATE_HZ) -> Audio:
    audio = Audio.silence(channels, round(length_s * rate_hz), rate_hz)
    audio.samples[:, 0] = 1.0
    return audio


def sine(frequency_hz: float, level: float, length_s: float = 1.0) -> Audio:
    time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return Audio.of(level * np.sin(2 * np.pi * frequency_hz * time_s)[np.newaxis], RATE_HZ)


def spectrum_db(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    window = signal.windows.blackmanharris(samples.size, sym=False)
    return 20.0 * np.log10(np.abs(np.fft.rfft(samples * window)) / window.sum() * 2.0 + 1e-12)


def decay_time_s(response: NDArray[np.floating], low_hz: float, high_hz: float, rate_hz: int) -> float:
    """RT60 from the slope of the energy left (Schroeder 1965) between -5 and -35 dB, within a band."""
    band = signal.butter(3, [low_hz, high_hz], "bandpass", fs=rate_hz, output="sos")
    left = np.cumsum(signal.sosfilt(band, response.astype(np.float64))[::-1] ** 2)[::-1]
    level_db = 10.0 * np.log10(left / left[0] + 1e-30)
    inside = np.flatnonzero((level_db < -5.0) & (level_db > -35.0))
    slope = np.polyfit(inside / rate_hz, level_db[inside], 1)[0]
    return -60.0 / float(slope)


@pytest.mark.parametrize("effect", [Delay(time_s=0.01), OPEN, Saturation(drive_db=9.0)])
def test_base_and_v3_give_the_same_bits(
    effect: Processor, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Audio.of(rng.standard_normal((2, 5_000)) * 0.3, RATE_HZ)
    fast = apply(sound, effect).samples.tobytes()
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert apply(sound, effect).samples.tobytes() == fast


@pytest.mark.parametrize("effect", [Delay(time_s=0.01), OPEN, Saturation(drive_db=9.0)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(effect: Processor, bad: float) -> None:
    sound = Audio.silence(2, 6_000, RATE_HZ)
    sound.samples[1, 10] = bad
    with pytest.raises(InternalError) as caught:
        apply(sound, effect)
    assert caught.value.code == "render.not_finite"


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 384_000])
@pytest.mark.parametrize("effect", [Delay(time_s=0.02), OPEN, Saturation(drive_db=9.0)])
def test_any_rate_and_length(effect: Processor, rate_hz: int, rng: np.random.Generator) -> None:
    for length in (0, 1, 255, 2_000):
        made = apply(Audio.of(rng.standard_normal((2, length)), rate_hz), effect)
        assert (made.channels, made.length_samples, made.rate_hz) == (2, length, rate_hz)
        assert np.isfinite(made.samples).all()


# Saturation


def test_saturation_leaves_quiet_sound_alone(rng: np.random.Generator) -> None:
    quiet = Audio.of(rng.standard_normal((2, 5_000)) * 1e-4, RATE_HZ)
    made = apply(quiet, Saturation(drive_db=6.0))
    assert np.max(np.abs(made.samples - quiet.samples)) < 1e-9


def test_saturation_is_the_curve_without_aliases() -> None:
    """A 5 kHz tone driven hard: harmonics of the curve where they belong, and nothing between them."""
    made = apply(sine(5_000.0, 0.9), Saturation(drive_db=18.0)).samples[0].astype(np.float64)
    levels_db = spectrum_db(made)
    drive = 10.0 ** (18.0 / 20.0)
    phase = np.arange(4_096) / 4_096 * 2 * np.pi
    curve = np.tanh(drive * 0.9 * np.sin(phase)) / drive
    truth_db = 20.0 * np.log10(np.abs(np.fft.rfft(curve))[[1, 3]] / 2_048)
    assert levels_db[[5_000, 15_000]] == pytest.approx(truth_db, abs=0.1)
    elsewhere = np.ones(levels_db.size, dtype=bool)
    for harmonic in (0, 5_000, 15_000):
        elsewhere[max(0, harmonic - 40) : harmonic + 40] = False
    assert levels_db[elsewhere].max() < levels_db[5_000] - 65.0


def test_saturation_adds_no_dc_and_blends() -> None:
    lopsided = Audio.of(sine(200.0, 0.5, 2.0).samples + sine(400.0, 0.4, 2.0).samples, RATE_HZ)
    full = apply(lopsided, Saturation(drive_db=15.0)).samples.astype(np.float64)
    assert abs(full[0, RATE_HZ:].mean()) < 1e-4
    half = apply(lopsided, Saturation(drive_db=15.0, mix=0.5)).samples
    assert np.max(np.abs(half - 0.5 * (full + lopsided.samples))) < 1e-6
    assert np.array_equal(apply(lopsided, Saturation(drive_db=15.0, mix=0.0)).samples, lopsided.samples)


# Delay


def test_echoes_come_when_they_should() -> None:
    settings = Delay(time_s=0.1, feedback=0.5, low_cut_hz=1.0, high_cut_hz=22_000.0, ping_pong=False)
    sound = impulse(0.5)
    sound.samples[1] = 0.0
    made = apply(sound, settings).samples
    places = [round(k * 0.1 * RATE_HZ) for k in (1, 2, 3)]
    sizes = [float(made[0, place]) for place in places]
    assert sizes[1] / sizes[0] == pytest.approx(0.5, rel=0.08)
    assert sizes[2] / sizes[1] == pytest.approx(0.5, rel=0.08)
    assert not made[0, : places[0]].any()
    assert not made[1].any()


def test_ping_pong_goes_from_side_to_side() -> None:
    made = apply(impulse(0.5), Delay(time_s=0.1, feedback=0.6)).samples.astype(np.float64)
    step = round(0.1 * RATE_HZ)
    energy = [(made[:, k * step : (k + 1) * step] ** 2).sum(axis=1) for k in (1, 2, 3)]
    assert energy[0][0] > 0.0
    assert energy[0][1] == 0.0
    assert energy[1][1] > 50.0 * energy[1][0]
    assert energy[2][0] > 50.0 * energy[2][1]


def test_echoes_lose_lows_and_highs_on_every_pass(rng: np.random.Generator) -> None:
    """White noise burst: the third echo is darker and thinner than the first."""
    sound = Audio.silence(2, RATE_HZ, RATE_HZ)
    sound.samples[:, :8_000] = rng.standard_normal(8_000).astype(np.float32)
    made = apply(sound, Delay(time_s=0.2, feedback=0.8, ping_pong=False)).samples[0]
    step = round(0.2 * RATE_HZ)
    bands = []
    for k in (1, 3):
        power = np.abs(np.fft.rfft(made[k * step : k * step + 8_000].astype(np.float64))) ** 2
        hz = np.fft.rfftfreq(8_000, 1 / RATE_HZ)
        low, middle, high = (
            power[(hz > low) & (hz < high)].sum() for low, high in ((20, 100), (800, 2_000), (10_000, 15_000))
        )
        bands.append((low / middle, high / middle))
    assert bands[1][0] < 0.2 * bands[0][0]
    assert bands[1][1] < 0.5 * bands[0][1]


@pytest.mark.parametrize("effect", [Delay(time_s=0.11, feedback=0.7), Delay(time_s=0.1, feedback=0.0), OPEN])
def test_tails_are_as_long_as_said(effect: Processor) -> None:
    ring_s = tail_s([effect])
    made = apply(impulse(2 * ring_s + 0.5), effect).samples.astype(np.float64)
    after = made[:, round(ring_s * RATE_HZ) :]
    assert 10.0 * math.log10(float((after**2).sum() / (made**2).sum()) + 1e-30) < -55.0


# Reverb


@pytest.mark.parametrize(("decay_s", "size"), [(0.6, 0.2), (1.8, 0.5), (1.8, 1.0), (4.0, 0.7)])
@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_reverb_decays_as_told(decay_s: float, size: float, rate_hz: int) -> None:
    settings = Reverb(decay_s=decay_s, size=size, pre_delay_ms=0.0, low_cut_hz=20.0, high_cut_hz=20_000.0)
    made = apply(impulse(1.2 * decay_s + 0.3, rate_hz=rate_hz), settings).samples
    for side in made:
        assert decay_time_s(side, 707.0, 1_414.0, rate_hz) == pytest.approx(decay_s, rel=0.06)
        assert decay_time_s(side, 8_000.0, 14_000.0, rate_hz) < 0.75 * decay_s
        assert decay_time_s(side, 70.0, 140.0, rate_hz) > 0.95 * decay_s


def test_small_rooms_decay_straight_at_the_bottom() -> None:
    """The octave around 125 Hz between -5 and -45 dB, energies of clicks at four moments added, as bench/sound.py."""
    band = signal.butter(3, [88.0, 177.0], "bandpass", fs=RATE_HZ, output="sos")
    bends: list[float] = []
    for size in (0.16, 0.2, 0.24):
        settings = Reverb(decay_s=0.6, size=size, pre_delay_ms=0.0, low_cut_hz=20.0, high_cut_hz=20_000.0)
        energy = np.zeros(RATE_HZ)
        for at_s in (0.0, 0.67, 1.31, 1.97):
            at = round(at_s * RATE_HZ)
            click = Audio.silence(2, at + RATE_HZ, RATE_HZ)
            click.samples[:, at] = 1.0
            energy += (signal.sosfilt(band, apply(click, settings).samples[:, at:].astype(np.float64)) ** 2).sum(axis=0)
        left_db = 10.0 * np.log10(np.cumsum(energy[::-1])[::-1] / energy.sum())
        inside = np.flatnonzero((left_db < -5.0) & (left_db > -45.0))
        line_db = np.polyval(np.polyfit(inside, left_db[inside], 1), inside)
        bends.append(float(np.max(np.abs(left_db[inside] - line_db))))
    assert sum(bends) / 3.0 < 1.0


def test_reverb_keeps_the_level_below_the_damping(rng: np.random.Generator) -> None:
    low_pass = signal.butter(4, 4_000.0, fs=RATE_HZ, output="sos")
    mono = signal.sosfilt(low_pass, rng.standard_normal((1, 5 * RATE_HZ)))
    noise = Audio.of(np.repeat(mono * (0.1 / mono.std()), 2, axis=0), RATE_HZ)
    for decay_s in (0.5, 1.5, 3.0):
        made = apply(noise, Reverb(decay_s=decay_s, low_cut_hz=20.0, high_cut_hz=20_000.0)).samples[:, 3 * RATE_HZ :]
        level_db = 20.0 * np.log10(made.std(axis=1) / 0.1)
        assert np.all(np.abs(level_db) < 3.0), decay_s
        assert abs(level_db[0] - level_db[1]) < 1.0


def test_reverb_is_dense_and_does_not_ring() -> None:
    """After 150 ms the response is as Gaussian as noise (echo density 1, Abel & Huang 2006), and no line stands out."""
    made = apply(impulse(3.0), OPEN).samples[0].astype(np.float64)
    start, window = round(0.15 * RATE_HZ), round(0.02 * RATE_HZ)
    for k in range(20):
        piece = made[start + k * window : start + (k + 1) * window]
        outside = float((np.abs(piece) > piece.std()).mean()) / math.erfc(math.sqrt(0.5))
        assert 0.7 < outside < 1.3
    tail = made[RATE_HZ // 2 : RATE_HZ // 2 + 32_768]
    tail *= 10.0 ** (3.0 * np.arange(tail.size) / (1.5 * RATE_HZ))
    power = np.abs(np.fft.rfft(tail * np.hanning(tail.size))) ** 2
    hz = np.fft.rfftfreq(tail.size, 1 / RATE_HZ)
    inside = power[(hz > 300.0) & (hz < 4_000.0)]
    around = np.convolve(inside, np.ones(101) / 101, "same")
    assert 10.0 * math.log10(float((inside / around)[50:-50].max())) < 13.0


def test_reverb_has_no_dc_and_two_different_sides() -> None:
    made = apply(impulse(3.0), OPEN).samples.astype(np.float64)
    assert np.all(np.abs(made.sum(axis=1)) < 1e-3)
    assert abs(float(np.corrcoef(made)[0, 1])) < 0.1
    narrow = apply(impulse(1.0), Reverb(decay_s=0.8, width=0.0)).samples
    assert np.array_equal(narrow[0], narrow[1])


def test_reverb_begins_after_its_pre_delay() -> None:
    made = apply(impulse(0.5, channels=1), Reverb(decay_s=0.5, pre_delay_ms=35.0)).samples
    first = round(0.035 * RATE_HZ)
    assert not made[:, :first].any()
    assert made[:, first : first + 900].any()


def test_reverb_in_blocks_gives_the_bits_of_the_whole(rng: np.random.Generator) -> None:
    noise = rng.standard_normal((2, 3_000)).astype(np.float32)
    whole = room(OPEN, RATE_HZ).follow(noise)
    cut = room(OPEN, RATE_HZ)
    edges = (0, 1, 33, 1_000, 3_000)
    pieces = [cut.follow(np.ascontiguousarray(noise[:, a:b])) for a, b in pairwise(edges)]
    assert np.concatenate(pieces, axis=1).tobytes() == whole.tobytes()


def test_reverb_is_nearly_linear_in_level(rng: np.random.Generator) -> None:
    noise = rng.standard_normal((2, 5_000)) * 0.1
    one, two = (apply(Audio.of(noise * gain, RATE_HZ), OPEN).samples.astype(np.float64) for gain in (1.0, 2.0))
    assert np.max(np.abs(two - 2.0 * one)) < 1e-6
