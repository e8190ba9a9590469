"""Clocks that ran apart: one source on two recorders, of which one falls behind the other from bar to bar."""

from collections.abc import Mapping

from tapehand.listening.arrivals import Course
from tapehand.listening.kinds import finding, limit
from tapehand.song.finding import Finding


def drift_findings(courses: Mapping[tuple[str, str], Course]) -> tuple[Finding, ...]:
    """Pairs whose lag grows along the song by more than a person would leave it."""
    found = []
    told: set[str] = set()
    for (first, second), course in sorted(courses.items(), key=lambda pair: -pair[1].coherence):
        moved_s = course.lag_at(course.last_s) - course.lag_at(course.first_s)
        if abs(moved_s) < limit("clock_drift", "least_s") or second in told:
            continue
        told.add(second)
        found.append(
            finding(
                "clock_drift",
                track=second,
                path=None,
                value=course.drift_ppm,
                start_s=course.first_s,
                end_s=course.last_s,
                confidence=min(0.95, 0.5 + course.coherence),
                partner=first,
                behind="falls behind" if moved_s > 0 else "runs ahead of",
                moved=f"{1000 * abs(moved_s):.1f}",
                length=f"{course.last_s - course.first_s:.0f}",
            )
        )
    return tuple(found)
