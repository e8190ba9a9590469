"""Clean stems at full bandwidth to plant faults in: written for the benches alone, with sound sources of their own.

Every stem is float64 ``(channels, samples)`` at ``RATE_HZ`` and peaks at about -9 dBFS. What a microphone would have
recorded carries its noise; what a synthesiser made rests in digital silence.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

RATE_HZ: Final = 48_000
Sound = NDArray[np.float64]
Rng = np.random.Generator
PEAK: Final = 0.35
MICROPHONE_RMS: Final = 6e-5
FORMANTS: Final = ((600.0, 90.0, 1.0), (1150.0, 110.0, 0.7), (2600.0, 170.0, 0.35), (3500.0, 250.0, 0.2))


def times(length_s: float) -> Sound:
    """Sample times of a stretch."""
    return np.arange(round(length_s * RATE_HZ)) / RATE_HZ


def shaped_noise(rng: Rng, length_s: float, low_hz: float, high_hz: float, order: int = 2) -> Sound:
    """Noise between two frequencies with soft edges, RMS 1."""
    filters = signal.butter(order, (low_hz, min(high_hz, 0.49 * RATE_HZ)), "bandpass", fs=RATE_HZ, output="sos")
    made = signal.sosfilt(filters, rng.standard_normal(round((length_s + 0.02) * RATE_HZ)))[round(0.02 * RATE_HZ) :]
    return made / max(float(np.sqrt(np.square(made).mean())), 1e-9)


def add(into: Sound, at_s: float, what: Sound) -> None:
    """Mix ``what`` in from a time on, as far as there is room."""
    start = round(at_s * RATE_HZ)
    end = min(into.size, start + what.size)
    if 0 <= start < end:
        into[start:end] += what[: end - start]


def faded(sound: Sound, attack_s: float, release_s: float) -> Sound:
    """With ramps of half a cosine at both ends."""
    rise, fall = (max(1, min(sound.size // 2, round(length_s * RATE_HZ))) for length_s in (attack_s, release_s))
    sound = sound.copy()
    sound[:rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    sound[-fall:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    return sound


def hertz(pitch: float) -> float:
    """Frequency of a MIDI number."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def scale_note(rng: Rng, low: int, high: int) -> float:
    """A note of a minor scale, a few cents off."""
    notes = [pitch for pitch in range(low, high) if pitch % 12 in (0, 2, 3, 5, 7, 8, 10)]
    return float(rng.choice(notes)) + rng.normal(0.0, 0.08)


def vowel(rng: Rng, pitch: float, length_s: float) -> Sound:
    """A sung vowel: pulses with vibrato and jitter through formants."""
    t = times(length_s)
    bend = 0.25 * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * t) * np.minimum(t / 0.3, 1.0)
    wander = np.cumsum(rng.standard_normal(t.size)) * 2e-4
    phase = np.cumsum(hertz(pitch) * 2.0 ** ((bend + wander) / 12.0)) / RATE_HZ
    saw = 2.0 * (phase % 1.0) - 1.0
    glottal = signal.lfilter([1.0], [1.0, -0.985], saw) + 0.02 * rng.standard_normal(t.size)
    made = np.zeros_like(t)
    shift = rng.uniform(0.85, 1.2)
    for at_hz, width_hz, level in FORMANTS:
        at_hz *= shift * rng.uniform(0.85, 1.15)
        b, a = signal.iirpeak(at_hz, at_hz / width_hz, fs=RATE_HZ)
        made += level * signal.lfilter(b, a, glottal)
    return faded(made / max(float(np.abs(made).max()), 1e-9), 0.04, 0.06)


def voice(rng: Rng, length_s: float) -> Sound:
    """Phrases of syllables, some with a mild s before them, and rests between the phrases."""
    made = np.zeros(round(length_s * RATE_HZ))
    at_s = rng.uniform(0.2, 0.5)
    while at_s < length_s - 1.0:
        for _ in range(int(rng.integers(3, 7))):
            note_s = rng.uniform(0.18, 0.6)
            if rng.uniform() < 0.4:
                hiss = faded(shaped_noise(rng, 0.09, 4500.0, 9500.0), 0.02, 0.03)
                add(made, at_s - 0.09, 0.035 * hiss)
            add(made, at_s, vowel(rng, scale_note(rng, 55, 70), note_s) * rng.uniform(0.6, 1.0))
            at_s += note_s + rng.uniform(0.03, 0.1)
        at_s += rng.uniform(0.7, 1.3)
    return made


