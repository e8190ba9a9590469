"""Strips and bus against an independent float64 reference, and against themselves cut in other ways."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.dsp.chain import run_chains
from tapehand.dsp.dynamics import static_gain_db
from tapehand.dsp.filters import band_section, forgets_slowly, high_pass_sections
from tapehand.dsp.node import restore, state_of
from tapehand.dsp.strips import StripBank, StripProcessor, mix_strips, run_strips
from tapehand.errors import InternalError
from tapehand.kernels.bus import BusInput, mix_bus, narrow_bus
from tapehand.song.processors import Band, BandKind, Compressor, Equaliser, Gain, HighPass, Width

RATE_HZ = 48_000
COMPRESSOR = Compressor(threshold_db=-24.0, ratio=4.0, attack_ms=5.0, release_ms=80.0, knee_db=6.0, make_up_db=3.0)
CHAIN: tuple[StripProcessor, ...] = (
    HighPass(cutoff_hz=90.0, slope_db_per_octave=24),
    Equaliser(
        bands=(
            Band(kind="low_shelf", frequency_hz=150.0, gain_db=-4.0),
            Band(kind="peak", frequency_hz=700.0, gain_db=5.0, q=2.0),
            Band(kind="notch", frequency_hz=2500.0, q=6.0),
            Band(kind="high_shelf", frequency_hz=7000.0, gain_db=3.0),
        )
    ),
    COMPRESSOR,
    Gain(gain_db=-2.0),
    Compressor(threshold_db=-30.0, ratio=2.0, attack_ms=40.0, release_ms=20.0, knee_db=0.0, detector="peak"),
)


def noise(rng: np.random.Generator, channels: int, length: int, rate_hz: int = RATE_HZ) -> Audio:
    swell = 0.02 + 0.3 * (np.arange(length) // 700 % 3 == 0)
    return Audio.of(rng.standard_normal((channels, length)) * swell, rate_hz)


def error_db(made: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    difference = made.astype(np.float64) - truth
    return 10.0 * math.log10(float(np.mean(difference**2)) / float(np.mean(truth.astype(np.float64) ** 2)) + 1e-30)


# The reference: analogue prototypes through SciPy's bilinear transform, pre-warped; no formula shared with the product.


def reference_band(band: Band, rate_hz: int) -> NDArray[np.float64]:
    q = band.q
    prototypes: dict[BandKind, tuple[list[float], list[float]]] = {
        "low_pass": ([0.0, 0.0, 1.0], [1.0, 1.0 / q, 1.0]),
        "high_pass": ([1.0, 0.0, 0.0], [1.0, 1.0 / q, 1.0]),
        "notch": ([1.0, 0.0, 1.0], [1.0, 1.0 / q, 1.0]),
    }
    above, below = prototypes[band.kind]
    corner = 2.0 * rate_hz * math.tan(math.pi * band.frequency_hz / rate_hz)
    scale = [corner ** -(2 - k) for k in range(3)]
    b, a = signal.bilinear(np.multiply(above, scale), np.multiply(below, scale), rate_hz)
    return np.concatenate([b, a])


def reference_compressor(sound: NDArray[np.float64], settings: Compressor, rate_hz: int) -> NDArray[np.float64]:
    """Sample by sample, in dB, with the plain branch between attack and release."""
    squares = sound**2
    if settings.detector == "rms":
        share = 1.0 - math.exp(-1.0 / (0.010 * rate_hz))
        power = signal.lfilter([share], [1.0, share - 1.0], squares.mean(axis=0))
    else:
        power = squares.max(axis=0)
    attack = 1.0 - math.exp(-1e3 / (settings.attack_ms * rate_hz))
    release = 1.0 - math.exp(-1e3 / (settings.release_ms * rate_hz))
    gain_db, gains = 0.0, np.empty(power.size)
    bare = Compressor(
        threshold_db=settings.threshold_db, ratio=settings.ratio, attack_ms=1, release_ms=1, knee_db=settings.knee_db
    )
    for i, now in enumerate(power):
        wanted_db = static_gain_db(10.0 * math.log10(now + 1e-30), bare)
        gain_db += (attack if wanted_db < gain_db else release) * (wanted_db - gain_db)
        gains[i] = 10.0 ** ((gain_db + settings.make_up_db) / 20.0)
    return sound * gains


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("kind", ["low_pass", "high_pass", "notch"])
def test_passes_and_notch_are_their_prototypes_through_the_bilinear_transform(
    kind: BandKind, rate_hz: int, rng: np.random.Generator
) -> None:
    sound = noise(rng, 1, 6_000, rate_hz)
    for frequency_hz, gain_db, q in ((20.0, 6.0, 0.7071), (1_000.0, -9.0, 3.0), (3_400.0, 12.0, 0.4)):
        band = Band(kind=kind, frequency_hz=frequency_hz, gain_db=gain_db, q=q)
        made = run_strips([sound], [[Equaliser(bands=(band,))]])[0].samples
        truth = signal.sosfilt(reference_band(band, rate_hz)[np.newaxis], sound.samples.astype(np.float64))
        assert error_db(made, truth) < -110.0, band


def analogue_gain_db(band: Band, hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The prototype's own curve, by SciPy."""
    size, q = 10.0 ** (band.gain_db / 40.0), band.q
    root = math.sqrt(size)
    above, below = {
        "peak": ([1.0, size / q, 1.0], [1.0, 1.0 / (size * q), 1.0]),
        "low_shelf": ([size, size * root / q, size * size], [size, root / q, 1.0]),
        "high_shelf": ([size * size, size * root / q, size], [1.0, root / q, size]),
    }[band.kind]
    return 20.0 * np.log10(np.abs(signal.freqs(above, below, hz / band.frequency_hz)[1]))


