"""Shared frames and what is kept small of a recording: the same however it is cut, and true to its sound."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.listening.frames import FrameGrid, Frames, FrameStream
from tapehand.listening.recordings import BAND_EDGES_HZ, CompactScan, compact_of, recordings_of, summed

RATES = (8_000, 22_050, 44_100, 96_000)


def frames_of(audio: Audio, cuts: list[int]) -> list[Frames]:
    stream = FrameStream(audio.rate_hz)
    ends = [*cuts, audio.length_samples]
    fed = [stream.feed(audio.span(start, end)) for start, end in zip([0, *cuts], ends, strict=True)]
    return [*fed, stream.finish()]


def all_powers(parts: list[Frames]) -> NDArray[np.float32]:
    return np.concatenate([part.powers for part in parts])


@pytest.mark.parametrize("rate_hz", RATES)
def test_cuts_do_not_matter_and_powers_are_those_of_the_sound(rng: np.random.Generator, rate_hz: int) -> None:
    noise = Audio.of(rng.uniform(-0.5, 0.5, (2, rate_hz // 2)), rate_hz)
    whole = frames_of(noise, [])
    parts = frames_of(noise, sorted(rng.integers(0, noise.length_samples, 7).tolist()))
    assert np.array_equal(all_powers(whole), all_powers(parts))
    assert [part.first for part in parts] == np.cumsum([0, *(part.count for part in parts[:-1])]).tolist()
    mixed = 0.6 * noise.samples[0] + 0.4 * noise.samples[1]
    middle = all_powers(whole)[3:-6].sum(axis=1).mean()
    assert middle == pytest.approx(float(np.square(mixed).mean()), rel=0.1)
    assert whole[0].grid.time_s(0) == pytest.approx(0.5 * whole[0].grid.size / rate_hz)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("edges", [BAND_EDGES_HZ, (100.0, 110.0, 111.0, 5e5, 6e5), (0.0, 3.0)])
def test_bands_are_sums_of_lines(rng: np.random.Generator, rate_hz: int, edges: tuple[float, ...]) -> None:
    frames = frames_of(Audio.of(rng.uniform(-1, 1, (1, 6_000)), rate_hz), [])[0]
    lines = np.arange(frames.grid.lines) * frames.grid.line_hz
    for band, (low, high) in enumerate(pairwise(edges)):
        wanted = frames.powers[:, (lines >= low) & (lines < high)].sum(axis=1)
        assert np.allclose(frames.bands(edges)[:, band], wanted, rtol=1e-4, atol=1e-12)
        assert np.allclose(frames.band(low, high), wanted, rtol=1e-4, atol=1e-12)


def test_channels_that_are_upside_down_do_not_vanish(rng: np.random.Generator) -> None:
    wave = rng.uniform(-0.5, 0.5, 20_000)
    kept = compact_of(Audio.of(np.stack([wave, -wave]), 44_100))
    assert float(np.abs(kept.mono.samples).max()) > 0.05


@pytest.mark.parametrize("length", [0, 1, 50, 1_023, 1_024, 44_100])
@pytest.mark.parametrize("rate_hz", RATES)
def test_any_length_is_kept(rng: np.random.Generator, length: int, rate_hz: int) -> None:
    kept = compact_of(Audio.of(rng.uniform(-1, 1, (1, length)), rate_hz))
    assert kept.bands.shape[0] == -(-length // FrameGrid(rate_hz=rate_hz).hop_samples)
    assert kept.mono.duration_s == pytest.approx(length / rate_hz, abs=0.004)
    assert np.isfinite(kept.mono.samples).all()
    assert np.isfinite(kept.bands).all()


def test_what_is_kept_sounds_like_it_and_lies_where_it_lay() -> None:
    time = np.arange(48_000) / 48_000
    tone = np.where((time > 0.4) & (time < 0.6), 0.25 * np.sin(2 * np.pi * 440 * time), 0.0)
    kept = compact_of(Audio.of(tone[None], 48_000))
    heard = kept.mono.samples[0]
    wanted = np.interp(np.arange(heard.size) / 8_000, time, tone)
    assert float(np.abs(heard - wanted)[40:-40].max()) < 0.02
    later = kept.later(2.0)
    assert np.array_equal(later.mono.samples[0, 16_000:], heard)
    assert np.array_equal(later.levels[200:], kept.levels)
    assert float(later.levels[:200].max()) == 0.0


def test_a_sum_of_what_is_kept_is_what_is_kept_of_the_sum(rng: np.random.Generator) -> None:
    low, high = (0.2 * np.sin(2 * np.pi * hz * np.arange(44_100) / 44_100) for hz in (200.0, 3_000.0))
    one, other = (compact_of(Audio.of(each[None], 44_100)) for each in (low, high))
    of_sum, sum_of = compact_of(Audio.of((low + high)[None], 44_100)), summed([one, other])
    assert float(np.abs(of_sum.mono.samples - sum_of.mono.samples).max()) < 1e-3
    assert np.allclose(of_sum.bands[2:-4], sum_of.bands[2:-4], rtol=0.05, atol=1e-5)
    slower = compact_of(Audio.of(rng.uniform(-0.1, 0.1, (1, 22_050)), 22_050))
    assert abs(summed([one, slower]).bands.shape[0] - one.bands.shape[0]) <= 1


def test_recordings_give_any_stretch(rng: np.random.Generator) -> None:
    sounds = {name: Audio.of(rng.uniform(-1, 1, (2, 9_000)), 8_000) for name in ("a", "b")}
    session = recordings_of(sounds, roles={"a": "kick"})
    assert list(session.names) == ["a", "b"]
    assert (session.role("a"), session.role("b"), session.rate_hz) == ("kick", "unknown", 8_000)
    assert np.array_equal(session.span("b", -5, 30).samples, sounds["b"].span(-5, 30).samples)
    assert session.length_samples("a") == 9_000


def test_a_scan_without_sound_keeps_nothing() -> None:
    kept = CompactScan(44_100).finish()
    assert kept.coded.size == kept.bands.shape[0] == 0
