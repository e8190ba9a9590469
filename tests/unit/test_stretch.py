"""Time and pitch of whole sounds: exact lengths, places, pitches, attacks; the same bytes; silence."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.dsp.attacks import find_attacks
from tapehand.dsp.stretch import stretch, transpose
from tapehand.errors import InputError, InternalError

RATE_HZ = 44_100


def tone(frequency_hz: float, rate_hz: int, length_s: float = 2.0) -> Audio:
    times = np.arange(int(length_s * rate_hz)) / rate_hz
    return Audio.of(0.5 * np.sin(2 * np.pi * frequency_hz * times)[np.newaxis], rate_hz)


def fitted(audio: Audio, expected_hz: float) -> tuple[float, float]:
    """Signal to everything else in dB, and cents off, of the sine that fits the middle best (least squares)."""
    quarter = audio.length_samples // 4
    middle = audio.samples[0, quarter : 3 * quarter].astype(np.float64)[:30_000]
    times = np.arange(middle.size) / audio.rate_hz
    best = (-np.inf, 0.0)
    width_cents = 30.0
    centre = 0.0
    for _ in range(5):
        for cents in centre + np.linspace(-width_cents, width_cents, 13):
            turns = 2 * np.pi * expected_hz * 2 ** (cents / 1200) * times
            wave = (np.cos(turns), np.sin(turns))
            products = [[float(np.sum(one * other)) for other in wave] for one in wave]
            likeness = [float(np.sum(one * middle)) for one in wave]
            rest = middle - sum(w * one for w, one in zip(np.linalg.solve(products, likeness), wave, strict=True))
            best = max(best, (10 * np.log10(np.sum(middle**2) / np.sum(rest**2)), float(cents)))
        centre, width_cents = best[1], width_cents / 6
    return best


@pytest.mark.parametrize("length_ratio", [0.25, 0.7, 1.0, 1.3333, 2.0, 4.0])
@pytest.mark.parametrize("length_samples", [0, 1, 2, 57, 5_000, 30_011])
def test_lengths_are_exact_for_every_sound(length_ratio: float, length_samples: int, rng: np.random.Generator) -> None:
    sound = Audio.of(rng.uniform(-0.5, 0.5, (2, length_samples)), RATE_HZ)
    stretched = stretch(sound, length_ratio)
    assert stretched.length_samples == round(length_samples * length_ratio)
    assert np.isfinite(stretched.samples).all()
    assert np.abs(stretched.samples).max(initial=0.0) < 3.0
    assert transpose(sound, 12 * np.log2(length_ratio)).length_samples == length_samples


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("length_ratio", [0.5, 0.8, 1.25, 2.0, 3.0])
def test_a_sine_stays_a_sine_at_its_pitch(rate_hz: int, length_ratio: float) -> None:
    ratio_db, cents = fitted(stretch(tone(440.0, rate_hz, 1.5), length_ratio), 440.0)
    assert ratio_db > 42.0
    assert abs(cents) < 0.1


@pytest.mark.parametrize("frequency_hz", [55.0, 220.0, 3_000.0])
@pytest.mark.parametrize("semitones", [-12.0, -4.0, 0.37, 4.0, 7.0])
def test_transposition_is_exact_down_to_the_bass(frequency_hz: float, semitones: float) -> None:
    moved = transpose(tone(frequency_hz, RATE_HZ), semitones)
    ratio_db, cents = fitted(moved, frequency_hz * 2 ** (semitones / 12))
    assert ratio_db > 42.0
    assert abs(cents) < 0.2


def hits(rng: np.random.Generator, gaps_s: tuple[float, ...]) -> tuple[Audio, list[int]]:
    """Decaying noise and thuds over a quiet hum, and where they start."""
    places = np.round(np.cumsum(gaps_s) * RATE_HZ).astype(int).tolist()
    line = 0.002 * np.sin(2 * np.pi * 110 * np.arange(places[-1] + RATE_HZ) / RATE_HZ)
    times = np.arange(RATE_HZ // 2) / RATE_HZ
    for number, place in enumerate(places):
        noise = rng.standard_normal(times.size) * np.exp(-times / 0.02)
        thud = np.cos(2 * np.pi * 60 * times) * np.exp(-times / 0.06)
        line[place : place + times.size] += 0.15 * noise if number % 2 else 0.4 * thud
    return Audio.of(line[np.newaxis], RATE_HZ), places


@pytest.mark.parametrize("length_ratio", [0.7, 1.1, 1.6, 2.5])
def test_attacks_come_on_time_and_as_they_were(length_ratio: float, rng: np.random.Generator) -> None:
    sound, places = hits(rng, (0.3, 0.41, 0.37, 0.52, 0.29, 0.6))
    stretched = stretch(sound, length_ratio)
    found = find_attacks(stretched)
    wanted = [place * length_ratio for place in places]
    assert max(min(abs(one - place) for one in found) for place in wanted) < 0.005 * RATE_HZ
    for place, at in zip(find_attacks(sound), np.round(np.array(find_attacks(sound)) * length_ratio), strict=True):
        there = stretched.samples[0, int(at) - 400 : int(at) + 400]
        assert np.array_equal(there, sound.samples[0, place - 400 : place + 400])


def before_and_after_db(sound: Audio, places: list[int]) -> float:
    """Median energy of the 50 ms before an attack over that of the 50 ms after it."""
    line = sound.samples[0].astype(np.float64)
    before, after, gap = int(0.054 * RATE_HZ), int(0.05 * RATE_HZ), int(0.004 * RATE_HZ)
    ratios = [np.sum(line[p - before : p - gap] ** 2) / np.sum(line[p : p + after] ** 2) for p in places]
    return float(10 * np.log10(np.median(ratios)))


def test_keeping_attacks_takes_the_blur_before_them_away(rng: np.random.Generator) -> None:
    sound, places = hits(rng, (0.3, 0.41, 0.37, 0.52, 0.29, 0.6))
    later = [round(place * 1.25) for place in places]
    own = before_and_after_db(sound, places)
    kept = before_and_after_db(stretch(sound, 1.25), later)
    blurred = before_and_after_db(stretch(sound, 1.25, keep_attacks=False), later)
    assert kept < own + 6.0
    assert blurred > kept + 6.0


def test_without_an_attack_nothing_is_laid_over(rng: np.random.Generator) -> None:
    swell = rng.standard_normal(RATE_HZ * 2) * np.geomspace(1e-4, 0.2, RATE_HZ * 2)
    sound = Audio.of(swell[np.newaxis], RATE_HZ)
    assert find_attacks(sound) == []
    assert np.array_equal(stretch(sound, 1.2).samples, stretch(sound, 1.2, keep_attacks=False).samples)


def test_silence_stays_silent(rng: np.random.Generator) -> None:
    sound = np.zeros((2, 4 * RATE_HZ), dtype=np.float32)
    sound[:, 2 * RATE_HZ : 2 * RATE_HZ + 3_000] = 0.1 * rng.standard_normal((2, 3_000))
    stretched = stretch(Audio.of(sound, RATE_HZ), 1.5).samples
    loud = np.flatnonzero(np.abs(stretched).max(axis=0) > 0.0) / RATE_HZ
    assert loud[0] > 3.0 - 0.15
    assert loud[-1] < 3.11 + 0.15
    assert not stretch(Audio.silence(2, RATE_HZ, RATE_HZ), 1.5).samples.any()
    assert not transpose(Audio.silence(1, RATE_HZ, RATE_HZ), 3).samples.any()


@pytest.mark.parametrize("right", [1.0, -1.0, 0.5, 0.0])
def test_stereo_keeps_together(right: float, rng: np.random.Generator) -> None:
    left = 0.1 * rng.standard_normal(2 * RATE_HZ)
    stretched = stretch(Audio.of(np.stack([left, right * left]), RATE_HZ), 1.3).samples
    assert np.abs(stretched[1] - right * stretched[0]).max() < 3e-6


def test_how_alike_the_channels_are_stays(rng: np.random.Generator) -> None:
    both, apart = rng.standard_normal((2, 3 * RATE_HZ)), rng.standard_normal((1, 3 * RATE_HZ))
    sound = np.concatenate([apart, 0.6 * apart + 0.8 * both[:1]]) * 0.1
    stretched = stretch(Audio.of(sound, RATE_HZ), 1.3).samples
    assert abs(np.corrcoef(stretched)[0, 1] - np.corrcoef(sound)[0, 1]) < 0.06


def test_the_same_bytes_again_and_in_another_process(rng: np.random.Generator) -> None:
    program = (
        "import numpy as np, hashlib; from tapehand.audio import Audio; from tapehand.dsp.stretch import stretch;"
        "sound = Audio.of(np.random.default_rng(7).uniform(-0.5, 0.5, (2, 30_000)), 44_100);"
        "print(hashlib.sha256(stretch(sound, 3.1).samples.tobytes()).hexdigest())"
    )
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1]


def test_what_cannot_be_done_is_refused() -> None:
    sound = Audio.silence(1, 100, RATE_HZ)
    for ratio in (0.2, 4.1, float("nan"), -1.0):
        with pytest.raises(InternalError, match=r"times as long"):
            stretch(sound, ratio)
    with pytest.raises(InternalError, match="3 channels"):
        stretch(Audio.silence(3, 100, RATE_HZ), 1.1)
    with pytest.raises(InternalError, match="two octaves"):
        transpose(sound, 25)
    broken = np.zeros((1, 100), dtype=np.float32)
    broken[0, 50] = np.nan
    with pytest.raises(InternalError, match="not a number"):
        stretch(Audio(broken, RATE_HZ), 1.1)


def test_one_clear_sentence_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_stretch.Signalsmith", None)
    with pytest.raises(InputError, match="needs python-stretch") as refused:
        stretch(tone(440.0, RATE_HZ, 0.2), 1.1)
    assert refused.value.code == "dsp.no_stretch"


@pytest.mark.parametrize("stem", ["ev3-potassium/breakbeat.flac", "ev3-lithium/off_kick.flac"])
def test_drums_of_a_record_stay_on_the_beat(material: Path, stem: str) -> None:
    sound = read(material / "multitrack" / stem).span(0, 15 * RATE_HZ)
    places = np.array(find_attacks(sound))
    assert places.size > 5
    for length_ratio in (0.8, 1.25):
        found = np.array(find_attacks(stretch(sound, length_ratio)))
        off_s = np.abs(found[:, np.newaxis] - places * length_ratio).min(axis=0) / RATE_HZ
        assert np.mean(off_s < 0.005) >= 0.97
