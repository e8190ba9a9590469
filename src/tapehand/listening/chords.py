"""Chords with their bass, beat by beat.

Each beat's treble and bass chroma are compared with one pattern a quality, turned to all twelve roots; the patterns are
weights of a softmax regression. The likeliest sequence changes rarely inside bars (Viterbi).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.periods import cheapest_path
from tapehand.listening.tones import Chroma
from tapehand.music.chord import QUALITIES, Chord

Values = NDArray[np.float64]

HEARD_QUALITIES: Final = ("", "m", "7", "maj7", "m7", "sus4", "dim")
NO_CHORD: Final = 12 * len(HEARD_QUALITIES)
STEP_S: Final = 0.4
LEAST_STEP_S: Final = 0.02
QUIET: Final = 0.03
NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardChord:
    """A chord from ``start_s`` to ``end_s``; ``chord`` is None where none sounds. ``confidence`` is 0..1."""

    start_s: float
    end_s: float
    chord: Chord | None
    confidence: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BeatChords:
    """How likely each chord is on each step.

    Parameters
    ----------
    edges_s : rising times between the steps, ``(steps + 1,)``.
    likelihood : ``(steps, 85)``: for each quality of ``HEARD_QUALITIES`` twelve roots from C up, then no chord.
    bass : bass chroma of each step, ``(steps, 12)``.
    """

    edges_s: Values
    likelihood: Values
    bass: Values


def beat_chords(tones: Chroma, edges_s: Values) -> BeatChords:
    """The likelihood of every chord between neighbouring times."""
    treble, bass = tones.over(edges_s)
    scores = chord_scores(step_features(treble, bass))
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    return BeatChords(edges_s=edges_s, likelihood=chances / chances.sum(axis=1, keepdims=True), bass=bass)


def steps_of(duration_s: float, beats_s: Values | None) -> Values:
    """Edges of the steps in which chords are heard: the beats, slow ones halved; every 0.4 s where there are none."""
    if beats_s is None or beats_s.size < 2:
        return _divided(np.array([0.0, max(duration_s, STEP_S)]), STEP_S)
    edges = np.concatenate(
        [[0.0], beats_s[(beats_s > LEAST_STEP_S) & (beats_s < duration_s - LEAST_STEP_S)], [duration_s]]
    )
    beat_s = float(np.median(np.diff(beats_s)))
    return _divided(edges, beat_s if beat_s < 2 * STEP_S else 0.5 * beat_s)


def _divided(edges: Values, step_s: float) -> Values:
    """Edges between which long gaps are divided evenly into steps of about ``step_s``."""
    parts = np.maximum(np.round(np.diff(edges) / step_s), 1.0)
    return np.interp(np.arange(parts.sum() + 1.0), np.concatenate([[0.0], np.cumsum(parts)]), edges)


def step_features(treble: Values, bass: Values) -> Values:
    """What the chord patterns are compared with, ``(steps, 26)``: both chromas as unit vectors, and their summits."""
    level = treble.sum(axis=1) + bass.sum(axis=1)
    heard = level > QUIET * float(level.max(initial=0.0)) + NOTHING
    units = [_unit(values) * heard[:, np.newaxis] for values in (treble, bass)]
    return np.concatenate([*units, *(unit.max(axis=1, keepdims=True) for unit in units)], axis=1)


def turned(features: Values) -> Values:
    """Features as each root hears them: ``(steps, 12, 24)``, its own pitch class first."""
    roots = (np.arange(12)[:, np.newaxis] + np.arange(12)) % 12
    return np.concatenate([features[:, :12][:, roots], features[:, 12:24][:, roots]], axis=2)


def chord_scores(features: Values) -> Values:
    """Log-likelihood up to a constant, ``(steps, 85)``."""
    patterns, bias, silence = _patterns()
    around = turned(features)
    scores = [(around * pattern).sum(axis=2) + offset for pattern, offset in zip(patterns, bias, strict=True)]
    none = silence[0] + features[:, 24] * silence[1] + features[:, 25] * silence[2]
    return np.concatenate([*scores, none[:, np.newaxis]], axis=1)


def chord_line(heard: BeatChords, downbeats_s: Values) -> tuple[HeardChord, ...]:
    """The likeliest chords in time; neighbours of one name are one."""
    table = load("harmony")["chords"]
    log_chance = np.log(heard.likelihood + NOTHING)
    on_line = _near(heard.edges_s[:-1], downbeats_s)
    # A change is dearer inside a bar. What it costs on the way in is taken from the step that begins there.
    cost = np.full((NO_CHORD + 1, NO_CHORD + 1), float(table["change_cost"]))
    np.fill_diagonal(cost, 0.0)
    path = _path(log_chance, cost, on_line, float(table["bar_line_share"]))
    found, start = [], 0
    for step in range(1, path.size + 1):
        if step == path.size or path[step] != path[start]:
            found.append(_heard_chord(heard, int(path[start]), start, step))
            start = step
    return tuple(found)


def _heard_chord(heard: BeatChords, state: int, first: int, last: int) -> HeardChord:
    chord = None
    if state != NO_CHORD:
        quality, root = HEARD_QUALITIES[state // 12], state % 12
        chord = Chord(root=root, quality=quality, bass=_bass(heard.bass[first:last], root, quality))
    return HeardChord(
        start_s=float(heard.edges_s[first]),
        end_s=float(heard.edges_s[last]),
        chord=chord,
        confidence=float(heard.likelihood[first:last, state].mean()),
    )


def _bass(bass: Values, root: int, quality: str) -> int | None:
    """The chord tone in the bass where it is clearly not the root."""
    levels = bass.sum(axis=0)
    lowest = int(levels.argmax())
    clear = float(load("harmony")["chords"]["clear_bass"])
    inside = any((root + interval) % 12 == lowest for interval in QUALITIES[quality])
    return lowest if inside and lowest != root and levels[lowest] > clear * levels[root] else None


def _path(scores: Values, cost: Values, on_line: NDArray[np.bool_], share: float) -> NDArray[np.int64]:
    """The best path; changes that fall on bar lines cost a share of what others do."""
    if bool(on_line.all()) or not bool(on_line.any()):
        return cheapest_path(scores, cost)
    change = float(cost.max())
    total, came_from = scores[0], np.zeros(scores.shape, dtype=np.int64)
    own = np.arange(scores.shape[1])
    for step in range(1, scores.shape[0]):
        best = int(total.argmax())
        changed = total[best] - change * (share if on_line[step] else 1.0)
        stays = total >= changed
        came_from[step] = np.where(stays, own, best)
        total = np.where(stays, total, changed) + scores[step]
    path = np.zeros(scores.shape[0], dtype=np.int64)
    path[-1] = int(total.argmax())
    for step in range(scores.shape[0] - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path


def _near(times_s: Values, others_s: Values) -> NDArray[np.bool_]:
    """Which times have one of the others within 50 ms."""
    if not others_s.size:
        return np.zeros(times_s.size, dtype=np.bool_)
    padded = np.concatenate([[-np.inf], others_s, [np.inf]])
    after = np.searchsorted(others_s, times_s) + 1
    near: NDArray[np.bool_] = np.minimum(times_s - padded[after - 1], padded[after] - times_s) < 0.05
    return near


def _unit(values: Values) -> Values:
    unit: Values = values / np.maximum(np.sqrt(np.square(values).sum(axis=1, keepdims=True)), NOTHING)
    return unit


@cache
def _patterns() -> tuple[Sequence[Values], Sequence[float], Sequence[float]]:
    table = load("harmony")["chords"]
    patterns = [np.array(table["patterns"][quality or "maj"], dtype=np.float64) for quality in HEARD_QUALITIES]
    return [pattern[:24] for pattern in patterns], [float(pattern[24]) for pattern in patterns], table["none"]
