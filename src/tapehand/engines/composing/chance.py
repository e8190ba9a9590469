"""Dice that fall by name: the same seed and path give the same throw, whatever was thrown before."""

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")


def seed_of(seed: int, *path: object) -> int:
    """A seed of its own, 0..2**63-1, for the place ``path`` names under ``seed``."""
    name = "/".join([str(seed), *(str(step) for step in path)])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def dice(seed: int, *path: object) -> Random:
    """Random numbers for the place ``path`` names under ``seed``."""
    return Random(seed_of(seed, *path))


def spread(source: Random, deviation: float) -> float:
    """A bell-shaped throw around 0 with this standard deviation, never beyond 3.5 of it (sum of twelve uniforms)."""
    return max(-3.5, min(3.5, sum(source.random() for _ in range(12)) - 6.0)) * deviation


def weighted(source: Random, weights: Mapping[Choice, float]) -> Choice:
    """One of the keys, as often as its weight says."""
    options = list(weights)
    mark = source.random() * sum(weights.values())
    for option in options:
        mark -= weights[option]
        if mark < 0:
            return option
    return options[-1]


def one_of(source: Random, options: Sequence[Choice]) -> Choice:
    """One of the options, all alike."""
    return options[min(int(source.random() * len(options)), len(options) - 1)]
