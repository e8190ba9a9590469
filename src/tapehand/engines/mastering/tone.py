"""Tonal balance: how far a spectrum stands from a curve, and the few gentle bands that bring it back.

Scalars and the standard library only: what an equaliser is set to must not depend on how a matrix library sums.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from tapehand.catalogue.table import Table
from tapehand.meters.spectrum import Spectrum
from tapehand.song.processors import Band, BandKind

Points = tuple[tuple[float, float], ...]

_FIT_SWEEPS = 80
_PULL_TO_ZERO = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneRules:
    """Bounds of a correction: nothing inside ``tolerance_db``, nowhere more than ``most_db``."""

    tolerance_db: float
    most_db: float
    least_db: float
    quiet_db: float
    low_hz: float
    high_hz: float
    bands: tuple[Band, ...]


def tone_rules(tone: Table, tolerance: str = "tolerance_db") -> ToneRules:
    """The rules of ``catalogue/mastering.toml``, table ``tone``."""
    return ToneRules(
        tolerance_db=tone.number(tolerance, 0.0, 12.0),
        most_db=tone.number("most_db", 0.0, 6.0),
        least_db=tone.number("least_db", 0.0, 3.0),
        quiet_db=tone.number("quiet_db", -120.0, 0.0),
        low_hz=tone.number("low_hz", 10.0, 1000.0),
        high_hz=tone.number("high_hz", 1000.0, 30_000.0),
        bands=tuple(
            Band(
                kind=cast("BandKind", row.text("kind")),
                frequency_hz=row.number("frequency_hz", 10.0, 30_000.0),
                q=row.number("q", 0.1, 10.0),
            )
            for row in tone.rows("bands")
        ),
    )


def curve_points(tone: Table) -> Points:
    """The neutral curve of the catalogue: frequency and level of third-octaves, rising."""
    return tuple(sorted((float(hz), level_db) for hz, level_db in tone.numbers("curve").items()))


def spectrum_points(spectrum: Spectrum) -> Points:
    """A measured spectrum as a curve to aim for."""
    pairs = zip(spectrum.centres_hz, spectrum.levels_db, strict=True)
    return tuple((centre, level) for centre, level in pairs if math.isfinite(level))


def deviation(spectrum: Spectrum, aim: Points, rules: ToneRules) -> Points:
    """How far each third-octave that tells something stands above ``aim``, in dB, levels set equal on the whole.

    Empty where there are too few such bands to speak of a balance.
    """
    loudest = max((level for level in spectrum.levels_db if math.isfinite(level)), default=-math.inf)
    heard = [
        (centre, level - _level_at(aim, centre))
        for centre, level in spectrum_points(spectrum)
        if rules.low_hz <= centre <= rules.high_hz and level >= loudest + rules.quiet_db
    ]
    if len(heard) < 6:
        return ()
    middle = sorted(difference for _, difference in heard)[len(heard) // 2]
    return tuple((centre, difference - middle) for centre, difference in heard)


def spread_db(points: Points) -> float:
    """Root mean square of a deviation."""
    return math.sqrt(math.fsum(value * value for _, value in points) / len(points)) if points else 0.0


def correction(points: Points, rules: ToneRules, strength: float) -> tuple[Band, ...]:
    """Bands that take ``strength`` (0..1) of what lies outside the tolerance away, at most that share of the bound."""
    wanted = [(centre, -strength * excess) for centre, excess in _smooth(_outside(points, rules.tolerance_db))]
    most_db = strength * rules.most_db
    bounded = [(centre, max(-most_db, min(most_db, gain))) for centre, gain in wanted]
    if not bounded or max(abs(gain) for _, gain in bounded) < rules.least_db:
        return ()
    gains = _fit(bounded, rules.bands, most_db)
    made = (
        Band(kind=band.kind, frequency_hz=band.frequency_hz, q=band.q, gain_db=round(gain, 1))
        for band, gain in zip(rules.bands, gains, strict=True)
    )
    return tuple(band for band in made if abs(band.gain_db) >= rules.least_db)


def response_db(band: Band, frequency_hz: float) -> float:
    """Gain of a peak or shelf at a frequency, as the analogue prototype has it (R. Bristow-Johnson's cookbook)."""
    a = 10.0 ** (band.gain_db / 40.0)
    s = 1j * frequency_hz / band.frequency_hz
    if band.kind == "peak":
        ratio = (s * s + s * (a / band.q) + 1.0) / (s * s + s / (a * band.q) + 1.0)
    else:
        lift = math.sqrt(a) / band.q * s
        up, down = s * s + lift + a, a * s * s + lift + 1.0
        ratio = a * (up / down if band.kind == "low_shelf" else down / up)
    return 20.0 * math.log10(abs(ratio))


def _level_at(curve: Points, frequency_hz: float) -> float:
    """The curve between its points, straight over octaves; level beyond its ends."""
    if frequency_hz <= curve[0][0]:
        return curve[0][1]
    for (low, level_low), (high, level_high) in pairwise(curve):
        if frequency_hz <= high:
            share = math.log(frequency_hz / low) / math.log(high / low)
            return level_low + share * (level_high - level_low)
    return curve[-1][1]


def _outside(points: Points, tolerance_db: float) -> Points:
    return tuple((centre, value - max(-tolerance_db, min(tolerance_db, value))) for centre, value in points)


def _smooth(points: Points) -> Points:
    """Mean over three third-octaves: an octave, so that single notes do not become equaliser bands."""
    values = [value for _, value in points]
    around = (values[max(0, index - 1) : index + 2] for index in range(len(values)))
    return tuple((centre, math.fsum(near) / len(near)) for (centre, _), near in zip(points, around, strict=True))


def _fit(wanted: Sequence[tuple[float, float]], bands: Sequence[Band], most_db: float) -> list[float]:
    """Gains of bands whose sum follows ``wanted``: least squares, a little pulled to zero, bounded.

    Band shapes are taken at a third of a dB per dB of their shape at 3 dB; Gauss and Seidel's iteration settles it.
    """
    shapes = [[_unit_response(band, centre) for centre, _ in wanted] for band in bands]
    left = [gain for _, gain in wanted]
    gains = [0.0] * len(shapes)
    for _ in range(_FIT_SWEEPS):
        for index, shape in enumerate(shapes):
            power = math.fsum(value * value for value in shape) + _PULL_TO_ZERO
            pull = math.fsum(value * rest for value, rest in zip(shape, left, strict=True))
            step = (pull - _PULL_TO_ZERO * gains[index]) / power
            gain = max(-most_db, min(most_db, gains[index] + step))
            left = [rest - (gain - gains[index]) * value for rest, value in zip(left, shape, strict=True)]
            gains[index] = gain
    return gains


def _unit_response(band: Band, frequency_hz: float) -> float:
    raised = Band(kind=band.kind, frequency_hz=band.frequency_hz, q=band.q, gain_db=3.0)
    return response_db(raised, frequency_hz) / 3.0
