"""Sounds that no listener should be sure about, and a plain song; own oscillators throughout.

Each maker takes a source of chance and answers samples ``(channels, n)`` at ``RATE_HZ``.
"""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Chance = np.random.Generator
Sound = NDArray[np.float64]

RATE_HZ: Final = 44_100


def seconds(length_s: float) -> Sound:
    """The times of the samples of a stretch."""
    return np.arange(round(length_s * RATE_HZ)) / RATE_HZ


def summed(parts: Iterable[Sound]) -> Sound:
    """The sum of at least one part."""
    total: Sound = np.stack(list(parts)).sum(axis=0)
    return total


def noise(chance: Chance, length_s: float, low_hz: float = 0.0, high_hz: float = 1e9, tilt: float = 0.0) -> Sound:
    """Noise around two frequencies, with soft shoulders, and ``tilt`` as the exponent of its spectrum."""
    count = round(length_s * RATE_HZ)
    frequencies = np.fft.rfftfreq(count, 1.0 / RATE_HZ)
    spectrum = chance.standard_normal(frequencies.size) + 1j * chance.standard_normal(frequencies.size)
    safe_hz = np.maximum(frequencies, 1.0)
    spectrum *= safe_hz**tilt / np.sqrt((1.0 + (low_hz / safe_hz) ** 4) * (1.0 + (safe_hz / high_hz) ** 4))
    sound = np.fft.irfft(spectrum, count)
    return sound / max(float(np.abs(sound).max()), 1e-9)


def add(track: Sound, sound: Sound, at_s: float, level: float = 1.0) -> None:
    """``sound`` into ``track``, cut where the track ends."""
    start = round(at_s * RATE_HZ)
    kept = max(0, min(sound.size, track.size - start))
    track[start : start + kept] += level * sound[:kept]


def tone(pitch: float, length_s: float, decay: float = 2.0) -> Sound:
    """A struck tone of six partials; ``pitch`` is a MIDI number, with fraction."""
    t, hz = seconds(length_s), 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    sound = summed(np.sin(2 * np.pi * hz * k * t) * np.exp(-decay * k**0.7 * t) / k**1.4 for k in range(1, 7))
    return sound * np.minimum(1.0, t / 0.004) * np.minimum(1.0, (length_s - t) / 0.01)


def syllable(chance: Chance, pitch_hz: float, length_s: float) -> Sound:
    """A glottal pulse train through three formants."""
    t = seconds(length_s)
    phase = np.cumsum(pitch_hz * (1.0 + 0.1 * chance.standard_normal() * t / length_s)) / RATE_HZ
    formants = chance.uniform([300.0, 900.0, 2200.0], [800.0, 2000.0, 3000.0])
    sound = np.zeros_like(t)
    for k in range(1, int(4500.0 / pitch_hz)):
        gain = sum(1.0 / (1.0 + ((k * pitch_hz - f) / 90.0) ** 2) for f in formants)
        sound += float(gain) / k**0.5 * np.sin(2 * np.pi * k * phase)
    return 0.3 * sound * np.sin(np.pi * np.minimum(t / length_s, 1.0)) ** 0.5


# Music with a known tempo and key ----------------------------------------------------------------------------------


def drums(chance: Chance, length_s: float, beat_s: float, first_s: float = 0.0) -> Sound:
    """Kick on one and three, snare on two and four, hats on the eighths."""
    made, hit = np.zeros(round(length_s * RATE_HZ)), seconds(0.25)
    faded = 0.5 + 0.5 * np.cos(np.pi * hit / 0.25)
    kick = np.sin(2 * np.pi * (50.0 * hit + 6.0 * (1.0 - np.exp(-30.0 * hit)))) * np.exp(-14.0 * hit) * faded
    snare = (noise(chance, 0.25, 200.0, 9e3) + 0.5 * np.sin(2 * np.pi * 190 * hit)) * np.exp(-20.0 * hit) * faded
    hat = noise(chance, 0.08, 6e3, 16e3) * np.exp(-70.0 * seconds(0.08))
    for number, at_s in enumerate(np.arange(first_s, length_s, beat_s / 2)):
        add(made, hat, at_s, 0.15 * chance.uniform(0.7, 1.0))
        if number % 4 == 0:
            add(made, kick, at_s, 0.6)
        if number % 4 == 2:
            add(made, snare, at_s, 0.35)
    return made


