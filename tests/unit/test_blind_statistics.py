"""Exact odds of blind votes, against independent integrals and the figures that are known for them."""

import itertools
import random

import numpy as np
import pytest
from scipy import integrate, stats

from tapehand.app.blind_statistics import (
    guessing_odds,
    needed_right,
    power,
    preference_odds,
    probability_better,
    strengths,
    tallied,
)


@pytest.mark.parametrize(
    ("rounds", "needed", "odds", "powers"),
    [
        (8, 7, 0.035, (0.26, 0.50, 0.81)),
        (10, 9, 0.011, (0.15, 0.38, 0.74)),
        (12, 10, 0.019, (0.25, 0.56, 0.89)),
        (16, 12, 0.038, (0.45, 0.80, 0.98)),
        (20, 15, 0.021, (0.42, 0.80, 0.99)),
    ],
)
def test_abx_as_tabulated(rounds: int, needed: int, odds: float, powers: tuple[float, ...]) -> None:
    assert needed_right(rounds) == needed
    assert guessing_odds(needed, rounds) == pytest.approx(odds, abs=0.0006)
    for truly_right, expected in zip((0.7, 0.8, 0.9), powers, strict=True):
        assert power(rounds, needed, truly_right) == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize(
    ("wins", "rounds", "known"), [(3, 3, 0.94), (4, 5, 0.89), (5, 5, 0.98), (6, 7, 0.965), (0, 0, 0.5), (2, 4, 0.5)]
)
def test_probability_better_as_tabulated(wins: int, rounds: int, known: float) -> None:
    assert probability_better(wins, rounds - wins) == pytest.approx(known, abs=0.005)


@pytest.mark.parametrize(("wins", "rounds"), [(6, 6), (8, 8), (9, 10), (10, 12), (13, 16), (15, 20)])
def test_fewest_wins_that_are_unlikely_without_a_preference(wins: int, rounds: int) -> None:
    assert preference_odds(wins, rounds - wins) <= 0.05 < preference_odds(wins - 1, rounds - wins + 1)


def test_five_of_five_is_not_enough() -> None:
    assert preference_odds(5, 0) == 0.0625
    assert needed_right(4) is None


@pytest.mark.parametrize(("wins", "losses"), list(itertools.product((0, 1, 4, 11), (0, 2, 7))))
def test_against_integrals_of_the_posterior(wins: int, losses: int) -> None:
    area = integrate.quad(stats.beta(wins + 1, losses + 1).pdf, 0.5, 1.0)[0]
    assert probability_better(wins, losses) == pytest.approx(area, abs=1e-9)
    assert probability_better(wins, losses) + probability_better(losses, wins) == pytest.approx(1.0)
    total = wins + losses
    assert guessing_odds(wins, total) == pytest.approx(stats.binom.sf(wins - 1, total, 0.5), abs=1e-12)
    assert preference_odds(wins, losses) == pytest.approx(
        stats.binomtest(wins, total).pvalue if total else 1.0, abs=1e-12
    )


def test_bradley_terry_finds_the_strengths_that_made_the_votes() -> None:
    chance = random.Random(5)
    true = {"a": 0.5, "b": 0.3, "c": 0.15, "d": 0.05}
    votes = []
    for one, other in itertools.combinations(true, 2):
        for _ in range(4000):
            one_wins = chance.random() < true[one] / (true[one] + true[other])
            votes.append((one, other, one if one_wins else other))
    found = strengths(tuple(true), tallied(votes))
    assert found == pytest.approx(true, abs=0.02)
    assert sum(found.values()) == pytest.approx(1.0)


def test_bradley_terry_is_the_most_likely_fit() -> None:
    """No small step from the solution raises the likelihood (with the one tie that every pair starts with)."""
    names = ("a", "b", "c")
    votes = {("a", "b"): 3.0, ("b", "a"): 1.0, ("b", "c"): 2.5, ("c", "b"): 1.5, ("a", "c"): 4.0}
    found = strengths(names, votes)

    def likelihood(share: dict[str, float]) -> float:
        return sum(
            (votes.get((a, b), 0.0) + 0.5) * np.log(share[a] / (share[a] + share[b]))
            for a, b in itertools.permutations(names, 2)
        )

    best = likelihood(found)
    for name, step in itertools.product(names, (0.97, 1.03)):
        assert likelihood({**found, name: found[name] * step}) < best


def test_never_beaten_is_not_beyond_measure_and_ties_are_halves() -> None:
    unbeaten = strengths(("a", "b"), tallied([("a", "b", "a")] * 3))
    assert unbeaten["a"] == pytest.approx(3.5 / 4.0)
    assert strengths(("a", "b"), tallied([("a", "b", None)] * 5)) == pytest.approx({"a": 0.5, "b": 0.5})
    assert strengths(("a",), {}) == {"a": 1.0}
    assert tallied([("a", "b", "b"), ("b", "a", None)]) == {("b", "a"): 1.5, ("a", "b"): 0.5}
