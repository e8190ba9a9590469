"""Every processor, heard block by block: no bit depends on how a sound is cut, or on where its state was kept."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.audio.io import read
from tapehand.dsp.chain import ChainBank, ChainNode, apply, node_of, run_chains
from tapehand.dsp.node import Node, restore, run_whole, state_of
from tapehand.errors import InternalError
from tapehand.kernels.library import NotFinite
from tapehand.song.processors import (
    PROCESSORS,
    Band,
    CharacterCompressor,
    Colour,
    Compressor,
    Convolution,
    DeEsser,
    Delay,
    DynamicEqualiser,
    Equaliser,
    FirEqualiser,
    Gain,
    Gate,
    HighPass,
    Limiter,
    MidSideEqualiser,
    MultibandCompressor,
    Processor,
    Reverb,
    Saturation,
    SoftClip,
    TransientShaper,
    Width,
)

RATE_HZ = 8_000
LENGTH = 4_000
IMPULSE = Audio.of(np.random.default_rng(7).standard_normal((2, 3_000)) * 0.05, RATE_HZ)
SOUNDS = {"hall": IMPULSE}


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, width=32)


bands = st.builds(
    Band,
    kind=st.sampled_from(("peak", "low_shelf", "high_shelf", "low_pass", "high_pass", "notch")),
    frequency_hz=numbers(20, 20_000),
    gain_db=numbers(-18, 18),
    q=numbers(0.125, 8),
)
some_bands = st.lists(bands, max_size=3).map(tuple)
compressors = st.builds(
    Compressor,
    threshold_db=numbers(-50, 0),
    ratio=numbers(1, 20),
    attack_ms=numbers(0, 60),
    release_ms=numbers(1, 400),
    knee_db=numbers(0, 12),
    make_up_db=numbers(0, 6),
    detector=st.sampled_from(("peak", "rms")),
)
multibands = st.lists(numbers(60, 3_500), max_size=4, unique=True).flatmap(
    lambda edges: st.builds(
        MultibandCompressor,
        crossovers_hz=st.just(tuple(sorted(edges))),
        bands=st.tuples(*[compressors] * (len(edges) + 1)),
    )
)
BUILDS: dict[type, st.SearchStrategy[Processor]] = {
    HighPass: st.builds(HighPass, cutoff_hz=numbers(5, 2_000), slope_db_per_octave=st.sampled_from((6, 12, 24))),
    Equaliser: st.builds(Equaliser, bands=some_bands),
    Compressor: compressors,
    Gain: st.builds(Gain, gain_db=numbers(-60, 20)),
    Saturation: st.builds(Saturation, drive_db=numbers(-6, 30), mix=numbers(0, 1)),
    Delay: st.builds(Delay, time_s=numbers(0, 0.5), feedback=numbers(0, 1), mix=numbers(0, 1), ping_pong=st.booleans()),
    Reverb: st.builds(
        Reverb,
        decay_s=numbers(0.125, 4),
        pre_delay_ms=numbers(0, 100),
        size=numbers(0, 1),
        width=numbers(0, 1),
        mix=numbers(0, 1),
    ),
    Width: st.builds(Width, width=numbers(0, 2), mono_below_hz=st.none() | numbers(40, 300)),
    SoftClip: st.builds(SoftClip, drive_db=numbers(0, 12), ceiling_db=numbers(-20, 0), knee_db=numbers(0, 6)),
    Limiter: st.builds(Limiter, drive_db=numbers(-3, 12), ceiling_dbtp=numbers(-9, 0), look_ahead_ms=numbers(0.5, 5)),
    DeEsser: st.builds(DeEsser, frequency_hz=numbers(1_000, 9_000), threshold_db=numbers(-60, 0)),
    Gate: st.builds(Gate, threshold_db=numbers(-60, -6), hold_ms=numbers(0, 60), release_ms=numbers(1, 200)),
    TransientShaper: st.builds(TransientShaper, attack_db=numbers(-12, 12), sustain_db=numbers(-12, 12)),
    DynamicEqualiser: st.builds(
        DynamicEqualiser,
        kind=st.sampled_from(("peak", "low_shelf", "high_shelf")),
        frequency_hz=numbers(40, 10_000),
        q=numbers(0.25, 8),
        threshold_db=numbers(-60, 0),
        ratio=numbers(0.5, 10),
    ),
    MultibandCompressor: multibands,
    MidSideEqualiser: st.builds(
        MidSideEqualiser, mid=some_bands, side=some_bands, mid_gain_db=numbers(-6, 6), side_gain_db=numbers(-6, 6)
    ),
    FirEqualiser: st.builds(FirEqualiser, bands=some_bands, phase=st.sampled_from(("linear", "minimum"))),
    Convolution: st.builds(
        Convolution, impulse=st.just("hall"), length_s=numbers(0, 1), pre_delay_ms=numbers(0, 50), mix=numbers(0, 1)
    ),
    CharacterCompressor: st.builds(
        CharacterCompressor,
        character=st.sampled_from(("opto", "fet", "bus")),
        threshold_db=numbers(-50, 0),
        ratio=numbers(1, 20),
        make_up_db=numbers(0, 6),
        mix=numbers(0, 1),
    ),
    Colour: st.builds(
        Colour,
        character=st.sampled_from(("tape", "tube", "transistor")),
        drive_db=numbers(0, 24),
        mix=numbers(0, 1),
    ),
}
processors = st.one_of(*BUILDS.values())
cuts = st.lists(st.integers(0, LENGTH), max_size=6).map(lambda edges: [0, *sorted(edges), LENGTH])

SONGS = ("songs/Kevin_MacLeod_-_Vibe_Ace.hq.ogg", "songs/Karissa_Hobbs_-_Lets_Go_Fishin.hq.ogg")
NEUTRAL: tuple[Processor, ...] = (
    Equaliser(bands=(Band(kind="peak", frequency_hz=900.0), Band(kind="high_shelf", frequency_hz=2_000.0))),
    Compressor(threshold_db=-40.0, ratio=1.0, attack_ms=1.0, release_ms=50.0),
    Gain(gain_db=0.0),
    Saturation(drive_db=12.0, mix=0.0),
    Delay(time_s=0.1, mix=0.0),
    Reverb(decay_s=1.0, mix=0.0),
    Width(width=1.0),
    SoftClip(drive_db=0.0, ceiling_db=20.0),
    Limiter(drive_db=0.0, ceiling_dbtp=9.0),
    Gate(threshold_db=-120.0),
    TransientShaper(),
    DynamicEqualiser(frequency_hz=800.0, threshold_db=-60.0, ratio=1.0),
    MidSideEqualiser(),
    FirEqualiser(bands=()),
    FirEqualiser(bands=(), phase="minimum"),
    Convolution(impulse="hall", length_s=1.0, mix=0.0),
    CharacterCompressor(character="opto", threshold_db=-40.0, ratio=8.0, mix=0.0),
    Colour(character="tape", drive_db=12.0, mix=0.0),
)
LINEAR = (HighPass, Equaliser, Gain, Delay, Reverb, Width, MidSideEqualiser, FirEqualiser, Convolution)
EACH_CHANNEL_ALONE = (HighPass, Equaliser, Gain, Saturation, SoftClip, FirEqualiser, Colour)
# A gate is open before the first sample and falls shut in silence; a reverb's room moves.
KNOWS_THE_TIME = (Gate, Reverb)


def noise(channels: int, length: int = LENGTH, seed: int = 5) -> Samples:
    """Noise that swells and stops, so that everything with a threshold crosses it."""
    swell = np.abs(np.sin(np.arange(length) * (2.5 * math.pi / max(length, 1)))) ** 3
    swell[length // 2 : length // 2 + length // 10] = 0.0
    rng = np.random.default_rng(seed)
    return np.ascontiguousarray(rng.standard_normal((channels, length)) * 0.4 * swell, dtype=np.float32)


def fresh(processor: Processor, channels: int) -> Node:
    return node_of(processor, channels, RATE_HZ, keys=SOUNDS)


def ahead(samples: Samples, node: Node) -> Samples:
    """A sound, and silence until the last of it has come out."""
    return np.pad(samples, ((0, 0), (0, node.look_ahead_samples)))


def heard_in_blocks(node: Node, samples: Samples, edges: Sequence[int]) -> Samples:
    blocks = [node.follow(samples[:, start:end]).copy() for start, end in pairwise(edges)]
    return np.concatenate(blocks, axis=1)


def made_of(processor: Processor, samples: Samples) -> Samples:
    return apply(Audio(samples, RATE_HZ), processor, keys=SOUNDS).samples


def largest(samples: Samples) -> float:
    return float(np.abs(samples).max(initial=0.0))


def test_every_processor_is_tried() -> None:
    assert set(BUILDS) == set(PROCESSORS)


@pytest.mark.parametrize("kind", BUILDS, ids=lambda kind: kind.__name__)
@given(drawn=st.data(), channels=st.integers(1, 2), edges=cuts)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_blocks_of_any_size_give_the_bits_of_the_whole(
    kind: type, drawn: st.DataObject, channels: int, edges: list[int]
) -> None:
    processor = drawn.draw(BUILDS[kind])
    sound = ahead(noise(channels), fresh(processor, channels))
    whole = fresh(processor, channels).follow(sound)
    before = sound.tobytes()
    made = heard_in_blocks(fresh(processor, channels), sound, [*edges, sound.shape[1]])
    assert made.tobytes() == whole.tobytes()
    assert sound.tobytes() == before


@pytest.mark.parametrize("kind", BUILDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("channels", [1, 2])
def test_sample_by_sample_gives_the_bits_of_the_whole(kind: type, channels: int) -> None:
    processor = DEFAULTS[kind]
    node = fresh(processor, channels)
    sound = ahead(noise(channels, 600), node)
    whole = node.follow(sound)
    edges = [*range(601), *range(650, sound.shape[1], 50), sound.shape[1]]
    assert heard_in_blocks(fresh(processor, channels), sound, edges).tobytes() == whole.tobytes()


@pytest.mark.parametrize("kind", BUILDS, ids=lambda kind: kind.__name__)
@given(drawn=st.data(), channels=st.integers(1, 2), at=st.integers(0, LENGTH), early=st.integers(0, LENGTH))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_a_state_put_back_goes_on_as_if_nothing_had_been(
    kind: type, drawn: st.DataObject, channels: int, at: int, early: int
) -> None:
    """Into a node that is new, and into one that has heard something else; what was taken stays as it was."""
    processor = drawn.draw(BUILDS[kind])
    node = fresh(processor, channels)
    sound = ahead(noise(channels), node)
    node.follow(sound[:, :at])
    kept = state_of(node)
    rest = node.follow(sound[:, at:]).copy()
    used = fresh(processor, channels)
    used.follow(noise(channels, early, seed=9))
    for other in (fresh(processor, channels), used):
        restore(other, iter(kept))
        assert other.follow(sound[:, at:]).tobytes() == rest.tobytes()
        assert all(np.array_equal(a, b) for a, b in zip(state_of(other), state_of(node), strict=True))


@given(processor=processors)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_a_mono_sound_and_twice_the_same_are_one(processor: Processor) -> None:
    mono = noise(1)
    alone = made_of(processor, mono)
    both = made_of(processor, np.repeat(mono, 2, axis=0))
    assert np.array_equal(np.broadcast_to(alone, both.shape), both)


@pytest.mark.parametrize("kind", EACH_CHANNEL_ALONE, ids=lambda kind: kind.__name__)
@given(drawn=st.data())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_channels_together_are_channels_alone(kind: type, drawn: st.DataObject) -> None:
    processor = drawn.draw(BUILDS[kind])
    sound = noise(2)
    together = made_of(processor, sound)
    for channel in range(2):
        assert made_of(processor, sound[channel : channel + 1].copy()).tobytes() == together[channel].tobytes()


@pytest.mark.parametrize("kind", LINEAR, ids=lambda kind: kind.__name__)
@given(drawn=st.data(), gain=numbers(-2, 2))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_linear_processors_are_linear(kind: type, drawn: st.DataObject, gain: float) -> None:
    processor = drawn.draw(BUILDS[kind])
    one, other = noise(2), noise(2, seed=6)
    parts = made_of(processor, one) * np.float32(gain) + made_of(processor, other)
    together = made_of(processor, one * np.float32(gain) + other)
    assert largest(together - parts) <= 2e-6 * max(1.0, largest(parts))


@given(processor=processors.filter(lambda each: not isinstance(each, KNOWS_THE_TIME)), later=st.integers(0, 900))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_later_in_is_later_out(processor: Processor, later: int) -> None:
    sound = noise(2, 3_000)
    first = made_of(processor, sound)
    second = made_of(processor, np.pad(sound, ((0, 0), (later, 0))))
    if not isinstance(processor, FirEqualiser):  # of linear phase, it rings before
        assert largest(second[:, :later]) <= 2e-6
    assert largest(second[:, later:] - first) <= 2e-6 * max(1.0, largest(first))


@given(processor=processors, channels=st.integers(1, 2))
@settings(max_examples=120, deadline=None, derandomize=True)
def test_of_nothing_comes_nothing(processor: Processor, channels: int) -> None:
    made = made_of(processor, np.zeros((channels, 2_000), dtype=np.float32))
    assert not made.any()
    assert made.shape == (fresh(processor, channels).channels, 2_000)


@pytest.mark.parametrize("processor", NEUTRAL, ids=lambda each: type(each).__name__)
def test_what_does_nothing_leaves_the_sound(processor: Processor) -> None:
    sound = noise(2)
    assert largest(made_of(processor, sound) - sound) <= 1e-7 * largest(sound)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", BUILDS, ids=lambda kind: kind.__name__)
def test_what_is_not_finite_is_named_with_its_sample(kind: type, bad: float) -> None:
    sound = noise(2)
    sound[1, 2_345] = bad
    with pytest.raises(NotFinite) as caught:
        made_of(DEFAULTS[kind], sound)
    assert caught.value.code == "render.not_finite"
    assert caught.value.sample == 2_345


@pytest.mark.parametrize("kind", BUILDS, ids=lambda kind: kind.__name__)
def test_slow_and_fast_kernels_give_the_same_bits(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = made_of(DEFAULTS[kind], noise(2))
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert made_of(DEFAULTS[kind], noise(2)).tobytes() == fast.tobytes()


def test_a_look_ahead_is_what_it_takes() -> None:
    """A click that goes in at 0 comes out at the look-ahead, and nothing much before it."""
    click = np.zeros((1, 12_000), dtype=np.float32)
    click[0, 0] = 0.5
    for processor in (*NEUTRAL, SoftClip(drive_db=6.0, ceiling_db=-3.0), Saturation(drive_db=12.0)):
        node = fresh(processor, 1)
        made = node.follow(ahead(click, node))[0]
        assert int(np.abs(made).argmax()) == node.look_ahead_samples, processor


@cache
def song_beginning(path: Path) -> Audio:
    audio = read(path)
    return audio.span(20 * audio.rate_hz, 23 * audio.rate_hz + 77)


@pytest.mark.parametrize("kind", BUILDS, ids=lambda kind: kind.__name__)
def test_real_songs_come_out_whole(kind: type, material: Path) -> None:
    """At their own rates, in the blocks of a render that was broken off: the bits of the whole, and music."""
    song = song_beginning(material / SONGS[list(BUILDS).index(kind) % len(SONGS)])
    hall = Audio.of(IMPULSE.samples, song.rate_hz)
    nodes = [node_of(DEFAULTS[kind], song.channels, song.rate_hz, keys={"hall": hall}) for _ in range(3)]
    played = ahead(song.samples, nodes[0])
    whole = nodes[0].follow(played)
    broken_off = 5 * 16_384 + 1_001
    first = heard_in_blocks(nodes[1], played, [*range(0, broken_off, 16_384), broken_off])
    restore(nodes[2], iter(state_of(nodes[1])))
    rest = heard_in_blocks(nodes[2], played, [*range(broken_off, played.shape[1], 16_384), played.shape[1]])
    assert np.concatenate([first, rest], axis=1).tobytes() == whole.tobytes()
    assert 0.0 < largest(whole) < 4.0


# Chains


def key_sound(length: int = LENGTH) -> Samples:
    key = np.zeros((1, length), dtype=np.float32)
    key[0, length // 3 : length // 3 + 500] = 0.7
    return key


KEYED = Compressor(threshold_db=-30.0, ratio=8.0, attack_ms=0.5, release_ms=20.0, detector="peak", key_track="kick")


@given(
    chain=st.lists(processors, max_size=4),
    channels=st.integers(1, 2),
    edges=cuts,
    keyed_at=st.none() | st.integers(0, 4),
)
@example(chain=[Saturation(drive_db=6.0)], channels=1, edges=[0, LENGTH // 3 + 60, LENGTH], keyed_at=1)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_chain_is_its_processors_one_after_another(
    chain: list[Processor], channels: int, edges: list[int], keyed_at: int | None
) -> None:
    if keyed_at is not None:
        chain.insert(keyed_at, KEYED)
    sound, keys = Audio(noise(channels), RATE_HZ), SOUNDS | {"kick": Audio(key_sound(), RATE_HZ)}
    node = ChainNode(chain, channels, RATE_HZ, keys=SOUNDS)
    late = node.look_ahead_samples
    assert late == sum(node_of(each, 1, RATE_HZ, keys=SOUNDS).look_ahead_samples for each in chain)
    played, kick = sound.span(0, LENGTH + late).samples, keys["kick"].span(0, LENGTH + late).samples
    whole = ChainNode(chain, channels, RATE_HZ, keys=SOUNDS).follow(played, {"kick": kick})
    blocks: list[Samples] = []
    for start, end in pairwise([*edges, LENGTH + late]):
        kept, node = state_of(node), ChainNode(chain, channels, RATE_HZ, keys=SOUNDS)
        restore(node, iter(kept))
        blocks.append(node.follow(played[:, start:end], {"kick": kick[:, start:end]}))
    assert np.concatenate(blocks, axis=1).tobytes() == whole.tobytes()
    # One by one, strips round in between, a convolver's grid begins elsewhere, and whoever looks ahead of the end sees
    # silence: the same but for rounding until then. Hysteresis and ratios of envelopes can make much of a rounding.
    if not any(isinstance(each, Gate | TransientShaper) for each in chain):
        expected = sound
        for processor in chain:
            expected = apply(expected, processor, keys=keys)
        assert whole.shape == (expected.channels, LENGTH + late)
        seen = max(LENGTH - late, 0)
        difference = whole[:, late : late + seen] - expected.samples[:, :seen]
        assert largest(difference) <= 1e-4 * max(1.0, largest(expected.samples))


@given(chains=st.lists(st.lists(processors, max_size=3), min_size=2, max_size=6))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_neighbours_in_a_bank_do_not_matter(chains: list[list[Processor]]) -> None:
    sounds = [noise(1 + number % 2, 2_000, seed=number) for number in range(len(chains))]
    bank = ChainBank(chains, [sound.shape[0] for sound in sounds], RATE_HZ, keys=SOUNDS)
    sounds = [np.pad(sound, ((0, 0), (0, max(bank.look_ahead_samples)))) for sound in sounds]
    made = bank.follow(sounds)
    for number, (sound, chain) in enumerate(zip(sounds, chains, strict=True)):
        node = ChainNode(chain, sound.shape[0], RATE_HZ, keys=SOUNDS)
        assert (node.channels, node.look_ahead_samples) == (bank.channels[number], bank.look_ahead_samples[number])
        assert node.follow(sound).tobytes() == made[number].tobytes()


def test_a_key_is_heard_in_time_behind_a_look_ahead() -> None:
    """The gain falls where the kick is, however late the processors before the compressor are."""
    sound = np.full((1, LENGTH), 0.25, dtype=np.float32)
    for before in ((), (Saturation(drive_db=-6.0, mix=0.0), FirEqualiser(bands=()), Gain(gain_db=0.0))):
        track = Audio(sound, RATE_HZ)
        made = run_chains([track], [[*before, KEYED]], keys={"kick": Audio(key_sound(), RATE_HZ)})[0].samples[0]
        assert made[LENGTH // 3 - 1] == pytest.approx(0.25, rel=1e-4)
        assert made[LENGTH // 3 + 20] < 0.1
    with pytest.raises(InternalError) as caught:
        run_chains([track], [[Gain(gain_db=1.0), Saturation(drive_db=1.0), KEYED]])
    assert (caught.value.code, caught.value.where) == ("dsp.key", "kick")


def test_a_chain_names_track_processor_and_sample() -> None:
    sound = noise(2, 40_000)
    sound[0, 30_000] = np.nan
    chains: list[list[Processor]] = [[Gain(gain_db=1.0)], [FirEqualiser(bands=()), Saturation(drive_db=1.0)]]
    tracks = [Audio(noise(2), RATE_HZ), Audio(sound, RATE_HZ)]
    with pytest.raises(NotFinite) as caught:
        run_chains(tracks, chains, names=["bass", "voice"])
    assert (caught.value.place, caught.value.sample) == ("voice, FirEqualiser", 30_000)


def test_late_processors_tell_samples_as_they_went_in() -> None:
    """Too much gain behind a filter that is late: the sample is that of the sound that went in."""
    sound = np.zeros((1, 9_000), dtype=np.float32)
    sound[0, 4_000] = 1e30
    chain: list[Processor] = [Saturation(drive_db=0.0, mix=0.0), Gain(gain_db=300.0)]
    with pytest.raises(NotFinite) as caught:
        run_chains([Audio(sound, RATE_HZ)], [chain])
    assert caught.value.sample == 4_000


def test_whole_sounds_are_in_time_and_as_long_as_they_were() -> None:
    for length in (0, 1, 50, 16_384, 20_000):
        sound = Audio(noise(1, length), RATE_HZ)
        made = run_whole(ChainNode([Saturation(drive_db=6.0), Width()], 1, RATE_HZ), sound)
        assert made.samples.shape == (1, length)
        assert made.samples.tobytes() == apply(sound, Saturation(drive_db=6.0)).samples.tobytes()


DEFAULTS: dict[type, Processor] = {
    HighPass: HighPass(cutoff_hz=90.0, slope_db_per_octave=24),
    Equaliser: Equaliser(bands=(Band(kind="peak", frequency_hz=1_000.0, gain_db=6.0),)),
    Compressor: Compressor(threshold_db=-30.0, ratio=4.0, attack_ms=2.0, release_ms=50.0),
    Gain: Gain(gain_db=-3.0),
    Saturation: Saturation(drive_db=12.0),
    Delay: Delay(time_s=0.01, mix=0.3),
    Reverb: Reverb(decay_s=1.0, mix=0.3),
    Width: Width(width=0.7, mono_below_hz=120.0),
    SoftClip: SoftClip(drive_db=6.0, ceiling_db=-6.0),
    Limiter: Limiter(drive_db=6.0),
    DeEsser: DeEsser(frequency_hz=2_000.0),
    Gate: Gate(threshold_db=-20.0),
    TransientShaper: TransientShaper(attack_db=6.0, sustain_db=-6.0),
    DynamicEqualiser: DynamicEqualiser(frequency_hz=800.0, threshold_db=-40.0),
    MultibandCompressor: MultibandCompressor(
        crossovers_hz=(200.0, 1_500.0),
        bands=(Compressor(threshold_db=-30.0, ratio=4.0, attack_ms=2.0, release_ms=50.0),) * 3,
    ),
    MidSideEqualiser: MidSideEqualiser(side=(Band(kind="high_shelf", frequency_hz=2_000.0, gain_db=4.0),)),
    FirEqualiser: FirEqualiser(bands=(Band(kind="peak", frequency_hz=1_000.0, gain_db=6.0),)),
    Convolution: Convolution(impulse="hall", length_s=0.3, mix=0.5),
    CharacterCompressor: CharacterCompressor(character="bus", threshold_db=-30.0, ratio=4.0, mix=0.5),
    Colour: Colour(character="tube", drive_db=9.0, mix=0.5),
}
