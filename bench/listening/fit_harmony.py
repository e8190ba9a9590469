"""``python -m bench.listening.fit_harmony FOLDER``: find the patterns of ``catalogue/harmony.toml`` on dev clips.

Softmax regression over all roots at once: a pattern is turned, not learnt twelve times. ``FOLDER`` keeps what was
heard of each clip between runs.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.listening.lessons import DEV_SEEDS, UNMUSICAL_SEEDS, Lesson, lesson, without_music
from bench.listening.scores import key_points
from tapehand.catalogue import loading
from tapehand.listening import chords, keys
from tapehand.listening.chords import HEARD_QUALITIES, NO_CHORD, beat_chords, step_features, turned
from tapehand.listening.keys import FEATURES, key_chances, key_steps, turned_to_tonics
from tapehand.listening.tones import Chroma

Values = NDArray[np.float64]

KEY_CLIPS: Final = 252
CATALOGUE: Final = Path(loading.__file__).with_name("harmony.toml")
NAMES: Final = {"maj": "", "min": "m", "7": "7", "maj7": "maj7", "min7": "m7", "sus4": "sus4", "dim": "dim"}
CHORD_PENALTY, KEY_PENALTY = 3.0, 1.0


def chord_rows(each: Lesson) -> tuple[Values, list[int]]:
    """Features of the true beats and the chords that sound in them."""
    edges_s = np.append(each.beats_s, each.chords[-1].end_s)
    treble, bass = each.tones.over(edges_s)
    truth = []
    for start_s, end_s in pairwise(edges_s.tolist()):
        middle = 0.5 * (start_s + end_s)
        sounding = next((one for one in each.chords if one.start_s <= middle < one.end_s), each.chords[-1])
        truth.append(12 * HEARD_QUALITIES.index(NAMES[sounding.quality]) + sounding.root)
    return step_features(treble, bass), truth


def fit_chords(lessons: Sequence[Lesson], nothing: Sequence[Chroma]) -> tuple[Values, Values]:
    """Patterns ``(7, 25)``, their last figure the bias, and the three weights of no chord."""
    pairs = [chord_rows(each) for each in lessons]
    features = np.concatenate([rows for rows, _ in pairs])
    truth = np.concatenate([found for _, found in pairs])
    for tones in nothing:
        rows = step_features(*tones.over(np.arange(0.0, 24.0, 0.8)))
        features, truth = np.concatenate([features, rows]), np.append(truth, np.full(rows.shape[0], NO_CHORD))
    around, count = turned(features), len(HEARD_QUALITIES)
    summits = np.c_[np.ones(features.shape[0]), features[:, 24:]]
    marks = np.zeros((features.shape[0], NO_CHORD + 1))
    marks[np.arange(truth.size), truth] = 1.0

    def loss(flat: Values) -> tuple[float, Values]:
        patterns, none = flat[:-3].reshape(count, 25), flat[-3:]
        odds = np.einsum("nrf,qf->nqr", around, patterns[:, :24]) + patterns[:, 24][np.newaxis, :, np.newaxis]
        odds = np.c_[odds.reshape(-1, NO_CHORD), summits @ none]
        odds -= odds.max(axis=1, keepdims=True)
        chance = np.exp(odds)
        chance /= chance.sum(axis=1, keepdims=True)
        value = -float(np.log((chance * marks).sum(axis=1) + 1e-12).sum()) + 0.5 * CHORD_PENALTY * float(flat @ flat)
        off = chance - marks
        turned_off = off[:, :-1].reshape(-1, count, 12)
        slope = np.einsum("nqr,nrf->qf", turned_off, around)
        flat_slope = np.concatenate([np.c_[slope, turned_off.sum(axis=(0, 2))].ravel(), summits.T @ off[:, -1]])
        return value, flat_slope + CHORD_PENALTY * flat

    found = minimize(loss, np.zeros(count * 25 + 3), jac=True, method="L-BFGS-B", options={"maxiter": 150}).x
    return found[:-3].reshape(count, 25), found[-3:]


def key_rows(each: Lesson) -> list[tuple[Values, int]]:
    """Features of the whole of each key's reign, and of windows inside it."""
    steps = key_steps(each.tones, beat_chords(each.tones, np.append(each.beats_s, each.chords[-1].end_s)))
    ends = [*(key.start_s for key in each.keys[1:]), each.chords[-1].end_s]
    rows = []
    for key, end_s in zip(each.keys, ends, strict=True):
        state = 12 * keys.MODES.index(key.mode) + key.tonic
        starts = np.arange(key.start_s, max(end_s - keys.WINDOW_S, key.start_s) + 1.0, 5.0)
        spans = [(key.start_s, end_s), *((start, min(start + keys.WINDOW_S, end_s)) for start in starts)]
        rows += [(steps.features(start, end), state) for start, end in spans]
    return rows


