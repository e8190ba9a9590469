"""The steps of a curve against a search through every way to cut it."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.pitch import cheapest_steps


def _cost(values: NDArray[np.float64], steps: list[tuple[int, int]], price: float) -> float:
    return sum(float(np.square(values[a:b] - values[a:b].mean()).sum()) + price for a, b in steps)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("longest", [3, 9])
def test_no_other_cutting_is_cheaper(seed: int, longest: int) -> None:
    values = np.random.default_rng(seed).normal(size=9)
    ways = (list(pairwise([0, *cuts, 9])) for number in range(9) for cuts in combinations(range(1, 9), number))
    allowed = [way for way in ways if max(b - a for a, b in way) <= longest]
    best = min(_cost(values, way, 0.7) for way in allowed)
    assert _cost(values, cheapest_steps(values, longest, 0.7), 0.7) == pytest.approx(best)


def test_a_staircase_is_cut_at_its_steps() -> None:
    values = np.repeat([0.0, 100.0, 40.0], [30, 50, 20])
    assert cheapest_steps(values, 1000, 1.0) == [(0, 30), (30, 80), (80, 100)]


def test_nothing_has_no_steps_and_nonsense_is_refused() -> None:
    assert cheapest_steps(np.zeros(0), 10, 1.0) == []
    with pytest.raises(InternalError):
        cheapest_steps(np.zeros((2, 2)), 10, 1.0)
