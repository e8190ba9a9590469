"""How the processors sound, in numbers: ``python -m bench.sound`` prints them. Everything is measured from outside.

Method of each figure, in the order of the table:
- Reverbs get a click, at six moments of their slow motion; three settings. Echo density: share of samples beyond one
  standard deviation in 20 ms, over that of Gaussian noise (J. S. Abel & P. Huang, AES 121, 2006), mean from the named
  time on for 100 ms, the worse side. Tail: power spectrum of 0.2 to 1 s, decay and tilt of each octave taken out, 177
  Hz to 5.7 kHz, standard deviation in dB, the worst click and side. Straightness: largest distance of the Schroeder
  decay (octaves, 125 Hz to 8 kHz) from its line between -5 and -45 dB, energies of the clicks and sides added.
  Coherence: left and right, Welch, 1,024 samples, mean of each third of an octave above 300 Hz. RT60: slope of the
  1 kHz octave from -5 to -35 dB against what was asked. Noise that decays exponentially, six times two sides of it,
  goes the same way: no reverb can be expected to be better, as these figures have a spread of their own.
- Equaliser: impulse response against the analogue prototype, 20 Hz to 18 kHz at 44.1 kHz.
- Saturation: 5 kHz at -6 dBFS with 12 dB of drive at 44.1 kHz; the strongest line that is no harmonic, re the tone.
- Compressors: 2 kHz at -6 dBFS for 0.1 s and for 4 s (threshold -30 dB, 4:1), then -50 dBFS; time to recover 63 %.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.chain import apply
from tapehand.dsp.matched import MatchedKind, analogue_power
from tapehand.song.processors import (
    Band,
    CharacterCompressor,
    Colour,
    Compressor,
    Equaliser,
    MultibandCompressor,
    Processor,
    Reverb,
    Saturation,
)

RATE_HZ = 44_100
Signal = NDArray[np.float64]
MOMENTS_S = (0.0, 0.31, 0.67, 1.03, 1.49, 1.97)
OCTAVES_HZ = (125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0)

ROOMS = {
    "room": (Reverb(decay_s=0.6, size=0.2, pre_delay_ms=0.0, low_cut_hz=20.0, high_cut_hz=20_000.0), 0.05),
    "plate": (Reverb(decay_s=1.5, size=0.5, pre_delay_ms=0.0, low_cut_hz=20.0, high_cut_hz=20_000.0), 0.05),
    "hall": (Reverb(decay_s=2.6, size=0.9, pre_delay_ms=0.0, low_cut_hz=20.0, high_cut_hz=20_000.0), 0.10),
}


def response(processor: Processor, length_s: float, at_s: float = 0.0) -> NDArray[np.float64]:
    """What a click on both sides becomes, from the click on."""
    at = round(at_s * RATE_HZ)
    click = Audio.silence(2, at + round(length_s * RATE_HZ), RATE_HZ)
    click.samples[:, at] = 1.0
    return apply(click, processor).samples[:, at:].astype(np.float64)


def octave(side: Signal, centre_hz: float) -> Signal:
    """Third-order edges in frequency, without phase."""
    spectrum, hz = np.fft.rfft(side, 2 * side.size), np.fft.rfftfreq(2 * side.size, 1 / RATE_HZ)
    low, high = centre_hz / math.sqrt(2.0), centre_hz * math.sqrt(2.0)
    gain = 1.0 / np.sqrt((1.0 + (low / np.maximum(hz, 1e-9)) ** 12) * (1.0 + (hz / high) ** 12))
    made: Signal = np.fft.irfft(spectrum * gain)[: side.size]
    return made


def decay_db(*sides: Signal) -> Signal:
    """Energy left in all of them, in dB re all of it (M. R. Schroeder, JASA 37, 1965)."""
    energy = np.sum([side**2 for side in sides], axis=0)
    left = np.cumsum(energy[::-1])[::-1]
    made: Signal = 10.0 * np.log10(left / left[0] + 1e-30)
    return made


def line_through(levels_db: Signal, low_db: float, high_db: float) -> tuple[float, float]:
    """RT60 in seconds and the largest distance from the straight line, between two levels."""
    inside = np.flatnonzero((levels_db <= high_db) & (levels_db >= low_db))
    slope, offset = np.polyfit(inside / RATE_HZ, levels_db[inside], 1)
    distance = levels_db[inside] - (slope * inside / RATE_HZ + offset)
    return -60.0 / float(slope), float(np.max(np.abs(distance)))


def echo_density(side: Signal, from_s: float) -> float:
    """1 is as dense as noise."""
    window = round(0.02 * RATE_HZ)
    starts = range(round(from_s * RATE_HZ), round((from_s + 0.1) * RATE_HZ), window // 4)
    shares = []
    for start in starts:
        piece = side[start : start + window]
        shares.append(float(np.mean(np.abs(piece) > piece.std())) / math.erfc(math.sqrt(0.5)))
    return float(np.mean(shares))


def tail_deviation_db(side: Signal) -> float:
    """Flatness of the tail over all octaves; each octave's own decay and tilt are taken out."""
    piece = side[round(0.2 * RATE_HZ) : round(1.0 * RATE_HZ)]
    residues: list[Signal] = []
    for centre_hz in (250.0, 500.0, 1_000.0, 2_000.0, 4_000.0):
        rt60_s, _ = line_through(decay_db(octave(side, centre_hz)), -35.0, -5.0)
        flat = piece * 10.0 ** (3.0 * np.arange(piece.size) / (rt60_s * RATE_HZ))
        spectrum = np.abs(np.fft.rfft(flat * np.hanning(flat.size))) ** 2
        hz = np.fft.rfftfreq(flat.size, 1 / RATE_HZ)
        inside = (hz >= centre_hz / math.sqrt(2.0)) & (hz < centre_hz * math.sqrt(2.0))
        levels_db = 10.0 * np.log10(spectrum[inside])
        trend = np.polyval(np.polyfit(hz[inside], levels_db, 1), hz[inside])
        residues.append(levels_db - trend)
    return float(np.std(np.concatenate(residues)))


