"""Sound sources for the listening benches: written for them alone, nothing of the product's own instruments.

Every source gives float64 mono at ``RATE_HZ``. Voices differ with ``colour`` (0..1), so that no two clips share a kit.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 22_050
Signal = NDArray[np.float64]
Rng = np.random.Generator
LONGEST_NOTE_S: Final = 3.0


def seconds(length_s: float) -> Signal:
    """Sample times of a stretch."""
    return np.arange(max(1, round(length_s * RATE_HZ))) / RATE_HZ


def band_noise(rng: Rng, length_s: float, low_hz: float, high_hz: float) -> Signal:
    """White noise, its spectrum cut to a band, RMS 1."""
    size = max(8, round(length_s * RATE_HZ))
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    lines = np.fft.rfft(rng.standard_normal(size))
    lines *= (hz >= low_hz) & (hz <= high_hz)
    made = np.fft.irfft(lines, size)
    return made / max(float(np.sqrt((made**2).mean())), 1e-9)


# ---- drums


def kick(rng: Rng, colour: float) -> Signal:
    """A swept sine with a beater."""
    t = seconds(0.25 + 0.35 * colour)
    low, sweep = 42.0 + 22.0 * (1.0 - colour), 60.0 + 160.0 * colour
    phase = 2 * np.pi * (low * t + sweep * 0.03 * (1.0 - np.exp(-t / 0.03)))
    body = np.sin(phase) * np.exp(-t / (0.08 + 0.14 * colour))
    click = band_noise(rng, 0.012, 1500.0, 7000.0) * np.exp(-seconds(0.012) / 0.003)
    body[: click.size] += (0.08 + 0.1 * (1.0 - colour)) * click
    return body


def snare(rng: Rng, colour: float) -> Signal:
    """Two shell modes and wires."""
    t = seconds(0.3)
    low = 165.0 + 70.0 * colour
    shell = np.sin(2 * np.pi * low * t) + 0.6 * np.sin(2 * np.pi * low * 1.59 * t)
    wires = band_noise(rng, 0.3, 900.0, 10_000.0) * np.exp(-t / (0.05 + 0.08 * colour))
    return 0.5 * shell * np.exp(-t / 0.06) + 0.42 * wires


def clap(rng: Rng, colour: float) -> Signal:
    """Four bursts and a tail."""
    t = seconds(0.28)
    envelope = np.exp(-t / (0.05 + 0.05 * colour)) * 0.6
    for at_s in (0.0, 0.010, 0.019, 0.027):
        envelope += np.where(t >= at_s, np.exp(-np.maximum(t - at_s, 0.0) / 0.004), 0.0)
    return 0.35 * band_noise(rng, 0.28, 700.0, 6000.0) * envelope


def rim(rng: Rng, colour: float) -> Signal:
    """A stick on the edge."""
    t = seconds(0.08)
    tone = np.sin(2 * np.pi * (420.0 + 160.0 * colour) * t) + np.sin(2 * np.pi * (1700.0 + 300.0 * colour) * t)
    return 0.4 * tone * np.exp(-t / 0.012) + 0.1 * band_noise(rng, 0.08, 2000.0, 9000.0) * np.exp(-t / 0.006)


def hat(rng: Rng, colour: float) -> Signal:
    """Closed hi-hat."""
    t = seconds(0.12)
    return 0.3 * band_noise(rng, 0.12, 5000.0 + 1500.0 * colour, 11_000.0) * np.exp(-t / (0.015 + 0.02 * colour))


def open_hat(rng: Rng, colour: float) -> Signal:
    """Open hi-hat."""
    t = seconds(0.45)
    return 0.28 * band_noise(rng, 0.45, 4500.0, 11_000.0) * np.exp(-t / (0.12 + 0.1 * colour))


def ride(rng: Rng, colour: float) -> Signal:
    """A ping with a wash."""
    t = seconds(0.9)
    ping = sum(np.sin(2 * np.pi * f * (1.0 + 0.05 * colour) * t) for f in (3140.0, 4270.0, 5560.0, 7010.0))
    return 0.06 * ping * np.exp(-t / 0.12) + 0.1 * band_noise(rng, 0.9, 3500.0, 11_000.0) * np.exp(-t / 0.3)


def crash(rng: Rng, colour: float) -> Signal:
    """A long wash."""
    t = seconds(1.8)
    return 0.3 * band_noise(rng, 1.8, 2500.0, 11_000.0) * np.exp(-t / (0.45 + 0.3 * colour))


def shaker(rng: Rng, colour: float) -> Signal:
    """A soft burst."""
    t = seconds(0.11)
    shape = np.minimum(t / 0.025, 1.0) * np.exp(-np.maximum(t - 0.025, 0.0) / 0.025)
    return 0.16 * band_noise(rng, 0.11, 4000.0 + 2000.0 * colour, 10_500.0) * shape


def tom(rng: Rng, colour: float) -> Signal:
    """A swept drum between kick and snare."""
    t = seconds(0.4)
    low = 85.0 + 80.0 * colour
    stick = 0.1 * band_noise(rng, 0.4, 800.0, 5000.0) * np.exp(-t / 0.008)
    return np.sin(2 * np.pi * (low * t + 1.2 * (1.0 - np.exp(-t / 0.04)))) * np.exp(-t / 0.14) + stick


DRUMS: Final[dict[str, Callable[[Rng, float], Signal]]] = {
    "kick": kick, "snare": snare, "clap": clap, "rim": rim, "hat": hat, "open_hat": open_hat, "ride": ride,
    "crash": crash, "shaker": shaker, "tom": tom,
}  # fmt: skip


# ---- pitched


def partials(hz: float, levels: Signal, stretch: float, decay_s: Signal, length_s: float, rng: Rng) -> Signal:
    """Sum of decaying, possibly stretched partials with random phases."""
    t = seconds(length_s)
    made = np.zeros_like(t)
    for number, (level, fall_s) in enumerate(zip(levels, decay_s, strict=True), start=1):
        partial_hz = hz * number * math.sqrt(1.0 + stretch * number * number)
        if partial_hz > 0.46 * RATE_HZ:
            break
        made += level * np.sin(2 * np.pi * partial_hz * t + rng.uniform(0.0, 2 * np.pi)) * np.exp(-t / fall_s)
    return made


def attacked(signal: Signal, attack_s: float) -> Signal:
    """With a rise at its start."""
    ramp = min(signal.size, max(2, round(attack_s * RATE_HZ)))
    signal[:ramp] *= np.linspace(0.0, 1.0, ramp)
    return signal


def piano(hz: float, rng: Rng, colour: float) -> Signal:
    """Stretched partials that fall faster the higher they are, and a knock."""
    n = np.arange(1, 15)
    levels = n ** (-1.0 - 0.7 * colour) * np.abs(np.sin(np.pi * n / 7.3))
    decay = (1.6 - 0.2 * colour) * (220.0 / hz) ** 0.4 / (0.7 + 0.3 * n)
    made = attacked(partials(hz, levels, 4e-4, decay, LONGEST_NOTE_S, rng), 0.003)
    knock = band_noise(rng, 0.03, 80.0, 1500.0) * np.exp(-seconds(0.03) / 0.008)
    made[: knock.size] += 0.06 * knock
    return made


def electric_piano(hz: float, rng: Rng, colour: float) -> Signal:
    """Two-operator FM."""
    t = seconds(LONGEST_NOTE_S)
    index = (0.6 + 1.6 * colour) * np.exp(-t / 0.25)
    bell = 0.15 * np.sin(2 * np.pi * 14.0 * hz * t) * np.exp(-t / 0.05) if 14.0 * hz < 10_000.0 else 0.0
    return attacked((np.sin(2 * np.pi * hz * t + index * np.sin(2 * np.pi * hz * t)) + bell) * np.exp(-t / 1.1), 0.003)


def organ(hz: float, rng: Rng, colour: float) -> Signal:
    """Drawbars."""
    t = seconds(LONGEST_NOTE_S)
    bars = ((0.5, 0.5 * colour), (1.0, 1.0), (1.5, 0.25), (2.0, 0.7), (3.0, 0.4 * colour), (4.0, 0.35), (8.0, 0.1))
    made = sum(
        level * np.sin(2 * np.pi * ratio * hz * t + rng.uniform(0.0, 6.28)) for ratio, level in bars if ratio * hz < 1e4
    )
    return attacked(0.5 * np.asarray(made), 0.008)


def plucked(hz: float, rng: Rng, colour: float) -> Signal:
    """A string by partials with a plucking point; bright when ``colour`` is high."""
    n = np.arange(1, 25)
    levels = np.abs(np.sin(np.pi * n * (0.13 + 0.2 * (1.0 - colour)))) / n**1.1
    decay = 0.9 * (200.0 / hz) ** 0.3 / (0.6 + 0.25 * n * (1.2 - 0.7 * colour))
    return attacked(partials(hz, levels, 6e-5, decay, LONGEST_NOTE_S, rng), 0.002)


def distorted(hz: float, rng: Rng, colour: float) -> Signal:
    """A driven string that rings on."""
    t = seconds(LONGEST_NOTE_S)
    clean = plucked(hz, rng, 0.7) + 0.4 * np.sin(2 * np.pi * hz * t) * np.exp(-t / 2.5)
    return 0.45 * np.tanh((5.0 + 15.0 * colour) * clean) * np.exp(-t / 2.5)


def pad(hz: float, rng: Rng, colour: float) -> Signal:
    """Three detuned sawtooth-like stacks with a slow attack."""
    t = seconds(LONGEST_NOTE_S)
    n = np.arange(1, 13)
    levels = n ** (-1.2 - 0.8 * (1.0 - colour))
    made = np.zeros_like(t)
    for cents in (-7.0, 0.0, 6.0):
        made += partials(hz * 2 ** (cents / 1200), levels, 0.0, np.full(12, 1e3), LONGEST_NOTE_S, rng)
    return attacked(0.3 * made, 0.06 + 0.25 * colour)


def strings(hz: float, rng: Rng, colour: float) -> Signal:
    """A section with vibrato, each player's own."""
    t = seconds(LONGEST_NOTE_S)
    made = np.zeros_like(t)
    for _ in range(3):
        bend = 0.0035 * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * t + rng.uniform(0.0, 6.28))
        phase = 2 * np.pi * hz * 2 ** (rng.normal(0.0, 5.0) / 1200) * np.cumsum(1.0 + bend) / RATE_HZ
        for number in range(1, 11):
            if number * hz < 9000.0:
                made += np.sin(number * phase + rng.uniform(0.0, 6.28)) / number ** (1.3 - 0.3 * colour)
    return attacked(0.3 * made, 0.05 + 0.08 * colour)


