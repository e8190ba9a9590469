"""Tuning, keys and chords: chords that are made here, clips of the bench's renderer, odd sounds, real songs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from bench.listening.clips import clip
from bench.listening.harmony import chord_overlap, from_mix, key_score
from bench.listening.unmusical import KINDS
from numpy.typing import NDArray

from tapehand.audio import Audio, io
from tapehand.listening.chords import steps_of
from tapehand.listening.harmony import Harmony, hear_harmony, hear_tones
from tapehand.listening.onsets import onsets
from tapehand.listening.recordings import compact_of
from tapehand.listening.rhythm import hear_rhythm
from tapehand.work import Work

RATE_HZ = 22_050
# I vi IV V of C major, and i VI III VII of C minor, as semitones from C.
IN_MAJOR = ((0, 4, 7), (9, 0, 4), (5, 9, 0), (7, 11, 2))
IN_MINOR = ((0, 3, 7), (8, 0, 3), (3, 7, 10), (10, 2, 5))


def strum(classes: Sequence[int], bass: int, length_s: float, cents: float) -> NDArray[np.float64]:
    """A chord from C4 up over a bass from C2 up, six partials a tone."""
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    pitches = [60 + each for each in classes] + [36 + bass]
    made = np.zeros_like(t)
    for pitch in pitches:
        hz = 440.0 * 2 ** ((pitch - 69 + cents / 100.0) / 12.0)
        made += sum(np.sin(2 * np.pi * n * hz * t + n) / n for n in range(1, 7))
    return 0.05 * made * np.exp(-t / 1.5)


def progression(chords: Sequence[Sequence[int]], up: int = 0, cents: float = 0.0, times: int = 3) -> Harmony:
    sound = np.concatenate([
        strum([(each + up) % 12 for each in chord], (chord[0] + up) % 12, 1.0, cents) for chord in chords
    ])  # fmt: skip
    return harmony(np.tile(sound, times))


def harmony(sound: NDArray[np.floating], rate_hz: int = RATE_HZ) -> Harmony:
    kept = compact_of(Audio.of(np.atleast_2d(sound), rate_hz))
    tones = hear_tones([kept])
    return hear_harmony(tones, hear_rhythm(onsets(kept), tones.chroma))


@pytest.mark.parametrize("cents", [-44.0, -20.0, 0.0, 13.0, 37.0])
def test_tuning_is_read_to_two_cents_and_chords_stay(cents: float) -> None:
    found = progression(IN_MAJOR, cents=cents)
    assert found.tuning.cents == pytest.approx(cents, abs=2.0)
    assert found.tuning.agreement > 0.7
    assert [each.chord.symbol() for each in found.chords if each.chord][:4] == ["C", "Am", "F", "G"]


@pytest.mark.parametrize("up", range(0, 12, 3))
def test_what_is_played_higher_is_heard_higher(up: int) -> None:
    for chords, mode in ((IN_MAJOR, "major"), (IN_MINOR, "minor")):
        found = progression(chords, up=up)
        assert [(each.key.tonic, each.key.mode) for each in found.keys] == [(up, mode)]
        roots = [each.chord.root for each in found.chords if each.chord]
        assert roots[:4] == [(chord[0] + up) % 12 for chord in chords]


def test_chords_lie_where_they_sound() -> None:
    found = progression(IN_MINOR)
    starts = [each.start_s for each in found.chords]
    assert len(starts) == 12
    assert np.abs(np.array(starts) - np.arange(12)).max() < 0.15
    assert all(before.end_s == after.start_s for before, after in zip(found.chords, found.chords[1:], strict=False))


def test_the_bass_of_an_inversion_is_told() -> None:
    sound = np.concatenate([strum((0, 4, 7), 4, 2.0, 0.0), strum((5, 9, 0), 5, 2.0, 0.0)] * 3)
    assert [each.chord.symbol() for each in harmony(sound).chords if each.chord][:2] == ["C/E", "F"]


@pytest.mark.parametrize("style", ["pop", "string_quartet", "waltz"])
def test_chords_and_key_of_plain_styles(style: str) -> None:
    music = clip(20_002, style, length_s=16.0)
    answer = from_mix(music)
    assert chord_overlap(music, answer)[0] > 0.85
    assert key_score(music, answer) >= 0.3  # a fifth or the relative key at worst


def test_a_song_that_goes_up_a_tone_has_two_keys() -> None:
    low = np.concatenate([strum(chord, chord[0], 1.0, 0.0) for chord in IN_MAJOR] * 5)
    high = np.concatenate(
        [strum([(each + 2) % 12 for each in chord], chord[0] + 2, 1.0, 0.0) for chord in IN_MAJOR] * 5
    )
    found = harmony(np.concatenate([low, high]))
    assert [(each.key.tonic, each.key.mode) for each in found.keys] == [(0, "major"), (2, "major")]
    assert found.keys[1].start_s == pytest.approx(20.0, abs=4.0)
    assert found.keys[0].end_s == found.keys[1].start_s


@pytest.mark.parametrize("name", ["noise", "cymbals", "free_piano", "speech"])
def test_no_confident_key_where_there_is_none(name: str, rng: np.random.Generator) -> None:
    found = harmony(KINDS[name](rng, 12.0))
    assert all(each.confidence < 0.5 for each in found.keys)


def test_one_tone_has_no_key() -> None:
    t = np.arange(RATE_HZ * 8) / RATE_HZ
    assert all(each.confidence < 0.3 for each in harmony(0.3 * np.sin(2 * np.pi * 220.0 * t)).keys)


@pytest.mark.parametrize("length_samples", [0, 1, 500])
def test_next_to_nothing_has_no_harmony(length_samples: int) -> None:
    found = harmony(np.zeros(length_samples), 8_000)
    assert found.keys == ()
    assert found.chords == ()
    assert found.tuning.agreement == 0.0


def test_steps_of_chords_are_beats_or_even() -> None:
    assert np.diff(steps_of(10.0, None)) == pytest.approx(0.4)
    beats_s = np.arange(0.3, 9.9, 0.5)
    assert set(np.round(beats_s, 6)) <= set(np.round(steps_of(10.0, beats_s), 6))
    assert np.diff(steps_of(20.0, np.arange(1.0, 19.0, 1.2))).max() < 1.1


def test_a_real_session_is_in_its_authors_key(material: Path) -> None:
    names = ("sy_bass", "melody_pad", "arp_dist", "echo_pad", "vox_lead")
    stems = [io.read(material / "multitrack" / "ev3-lithium" / f"{name}.flac", Work()) for name in names]
    tones = hear_tones([compact_of(stem) for stem in stems])
    keys = hear_harmony(tones, None).keys
    longest = max(keys, key=lambda each: each.end_s - each.start_s)
    assert str(longest.key) == "G minor"
