"""Bands that play all the time: nothing but the chords says where a section ends. Additive tones of our own."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE_HZ: Final = 16_000
PROGRESSIONS: Final = ((0, 7, 9, 5), (5, 7, 0, 9), (2, 9, 4, 7), (9, 5, 0, 7), (0, 5, 2, 7), (9, 2, 5, 4))
MINOR: Final = (2, 4, 9)
FORM: Final = ("intro", "verse", "hook", "verse", "hook", "bridge", "hook")
LENGTHS: Final = {"intro": (2, 4, 8), "verse": (8, 12, 16), "hook": (4, 8, 12), "bridge": (4, 6, 8)}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Band:
    """Sounds by role, the length of a bar, and the form as kind and bars."""

    sounds: dict[str, Sound]
    bar_s: float
    form: tuple[tuple[str, int], ...]


def band(seed: int) -> Band:
    """Drums, bass, piano and guitar; every kind of section has a progression of its own, one chord a bar."""
    rng = np.random.default_rng(seed)
    bar_s, key = 240.0 / rng.uniform(80, 140), int(rng.integers(0, 12))
    chosen = rng.choice(len(PROGRESSIONS), len(LENGTHS), replace=False)
    chords = {kind: PROGRESSIONS[which] for kind, which in zip(LENGTHS, chosen, strict=True)}
    lengths = {kind: int(rng.choice(choices)) for kind, choices in LENGTHS.items()}
    form = tuple((kind, lengths[kind]) for kind in FORM)
    bars = [
        _bar(rng, bar_s, key, chords[kind][bar % 4], kind == "hook") for kind, count in form for bar in range(count)
    ]
    sounds = {role: np.concatenate([bar[role] for bar in bars]) for role in bars[0]}
    return Band(sounds=sounds, bar_s=bar_s, form=form)


def _bar(rng: np.random.Generator, bar_s: float, key: int, root: int, is_hook: bool) -> dict[str, Sound]:
    at_s = np.arange(int(bar_s * RATE_HZ)) / RATE_HZ
    quarter, eighth = at_s % (bar_s / 4), at_s % (bar_s / 8)
    triad = (root, root + (3 if root in MINOR else 4), root + 7)
    voiced = [60 + (key + pitch) % 12 + int(rng.choice([0, 0, 12])) for pitch in triad]
    louder = 1.12 if is_hook else 1.0

    def tone(pitch: int) -> Sound:
        hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        partials = [np.sin(2 * np.pi * hz * n * at_s + rng.uniform(0, 6)) / n**1.3 for n in range(1, 7)]
        total: Sound = np.sum(partials, axis=0)
        return total

    def played(level: float, decay: float, since: Sound, *pitches: int) -> Sound:
        chord = np.sum([tone(pitch) for pitch in pitches], axis=0)
        struck: Sound = rng.uniform(0.85, 1.15) * level * np.exp(-decay * since) * chord
        return struck

    kick = 0.5 * np.exp(-20 * quarter) * np.sin(2 * np.pi * 55 * at_s)
    hats = 0.05 * rng.standard_normal(at_s.size) * np.exp(-40 * eighth)
    return {
        "piano": played(0.1 * louder, 2.0, quarter, *voiced),
        "electric_guitar": played(0.08 * louder, 3.0, eighth, *(48 + (key + p) % 12 for p in triad)),
        "bass": played(0.2, 1.5, quarter, 36 + (key + root) % 12),
        "kick": rng.uniform(0.9, 1.1) * kick + hats,
    }
