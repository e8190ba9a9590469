"""Sounds without a beat or a key: what a listener must not be sure about."""

from collections.abc import Callable
from typing import Final

import numpy as np

from bench.listening.sources import RATE_HZ, Kit, Rng, Sampler, Signal, band_noise, seconds


def noise(rng: Rng, length_s: float) -> Signal:
    """Noise of some colour."""
    return 0.1 * band_noise(rng, length_s, float(rng.uniform(20.0, 500.0)), float(rng.uniform(1e3, 1e4)))


def free_piano(rng: Rng, length_s: float) -> Signal:
    """Any notes at any time."""
    return _scattered(rng, length_s, "piano", float(rng.uniform(0.2, 0.9)))


def free_strings(rng: Rng, length_s: float) -> Signal:
    """Long notes that overlap, no two apart by the same time."""
    return _scattered(rng, length_s, "strings", float(rng.uniform(0.8, 2.0)))


def speech(rng: Rng, length_s: float) -> Signal:
    """Syllables of a wandering voice, with pauses."""
    made, at_s = np.zeros(round(length_s * RATE_HZ)), 0.3
    sampler = Sampler("voice", rng, 0.0)
    while at_s < length_s - 0.5:
        syllable_s = float(rng.uniform(0.08, 0.28))
        _add(made, sampler.note(int(rng.integers(43, 53)), syllable_s), at_s, float(rng.uniform(0.5, 1.0)))
        if rng.uniform() < 0.5:
            _add(made, 0.05 * band_noise(rng, 0.07, 2500.0, 9000.0), at_s + syllable_s, 1.0)
        at_s += syllable_s * float(rng.uniform(1.0, 1.5)) + (
            float(rng.uniform(0.2, 0.9)) if rng.uniform() < 0.15 else 0
        )
    return made


def cymbals(rng: Rng, length_s: float) -> Signal:
    """Swells and strokes on cymbals, at will."""
    made, at_s, kit = np.zeros(round(length_s * RATE_HZ)), 0.2, Kit(rng)
    while at_s < length_s - 0.5:
        _add(made, kit.stroke(str(rng.choice(["crash", "ride", "open_hat"]))), at_s, float(rng.uniform(0.2, 1.0)))
        at_s += float(rng.exponential(0.7)) + 0.1
    return made


def drone(rng: Rng, length_s: float) -> Signal:
    """A chord of sines that swells slowly."""
    t = seconds(length_s)
    made = np.zeros_like(t)
    for _ in range(5):
        swell = 1.0 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.03, 0.12) * t + rng.uniform(0.0, 6.28))
        made += swell * np.sin(2 * np.pi * rng.uniform(80.0, 800.0) * t)
    return 0.05 * made + 0.003 * rng.standard_normal(t.size)


KINDS: Final[dict[str, Callable[[Rng, float], Signal]]] = {
    "noise": noise, "free_piano": free_piano, "free_strings": free_strings, "speech": speech, "cymbals": cymbals,
    "drone": drone,
}  # fmt: skip


def unmusical(seed: int, length_s: float = 24.0) -> tuple[str, Signal]:
    """The kind and the sound of a seed."""
    name = sorted(KINDS)[seed % len(KINDS)]
    return name, KINDS[name](np.random.default_rng([20261123, seed]), length_s)


def _scattered(rng: Rng, length_s: float, instrument: str, mean_s: float) -> Signal:
    made, at_s = np.zeros(round(length_s * RATE_HZ)), 0.1
    sampler = Sampler(instrument, rng, float(rng.uniform(-50.0, 50.0)))
    while at_s < length_s - 0.5:
        for _ in range(int(rng.integers(1, 4))):
            _add(made, sampler.note(int(rng.integers(40, 85)), float(rng.uniform(0.2, 2.5))), at_s, 0.5)
        at_s += float(rng.gamma(2.0, 0.5 * mean_s)) + 0.05
    return made


def _add(track: Signal, sound: Signal, at_s: float, level: float) -> None:
    start = round(at_s * RATE_HZ)
    kept = min(sound.size, track.size - start)
    if kept > 0:
        track[start : start + kept] += level * sound[:kept]