def plucks(rng: Rng, length_s: float, low: int, high: int, step_s: float, brightness: float) -> Sound:
    """Strings by delay and loss (Karplus and Strong), strum after strum."""
    made = np.zeros(round(length_s * RATE_HZ))
    at_s = 0.1
    while at_s < length_s - 0.3:
        period = round(RATE_HZ / hertz(scale_note(rng, low, high)))
        burst = signal.lfilter([brightness], [1.0, brightness - 1.0], rng.uniform(-1.0, 1.0, period))
        feed = np.zeros(round(1.6 * RATE_HZ))
        feed[:period] = (burst - burst.mean()) * np.hanning(period)
        feed[:period] -= feed[:period].mean()
        denominator = np.zeros(period + 2)
        denominator[0], denominator[period], denominator[period + 1] = 1.0, -0.4985, -0.4985
        add(made, at_s, faded(signal.lfilter([1.0], denominator, feed), 0.001, 0.05) * rng.uniform(0.5, 1.0))
        at_s += step_s * float(rng.choice([0.5, 1.0, 1.0, 2.0]))
    return made


def guitar(rng: Rng, length_s: float) -> Sound:
    """A plucked guitar."""
    return plucks(rng, length_s, 45, 69, 0.3, 0.6)


def bass(rng: Rng, length_s: float) -> Sound:
    """A plucked bass."""
    return plucks(rng, length_s, 30, 46, 0.45, 0.25)


def piano(rng: Rng, length_s: float) -> Sound:
    """Slightly stretched partials that die away, the high ones faster."""
    made = np.zeros(round(length_s * RATE_HZ))
    at_s = 0.15
    while at_s < length_s - 0.3:
        for _ in range(int(rng.integers(1, 4))):
            hz, t = hertz(scale_note(rng, 45, 80)), times(2.0)
            n = np.arange(1, 15)[:, np.newaxis]
            partials_hz = hz * n * np.sqrt(1.0 + 3e-4 * n**2)
            waves = np.sin(2 * np.pi * partials_hz * t + rng.uniform(0, 6.28, n.shape)) * np.exp(-t * (0.6 + 0.5 * n))
            add(made, at_s, faded((waves / n**1.4 * (partials_hz < 20_000)).sum(axis=0), 0.002, 0.2))
        at_s += float(rng.choice([0.25, 0.5, 0.75]))
    return made


def stroke(rng: Rng, name: str) -> Sound:
    """One stroke of a drum kit."""
    t = times(0.5)
    if name == "kick":
        body = np.sin(2 * np.pi * (52.0 * t + 4.5 * (1.0 - np.exp(-t / 0.025)))) * np.exp(-t / 0.12)
        return faded(body + 0.12 * shaped_noise(rng, 0.5, 1500, 6000) * np.exp(-t / 0.004), 0.0005, 0.05)
    if name == "snare":
        shell = np.sin(2 * np.pi * 190.0 * t) + 0.6 * np.sin(2 * np.pi * 302.0 * t)
        wires = shaped_noise(rng, 0.5, 900, 14_000) * np.exp(-t / 0.07)
        return faded(0.5 * shell * np.exp(-t / 0.05) + 0.3 * wires, 0.0005, 0.05)
    decay_s = 0.03 if name == "hat" else 0.18
    return faded(0.25 * shaped_noise(rng, 0.5, 6000, 18_000) * np.exp(-t / decay_s), 0.0005, 0.05)


def beat(rng: Rng, length_s: float, strokes: dict[str, tuple[float, ...]]) -> Sound:
    """One bar over and over, played by hand."""
    made = np.zeros(round(length_s * RATE_HZ))
    step_s = 60.0 / rng.uniform(80, 130) / 4
    for step in range(int(length_s / step_s)):
        for name, chances in strokes.items():
            if rng.uniform() < chances[step % len(chances)]:
                at_s = 0.02 + step * step_s + rng.normal(0.0, 0.004)
                add(made, at_s, stroke(rng, name) * rng.uniform(0.6, 1.0))
    return made


def drums(rng: Rng, length_s: float) -> Sound:
    """A whole kit."""
    return beat(
        rng,
        length_s,
        {
            "kick": (1, 0, 0, 0.3, 0, 0, 0.5, 0, 1, 0, 0.3, 0, 0, 0, 0.3, 0),
            "snare": (0, 0, 0, 0, 1, 0, 0, 0.1, 0, 0, 0, 0, 1, 0, 0, 0.1),
            "hat": (1, 0, 1, 0),
            "open": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.4, 0),
        },
    )


def hats(rng: Rng, length_s: float) -> Sound:
    """Hats alone."""
    return beat(rng, length_s, {"hat": (1, 0.2, 1, 0.5), "open": (0, 0, 0, 0, 0, 0, 0.3, 0)})