@pytest.mark.parametrize("kind", ["peak", "low_shelf", "high_shelf"])
@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_peaks_and_shelves_keep_the_analogue_curve_to_18_khz(kind: BandKind, rate_hz: int) -> None:
    """No cramping: what the strip makes of an impulse, against the prototype."""
    length = 1 << 15
    click = Audio.silence(1, length, rate_hz)
    click.samples[0, 0] = 1.0
    hz = np.fft.rfftfreq(length, 1.0 / rate_hz)
    inside = (hz >= 20.0) & (hz <= 18_000.0)
    for frequency_hz in (60.0, 1_000.0, 6_000.0, 10_000.0, 14_000.0, 19_000.0):
        bands = [Band(kind=kind, frequency_hz=frequency_hz, gain_db=g, q=q) for g in (-12, -3, 6) for q in (0.5, 1, 2)]
        made = run_strips([click] * len(bands), [[Equaliser(bands=(band,))] for band in bands])
        for band, audio in zip(bands, made, strict=True):
            gain_db = 20.0 * np.log10(np.abs(np.fft.rfft(audio.samples[0].astype(np.float64))))
            assert np.max(np.abs(gain_db - analogue_gain_db(band, hz))[inside]) < 0.5, band


def test_bands_that_ask_for_nothing_or_for_too_much() -> None:
    for kind in ("peak", "low_shelf", "high_shelf"):
        for frequency_hz, gain_db, q, rate_hz in (
            (1_000.0, 0.0, 1.0, 44_100),
            (1_000.0, 0.001, 1.0, 44_100),
            (9_000.0, 6.0, 1.0, 8_000),
            (22_050.0, -12.0, 5.0, 44_100),
            (14_000.0, 12.0, 5.0, 44_100),
            (0.0, 12.0, 0.0, 44_100),
            (20.0, 24.0, 40.0, 192_000),
        ):
            section = band_section(Band(kind=kind, frequency_hz=frequency_hz, gain_db=gain_db, q=q), rate_hz)
            assert section.is_stable()
    quiet = noise(np.random.default_rng(1), 2, 3_000)
    assert run_strips([quiet], [[Equaliser(bands=(Band(kind="peak", frequency_hz=900.0),))]])[0].samples.tobytes() == (
        quiet.samples.tobytes()
    )