def coherence(sides: NDArray[np.float64], decay_s: float) -> float:
    """The largest mean coherence of a third of an octave above 300 Hz."""
    window, taper = 1_024, np.hanning(1_024)
    end = min(sides.shape[1], round(decay_s * RATE_HZ))
    growth = 10.0 ** (3.0 * np.arange(end) / (decay_s * RATE_HZ))
    pieces = [
        np.fft.rfft((sides[:, :end] * growth)[:, start : start + window] * taper, axis=1)
        for start in range(round(0.03 * RATE_HZ), end - window, window // 2)
    ]
    left, right = np.array([piece[0] for piece in pieces]), np.array([piece[1] for piece in pieces])
    cross = np.abs(np.mean(left * right.conj(), axis=0)) ** 2
    both = cross / (np.mean(np.abs(left) ** 2, axis=0) * np.mean(np.abs(right) ** 2, axis=0))
    hz = np.fft.rfftfreq(window, 1 / RATE_HZ)
    centres = 400.0 * 2.0 ** (np.arange(15) / 3.0)
    bands = [both[(hz >= c * 2 ** (-1 / 6)) & (hz < c * 2 ** (1 / 6))] for c in centres if c < 12_000.0]
    return max(float(band.mean()) for band in bands if band.size)


def reverb_row(name: str) -> str:
    """One line of the table: a room."""
    settings, dense_from_s = ROOMS[name]
    length_s = 1.5 * settings.decay_s + 0.6
    clicks = [response(settings, length_s, at_s) for at_s in MOMENTS_S]
    return tail_row(f"{name} ({settings.decay_s} s, size {settings.size})", clicks, settings.decay_s, dense_from_s)


def noise_row(decay_s: float) -> str:
    """One line of the table: what chance alone does."""
    rng = np.random.default_rng(3)
    length = round((1.5 * decay_s + 0.6) * RATE_HZ)
    fall = 10.0 ** (-3.0 * np.arange(length) / (decay_s * RATE_HZ))
    return tail_row(f"noise ({decay_s} s)", [rng.standard_normal((2, length)) * fall for _ in MOMENTS_S], decay_s, 0.05)


def tail_row(label: str, clicks: Sequence[NDArray[np.float64]], decay_s: float, dense_from_s: float) -> str:
    """The figures of several responses ``(2, n)`` of one place."""
    sides = [side for click in clicks for side in click]
    density = min(echo_density(side, dense_from_s) for side in sides)
    tail = max(tail_deviation_db(side) for side in sides)
    bends = [line_through(decay_db(*(octave(side, hz) for side in sides)), -45.0, -5.0)[1] for hz in OCTAVES_HZ]
    rt60_s = line_through(decay_db(*(octave(side, 1_000.0) for side in sides)), -35.0, -5.0)[0]
    return (
        f"| {label} | {density:.2f} from {1e3 * dense_from_s:.0f} ms | {tail:.1f} | {max(bends):.1f} at"
        f" {OCTAVES_HZ[bends.index(max(bends))]:.0f} Hz | {coherence(clicks[0], decay_s):.2f} |"
        f" {100.0 * (rt60_s / decay_s - 1.0):+.1f} % |"
    )


def equaliser_error_db() -> float:
    """Peaks and shelves of 6 and 12 dB either way, Q 0.5 to 2, from 60 Hz to 18 kHz."""
    kinds: Sequence[MatchedKind] = ("peak", "low_shelf", "high_shelf")
    worst = 0.0
    for kind in kinds:
        for frequency_hz in (60.0, 250.0, 1_000.0, 4_000.0, 8_000.0, 12_000.0, 16_000.0, 18_000.0):
            for gain_db in (-12.0, -6.0, 6.0, 12.0):
                for q in (0.5, 0.7071, 1.0, 2.0):
                    band = Band(kind=kind, frequency_hz=frequency_hz, gain_db=gain_db, q=q)
                    made = np.abs(np.fft.rfft(response(Equaliser(bands=(band,)), 0.5)[0]))
                    hz = np.fft.rfftfreq(round(0.5 * RATE_HZ), 1 / RATE_HZ)
                    inside = (hz >= 20.0) & (hz <= 18_000.0)
                    above, below = analogue_power(kind, gain_db, q)
                    square = (hz[inside] / frequency_hz) ** 2
                    truth = np.array([above.at(x) / below.at(x) for x in square.tolist()])
                    worst = max(worst, float(np.max(np.abs(20.0 * np.log10(made[inside]) - 10.0 * np.log10(truth)))))
    return worst


def aliasing_dbc(processor: Processor) -> float:
    """The strongest line of a 5 kHz tone's spectrum that is no harmonic of it."""
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = Audio.of(10.0 ** (-6.0 / 20.0) * np.sin(2 * np.pi * 5_000.0 * time_s)[np.newaxis], RATE_HZ)
    made = apply(tone, processor).samples[0, RATE_HZ // 2 : 3 * RATE_HZ // 2].astype(np.float64)
    k = 2.0 * np.pi * np.arange(RATE_HZ) / RATE_HZ
    taper = 0.35875 - 0.48829 * np.cos(k) + 0.14128 * np.cos(2 * k) - 0.01168 * np.cos(3 * k)
    levels_db = 20.0 * np.log10(np.abs(np.fft.rfft(made * taper)) + 1e-12)
    elsewhere = np.ones(levels_db.size, dtype=bool)
    for harmonic_hz in (0, 5_000, 10_000, 15_000, 20_000):
        elsewhere[max(0, harmonic_hz - 8) : harmonic_hz + 9] = False
    return float(levels_db[elsewhere].max() - levels_db[5_000])


def recovery_ms(settings: Processor, burst_s: float) -> float:
    """From the end of a burst until 63 % of the gain is back."""
    lengths = round(burst_s * RATE_HZ), 4 * RATE_HZ
    levels = np.concatenate([np.full(lengths[0], 10.0 ** (-6.0 / 20.0)), np.full(lengths[1], 10.0 ** (-50.0 / 20.0))])
    tone = levels * np.sin(2 * np.pi * 2_000.0 * np.arange(levels.size) / RATE_HZ)
    made = apply(Audio.of(tone[np.newaxis], RATE_HZ), settings).samples[0].astype(np.float64)
    window = round(0.004 * RATE_HZ)
    smooth = np.convolve(made[lengths[0] :] ** 2, np.ones(window) / window, "valid")
    gains_db = 10.0 * np.log10(smooth * 2.0 + 1e-30) + 50.0
    # The first window still holds the burst's end where a filter rings; the gain there is read behind it.
    start_db = float(gains_db[window])
    return 1e3 * float(np.argmax(gains_db > start_db * math.exp(-1.0))) / RATE_HZ


def band_sum_error_db() -> float:
    """Four bands at rest against nothing at all."""
    click = Audio.silence(1, RATE_HZ, RATE_HZ)
    click.samples[0, 0] = 1.0
    resting = Compressor(threshold_db=0.0, ratio=1.0, attack_ms=5.0, release_ms=120.0)
    total = apply(click, MultibandCompressor(crossovers_hz=(120.0, 900.0, 6_000.0), bands=(resting,) * 4))
    return float(np.max(np.abs(20.0 * np.log10(np.abs(np.fft.rfft(total.samples[0].astype(np.float64)))))))


def compressor_rows() -> list[str]:
    """Clean, and every character."""
    clean = Compressor(threshold_db=-30.0, ratio=4.0, attack_ms=5.0, release_ms=120.0, detector="peak")
    contestants: dict[str, Processor] = {"clean (120 ms)": clean}
    for name in ("opto", "fet", "bus"):
        contestants[name] = CharacterCompressor(character=name, threshold_db=-30.0, ratio=4.0)
    return [
        f"| {name} | {recovery_ms(each, 0.1):.0f} ms | {recovery_ms(each, 4.0):.0f} ms |"
        for name, each in contestants.items()
    ]


def measure() -> str:
    """All figures, as a section of the results."""
    colours: dict[str, Processor] = {"tanh": Saturation(drive_db=12.0)}
    for name in ("tape", "tube", "transistor"):
        colours[name] = Colour(character=name, drive_db=12.0)
    aliases = ", ".join(f"{name} {aliasing_dbc(each):.0f}" for name, each in colours.items())
    return "\n".join(
        [
            "## How the processors sound",
            "`python -m bench.sound` repeats it; the method of each figure is told at the top of `bench/sound.py`.",
            "",
            "| reverb | echo density (0.9) | tail SD dB (6.5) | decay bent by dB (1) | coherence (0.2) | RT60 (5 %) |",
            "|---|---|---|---|---|---|",
            *(row for name, (room, _) in ROOMS.items() for row in (reverb_row(name), noise_row(room.decay_s))),
            "",
            f"- Equaliser off the analogue curve, 20 Hz to 18 kHz at 44.1 kHz: {equaliser_error_db():.2f} dB (0.5).",
            f"- Saturation, strongest inharmonic product, dBc (-80): {aliases}.",
            f"- Multiband compressor at rest: {band_sum_error_db():.4f} dB from flat (0.1).",
            "",
            "| compressor | recovers 63 % after 0.1 s | after 4 s |",
            "|---|---|---|",
            *compressor_rows(),
        ]
    )


if __name__ == "__main__":
    print(measure())