def chords(length_s: float, beat_s: float, tonic: int, cents: float = 0.0, first_s: float = 0.0) -> Sound:
    """I vi IV V in major, a chord in the bar, with its bass."""
    made = np.zeros(round(length_s * RATE_HZ))
    for bar, at_s in enumerate(np.arange(first_s, length_s, 4 * beat_s)):
        root, third = ((0, 4), (9, 3), (5, 4), (7, 4))[bar % 4]
        for beat in (0, 2):
            long_s = 2 * beat_s + 0.08
            for step in (0, third, 7, 12):
                add(made, tone(tonic + root + step + cents / 100.0, long_s), at_s + beat * beat_s, 0.09)
            add(made, tone(tonic + root - 24 + cents / 100.0, long_s, 1.0), at_s + beat * beat_s, 0.2)
    return made


def song(chance: Chance, length_s: float = 24.0, bpm: float = 0.0, tonic: int = -1, cents: float = 0.0) -> Sound:
    """Drums and chords of a plain song."""
    beat_s = 60.0 / (bpm or float(chance.uniform(85.0, 130.0)))
    root = 60 + (int(chance.integers(12)) if tonic < 0 else tonic)
    return drums(chance, length_s, beat_s) + chords(length_s, beat_s, root, cents)


# Sounds that are no song -------------------------------------------------------------------------------------------


def _white(chance: Chance) -> Sound:
    return 0.2 * noise(chance, 20.0)


def _brown(chance: Chance) -> Sound:
    return 0.5 * noise(chance, 20.0, 20.0, 2e4, -1.0)


def _wind(chance: Chance) -> Sound:
    gusts = np.interp(seconds(24.0), np.linspace(0.0, 24.0, 20), chance.uniform(0.1, 0.6, 20))
    return gusts * noise(chance, 24.0, 40.0, 1500.0, -0.7)


def _rain(chance: Chance) -> Sound:
    made = 0.02 * noise(chance, 20.0, 1e3, 1.5e4)
    for at_s in chance.uniform(0.0, 20.0, 900):
        add(made, noise(chance, 0.01, 1.5e3, 1.2e4) * np.exp(-500.0 * seconds(0.01)), at_s, chance.uniform(0.02, 0.3))
    return made


def _crackle(chance: Chance) -> Sound:
    made = 0.004 * noise(chance, 20.0, 30.0, 1.4e4, -0.3)
    for at_s in chance.uniform(0.0, 20.0, 240):
        add(made, chance.standard_normal(12), at_s, float(chance.exponential(0.05)))
    return made


def _applause(chance: Chance) -> Sound:
    made, shape = np.zeros(round(20.0 * RATE_HZ)), np.exp(-250.0 * seconds(0.03))
    for at_s in chance.uniform(0.0, 20.0, 3000):
        add(made, noise(chance, 0.03, 600.0, 4e3) * shape, at_s, float(chance.uniform(0.02, 0.12)))
    return made


def _silence(chance: Chance) -> Sound:
    return np.zeros(round(float(chance.uniform(1.0, 20.0)) * RATE_HZ))


def _dither(chance: Chance) -> Sound:
    return chance.uniform(-1.0, 1.0, 15 * RATE_HZ) * 2.0**-15


def _offset_only(chance: Chance) -> Sound:
    return np.full(10 * RATE_HZ, float(chance.uniform(0.05, 0.5)))


def _hum_only(chance: Chance) -> Sound:
    mains_hz, t = float(chance.choice([50.0, 60.0])), seconds(20.0)
    return summed(0.03 / k * np.sin(2 * np.pi * mains_hz * k * t) for k in range(1, 9)) + 1e-4 * noise(chance, 20.0)


def _steady_tone(chance: Chance) -> Sound:
    return 0.5 * np.sin(2 * np.pi * float(chance.uniform(60.0, 4e3)) * seconds(20.0))


def _sweep(chance: Chance) -> Sound:
    t, octaves = seconds(20.0), 10.0
    turns: Sound = 20.0 * 20.0 / (octaves * np.log(2)) * (2.0 ** (octaves * t / 20.0) - 1.0)
    return 0.5 * np.sin(2 * np.pi * turns)


def _siren(chance: Chance) -> Sound:
    t = seconds(20.0)
    return 0.3 * np.sin(2 * np.pi * np.cumsum(700.0 + 250.0 * np.sin(2 * np.pi * 0.25 * t)) / RATE_HZ)


def _dialled(chance: Chance) -> Sound:
    made, t = np.zeros(15 * RATE_HZ), seconds(0.12)
    for at_s in np.arange(0.5, 14.0, 0.25) + chance.uniform(-0.05, 0.05, 54):
        pair = float(chance.choice([697, 770, 852, 941])), float(chance.choice([1209, 1336, 1477]))
        add(made, summed(np.sin(2 * np.pi * hz * t) for hz in pair), at_s, 0.2)
    return made


