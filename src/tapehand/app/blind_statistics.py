"""What blind votes say, exactly and in honest words: chances, never proofs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import comb
from typing import Final

PRECISION: Final = 1e-12
MOST_ROUNDS_OF_FIT: Final = 10_000

Pair = tuple[str, str]


def guessing_odds(right: int, rounds: int) -> float:
    """Chance that somebody who hears nothing gets ``right`` or more of ``rounds`` (one-sided binomial tail)."""
    return float(_tail(right, rounds, Fraction(1, 2)))


def needed_right(rounds: int, level: float = 0.05) -> int | None:
    """The fewest right answers whose guessing odds are at most ``level``; None where even all are not enough."""
    return next((right for right in range(rounds + 1) if guessing_odds(right, rounds) <= level), None)


def power(rounds: int, needed: int, truly_right: float) -> float:
    """Chance that somebody who is right with probability ``truly_right`` gets ``needed`` or more of ``rounds``."""
    return float(_tail(needed, rounds, Fraction(truly_right).limit_denominator(10**6)))


def preference_odds(wins: int, losses: int) -> float:
    """Chance of a result at least as one-sided where there is no preference (two-sided sign test; ties left out)."""
    return min(1.0, 2.0 * guessing_odds(max(wins, losses), wins + losses))


def probability_better(wins: int, losses: int) -> float:
    """P(wanted more often than not) after ``wins`` and ``losses``, from a flat prior: 1 - I(1/2; wins + 1, losses + 1).

    For whole numbers the incomplete beta function is a binomial sum, so this is exact.
    """
    total = wins + losses + 1
    return float(Fraction(sum(comb(total, k) for k in range(wins + 1)), 2**total))


def strengths(names: Sequence[str], votes: Mapping[Pair, float]) -> dict[str, float]:
    """How strongly each of several is wanted: Bradley-Terry shares that sum to 1.

    ``votes[(a, b)]`` counts how often a was wanted over b; a tie is half a vote for both. Every pair gets one tie
    beforehand, so that something never beaten is not beyond all measure. Solved by minorisation (D. R. Hunter, 2004).
    """
    count = {(a, b): votes.get((a, b), 0.0) + 0.5 for a in names for b in names if a != b}
    share = dict.fromkeys(names, 1.0 / max(len(names), 1))
    for _ in range(MOST_ROUNDS_OF_FIT):
        fresh = {a: _hunter_step(a, share, count) for a in names}
        total = sum(fresh.values())
        fresh = {name: value / total for name, value in fresh.items()}
        if all(abs(fresh[name] - share[name]) < PRECISION for name in names):
            return fresh
        share = fresh
    return share


def _hunter_step(name: str, share: Mapping[str, float], count: Mapping[Pair, float]) -> float:
    others = [other for other in share if other != name]
    if not others:
        return 1.0
    wins = sum(count[name, other] for other in others)
    met = sum((count[name, other] + count[other, name]) / (share[name] + share[other]) for other in others)
    return wins / met


def tallied(wanted: Sequence[tuple[str, str, str | None]]) -> dict[Pair, float]:
    """Votes by pair from ``(one, other, wanted or None for a tie)``."""
    votes: defaultdict[Pair, float] = defaultdict(float)
    for one, other, winner in wanted:
        if winner is None:
            votes[one, other] += 0.5
            votes[other, one] += 0.5
        else:
            votes[winner, other if winner == one else one] += 1.0
    return dict(votes)


def _tail(least: int, rounds: int, chance: Fraction) -> Fraction:
    return sum(
        (comb(rounds, k) * chance**k * (1 - chance) ** (rounds - k) for k in range(max(least, 0), rounds + 1)),
        start=Fraction(0),
    )
