"""Rates change without moving anything; overviews tell the outermost values at every zoom."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio
from tapehand.audio.peaks import peaks, peaks_of_blocks
from tapehand.audio.resample import resample

RATES = (22_050, 44_100, 48_000, 88_200, 96_000)


@pytest.mark.parametrize("source_hz", RATES)
@pytest.mark.parametrize("target_hz", RATES)
def test_a_tone_stays_the_same_tone_at_the_same_time(source_hz, target_hz):
    """Against the tone computed at the new rate: amplitude, frequency and phase in one figure."""
    length = 10_007
    tone = np.sin(2 * np.pi * 997.0 * np.arange(length) / source_hz) * np.hanning(length)
    ours = resample(Audio.of(np.stack([tone, -tone]), source_hz), target_hz)
    assert ours.length_samples == round(length * target_hz / source_hz)
    times = np.arange(ours.length_samples) / target_hz
    expected = np.sin(2 * np.pi * 997.0 * times) * 0.5 * (1 - np.cos(2 * np.pi * times * source_hz / (length - 1)))
    assert np.abs(ours.samples[0] - expected).max() < 2e-6
    assert np.array_equal(ours.samples[1], -ours.samples[0])


@pytest.mark.parametrize("length", [0, 1, 2, 3, 50])
def test_short_sounds_keep_their_length(length):
    assert resample(Audio.of(np.ones((1, length)), 44_100), 48_000).length_samples == round(length * 48_000 / 44_100)


def test_the_same_rate_is_the_same_audio(rng):
    audio = Audio.of(rng.uniform(-1, 1, (2, 100)), 48_000)
    assert resample(audio, 48_000) is audio


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5_000), st.lists(st.integers(0, 900), max_size=12), st.integers(0, 2**31))
def test_overviews_do_not_depend_on_blocks_and_equal_the_plain_definition(length, cuts, seed):
    audio = Audio.of(np.random.default_rng(seed).standard_normal((2, length)), 48_000)
    edges = [0, *np.minimum(np.cumsum(cuts), length).astype(int).tolist(), length]
    blocks = [Audio.of(audio.samples[:, a:b], 48_000) for a, b in pairwise(edges)]
    ours = peaks_of_blocks(blocks, 64)
    assert ours.length_samples == length
    for level in ours.levels:
        step = level.samples_per_point
        expected = [audio.samples[:, start : start + step] for start in range(0, length, step)]
        assert level.points == len(expected)
        for point, stretch in enumerate(expected):
            assert np.array_equal(level.lowest[:, point], stretch.min(axis=1))
            assert np.array_equal(level.highest[:, point], stretch.max(axis=1))


def test_the_zoom_level_has_points_enough():
    overview = peaks(Audio.silence(1, 1_000_000, 48_000))
    assert overview.level_for(800).points >= 800
    assert overview.level_for(800).points < 4 * 800 + 4
    assert overview.level_for(10**9) is overview.levels[0]