def sub_bass(hz: float, rng: Rng, colour: float) -> Signal:
    """A driven sine."""
    t = seconds(LONGEST_NOTE_S)
    return attacked(np.tanh((1.0 + 2.5 * colour) * np.sin(2 * np.pi * hz * t)) * np.exp(-t / 1.6), 0.004)


def string_bass(hz: float, rng: Rng, colour: float) -> Signal:
    """Finger on a string."""
    n = np.arange(1, 16)
    levels = n ** (-1.5 + 0.5 * colour) * np.abs(np.sin(np.pi * n * 0.21))
    return attacked(1.4 * partials(hz, levels, 1e-4, 0.9 / (0.5 + 0.3 * n), LONGEST_NOTE_S, rng), 0.004)


def synth_bass(hz: float, rng: Rng, colour: float) -> Signal:
    """A sawtooth whose filter closes."""
    n = np.arange(1, 21)
    levels, decay = 1.0 / n, 0.8 / (0.4 + (0.25 + 0.4 * (1.0 - colour)) * n)
    return attacked(partials(hz, levels, 0.0, decay, LONGEST_NOTE_S, rng), 0.003)


def voice(hz: float, rng: Rng, colour: float) -> Signal:
    """A sung vowel: a gliding, vibrating source under three formants."""
    t = seconds(LONGEST_NOTE_S)
    depth = rng.uniform(0.2, 0.6) * np.minimum(t / 0.4, 1.0)
    semitones = depth * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * t) - rng.uniform(0.0, 1.5) * np.exp(-t / 0.04)
    phase = 2 * np.pi * hz * np.cumsum(2 ** (semitones / 12)) / RATE_HZ
    formants = ((700.0 - 350.0 * colour, 90.0, 1.0), (1100.0 + 900.0 * colour, 120.0, 0.6), (2700.0, 200.0, 0.3))
    made = np.zeros_like(t)
    for number in range(1, 30):
        partial_hz = number * hz
        if partial_hz > 5000.0:
            break
        gain = sum(level / (1.0 + ((partial_hz - at) / width) ** 2) for at, width, level in formants)
        made += (0.05 + gain) / number**0.5 * np.sin(number * phase)
    return attacked(0.6 * made, 0.03)


