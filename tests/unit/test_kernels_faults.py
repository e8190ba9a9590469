"""The kernels of the search for faults against the same in plain numpy."""

import numpy as np
import pytest

from tapehand.errors import InternalError
from tapehand.kernels import faults as kernels


@pytest.mark.parametrize("hop", [8, 16, 64])
def test_screen(rng, hop):
    wave = rng.standard_normal(1_003).astype(np.float32)
    peaks, jumps = kernels.screen(wave, hop)
    hops = (wave.size - 2) // hop
    bends = np.abs((wave[2:] - wave[1:-1]) - (wave[1:-1] - wave[:-2]))[: hops * hop].reshape(hops, hop)
    assert (jumps == bends.max(axis=1)).all()
    assert (peaks == np.abs(wave[2 : 2 + hops * hop]).reshape(hops, hop).max(axis=1)).all()


@pytest.mark.parametrize(("taps", "factor"), [(8, 1), (240, 24), (40, 7)])
def test_decimate(rng, taps, factor):
    wave, weights = rng.standard_normal(2_000).astype(np.float32), rng.standard_normal(taps).astype(np.float32)
    full = np.correlate(wave.astype(np.float64), weights.astype(np.float64), "valid")
    np.testing.assert_allclose(kernels.decimate(wave, weights, factor), full[::factor], atol=1e-4)
    assert kernels.decimate(wave[: taps - 1], weights, factor).size == 0


def test_products(rng):
    left, right = rng.standard_normal((2, 1_000)).astype(np.float32)
    made = kernels.products(left, right, 48)
    rows = [
        np.stack([left * left, right * right, left * right])[:, at : at + 48].sum(axis=1) for at in range(0, 960, 48)
    ]
    np.testing.assert_allclose(made, rows, rtol=1e-5, atol=1e-4)


def test_what_does_not_fit_is_refused():
    wave = np.zeros(100, np.float32)
    with pytest.raises(InternalError):
        kernels.screen(wave, 12)
    with pytest.raises(InternalError):
        kernels.decimate(wave, np.zeros(9, np.float32), 2)
    with pytest.raises(InternalError):
        kernels.products(wave, wave[:-1], 8)


@pytest.mark.parametrize(("count", "width"), [(0, 3), (1, 3), (5, 0), (7, 3), (200, 21), (20, 400)])
def test_means_are_those_of_what_lies_around(count: int, width: int) -> None:
    values = np.random.default_rng(count).random(count)
    wanted = [float(values[max(0, at - width) : at + width + 1].mean()) for at in range(count)]
    np.testing.assert_allclose(kernels.means(values, width), wanted, rtol=1e-12)
