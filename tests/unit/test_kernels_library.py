"""The border between arrays and C."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tapehand.errors import InternalError
from tapehand.kernels import library
from tapehand.kernels.bus import BusInput, mix_bus, narrow_bus, steady
from tapehand.kernels.library import Kernel, Parameter
from tapehand.kernels.strip import LANES, StripSettings, run_strip8

KERNEL = Kernel("math_f32", Parameter.INT, Parameter.F32, Parameter.F32_OUT, Parameter.INT)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(4),
        np.zeros(8, dtype=np.float32)[::2],
        [0.0, 1.0],
        None,
    ],
)
def test_what_c_cannot_read_is_refused(wrong: object) -> None:
    with pytest.raises(InternalError) as caught:
        KERNEL(0, wrong, np.zeros(4, dtype=np.float32), 4)
    assert caught.value.code == "kernels.argument"


def test_a_frozen_array_is_not_written_to() -> None:
    frozen = np.zeros(4, dtype=np.float32)
    frozen.flags.writeable = False
    with pytest.raises(InternalError, match="writeable"):
        KERNEL(0, np.zeros(4, dtype=np.float32), frozen, 4)


def test_a_wrong_count_is_refused() -> None:
    with pytest.raises(InternalError, match="takes 4 arguments, not 1"):
        KERNEL(0)


def test_a_missing_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "LIBRARY_PATH", tmp_path / "none.so")
    library._library.cache_clear()
    try:
        with pytest.raises(InternalError) as caught:
            Kernel("not_there")()
    finally:
        monkeypatch.undo()
        library._library.cache_clear()
        assert caught.value.code == "kernels.not_built"
    assert "make" in caught.value.hint


def sections(count: int) -> StripSettings:
    idle = np.zeros((count, 4, LANES))
    return StripSettings(gains=np.ones(LANES), wide_coefficients=idle, coefficients=idle, compressor=None)


def test_the_mode_of_the_thread_comes_back(rng: np.random.Generator) -> None:
    """Kernels flush denormals; numpy afterwards must not."""
    settings = sections(0)
    run_strip8([rng.standard_normal((2, 100)).astype(np.float32)], settings)
    smallest = np.full(4, sys.float_info.min)
    assert np.all(smallest / 4.0 > 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("length", [1, 7, 129, 1000])
def test_a_bad_sample_is_named(bad: float, length: int) -> None:
    tracks = [np.zeros((2, length), dtype=np.float32) for _ in range(3)]
    tracks[1][1, length - 1] = bad
    settings = sections(2)
    with pytest.raises(InternalError) as caught:
        run_strip8(tracks, settings, names=["kick", "snare", "hat"])
    assert caught.value.code == "render.not_finite"
    assert caught.value.where == f"snare, sample {length - 1}"


def test_a_bus_refuses_what_does_not_fit_float32() -> None:
    loud = np.full((1, 10), 3e38, dtype=np.float32)
    bus = mix_bus([steady(loud, 1.0, 1.0)] * 2, 10)
    with pytest.raises(InternalError, match="not a number"):
        narrow_bus(bus)


def test_bus_gains_must_be_in_order() -> None:
    with pytest.raises(InternalError):
        BusInput(
            samples=np.zeros((1, 4), dtype=np.float32),
            gain_at_samples=np.array([5, 5]),
            gains=np.ones((2, 2)),
        )