def fit_keys(lessons: Sequence[Lesson]) -> Values:
    """Patterns ``(2, 85)``, their last figure the bias."""
    rows = [row for each in lessons for row in key_rows(each)]
    around = np.stack([turned_to_tonics(features) for features, _ in rows])
    marks = np.eye(24)[[state for _, state in rows]]

    def loss(flat: Values) -> tuple[float, Values]:
        patterns = flat.reshape(2, FEATURES + 1)
        odds = np.einsum("ntf,mf->nmt", around, patterns[:, :-1]) + patterns[:, -1][np.newaxis, :, np.newaxis]
        odds = odds.reshape(-1, 24)
        odds -= odds.max(axis=1, keepdims=True)
        chance = np.exp(odds)
        chance /= chance.sum(axis=1, keepdims=True)
        value = -float(np.log((chance * marks).sum(axis=1) + 1e-12).sum()) + 0.5 * KEY_PENALTY * float(flat @ flat)
        off = (chance - marks).reshape(-1, 2, 12)
        slope = np.c_[np.einsum("nmt,ntf->mf", off, around), off.sum(axis=(0, 2))].ravel()
        return value, slope + KEY_PENALTY * flat

    return np.asarray(minimize(loss, np.zeros(2 * (FEATURES + 1)), jac=True, method="L-BFGS-B").x).reshape(
        2, FEATURES + 1
    )


def _numbers(values: Values) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in values) + "]"


def write(patterns: Values, none: Values, tonics: Values) -> None:
    """The catalogue's table."""
    text = [
        "# How chords and keys are heard. Patterns found by `python -m bench.listening.fit_harmony` on generated clips",
        f"# of 28 styles (2026-11), chords on {len(DEV_SEEDS)} and keys on {KEY_CLIPS}; the bench reports on others.",
        "# Costs: house figures, same clips.",
        "", 'schema = "Harmony.1"', "", "[chords]", "change_cost = 6.0", "bar_line_share = 0.4", "clear_bass = 1.6",
        f"none = {_numbers(none)}", "",
        "# twelve pitch classes of the treble from the root up, twelve of the bass, a constant", "[chords.patterns]",
        *(f"{name or 'maj'} = {_numbers(row)}" for name, row in zip(HEARD_QUALITIES, patterns, strict=True)),
        "", "[keys]", "change_cost = 8.0", "temperature = 1.0", "",
        "# from the tonic up: tones, basses, chords that sound major, chords that sound minor, falls of a fifth,",
        "# the opening chord as major, as minor; a constant",
        "[keys.patterns]",
        *(f"{mode} = {_numbers(row)}" for mode, row in zip(keys.MODES, tonics, strict=True)),
    ]  # fmt: skip
    CATALOGUE.write_text("\n".join(text).replace("\n7 =", '\n"7" =') + "\n", encoding="utf-8")
    for cached in (loading.load, chords._patterns, keys._patterns):
        cached.cache_clear()


def main() -> None:
    """Chords first, as keys are judged by them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    lessons = [lesson(seed, folder) for seed in DEV_SEEDS]
    nothing = [without_music(seed).tones for seed in UNMUSICAL_SEEDS]
    patterns, none = fit_chords(lessons, nothing)
    write(patterns, none, np.zeros((2, FEATURES + 1)))
    taught = lessons[:KEY_CLIPS]
    kept_back = taught[::4]
    write(patterns, none, fit_keys([each for row, each in enumerate(taught) if row % 4]))
    points = [
        key_points((state % 12, keys.MODES[state // 12]), (truth % 12, keys.MODES[truth // 12]))
        for each in kept_back
        for features, truth in key_rows(each)[:1]
        for state in [int(key_chances(features).argmax())]
    ]
    print(f"keys of clips left out: {np.mean(points):.3f}")
    write(patterns, none, fit_keys(taught))


if __name__ == "__main__":
    main()
