"""From a strip's polarity, fader, pan and their automation to the gain of each side, sample by sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tapehand.song.mixer import AutomationPoint, Strip
from tapehand.units import db_to_gain

_CENTRE = math.sqrt(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class GainPoint:
    """The gain of each side at a sample; between points it moves in a straight line, outside it stays."""

    at_samples: int
    left: float
    right: float


def strip_gains(strip: Strip, channels: int, level_db: float = 0.0) -> tuple[GainPoint, ...]:
    """Polarity, fader, pan and a further ``level_db`` as gain points; one point where nothing moves.

    ``channels`` chooses the pan law (see ``song.mixer``). Points of fader and pan are merged; at each, both are read.
    """
    faders = _points(strip, "fader_db", strip.fader_db)
    pans = _points(strip, "pan", strip.pan)
    times = sorted({point.at_samples for point in (*faders, *pans)})
    points = []
    for at_samples in times:
        gain = strip.polarity * db_to_gain(_value(faders, at_samples) + level_db)
        left, right = pan_gains(_value(pans, at_samples), channels)
        points.append(GainPoint(at_samples=at_samples, left=gain * left, right=gain * right))
    return tuple(points)


def pan_gains(pan: float, channels: int) -> tuple[float, float]:
    """Left and right gain of a pan position -1..+1: constant power for mono (-3 dB at the centre), balance for stereo.

    The centre and both ends are exact, so that a centred track is bit-equal on both sides.
    """
    left, right = _constant_power(min(max(pan, -1.0), 1.0))
    if channels == 1:
        return left, right
    return min(left / _CENTRE, 1.0), min(right / _CENTRE, 1.0)


def _constant_power(pan: float) -> tuple[float, float]:
    exact = {-1.0: (1.0, 0.0), 0.0: (_CENTRE, _CENTRE), 1.0: (0.0, 1.0)}
    if pan in exact:
        return exact[pan]
    angle = (pan + 1.0) * math.pi / 4.0
    return math.cos(angle), math.sin(angle)


def _points(strip: Strip, parameter: str, fixed: float) -> Sequence[AutomationPoint]:
    for automation in strip.automation:
        if automation.parameter == parameter and automation.points:
            return automation.points
    return (AutomationPoint(at_samples=0, value=fixed),)


def _value(points: Sequence[AutomationPoint], at_samples: int) -> float:
    before = [point for point in points if point.at_samples <= at_samples]
    after = [point for point in points if point.at_samples > at_samples]
    if not before:
        return after[0].value
    first = before[-1]
    if not after or first.at_samples == at_samples or not math.isfinite(first.value - after[0].value):
        return first.value
    share = (at_samples - first.at_samples) / (after[0].at_samples - first.at_samples)
    return first.value + share * (after[0].value - first.value)