def smooth_saw(phase: Sound, hz: float) -> Sound:
    """A sawtooth whose corners are rounded enough not to fold back (a differenced parabola)."""
    ramp = 2.0 * (phase % 1.0) - 1.0
    made: Sound = np.diff(ramp**2, prepend=ramp[0] ** 2) * RATE_HZ / (4.0 * hz)
    return made


def synth_bass(rng: Rng, length_s: float) -> Sound:
    """A filtered sawtooth, gated on the grid with short ramps."""
    made = np.zeros(round(length_s * RATE_HZ))
    step_s = 60.0 / rng.uniform(90, 130) / 2
    for step in range(int(length_s / step_s)):
        if rng.uniform() < 0.7:
            hz = hertz(round(scale_note(rng, 31, 46)))
            saw = smooth_saw(hz * times(step_s * 0.9), hz)
            b, a = signal.butter(2, rng.uniform(400, 1500), fs=RATE_HZ)
            add(made, step * step_s, faded(signal.lfilter(b, a, saw), 0.003, 0.01))
    return made


def sub(rng: Rng, length_s: float) -> Sound:
    """A long sine that falls into pitch and dies away."""
    made = np.zeros(round(length_s * RATE_HZ))
    at_s = 0.0
    while at_s < length_s - 0.5:
        t = times(1.0)
        hz = hertz(round(scale_note(rng, 28, 38)))
        tone = np.tanh(2.0 * np.sin(2 * np.pi * (hz * t + 2.0 * (1.0 - np.exp(-t / 0.02)))) * np.exp(-t / 0.6))
        add(made, at_s, faded(tone, 0.002, 0.05))
        at_s += float(rng.choice([0.75, 1.0, 1.5]))
    return made


def pad(rng: Rng, length_s: float) -> Sound:
    """Detuned sawtooths through a low-pass filter, chord after chord, unlike left and right."""
    sides = np.zeros((2, round(length_s * RATE_HZ)))
    chord_s = rng.uniform(1.5, 2.5)
    for at_s in np.arange(0.0, length_s - 0.5, chord_s):
        for _ in range(3):
            note = round(scale_note(rng, 48, 72))
            for side in sides:
                hz = hertz(note + rng.normal(0.0, 0.07))
                add(side, at_s, faded(smooth_saw(hz * times(chord_s + 0.3) + rng.uniform(), hz), 0.3, 0.4))
    return signal.lfilter(*signal.butter(2, rng.uniform(1500, 5000), fs=RATE_HZ), sides, axis=1)


def strings(rng: Rng, length_s: float) -> Sound:
    """Three bows with vibrato in a small stereo picture."""
    sides = np.zeros((2, round(length_s * RATE_HZ)))
    for _ in range(3):
        line, at_s = np.zeros(sides.shape[1]), rng.uniform(0.1, 0.4)
        while at_s < length_s - 0.5:
            note_s = rng.uniform(0.5, 1.2)
            t = times(note_s)
            hz = hertz(scale_note(rng, 55, 80))
            phase = np.cumsum(hz * 2.0 ** (0.015 * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * t))) / RATE_HZ
            bow = smooth_saw(phase, hz) + 0.05 * shaped_noise(rng, note_s, 1000, 9000)
            add(line, at_s, faded(signal.lfilter(*signal.butter(1, 3000, fs=RATE_HZ), bow), 0.08, 0.12))
            at_s += note_s + rng.uniform(0.0, 0.1)
        place, late = rng.uniform(0.2, 0.8), int(rng.integers(5, 40))
        sides += np.stack([line * (1.0 - place), np.roll(line, late) * place])
    return sides


STEMS: Final[dict[str, Callable[[Rng, float], Sound]]] = {
    "voice": voice, "guitar": guitar, "bass": bass, "piano": piano, "drums": drums, "hats": hats,
    "synth_bass": synth_bass, "sub": sub, "pad": pad, "strings": strings,
}  # fmt: skip
ROLES: Final = {
    "voice": "lead_vocal", "guitar": "acoustic_guitar", "bass": "bass", "piano": "piano", "drums": "drums",
    "hats": "hats", "synth_bass": "bass", "sub": "bass", "pad": "pad", "strings": "strings",
}  # fmt: skip
MICROPHONES: Final = ("voice", "guitar", "piano", "drums", "hats", "strings")


def stem(name: str, seed: int, length_s: float = 12.0) -> Sound:
    """A clean stem, ``(1 or 2, samples)``."""
    rng = np.random.default_rng([seed, *name.encode()])
    made = np.atleast_2d(STEMS[name](rng, length_s))
    made = np.stack([faded(side, 0.005, 0.6) for side in made])
    made = made * (PEAK / max(float(np.abs(made).max()), 1e-9))
    if name in MICROPHONES:
        made = made + MICROPHONE_RMS * rng.standard_normal(made.shape)
    return made
