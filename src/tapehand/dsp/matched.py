"""Peaks and shelves that keep the analogue curve up to the highest octave.

The bilinear transform squeezes the curve between a band and half the rate. Here the magnitude itself is fitted: the
square of a second-order section's gain is a ratio of two quadratics in ``s = sin^2(w / 2)``, the square of its analogue
prototype's one in ``W^2``; the former is fitted to the latter, relative to the curve, by iterated linear least squares
(C. K. Sanathanan & J. Koerner, IEEE Trans. Automatic Control 8, 1963), exact at 0 Hz, and taken apart into a
minimum-phase section as in M. Vicanek, "Matched second order digital filters", 2016. Plain float64, no library.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from tapehand.dsp.sections import Section

MatchedKind = Literal["peak", "low_shelf", "high_shelf"]

EVEN_POINTS: Final = 14
OCTAVES_AROUND: Final = 4
ROUNDS: Final = 4
HEARD_SHARE_OF_RATE: Final = 0.42
UNHEARD_WEIGHT: Final = 0.05
SMALLEST_GAIN_DB: Final = 0.02
# Now and then the fit wastes its freedom on a pole that a zero cancels, outside of what a filter can be; a Q that
# differs by a hundredth or two does not.
NEARBY_Q: Final = (1.0, 0.99, 1.01, 0.98, 1.02, 0.96, 1.04)


class Quadratic(NamedTuple):
    """``c0 + c1 x + c2 x^2``."""

    c0: float
    c1: float
    c2: float

    def at(self, x: float) -> float:
        """The value at ``x``."""
        return self.c0 + self.c1 * x + self.c2 * x * x


class Point(NamedTuple):
    """One frequency of the fit: ``s`` re its value at the band's frequency, the wanted squared gain, its weight."""

    place: float
    wanted: float
    weight: float


def matched_section(kind: MatchedKind, frequency_hz: float, gain_db: float, q: float, rate_hz: int) -> Section | None:
    """The section whose gain follows the analogue band; None where one section cannot (shelves of high Q far up).

    Within 0.5 dB of the prototype to 18 kHz from 44.1 kHz on, for any frequency, 12 dB either way and Q up to 2.
    """
    if abs(gain_db) < SMALLEST_GAIN_DB:
        return None
    tried = (_fitted_section(kind, frequency_hz, gain_db, q * near, rate_hz) for near in NEARBY_Q)
    return next((section for section in tried if section is not None), None)


def _fitted_section(kind: MatchedKind, frequency_hz: float, gain_db: float, q: float, rate_hz: int) -> Section | None:
    above, below = analogue_power(kind, gain_db, q)
    turn = 2.0 * math.pi * frequency_hz / rate_hz
    scale = math.sin(min(turn, math.pi) / 2.0) ** 2
    points = [_point(share, turn, scale, above, below) for share in _shares_of_rate(frequency_hz / rate_hz)]
    fitted = _fit(points, above.c0 / below.c0, below)
    if fitted is None:
        return None
    b, a = (_minimum_phase(each.c0, each.c1 / scale, each.c2 / scale**2) for each in fitted)
    if b is None or a is None:
        return None
    section = Section(b[0] / a[0], b[1] / a[0], b[2] / a[0], a[1] / a[0], a[2] / a[0])
    return section if section.is_stable() else None


def analogue_power(kind: MatchedKind, gain_db: float, q: float) -> tuple[Quadratic, Quadratic]:
    """Squared gain of the analogue prototype: numerator and denominator in the square of frequency / band frequency.

    Prototypes as in R. Bristow-Johnson's cookbook, e.g. ``(s^2 + s A/Q + 1) / (s^2 + s/(A Q) + 1)`` for a peak.
    """
    size = 10.0 ** (gain_db / 40.0)
    tilt = math.sqrt(size) / q
    match kind:
        case "peak":
            return _power(1.0, size / q, 1.0), _power(1.0, 1.0 / (size * q), 1.0)
        case "low_shelf":
            return _power(size, size * tilt, size * size), _power(size, tilt, 1.0)
        case "high_shelf":
            return _power(size * size, size * tilt, size), _power(1.0, tilt, size)


def _power(second: float, first: float, constant: float) -> Quadratic:
    """``|second s^2 + first s + constant|^2`` at ``s = j W``, in ``W^2``."""
    return Quadratic(constant * constant, first * first - 2.0 * second * constant, second * second)


def _shares_of_rate(centre: float) -> list[float]:
    """Evenly over the whole band, and around the band's own frequency in half octaves."""
    even = [0.4995 * (k + 0.5) / EVEN_POINTS for k in range(EVEN_POINTS)]
    around = [centre * 2.0 ** (k / 2.0) for k in range(-2 * OCTAVES_AROUND, 2 * OCTAVES_AROUND + 1)]
    return even + [share for share in around if share < 0.4995]


def _point(share: float, turn: float, scale: float, above: Quadratic, below: Quadratic) -> Point:
    angle = 2.0 * math.pi * share
    square = (angle / turn) ** 2
    weight = 1.0 if share <= HEARD_SHARE_OF_RATE else UNHEARD_WEIGHT
    return Point(math.sin(angle / 2.0) ** 2 / scale, above.at(square) / below.at(square), weight)


def _fit(points: Sequence[Point], at_zero: float, start: Quadratic) -> tuple[Quadratic, Quadratic] | None:
    """Numerator, and denominator that begins with 1; linear in every round, as the last denominator is divided out."""
    below = Quadratic(1.0, start.c1 / start.c0, start.c2 / start.c0)
    above = below
    for _ in range(ROUNDS):
        rows, values = [], []
        for place, wanted, weight in points:
            share = weight / (wanted * abs(below.at(place)))
            square = place * place
            rows.append((share * place, share * square, -share * wanted * place, -share * wanted * square))
            values.append(share * (wanted - at_zero))
        solution = least_squares(rows, values)
        if solution is None:
            return None
        above, below = Quadratic(at_zero, *solution[:2]), Quadratic(1.0, *solution[2:])
    return above, below


def least_squares(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float] | None:
    """The solution of the normal equations, by elimination; None where they are singular."""
    size = len(rows[0])
    table = [[math.fsum(row[i] * row[j] for row in rows) for j in range(size)] for i in range(size)]
    for i in range(size):
        table[i].append(math.fsum(row[i] * value for row, value in zip(rows, values, strict=True)))
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(table[k][i]))
        table[i], table[pivot] = table[pivot], table[i]
        if table[i][i] == 0.0:
            return None
        for k in range(i + 1, size):
            share = table[k][i] / table[i][i]
            table[k] = [below - share * above for below, above in zip(table[k], table[i], strict=True)]
    solution = [0.0] * size
    for i in reversed(range(size)):
        rest = math.fsum(table[i][j] * solution[j] for j in range(i + 1, size))
        solution[i] = (table[i][size] - rest) / table[i][i]
    return solution


def _minimum_phase(c0: float, c1: float, c2: float) -> tuple[float, float, float] | None:
    """The polynomial in ``1/z``, no zero outside the unit circle, whose squared gain is ``c0 + c1 s + c2 s^2``."""
    zero, nyquist, cross = c0, c0 + c1 + c2, -c2 / 4.0
    if zero <= 0.0 or nyquist <= 0.0:
        return None
    outer = (math.sqrt(zero) + math.sqrt(nyquist)) / 2.0
    square = outer * outer + cross
    if square < 0.0:
        return None
    first = (outer + math.sqrt(square)) / 2.0
    return first, (math.sqrt(zero) - math.sqrt(nyquist)) / 2.0, -cross / (4.0 * first)
