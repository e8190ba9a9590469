"""Simple sounds for generated sessions: nothing here is shared with the product's own instruments.

Each voice is ``(hits, seed) -> mono float64 array``: hits are ``(start_samples, length_samples, pitch, velocity)``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One sounded note of a generated part; ``velocity`` 0..1."""

    start_samples: int
    length_samples: int
    pitch: int
    velocity: float


Voice = Callable[[Hit, int, np.random.Generator], Signal]


def sounded(voice: str, hits: Sequence[Hit], length_samples: int, rate_hz: int, seed: int) -> Signal:
    """All hits of a part on one mono line of ``length_samples``."""
    line = np.zeros(length_samples)
    random = np.random.default_rng(seed)
    for hit in hits:
        sound = VOICES[voice](hit, rate_hz, random)
        end = min(hit.start_samples + sound.size, length_samples)
        line[hit.start_samples : end] += hit.velocity * sound[: end - hit.start_samples]
    return line


def _time(length_samples: int, rate_hz: int) -> Signal:
    return np.arange(length_samples) / rate_hz


def _hz(pitch: int) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def _decay(length_s: float, decay_s: float, rate_hz: int) -> tuple[Signal, Signal]:
    time = _time(int(length_s * rate_hz), rate_hz)
    fade = np.minimum(1.0, (time[-1] - time) / 0.01)
    return time, np.exp(-time / decay_s) * fade


def _held(hit: Hit, rate_hz: int, attack_s: float, release_s: float) -> tuple[Signal, Signal]:
    release = int(release_s * rate_hz)
    time = _time(hit.length_samples + release, rate_hz)
    rise = np.minimum(1.0, time / attack_s)
    fall = np.clip((time[-1] - time) / release_s, 0.0, 1.0)
    return time, rise * fall


def _brightened(noise: Signal, times: int) -> Signal:
    for _ in range(times):
        noise = np.diff(noise, prepend=0.0)
    return noise


def _kick(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _decay(0.4, 0.11, rate_hz)
    sweep = 50.0 * time + 2.4 * (1.0 - np.exp(-time / 0.025))
    beater = _brightened(random.standard_normal(time.size), 1) * np.exp(-time / 0.004)
    return np.asarray(np.sin(2 * np.pi * sweep) * envelope + 0.1 * beater)


def _snare(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _decay(0.3, 0.07, rate_hz)
    body = np.sin(2 * np.pi * random.normal(192.0, 1.5) * time) * np.exp(-time / 0.05)
    return np.asarray(0.5 * body + 0.25 * _brightened(random.standard_normal(time.size), 1) * envelope)


def _hats(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _decay(0.12, 0.025, rate_hz)
    return np.asarray(0.06 * _brightened(random.standard_normal(time.size), 3) * envelope)


def _shaker(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, _ = _decay(0.1, 0.03, rate_hz)
    swell = np.sin(np.pi * np.minimum(time / 0.09, 1.0)) ** 2
    return np.asarray(0.08 * _brightened(random.standard_normal(time.size), 2) * swell)


def _tom(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _decay(0.6, 0.16, rate_hz)
    return np.asarray(np.sin(2 * np.pi * (_hz(hit.pitch) * time + 1.2 * (1 - np.exp(-time / 0.03)))) * envelope)


def _overheads(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    near = _kick(hit, rate_hz, random) if random.random() < 0.5 else _snare(hit, rate_hz, random)
    time, envelope = _decay(0.9, 0.25, rate_hz)
    wash = 0.05 * _brightened(random.standard_normal(time.size), 2) * envelope
    wash[: near.size] += 0.35 * near
    return wash


def _noise(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, hit.length_samples / rate_hz, 0.2)
    return np.asarray(0.1 * _brightened(random.standard_normal(time.size), 1) * envelope)


def _partials(
    pitch: int, time: Signal, strengths: Sequence[float], decay_s: float, detune_cents: float = 0.0
) -> Signal:
    total = np.zeros(time.size)
    base = _hz(pitch) * 2.0 ** (detune_cents / 1200)
    nyquist = 0.45 / (time[1] - time[0])
    for number, strength in enumerate(strengths, start=1):
        if base * number < nyquist:
            total += strength * np.sin(2 * np.pi * base * number * time) * np.exp(-time * number / decay_s)
    return total


def _falling(count: int, power: float) -> list[float]:
    return [number**-power for number in range(1, count + 1)]


def _bass(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.004, 0.05)
    return np.asarray(0.6 * _partials(hit.pitch, time, _falling(10, 1.3), 1.6) * envelope)


def _guitar(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.002, 0.08)
    plain = _partials(hit.pitch, time, _falling(16, 0.8), 3.0, random.normal(0, 3))
    return np.asarray(0.3 * np.tanh(2.5 * plain) * envelope)


def _pluck(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.001, 0.15)
    return np.asarray(0.4 * _partials(hit.pitch, time, _falling(14, 0.9), 1.2, random.normal(0, 2)) * envelope)


def _keys(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.003, 0.2)
    return np.asarray(0.4 * _partials(hit.pitch, time, _falling(9, 1.5), 1.8) * envelope)


def _organ(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.008, 0.03)
    return np.asarray(0.25 * _partials(hit.pitch, time, (1, 0.8, 0.6, 0.5, 0, 0.3, 0, 0.25), 1e9) * envelope)


def _pad(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.4, 0.5)
    layers = sum(_partials(hit.pitch, time, _falling(8, 1.4), 1e9, cents) for cents in (-7.0, 0.0, 6.0))
    return np.asarray(0.15 * layers * envelope)


def _saw(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.01, 0.08)
    return np.asarray(0.3 * _partials(hit.pitch, time, _falling(20, 1.0), 1e9, random.normal(0, 4)) * envelope)


_FORMANTS: Final = ((700, 1150, 2700), (400, 1900, 2600), (350, 900, 2400), (550, 1700, 2500))


def _vocal(hit: Hit, rate_hz: int, random: np.random.Generator) -> Signal:
    time, envelope = _held(hit, rate_hz, 0.05, 0.08)
    vowel = _FORMANTS[random.integers(len(_FORMANTS))]
    base = _hz(hit.pitch) * 2.0 ** (random.normal(0, 8) / 1200)
    depth = 0.004 * np.minimum(1.0, time / 0.3)
    phase = 2 * np.pi * base * np.cumsum(1 + depth * np.sin(2 * np.pi * 5.6 * time)) / rate_hz
    voiced = np.zeros(time.size)
    for number in range(1, int(min(9000, 0.45 * rate_hz) / base)):
        near = sum(1.0 / (1.0 + ((number * base - formant) / 110.0) ** 2) for formant in vowel)
        voiced += (near + 0.02) / number**0.6 * np.sin(number * phase)
    breath = 0.02 * _brightened(random.standard_normal(time.size), 1)
    return np.asarray((0.5 * voiced + breath) * envelope)


VOICES: Final[dict[str, Voice]] = {
    "kick": _kick,
    "snare": _snare,
    "hats": _hats,
    "shaker": _shaker,
    "tom": _tom,
    "overheads": _overheads,
    "noise": _noise,
    "bass": _bass,
    "guitar": _guitar,
    "pluck": _pluck,
    "keys": _keys,
    "organ": _organ,
    "pad": _pad,
    "saw": _saw,
    "vocal": _vocal,
}
