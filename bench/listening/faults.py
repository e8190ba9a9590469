"""Faults inside one recording: ``python -m bench.listening.faults`` plants every class and counts what is heard.

Clean stems of ten kinds and five seeds (``stems.py``), each class planted in fifty of them at three severities
(``injectors.py``). A class is heard when one of its kinds is found and, where it has a place, when the first place lies
within 20 ms. Whatever else is found on a clean stem at the level shown by default is a false finding.
"""

import sys
import time
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
SEEDS: Final = 5
TOLERANCE_S: Final = 0.02


@cache
def clean(name: str, seed: int) -> Sound:
    """A clean stem, made once."""
    return stem(name, seed)


def chosen(fault: FaultClass, count: int) -> Iterator[tuple[str, int]]:
    """Stems that a class is planted in, in turn."""
    for number in range(count):
        yield fault.stems[number % len(fault.stems)], number // len(fault.stems)


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
        rng = np.random.default_rng([number, SEVERITIES.index(severity)])
        planted = fault.plant(rng, clean(name, seed), severity)
        if not is_found(fault, planted, findings_of(name, heard_in(planted.sound))):
            missed.append((name, seed))
    return 1.0 - len(missed) / count, missed


def false_findings(seeds: int = SEEDS) -> Counter[tuple[str, str, str]]:
    """What is found on clean stems: kind, severity and stem."""
    found: Counter[tuple[str, str, str]] = Counter()
    for name in STEMS:
        for seed in range(seeds):
            for finding in findings_of(name, heard_in(clean(name, seed))):
                found[finding.kind, finding.severity, name] += 1
    return found


def measure(labels: Sequence[str] = tuple(FAULTS), count: int = STEMS_A_CLASS) -> str:
    """The table; what was missed at ``clear`` goes to stderr as it is met."""
    rows = ["| class | " + " | ".join(SEVERITIES) + " |", "|---|" + "---|" * len(SEVERITIES)]
    for label in labels:
        shares = [recall(label, severity, count) for severity in SEVERITIES]
        rows.append(f"| {label} | " + " | ".join(f"{share:.2f}" for share, _missed in shares) + " |")
        print(rows[-1], dict(Counter(name for name, _seed in shares[1][1])), file=sys.stderr, flush=True)
    return "\n".join(rows)


def main() -> None:
    """Measure and print."""
    start = time.process_time()
    labels = [label for label in FAULTS if not sys.argv[2:] or label in sys.argv[2:]]
    print(measure(labels, int(sys.argv[1]) if sys.argv[1:] else STEMS_A_CLASS))
    for (kind, severity, name), count in sorted(false_findings().items()):
        print(f"clean: {kind} ({severity}) on {count} of {SEEDS} {name}")
    print(f"{time.process_time() - start:.0f} s CPU")


if __name__ == "__main__":
    main()
