"""Sound sources of their own for sessions whose faults are known: nothing here is an instrument of the product.

Mono parts as float64 ``(samples,)``, seeded, of one tempo and key so that they go together as music does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE_HZ = 44_100
# Formants and bandwidths in Hz of vowels (after Peterson and Barney, 1952).
VOWELS = (
    ((730, 80), (1090, 90), (2440, 120)),
    ((530, 70), (1840, 100), (2480, 130)),
    ((270, 60), (2290, 100), (3010, 140)),
    ((570, 70), (840, 80), (2410, 120)),
    ((300, 60), (870, 80), (2240, 120)),
)
SCALE = (0, 2, 4, 5, 7, 9, 11)

Signal = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """What the parts of a session have in common."""

    length_s: float
    bpm: float
    root: int

    @property
    def length(self) -> int:
        """Samples."""
        return round(self.length_s * RATE_HZ)

    @property
    def beat_s(self) -> float:
        """Length of a beat."""
        return 60.0 / self.bpm

    def beats_s(self, per_beat: int = 1) -> Signal:
        """Times of all beats, or of their parts, from 0.2 s on."""
        return 0.2 + np.arange(0.0, self.length_s - 0.8, self.beat_s / per_beat)

    def hz(self, degree: int, octave: int = 0) -> float:
        """Frequency of a degree of the major scale on the root, equal temperament, A at 440 Hz."""
        note = self.root + SCALE[degree % 7] + 12 * (degree // 7 + octave)
        return 440.0 * 2.0 ** ((note - 69) / 12)


def song(random: np.random.Generator, length_s: float) -> Song:
    """A tempo and a key."""
    return Song(length_s=length_s, bpm=float(random.uniform(74, 140)), root=int(random.integers(48, 60)))


def levelled(sound: Signal, level_db: float = -20.0) -> Signal:
    """With that RMS."""
    return sound * (10.0 ** (level_db / 20.0) / max(float(np.sqrt(np.mean(sound**2))), 1e-12))


def _laid(song: Song, notes: list[tuple[float, Signal]]) -> Signal:
    out = np.zeros(song.length)
    for at_s, note in notes:
        start = round(at_s * RATE_HZ)
        kept = note[: max(0, song.length - start)]
        out[start : start + kept.size] += kept
    return levelled(out)


def _decay(length_s: float, time_s: float) -> Signal:
    return np.exp(-np.arange(round(length_s * RATE_HZ)) / (time_s * RATE_HZ))


def kick(random: np.random.Generator, song: Song, times_s: Signal | None = None, spread_s: float = 0.0) -> Signal:
    """A falling thud with a click; each hit a little different."""
    times_s = song.beats_s() if times_s is None else times_s
    notes = []
    for at_s in times_s:
        shape = _decay(0.35, random.uniform(0.08, 0.12))
        sweep_hz = 48.0 + 90.0 * np.exp(-np.arange(shape.size) / (0.025 * RATE_HZ))
        thud = np.sin(2 * np.pi * np.cumsum(sweep_hz) / RATE_HZ) * shape
        thud[:200] += 0.3 * random.standard_normal(200) * np.linspace(1, 0, 200)
        notes.append((at_s + spread_s * random.standard_normal(), random.uniform(0.8, 1.0) * thud))
    return _laid(song, notes)


def snare(random: np.random.Generator, song: Song, spread_s: float = 0.002) -> Signal:
    """Noise over two modes on every second beat."""
    notes = []
    for at_s in song.beats_s()[1::2]:
        shape = _decay(0.3, random.uniform(0.05, 0.08))
        times = np.arange(shape.size) / RATE_HZ
        body = np.sin(2 * np.pi * 185 * times) + 0.6 * np.sin(2 * np.pi * 331 * times)
        notes.append((at_s + spread_s * random.standard_normal(), shape * (body + random.standard_normal(shape.size))))
    return _laid(song, notes)


def hats(random: np.random.Generator, song: Song, spread_s: float = 0.003) -> Signal:
    """Bright bursts on the eighths."""
    sections = butter(2, 5_000, "high", fs=RATE_HZ, output="sos")
    notes = []
    for at_s in song.beats_s(2):
        burst = sosfilt(sections, random.standard_normal(round(0.12 * RATE_HZ))) * _decay(0.12, 0.025)
        notes.append((at_s + spread_s * random.standard_normal(), random.uniform(0.5, 1.0) * burst))
    return _laid(song, notes)


def string(random: np.random.Generator, frequency_hz: float, length_s: float, loss: float = 0.996) -> Signal:
    """A plucked string (Karplus and Strong, 1983) tuned by an all-pass (Jaffe and Smith, 1983)."""
    period = RATE_HZ / frequency_hz - 0.5
    whole = int(period - 0.1)
    rest = period - whole
    allpass = (1 - rest) / (1 + rest)
    length = round(length_s * RATE_HZ)
    # Once round the loop: mean of two neighbours times the loss, then the all-pass.
    numerator = 0.5 * loss * np.convolve([1.0, 1.0], [allpass, 1.0])
    rounds = [random.uniform(-1, 1, whole)]
    state = np.zeros(2)
    while whole * len(rounds) < length:
        following, state = lfilter(numerator, [1.0, allpass], rounds[-1], zi=state)
        rounds.append(following)
    made: Signal = np.concatenate(rounds)[:length]
    return made * np.minimum(1.0, np.arange(length)[::-1] / 500)


def bass(random: np.random.Generator, song: Song, times_s: Signal | None = None, spread_s: float = 0.0) -> Signal:
    """A plucked bass with the kick."""
    times_s = song.beats_s() if times_s is None else times_s
    notes = []
    for at_s in times_s:
        note = string(random, song.hz(int(random.integers(0, 5)), -2), min(0.9 * song.beat_s, 0.8), 0.99)
        notes.append((at_s + spread_s * random.standard_normal(), note))
    return _laid(song, notes)


def guitar(random: np.random.Generator, song: Song, cents: float = 0.0, spread_s: float = 0.004) -> Signal:
    """Strummed triads, one each two beats."""
    notes = []
    for at_s in song.beats_s()[::2]:
        degree = int(random.integers(0, 6))
        for voice in (0, 2, 4, 7):
            frequency_hz = song.hz(degree + voice) * 2 ** (cents / 1200)
            start_s = at_s + 0.012 * voice / 2 + spread_s * random.standard_normal()
            notes.append((max(0.0, start_s), string(random, frequency_hz, 1.9 * song.beat_s)))
    return _laid(song, notes)


def pad(random: np.random.Generator, song: Song, cents: float = 0.0) -> Signal:
    """Held triads of three slightly detuned waves with a soft top."""
    notes = []
    for at_s in song.beats_s()[::4]:
        length = round(4.2 * song.beat_s * RATE_HZ)
        times = np.arange(length) / RATE_HZ
        shape = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.2)
        chord = np.zeros(length)
        degree = int(random.integers(0, 6))
        for voice in (0, 2, 4):
            for detune in (-2.5, 2.5):
                frequency_hz = song.hz(degree + voice) * 2 ** ((cents + detune) / 1200)
                turns = np.outer(np.arange(1, 7) * frequency_hz, times) + random.random((6, 1))
                chord += (np.sin(2 * np.pi * turns) / np.arange(1, 7)[:, None] ** 1.3).sum(axis=0)
        notes.append((float(at_s), shape * chord))
    return _laid(song, notes)


def keys(random: np.random.Generator, song: Song, cents: float = 0.0) -> Signal:
    """Struck, decaying, slightly stretched partials; chords on the beats."""
    notes = []
    for at_s in song.beats_s()[::2]:
        degree = int(random.integers(0, 6))
        for voice in (0, 2, 4):
            frequency_hz = song.hz(degree + voice) * 2 ** (cents / 1200)
            times = np.arange(round(1.8 * song.beat_s * RATE_HZ)) / RATE_HZ
            note = np.zeros(times.size)
            for number in range(1, 9):
                partial_hz = number * frequency_hz * np.sqrt((1 + 1e-4 * number**2) / (1 + 1e-4))
                fade = np.exp(-times * (1.2 + 0.5 * number)) / number**1.2
                note += fade * np.sin(2 * np.pi * (partial_hz * times + random.random()))
            notes.append((at_s + 0.003 * random.standard_normal(), note * np.minimum(1, times[::-1] / 0.01)))
    return _laid(song, [(max(0.0, at), note) for at, note in notes])


def vowel(frequency_hz: Signal, formants: tuple[tuple[int, int], ...], random: np.random.Generator) -> Signal:
    """A buzz of that course of pitch through resonances, with a little breath."""
    phase = np.cumsum(frequency_hz) / RATE_HZ
    mean_hz = float(frequency_hz.mean())
    out = 0.01 * random.standard_normal(frequency_hz.size)
    for number in range(1, int(5_000 / mean_hz) + 1):
        here = number * mean_hz
        gain = 1.0 / number
        for centre_hz, width_hz in formants:
            pole = complex(-width_hz / 2, centre_hz)
            gain *= abs(pole) ** 2 / abs((1j * here - pole) * (1j * here - pole.conjugate()))
        out += gain * np.sin(2 * np.pi * number * phase)
    return out


def voice_notes(
    random: np.random.Generator, song: Song, octave: int = 0, wrong_cents: dict[int, float] | None = None
) -> tuple[Signal, list[tuple[float, float, float]]]:
    """A sung line and its notes ``(start_s, end_s, hz)``; ``wrong_cents`` says how far off some of them lie."""
    out = np.zeros(song.length)
    notes = []
    degree, start_s, number = 4, 0.3, 0
    while start_s < song.length_s - 1.5:
        beats = float(random.choice([0.5, 1.0, 1.0, 1.5, 2.0]))
        end_s = start_s + max(0.3, beats * song.beat_s)
        degree = int(np.clip(degree + random.integers(-2, 3), 0, 9))
        about = random.normal(0, 4)
        cents = (wrong_cents or {}).get(number, about)
        hz = song.hz(degree, octave) * 2 ** (cents / 1200)
        first = round(start_s * RATE_HZ)
        count = min(round((end_s - start_s - 0.04) * RATE_HZ), song.length - first)
        times = np.arange(count) / RATE_HZ
        scoop = -60 * random.random() * np.exp(-times / 0.03)
        vibrato = random.choice([0.0, 20.0, 40.0]) * np.minimum(1, times / 0.4) * np.sin(2 * np.pi * 5.5 * times)
        sung = vowel(hz * 2 ** ((scoop + vibrato) / 1200), VOWELS[int(random.integers(5))], random)
        shape = np.minimum(1.0, np.minimum(times / 0.04, times[::-1] / 0.05))
        out[first : first + count] += levelled(sung) * shape
        notes.append((start_s, end_s - 0.04, hz))
        number += 1
        start_s = end_s if random.random() < 0.8 else end_s + song.beat_s
    return levelled(out), notes


def voice(random: np.random.Generator, song: Song) -> Signal:
    """A sung line."""
    return voice_notes(random, song, 0)[0]


def room(random: np.random.Generator, decay_s: float, direct: float) -> Signal:
    """Response of a room from the direct sound on: reflections, a tail, and ``direct`` as the share of the direct."""
    length = round(1.2 * decay_s * RATE_HZ)
    tail = random.standard_normal(length) * np.exp(-6.9 * np.arange(length) / (decay_s * RATE_HZ))
    tail[: round(0.002 * RATE_HZ)] = 0.0
    tail *= np.sqrt((1 - direct) / np.sum(tail**2))
    tail[0] = np.sqrt(direct)
    return tail


def through(sound: Signal, response: Signal) -> Signal:
    """``sound`` through a response, as long as before."""
    made: Signal = fftconvolve(sound, response)[: sound.size]
    return made


def coloured(random: np.random.Generator, sound: Signal) -> Signal:
    """Through a microphone of another tone: one broad tilt."""
    cutoff_hz = float(random.uniform(1_500, 6_000))
    low = sosfilt(butter(1, cutoff_hz, "low", fs=RATE_HZ, output="sos"), sound)
    return low + float(random.uniform(0.2, 0.8)) * (sound - low)


def late(sound: Signal, delay_samples: int) -> Signal:
    """Moved by whole samples, silence where nothing came."""
    out = np.zeros_like(sound)
    if delay_samples >= 0:
        out[delay_samples:] = sound[: sound.size - delay_samples]
    else:
        out[:delay_samples] = sound[-delay_samples:]
    return out


def with_floor(random: np.random.Generator, sound: Signal, floor_db: float = -75.0) -> Signal:
    """With the noise of a room or a preamplifier."""
    return sound + 10.0 ** (floor_db / 20.0) * random.standard_normal(sound.size)
