"""Chance that depends on what a note is, never on the order in which notes are played."""

from dataclasses import dataclass
from typing import Final

_MASK: Final = (1 << 64) - 1


def mixed(*values: int) -> int:
    """A well-spread number 0..2^63-1 for any integers (SplitMix64; Steele, Lea, Flood 2014)."""
    state = 0
    for value in values:
        state = (state + (value & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state >> 1


@dataclass(slots=True)
class Dice:
    """A row of throws from one seed."""

    seed: int
    thrown: int = 0

    def even(self) -> float:
        """Evenly spread in [0, 1)."""
        self.thrown += 1
        return mixed(self.seed, self.thrown) / float(1 << 63)

    def spread(self) -> float:
        """Around 0 with standard deviation 1, never beyond 3 (sum of three even throws)."""
        return 2.0 * (self.even() + self.even() + self.even() - 1.5)

    def seed_for(self, number: int) -> int:
        """A seed for something below this."""
        return mixed(self.seed, -1 - number)
