"""The kernels of rhythm, onsets and tones against the same said plainly, or against every way there is."""

import itertools
import math

import numpy as np
import pytest

from tapehand.errors import InternalError
from tapehand.kernels import onsets, rhythm, tones


def test_the_best_row_of_beats_is_the_best_of_all_rows(rng):
    strength = rng.uniform(0.0, 3.0, 14)
    periods = rng.uniform(3.0, 5.0, 14)

    def worth(row):
        steps = [48.0 * math.log2((b - a) / periods[b]) ** 2 for a, b in itertools.pairwise(row)]
        return sum(strength[frame] for frame in row) - sum(steps)

    def allowed(row):
        return all(int(0.6 * periods[b]) <= b - a <= 1.6 * periods[b] for a, b in itertools.pairwise(row))

    score, came_from = rhythm.best_beats(strength, periods, 0.6, 1.6, 48.0)
    for end in range(14):
        rows = (
            (*row, end) for count in range(end + 1) for row in itertools.combinations(range(end), count)
        )  # every row of frames that ends here
        assert score[end] == pytest.approx(max(worth(row) for row in rows if allowed(row)))
        row = [end]
        while came_from[row[0]] >= 0:
            row.insert(0, int(came_from[row[0]]))
        assert allowed(row)
        assert worth(row) == pytest.approx(score[end])


def test_beats_that_nothing_leads_to_are_first():
    score, came_from = rhythm.best_beats(np.zeros(50), np.full(50, 10.0), 0.6, 1.6, 48.0)
    assert not score.any()
    assert (came_from == -1).all()
    assert rhythm.best_beats(np.zeros(0), np.zeros(0), 0.6, 1.6, 48.0)[0].size == 0


@pytest.mark.parametrize("slip_cost", [0.3, 8.0])
def test_the_likeliest_row_of_bars_is_the_likeliest_of_all(rng, slip_cost):
    log_odds = rng.normal(-1.0, 3.0, 7)
    scores, places = rhythm.best_bars(log_odds, np.array([2, 3]), slip_cost)

    def worth(row, length):
        chances = [odds if place == 0 else -odds for place, odds in zip(row, log_odds, strict=True)]
        slips = sum(b != (a + 1) % length for a, b in itertools.pairwise(row))
        return -sum(math.log1p(math.exp(-chance)) for chance in chances) - slip_cost * slips

    for length, score, found in zip((2, 3), scores, places, strict=True):
        best = max(worth(row, length) for row in itertools.product(range(length), repeat=7))
        assert score == pytest.approx(best)
        assert worth(found.tolist(), length) == pytest.approx(best)


def test_strongest_near(rng):
    registers = rng.uniform(0.0, 1.0, (30, 4))
    frames = np.array([-5, 0, 2, 15, 29, 40])
    around = [[min(29, max(0, frame + by)) for by in range(-3, 4)] for frame in frames]
    assert (rhythm.strongest_near(registers, frames, 3) == registers[around].max(axis=1)).all()


def test_new_tones(rng):
    treble, bass = rng.uniform(0.0, 1.0, (2, 40, 12))
    treble[20:] = 0.0
    edges = np.array([[0, 4, 9, 13, 18], [3, 5, 7, 9, 11], [10, 15, 20, 25, 30], [0, 0, 0, 2, 4]])

    def apart(values, start, middle, end):
        before, after = values[start:middle].sum(axis=0), values[middle:end].sum(axis=0)
        norms = np.linalg.norm(before) * np.linalg.norm(after)
        return 1.0 - before @ after / norms if norms > 1e-9 else 1.0

    sums = [np.concatenate([np.zeros((1, 12)), values.cumsum(axis=0)]) for values in (treble, bass)]
    wanted = [
        [apart(values, row[2 - span], row[2], row[2 + span]) for values in (treble, bass) for span in (1, 2)]
        for row in edges
    ]
    np.testing.assert_allclose(rhythm.new_tones(*sums, edges), wanted, atol=1e-12)


