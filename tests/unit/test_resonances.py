"""What is told from one frequency that rings: where it is, how sure that is, and that notes are none."""

import numpy as np
import pytest
from bench.listening.injectors import resonance
from bench.listening.stems import RATE_HZ, Sound, stem

from tapehand.listening.resonances import MOST_FRAMES, Resonances, ResonanceScan
from tapehand.listening.segments import SegmentStream


def rung(sound: Sound) -> Resonances:
    scan, stream = ResonanceScan(RATE_HZ), SegmentStream(sound.shape[0])
    for segments in (stream.feed(sound.astype(np.float32)), stream.finish()):
        for segment in segments:
            scan.feed(segment)
    return scan.finish()


def melody(notes_hz: list[float], note_s: float = 0.4) -> Sound:
    times = np.arange(round(note_s * RATE_HZ)) / RATE_HZ
    shape = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.03)
    partials = np.arange(1, 12)[:, np.newaxis]
    played = [(np.sin(2 * np.pi * partials * hz * times) / partials).sum(axis=0) * shape for hz in notes_hz]
    hiss = np.random.default_rng(1).standard_normal(len(played) * times.size)
    return (0.2 * np.concatenate(played) + 1e-4 * hiss)[np.newaxis]


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_a_ring_is_found_where_it_is(seed):
    planted = resonance(np.random.default_rng(seed), stem("voice", seed), "gross")
    found = rung(planted.sound).found
    assert found
    assert found[0].frequency_hz == pytest.approx(planted.truth["frequency_hz"], rel=0.03)


def test_the_level_of_a_recording_changes_nothing():
    planted = resonance(np.random.default_rng(5), stem("voice", 5), "gross").sound
    loud, quiet = rung(planted).found, rung(planted * 0.05).found
    assert [each.frequency_hz for each in quiet] == [each.frequency_hz for each in loud]
    assert [each.confidence for each in quiet] == pytest.approx([each.confidence for each in loud], abs=0.02)


def test_a_note_that_comes_back_all_the_time_is_none():
    others_hz = [196.0, 246.9, 261.6, 293.7, 329.6]
    assert rung(melody([hz for other in others_hz * 3 for hz in (220.0, other)])).found == ()


def test_a_voice_and_strings_without_one_have_none():
    assert [(name, seed) for name in ("voice", "strings") for seed in (1, 2, 3) if rung(stem(name, seed)).found] == []


def test_a_long_recording_says_the_same_and_costs_no_more_memory():
    planted = resonance(np.random.default_rng(5), stem("voice", 5), "gross").sound
    scan, stream = ResonanceScan(RATE_HZ), SegmentStream(1)
    for _ in range(14):
        for segment in stream.feed(planted.astype(np.float32)):
            scan.feed(segment)
    assert scan.frames_kept <= MOST_FRAMES
    assert scan.finish().found[0].frequency_hz == pytest.approx(rung(planted).found[0].frequency_hz, rel=0.01)


def test_a_few_seconds_are_not_judged():
    planted = resonance(np.random.default_rng(5), stem("voice", 5), "gross").sound
    assert rung(planted[:, : 3 * RATE_HZ]).found == ()
