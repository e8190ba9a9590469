"""Places at which the same thing happens again and again in one recording."""

from collections.abc import Sequence
from dataclasses import dataclass

from tapehand.listening.kinds import clock_time, finding
from tapehand.song.finding import Fact, Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One place, and how strong it is there (the unit is that of its kind)."""

    start_s: float
    end_s: float
    value: float


def strongest(occurrences: Sequence[Occurrence]) -> float:
    """The highest value among them."""
    return max(each.value for each in occurrences)


def merged(occurrences: Sequence[Occurrence], gap_s: float) -> tuple[Occurrence, ...]:
    """In order of time, with those that overlap or lie closer than ``gap_s`` made one."""
    made: list[Occurrence] = []
    for each in sorted(occurrences, key=lambda occurrence: occurrence.start_s):
        if made and each.start_s <= made[-1].end_s + gap_s:
            last = made.pop()
            each = Occurrence(
                start_s=last.start_s, end_s=max(last.end_s, each.end_s), value=max(last.value, each.value)
            )
        made.append(each)
    return tuple(made)


def marks(occurrences: Sequence[Occurrence], name: str, unit: str, track: str | None, method: str) -> tuple[Fact, ...]:
    """A fact for each place, so that pictures can show it."""
    return tuple(
        Fact(
            name=name,
            value=each.value,
            unit=unit,
            track=track,
            start_s=each.start_s,
            end_s=each.end_s,
            method=method,
        )
        for each in occurrences
    )


def asked_once(
    kind: str,
    occurrences: Sequence[Occurrence],
    track: str | None,
    path: str | None,
    *,
    value: float | None = None,
    severity: Severity | None = None,
    **words: object,
) -> tuple[Finding, ...]:
    """One question for all places, in order of time; none where there are none.

    ``value`` is that of the strongest if none is given; ``words`` fill the question, beside ``first``.
    """
    if not occurrences:
        return ()
    first, last = occurrences[0], occurrences[-1]
    question = finding(
        kind,
        track=track,
        path=path,
        value=strongest(occurrences) if value is None else value,
        threshold=None,
        start_s=first.start_s,
        end_s=last.end_s,
        severity=severity,
        confidence=None,
        first=clock_time(first.start_s),
        **words,
    )
    return (question,)
