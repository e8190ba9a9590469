"""Findings in the words and thresholds of the catalogue."""

from collections.abc import Mapping
from typing import Any

from tapehand.catalogue.loading import load
from tapehand.song.finding import Finding, Severity


def kind(name: str) -> Mapping[str, Any]:
    """The catalogue's entry of a finding kind."""
    entry: Mapping[str, Any] = load("findings")["kinds"][name]
    return entry


def threshold(name: str) -> float:
    """Where a kind begins, in its unit."""
    return float(kind(name)["threshold"])


def limit(name: str, key: str) -> float:
    """A further figure of a kind."""
    return float(kind(name)["limits"][key])


def finding(
    name: str,
    *,
    track: str | None,
    path: str | None,
    value: float | None,
    threshold: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    severity: Severity | None = None,
    confidence: float | None = None,
    **words: object,
) -> Finding:
    """A Finding of kind ``name``; ``words`` fill its question, what else is given replaces the catalogue's."""
    entry = kind(name)
    severity = severity or entry["severity"]
    usual: float = entry.get("confidence", {}).get(severity, 1.0)
    return Finding(
        kind=name,
        question=entry["question"].format(**words),
        value=value,
        unit=entry["unit"],
        threshold=entry.get("threshold") if threshold is None else threshold,
        severity=severity,
        confidence=usual if confidence is None else confidence,
        track=track,
        path=path,
        start_s=start_s,
        end_s=end_s,
    )


def clock_time(time_s: float) -> str:
    """A time as a person reads it: ``1:02.345``."""
    minutes, seconds = divmod(round(time_s, 3), 60)
    return f"{int(minutes)}:{seconds:06.3f}"


def counted(number: int, noun: str) -> str:
    """``1 sample``, ``2 samples``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