@pytest.mark.parametrize("slope", [6, 12, 24])
@pytest.mark.parametrize("rate_hz", [44_100, 192_000])
def test_high_pass_is_butterworth(slope: int, rate_hz: int, rng: np.random.Generator) -> None:
    sound = noise(rng, 2, 20_000, rate_hz)
    made = run_strips([sound], [[HighPass(cutoff_hz=20.0, slope_db_per_octave=slope)]])[0].samples
    sections = signal.butter(slope // 6, 20.0, "highpass", fs=rate_hz, output="sos")
    assert error_db(made, signal.sosfilt(sections, sound.samples.astype(np.float64))) < -130.0


@pytest.mark.parametrize("detector", ["rms", "peak"])
@pytest.mark.parametrize(("attack_ms", "release_ms"), [(0.5, 200.0), (30.0, 10.0)])
def test_compressor_matches_its_reference(
    detector: str, attack_ms: float, release_ms: float, rng: np.random.Generator
) -> None:
    sound = noise(rng, 2, 12_000)
    settings = Compressor(
        threshold_db=-26.0,
        ratio=5.0,
        attack_ms=attack_ms,
        release_ms=release_ms,
        knee_db=8.0,
        make_up_db=4.0,
        detector="rms" if detector == "rms" else "peak",
    )
    made = run_strips([sound], [[settings]])[0].samples
    assert error_db(made, reference_compressor(sound.samples.astype(np.float64), settings, RATE_HZ)) < -110.0


def test_a_steady_tone_ends_at_the_static_law() -> None:
    square = np.where(np.arange(RATE_HZ) // 40 % 2 == 0, 1.0, -1.0)
    for level_db in (-50.0, -26.0, -24.0, -21.0, -6.0, 0.0):
        tone = Audio.of(square[np.newaxis] * 10.0 ** (level_db / 20.0), RATE_HZ)
        made = run_strips([tone], [[COMPRESSOR]])[0].samples
        gain_db = 20.0 * math.log10(float(np.abs(made[0, -100:]).max())) - level_db
        assert gain_db == pytest.approx(static_gain_db(level_db, COMPRESSOR), abs=0.02)


@pytest.mark.parametrize("cuts", [(1, 2, 3), (127, 128, 129), (1, 1000, 1001, 4999)])
def test_blocks_give_the_bits_of_the_whole(cuts: tuple[int, ...], rng: np.random.Generator) -> None:
    tracks = [noise(rng, 1 + k % 2, 5_000) for k in range(5)]
    chains = [CHAIN, CHAIN[:1], CHAIN[1:3], (), CHAIN]
    whole = run_strips(tracks, chains)
    bank, pieces = StripBank(chains, RATE_HZ), []
    for start, end in pairwise((0, *cuts, 5_000)):
        out = [np.empty((track.channels, end - start), dtype=np.float32) for track in tracks]
        bank.follow([track.samples[:, start:end] for track in tracks], {}, out)
        pieces.append(out)
    for number, audio in enumerate(whole):
        joined = np.concatenate([piece[number] for piece in pieces], axis=1)
        assert joined.tobytes() == audio.samples.tobytes()


@pytest.mark.parametrize("in_place", [True, False])
def test_bound_rooms_and_a_restored_state_give_the_bits_of_the_whole(in_place: bool, rng: np.random.Generator) -> None:
    """Blocks through rooms that stay; halfway the state moves into another bank, which has heard other things."""
    ducked = (CHAIN[0], replace(COMPRESSOR, key_track="kick"), *CHAIN[1:])
    chains = [CHAIN, ducked, (), CHAIN[:1], (*CHAIN, *CHAIN), CHAIN[1:]]
    tracks = [noise(rng, 1 + k % 2, 4_000) for k in range(6)]
    kick = noise(rng, 1, 4_000)
    whole = run_strips(tracks, chains, keys={"kick": kick})
    bank, joined, at = StripBank(chains, RATE_HZ), [np.empty_like(track.samples) for track in tracks], 0
    for turn, count in enumerate((1, 1_000, 77, 922, 1_500, 500)):
        if turn % 2 == 0:
            kept = state_of(bank)
            bank = StripBank(chains, RATE_HZ)
            rooms = [rng.standard_normal((track.channels, 1_501)).astype(np.float32)[:, :1_500] for track in tracks]
            made = rooms if in_place else [np.full_like(room, np.nan) for room in rooms]
            key = rng.standard_normal((1, 1_500)).astype(np.float32)
            bank.bind(rooms, {"kick": key}, made)
            bank.run(1_500)
            restore(bank, iter(kept))
        key[:, :count] = kick.samples[:, at : at + count]
        for room, track in zip(rooms, tracks, strict=True):
            room[:, :count] = track.samples[:, at : at + count]
        bank.run(count)
        for room, sound in zip(made, joined, strict=True):
            sound[:, at : at + count] = room[:, :count]
        at += count
    assert at == 4_000
    assert all(a.tobytes() == b.samples.tobytes() for a, b in zip(joined, whole, strict=True))


def test_rooms_that_are_too_short_are_refused(rng: np.random.Generator) -> None:
    bank, room = StripBank([CHAIN], RATE_HZ), rng.standard_normal((2, 100)).astype(np.float32)
    bank.bind([room], {}, [room])
    for count in (101, -1):
        with pytest.raises(InternalError, match="do not fit"):
            bank.run(count)
    with pytest.raises(InternalError, match="a room for each"):
        bank.bind([room], {}, [room[:1]])


def test_base_and_v3_give_the_same_bits(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = [noise(rng, 2, 3_001) for _ in range(4)]
    fast = run_strips(tracks, [CHAIN] * 4)
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    slow = run_strips(tracks, [CHAIN] * 4)
    assert all(a.samples.tobytes() == b.samples.tobytes() for a, b in zip(fast, slow, strict=True))


def test_the_lowest_cut_offs_are_computed_in_float64(rng: np.random.Generator) -> None:
    """Where float32 would be too coarse, the error stays as small as elsewhere."""
    for rate_hz, cutoff_hz in ((44_100, 3.0), (192_000, 10.0), (384_000, 20.0)):
        assert forgets_slowly(high_pass_sections(HighPass(cutoff_hz=cutoff_hz), rate_hz)[0])
        sound = noise(rng, 1, 50_000, rate_hz)
        made = run_strips([sound], [[HighPass(cutoff_hz=cutoff_hz)]])[0].samples
        sections = signal.butter(2, cutoff_hz, "highpass", fs=rate_hz, output="sos")
        assert error_db(made, signal.sosfilt(sections, sound.samples.astype(np.float64))) < -130.0


def test_neighbours_do_not_matter(rng: np.random.Generator) -> None:
    """Alone, in a full vector, beside shorter and longer ones, with chains beside that do more: the same bytes."""
    track = noise(rng, 2, 2_000)
    alone = run_strips([track], [CHAIN[:2]])[0].samples.tobytes()
    others = [noise(rng, 1 + k % 2, 500 * (k + 1)) for k in range(6)]
    in_float64 = (HighPass(cutoff_hz=4.0), *CHAIN)
    together = run_strips([*others, track], [CHAIN] * 3 + [in_float64] * 3 + [CHAIN[:2]])
    assert together[-1].samples.tobytes() == alone
    assert [audio.length_samples for audio in together] == [500, 1000, 1500, 2000, 2500, 3000, 2000]
    assert [audio.channels for audio in together] == [1, 2, 1, 2, 1, 2, 2]


def test_mono_is_stereo_with_equal_sides(rng: np.random.Generator) -> None:
    mono = noise(rng, 1, 2_500)
    made, both = run_strips([mono, mono.stereo()], [CHAIN, CHAIN])
    assert made.samples[0].tobytes() == both.samples[0].tobytes() == both.samples[1].tobytes()


def test_filters_are_linear(rng: np.random.Generator) -> None:
    one, two = noise(rng, 2, 4_000), noise(rng, 2, 4_000)
    filters = CHAIN[:2]
    total = Audio.of(one.samples.astype(np.float64) + two.samples, RATE_HZ)
    made = [audio.samples.astype(np.float64) for audio in run_strips([one, two, total], [filters] * 3)]
    assert error_db(made[0] + made[1], made[2]) < -130.0
    louder = run_strips([one], [[Gain(gain_db=20.0 * math.log10(2.0)), *filters]])[0]
    assert error_db(louder.samples, 2.0 * made[0]) < -135.0


def test_a_key_drives_the_other_track(rng: np.random.Generator) -> None:
    kick = Audio.of(np.where(np.arange(9_000)[np.newaxis] % 3_000 < 1_000, 0.5, 0.0), RATE_HZ)
    bass = Audio.of(np.full((2, 9_000), 0.1), RATE_HZ)
    ducker = Compressor(threshold_db=-30.0, ratio=8.0, attack_ms=1.0, release_ms=5.0, detector="peak", key_track="kick")
    made = run_chains([bass, bass], [[ducker], []], keys={"kick": kick})
    gains_db = 20.0 * np.log10(made[0].samples[0, [900, 2_900, 3_900, 5_900]] / 0.1)
    assert gains_db[[0, 2]] == pytest.approx([static_gain_db(-6.02, ducker)] * 2, abs=0.05)
    assert gains_db[[1, 3]] == pytest.approx([0.0, 0.0], abs=0.01)
    assert made[1] is bass
    with pytest.raises(InternalError, match="side-chain"):
        run_strips([bass], [[ducker]])


def test_silence_and_nothing_stay_so() -> None:
    for length in (0, 1, 777):
        silent = Audio.silence(2, length, RATE_HZ)
        assert run_strips([silent], [CHAIN])[0].samples.tobytes() == silent.samples.tobytes()


def test_bus_follows_its_gain_points(rng: np.random.Generator) -> None:
    sound = rng.standard_normal((2, 5_000)).astype(np.float32)
    at = np.array([-100, 700, 701, 4_000])
    gains = np.array([[1.0, 0.2], [0.5, 1.0], [-0.5, 0.0], [0.25, 1.0]])
    track = BusInput(samples=sound, gain_at_samples=at, gains=gains, offset_samples=37)
    bus = mix_bus([track], 6_000)
    positions = np.arange(37, 5_037)
    for side in range(2):
        truth = np.interp(positions, at, gains[:, side]) * sound[side]
        assert np.max(np.abs(bus[side, 37:5_037] - truth)) <= 2.0**-41 + 1e-14  # half a step of the bus's grid
    assert not bus[:, :37].any()
    assert not bus[:, 5_037:].any()


def test_bus_sums_the_same_at_any_cut(rng: np.random.Generator) -> None:
    tracks = [
        BusInput(
            samples=rng.standard_normal((1 + k % 2, 3_000 + k)).astype(np.float32),
            gain_at_samples=np.array([0, 1_500]),
            gains=rng.uniform(-1, 1, (2, 2)),
            offset_samples=17 * k - 40,
        )
        for k in range(9)
    ]
    whole = mix_bus(tracks, 3_200)
    pieces = [mix_bus(tracks, end - start, start_samples=start) for start, end in ((0, 1), (1, 1_030), (1_030, 3_200))]
    assert np.concatenate(pieces, axis=1).tobytes() == whole.tobytes()


def test_mixing_in_blocks_is_strips_then_bus(rng: np.random.Generator) -> None:
    tracks = [noise(rng, 1 + k % 2, 40_000 - 3_000 * k) for k in range(6)]
    at = [np.array([0, 900 * (k + 1), 30_000]) for k in range(6)]
    gains = [rng.uniform(-1.0, 1.0, (3, 2)) for _ in range(6)]

    def input_of(samples: NDArray[np.float32], k: int) -> BusInput:
        return BusInput(samples=samples, gain_at_samples=at[k], gains=gains[k], offset_samples=11 * k)

    inputs = [input_of(track.samples, k) for k, track in enumerate(tracks)]
    chains = [CHAIN, CHAIN[2:3], (), CHAIN, CHAIN[:1], CHAIN]
    made = mix_strips(inputs, chains, RATE_HZ)
    ready = [input_of(strip.samples, k) for k, strip in enumerate(run_strips(tracks, chains))]
    reach = max(track.offset_samples + track.samples.shape[1] for track in ready)
    assert made.samples.tobytes() == narrow_bus(mix_bus(ready, reach)).tobytes()


def test_width_from_mono_to_double(rng: np.random.Generator) -> None:
    sound = noise(rng, 2, 4_000)
    mono, same, wide = (run_chains([sound], [[Width(width=w)]])[0].samples for w in (0.0, 1.0, 2.0))
    assert np.array_equal(mono[0], mono[1])
    assert error_db(same, sound.samples) < -140.0
    assert np.allclose(wide[0] - wide[1], 2.0 * (sound.samples[0] - sound.samples[1]), atol=1e-6)


def test_width_folds_the_lows() -> None:
    time_s = np.arange(RATE_HZ) / RATE_HZ
    sides = [np.sin(2 * np.pi * hz * time_s) for hz in (30.0, 2_000.0)]
    for sound, most, least in ((sides[0], 0.05, 0.0), (sides[1], 1.01, 0.99)):
        audio = Audio.of(np.stack([sound, -sound]), RATE_HZ)
        made = run_chains([audio], [[Width(mono_below_hz=150.0)]])[0].samples
        assert least <= float(np.abs(made[0, RATE_HZ // 2 :]).max()) <= most


def test_real_recordings_pass(material: Path) -> None:
    path = material / "multitrack" / "waveform-playlist-band" / "Guitar30.mp3"
    audio = read(path)
    made = run_strips([audio], [CHAIN])[0]
    assert made.samples.shape == audio.samples.shape
    assert np.isfinite(made.samples).all()