def lead_synth(hz: float, rng: Rng, colour: float) -> Signal:
    """A pulse wave with a little vibrato."""
    t = seconds(LONGEST_NOTE_S)
    phase = 2 * np.pi * hz * np.cumsum(1.0 + 0.003 * np.sin(2 * np.pi * 5.3 * t)) / RATE_HZ
    width = 0.15 + 0.3 * colour
    made = sum(np.sin(np.pi * n * width) / n * np.cos(n * phase) for n in range(1, 14) if n * hz < 9500.0)
    return attacked(0.7 * np.asarray(made), 0.006)


PITCHED: Final[dict[str, Callable[[float, Rng, float], Signal]]] = {
    "piano": piano, "electric_piano": electric_piano, "organ": organ, "plucked": plucked, "distorted": distorted,
    "pad": pad, "strings": strings, "sub_bass": sub_bass, "string_bass": string_bass, "synth_bass": synth_bass,
    "voice": voice, "lead_synth": lead_synth,
}  # fmt: skip


class Sampler:
    """Notes of one instrument, each pitch made once a clip."""

    def __init__(self, name: str, rng: Rng, tuning_cents: float) -> None:
        self._make, self._rng, self._colour = PITCHED[name], rng, float(rng.uniform(0.0, 1.0))
        self._tuning_cents = tuning_cents
        self._made: dict[int, Signal] = {}

    def note(self, pitch: int, length_s: float) -> Signal:
        """One note, with a short release."""
        if pitch not in self._made:
            hz = 440.0 * 2 ** ((pitch - 69) / 12 + self._tuning_cents / 1200)
            made = self._make(hz, self._rng, self._colour)
            self._made[pitch] = 0.2 * made / max(float(np.sqrt((made[: RATE_HZ // 2] ** 2).mean())), 1e-9)
        release_s = 0.05
        kept = self._made[pitch][: round((min(length_s, LONGEST_NOTE_S - release_s) + release_s) * RATE_HZ)].copy()
        fade = min(kept.size, round(release_s * RATE_HZ))
        kept[-fade:] *= np.linspace(1.0, 0.0, fade)
        return kept


class Kit:
    """Drums of one clip: three strokes of each, taken in turn."""

    def __init__(self, rng: Rng) -> None:
        self._strokes: dict[str, list[Signal]] = {}
        self._rng, self._colours = rng, {name: float(rng.uniform(0.0, 1.0)) for name in DRUMS}

    def stroke(self, name: str) -> Signal:
        """One stroke."""
        if name not in self._strokes:
            self._strokes[name] = [DRUMS[name](self._rng, self._colours[name]) for _ in range(3)]
        return self._strokes[name][int(self._rng.integers(3))]


def reverberated(signal: Signal, rng: Rng, decay_s: float, share: float) -> Signal:
    """With a room of decaying noise."""
    t = seconds(decay_s)
    tail = rng.standard_normal(t.size) * np.exp(-6.9 * t / decay_s)
    tail /= float(np.sqrt((tail**2).sum()))
    size = 1 << (signal.size + tail.size).bit_length()
    wet = np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(tail, size), size)[: signal.size]
    return signal + share * wet
