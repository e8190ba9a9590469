"""Voices that are hard to follow, with the pitch they really have; and such as have none, or several."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.listening.singers import RATE_HZ, Signal, Singer, a_singer, at_level, in_room, sing, through_mouth
from tapehand.audio import Audio

HOP_S = 0.01
LENGTH_S = 8.0
SCALE = (0, 2, 4, 5, 7, 9, 11)
Random = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class OddVoice:
    """What is heard, and its pitch in Hz every 10 ms: 0 where there is none."""

    sound: Audio
    hz: Signal
    lowest_hz: float = 65.0


def _melody(random: Random, base_hz: float, glide_s: float, wide: int = 3) -> tuple[Signal, Signal, Signal]:
    """Pitch, loudness and vowel of a line with rests."""
    times = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    hz, loud, vowels = np.zeros(times.size), np.zeros(times.size), np.zeros(times.size)
    at_s, degree, last_hz = 0.2, int(random.integers(2, 7)), 0.0
    while at_s < LENGTH_S - 1.0:
        length_s = float(random.uniform(0.3, 1.0))
        inside = (times >= at_s) & (times < at_s + length_s)
        since = times[inside] - at_s
        exact_hz = base_hz * 2 ** ((SCALE[degree % 7] + 12 * (degree // 7)) / 12 + random.normal(0, 10) / 1200)
        glide = np.log2(last_hz / exact_hz) * np.exp(-since / glide_s) if last_hz else 0.0
        vibrato = random.choice([0.0, 0.3]) * np.sin(2 * np.pi * 5.4 * since) / 12
        hz[inside] = exact_hz * 2 ** (glide + vibrato)
        loud[inside] = np.minimum(1.0, np.minimum(since, length_s - since) / 0.03)
        vowels[inside] = float(random.uniform(0, 4))
        degree = int(np.clip(degree + random.integers(-wide, wide + 1), 0, 11))
        rests = random.random() < 0.3
        last_hz = 0.0 if rests else exact_hz
        at_s += length_s + (0.2 if rests else 0.0)
    return hz, loud, vowels


def _sung(random: Random, singer: Singer, base_hz: float, *, glide_s: float = 0.02, **how: float) -> OddVoice:
    hz, loud, vowels = _melody(random, base_hz, glide_s)
    filled = np.interp(np.arange(hz.size), np.flatnonzero(hz), hz[hz > 0])
    sound = at_level(sing(random, singer, filled, loud, vowels, **how), -20.0)
    return OddVoice(sound=_audio(random, sound), hz=hz[:: round(HOP_S * RATE_HZ)])


def _audio(random: Random, sound: Signal, floor_db: float = -60.0) -> Audio:
    return Audio.of(in_room(random, sound, floor_db)[np.newaxis], RATE_HZ)


def plain(random: Random) -> OddVoice:
    """Nothing odd."""
    singer = a_singer(random)
    return _sung(random, singer, 120.0 if singer.size > 0.9 else 230.0)


def growl(random: Random) -> OddVoice:
    """Every second period weaker, and restless ones."""
    singer = Singer(size=1.0, open_share=0.5, breath=0.06, unrest=0.012)
    return _sung(random, singer, float(random.uniform(90, 140)), rough=float(random.uniform(0.2, 0.4)))


def falsetto(random: Random) -> OddVoice:
    """High, soft folds, next to a sine."""
    return _sung(random, Singer(size=0.95), float(random.uniform(280, 420)), light=0.9)


def breathy(random: Random) -> OddVoice:
    """As much air as tone."""
    return _sung(random, Singer(size=0.87, open_share=0.8, breath=0.25), float(random.uniform(180, 260)))


def glides(random: Random) -> OddVoice:
    """From note to note in a quarter of a second."""
    return _sung(random, a_singer(random), float(random.uniform(120, 240)), glide_s=float(random.uniform(0.1, 0.25)))


def octave_bass(random: Random) -> OddVoice:
    """A bass that leaps by octaves on eighths, its fundamental weak or strong."""
    times = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    root, pace_s = float(random.uniform(41, 62)), float(random.uniform(0.2, 0.35))
    made, hz = np.zeros(times.size), np.zeros(times.size)
    tilt, first = float(random.uniform(0.8, 2.0)), float(random.uniform(0.15, 1.0))
    for number in range(int((LENGTH_S - 0.6) / pace_s)):
        inside = (times >= 0.2 + number * pace_s) & (times < 0.2 + (number + 0.92) * pace_s)
        since = times[inside] - 0.2 - number * pace_s
        here = root * (2.0 if number % 2 else 1.0) * 2 ** (random.choice([0, 5, 7]) / 12)
        hz[inside] = here
        edges = np.minimum(1.0, np.minimum(since / 0.004, since[::-1] / 0.01))
        for partial in range(1, int(3000 / here)):
            strength = (first if partial == 1 else 1.0) / partial**tilt
            made[inside] += (
                strength * edges * np.exp(-since * (1 + 0.6 * partial)) * np.sin(2 * np.pi * partial * here * since)
            )
    return OddVoice(sound=_audio(random, at_level(made, -20.0)), hz=hz[:: round(HOP_S * RATE_HZ)], lowest_hz=36.0)


def whisper(random: Random) -> OddVoice:
    """Air through a mouth: no pitch at all."""
    hz, loud, vowels = _melody(random, 150.0, 0.02)
    sound = at_level(through_mouth(a_singer(random), random.standard_normal(hz.size) * loud, vowels), -26.0)
    return OddVoice(sound=_audio(random, sound), hz=np.zeros(hz[:: round(HOP_S * RATE_HZ)].size))


def choir(random: Random) -> OddVoice:
    """Three parts of two or three each: no one pitch."""
    out = np.zeros(round(LENGTH_S * RATE_HZ))
    seed, base_hz = int(random.integers(1 << 30)), float(random.uniform(150, 220))
    for steps in (0, 4, 7):
        for _ in range(int(random.integers(2, 4))):
            same = np.random.default_rng(seed)  # everybody sings one rhythm and their own part of it
            hz, loud, vowels = _melody(same, base_hz * 2 ** (steps / 12), 0.03)
            late = int(random.integers(0, round(0.04 * RATE_HZ)))
            hz = np.roll(np.where(hz > 0, hz, base_hz), late) * 2 ** (random.normal(0, 12) / 1200)
            out += sing(random, a_singer(random), hz, np.roll(loud, late), vowels)
    return OddVoice(sound=_audio(random, at_level(out, -20.0)), hz=np.zeros(0))


SINGLE: Mapping[str, Callable[[Random], OddVoice]] = {
    "plain": plain,
    "growl": growl,
    "falsetto": falsetto,
    "breathy": breathy,
    "glides": glides,
    "octave bass": octave_bass,
}
