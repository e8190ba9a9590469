"""Defects are planted by rules of their own and must be found, where they are, and nowhere else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio, io
from tapehand.audio.facts import Damage
from tapehand.catalogue.loading import load
from tapehand.listening.clipping import ClippingScan
from tapehand.listening.faults import damage_finding, listen, listen_to_blocks
from tapehand.listening.lengths import TrackLength, session_findings, session_rate_hz

RATE_HZ = 48_000
TOP = 1 - 2**-15


def music(seed: int = 1, seconds: float = 2.0, gain: float = 0.2) -> np.ndarray:
    """Two unlike channels of noise around -14 dBFS."""
    noise = np.random.default_rng(seed).standard_normal((2, int(seconds * RATE_HZ)))
    return np.clip(noise * gain, -0.97, 0.97)


def kinds(samples: np.ndarray) -> list[str]:
    return [found.kind for found in listen(Audio.of(samples, RATE_HZ)).findings()]


def test_a_good_recording_gives_no_finding():
    assert kinds(music()) == []


def clipped_by_definition(channel: np.ndarray) -> np.ndarray:
    """The definition, run by run in plain Python."""
    floor = np.float32(10 ** (-0.1 / 20))
    heights = sorted({float(abs(value)) for value in channel if abs(value) >= floor})
    is_coarse = all(float(value) * 128 % 1 == 0 for value in channel)
    step = min((high - low for low, high in pairwise(heights)), default=2**-7 if is_coarse else 2**-15)
    top = min(max(heights, default=1.0), TOP) - 1.5 * min(step, 2**-15)
    over, cut, highest = (np.zeros(len(channel), dtype=bool) for _ in range(3))
    start = 0
    for end in range(1, len(channel) + 1):
        if end < len(channel) and channel[end] == channel[start]:
            continue
        value, length = float(channel[start]), end - start
        over[start:end] = abs(value) > 1.0
        if length >= 3 and abs(value) >= floor:
            sides = channel[max(0, start - 2) : start][::-1], channel[end : end + 2]
            far = 0.0 if is_coarse else np.inf
            falls = [falls_within_two(value, [float(each) for each in side], floor, far) for side in sides]
            cut[start:end] = min(falls) > step * (1 + (1 + 4 / length) ** 2)
            highest[start:end] = abs(value) >= top
        start = end
    return over | (highest & (over | (highest & cut)).any())


def falls_within_two(value: float, beside: list[float], floor: float, far: float) -> float:
    """By how much the wave is lower two samples away; ``far`` where it leaves the region near full scale."""
    if len(beside) < 2 or min(abs(next_to) for next_to in beside) < floor:
        return far
    return abs(value) - np.sign(value) * beside[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 400))
def test_clipping_equals_its_definition_in_any_blocks(seed, block, length):
    """Few distinct loud values, so that runs of every length and on every block edge occur."""
    values = np.array([1.0, -1.0, TOP, 0.99, 0.98, 1.2, -1.2, 0.1], dtype=np.float32)
    picks = np.random.default_rng(seed).choice(len(values), (2, length), p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.1])
    samples = values[picks]
    scan = ClippingScan(2, RATE_HZ)
    for start in range(0, length, block):
        scan.feed(Audio.of(samples[:, start : start + block], RATE_HZ))
    found = scan.finish()
    masks = np.stack([clipped_by_definition(channel) for channel in samples])
    if not masks.any():
        assert found is None
        return
    assert found is not None
    assert found.clipped_samples == masks.sum()
    assert found.places[0][0] == np.flatnonzero(masks.any(axis=0))[0] / RATE_HZ
    assert found.places[-1][1] == (np.flatnonzero(masks.any(axis=0))[-1] + 1) / RATE_HZ
    assert found.peak_dbfs == pytest.approx(20 * np.log10(np.abs(samples[masks]).max()), abs=1e-6)


def test_clipped_places_are_counted_and_placed():
    samples = music()
    samples[0, 48_000:48_004] = TOP  # one second in, four samples flat
    samples[1, 72_000] = 1.2589254  # half a second later, +2 dBFS for one sample
    heard = listen(Audio.of(samples, RATE_HZ))
    assert heard.clipping is not None
    assert [round(start, 6) for start, _end in heard.clipping.places] == [1.0, 1.5]
    (found,) = heard.findings(track="vox", path="vox.wav")
    assert (found.kind, found.track, found.path, found.unit) == ("clipping", "vox", "vox.wav", "dBFS")
    assert found.value == pytest.approx(2.0, abs=0.001)
    assert (found.start_s, found.end_s) == (1.0, pytest.approx(1.5, abs=1e-4))
    assert "5 samples in 2 places" in found.question
    assert "0:01.000" in found.question


@pytest.mark.parametrize("level", [0.9, 0.98])
def test_a_square_wave_below_full_scale_is_not_clipped(level):
    assert "clipping" not in kinds(np.sign(music()) * level)


def test_a_square_wave_at_full_scale_is():
    assert "clipping" in kinds(np.repeat(np.sign(music(seconds=0.5)), 4, axis=1) * TOP)


def test_two_equal_samples_at_full_scale_are_not_a_flat_top():
    samples = music()
    samples[0, 100:102] = 1.0
    assert kinds(samples) == []


@pytest.mark.parametrize("gain", [0.0, 1e-7, 10 ** (-80 / 20)])
def test_nothing_to_hear(gain):
    heard = listen(Audio.of(music(gain=gain), RATE_HZ))
    assert heard.levels.is_silent
    assert [found.kind for found in heard.findings()] == ["silent"]


@pytest.mark.parametrize("length", [1, 100, 10_000])
def test_a_short_sound_is_not_silent(length):
    assert not listen(Audio.of(music()[:, :length] + 0.1, RATE_HZ)).levels.is_silent
    assert listen(Audio.silence(2, length, RATE_HZ)).levels.is_silent


def test_dual_mono_one_sided_and_anti_phase():
    left, right = music()
    assert kinds(np.stack([left, left])) == ["dual_mono"]
    assert kinds(np.stack([left, left + right * 1e-4])) == ["dual_mono"]
    assert kinds(np.stack([left, left + right * 0.05])) == []
    assert kinds(np.stack([left, 0 * left])) == ["one_sided"]
    assert kinds(np.stack([right * 1e-4, right])) == ["one_sided"]
    assert kinds(np.stack([left, -left])) == ["anti_phase"]
    assert kinds(np.stack([left, right - left]) / 2) == ["anti_phase"]
    assert kinds(left[np.newaxis]) == []
    (found,) = listen(Audio.of(np.stack([0 * left, left]), RATE_HZ)).findings()
    assert "right" in found.question


def test_offset():
    samples = music()
    assert kinds(samples + np.array([[0.0], [0.01]])) == ["dc_offset"]
    assert kinds(samples + 0.0005) == []
    (found,) = listen(Audio.of(samples - 0.02, RATE_HZ)).findings()
    assert found.value == pytest.approx(-33.98, abs=0.5)
    assert "-2." in found.question or "-1.9" in found.question


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 30_000), min_size=1, max_size=6))
def test_blocks_do_not_matter(seed, lengths):
    samples = music(seed, 1.0, 0.5).astype(np.float32)
    edges = np.minimum(np.cumsum([0, *lengths, 10**6]), samples.shape[1]).tolist()
    blocks = [Audio.of(samples[:, a:b], RATE_HZ) for a, b in pairwise(edges) if b > a]
    whole, parts = listen(Audio.of(samples, RATE_HZ)), listen_to_blocks(blocks, 2, RATE_HZ)
    assert parts.clipping == whole.clipping
    assert parts.levels.integrated_lufs == whole.levels.integrated_lufs
    assert parts.levels.sums == whole.levels.sums
    assert parts.levels.offset == pytest.approx(whole.levels.offset, abs=1e-12)


def test_damage():
    found = damage_finding(Damage(decoded_samples=24_000, announced_samples=96_000, reason="shorter"), RATE_HZ, "vox")
    assert (found.severity, found.value, found.start_s, found.end_s) == ("serious", 1.5, 0.5, 2.0)
    assert "24000 of 96000" in found.question
    unknown = damage_finding(Damage(decoded_samples=24_000, announced_samples=None, reason="end_missing"), RATE_HZ)
    assert (unknown.value, unknown.end_s) == (None, None)


def track(name: str, seconds: float, rate_hz: int = RATE_HZ) -> TrackLength:
    return TrackLength(track=name, path=f"{name}.wav", length_samples=round(seconds * rate_hz), rate_hz=rate_hz)


class TestSession:
    def test_equal_lengths_say_nothing(self):
        assert session_findings([track("a", 30), track("b", 30.001), track("c", 30)], RATE_HZ) == ()
        assert session_findings([], RATE_HZ) == ()
        assert session_findings([track("a", 3)], RATE_HZ) == ()

    def test_a_cut_stem_is_named_with_its_difference(self):
        (found,) = session_findings([track("a", 30), track("b", 22.5), track("c", 30)], RATE_HZ)
        assert (found.kind, found.track, found.value) == ("unequal_length", "b", -7.5)
        assert (found.start_s, found.end_s) == (22.5, 30.0)
        assert "7.500 s shorter" in found.question

    def test_another_rate(self):
        found = session_findings([track("a", 30), track("b", 30, 96_000), track("c", 30)], RATE_HZ)
        assert [(each.kind, each.track, each.value, each.threshold) for each in found] == [
            ("resampled", "b", 96_000, RATE_HZ)
        ]

    def test_a_wrong_rate_in_the_header(self):
        wrong = TrackLength(track="b", path="b.wav", length_samples=30 * 48_000, rate_hz=44_100)
        found = session_findings([track("a", 30), wrong, track("c", 30)], RATE_HZ)
        assert [each.kind for each in found] == ["mislabelled_rate", "resampled"]
        assert "48000 Hz" in found[0].question

    def test_the_session_rate_is_the_most_common_and_of_those_the_highest(self):
        assert session_rate_hz([44_100, 48_000, 48_000]) == 48_000
        assert session_rate_hz([44_100, 96_000]) == 96_000


def test_every_kind_of_the_catalogue_is_whole():
    for name, kind in load("findings")["kinds"].items():
        assert kind["severity"] in ("note", "ask", "serious"), name
        assert isinstance(kind["unit"], str), name
        assert kind["question"].endswith("?"), name
        assert kind["source"], name
        for verdict in ("bad", "fixed", "wrong ", "you should", "error"):
            assert verdict not in kind["question"].lower(), name


def test_the_real_stems(material):
    """The clipped ones are found clipped, the empty ones empty, and no other."""
    clipped, silent = set(), set()
    for path in sorted((material / "multitrack").rglob("*.*")):
        heard = listen(io.read(path))
        clipped |= {path.stem} if heard.clipping else set()
        silent |= {path.stem} if heard.levels.is_silent else set()
    assert clipped == {"Vocals30", "BassDrums30", "PianoSynth30"}
    assert silent == {"arp_dist", "bgvox_alt"}