def _morse(chance: Chance) -> Sound:
    made, at_s = np.zeros(20 * RATE_HZ), 0.3
    while at_s < 19.0:
        length_s = float(chance.choice([0.08, 0.24]))
        add(made, np.sin(2 * np.pi * 600 * seconds(length_s)), at_s, 0.3)
        at_s += length_s + float(chance.choice([0.08, 0.08, 0.24, 0.56]))
    return made


def _metronome(chance: Chance) -> Sound:
    made, beat_s = np.zeros(24 * RATE_HZ), 60.0 / float(chance.uniform(60.0, 180.0))
    tick = np.sin(2 * np.pi * 1500 * seconds(0.02)) * np.exp(-200.0 * seconds(0.02))
    for at_s in np.arange(0.0, 23.9, beat_s):
        add(made, tick, at_s, 0.5)
    return made


def _single_click(chance: Chance) -> Sound:
    made = np.zeros(4 * RATE_HZ)
    made[2 * RATE_HZ] = 0.9
    return made


def _heartbeat(chance: Chance) -> Sound:
    made, at_s, beat = np.zeros(24 * RATE_HZ), 0.2, seconds(0.2)
    thud = np.sin(2 * np.pi * 45 * beat) * np.exp(-20.0 * beat)
    while at_s < 23.0:
        add(made, thud, at_s, 0.5)
        add(made, thud, at_s + 0.3, 0.3)
        at_s += float(chance.normal(0.9, 0.08))
    return made


def _birds(chance: Chance) -> Sound:
    made = 0.002 * noise(chance, 24.0, 100.0, 8e3, -0.5)
    for at_s in chance.uniform(0.0, 23.0, 60):
        t = seconds(float(chance.uniform(0.05, 0.3)))
        glide = chance.uniform(2e3, 5e3) + chance.uniform(-6e3, 6e3) * t
        add(made, np.sin(2 * np.pi * np.cumsum(glide) / RATE_HZ) * np.hanning(t.size), at_s, chance.uniform(0.02, 0.2))
    return made


def _gong(chance: Chance) -> Sound:
    t = seconds(20.0)
    partials = chance.uniform(60.0, 2500.0, 40)
    return summed(
        0.03 * np.sin(2 * np.pi * hz * t + chance.uniform(0, 6)) * np.exp(-t * (0.15 + hz / 3e3)) for hz in partials
    )


def speech(chance: Chance, length_s: float = 24.0) -> Sound:
    """Syllables of a wandering voice, hissed consonants, pauses."""
    made, at_s, pitch_hz = np.zeros(round(length_s * RATE_HZ)), 0.3, float(chance.uniform(95.0, 210.0))
    while at_s < length_s - 0.5:
        long_s = float(chance.uniform(0.09, 0.26))
        add(made, syllable(chance, pitch_hz * float(chance.uniform(0.8, 1.3)), long_s), at_s, chance.uniform(0.2, 0.5))
        if chance.uniform() < 0.4:
            hiss = noise(chance, 0.07, 3e3, 9e3) * np.hanning(seconds(0.07).size)
            add(made, hiss, at_s + long_s, 0.05)
        at_s += long_s * float(chance.uniform(1.0, 1.6))
        at_s += float(chance.uniform(0.25, 0.9)) if chance.uniform() < 0.15 else 0.0
    return made + 2e-4 * noise(chance, length_s)


def _crowd(chance: Chance) -> Sound:
    return summed(0.3 * speech(chance, 16.0) for _ in range(6))


def _cymbals(chance: Chance) -> Sound:
    made, at_s = np.zeros(24 * RATE_HZ), 0.2
    while at_s < 23.0:
        long_s = float(chance.uniform(0.4, 3.0))
        wash = noise(chance, long_s, 2.5e3, 1.7e4) * np.exp(-seconds(long_s) * 9.0 / long_s)
        add(made, wash, at_s, float(chance.uniform(0.1, 0.4)))
        at_s += float(chance.exponential(0.7)) + 0.1
    return made


def _drone(chance: Chance) -> Sound:
    t, made = seconds(24.0), 0.003 * noise(chance, 24.0)
    for _ in range(5):
        swell = 1.0 + 0.5 * np.sin(2 * np.pi * chance.uniform(0.03, 0.12) * t + chance.uniform(0.0, 6.28))
        made += 0.05 * swell * np.sin(2 * np.pi * chance.uniform(80.0, 800.0) * t)
    return made