@pytest.mark.parametrize("beats", [3, 5, 20])
def test_bar_line_odds_see_four_pulses_of_a_kind_to_either_side(rng, beats):
    strongest, news = rng.uniform(0.0, 2.0, (2, 2 * beats, 4))
    weights = rng.standard_normal((9, 16))
    figures = np.concatenate([np.sqrt(strongest), news], axis=1)
    figures = (figures - figures.mean(axis=0)) / (figures.std(axis=0) + 0.05)
    pairs = np.concatenate([figures, np.concatenate([figures[1:], figures[-2:-1]])], axis=1)
    wanted = np.full(2 * beats, 0.7)
    for kind in (0, 1):
        padded = np.pad(pairs[kind::2], ((4, 4), (0, 0)), mode="reflect" if beats > 4 else "edge")
        for shift in range(9):
            wanted[kind::2] += padded[shift : shift + beats] @ weights[shift]
    np.testing.assert_allclose(rhythm.bar_line_odds(strongest, news, weights, 0.7, 0.05), wanted)


def test_highest_between(rng):
    values = rng.standard_normal((50, 5))
    firsts, lasts = np.array([0, 10, 49, 3]), np.array([0, 30, 49, 49])
    wanted = [values[first : last + 1].max(axis=0) for first, last in zip(firsts, lasts, strict=True)]
    assert (rhythm.highest_between(values, firsts, lasts) == wanted).all()


def test_a_period_is_read_at_its_multiples():
    true = 51.37
    correlation = np.cos(2 * np.pi * np.arange(520) / true)
    assert rhythm.refined(correlation, np.array([50.5, 52.0]), 0.03) == pytest.approx([true, true], abs=0.02)
    assert rhythm.refined(correlation, np.array([1.0, 600.0]), 0.03) == pytest.approx([1.0, 600.0])


def test_the_best_drift_is_the_best_of_all(rng):
    correlations, grid = rng.uniform(0.0, 1.0, (4, 60)), np.array([7.0, 9.5, 12.25])
    lags = np.arange(60)
    scores = np.array(
        [
            [
                sum(np.interp(lag, lags, row) if lag < 58 else 0.0 for lag in (period, 2 * period, 4 * period))
                for period in grid
            ]
            for row in correlations
        ]
    )
    scores /= scores.std()

    def worth(path):
        bends = sum((b - a) ** 2 for a, b in itertools.pairwise(path))
        return sum(scores[window, place] for window, place in enumerate(path)) - 0.3 * bends

    best = max(itertools.product(range(3), repeat=4), key=worth)
    assert tuple(rhythm.best_drift(correlations, grid, 0.3)) == best


def test_band_levels_and_rises(rng):
    powers = rng.uniform(0.0, 4.0, (9, 40)).astype(np.float32)
    edges, gains = np.array([1, 2, 14, 40]), np.array([0.5, 2.0, 1.0], np.float32)
    sums = [np.sqrt(powers[:, a:b]).sum(axis=1) for a, b in itertools.pairwise(edges)]
    levels = onsets.band_levels(powers, edges, gains)
    np.testing.assert_allclose(levels, np.log1p(gains * np.stack(sums, axis=1)), rtol=1e-5)
    gained = onsets.rises(levels, 2, np.array([0, 1, 3]))
    for frame, row in enumerate(gained):
        before = levels[frame - 2] if frame >= 2 else np.full(3, np.inf)
        own = [max(0.0, levels[frame, band] - before[max(band - 1, 0) : band + 2].max()) for band in range(3)]
        assert row == pytest.approx([own[0], own[1] + own[2]])


def test_peaks_that_last(rng):
    magnitudes = rng.uniform(0.0, 1.0, (12, 70))
    magnitudes[:, 33] = 9.0
    magnitudes[:, 50] = 0.0
    magnitudes[5, 50] = 30.0  # a stroke
    counts, places, weights = tones.steady_peaks((magnitudes**2).astype(np.float32), 3, 60, 6, 1.4, 0.01)
    steady = np.median(np.stack([magnitudes[:-2], magnitudes[1:-1], magnitudes[2:]]), axis=0)
    at = 0
    for frame, row in enumerate(steady):
        padded = np.pad(row[:61], 6, mode="edge")
        wanted = [
            line
            for line in range(3, 60)
            if row[line] > row[line - 1]
            and row[line] >= row[line + 1]
            and row[line] > max(1.4 * padded[line : line + 13].mean(), 0.01 * row[:61].max())
        ]
        here = slice(at, at + counts[frame])
        assert np.abs(places[here] - wanted).max() <= 0.5 + 1e-6
        np.testing.assert_allclose(weights[here] ** 2, row[wanted], rtol=1e-5)
        assert 33 in wanted
        assert 50 not in wanted
        at += counts[frame]
    assert at == places.size == weights.size


