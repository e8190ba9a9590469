"""``python -m bench.listening.fit_rhythm FOLDER``: find the weights of ``catalogue/rhythm.toml`` on dev clips.

The test clips of ``bench.listening.time`` have other seeds. Logistic and softmax regression with strong
regularisation (L-BFGS); confidences on predictions for styles that were left out, so that they hold for music of a
kind that was never seen. ``FOLDER`` keeps what was heard of each clip between runs.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.listening.clips import styles
from bench.listening.lessons import DEV_SEEDS, UNMUSICAL_SEEDS, Lesson, lesson, without_music
from bench.listening.scores import beat_f, within
from tapehand.catalogue import loading
from tapehand.listening import metre, rhythm
from tapehand.listening.beats import beat_strength, track_beats
from tapehand.listening.metre import BAR_LENGTHS, line_odds, new_harmony, strongest_onsets, with_middles
from tapehand.listening.onsets import Onsets
from tapehand.listening.periods import period_path, periodicity
from tapehand.listening.rhythm import Reading, bar_features, confidence_signs, metre_chances, read_tempos

Values = NDArray[np.float64]

READ_SEEDS: Final = range(336)
_REST: Final = "# House figures"
CATALOGUE: Final = Path(loading.__file__).with_name("rhythm.toml")
PULSES_OF: Final = {(6, 8): 4, (3, 4): 6, (7, 8): 7, (4, 4): 8, (5, 4): 10}
BAR_PENALTY, TEMPO_PENALTY, METRE_PENALTY, CONFIDENCE_PENALTY = 100.0, 10.0, 3.0, 0.3


def logistic(features: Values, truth: Values, penalty: float) -> Values:
    """Weights; the last feature is the constant, which is free."""
    free = np.ones(features.shape[1])
    free[-1] = 0.0

    def loss(weights: Values) -> tuple[float, Values]:
        odds = features @ weights
        chance = 1.0 / (1.0 + np.exp(-odds))
        value = np.logaddexp(0.0, odds).sum() - (odds * truth).sum() + 0.5 * penalty * (free * weights**2).sum()
        return float(value), features.T @ (chance - truth) + penalty * free * weights

    return np.asarray(minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x)


def choice(sets: Sequence[Values], right: Sequence[Sequence[int]], penalty: float) -> Values:
    """Weights of a choice among the rows of each set."""
    spread = np.concatenate(list(sets)).std(axis=0) + 1e-9
    scaled = [features / spread for features in sets]

    def loss(weights: Values) -> tuple[float, Values]:
        value, slope = 0.5 * penalty * float(weights @ weights), penalty * weights
        for features, rows in zip(scaled, right, strict=True):
            odds = features @ weights
            chance = np.exp(odds - odds.max())
            chance /= chance.sum()
            wanted = np.zeros_like(chance)
            wanted[list(rows)] = chance[list(rows)] / max(chance[list(rows)].sum(), 1e-12)
            value -= float(np.log(chance[list(rows)].sum() + 1e-12))
            slope = slope + features.T @ (chance - wanted)
        return value, slope

    return np.asarray(minimize(loss, np.zeros(spread.size), jac=True, method="L-BFGS-B").x) / spread


def classes(features: Values, truth: Sequence[int], count: int, penalty: float) -> Values:
    """Weights ``(count, features)`` of a softmax over classes."""
    spread = features.std(axis=0) + 1e-9
    spread[-1] = 1.0
    scaled, marks = features / spread, np.eye(count)[list(truth)]

    def loss(flat: Values) -> tuple[float, Values]:
        weights = flat.reshape(count, -1)
        odds = scaled @ weights.T
        odds -= odds.max(axis=1, keepdims=True)
        chance = np.exp(odds)
        chance /= chance.sum(axis=1, keepdims=True)
        value = -float(np.log((chance * marks).sum(axis=1) + 1e-12).sum()) + 0.5 * penalty * float(flat @ flat)
        return value, ((chance - marks).T @ scaled + penalty * weights).ravel()

    found = minimize(loss, np.zeros(count * spread.size), jac=True, method="L-BFGS-B").x
    return np.asarray(found).reshape(count, -1) / spread


def fit_bar_line(lessons: Sequence[Lesson]) -> Values:
    """Weights of the bar-line model, the bias last."""
    rows, truth = [], []
    for each in lessons:
        beats_s = track_beats(beat_strength(each.heard), period_path(periodicity(each.heard), each.period))
        if beats_s.size < rhythm.FEWEST_BEATS:
            continue
        times_s = with_middles(beats_s)
        near = np.abs(times_s[:, np.newaxis] - each.downbeats_s).min(axis=1) < min(0.09, 0.002 * each.period)
        if near.sum() >= 0.5 * each.downbeats_s.size:
            rows.append(line_features(times_s, each))
            truth.append(near)
    features = np.concatenate(rows)
    return logistic(np.c_[features, np.ones(features.shape[0])], np.concatenate(truth).astype(float), BAR_PENALTY)


def line_features(times_s: Values, each: Lesson) -> Values:
    """What the bar-line model looks at, ``(pulses, 144)``: what it says with one weight at a time."""
    figures = strongest_onsets(times_s, each.heard), new_harmony(times_s, each.tones)
    alone = np.eye(9 * 16).reshape(-1, 9, 16)
    return np.stack([line_odds(*figures, weights, 0.0) for weights in alone], axis=1)


def fit_metre(lessons: Sequence[Lesson], readings: Sequence[Sequence[Reading]]) -> Values:
    """Weights of the choice of a metre, from readings at the true tempo."""
    rows, truth = [], []
    for each, some in zip(lessons, readings, strict=True):
        assert each.metre is not None
        for reading in some:
            if abs(reading.period / each.period - 1.0) < 0.04:
                rows.append(bar_features(reading.pulses, each.heard, reading.period))
                truth.append(BAR_LENGTHS.index(PULSES_OF[each.metre]))
    return classes(np.array(rows), truth, len(BAR_LENGTHS), METRE_PENALTY)


def right_rows(each: Lesson, some: Sequence[Reading]) -> list[int]:
    """Which readings have the true tempo."""
    return [row for row, reading in enumerate(some) if abs(reading.period / each.period - 1.0) < 0.04]


def fit_tempo(lessons: Sequence[Lesson], readings: Sequence[Sequence[Reading]], without: str = "") -> Values:
    """Weights of the choice of a tempo, from all styles but one."""
    pairs = [
        (np.array([reading.features for reading in some]), right_rows(each, some))
        for each, some in zip(lessons, readings, strict=True)
        if each.style != without and some and right_rows(each, some)
    ]
    return choice([features for features, _ in pairs], [rows for _, rows in pairs], TEMPO_PENALTY)


def fit_confidence(
    lessons: Sequence[Lesson], readings: Sequence[Sequence[Reading]], nothing: Sequence[Lesson]
) -> tuple[dict[str, Values], dict[str, float]]:
    """Weights of the three confidences, and how often each was right on styles that were left out."""
    signs, outcomes = [], []
    for style in styles():
        weights = fit_tempo(lessons, readings, style)
        for each, some in zip(lessons, readings, strict=True):
            if each.style == style and some:
                signs_here, outcome = _outcome(each, some, weights)
                signs.append(signs_here)
                outcomes.append(outcome)
    weights, share = fit_tempo(lessons, readings), np.mean(outcomes, axis=0)
    for each in nothing:
        if some := read_tempos(each.heard, each.tones):
            signs.append(_chosen(some, weights, each.heard)[1])
            outcomes.append((0.0, 0.0, 0.0))
    names = ("tempo", "beats", "bars")
    truth = np.array(outcomes)
    found = {name: logistic(np.array(signs), truth[:, row], CONFIDENCE_PENALTY) for row, name in enumerate(names)}
    return found, dict(zip(names, share.tolist(), strict=True))


def _chosen(some: Sequence[Reading], weights: Values, heard: Onsets) -> tuple[Reading, Values, int]:
    scores = np.array([float((reading.features * weights).sum()) for reading in some])
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    best = int(chances.argmax())
    metres = metre_chances(bar_features(some[best].pulses, heard, some[best].period))
    signs = confidence_signs(some[best], float(chances[best]), some[best].pulses, float(metres.max()))
    return some[best], signs, BAR_LENGTHS[int(metres.argmax())]


def _outcome(each: Lesson, some: Sequence[Reading], weights: Values) -> tuple[Values, tuple[float, float, float]]:
    reading, signs, length = _chosen(some, weights, each.heard)
    assert each.tempo_bpm is not None
    places, times_s = reading.pulses.readings[length].places, reading.pulses.times_s
    beats_s = times_s if length == rhythm.SEVEN else times_s[places % 2 == 0]
    return signs, (
        float(within(6000.0 / reading.period, each.tempo_bpm)),
        float(beat_f(each.beats_s, beats_s) > 0.8),
        float(beat_f(each.downbeats_s, times_s[places == 0]) > 0.8),
    )


def _forget() -> None:
    for cached in (loading.load, metre._bar_line_weights, rhythm._tempo_weights, rhythm._metre_weights):
        cached.cache_clear()


def _numbers(values: Values) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in values) + "]"


def write(tables: dict[str, Values], temperature: float) -> None:
    """The catalogue's table."""
    size = len(DEV_SEEDS)
    line = tables.get("bar_line", np.zeros(145))
    text = [
        "# How rhythm is chosen and how sure it is. Weights found by `python -m bench.listening.fit_rhythm` on",
        f"# {size} generated clips of 28 styles (2026-11); the bench reports on clips of other seeds.",
        "", 'schema = "Rhythm.1"', "", "[bar_line]",
        "# nine pulses of one kind from four before to four after; of each and of the next pulse: four registers, new",
        "# harmony over one and two beats, new bass over one and two beats",
        "slip_cost = 8.0", f"bias = {line[-1]:.4g}", "weights = [",
        *(f"  {_numbers(row)}," for row in line[:-1].reshape(9, -1)), "]", "", "[tempo]",
        "# usual (4), reading of bars (8), return of the onsets at 1/2, 1, 2 and 4 beats (5 each)",
        f"temperature = {temperature:.3g}", f"weights = {_numbers(tables.get('tempo', np.zeros(32)))}", "", "[metre]",
        "# rows: 6/8, 3/4, 7/8, 4/4, 5/4; columns: scores of the five, the beat and its division at",
        "# 1/4, 1/3, 1/2 and 2/3, the tempo and its square, the best score, a constant",
        "weights = [", *(f"  {_numbers(row)}," for row in tables.get("metre", np.zeros((5, 14)))), "]", "",
        "[confidence]",
        "divided_in_three = 0.75",
        *(f"{name} = {_numbers(tables.get(name, np.zeros(8)))}" for name in ("tempo_sure", "beats_sure", "bars_sure")),
    ]  # fmt: skip
    rest = CATALOGUE.read_text(encoding="utf-8").partition(_REST)
    CATALOGUE.write_text("\n".join(text).replace("_sure", "") + "\n\n" + "".join(rest[1:]), encoding="utf-8")
    _forget()


def main() -> None:
    """Fit one after the other; each needs those before it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    lessons = [lesson(seed, folder) for seed in DEV_SEEDS]
    tables = {"bar_line": fit_bar_line(lessons)}
    write(tables, 1.0)
    print("bar line", flush=True)
    some = lessons[: len(READ_SEEDS)]
    readings = [read_tempos(each.heard, each.tones) for each in some]
    tables |= {"tempo": fit_tempo(some, readings), "metre": fit_metre(some, readings)}
    write(tables, 1.0)
    print("tempo, metre", flush=True)
    sure, share = fit_confidence(some, readings, [without_music(seed) for seed in UNMUSICAL_SEEDS])
    write(tables | {f"{name}_sure": weights for name, weights in sure.items()}, 1.0)
    print("right on styles left out:", share)


if __name__ == "__main__":
    main()
