"""Buses are exact: no order, grouping, cut or detour changes a bit."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.bus import BusAdder, BusInput, BusNarrower, mix_bus, narrow_bus, steady

MANY = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
LENGTH = 700


def random_input(rng: np.random.Generator) -> BusInput:
    """A track of any size from far below the last bit up to +30 dBFS: moving, panned, late, turned over."""
    at = np.sort(rng.choice(LENGTH, rng.integers(1, 6), replace=False))
    shape = (rng.integers(1, 3), rng.integers(1, LENGTH))
    return BusInput(
        samples=(rng.standard_normal(shape) * 10.0 ** rng.uniform(-9, 1.5)).astype(np.float32),
        gain_at_samples=at.astype(np.int64),
        gains=rng.uniform(-2.0, 2.0, (at.size, 2)),
        offset_samples=int(rng.integers(-50, LENGTH)),
    )


def turned_over(track: BusInput) -> BusInput:
    return BusInput(
        samples=track.samples,
        gain_at_samples=track.gain_at_samples,
        gains=-track.gains,
        offset_samples=track.offset_samples,
    )


@MANY
@given(SEEDS, st.integers(1, 12))
def test_order_and_grouping_change_no_bit(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    tracks = [random_input(rng) for _ in range(count)]
    whole = mix_bus(tracks, LENGTH)
    shuffled = [tracks[k] for k in rng.permutation(count)]
    assert mix_bus(shuffled, LENGTH).tobytes() == whole.tobytes()
    groups = np.split(np.array(shuffled, dtype=object), np.sort(rng.integers(0, count + 1, 3)))
    part_sums = [mix_bus(list(group), LENGTH) for group in groups]
    assert sum(part_sums[1:], part_sums[0]).tobytes() == whole.tobytes()


@MANY
@given(SEEDS, st.integers(1, 8))
def test_a_track_is_taken_away_without_a_trace(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    first, *others = [random_input(rng) for _ in range(count + 1)]
    bus = mix_bus([first, *others], LENGTH)
    mix_bus([turned_over(first)], LENGTH, onto=bus)
    assert bus.tobytes() == mix_bus(others, LENGTH).tobytes()


@MANY
@given(SEEDS)
def test_every_contribution_is_the_nearest_step_of_the_grid(seed: int) -> None:
    """Against rational arithmetic; halves go to the even step, as Python's round has it."""
    rng = np.random.default_rng(seed)
    samples = (rng.standard_normal((1, 40)) * 10.0 ** rng.uniform(-13, 2.4)).astype(np.float32)
    gain = float(rng.uniform(-2.0, 2.0))
    bus = mix_bus([steady(samples, gain, 0.5)], 40)
    for side, factor in ((0, gain), (1, 0.5)):
        products = [float(sample) * factor for sample in samples[0]]  # rounded to float64 once
        assert bus[side].tolist() == [float(Fraction(round(Fraction(value) * 2**40), 2**40)) for value in products]


def curves_of(inputs: list[BusInput]) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    return [(track.gain_at_samples, track.gains) for track in inputs]


@MANY
@given(SEEDS, st.integers(1, 5), st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_rooms_that_are_filled_again_give_the_bits_of_the_whole(seed: int, count: int, blocks: list[int]) -> None:
    rng = np.random.default_rng(seed)
    length, first = sum(blocks), int(rng.integers(-100, LENGTH))
    tracks = [random_input(rng) for _ in range(count)]
    wholes = [rng.standard_normal((track.samples.shape[0], length)).astype(np.float32) for track in tracks]
    rooms = [np.full((whole.shape[0], 305), np.nan, dtype=np.float32)[:, :301] for whole in wholes]
    bus, mix = np.zeros((2, 350)), np.empty((2, length + 9), dtype=np.float32)[:, 4:]
    adder, narrower = BusAdder(rooms, curves_of(tracks), bus), BusNarrower(bus, mix)
    at = 0
    for block in blocks:
        for room, whole in zip(rooms, wholes, strict=True):
            room[:, :block] = whole[:, at : at + block]
        bus.fill(0.0)
        adder.add(first + at, block, bus_at=49)
        narrower.narrow(block, bus_at=49, room_at=at)
        assert not bus[:, :49].any()
        assert not bus[:, 49 + block :].any()
        at += block
    lying = [
        BusInput(samples=whole, gain_at_samples=at_samples, gains=gains, offset_samples=first)
        for whole, (at_samples, gains) in zip(wholes, curves_of(tracks), strict=True)
    ]
    truth = narrow_bus(mix_bus(lying, length, start_samples=first))
    assert mix[:, :length].tobytes() == truth.tobytes()


def test_both_copies_give_equal_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    tracks = [random_input(rng) for _ in range(20)]
    fast = mix_bus(tracks, LENGTH)
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert mix_bus(tracks, LENGTH).tobytes() == fast.tobytes()


def test_what_does_not_fit_is_refused() -> None:
    room, bus = np.zeros((2, 10), dtype=np.float32), np.zeros((2, 12))
    adder = BusAdder([room], curves_of([steady(room, 1.0, 1.0)]), bus)
    for count, bus_at in ((11, 0), (10, 3), (-1, 0), (3, -1)):
        with pytest.raises(InternalError, match="does not fit"):
            adder.add(0, count, bus_at)
    narrower = BusNarrower(bus, room)
    for count, bus_at, room_at in ((11, 0, 0), (10, 3, 0), (5, 0, 6), (-1, 0, 0), (2, -1, 0), (2, 0, -1)):
        with pytest.raises(InternalError, match="does not fit"):
            narrower.narrow(count, bus_at, room_at)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_guilty_sample_is_named(bad: float) -> None:
    room, bus = np.zeros((2, 3_000), dtype=np.float32), np.zeros((2, 4_000))
    room[1, 2_500] = bad
    with pytest.raises(InternalError) as caught:
        BusAdder([room], curves_of([steady(room, 1.0, 1.0)]), bus, where="drums").add(0, 3_000, bus_at=700)
    assert (caught.value.code, caught.value.where) == ("render.not_finite", "drums, sample 2500")
    with pytest.raises(InternalError) as caught:
        BusNarrower(bus, room, where="drums").narrow(3_000, bus_at=700)
    assert caught.value.where == "drums, sample 2500"
