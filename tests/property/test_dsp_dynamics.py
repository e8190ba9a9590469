"""De-esser, gate, transients, dynamic and multiband processors, M/S, finite filters, convolution, characters."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from tapehand.audio import Audio
from tapehand.dsp.chain import apply, run_chains, tail_s
from tapehand.dsp.crossover import crossover_sections
from tapehand.dsp.fir import fir_response
from tapehand.dsp.strip_node import StripNode
from tapehand.errors import InputError, InternalError
from tapehand.kernels.blend import left_and_right, mid_and_side, widened
from tapehand.kernels.dynamics import GainFollower, compressor_follower, gate_follower, transient_follower
from tapehand.song.processors import (
    Band,
    CharacterCompressor,
    Colour,
    Compressor,
    Convolution,
    DeEsser,
    DynamicEqualiser,
    Equaliser,
    FirEqualiser,
    Gate,
    MidSideEqualiser,
    MultibandCompressor,
    Processor,
    TransientShaper,
)

RATE_HZ = 48_000
BANDS = (
    Band(kind="low_shelf", frequency_hz=150.0, gain_db=4.0),
    Band(kind="peak", frequency_hz=3_000.0, gain_db=-6.0, q=1.5),
    Band(kind="high_shelf", frequency_hz=9_000.0, gain_db=3.0),
)
QUICK = Compressor(threshold_db=-30.0, ratio=4.0, attack_ms=2.0, release_ms=50.0)
NEW: tuple[Processor, ...] = (
    DeEsser(),
    Gate(threshold_db=-30.0),
    TransientShaper(attack_db=6.0, sustain_db=-6.0),
    DynamicEqualiser(frequency_hz=3_000.0, threshold_db=-40.0),
    DynamicEqualiser(kind="low_shelf", frequency_hz=150.0, threshold_db=-40.0),
    MultibandCompressor(crossovers_hz=(120.0, 900.0, 5_000.0), bands=(QUICK,) * 4),
    MidSideEqualiser(mid=BANDS[:1], side=BANDS[1:], side_gain_db=2.0),
    FirEqualiser(bands=BANDS),
    FirEqualiser(bands=BANDS, phase="minimum"),
    CharacterCompressor(character="opto", threshold_db=-30.0, ratio=4.0),
    CharacterCompressor(character="fet", threshold_db=-30.0, ratio=8.0),
    CharacterCompressor(character="bus", threshold_db=-30.0, ratio=2.0),
    Colour(character="tape", drive_db=6.0),
    Colour(character="tube", drive_db=6.0),
    Colour(character="transistor", drive_db=6.0),
)


def tone(frequency_hz: float, level_db: float, length_s: float = 1.0, rate_hz: int = RATE_HZ) -> NDArray[np.float64]:
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    return 10.0 ** (level_db / 20.0) * np.sin(2.0 * np.pi * frequency_hz * time_s)


def mono(samples: NDArray[np.floating]) -> Audio:
    return Audio.of(samples[np.newaxis], RATE_HZ)


def level_db(samples: NDArray[np.floating]) -> float:
    return 20.0 * math.log10(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) * math.sqrt(2.0) + 1e-12)


def gain_db(audio: Audio, processor: Processor, length: int = 1 << 16) -> NDArray[np.float64]:
    """The response to an impulse, as gain over frequency."""
    made = apply(audio, processor).samples[0, :length].astype(np.float64)
    return 20.0 * np.log10(np.abs(np.fft.rfft(made)) + 1e-12)


def click(length: int = 1 << 16, at: int = 0, level: float = 1.0) -> Audio:
    audio = Audio.silence(1, length, RATE_HZ)
    audio.samples[0, at] = level
    return audio


@pytest.mark.parametrize("processor", NEW, ids=lambda p: type(p).__name__)
def test_any_rate_length_and_layout(processor: Processor, rng: np.random.Generator) -> None:
    for rate_hz, channels, length in ((8_000, 1, 1), (44_100, 2, 777), (192_000, 2, 3_000), (48_000, 1, 0)):
        sound = Audio.of(0.3 * rng.standard_normal((channels, length)), rate_hz)
        before = sound.samples.tobytes()
        made = apply(sound, processor)
        assert (made.channels, made.length_samples, made.rate_hz) == (channels, length, rate_hz)
        assert np.isfinite(made.samples).all()
        assert sound.samples.tobytes() == before


@pytest.mark.parametrize("processor", NEW, ids=lambda p: type(p).__name__)
def test_what_is_not_finite_is_refused(processor: Processor) -> None:
    sound = Audio.silence(2, 4_000, RATE_HZ)
    sound.samples[1, 1_000] = np.nan
    with pytest.raises(InternalError) as caught:
        apply(sound, processor)
    assert caught.value.code == "render.not_finite"


@pytest.mark.parametrize("processor", NEW, ids=lambda p: type(p).__name__)
def test_the_same_bits_at_both_levels_and_again(
    processor: Processor, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Audio.of(0.3 * rng.standard_normal((2, 3_001)), RATE_HZ)
    fast = apply(sound, processor).samples.tobytes()
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert apply(sound, processor).samples.tobytes() == fast


@pytest.mark.parametrize(
    "processor", [p for p in NEW if not isinstance(p, MidSideEqualiser)], ids=lambda p: repr(p)[:30]
)
def test_stereo_with_equal_sides_is_mono(processor: Processor, rng: np.random.Generator) -> None:
    sound = mono(0.3 * rng.standard_normal(2_500))
    assert apply(sound.stereo(), processor).samples[1].tobytes() == apply(sound, processor).samples[0].tobytes()


@pytest.mark.parametrize("make", [compressor_follower, gate_follower, transient_follower])
def test_followers_in_blocks_give_the_bits_of_the_whole(
    make: Callable[[list[float]], GainFollower], rng: np.random.Generator
) -> None:
    settings = {
        compressor_follower: [0, 0.01, -9, 2, -0.4, 0, -6, 0.1, 0.01, 0.001, 0.0001, 0.6],
        gate_follower: [0.01, -5, -7, 100, 3, -8, 0.1, 0.001],
        transient_follower: [0.1, 0.01, 0.01, 0.001, 1, -1, 3, 0.1],
    }[make]
    sound = (rng.standard_normal((2, 4_000)) * np.linspace(0, 1, 4_000)).astype(np.float32)
    whole, cut = make(settings).follow(sound), make(settings)
    pieces = [cut.follow(np.ascontiguousarray(sound[:, a:b])) for a, b in pairwise((0, 1, 900, 901, 4_000))]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


# Bands


@pytest.mark.parametrize("crossovers_hz", [(200.0,), (150.0, 2_000.0), (90.0, 700.0, 6_000.0), (100.0, 130.0, 160.0)])
def test_bands_add_up_flat(crossovers_hz: tuple[float, ...]) -> None:
    chains = crossover_sections(crossovers_hz, RATE_HZ)
    bands = [StripNode(1, RATE_HZ, chain).follow(click().samples)[0].astype(np.float64) for chain in chains]
    total = np.sum(bands, axis=0)
    gains_db = 20.0 * np.log10(np.abs(np.fft.rfft(total)))
    assert np.max(np.abs(gains_db)) < 0.01
    hz = np.fft.rfftfreq(total.size, 1.0 / RATE_HZ)
    low_db = 20.0 * np.log10(np.abs(np.fft.rfft(bands[0])) + 1e-12)
    first = crossovers_hz[0]
    assert low_db[np.searchsorted(hz, first)] == pytest.approx(-6.02, abs=0.1)
    assert low_db[np.searchsorted(hz, 4.0 * first)] < -45.0


def test_a_multiband_compressor_is_flat_at_rest_and_works_band_by_band() -> None:
    settings = MultibandCompressor(crossovers_hz=(200.0, 3_000.0), bands=(QUICK, QUICK, QUICK))
    assert np.max(np.abs(gain_db(click(level=1e-3), settings) + 60.0)) < 0.1
    loud, quiet = tone(60.0, -6.0), tone(8_000.0, -40.0)
    made = apply(mono(loud + quiet), settings).samples[0].astype(np.float64)[RATE_HZ // 2 :]
    spectrum = np.abs(np.fft.rfft(made * np.hanning(made.size))) / (made.size / 4)
    assert 20.0 * math.log10(spectrum[60 // 2]) < -6.0 - 10.0
    assert 20.0 * math.log10(spectrum[8_000 // 2]) == pytest.approx(-40.0, abs=0.2)


def test_a_de_esser_hears_only_the_top() -> None:
    settings = DeEsser(frequency_hz=5_000.0, threshold_db=-30.0, ratio=6.0)
    for frequency_hz, level, least, most in (
        (400.0, -3.0, -0.3, 0.3),
        (8_000.0, -40.0, -0.3, 0.3),
        (8_000.0, -10.0, -18.0, -10.0),
    ):
        made = apply(mono(tone(frequency_hz, level)), settings).samples[0, RATE_HZ // 2 :]
        assert least <= level_db(made) - level <= most


def test_a_dynamic_band_gives_way_only_while_it_is_loud(rng: np.random.Generator) -> None:
    settings = DynamicEqualiser(frequency_hz=2_000.0, q=2.0, threshold_db=-30.0, ratio=4.0, knee_db=0.0)
    quiet = Audio.of(1e-4 * rng.standard_normal((2, 20_000)), RATE_HZ)
    assert apply(quiet, settings).samples.tobytes() == quiet.samples.tobytes()
    inside = apply(mono(tone(2_000.0, -10.0)), settings).samples[0, RATE_HZ // 2 :]
    assert level_db(inside) == pytest.approx(-10.0 - 0.75 * (30.0 - 10.0 - 3.01), abs=0.3)
    outside = apply(mono(tone(200.0, -10.0)), settings).samples[0, RATE_HZ // 2 :]
    assert level_db(outside) == pytest.approx(-10.0, abs=0.1)
    lifted = DynamicEqualiser(frequency_hz=2_000.0, threshold_db=-30.0, ratio=0.7, knee_db=0.0)
    assert level_db(apply(mono(tone(2_000.0, -10.0)), lifted).samples[0, RATE_HZ // 2 :]) > -5.0


# Gates and transients


def test_a_gate_opens_holds_and_closes_by_its_range() -> None:
    settings = Gate(threshold_db=-30.0, ratio=100.0, range_db=50.0, hold_ms=100.0, attack_ms=1.0, release_ms=20.0)
    loud, hum = tone(1_000.0, -10.0, 0.5), tone(1_000.0, -45.0, 1.0)
    made = apply(mono(np.concatenate([hum, loud, hum])), settings).samples[0]
    end = round(1.5 * RATE_HZ)
    assert level_db(made[RATE_HZ // 2 : RATE_HZ]) == pytest.approx(-95.0, abs=0.5)
    assert level_db(made[RATE_HZ + 1_000 : end]) == pytest.approx(-10.0, abs=0.1)
    assert level_db(made[end + 500 : end + round(0.09 * RATE_HZ)]) == pytest.approx(-45.0, abs=1.0)
    assert level_db(made[-RATE_HZ // 2 :]) == pytest.approx(-95.0, abs=0.5)


def test_hysteresis_keeps_a_gate_from_chattering() -> None:
    """A level that swings 3 dB around the threshold opens it once."""
    swing = tone(500.0, -30.0, 2.0) * 10.0 ** (1.5 * np.sin(2 * np.pi * 3.0 * np.arange(2 * RATE_HZ) / RATE_HZ) / 20.0)
    sound = mono(np.concatenate([tone(500.0, -20.0, 0.2), swing]))
    steady, nervous = (
        apply(sound, Gate(threshold_db=-30.0, hysteresis_db=each, hold_ms=0.0, release_ms=5.0)).samples[0]
        for each in (6.0, 0.0)
    )
    assert (
        np.array_equal(steady[RATE_HZ:], sound.samples[0, RATE_HZ:])
        or level_db(steady[RATE_HZ:] - sound.samples[0, RATE_HZ:]) < -90.0
    )
    assert level_db(nervous[RATE_HZ:] - sound.samples[0, RATE_HZ:]) > -60.0


def test_an_expander_keeps_its_ratio() -> None:
    settings = Gate(threshold_db=-20.0, ratio=2.0, hysteresis_db=0.0, range_db=60.0, hold_ms=0.0)
    made = apply(mono(tone(2_000.0, -30.0)), settings).samples[0, RATE_HZ // 2 :]
    assert level_db(made) == pytest.approx(-40.0, abs=0.7)


@pytest.mark.parametrize("level", [0.5, 0.01])
def test_transients_are_shaped_whatever_the_level(level: float) -> None:
    """A drum: noise that decays. Attack up makes its first 5 ms louder, sustain down its tail quieter."""
    rng = np.random.default_rng(5)
    time_s = np.arange(RATE_HZ) / RATE_HZ
    drum = level * rng.standard_normal(RATE_HZ) * np.exp(-time_s / 0.08)
    sound = mono(np.tile(drum, 3))
    hit, tail = slice(2 * RATE_HZ, 2 * RATE_HZ + 240), slice(2 * RATE_HZ + 5_000, 2 * RATE_HZ + 15_000)
    punchy = apply(sound, TransientShaper(attack_db=6.0)).samples[0]
    dry = apply(sound, TransientShaper(sustain_db=-9.0)).samples[0]
    assert 3.0 < level_db(punchy[hit]) - level_db(sound.samples[0, hit]) < 6.1
    assert abs(level_db(punchy[tail]) - level_db(sound.samples[0, tail])) < 1.0
    assert -9.1 < level_db(dry[tail]) - level_db(sound.samples[0, tail]) < -4.0
    assert abs(level_db(dry[hit]) - level_db(sound.samples[0, hit])) < 1.5


# Mid and side


def test_mid_and_side_come_back(rng: np.random.Generator) -> None:
    sound = rng.uniform(-1, 1, (2, 5_000)).astype(np.float32)
    assert np.max(np.abs(left_and_right(*mid_and_side(sound)) - sound)) < 2e-7
    assert widened(sound, 1.0).tobytes() == sound.tobytes()
    mid, side = mid_and_side(sound, 0.5)
    assert np.max(np.abs(left_and_right(mid, side) - widened(sound, 0.5))) < 2e-7


def test_bands_of_the_side_leave_the_middle_alone(rng: np.random.Generator) -> None:
    settings = MidSideEqualiser(side=(Band(kind="high_shelf", frequency_hz=8_000.0, gain_db=6.0),), side_gain_db=-3.0)
    middle = mono(0.3 * rng.standard_normal(4_000)).stereo()
    assert np.array_equal(apply(middle, settings).samples, middle.samples)
    made = apply(Audio.of(middle.samples * np.array([[1.0], [-1.0]]), RATE_HZ), settings).samples.astype(np.float64)
    assert np.array_equal(made[0], -made[1])
    assert level_db(made[0]) != pytest.approx(level_db(middle.samples[0]), abs=0.5)


# Finite filters and convolution


@pytest.mark.parametrize("phase", ["linear", "minimum"])
def test_finite_filters_have_the_curve_of_the_recursive_ones(phase: str) -> None:
    settings = FirEqualiser(bands=BANDS, phase="linear" if phase == "linear" else "minimum")
    hz = np.fft.rfftfreq(1 << 16, 1.0 / RATE_HZ)
    inside = (hz > 30.0) & (hz < 20_000.0)
    finite, recursive = gain_db(click(at=20_000), settings), gain_db(click(), Equaliser(bands=BANDS))
    assert np.max(np.abs(finite - recursive)[inside]) < 0.2
    response, lead = fir_response(settings, RATE_HZ)
    if phase == "linear":
        assert np.allclose(response[lead + 1 : 2 * lead], response[lead - 1 : 0 : -1], atol=1e-12)
    else:
        reference = signal.minimum_phase(fir_response(FirEqualiser(bands=BANDS), RATE_HZ)[0], n_fft=1 << 17, half=False)
        assert np.max(np.abs(response[:2_000] - reference[:2_000])) < 2e-3
        assert int(np.abs(apply(click(at=300), settings).samples[0]).argmax()) == 300


@pytest.mark.parametrize("length", [1, 700, 5_000, 60_000])
def test_convolution_is_convolution(length: int, rng: np.random.Generator) -> None:
    impulse = Audio.of(rng.standard_normal((2, length)) * 0.05, RATE_HZ)
    sound = Audio.of(rng.standard_normal((2, 20_000)), RATE_HZ)
    settings = Convolution(impulse="hall", length_s=length / RATE_HZ)
    made = run_chains([sound], [[settings]], keys={"hall": impulse})[0].samples
    for side in range(2):
        truth = signal.fftconvolve(sound.samples[side].astype(np.float64), impulse.samples[side].astype(np.float64))
        assert np.max(np.abs(made[side] - truth[:20_000])) < 3e-6


def test_convolution_has_its_delay_gain_blend_and_tail() -> None:
    impulse = click(100, 10)
    sound = click(5_000, 100)
    settings = Convolution(impulse="room", length_s=0.5, pre_delay_ms=10.0, gain_db=-6.0, mix=0.5)
    made = apply(sound, settings, keys={"room": impulse}).samples
    assert made.shape[0] == 2
    assert made[0, 100] == pytest.approx(0.5)
    assert made[0, 100 + 10 + 480] == pytest.approx(0.5 * 10 ** (-6 / 20), rel=1e-4)
    assert tail_s([settings]) == pytest.approx(0.51)
    with pytest.raises(InternalError, match="missing"):
        apply(sound, settings)


# Characters


@pytest.mark.parametrize("name", ["opto", "fet", "bus"])
def test_characters_keep_their_static_law(name: str) -> None:
    settings = CharacterCompressor(character=name, threshold_db=-30.0, ratio=4.0)
    square = np.where(np.arange(4 * RATE_HZ) // 24 % 2 == 0, 1.0, -1.0)
    gains = []
    for level in (-60.0, -10.0):
        made = apply(mono(square * 10.0 ** (level / 20.0)), settings).samples[0, -RATE_HZ:]
        gains.append(20.0 * math.log10(float(np.abs(made).mean())) - level)
    assert gains[0] == pytest.approx(0.0, abs=0.01)
    assert gains[1] == pytest.approx(-0.75 * 20.0, abs=0.5)


@pytest.mark.parametrize("name", ["opto", "fet", "bus"])
def test_release_depends_on_the_programme(name: str) -> None:
    """0.1 s after a short burst the gain is further back than 0.1 s after a long one."""
    settings = CharacterCompressor(character=name, threshold_db=-30.0, ratio=4.0)
    left = []
    for burst_s in (0.05, 4.0):
        sound = np.concatenate([tone(2_000.0, -6.0, burst_s), tone(2_000.0, -50.0, 1.0)])
        made = apply(mono(sound), settings).samples[0]
        start = round((burst_s + 0.1) * RATE_HZ)
        left.append(level_db(made[start : start + 960]) + 50.0)
    assert left[1] < left[0] - 1.5


def test_fet_is_faster_than_opto() -> None:
    step = mono(np.concatenate([tone(2_000.0, -50.0, 0.2), tone(2_000.0, -6.0, 0.2)]))
    start = round(0.203 * RATE_HZ)
    levels = [
        level_db(
            apply(step, CharacterCompressor(character=name, threshold_db=-30.0, ratio=8.0)).samples[
                0, start : start + 96
            ]
        )
        for name in ("fet", "opto")
    ]
    assert levels[0] < levels[1] - 5.0


def test_colours_have_their_harmonics() -> None:
    harmonics = {}
    for name in ("tape", "tube", "transistor"):
        made = apply(mono(tone(1_000.0, -6.0)), Colour(character=name, drive_db=9.0)).samples[0].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(made * signal.windows.blackmanharris(made.size)))
        harmonics[name] = 20.0 * np.log10(spectrum[[2_000, 3_000]] / spectrum[1_000])
    assert harmonics["tube"][0] > -35.0
    assert harmonics["tape"][0] < -90.0
    assert harmonics["tape"][1] > -40.0
    assert harmonics["transistor"][1] > -40.0


@pytest.mark.parametrize("name", ["tape", "tube", "transistor"])
def test_colours_leave_the_level_of_quiet_sound(name: str) -> None:
    made = apply(mono(tone(1_000.0, -70.0)), Colour(character=name, drive_db=12.0)).samples[0, RATE_HZ // 2 :]
    assert level_db(made) == pytest.approx(-70.0, abs=0.1)


def test_unknown_characters_are_refused_with_what_there_is() -> None:
    with pytest.raises(InputError, match="no 'valve'"):
        apply(click(100), Colour(character="valve", drive_db=3.0))
