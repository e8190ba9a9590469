"""Time and pitch against pedalboard (Rubber Band): CPU, purity of sines, blur of attacks, formants of vowels.

All sounds are made here, seeded; all figures are measured on what comes out, by code that imports nothing of what it
measures.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pedalboard
from numpy.typing import NDArray

from bench.timing import interleaved
from tapehand.audio import Audio
from tapehand.dsp.psola import shift_voice
from tapehand.dsp.stretch import stretch, transpose
from tapehand.listening.pitch import track_pitch
from tapehand.listening.pitch_marks import pitch_marks

RATE_HZ = 44_100
LENGTH_S = 20
ROUNDS = 3
SEED = 3_11
LENGTH_RATIOS = (0.8, 1.25, 1.6)
SEMITONES = (-4.0, 4.0)
SINES_HZ = (55.0, 220.0, 1_000.0, 5_000.0)
# Formants and bandwidths of a man's vowels in Hz (after Peterson and Barney, 1952).
VOWELS = (
    ((730, 80), (1090, 90), (2440, 120), (3400, 200)),
    ((530, 70), (1840, 100), (2480, 130), (3500, 200)),
    ((270, 60), (2290, 100), (3010, 140), (3700, 200)),
    ((300, 60), (870, 80), (2240, 120), (3300, 200)),
)
PITCHES_HZ = (98.0, 147.0, 220.0)

Signal = NDArray[np.float64]
Process = Callable[[Audio], Audio]


def peer_stretch(audio: Audio, length_ratio: float) -> Audio:
    return Audio.of(pedalboard.time_stretch(audio.samples, audio.rate_hz, stretch_factor=1.0 / length_ratio), RATE_HZ)


def peer_transpose(audio: Audio, semitones: float, *, keep_formants: bool = False) -> Audio:
    made = pedalboard.time_stretch(
        audio.samples, audio.rate_hz, pitch_shift_in_semitones=semitones, preserve_formants=keep_formants
    )
    return Audio.of(made, audio.rate_hz)


def peer_voice(audio: Audio, semitones: float) -> Audio:
    return peer_transpose(audio, semitones, keep_formants=True)


def sine(frequency_hz: float) -> Audio:
    return Audio.of(0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(3 * RATE_HZ) / RATE_HZ)[np.newaxis], RATE_HZ)


def purity(audio: Audio, expected_hz: float) -> tuple[float, float]:
    """Sine to the rest in dB, and cents off, of the best fitting sine of the middle second."""
    quarter = audio.length_samples // 4
    middle = audio.samples[0, quarter : quarter + RATE_HZ].astype(np.float64)
    times = np.arange(middle.size) / RATE_HZ

    def fit_db(cents: float) -> float:
        turns = 2 * np.pi * expected_hz * 2 ** (cents / 1200) * times
        basis = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        rest = middle - basis @ np.linalg.lstsq(basis, middle, rcond=None)[0]
        return float(10 * np.log10(np.sum(middle**2) / np.sum(rest**2)))

    centre, width = 0.0, 40.0
    for _ in range(7):
        centre = max(centre + np.linspace(-width, width, 17), key=fit_db)
        width /= 6
    return fit_db(centre), float(centre)


def drums() -> tuple[Audio, list[int]]:
    """Thuds and bursts of noise over a quiet hum, and where they start."""
    random = np.random.default_rng(SEED)
    times = np.arange(RATE_HZ // 3) / RATE_HZ
    line = 0.002 * np.sin(2 * np.pi * 110 * np.arange(10 * RATE_HZ) / RATE_HZ)
    places = [round(place) for place in np.arange(0.4, 9.3, 0.37) * RATE_HZ]
    for number, place in enumerate(places):
        burst = 0.15 * random.standard_normal(times.size) * np.exp(-times / 0.03)
        thud = 0.5 * np.cos(2 * np.pi * 60 * times) * np.exp(-times / 0.08)
        line[place : place + times.size] += burst if number % 2 else thud
    return Audio.of(line[np.newaxis], RATE_HZ), places


def found_attacks(audio: Audio, places: Sequence[float]) -> list[int]:
    """The first sample at 30 % of the peak within 40 ms of each place."""
    line, reach = np.abs(audio.samples[0]), round(0.04 * RATE_HZ)
    found = []
    for place in map(round, places):
        near = line[place - reach : place + reach]
        found.append(place - reach + int(np.argmax(near > 0.3 * near.max())))
    return found


def attack_figures(audio: Audio, places: Sequence[float]) -> str:
    """Median energy of the 50 ms before an attack as it was found, but the last 2 ms, over that of the 50 ms after it
    in dB; and the largest distance of one from its place in ms.
    """
    line, found = audio.samples[0].astype(np.float64), found_attacks(audio, places)
    ratios = []
    for place in found:
        before = line[place - round(0.052 * RATE_HZ) : place - round(0.002 * RATE_HZ)]
        ratios.append(np.sum(before**2) / np.sum(line[place : place + round(0.05 * RATE_HZ)] ** 2))
    off_ms = np.abs(np.array(found) - np.array(places)).max() / RATE_HZ * 1000
    return f"{10 * np.log10(np.median(ratios)):.0f} | {off_ms:.1f}"


def envelope(vowel: Sequence[tuple[float, float]], frequencies_hz: Signal) -> Signal:
    """Gain of a buzz of -6 dB an octave through the vowel's resonances."""
    gain = 1.0 / frequencies_hz
    for frequency_hz, bandwidth_hz in vowel:
        pole = 2 * np.pi * complex(-bandwidth_hz / 2, frequency_hz)
        s = 2j * np.pi * frequencies_hz
        gain = gain * np.abs(abs(pole) ** 2 / ((s - pole) * (s - pole.conjugate())))
    return np.asarray(gain)


