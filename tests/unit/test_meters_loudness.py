"""Loudness against the tone cases of EBU Tech 3341 and 3342, and against libebur128."""

import math
from pathlib import Path

import numpy as np
import pyebur128
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio, io
from tapehand.audio.resample import resample
from tapehand.errors import InternalError
from tapehand.meters import loudness as meters
from tapehand.meters.k_weighting import sections
from tapehand.meters.summary import MeterStream, measure
from tapehand.work import Work

RATE = 48_000


def tone(steps: list[tuple[float, float]], channels: int = 2, rate_hz: int = RATE) -> Audio:
    """1 kHz at levels in dBFS (peak) for seconds, one phase throughout."""
    lengths = [round(seconds * rate_hz) for _, seconds in steps]
    gains = np.repeat([10 ** (level / 20) if math.isfinite(level) else 0.0 for level, _ in steps], lengths)
    wave = np.sin(2 * np.pi * 1000.0 * np.arange(gains.size) / rate_hz) * gains
    return Audio.of(np.tile(wave, (channels, 1)), rate_hz)


def noise(rng: np.random.Generator, channels: int, seconds: float, rate_hz: int) -> Audio:
    """Noise whose level wanders, so that gates and windows matter."""
    length = int(seconds * rate_hz)
    level = 10 ** (-2.0 + 1.5 * np.sin(2 * np.pi * np.arange(length) / rate_hz / 7.3))
    return Audio.of(rng.standard_normal((channels, length)) * level * 0.1, rate_hz)


