"""The limiter against filters it does not import, and against what it promises."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soxr
from bench.true_peak_scan import true_peaks_dbtp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import resample, resample_poly

from tapehand.audio import Audio, io
from tapehand.dsp.chain import apply
from tapehand.dsp.limiter import CEILING_MARGIN_DB, GRID_SAMPLES, LimiterForecast, LimiterNode, limit
from tapehand.dsp.node import restore, run_whole, state_of
from tapehand.errors import InternalError
from tapehand.kernels import limiter as kernels
from tapehand.meters.true_peak import finest_true_peak_dbtp
from tapehand.song.processors import Limiter, SoftClip
from tapehand.work import Work

RATE = 44_100


def level_db(samples: NDArray[np.floating]) -> float:
    return 20 * math.log10(float(np.abs(samples).max()))


def readings(audio: Audio) -> dict[str, float]:
    """True peak by resamplers of other people."""
    wide = audio.samples.astype(np.float64)
    # The first of these is no filter of the set: its ripple is 0.006 dB.
    return {
        "poly": level_db(resample_poly(wide, 16, 1, axis=1)),
        "soxr": level_db(soxr.resample(wide.T, audio.rate_hz, audio.rate_hz * 16, quality="VHQ")),
        "fourier": level_db(resample(wide, wide.shape[1] * 16, axis=1)[:, 16_000:-16_000]),
    }


def music(rng: np.random.Generator, seconds: float = 3.0, rate_hz: int = RATE) -> Audio:
    """Hits, a bass, and a wide bed of noise without the top octave's end, about 12 dB of crest."""
    n = np.arange(int(seconds * rate_hz))
    bass = 0.25 * np.sin(2 * np.pi * 55 * n / rate_hz)
    hits = rng.standard_normal(n.size) * np.exp(-(n % (rate_hz // 4)) / (0.03 * rate_hz)) * 0.3
    bed = np.stack([np.convolve(rng.standard_normal(n.size), np.hanning(5), "same") for _ in range(2)]) * 0.03
    low = np.convolve(hits, np.hanning(7) / 4, "same")
    return Audio.of(bass + low + bed, rate_hz)


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 96_000])
@pytest.mark.parametrize("drive_db", [0.0, 6.0, 18.0])
def test_no_meter_reads_above_the_ceiling_on_music(rng: np.random.Generator, drive_db: float, rate_hz: int) -> None:
    made = limit(music(rng, 1.0, rate_hz), Limiter(drive_db=drive_db, ceiling_dbtp=-1.0))
    assert max(readings(made).values()) <= -1.0 + 0.01
    assert finest_true_peak_dbtp(made) <= -1.0


STRESS = {
    "997 Hz": lambda n, rate_hz, rng: np.sin(2 * np.pi * 997 * n / rate_hz),
    "60 Hz": lambda n, rate_hz, rng: np.sin(2 * np.pi * 60 * n / rate_hz),
    "fs/4": lambda n, rate_hz, rng: np.sin(np.pi / 2 * n + np.pi / 4),
    "random signs": lambda n, rate_hz, rng: rng.choice([-1.0, 1.0], n.size),
    "noise": lambda n, rate_hz, rng: rng.standard_normal(n.size) * 0.5,
    "impulses": lambda n, rate_hz, rng: 1.0 * (rng.random(n.size) > 0.999),
    "square": lambda n, rate_hz, rng: np.sign(np.sin(2 * np.pi * 5_000 * n / rate_hz + 0.1)),
}


def delivered(samples: NDArray[np.float32], bits: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """As in a file: triangular dither of two steps, rounded to ``bits``."""
    step = 2.0 ** (1 - bits)
    dither = (rng.random(samples.shape) - rng.random(samples.shape)) * step
    return np.round((samples + dither) / step) * step


@pytest.mark.parametrize(("rate_hz", "bits"), [(44_100, 16), (48_000, 24), (96_000, 24), (192_000, 16)])
@pytest.mark.parametrize("drive_db", [6.0, 14.0])
@pytest.mark.parametrize("name", STRESS)
def test_no_filter_of_the_set_reads_above_the_ceiling_on_what_is_delivered(
    rng: np.random.Generator, name: str, drive_db: float, rate_hz: int, bits: int
) -> None:
    sound = STRESS[name](np.arange(20_000), rate_hz, rng)[np.newaxis]
    made = limit(Audio.of(sound, rate_hz), Limiter(drive_db=drive_db)).samples
    for filter_name, peak_dbtp in true_peaks_dbtp(delivered(made, bits, rng)).items():
        assert peak_dbtp <= -1.0 + 0.01, filter_name


@pytest.mark.parametrize("name", ["random signs", "noise", "impulses"])
def test_the_meter_reads_what_an_independent_scan_reads(rng: np.random.Generator, name: str) -> None:
    sound = Audio.of(STRESS[name](np.arange(30_000), RATE, rng)[np.newaxis] * 0.3, RATE)
    assert finest_true_peak_dbtp(sound) == pytest.approx(max(true_peaks_dbtp(sound.samples).values()), abs=0.1)


def test_no_filter_of_the_set_reads_above_the_ceiling_on_real_songs(material: Path) -> None:
    for path in sorted((material / "songs").iterdir()):
        song = io.read(path, Work())
        part = song.span(song.length_samples // 2, song.length_samples // 2 + 3 * song.rate_hz)
        made = limit(part, Limiter(drive_db=14.0))
        assert max(true_peaks_dbtp(made.samples).values()) <= -1.0 + 0.01, path.name


def test_a_steady_tone_at_half_the_rate_is_held(rng: np.random.Generator) -> None:
    made = limit(Audio.of((-1.0) ** np.arange(RATE)[np.newaxis], RATE), Limiter(drive_db=6.0))
    assert finest_true_peak_dbtp(made) <= -1.0


def test_a_tone_just_below_half_the_rate_is_held_in_the_silence_around_it_too() -> None:
    tone = np.pad(np.cos(np.pi * 0.995 * np.arange(30_000)), 10_000)[np.newaxis]
    assert max(true_peaks_dbtp(tone).values()) > 5.0
    made = limit(Audio.of(tone, RATE), Limiter(drive_db=6.0)).samples
    assert max(true_peaks_dbtp(made).values()) <= -1.0 + 0.01


def test_what_stays_below_the_ceiling_is_not_touched(rng: np.random.Generator) -> None:
    quiet = Audio.of(music(rng).samples * np.float32(0.1), RATE)
    assert np.array_equal(limit(quiet, Limiter(drive_db=0.0)).samples, quiet.samples)


def test_drive_alone_is_a_gain(rng: np.random.Generator) -> None:
    quiet = Audio.of(music(rng).samples * np.float32(0.01), RATE)
    made = limit(quiet, Limiter(drive_db=12.0))
    np.testing.assert_allclose(made.samples, quiet.samples * 10 ** (12 / 20), rtol=1e-6)


def test_the_ceiling_is_used_to_the_full(rng: np.random.Generator) -> None:
    made = limit(music(rng), Limiter(drive_db=10.0, ceiling_dbtp=-3.0))
    assert finest_true_peak_dbtp(made) == pytest.approx(-3.0 - CEILING_MARGIN_DB, abs=0.01)


def residual_db(samples: NDArray[np.floating], frequencies_hz: list[float]) -> float:
    """What is left beside tones of these frequencies, fitted by least squares, in dB re all."""
    middle = samples[0, RATE : 3 * RATE].astype(np.float64)
    angles = 2 * np.pi * np.outer(frequencies_hz, np.arange(middle.size)) / RATE
    tones = np.concatenate([np.sin(angles), np.cos(angles)]).T
    rest = middle - tones @ np.linalg.lstsq(tones, middle, rcond=None)[0]
    return 10 * math.log10(float(np.sum(rest**2) / np.sum(middle**2)))


@pytest.mark.parametrize("frequency_hz", [40.0, 60.0, 997.0])
def test_a_steady_tone_is_not_distorted(frequency_hz: float) -> None:
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(4 * RATE) / RATE)[np.newaxis]
    made = limit(Audio.of(tone, RATE), Limiter(drive_db=7.0))
    assert residual_db(made.samples, [frequency_hz]) < -120.0


def test_a_bass_is_not_printed_on_what_lies_on_top_of_it() -> None:
    n = np.arange(4 * RATE)
    pair = 0.8 * np.sin(2 * np.pi * 60 * n / RATE) + 0.2 * np.sin(2 * np.pi * 7_000 * n / RATE)
    made = limit(Audio.of(pair[np.newaxis], RATE), Limiter(drive_db=7.0))
    assert residual_db(made.samples, [60.0, 7_000.0]) < -120.0


def test_both_channels_share_one_gain(rng: np.random.Generator) -> None:
    loud = music(rng).samples[0]
    made = limit(Audio.of(np.stack([loud, loud * np.float32(0.5)]), RATE), Limiter(drive_db=9.0)).samples
    np.testing.assert_allclose(made[1], made[0] * 0.5, rtol=1e-6, atol=1e-7)


def test_mono_gives_mono_of_the_same_length(rng: np.random.Generator) -> None:
    mono = Audio.of(music(rng).samples[:1, :12_345], RATE)
    assert limit(mono, Limiter(drive_db=9.0)).samples.shape == (1, 12_345)


def test_runs_and_kernel_copies_give_the_same_bits(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, settings = music(rng, 1.0), Limiter(drive_db=12.0)
    first = limit(sound, settings).samples
    assert np.array_equal(limit(sound, settings).samples, first)
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert np.array_equal(limit(sound, settings).samples, first)


def cut_up(node: LimiterNode, samples: NDArray[np.float32], cuts: list[int]) -> NDArray[np.float32]:
    ahead = np.pad(samples, ((0, 0), (0, node.look_ahead_samples)))
    edges = [0, *sorted(cuts), ahead.shape[1]]
    made = np.concatenate([node.follow(ahead[:, start:end]) for start, end in pairwise(edges)], axis=1)
    return made[:, node.look_ahead_samples :]


def test_blocks_do_not_matter_and_the_state_can_be_kept(rng: np.random.Generator) -> None:
    sound, settings = music(rng, 4.0), Limiter(drive_db=11.0)
    whole = limit(sound, settings).samples
    cuts = [1, 2, 1_000, *rng.integers(0, sound.length_samples, 20).tolist(), GRID_SAMPLES, GRID_SAMPLES + 1]
    assert np.array_equal(cut_up(LimiterNode(2, RATE, settings), sound.samples, cuts), whole)
    for at in (17, 60_000, 2 * GRID_SAMPLES):
        first, second = LimiterNode(2, RATE, settings), LimiterNode(2, RATE, settings)
        ahead = np.pad(sound.samples, ((0, 0), (0, first.look_ahead_samples)))
        begun = first.follow(ahead[:, :at])
        restore(second, iter(state_of(first)))
        made = np.concatenate([begun, second.follow(ahead[:, at:])], axis=1)
        assert np.array_equal(made[:, first.look_ahead_samples :], whole)


def test_what_a_node_keeps_does_not_grow(rng: np.random.Generator) -> None:
    node, noise = LimiterNode(2, RATE, Limiter(drive_db=9.0)), rng.standard_normal((2, 30_000)).astype(np.float32)
    sizes = set()
    for _ in range(6):
        node.follow(noise)
        sizes.add(sum(part.nbytes for part in state_of(node)))
    assert len(sizes) == 1
    assert sizes.pop() < 4_000_000


# Longer than three steps of the limiter's grid, so that what it polishes meets its own borders.
LONG = 3 * GRID_SAMPLES + 4_321


@pytest.mark.parametrize(("name", "rate_hz"), [("random signs", 44_100), ("noise", 48_000), ("impulses", 96_000)])
def test_no_filter_reads_above_the_ceiling_where_steps_of_the_grid_meet(
    rng: np.random.Generator, name: str, rate_hz: int
) -> None:
    sound = STRESS[name](np.arange(LONG), rate_hz, rng)[np.newaxis]
    made = limit(Audio.of(sound, rate_hz), Limiter(drive_db=14.0)).samples
    assert max(true_peaks_dbtp(made).values()) <= -1.0 + 0.01


def test_peaks_on_the_very_borders_of_the_grid_are_held(rng: np.random.Generator) -> None:
    quiet = rng.standard_normal((1, LONG)) * 0.05
    delay = LimiterNode(1, RATE, Limiter(drive_db=0.0)).look_ahead_samples
    for border in range(0, LONG + delay, GRID_SAMPLES):
        for offset in (-3_072, -1, 0, 1, 3_072):
            # Wherever in the chain of its parts a step may end: an edge of random signs, the worst there is.
            for part in (0, 4_096, 5_632, 7_168):
                at = border + offset - part
                if 0 <= at < LONG - 60:
                    quiet[0, at : at + 60] = rng.choice([-1.0, 1.0], 60)
    made = limit(Audio.of(quiet, RATE), Limiter(drive_db=8.0)).samples
    assert max(true_peaks_dbtp(made).values()) <= -1.0 + 0.01


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 96_000])
def test_the_forecast_tells_the_gain(rng: np.random.Generator, rate_hz: int) -> None:
    sound, settings, step = music(rng, 2.0, rate_hz), Limiter(drive_db=10.0), max(1, rate_hz // 11_025)
    node = LimiterNode(2, rate_hz, settings)
    made = run_whole(node, sound).samples
    forecast = LimiterForecast(sound, step)
    gain = np.repeat(forecast.gain(settings), step)[: sound.length_samples]
    foreseen = sound.samples * gain * np.float32(10 ** (10 / 20))
    assert 20 * math.log10(float(gain.min())) == pytest.approx(20 * math.log10(node.deepest_gain), abs=0.2)
    assert level_db(foreseen - made) - level_db(made) < -26.0
    power = [10 * math.log10(float(np.square(wave).sum())) for wave in (foreseen, made)]
    assert power[0] == pytest.approx(power[1], abs=0.1)


@pytest.mark.parametrize("length", [0, 1, 5, 100])
def test_the_shortest_sounds(length: int) -> None:
    made = limit(Audio.of(np.full((2, length), 4.0), RATE), Limiter(drive_db=0.0))
    assert made.length_samples == length
    assert float(np.abs(made.samples).max(initial=0.0)) <= 10 ** (-1 / 20)


def test_a_value_that_is_not_a_number_is_refused() -> None:
    samples = np.zeros((1, 100), dtype=np.float32)
    samples[0, 7] = np.inf
    with pytest.raises(InternalError, match="not a number"):
        limit(Audio(samples, RATE), Limiter(drive_db=0.0))


TIMES = kernels.ReleaseTimes(fast=10.0, slow=100.0, dense=300.0, charge=10.0, pressure=40.0, deep=4e6)


@given(
    levels=st.lists(st.floats(0.0, 8.0, width=32), min_size=1, max_size=60),
    reach=st.integers(1, 9),
    extra=st.integers(0, 20),
)
def test_the_smoothed_gain_never_lies_above_what_a_peak_asks_for(levels: list[float], reach: int, extra: int) -> None:
    envelope = np.array(levels, dtype=np.float32)
    held = kernels.hold(kernels.attenuation_of(envelope, 1.0), reach + extra, reach)
    kernels.release(held, TIMES, kernels.release_state())
    assert (envelope.astype(np.float64) * kernels.smooth_gain(held, reach) <= 1.0).all()


def recovery_samples(busy: int) -> int:
    """How long it takes to lose four fifths of a reduction after 4000 samples, of which so many tenths asked for it."""
    times = kernels.ReleaseTimes(fast=10.0, slow=100.0, dense=300.0, charge=1e9, pressure=400.0, deep=4e6)
    deep = 20_000_000
    asked = np.where(np.arange(4_000) // 10 % 10 >= 10 - busy, deep, 0).astype(np.int32)
    held = np.concatenate([asked, np.zeros(3_000, dtype=np.int32)])
    kernels.release(held, times, kernels.release_state())
    return int(np.argmax(held[4_000:] < deep / 5))


def test_the_gain_comes_back_slowly_only_where_the_sound_presses_on_the_ceiling_nearly_all_the_time() -> None:
    seldom, often, always = (recovery_samples(busy) for busy in (1, 5, 10))
    assert seldom == pytest.approx(10.0 * math.log(5.0), abs=1.5)
    assert often < 2 * seldom
    assert always > 5 * often


def test_releasing_in_pieces_is_releasing_at_once(rng: np.random.Generator) -> None:
    asked = (rng.random(500) * 3e7 * (rng.random(500) > 0.6)).astype(np.int32)
    whole, pieces, state = asked.copy(), asked.copy(), kernels.release_state()
    kernels.release(whole, TIMES, kernels.release_state())
    for piece in np.split(pieces, [1, 8, 300]):
        kernels.release(piece, TIMES, state)
    assert np.array_equal(whole, pieces)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=50), st.integers(0, 30))
def test_steadiness_moves_up_to_the_lasting_gain_or_not_at_all(pairs: list[tuple[int, int]], band: int) -> None:
    lasting = np.array([max(pair) for pair in pairs], dtype=np.int32)
    before = np.array([min(pair) for pair in pairs], dtype=np.int32)
    held = before.copy()
    kernels.steady(lasting, band, held)
    gaps = lasting - before
    assert (held[gaps <= band] == lasting[gaps <= band]).all()
    assert (held[gaps >= 2 * band] == before[gaps >= 2 * band]).all()
    assert ((before <= held) & (held <= lasting)).all()


@given(st.lists(st.integers(0, 100), min_size=1, max_size=50), st.integers(0, 12), st.integers(0, 12))
def test_hold_is_the_maximum_of_its_window(values: list[int], back: int, ahead: int) -> None:
    held = kernels.hold(np.array(values, dtype=np.int32), back, ahead)
    assert list(held) == [max(values[max(0, i - back) : i + ahead + 1]) for i in range(len(values))]


def test_the_soft_clipper_touches_only_peaks(rng: np.random.Generator) -> None:
    sound = music(rng)
    settings = SoftClip(drive_db=0.0, ceiling_db=-6.0, knee_db=3.0)
    made = apply(sound, settings).samples
    near = np.convolve(np.abs(sound.samples).max(axis=0) > 10 ** (-9.5 / 20), np.ones(129), "same") > 0
    assert np.array_equal(made[:, ~near], sound.samples[:, ~near])
    assert near.any()
    assert not near.all()
    assert level_db(resample_poly(made.astype(float), 8, 1, axis=1)) <= -6.0 + 0.7


def test_the_soft_clipper_folds_less_back_than_clipping_at_the_rate() -> None:
    n = np.arange(RATE)
    tone = 0.9 * np.sin(2 * np.pi * 5_003 * n / RATE)
    made = apply(Audio.of(tone[np.newaxis], RATE), SoftClip(drive_db=0.0, ceiling_db=-4.0, knee_db=2.0)).samples[0]
    bluntly = np.clip(tone, -(10 ** (-4 / 20)), 10 ** (-4 / 20))

    def folded(wave: NDArray[np.floating]) -> float:
        power = np.abs(np.fft.rfft(wave * np.hanning(wave.size))) ** 2
        for harmonic in (5_003, 15_009):
            power[harmonic - 4 : harmonic + 5] = 0.0
        return 10 * math.log10(float(power.sum()))

    assert folded(made) < folded(bluntly) - 12.0
