"""Two tracks of one source are found, measured and told; two sources never are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.listening.alignment import align, loudest_windows, windows_of

RATE_HZ = 11_025


def source(rng: np.random.Generator, seconds: float = 8.0) -> NDArray[np.float32]:
    """Plucked notes with noise: broad enough to be told apart, tonal enough to be music."""
    length = int(seconds * RATE_HZ)
    time_s = np.arange(length) / RATE_HZ
    line = np.zeros(length)
    for start_s in np.arange(0.0, seconds, 0.25):
        since = np.clip(time_s - start_s, 0.0, None)
        pitch_hz = float(rng.uniform(80.0, 400.0))
        tone = sum(np.sin(2 * np.pi * pitch_hz * k * since) / k for k in range(1, 9))
        line += np.where(since > 0, np.exp(-since / 0.15), 0.0) * (tone + 0.5 * rng.standard_normal(length))
    return (0.1 * line).astype(np.float32)


@pytest.mark.parametrize(
    ("delay_samples", "polarity"), [(-40, 1), (60, 1), (25, 1), (-40, -1), (-7, -1), (5, -1), (60, -1), (0, -1)]
)
def test_a_second_microphone_is_measured(rng: np.random.Generator, delay_samples: int, polarity: int) -> None:
    first = source(rng)
    late = polarity * 0.5 * np.roll(first, delay_samples)
    second = (0.7 * late + 0.3 * np.roll(late, 45) + 0.003 * rng.standard_normal(first.size)).astype(np.float32)
    found = align(windows_of(first, RATE_HZ, (0.0,)), windows_of(second, RATE_HZ, (0.0,)))
    assert found is not None
    assert found.lag_s == pytest.approx(delay_samples / RATE_HZ, abs=1e-4)
    assert found.polarity == polarity
    assert found.gain_db >= 1.0


def test_what_gains_nothing_is_not_told(rng: np.random.Generator) -> None:
    """Half a millisecond, same polarity: below 500 Hz the two add up almost fully as they are."""
    first = source(rng)
    assert align(windows_of(first, RATE_HZ, (0.0,)), windows_of(np.roll(first, 5), RATE_HZ, (0.0,))) is None


def test_aligned_tracks_are_left_alone(rng: np.random.Generator) -> None:
    first = source(rng)
    assert align(windows_of(first, RATE_HZ, (0.0,)), windows_of(0.3 * first, RATE_HZ, (0.0,))) is None


def test_unrelated_tracks_are_never_moved(rng: np.random.Generator) -> None:
    spectra = [windows_of(source(rng), RATE_HZ, (0.0,)) for _ in range(5)]
    moved = [align(a, b) for i, a in enumerate(spectra) for b in spectra[i + 1 :]]
    assert [found for found in moved if found is not None] == []


def test_silence_is_nobodys_partner(rng: np.random.Generator) -> None:
    silence = np.zeros(8 * RATE_HZ, dtype=np.float32)
    assert align(windows_of(source(rng), RATE_HZ, (0.0,)), windows_of(silence, RATE_HZ, (0.0,))) is None


def test_windows_lie_where_all_sound() -> None:
    early, late = np.zeros(600), np.zeros(600)
    early[:350], late[250:] = 1.0, 1.0
    starts_s = loudest_windows([early, late], 10)
    assert any(24.0 <= start <= 31.0 for start in starts_s)