def vowel_sound(vowel: Sequence[tuple[float, float]], pitch_hz: float) -> Audio:
    """One second of a vowel, harmonics up to 5.5 kHz with the phases of its resonances."""
    numbers = np.arange(1, int(5_500 / pitch_hz) + 1)
    frequencies = numbers * pitch_hz
    response = 1.0 / frequencies.astype(np.complex128)
    for frequency_hz, bandwidth_hz in vowel:
        pole = 2 * np.pi * complex(-bandwidth_hz / 2, frequency_hz)
        s = 2j * np.pi * frequencies
        response = response * abs(pole) ** 2 / ((s - pole) * (s - pole.conjugate()))
    turns = np.outer(np.arange(RATE_HZ) / RATE_HZ, frequencies)
    line = (np.abs(response) * np.cos(2 * np.pi * turns + np.angle(response))).sum(axis=1)
    return Audio.of(0.3 * line[np.newaxis] / np.abs(line).max(), RATE_HZ)


def envelope_error_db(audio: Audio, vowel: Sequence[tuple[float, float]], pitch_hz: float) -> float:
    """RMS difference of the harmonics to 4 kHz from the vowel's envelope, overall level taken out."""
    middle = audio.samples[0, RATE_HZ // 4 : 3 * RATE_HZ // 4].astype(np.float64)
    frequencies = np.arange(1, int(4_000 / pitch_hz) + 1) * pitch_hz
    turns = 2 * np.pi * np.outer(np.arange(middle.size) / RATE_HZ, frequencies)
    weights = np.linalg.lstsq(np.concatenate([np.cos(turns), np.sin(turns)], axis=1), middle, rcond=None)[0]
    found, wanted = np.hypot(*weights.reshape(2, -1)), envelope(vowel, frequencies)
    heard = wanted > 0.01 * wanted.max()
    return float(np.std(20 * np.log10(found[heard] / wanted[heard])))


def formants_hz(audio: Audio) -> Signal:
    """Resonances by linear prediction of order 12 at about 11 kHz (autocorrelation method)."""
    spectrum = np.fft.rfft(audio.samples[0].astype(np.float64) * np.hanning(audio.length_samples))
    low = np.fft.irfft(spectrum[: audio.length_samples // 8 + 1])
    low = np.append(low[0], low[1:] - 0.9 * low[:-1])
    products = np.fft.irfft(np.abs(np.fft.rfft(low, 2 * low.size)) ** 2)[:13]
    matrix = products[np.abs(np.subtract.outer(np.arange(12), np.arange(12)))]
    roots = np.roots(np.append(1.0, -np.linalg.solve(matrix, products[1:])))
    narrow = roots[(roots.imag > 0) & (np.abs(roots) > 0.85)]
    return np.sort(np.angle(narrow)) * (RATE_HZ / 4) / (2 * np.pi)


def formant_errors(audio: Audio, vowel: Sequence[tuple[float, float]]) -> list[float]:
    """Distance in per cent of the nearest found resonance to each of the first three."""
    found = formants_hz(audio)
    return [float(np.abs(found - frequency).min() / frequency * 100) for frequency, _ in vowel[:3]]


def voice(audio: Audio, semitones: float) -> Audio:
    return shift_voice(audio, pitch_marks(audio, track_pitch(audio)), semitones)


def music() -> Audio:
    random = np.random.default_rng(SEED)
    times = np.arange(LENGTH_S * RATE_HZ) / RATE_HZ
    chords = sum(np.sin(2 * np.pi * f * times + random.uniform(0, 6)) for f in (55, 110, 138.6, 164.8, 220, 440, 1_760))
    return Audio.of(np.stack([0.05 * chords + 0.02 * random.standard_normal(times.size) for _ in range(2)]), RATE_HZ)


def times_section() -> list[str]:
    sound, values = music(), 2 * LENGTH_S * RATE_HZ
    mono = Audio.of(np.tile(vowel_sound(VOWELS[0], 147.0).samples, (1, LENGTH_S)), RATE_HZ)
    rows = []
    jobs: dict[str, tuple[int, dict[str, Callable[[], object]]]] = {
        "stretch 1.25, stereo": (
            values,
            {"ours": lambda: stretch(sound, 1.25), "peer": lambda: peer_stretch(sound, 1.25)},
        ),
        "transpose +3, stereo": (
            values,
            {"ours": lambda: transpose(sound, 3.0), "peer": lambda: peer_transpose(sound, 3.0)},
        ),
        "voice +3, formants kept, mono": (values // 2, {"ours": lambda: voice(mono, 3.0)}),
    }
    for name, (count, contestants) in jobs.items():
        taken = interleaved(contestants, ROUNDS)
        own = taken["ours"].median_s
        other = "- | -"
        if "peer" in taken:
            other = f"{taken['peer'].median_s / count * 1e9:.0f} | **{taken['peer'].median_s / own:.1f}**"
        rows.append(f"| {name} | {own / count * 1e9:.0f} | {other} |")
    return rows


def purity_rows() -> list[str]:
    rows = []
    jobs: dict[str, tuple[list[float], Process, Process]] = {}
    for ratio in LENGTH_RATIOS:
        jobs[f"stretch {ratio:g}"] = (
            list(SINES_HZ),
            lambda sound, r=ratio: stretch(sound, r),
            lambda sound, r=ratio: peer_stretch(sound, r),
        )
    for semitones in SEMITONES:
        jobs[f"transpose {semitones:+g}"] = (
            [frequency * 2 ** (semitones / 12) for frequency in SINES_HZ],
            lambda sound, s=semitones: transpose(sound, s),
            lambda sound, s=semitones: peer_transpose(sound, s),
        )
    for name, (wanted, ours, peer) in jobs.items():
        told = []
        for process in (ours, peer):
            found = [purity(process(sine(hz)), out) for hz, out in zip(SINES_HZ, wanted, strict=True)]
            told.append(f"{min(db for db, _ in found):.0f} | {max(abs(cents) for _, cents in found):.2f}")
        rows.append(f"| {name} | {' | '.join(told)} |")
    return rows


def attack_rows() -> list[str]:
    sound, places = drums()
    rows = [f"| as it was | {attack_figures(sound, places)} | | |"]
    for ratio in LENGTH_RATIOS:
        later = [place * ratio for place in places]
        told = [attack_figures(made, later) for made in (stretch(sound, ratio), peer_stretch(sound, ratio))]
        rows.append(f"| stretch {ratio:g} | {' | '.join(told)} |")
    return rows


def voice_rows() -> list[str]:
    rows = []
    for name, process in {
        "ours (`shift_voice`)": voice,
        "ours (`transpose`)": transpose,
        "peer": peer_voice,
    }.items():
        errors, shifts, cents = [], [], []
        for vowel in VOWELS:
            for pitch_hz in PITCHES_HZ:
                for semitones in SEMITONES:
                    made = process(vowel_sound(vowel, pitch_hz), semitones)
                    wanted_hz = pitch_hz * 2 ** (semitones / 12)
                    errors.append(envelope_error_db(made, vowel, wanted_hz))
                    shifts.append(formant_errors(made, vowel))
                    heard = track_pitch(made).hz[20:-20]
                    cents.append(float(np.abs(1200 * np.log2(np.median(heard) / wanted_hz))))
        first, second, third = np.median(shifts, axis=0)
        worst = f"{np.median(errors):.1f} | {max(errors):.1f}"
        rows.append(f"| {name} | {worst} | {first:.1f} | {second:.1f} | {third:.1f} | {max(cents):.2f} |")
    itself = np.median(
        [
            formant_errors(vowel_sound(vowel, pitch_hz * 2 ** (semitones / 12)), vowel)
            for vowel in VOWELS
            for pitch_hz in PITCHES_HZ
            for semitones in SEMITONES
        ],
        axis=0,
    )
    rows.append(f"| the vowel sung at that pitch | 0 | 0 | {' | '.join(f'{value:.1f}' for value in itself)} | 0 |")
    return rows


def measure() -> str:
    """Run all comparisons; returns their section of the results."""
    return "\n".join(
        [
            "## Time and pitch against pedalboard (Rubber Band)",
            "| CPU, one core | ours, ns per sample and channel in | peer | peer / ours |",
            "|---|---|---|---|",
            *times_section(),
            "",
            f"Sines of {', '.join(f'{hz:g}' for hz in SINES_HZ)} Hz, 3 s, middle second: the worst of them.",
            "",
            "| | ours: sine / rest, dB | ours: off, cents | peer: sine / rest, dB | peer: off, cents |",
            "|---|---|---|---|---|",
            *purity_rows(),
            "",
            "Attacks: thuds and bursts of noise over a hum. Blur: energy of the 50 ms before, over the 50 ms after an"
            " attack where it came (median); off: first sample at 30 % of the peak, the worst.",
            "",
            "| | ours: blur, dB | ours: off, ms | peer: blur, dB | peer: off, ms |",
            "|---|---|---|---|---|",
            *attack_rows(),
            "",
            f"Vowels a e i u at {', '.join(f'{hz:g}' for hz in PITCHES_HZ)} Hz, {SEMITONES[0]:+g} and {SEMITONES[1]:+g}"
            " semitones. Envelope: RMS difference of the harmonics up to 4 kHz from the vowel's own envelope. Formants:"
            " median distance by linear prediction, which errs by itself as the last row says.",
            "",
            "| | envelope, dB (median) | worst | F1, % | F2, % | F3, % | pitch off, cents (worst) |",
            "|---|---|---|---|---|---|---|",
            *voice_rows(),
            "",
        ]
    )
