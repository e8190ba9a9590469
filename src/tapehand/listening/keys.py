"""Keys and where they change: from the chords and the tones of a stretch, turned to every tonic."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.chords import BeatChords, step_features
from tapehand.listening.periods import cheapest_path
from tapehand.listening.tones import Chroma
from tapehand.music.key import Key

Values = NDArray[np.float64]

MODES: Final = ("major", "minor")
# Qualities of HEARD_QUALITIES that sound major, and those that sound minor.
MAJOR_ROWS: Final = (0, 2, 3, 5)
MINOR_ROWS: Final = (1, 4, 6)
FEATURES: Final = 84
CHORD_COLUMNS: Final = slice(24, 48)
OPENING_S: Final = 1.5
SCALE_TONES: Final = 4.5
# Of clips of 28 styles each moves by 0.15 and more, a voice over a drone by 0.09; held tones and chords by 0.03.
ENOUGH_MOVEMENT: Final = 0.08
WINDOW_S: Final = 8.0
HOP_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardKey:
    """A key from ``start_s`` to ``end_s``; ``confidence`` is 0..1."""

    start_s: float
    end_s: float
    key: Key
    confidence: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KeySteps:
    """What keys are judged by, step by step: ``figures`` are float64 ``(steps, 60)``, ``edges_s`` lie around them."""

    edges_s: Values
    figures: Values

    def features(self, start_s: float, end_s: float) -> Values:
        """Of a stretch, ``(84,)``: means of the figures, then its opening chord as major and as minor."""
        middles = 0.5 * (self.edges_s[:-1] + self.edges_s[1:])
        inside = (middles >= start_s) & (middles < end_s)
        if not inside.any():
            return np.zeros(FEATURES)
        lengths = np.diff(self.edges_s)[inside][:, np.newaxis]
        figures = self.figures[inside]
        opening = middles[inside] < middles[inside][0] + OPENING_S
        mean = (figures * lengths).sum(axis=0) / float(lengths.sum())
        return np.concatenate([mean, figures[opening][:, CHORD_COLUMNS].mean(axis=0)])


def key_steps(tones: Chroma, chords: BeatChords) -> KeySteps:
    """Tones, basses, chords that sound major, chords that sound minor, and falls of a fifth onto each root."""
    units = step_features(*tones.over(chords.edges_s))
    likely = chords.likelihood[:, :-1].reshape(units.shape[0], -1, 12)
    major, minor = likely[:, MAJOR_ROWS].sum(axis=1), likely[:, MINOR_ROWS].sum(axis=1)
    before = np.roll(major, -7, axis=1)  # the dominant of each root
    falls = np.zeros_like(major)
    falls[1:] = before[:-1] * (major + minor)[1:]
    return KeySteps(edges_s=chords.edges_s, figures=np.concatenate([units[:, :24], major, minor, falls], axis=1))


def turned_to_tonics(features: Values) -> Values:
    """Features as each tonic hears them, ``(12, 84)``."""
    tonics = (np.arange(12)[:, np.newaxis] + np.arange(12)) % 12
    return np.concatenate([features[first : first + 12][tonics] for first in range(0, FEATURES, 12)], axis=1)


def key_chances(features: Values) -> Values:
    """How likely each key is, ``(24,)``: major from C up, then minor; they sum to 1."""
    around = turned_to_tonics(features)
    scores = np.concatenate([(around * pattern[:-1]).sum(axis=1) + pattern[-1] for pattern in _patterns()])
    scores = scores / float(load("harmony")["keys"]["temperature"])
    chances = np.exp(scores - scores.max())
    return np.asarray(chances / chances.sum())


def key_line(tones: Chroma, chords: BeatChords) -> tuple[HeardKey, ...]:
    """The keys of a recording in time; one that does not modulate has one."""
    steps = key_steps(tones, chords)
    first_s, last_s = float(chords.edges_s[0]), float(chords.edges_s[-1])
    starts = np.arange(first_s, max(last_s - WINDOW_S, first_s) + 0.5 * HOP_S, HOP_S)
    chances = np.stack([key_chances(steps.features(start, start + WINDOW_S)) for start in starts])
    cost = np.full((24, 24), float(load("harmony")["keys"]["change_cost"]))
    np.fill_diagonal(cost, 0.0)
    path = cheapest_path(np.log(chances + 1e-6), cost)
    moves = movement(steps)
    turns = [0, *(int(step) for step in 1 + np.flatnonzero(np.diff(path))), path.size]
    # A window tells about its middle.
    edges_s = [first_s, *(float(starts[turn]) + 0.5 * (WINDOW_S - HOP_S) for turn in turns[1:-1]), last_s]
    found = []
    for number, turn in enumerate(turns[:-1]):
        start_s, end_s = edges_s[number], edges_s[number + 1]
        whole = key_chances(steps.features(start_s, end_s))
        state = int(whole.argmax()) if len(turns) == 2 else int(path[turn])
        key = Key(tonic=state % 12, mode=MODES[state // 12])
        enough = moves * _variety(steps.features(start_s, end_s))
        found.append(HeardKey(start_s=start_s, end_s=end_s, key=key, confidence=enough * float(whole[state])))
    return tuple(found)


def movement(steps: KeySteps) -> float:
    """0 for a tone or a chord that is held from start to end, and tells no key, to 1 where the tones change."""
    tones = steps.figures[:, :12]
    tones = tones[np.square(tones).sum(axis=1) > 0.0]
    if not tones.shape[0]:
        return 0.0
    unlike = 1.0 - float(np.square(tones.mean(axis=0)).sum()) / float(np.square(tones).sum(axis=1).mean())
    return min(1.0, max(0.0, unlike / ENOUGH_MOVEMENT))


def _variety(features: Values) -> float:
    """0 for a single tone, which has no key, to 1 for as many different ones as a scale needs."""
    tones = features[:12]
    square = float(np.square(tones).sum())
    different = float(tones.sum()) ** 2 / square if square > 0.0 else 0.0
    return min(1.0, max(0.0, (different - 1.0) / (SCALE_TONES - 1.0)))


@cache
def _patterns() -> tuple[Values, ...]:
    table = load("harmony")["keys"]["patterns"]
    return tuple(np.array(table[mode], dtype=np.float64) for mode in MODES)
