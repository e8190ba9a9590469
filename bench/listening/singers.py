"""Voices for the benches of pitch and moments: a glottal flow through moving resonators. Nothing here is the product's.

The flow is that of D. Klatt and L. Klatt, "Analysis, synthesis, and perception of voice quality variations", JASA 87,
1990: two powers of time while the folds are open, and breath that follows it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE_HZ = 32_000
BLOCK = 160
Signal = NDArray[np.float64]

# Formants in Hz of a grown man's a, e, i, o, u (after G. Fant, 1960), and their bandwidths.
VOWELS_HZ = (
    (700, 1220, 2600, 3300),
    (480, 1850, 2500, 3400),
    (290, 2200, 2950, 3500),
    (500, 870, 2450, 3300),
    (320, 760, 2300, 3200),
)
BANDWIDTHS_HZ = (80, 95, 130, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Singer:
    """A throat.

    Parameters
    ----------
    size : length of the tract; formants are divided by it. Women about 0.85, children 0.7.
    open_share : of a period for which the folds are open; breathy voices high.
    breath : noise beside the flow.
    unrest : how much a period differs from the last (0.005 is healthy).
    """

    size: float
    open_share: float = 0.6
    breath: float = 0.03
    unrest: float = 0.004


def a_singer(random: np.random.Generator) -> Singer:
    """Some man or woman."""
    return Singer(
        size=float(random.choice([1.0, 0.95, 0.87, 0.83])),
        open_share=float(random.uniform(0.5, 0.75)),
        breath=float(random.uniform(0.01, 0.06)),
        unrest=float(random.uniform(0.002, 0.006)),
    )


def sing(
    random: np.random.Generator,
    singer: Singer,
    hz: Signal,
    loudness: Signal,
    vowels: Signal,
    *,
    light: Signal | float = 0.0,
    rough: float = 0.0,
) -> Signal:
    """A voice along courses of pitch in Hz, loudness (0..1) and vowel (0..4, between them both), one value a sample.

    ``light`` (0..1) leads into falsetto: folds that hardly close, more breath. ``rough`` adds every second period's
    own strength, as growling does.
    """
    wander = np.repeat(random.standard_normal(hz.size // 250 + 2), 250)[: hz.size]
    phase = np.cumsum(hz * (1.0 + singer.unrest * wander)) / RATE_HZ
    period, within = np.floor(phase).astype(np.int64), phase % 1.0
    light = np.broadcast_to(np.asarray(light, dtype=np.float64), hz.shape)
    opened = np.clip(within / (singer.open_share + (0.95 - singer.open_share) * light), 0.0, 1.0)
    strength = 1.0 + 0.03 * random.standard_normal(int(period[-1]) + 2)
    strength[::2] *= 1.0 - rough
    flow = np.where(opened < 1.0, 2.0 * opened - 3.0 * opened**2, 0.0) * strength[period]
    # Hardly closing folds give little but the first partials.
    soft = lfilter([0.12], [1.0, -0.88], flow)
    flow = (1.0 - light) * flow + 2.0 * light * soft
    air = (singer.breath + 0.08 * light) * random.standard_normal(hz.size) * (0.3 + opened * (1.0 - opened) * 4.0)
    return through_mouth(singer, (flow + air) * loudness, vowels)


def through_mouth(singer: Singer, source: Signal, vowels: Signal) -> Signal:
    """Any source through the resonators of the vowels, moved every 5 ms."""
    made, states = source.copy(), [np.zeros(2) for _ in BANDWIDTHS_HZ]
    table = np.array(VOWELS_HZ, dtype=np.float64) / singer.size
    for start in range(0, made.size, BLOCK):
        at = float(np.clip(vowels[start], 0.0, 4.0))
        low = min(int(at), 3)
        here = table[low] + (at - low) * (table[low + 1] - table[low])
        piece = made[start : start + BLOCK]
        for number, (centre_hz, width_hz) in enumerate(zip(here, BANDWIDTHS_HZ, strict=True)):
            radius = np.exp(-np.pi * width_hz / RATE_HZ)
            first, second = 2.0 * radius * np.cos(2.0 * np.pi * centre_hz / RATE_HZ), -(radius**2)
            piece, states[number] = lfilter([1.0 - first - second], [1.0, -first, -second], piece, zi=states[number])
        made[start : start + BLOCK] = piece
    return made


def at_level(sound: Signal, level_db: float) -> Signal:
    """With that RMS where it sounds."""
    heard = np.abs(sound) > 1e-3 * np.abs(sound).max()
    return sound * (10.0 ** (level_db / 20.0) / max(float(np.sqrt(np.mean(sound[heard] ** 2))), 1e-12))


def breath(random: np.random.Generator, length_s: float) -> Signal:
    """Air drawn in: noise that swells and stops, RMS about 1."""
    count = round(length_s * RATE_HZ)
    noise = sosfilt(butter(2, [900, 6000], "band", fs=RATE_HZ, output="sos"), random.standard_normal(count))
    shape = np.sin(np.pi * np.linspace(0, 1, count) ** 1.6)
    made: Signal = noise * shape / max(float(np.sqrt(np.mean((noise * shape) ** 2))), 1e-9)
    return made


def in_room(random: np.random.Generator, sound: Signal, floor_db: float) -> Signal:
    """In a small dead room, over the noise of it and of a preamplifier."""
    length = round(0.15 * RATE_HZ)
    tail = 0.012 * random.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail[0] = 1.0
    hiss = random.standard_normal(sound.size)
    rumble = 2.0 * lfilter([0.02], [1.0, -0.98], random.standard_normal(sound.size))
    made: Signal = fftconvolve(sound, tail)[: sound.size] + 10.0 ** (floor_db / 20.0) * (0.8 * hiss + rumble)
    return made
