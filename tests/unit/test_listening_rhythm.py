"""Tempo, beats and bars against clips of the bench's own renderer, clicks, odd sounds and real songs."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from bench.listening.clips import Clip, clip
from bench.listening.scores import beat_f, within
from bench.listening.unmusical import KINDS
from numpy.typing import NDArray

from tapehand.audio import Audio, io
from tapehand.listening.click_track import hear_click
from tapehand.listening.harmony import hear_tones
from tapehand.listening.onsets import FRAMES_PER_SECOND, frame_times_s, onsets
from tapehand.listening.recordings import compact_of, summed
from tapehand.listening.rhythm import Rhythm, hear_rhythm
from tapehand.listening.tempo_curve import confidence_between, steadiness, tempo_curve
from tapehand.work import Work

RATE_HZ = 22_050


def heard(sound: NDArray[np.floating], rate_hz: int = RATE_HZ) -> Rhythm | None:
    kept = compact_of(Audio.of(np.atleast_2d(sound), rate_hz))
    return hear_rhythm(onsets(kept), hear_tones([kept]).chroma)


@cache
def played(style: str) -> tuple[Clip, Rhythm]:
    music = clip(20_001, style, length_s=16.0)
    rhythm = heard(music.mix)
    assert rhythm is not None
    return music, rhythm


def clicks(times_s: NDArray[np.float64], length_s: float, rate_hz: int, accents: tuple[int, int] = (1, 1)) -> Audio:
    """Bursts of 1 kHz, accents at 1.6 kHz: every ``accents[0]``-th from ``accents[1]`` on."""
    sound = np.zeros(round(length_s * rate_hz))
    for number, at_s in enumerate(times_s):
        hz = 1600.0 if accents[0] > 1 and number % accents[0] == accents[1] else 1000.0
        t = np.arange(round(0.02 * rate_hz)) / rate_hz
        start = round(at_s * rate_hz)
        burst = 0.5 * np.sin(2 * np.pi * hz * t) * np.exp(-t / 0.004)
        sound[start : start + burst.size] += burst[: sound.size - start]
    return Audio.of(sound[np.newaxis], rate_hz)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 96_000])
def test_onsets_lie_where_they_begin_at_any_rate(rate_hz: int) -> None:
    times_s = np.arange(1, 8) * 0.613
    strength = onsets(compact_of(clicks(times_s, 5.0, rate_hz))).strength
    for at_s in times_s:
        near = np.arange(round((at_s - 0.1) * FRAMES_PER_SECOND), round((at_s + 0.1) * FRAMES_PER_SECOND))
        found_s = float(frame_times_s(near[int(strength[near].argmax())]))
        assert abs(found_s - at_s) < 0.012


@pytest.mark.parametrize("style", ["house", "rock", "waltz", "six_eight_ballad", "ballad"])
def test_tempo_beats_and_bars_of_plain_styles(style: str) -> None:
    music, rhythm = played(style)
    assert within(rhythm.tempo_bpm, music.tempo_bpm)
    assert beat_f(music.beats_s, rhythm.beats_s) > 0.85
    assert beat_f(music.downbeats_s, rhythm.downbeats_s) > 0.7
    assert (rhythm.metre.beats, rhythm.metre.unit) == music.metre


def test_loudness_changes_nothing() -> None:
    music, rhythm = played("house")
    quiet = heard(0.003 * music.mix)
    assert quiet is not None
    assert quiet.beats_s.size == rhythm.beats_s.size
    assert np.abs(quiet.beats_s - rhythm.beats_s).max() < 0.005


def test_what_comes_later_is_heard_later() -> None:
    music, rhythm = played("rock")
    late = heard(np.concatenate([np.zeros(round(0.73 * RATE_HZ)), music.mix]))
    assert late is not None
    assert within(late.tempo_bpm, rhythm.tempo_bpm, tolerance=0.005)
    assert beat_f(rhythm.beats_s + 0.73, late.beats_s, 0.02) > 0.9


@pytest.mark.parametrize("name", sorted(KINDS))
def test_no_confidence_where_there_is_no_beat(name: str, rng: np.random.Generator) -> None:
    rhythm = heard(KINDS[name](rng, 14.0))
    assert rhythm is None or max(rhythm.tempo_confidence, rhythm.beat_confidence, rhythm.bar_confidence) < 0.5


@pytest.mark.parametrize("length_samples", [0, 1, 400, 20_000])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_next_to_nothing_is_nothing(length_samples: int, level: float) -> None:
    assert heard(np.full(length_samples, level), 44_100) is None


def test_a_loop_of_two_seconds_is_no_proof() -> None:
    music, _ = played("house")
    rhythm = heard(music.mix[: 2 * RATE_HZ])
    assert rhythm is None or rhythm.bar_confidence < 0.8


def test_both_channels_are_heard() -> None:
    music, rhythm = played("house")
    half = music.mix.size // 2
    sides = np.stack([music.mix, music.mix])
    sides[0, half:] = sides[1, :half] = 0.0
    stereo = heard(sides)
    assert stereo is not None
    assert beat_f(rhythm.beats_s, stereo.beats_s) > 0.9


@pytest.mark.parametrize(("metre", "bpm"), [(4, 93.0), (3, 151.5), (5, 120.0)])
def test_a_click_gives_its_grid_to_the_millisecond(metre: int, bpm: float) -> None:
    times_s = 0.25 + np.arange(40) * 60.0 / bpm
    grid = hear_click(compact_of(clicks(times_s, 30.0, 44_100, (metre, 2 % metre))))
    assert grid is not None
    assert grid.beats_to_bar == metre
    assert np.abs(grid.beats_s - times_s).max() < 0.001
    assert np.abs(grid.downbeats_s - times_s[2 % metre :: metre]).max() < 0.001
    assert grid.rhythm().tempo_bpm == pytest.approx(bpm, abs=0.02)


def test_a_click_that_pauses_is_counted_through() -> None:
    times_s = 0.5 + np.arange(32) * 0.5
    sounding = np.delete(times_s, [9, 10, 11])
    grid = hear_click(compact_of(clicks(sounding, 20.0, 48_000)))
    assert grid is not None
    assert np.abs(grid.beats_s - times_s).max() < 0.001
    assert grid.beats_to_bar is None


def test_music_and_noise_are_no_click(rng: np.random.Generator) -> None:
    assert hear_click(compact_of(Audio.of(played("house")[0].mix[np.newaxis], RATE_HZ))) is None
    assert hear_click(compact_of(Audio.of(0.1 * rng.standard_normal((1, RATE_HZ * 8)), RATE_HZ))) is None
    assert hear_click(compact_of(Audio.silence(1, RATE_HZ * 8, RATE_HZ))) is None
    assert hear_click(compact_of(clicks(np.sort(rng.uniform(0.0, 20.0, 40)), 21.0, RATE_HZ))) is None


def test_a_tempo_that_leans_is_told_from_one_that_holds() -> None:
    steady = np.arange(64) * 0.5
    kept = steadiness(steady)
    assert kept is not None
    assert kept.kind == "steady"
    assert kept.lean_percent == pytest.approx(0.0, abs=1e-9)
    leaning = np.concatenate([[0.0], np.cumsum(0.5 * np.linspace(1.0, 1.05, 63))])
    told = steadiness(leaning)
    assert told is not None
    assert told.kind == "drifting"
    assert told.lean_percent == pytest.approx(4.0, abs=0.8)
    assert steadiness(np.cumsum(0.5 * np.linspace(0.7, 1.3, 64))).kind == "free"  # type: ignore[union-attr]
    assert steadiness(steady[:15]) is None


def test_the_tempo_curve_follows_the_band() -> None:
    music, rhythm = played("rock")
    curve = tempo_curve(rhythm)
    assert len(curve) == rhythm.downbeats_s.size - 1
    truth = [60.0 * 4 / length for length in np.diff(music.downbeats_s)]
    assert np.median([point.bpm for point in curve]) == pytest.approx(np.median(truth), rel=0.01)


def test_a_stretch_that_is_counted_through_is_less_sure() -> None:
    music = played("house")[0]
    sound = music.mix.copy()
    sound[6 * RATE_HZ : 10 * RATE_HZ] *= 1e-4
    kept = compact_of(Audio.of(sound[np.newaxis], RATE_HZ))
    found = onsets(kept)
    rhythm = hear_rhythm(found, hear_tones([kept]).chroma)
    assert rhythm is not None
    assert confidence_between(rhythm, found, 6.3, 9.7) < 0.6 * confidence_between(rhythm, found, 1.0, 5.5)


@pytest.mark.parametrize(("session", "bpm"), [("ev3-lithium", 124.0), ("ev3-potassium", 90.0)])
def test_real_sessions_have_their_authors_tempo(material: Path, session: str, bpm: float) -> None:
    stems = [compact_of(io.read(path, Work())) for path in sorted((material / "multitrack" / session).glob("*.flac"))]
    kept = summed(stems)
    rhythm = hear_rhythm(onsets(kept), hear_tones([kept]).chroma)
    assert rhythm is not None
    assert rhythm.tempo_bpm == pytest.approx(bpm, rel=0.002)
    assert rhythm.tempo_confidence > 0.5


@pytest.mark.parametrize("name", ["speech-male.flac", "singing-female.flac"])
def test_a_voice_alone_has_no_sure_beat(material: Path, name: str) -> None:
    kept = compact_of(io.read(material / "voices" / name, Work()))
    rhythm = hear_rhythm(onsets(kept), hear_tones([kept]).chroma)
    assert rhythm is None or rhythm.tempo_confidence < 0.5
