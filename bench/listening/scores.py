"""How right an answer is: tempo, beats, keys, chords, as the field counts them."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LEVELS = (1.0, 2.0, 3.0, 0.5, 1 / 3)


def within(found: float | None, truth: float, levels: tuple[float, ...] = (1.0,), tolerance: float = 0.04) -> bool:
    """Whether a tempo is right within 4 % (Acc1), or at one of several metrical levels (Acc2)."""
    return found is not None and any(abs(found / (truth * level) - 1.0) <= tolerance for level in levels)


def beat_f(truth_s: Values, found_s: Values, window_s: float = 0.07) -> float:
    """F measure of beats within 70 ms, each matched once (both lists rise)."""
    hits = first = 0
    for beat in truth_s:
        while first < found_s.size and found_s[first] < beat - window_s:
            first += 1
        if first < found_s.size and found_s[first] <= beat + window_s:
            hits, first = hits + 1, first + 1
    return 2.0 * hits / max(truth_s.size + found_s.size, 1)


def key_points(found: tuple[int, str] | None, truth: tuple[int, str]) -> float:
    """MIREX points: 1 right, 0.5 a fifth off, 0.3 relative, 0.2 parallel."""
    if found is None:
        return 0.0
    if found == truth:
        return 1.0
    distance = (found[0] - truth[0]) % 12
    if found[1] == truth[1]:
        return 0.5 if distance in (5, 7) else 0.0
    if distance == 0:
        return 0.2
    return 0.3 if distance == (9 if truth[1] == "major" else 3) else 0.0