def _free_piano(chance: Chance) -> Sound:
    made, at_s = np.zeros(30 * RATE_HZ), 0.3
    scale = [0, 2, 4, 5, 7, 9, 11]
    while at_s < 28.0:
        for _ in range(int(chance.integers(1, 4))):
            pitch = 48 + 12 * int(chance.integers(3)) + int(chance.choice(scale))
            add(made, tone(pitch, float(chance.uniform(0.6, 3.0))), at_s, float(chance.uniform(0.05, 0.25)))
        at_s += float(chance.gamma(2.0, 0.35)) + 0.06
    return made


def _atonal(chance: Chance) -> Sound:
    made, at_s, row = np.zeros(30 * RATE_HZ), 0.2, chance.permutation(12)
    for number in range(200):
        add(made, tone(48 + int(row[number % 12]) + 12 * int(chance.integers(3)), 1.2), at_s, 0.2)
        at_s += float(chance.choice([0.13, 0.21, 0.34, 0.55, 0.8]))
        if number % 12 == 11:
            row = (-row + int(chance.integers(12))) % 12
    return made


def _clusters(chance: Chance) -> Sound:
    made = np.zeros(24 * RATE_HZ)
    for at_s in np.arange(0.0, 23.0, 0.5):
        low = int(chance.integers(40, 72))
        for pitch in range(low, low + 7):
            add(made, tone(pitch, 0.5), at_s, 0.05)
    return made


def _glissando(chance: Chance) -> Sound:
    t = seconds(24.0)
    pitch = np.interp(t, np.linspace(0.0, 24.0, 14), chance.uniform(45.0, 80.0, 14))
    return 0.3 * np.sin(2 * np.pi * np.cumsum(440.0 * 2.0 ** ((pitch - 69) / 12)) / RATE_HZ)


def _podcast(chance: Chance) -> Sound:
    return speech(chance, 24.0) + 0.08 * song(chance, 24.0)


def dj_set(chance: Chance, length_s: float = 90.0) -> Sound:
    """Songs of different tempos and keys, each faded into the next."""
    made, at_s = np.zeros(round(length_s * RATE_HZ)), 0.0
    while at_s < length_s:
        one = song(chance, 24.0)
        fade = np.minimum(1.0, np.minimum(seconds(24.0), 24.0 - seconds(24.0)) / 6.0)
        add(made, one * fade, at_s, 0.8)
        at_s += 18.0
    return made


def _faster_and_faster(chance: Chance) -> Sound:
    """A song whose tempo rises by half within half a minute."""
    played = song(chance, 40.0)
    speed = np.interp(seconds(30.0), [0.0, 30.0], [1.0, 1.5])
    return np.interp(np.cumsum(speed), np.arange(played.size), played)


def _scratched(chance: Chance) -> Sound:
    played = song(chance, 24.0)
    speed = np.interp(seconds(24.0), np.linspace(0, 24, 60), chance.uniform(-1.5, 2.0, 60))
    return np.interp(np.cumsum(speed) % (played.size - 1), np.arange(played.size), played)


def _long_fade(chance: Chance) -> Sound:
    return song(chance, 90.0) * np.interp(seconds(90.0), [0.0, 90.0], [1.0, 0.0])


def _loop_of_two_seconds(chance: Chance) -> Sound:
    return song(chance, 2.0, 120.0)


# What is unsure, and of what -----------------------------------------------------------------------------------------

Makers = dict[str, Callable[[Chance], Sound]]

WITHOUT_TIME_OR_KEY: Final[Makers] = {
    "white noise": _white, "brown noise": _brown, "wind": _wind, "rain": _rain, "crackle": _crackle,
    "applause": _applause, "silence": _silence, "dither": _dither, "offset": _offset_only, "hum": _hum_only,
    "test tone": _steady_tone, "sweep": _sweep, "siren": _siren, "dialled number": _dialled, "morse": _morse,
    "click": _single_click, "heartbeat": _heartbeat, "birds": _birds, "gong": _gong, "speech": speech,
    "crowd": _crowd, "cymbals": _cymbals, "drone": _drone, "atonal": _atonal, "glissando": _glissando,
    "scratched": _scratched,
}  # fmt: skip
WITHOUT_TIME: Final[Makers] = {"free piano": _free_piano}
WITHOUT_KEY: Final[Makers] = {"metronome": _metronome, "clusters": _clusters}
OF_SEVERAL_TIMES: Final[Makers] = {"dj set": dj_set, "faster and faster": _faster_and_faster}
ODD_SONGS: Final[Makers] = {"podcast": _podcast, "long fade": _long_fade, "loop": _loop_of_two_seconds}
