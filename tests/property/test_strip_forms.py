"""One or two tracks alone run through narrower kernels than four: the bits are the same, whatever the chain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tapehand.dsp.node import restore, state_of
from tapehand.dsp.strips import StripBank, StripProcessor
from tapehand.errors import InternalError
from tapehand.song.processors import Band, Compressor, Equaliser, Gain, HighPass

MANY = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
RATE_HZ = 48_000
KINDS = ("peak", "low_shelf", "high_shelf", "low_pass", "high_pass", "notch")
Rows = NDArray[np.float32]


def random_chain(rng: np.random.Generator) -> list[StripProcessor]:
    """From nothing at all to eleven sections and three compressors; some cut-offs need float64."""
    chain: list[StripProcessor] = []
    if rng.random() < 0.6:
        chain.append(
            HighPass(cutoff_hz=float(rng.choice([3.0, 20.0, 90.0])), slope_db_per_octave=rng.choice([6, 12, 24]))
        )
    if count := int(rng.integers(0, 10)):
        bands = [
            Band(
                kind=str(rng.choice(KINDS)),
                frequency_hz=float(2.0 ** rng.uniform(5, 14)),
                gain_db=float(rng.uniform(-9, 9)),
                q=float(rng.uniform(0.4, 4)),
            )
            for _ in range(count)
        ]
        chain.append(Equaliser(bands=tuple(bands)))
    for _ in range(int(rng.integers(0, 3))):
        chain.append(random_compressor(rng))
    if rng.random() < 0.3:
        chain.append(Gain(gain_db=float(rng.uniform(-9, 9))))
    return chain


def random_compressor(rng: np.random.Generator) -> Compressor:
    return Compressor(
        threshold_db=float(rng.uniform(-40, 0)),
        ratio=float(rng.uniform(1, 20)),
        attack_ms=float(rng.choice([0.0, 0.3, 5.0, 60.0])),
        release_ms=float(rng.choice([0.0, 10.0, 300.0])),
        knee_db=float(rng.choice([0.0, 6.0])),
        make_up_db=float(rng.uniform(-3, 6)),
        detector="peak" if rng.random() < 0.5 else "rms",
        key_track="kick" if rng.random() < 0.4 else None,
    )


def through(bank: StripBank, sounds: list[Rows], kick: Rows, blocks: list[int]) -> list[Rows]:
    made, at = [np.full_like(sound, np.nan) for sound in sounds], 0
    for count in blocks:
        here = slice(at, at + count)
        bank.follow([sound[:, here] for sound in sounds], {"kick": kick[:, here]}, [out[:, here] for out in made])
        at += count
    return made


def noise(rng: np.random.Generator, channels: int, length: int) -> Rows:
    swell = 0.02 + 0.4 * (np.arange(length) // 300 % 3 == 0)
    return (rng.standard_normal((channels, length)) * swell).astype(np.float32)


@MANY
@given(SEEDS, st.lists(st.one_of(st.integers(1, 40), st.integers(200, 1_200)), min_size=1, max_size=4))
def test_alone_in_pairs_and_in_fours(seed: int, blocks: list[int]) -> None:
    rng = np.random.default_rng(seed)
    length = sum(blocks)
    chains = [random_chain(rng) for _ in range(4)]
    sounds = [noise(rng, int(rng.integers(1, 3)), length) for _ in range(4)]
    kick = noise(rng, int(rng.integers(1, 3)), length)
    in_four = through(StripBank(chains, RATE_HZ), sounds, kick, blocks)
    in_three = through(StripBank(chains[1:], RATE_HZ), sounds[1:], kick, blocks)
    in_pairs = [through(StripBank(chains[k : k + 2], RATE_HZ), sounds[k : k + 2], kick, blocks) for k in (0, 2)]
    alone = [through(StripBank([chains[k]], RATE_HZ), [sounds[k]], kick, blocks)[0] for k in range(4)]
    for k in range(4):
        assert alone[k].tobytes() == in_four[k].tobytes()
        assert in_pairs[k // 2][k % 2].tobytes() == in_four[k].tobytes()
        assert k == 0 or in_three[k - 1].tobytes() == in_four[k].tobytes()


@MANY
@given(SEEDS, st.integers(1, 700), st.integers(1, 700))
def test_a_state_moves_from_one_form_to_another(seed: int, before: int, after: int) -> None:
    rng = np.random.default_rng(seed)
    chain, kick = random_chain(rng), noise(rng, 1, before + after)
    sounds = [noise(rng, 2, before + after) for _ in range(4)]
    whole = through(StripBank([chain], RATE_HZ), sounds[:1], kick, [before + after])[0]
    four, alone = StripBank([chain] * 4, RATE_HZ), StripBank([chain], RATE_HZ)
    through(four, [sound[:, :before] for sound in sounds], kick, [before])
    restore(alone, iter(state_of(four)))
    assert (
        through(alone, [sounds[0][:, before:]], kick[:, before:], [after])[0].tobytes() == whole[:, before:].tobytes()
    )


@pytest.mark.parametrize("count", [1, 2])
def test_base_and_v3_give_the_same_bits(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    for _ in range(6):
        chains, kick = [random_chain(rng) for _ in range(count)], noise(rng, 1, 1_300)
        sounds = [noise(rng, 2, 1_300) for _ in range(count)]
        fast = through(StripBank(chains, RATE_HZ), sounds, kick, [1_300])
        monkeypatch.setenv("TAPEHAND_SIMD", "base")
        slow = through(StripBank(chains, RATE_HZ), sounds, kick, [1_300])
        monkeypatch.delenv("TAPEHAND_SIMD")
        assert all(a.tobytes() == b.tobytes() for a, b in zip(fast, slow, strict=True))


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
@pytest.mark.parametrize("length", [1, 9, 511, 513, 1_500])
@pytest.mark.parametrize("tracks", [1, 2, 3])
def test_the_guilty_track_and_sample_are_named(bad: float, length: int, tracks: int) -> None:
    """As the last sample and as the first one; behind it all is guilty too."""
    for place in (length - 1, 0):
        sounds = [np.zeros((2, length), dtype=np.float32) for _ in range(tracks)]
        sounds[-1][1, place] = bad
        chain = [HighPass(cutoff_hz=90.0), Compressor(threshold_db=-20.0, ratio=4.0, attack_ms=5.0, release_ms=80.0)]
        bank = StripBank([chain] * tracks, RATE_HZ, names=["kick", "snare", "hat"][:tracks])
        bank.bind(sounds, {}, sounds)
        with pytest.raises(InternalError) as caught:
            bank.run(length)
        assert caught.value.where == f"{['kick', 'snare', 'hat'][tracks - 1]}, sample {place}"


@pytest.mark.parametrize("tracks", [1, 2, 4])
def test_settings_beyond_reason_stay_finite(tracks: int) -> None:
    loud = [np.full((2, 2_000), 1e18, dtype=np.float32) for _ in range(tracks)]
    wild = Compressor(threshold_db=-3_000.0, ratio=1e9, attack_ms=0.0, release_ms=0.0, knee_db=0.0, make_up_db=-4_000.0)
    made = through(StripBank([[wild]] * tracks, RATE_HZ), loud, loud[0], [2_000])
    assert all(np.all(np.isfinite(sound)) and np.all(np.abs(sound) < 1e-15) for sound in made)
