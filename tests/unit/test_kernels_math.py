"""Our own transcendentals against Python's, on both SIMD levels."""

import math

import numpy as np
import pytest

from tapehand.kernels.library import Kernel, Parameter

P = Parameter
F32 = Kernel("math_f32", P.INT, P.F32, P.F32_OUT, P.INT)
F64 = Kernel("math_f64", P.INT, P.F64, P.F64_OUT, P.INT)
COUNT = 20_000


def ours(function: int, values: np.ndarray) -> np.ndarray:
    made = np.empty_like(values)
    (F32 if values.dtype == np.float32 else F64)(function, values, made, values.size)
    return made


def relative(made: np.ndarray, truth: list[float]) -> float:
    exact = np.array(truth)
    return float(np.max(np.abs(made.astype(np.float64) - exact) / np.abs(exact)))


def exact_sine(turns: float) -> float:
    """sin(2 pi t) with the reduction done in turns, where it is exact."""
    rest = turns - round(turns)
    return math.copysign(math.sin(2 * math.pi * min(abs(rest), 0.5 - abs(rest))), rest)


@pytest.fixture(params=["v3", "base"], autouse=True)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "base":
        monkeypatch.setenv("TAPEHAND_SIMD", "base")


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2.0e-7), (np.float64, 5e-16)])
def test_exp2_and_log2(dtype: type, bound: float, rng: np.random.Generator) -> None:
    powers = rng.uniform(-120, 120, COUNT).astype(dtype)
    assert relative(ours(0, powers), [2.0 ** float(x) for x in powers]) < bound
    sizes = np.concatenate([2.0**powers, rng.uniform(0.5, 2.0, COUNT)]).astype(dtype)
    truth = np.array([math.log2(float(x)) for x in sizes])
    assert np.max(np.abs(ours(1, sizes) - truth) / np.maximum(1.0, np.abs(truth))) < bound


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2.5e-7), (np.float64, 5e-16)])
def test_sine_and_cosine_of_turns(dtype: type, bound: float, rng: np.random.Generator) -> None:
    turns = rng.uniform(-1, 1, COUNT).astype(dtype)
    assert np.max(np.abs(ours(2, turns) - [exact_sine(float(t)) for t in turns])) < bound
    quarter = [math.sin(2 * math.pi * (0.25 - abs(float(t) - round(float(t))))) for t in turns]
    assert np.max(np.abs(ours(3, turns) - quarter)) < bound


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 3.0e-7), (np.float64, 6e-16)])
def test_tanh_keeps_its_precision_down_to_silence(dtype: type, bound: float, rng: np.random.Generator) -> None:
    values = (rng.uniform(-1, 1, COUNT) * 10.0 ** rng.uniform(-7, 1.3, COUNT)).astype(dtype)
    assert relative(ours(4, values), [math.tanh(float(x)) for x in values]) < bound


def test_exact_where_music_needs_it() -> None:
    whole = np.arange(-20, 21, dtype=np.float32)
    assert np.array_equal(ours(0, whole), np.array([2.0 ** float(x) for x in whole], dtype=np.float32))
    assert ours(2, np.zeros(1))[0] == 0.0
    assert ours(2, np.zeros(1, dtype=np.float32))[0] == 0.0
