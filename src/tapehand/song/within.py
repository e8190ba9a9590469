"""What lies within a stretch of the song: spans, automation and regions cut out of a strip, and put in its place."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tapehand.song.mixer import AutomatedParameter, Automation, AutomationPoint
from tapehand.song.region import Span


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same stretches in order, apart from each other, without empty ones."""
    whole: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_samples):
        if span.length_samples <= 0:
            continue
        if whole and span.start_samples <= whole[-1].end_samples:
            end = max(whole[-1].end_samples, span.end_samples)
            whole[-1] = replace(whole[-1], end_samples=end)
        else:
            whole.append(span)
    return tuple(whole)


def inside(spans: Iterable[Span], span: Span) -> tuple[Span, ...]:
    """What of ``spans`` lies within ``span``."""
    cut = (
        Span(
            start_samples=max(each.start_samples, span.start_samples),
            end_samples=min(each.end_samples, span.end_samples),
        )
        for each in spans
    )
    return joined(cut)


def outside(spans: Iterable[Span], span: Span) -> tuple[Span, ...]:
    """What of ``spans`` does not lie within ``span``."""
    halves: list[Span] = []
    for each in spans:
        halves.append(replace(each, end_samples=min(each.end_samples, span.start_samples)))
        halves.append(replace(each, start_samples=max(each.start_samples, span.end_samples)))
    return joined(halves)


def points_inside(points: Iterable[AutomationPoint], span: Span) -> tuple[AutomationPoint, ...]:
    """The points at or after the start and before the end of ``span``."""
    return tuple(point for point in points if span.start_samples <= point.at_samples < span.end_samples)


def lane(automation: Iterable[Automation], parameter: AutomatedParameter) -> tuple[AutomationPoint, ...]:
    """The points of one parameter; none where it is not automated."""
    return next((each.points for each in automation if each.parameter == parameter), ())


def with_points(
    automation: Sequence[Automation], parameter: AutomatedParameter, span: Span, points: Iterable[AutomationPoint]
) -> tuple[Automation, ...]:
    """Automation in which ``points`` stand in the place of a parameter's points within ``span``."""
    old = lane(automation, parameter)
    gone = set(points_inside(old, span))
    new = sorted((*(point for point in old if point not in gone), *points), key=lambda point: point.at_samples)
    others = [each for each in automation if each.parameter != parameter]
    if new:
        others.append(Automation(parameter=parameter, points=tuple(new)))
    return tuple(sorted(others, key=lambda each: each.parameter))