def peer(audio: Audio) -> tuple[float, float]:
    """Integrated loudness and range by libebur128."""
    modes = pyebur128.MeasurementMode.MODE_I | pyebur128.MeasurementMode.MODE_LRA
    state = pyebur128.R128State(audio.channels, audio.rate_hz, modes)
    state.add_frames(np.ascontiguousarray(audio.samples.T).ravel(), audio.length_samples)
    return pyebur128.get_loudness_global(state), pyebur128.get_loudness_range(state)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(-23.0, 20)], -23.0),
        ([(-33.0, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_integrated_loudness_of_tech_3341_cases_1_to_5(steps: list[tuple[float, float]], expected: float) -> None:
    assert meters.integrated_lufs(tone(steps)) == pytest.approx(expected, abs=0.1)


def test_a_steady_tone_reads_the_same_on_every_scale() -> None:
    figures = meters.loudness(tone([(-23.0, 20)]))
    assert figures.max_momentary_lufs == pytest.approx(-23.0, abs=0.1)
    assert figures.max_short_term_lufs == pytest.approx(-23.0, abs=0.1)
    assert figures.range_lu == pytest.approx(0.0, abs=0.01)


def test_surround_weights_of_tech_3341_case_6() -> None:
    t = np.arange(20 * RATE) / RATE
    levels = [-28, -28, -24, -30, -30]
    surround = np.stack([10 ** (level / 20) * np.sin(2 * np.pi * 1000 * t) for level in levels])
    assert meters.integrated_lufs(Audio.of(surround, RATE)) == pytest.approx(-23.0, abs=0.1)
    with_lfe = np.insert(surround, 3, np.sin(2 * np.pi * 60 * t), axis=0)
    assert meters.integrated_lufs(Audio.of(with_lfe, RATE)) == pytest.approx(-23.0, abs=0.1)


def test_short_term_of_tech_3341_case_9_stands_still() -> None:
    powers = meters.weighted_powers(meters.k_energies(tone([(-20, 1.34), (-30, 1.66)] * 5)))
    assert np.allclose(meters.short_term_lufs(powers), -23.0, atol=0.1)


def test_momentary_of_tech_3341_case_12_stands_still() -> None:
    powers = meters.weighted_powers(meters.k_energies(tone([(-20, 0.18), (-30, 0.22)] * 25)))
    assert np.allclose(meters.momentary_lufs(powers)[30:], -23.0, atol=0.1)


@pytest.mark.parametrize("step", range(20))
def test_highest_short_term_of_tech_3341_case_10(step: int) -> None:
    audio = tone([(-math.inf, step * 0.15), (-23, 3), (-math.inf, 1)])
    assert meters.loudness(audio).max_short_term_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("step", range(20))
def test_highest_momentary_of_tech_3341_case_13(step: int) -> None:
    audio = tone([(-math.inf, step * 0.02), (-23, 0.4), (-math.inf, 1)])
    assert meters.loudness(audio).max_momentary_lufs == pytest.approx(-23.0, abs=0.1)


def test_highest_short_term_of_tech_3341_case_11_follows_twenty_steps() -> None:
    steps = [(-math.inf, i * 0.15) for i in range(20)]
    audio = tone([part for i, gap in enumerate(steps) for part in (gap, (-38.0 + i, 3), (-math.inf, 3 - gap[1]))])
    readings = meters.short_term_lufs(meters.weighted_powers(meters.k_energies(audio)))
    for i in range(20):
        seen = readings[: (i + 1) * 300 - 150 + 1]
        assert max(seen) == pytest.approx(-38.0 + i, abs=0.1)


def test_highest_momentary_of_tech_3341_case_14_follows_twenty_steps() -> None:
    steps = [(-math.inf, i * 0.02) for i in range(20)]
    audio = tone([part for i, gap in enumerate(steps) for part in (gap, (-38.0 + i, 0.4), (-math.inf, 0.4 - gap[1]))])
    readings = meters.momentary_lufs(meters.weighted_powers(meters.k_energies(audio)))
    for i in range(20):
        seen = readings[: (i + 1) * 40 - 20 + 1]
        assert max(seen) == pytest.approx(-38.0 + i, abs=0.1)


def test_the_absolute_gate_of_bs_1770_shuts_out_what_lies_below_it() -> None:
    assert meters.integrated_lufs(tone([(-69.5, 10), (-71.0, 10)])) == pytest.approx(-69.5, abs=0.1)
    assert meters.integrated_lufs(tone([(-72.0, 10)])) == -math.inf


def test_the_relative_gate_of_bs_1770_shuts_out_what_lies_ten_below_the_rest() -> None:
    # -36 lies below the gate of -23 for a minute, -30 does not.
    assert meters.integrated_lufs(tone([(-36, 10), (-23, 60)])) == pytest.approx(-23.0, abs=0.1)
    mean = 10 * math.log10((10 * 10**-3.0 + 60 * 10**-2.3) / 70)
    assert meters.integrated_lufs(tone([(-30, 10), (-23, 60)])) == pytest.approx(mean, abs=0.1)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 32_000, 44_100, 88_200, 192_000, 384_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_tone_of_997_hz_reads_as_bs_1770_says_at_every_rate(channels: int, rate_hz: int) -> None:
    t = np.arange(2 * rate_hz) / rate_hz
    wave = np.zeros((channels, t.size))
    wave[0] = np.sin(2 * np.pi * 997 * t) * np.minimum(1.0, 200 * np.minimum(t, t[::-1]))
    figures = measure(Audio.of(wave, rate_hz))
    assert figures.integrated_lufs == pytest.approx(-3.01, abs=0.05)
    # The standard's own filter has a ripple of 0.22 dB at a tenth of the rate.
    assert figures.true_peak_dbtp == pytest.approx(0.0, abs=0.25)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_agrees_with_libebur128_on_real_songs(material: Path, rate_hz: int) -> None:
    """Whole songs at their own rate; at other rates forty seconds of each, converted."""
    for path in sorted((material / "songs").iterdir()):
        song = io.read(path, Work())
        own = rate_hz == song.rate_hz
        audio = song if own else resample(song.span(0, min(song.length_samples, 40 * song.rate_hz)), rate_hz)
        figures, (integrated_lufs, range_lu) = meters.loudness(audio), peer(audio)
        assert figures.integrated_lufs == pytest.approx(integrated_lufs, abs=0.002), path.name
        assert figures.range_lu == pytest.approx(range_lu, abs=0.02), path.name


def test_the_steps_of_100_ms_are_ungated() -> None:
    steps = measure(tone([(-20, 1), (-80, 1)])).loudness_steps_lufs
    assert len(steps) == 20
    assert steps[5] == pytest.approx(-20.0, abs=0.1)
    assert steps[15] == pytest.approx(-80.0, abs=0.1)


def test_the_smallest_psr_is_that_of_the_densest_place(rng: np.random.Generator) -> None:
    hits = rng.standard_normal(5 * RATE) * (np.arange(5 * RATE) % 12_000 < 200)
    dense = np.sin(2 * np.pi * 1000 * np.arange(5 * RATE) / RATE)
    figures = measure(Audio.of(0.1 * np.concatenate([hits, dense, hits])[np.newaxis], RATE))
    assert figures.psr_db == pytest.approx(3.01, abs=0.1)
    assert figures.plr_db is not None
    assert figures.plr_db > 10.0


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_loudness_range_of_tech_3342_cases_1_to_4(levels: tuple[float, ...], expected: float) -> None:
    assert meters.loudness(tone([(level, 20) for level in levels])).range_lu == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(
    ("channels", "rate_hz"), [(1, 8_000), (2, 22_050), (2, 44_100), (2, 48_000), (1, 88_200), (2, 96_000), (2, 192_000)]
)
def test_agrees_with_libebur128(rng: np.random.Generator, channels: int, rate_hz: int) -> None:
    audio = noise(rng, channels, 15.0, rate_hz)
    figures = meters.loudness(audio)
    integrated_lufs, range_lu = peer(audio)
    assert figures.integrated_lufs == pytest.approx(integrated_lufs, abs=0.002)
    assert figures.range_lu == pytest.approx(range_lu, abs=0.02)


def test_the_standards_own_coefficients_come_out_at_48_khz() -> None:
    shelf, high_pass = sections(48_000)
    assert shelf == pytest.approx(
        [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585], abs=1e-9
    )
    assert high_pass == pytest.approx([1, -2, 1, -1.99004745483398, 0.99007225036621], abs=1e-9)


@pytest.mark.parametrize("sizes", [[1, 7, 4096], [882], [100_000]])
def test_blocks_of_any_size_give_the_same_bits(rng: np.random.Generator, sizes: list[int]) -> None:
    audio = noise(rng, 2, 5.0, 44_100)
    stream, start, turn = MeterStream(2, 44_100), 0, 0
    while start < audio.length_samples:
        size = sizes[turn % len(sizes)]
        stream.feed(Audio.of(audio.samples[:, start : start + size], 44_100))
        start, turn = start + size, turn + 1
    assert stream.finish() == measure(audio)


def test_both_copies_of_the_kernels_give_the_same_bits(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = noise(rng, 2, 2.0, 44_100)
    fast = measure(audio)
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert measure(audio) == fast


@pytest.mark.parametrize("samples", [np.zeros((2, 48_000)), np.zeros((1, 0)), np.zeros((2, 100))])
def test_silence_and_nothing_have_no_loudness(samples: NDArray[np.float64]) -> None:
    plain = measure(Audio.of(samples, RATE)).as_plain()
    for name in ("integrated_lufs", "max_momentary_lufs", "sample_peak_dbfs", "true_peak_dbtp", "plr_db", "crest_db"):
        assert plain[name] is None, name


def test_gain_moves_every_level_by_itself(rng: np.random.Generator) -> None:
    audio = Audio.of(rng.standard_normal((2, 8 * 44_100)) * 0.1, 44_100)
    before, after = measure(audio), measure(Audio.of(audio.samples * np.float32(0.5), 44_100))
    for name in ("integrated_lufs", "max_short_term_lufs", "sample_peak_dbfs", "true_peak_dbtp"):
        assert getattr(before, name) - getattr(after, name) == pytest.approx(20 * math.log10(2), abs=1e-6)
    assert after.crest_db == pytest.approx(before.crest_db, abs=1e-6)


def test_a_value_that_is_not_a_number_is_told_with_its_place() -> None:
    samples = np.zeros((2, 1000), dtype=np.float32)
    samples[1, 321] = np.nan
    with pytest.raises(InternalError, match="not a number") as caught:
        measure(Audio(samples, RATE))
    assert "321" in caught.value.where