def test_a_peak_lies_between_its_lines():
    bell = np.exp(-0.5 * np.square((np.arange(40) - 20.3) / 1.5)).astype(np.float32)
    _, places, _ = tones.steady_peaks(np.tile(bell**2, (3, 1)), 2, 38, 8, 1.4, 0.01)
    assert places == pytest.approx([20.3], abs=1e-3)


def test_tuning_and_pitch_classes(rng):
    pitches, weights = rng.uniform(30.0, 90.0, 101), rng.uniform(0.0, 2.0, 101)
    frames = np.sort(rng.integers(0, 6, 101))
    counted = weights * ((pitches >= 45.0) & (pitches <= 80.0))
    turned = (counted * np.exp(2j * np.pi * pitches)).sum()
    found = tones.beside_semitones(pitches, weights, 45.0, 80.0)
    assert found == pytest.approx((turned.real, turned.imag, counted.sum()), abs=1e-9)
    treble, bass = tones.pitch_classes(frames, pitches, weights, 6, -0.2, (45.0, 57.0), (60.0, 48.0))
    wanted = np.zeros((2, 6, 12))
    for frame, pitch, weight in zip(frames, pitches, weights, strict=True):
        nearest = round(pitch + 0.2)
        part = weight * math.cos(math.pi * (pitch + 0.2 - nearest)) ** 2
        wanted[0, frame, nearest % 12] += part * min(1.0, max(0.0, (pitch - 45.0) / 12.0))
        wanted[1, frame, nearest % 12] += part * min(1.0, max(0.0, (60.0 - pitch) / 12.0))
    np.testing.assert_allclose([treble, bass], wanted, atol=1e-9)


def test_both_levels_of_the_library_agree(monkeypatch):
    def all_of_it():
        generator = np.random.default_rng(7)
        powers = np.square(generator.standard_normal((20, 257))).astype(np.float32)
        levels = onsets.band_levels(powers, np.arange(0, 258, 16), np.ones(16, np.float32))
        strength, periods = generator.uniform(0, 3, 300), generator.uniform(30, 34, 300)
        return [
            levels,
            onsets.rises(levels, 2, np.array([0, 3, 16])),
            *rhythm.best_beats(strength, periods, 0.6, 1.6, 48.0),
            *rhythm.best_bars(strength - 2.0, np.array([4, 6, 7]), 8.0),
            *tones.steady_peaks(powers, 3, 200, 24, 1.4, 0.01),
            *tones.pitch_classes(np.zeros(300, np.int64), periods, strength, 1, 0.1, (30.0, 32.0), (34.0, 32.0)),
        ]

    fast = all_of_it()
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    for one, other in zip(fast, all_of_it(), strict=True):
        assert (one == other).all()


def test_what_does_not_fit_is_refused():
    three = np.zeros(3)
    with pytest.raises(InternalError):
        rhythm.best_beats(three, np.ones(4), 0.6, 1.6, 48.0)
    with pytest.raises(InternalError):
        rhythm.best_bars(three, np.array([0]), 8.0)
    with pytest.raises(InternalError):
        rhythm.new_tones(np.zeros((4, 12)), np.zeros((4, 12)), np.array([[0, 1, 2, 3, 4]]))
    with pytest.raises(InternalError):
        rhythm.bar_line_odds(np.zeros((5, 4)), np.zeros((5, 4)), np.zeros((9, 16)), 0.0, 0.1)
    with pytest.raises(InternalError):
        rhythm.highest_between(np.zeros((4, 2)), np.array([2]), np.array([1]))
    with pytest.raises(InternalError):
        rhythm.best_drift(np.zeros((1, 20)), np.array([-1.0]), 0.1)
    with pytest.raises(InternalError):
        onsets.rises(np.zeros((3, 4), np.float32), 2, np.array([0, 5]))
    with pytest.raises(InternalError):
        tones.steady_peaks(np.zeros((9, 20), np.float32), 2, 20, 3, 1.4, 0.1)
    with pytest.raises(InternalError):
        tones.pitch_classes(np.array([3]), np.ones(1), np.ones(1), 3, 0.0, (1.0, 2.0), (2.0, 1.0))
