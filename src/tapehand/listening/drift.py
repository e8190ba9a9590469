"""Clocks that ran apart: one source on two recorders, of which one falls behind the other from bar to bar."""

from collections.abc import Mapping

from tapehand.listening.arrivals import Course
from tapehand.listening.kinds import finding
from tapehand.song.finding import Finding


def drift_findings(courses: Mapping[tuple[str, str], Course]) -> tuple[Finding, ...]:
    """Pairs whose lag grows along the song by more than a person would leave it."""
    found = []
    told: set[str] = set()
    for (first, second), course in sorted(courses.items(), key=lambda pair: -pair[1].coherence):
        if not course.has_drifted or second in told:
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
                behind="falls behind" if course.moved_s > 0 else "runs ahead of",
                moved=f"{1000 * abs(course.moved_s):.1f}",
                length=f"{course.last_s - course.first_s:.0f}",
            )
        )
    return tuple(found)
