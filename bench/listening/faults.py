"""Faults inside one recording: ``python -m bench.listening.faults [COUNT [CLASS ...]]`` plants them and counts.

Clean stems of ten kinds (``stems.py``), each class planted in fifty of them at three severities (``injectors.py``). A
class is heard when one of its kinds is found and, where it has a place, when the first place lies within 20 ms. All
that is found on the clean stems is false. The stems' seeds here are not those that the figures were set on.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import numpy as np

from bench.listening.injectors import FAULTS, SEVERITIES, FaultClass, Planted
from bench.listening.stems import RATE_HZ, ROLES, STEMS, Sound, stem
from tapehand.audio import Audio
from tapehand.listening.recording_faults import RecordingFaults, listen_closely
from tapehand.song.finding import Finding

STEMS_A_CLASS: Final = 50
CLEAN_SEEDS: Final = 5
FIRST_SEED: Final = 300
TOLERANCE_S: Final = 0.02


@cache
def clean(name: str, seed: int) -> Sound:
    """A clean stem, made once."""
    return stem(name, seed)


def chosen(fault: FaultClass, count: int) -> Iterator[tuple[str, int]]:
    """Stems that a class is planted in, in turn."""
    for number in range(count):
        yield fault.stems[number % len(fault.stems)], FIRST_SEED + number // len(fault.stems)


def heard_in(sound: Sound) -> RecordingFaults:
    """What the product hears."""
    return listen_closely(Audio.of(sound, RATE_HZ))


def findings_of(name: str, faults: RecordingFaults) -> tuple[Finding, ...]:
    """What it says about a stem of a kind."""
    return faults.findings(name, None, ROLES[name])


def is_found(fault: FaultClass, planted: Planted, found: Sequence[Finding]) -> bool:
    """Whether the class was named, at its place."""
    named = [finding for finding in found if finding.kind in fault.kinds]
    if not fault.placed or not planted.places:
        return bool(named)
    last = planted.places[-1][1]
    return any(
        finding.start_s is not None
        and finding.end_s is not None
        and any(_is_at(finding.start_s, place, soft=fault.soft) for place in planted.places)
        and finding.end_s <= last + TOLERANCE_S
        for finding in named
    )


def _is_at(start_s: float, place: tuple[float, float], *, soft: bool) -> bool:
    latest_s = place[1] if soft else place[0]
    return place[0] - TOLERANCE_S <= start_s <= latest_s + TOLERANCE_S


def recall(label: str, severity: str, count: int = STEMS_A_CLASS) -> tuple[float, list[tuple[str, int]]]:
    """Share of the planted faults that were found, and the stems in which they were not."""
    fault, missed = FAULTS[label], []
    for number, (name, seed) in enumerate(chosen(fault, count)):
        rng = np.random.default_rng([FIRST_SEED, number, SEVERITIES.index(severity)])
        planted = fault.plant(rng, clean(name, seed), severity)
        if not is_found(fault, planted, findings_of(name, heard_in(planted.sound))):
            missed.append((name, seed))
    return 1.0 - len(missed) / count, missed


def false_findings(seeds: int = CLEAN_SEEDS) -> Counter[tuple[str, str, str]]:
    """What is found on clean stems: kind, severity and stem."""
    found: Counter[tuple[str, str, str]] = Counter()
    for name in STEMS:
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            for finding in findings_of(name, heard_in(clean(name, seed))):
                found[finding.kind, finding.severity, name] += 1
    return found


def table(labels: Sequence[str], count: int) -> list[str]:
    """Recall of each class; the stems in which it was missed at ``clear`` go to stderr as they are met."""
    rows = ["| class | " + " | ".join(SEVERITIES) + " |", "|---|" + "---|" * len(SEVERITIES)]
    for label in labels:
        shares = [recall(label, severity, count) for severity in SEVERITIES]
        rows.append(f"| {label} | " + " | ".join(f"{share:.2f}" for share, _missed in shares) + " |")
        print(rows[-1], dict(Counter(name for name, _seed in shares[1][1])), file=sys.stderr, flush=True)
    return rows


def measure(labels: Sequence[str] = tuple(FAULTS), count: int = STEMS_A_CLASS) -> str:
    """The section of the page."""
    false = false_findings()
    stems = CLEAN_SEEDS * len(STEMS)
    asked = sum(number for (_kind, severity, _name), number in false.items() if severity != "note")
    lines = [
        f"- {kind} ({severity}): {number} of {CLEAN_SEEDS} {name}"
        for (kind, severity, name), number in sorted(false.items())
    ]
    return "\n".join(
        [
            "## Faults inside one recording",
            f"Recall, each class planted in {count} clean stems of 12 s; a place counts within 20 ms.",
            "",
            *table(labels, count),
            "",
            f"On {stems} clean stems: {asked} questions, {sum(false.values()) - asked} notes (not shown by default).",
            *lines,
        ]
    )


def main() -> None:
    """Measure and print."""
    labels = [label for label in FAULTS if not sys.argv[2:] or label in sys.argv[2:]]
    print(measure(labels, int(sys.argv[1]) if sys.argv[1:] else STEMS_A_CLASS))


if __name__ == "__main__":
    main()
