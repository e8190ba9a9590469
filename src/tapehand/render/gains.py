"""From a strip's polarity, fader, pan and their automation to the gain of each side, sample by sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tapehand.song.mixer import AutomationPoint, Strip
from tapehand.song.region import Span
from tapehand.units import db_to_gain

_CENTRE = math.sqrt(0.5)
# 5 ms at 48 kHz: short enough for a cut on the beat, long enough not to click.
MUTE_RAMP_SAMPLES = 240


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
    return silenced(points, strip.muted)


def silenced(points: Sequence[GainPoint], muted: Sequence[Span]) -> tuple[GainPoint, ...]:
    """Gain points with silence in the stretches ``muted``, which is entered and left by a short ramp inside them."""
    for span in muted:
        ramp = min(MUTE_RAMP_SAMPLES, span.length_samples // 2)
        corners = (span.start_samples, span.start_samples + ramp, span.end_samples - ramp, span.end_samples)
        outer = [point for point in points if not span.start_samples <= point.at_samples <= span.end_samples]
        held = [_gain_at(points, corners[0]), *(_silence(at) for at in corners[1:3]), _gain_at(points, corners[3])]
        points = sorted({point.at_samples: point for point in (*outer, *held)}.values(), key=lambda p: p.at_samples)
    return tuple(points)


def _silence(at_samples: int) -> GainPoint:
    return GainPoint(at_samples=at_samples, left=0.0, right=0.0)


def _gain_at(points: Sequence[GainPoint], at_samples: int) -> GainPoint:
    """The gain between the points on either side, as it is played."""
    before = [point for point in points if point.at_samples <= at_samples]
    after = [point for point in points if point.at_samples > at_samples]
    first, second = (before or after)[-1 if before else 0], (after or before)[0 if after else -1]
    length = second.at_samples - first.at_samples
    share = (at_samples - first.at_samples) / length if length else 0.0
    return GainPoint(
        at_samples=at_samples,
        left=first.left + share * (second.left - first.left),
        right=first.right + share * (second.right - first.right),
    )


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
