"""Faults planted into clean stems, each by a rule of its own and without a look at the product.

An injector gives the stem with the fault, and where it lies. ``subtle`` is what a careful ear finds, ``clear`` what
nobody overhears on headphones, ``gross`` what spoils the take. Levels are set against the stem itself.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import soundfile
import soxr
from scipy import signal

from bench.listening.stems import RATE_HZ, Rng, Sound, faded, shaped_noise, times

SEVERITIES: Final = ("subtle", "clear", "gross")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A stem with a fault: places ``(start_s, end_s)`` (none where it is everywhere), and its true figures."""

    sound: Sound
    places: tuple[tuple[float, float], ...] = ()
    truth: dict[str, float] = field(default_factory=dict)


def rms(sound: Sound) -> float:
    """Root mean square."""
    return float(np.sqrt(np.square(sound).mean()))


def decibels(level_db: float) -> float:
    """Amplitude of a level."""
    return float(10.0 ** (level_db / 20.0))


def envelope(sound: Sound, length_s: float) -> Sound:
    """RMS of all channels around every sample."""
    width = round(length_s * RATE_HZ)
    return np.sqrt(np.maximum(signal.oaconvolve(np.square(sound).mean(axis=0), np.ones(width) / width, "same"), 0.0))


def loud_places(rng: Rng, sound: Sound, count: int, least_db: float = -12.0, apart_s: float = 0.5) -> list[int]:
    """Samples at which the stem sounds, 20 ms before and after as well."""
    around, reach = envelope(sound, 0.03), round(0.02 * RATE_HZ)
    loud = around > rms(sound) * decibels(least_db)
    loud[reach:-reach] &= loud[2 * reach :] & loud[: -2 * reach]
    loud[: RATE_HZ // 4] = loud[-RATE_HZ // 4 :] = False
    found: list[int] = []
    for at in rng.permutation(np.flatnonzero(loud)):
        if all(abs(int(at) - other) > apart_s * RATE_HZ for other in found):
            found.append(int(at))
        if len(found) == count:
            break
    return sorted(found)


def rests(sound: Sound, least_s: float) -> list[tuple[int, int]]:
    """Stretches in which the stem is 40 dB under its own level."""
    quiet = np.concatenate([[False], envelope(sound, 0.03) < rms(sound) * 0.01, [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2)
    inside = [(int(a), int(b)) for a, b in edges if a > 0 and b < sound.shape[1]]
    return [(a, b) for a, b in inside if b - a >= least_s * RATE_HZ]


def spans(places: Sequence[int], length_samples: int) -> tuple[tuple[float, float], ...]:
    """Places of equal length in seconds."""
    return tuple((at / RATE_HZ, (at + length_samples) / RATE_HZ) for at in places)


# ---- single moments


def clipping(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Driven into full scale; at ``clear`` turned down afterwards every second time."""
    target = {"subtle": 8, "clear": 60, "gross": 2000}[severity]
    heights = np.sort(np.abs(sound).ravel())
    made = np.clip(sound / heights[-target], -1.0, 1.0)
    if not clipped(made).places:
        at = int(np.flatnonzero((np.abs(made) >= 1.0).any(axis=0))[0])
        made[:, at : at + 4] = np.sign(made[:, at : at + 1])
        return clipped(made)
    return clipped(made, decibels(-3.0) if severity == "clear" and rng.uniform() < 0.5 else 1.0)


def clipped(made: Sound, gain: float = 1.0) -> Planted:
    """Count runs of three and more at full scale, sample by sample."""
    count, places = 0, []
    for channel in made:
        flat = np.pad(np.abs(channel) >= 1.0, 1)
        for start, end in np.flatnonzero(flat[1:] != flat[:-1]).reshape(-1, 2):
            signs = np.sign(channel[start:end])
            for run in np.split(np.arange(start, end), np.flatnonzero(np.diff(signs)) + 1):
                if run.size >= 3:
                    count += run.size
                    places.append((run[0] / RATE_HZ, (run[-1] + 1) / RATE_HZ))
    return Planted(sound=made * gain, places=tuple(sorted(places)), truth={"samples": count})


def inter_sample(rng: Rng, sound: Sound, severity: str) -> Planted:
    """A high tone burst whose samples stay under full scale and whose wave does not."""
    over_db = {"subtle": 0.8, "clear": 1.8, "gross": 2.8}[severity]
    at, length = loud_places(rng, sound, 1)[0], round(0.03 * RATE_HZ)
    made = sound.copy() * 0.3
    tone = faded(np.sin(2 * np.pi * 0.25 * np.arange(length) + math.pi / 4), 0.005, 0.005)
    made[:, at : at + length] = tone * decibels(over_db)
    made = np.clip(made, -0.9995, 0.9995)
    return Planted(sound=made, places=spans([at], length))


def clicks(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Spikes of one to four samples and bad edits, so much over what sounds within 20 ms above 4 kHz."""
    over_db = {"subtle": 8.0, "clear": 16.0, "gross": 26.0}[severity]
    high = signal.butter(4, 4000.0, "highpass", fs=RATE_HZ, output="sos")
    made, places = sound.copy(), loud_places(rng, sound, 3)
    masking = np.abs(signal.sosfilt(high, sound, axis=1)).max(axis=0)
    for at in places:
        shape = np.zeros(960)
        kind = rng.integers(3)
        if kind == 2:
            shape[480:] = faded(np.ones(480), 0.0, 0.009)
        else:
            shape[480 : 480 + (1, 3)[kind]] = (1.0, -0.8, 0.4)[: (1, 3)[kind]]
        height = np.abs(signal.sosfilt(high, shape)).max()
        around = max(float(masking[at - 960 : at + 960].max()), 1.5e-3)
        sign = rng.choice([-1.0, 1.0])
        made[:, at - 480 : at + 480] += sign * shape * decibels(over_db) * around / height
    return Planted(sound=np.clip(made, -0.99, 0.99), places=spans(places, 1))


def dropouts(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Lost blocks of zeros; at ``clear`` and ``gross`` also such as were lost before a converter added its noise."""
    length = round({"subtle": 0.002, "clear": 0.01, "gross": 0.05}[severity] * RATE_HZ)
    made, places = sound.copy(), loud_places(rng, sound, 2, -6.0)
    noise = 0.0 if severity == "subtle" or rng.uniform() < 0.5 else 2e-5
    for at in places:
        made[:, at : at + length] = noise * rng.standard_normal((made.shape[0], length))
    return Planted(sound=made, places=spans(places, length))


def missing_take(rng: Rng, sound: Sound, severity: str) -> Planted:
    """A stretch that was not exported, cut hard where it begins and ends."""
    length = round({"subtle": 0.4, "clear": 1.0, "gross": 3.0}[severity] * RATE_HZ)
    loud = envelope(sound, 0.03) > rms(sound) * decibels(-6.0)
    starts = np.flatnonzero(loud[RATE_HZ // 2 : -length - RATE_HZ // 2] & loud[RATE_HZ // 2 + length : -RATE_HZ // 2])
    at = int(rng.choice(starts)) + RATE_HZ // 2
    made = sound.copy()
    made[:, at : at + length] = 0.0
    return Planted(sound=made, places=spans([at], length))


def missing_fade(rng: Rng, sound: Sound, severity: str) -> Planted:
    """The file begins or ends in the middle of the sound."""
    least_db = {"subtle": -14.0, "clear": -6.0, "gross": 0.0}[severity]
    wave = np.abs(sound).max(axis=0)
    steep = (envelope(sound, 0.02) > rms(sound) * decibels(least_db)) & (wave > rms(sound) * decibels(least_db))
    if rng.uniform() < 0.5:
        at = int(rng.choice(np.flatnonzero(steep[: 4 * RATE_HZ])))
        return Planted(sound=sound[:, at:], places=((0.0, 0.0),))
    at = int(rng.choice(np.flatnonzero(steep[-4 * RATE_HZ :]))) + sound.shape[1] - 4 * RATE_HZ
    return Planted(sound=sound[:, : at + 1], places=(((at + 1) / RATE_HZ,) * 2,))


# ---- everywhere


def hum(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Mains and its harmonics, the odd ones stronger."""
    level_db = {"subtle": -45.0, "clear": -32.0, "gross": -20.0}[severity]
    base_hz = float(rng.choice([50.0, 60.0])) + rng.uniform(-0.15, 0.15)
    t, tone = np.arange(sound.shape[1]) / RATE_HZ, np.zeros(sound.shape[1])
    for number in range(1, 11):
        level = rng.uniform(0.5, 1.0) / number ** rng.uniform(0.6, 1.0) * (0.5 if number % 2 == 0 else 1.0)
        tone += level * np.sin(2 * np.pi * number * base_hz * t + rng.uniform(0, 6.28))
    made = sound + tone * rms(sound) * decibels(level_db) / rms(tone)
    return Planted(sound=made, truth={"frequency_hz": base_hz})


def noise_floor(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Hiss of a preamplifier, white or tilted."""
    level_db = {"subtle": -42.0, "clear": -30.0, "gross": -20.0}[severity]
    noise = rng.standard_normal(sound.shape)
    if rng.uniform() < 0.5:
        noise = signal.lfilter([1.0], [1.0, -0.9], noise, axis=1)
    noise *= rms(sound) * decibels(level_db) / rms(noise)
    return Planted(sound=sound + noise, truth={"level_dbfs": 20 * math.log10(rms(noise))})


def dc_offset(rng: Rng, sound: Sound, severity: str) -> Planted:
    """The wave beside its centre line."""
    level = decibels({"subtle": -44.0, "clear": -36.0, "gross": -26.0}[severity]) * rng.choice([-1.0, 1.0])
    return Planted(sound=sound + level, truth={"offset": float(level)})


def printed_reverb(rng: Rng, sound: Sound, severity: str) -> Planted:
    """A hall of decaying noise."""
    wet_db = {"subtle": -16.0, "clear": -7.0, "gross": -1.0}[severity]
    decay_s = rng.uniform(1.2, 2.8)
    t = times(decay_s)
    tail = signal.lfilter([0.5], [1.0, -0.5], rng.standard_normal(t.size)) * np.exp(-6.9 * t / decay_s)
    wet = signal.oaconvolve(sound, tail[np.newaxis], axes=1)[:, : sound.shape[1]]
    made = sound + wet * rms(sound) * decibels(wet_db) / rms(wet)
    return Planted(sound=made * 0.35 / np.abs(made).max(), truth={"decay_s": decay_s})


def squashed(rng: Rng, sound: Sound, severity: str) -> Planted:
    """A compressor's gain that follows every 10 ms, and a clipper behind it."""
    ratio = {"subtle": 0.7, "clear": 0.93, "gross": 0.99}[severity]
    around = np.maximum(envelope(sound, 0.01), rms(sound) * 0.02)
    flat = sound / around**ratio
    return Planted(sound=np.tanh(1.2 * flat / rms(flat)) * 0.4)


def resonance(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Something in the room that rings on."""
    gain_db = {"subtle": 16.0, "clear": 28.0, "gross": 38.0}[severity]
    centre_hz, rings_s = math.exp(rng.uniform(math.log(250.0), math.log(4000.0))), rng.uniform(0.3, 0.7)
    b, a = signal.iirpeak(centre_hz, math.pi * centre_hz * rings_s / 6.9, fs=RATE_HZ)
    made = sound + decibels(gain_db) * signal.lfilter(b, a, sound, axis=1)
    return Planted(sound=made * 0.35 / np.abs(made).max(), truth={"frequency_hz": centre_hz})


def lossy(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Through a lossy encoder and back."""
    level = {"subtle": 0.25, "clear": 0.6, "gross": 0.75}[severity]
    written = io.BytesIO()
    frames = np.repeat(sound, 2, axis=0).T if sound.shape[0] == 1 else sound.T
    rate_hz = RATE_HZ
    soundfile.write(written, frames, rate_hz, format="MP3", subtype="MPEG_LAYER_III", compression_level=level)
    written.seek(0)
    decoded, _rate = soundfile.read(written, always_2d=True)
    return Planted(sound=np.ascontiguousarray(decoded.T[: sound.shape[0]]))


def upsampled(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Recorded at a lower rate."""
    rate_hz = {"subtle": 44_100, "clear": 32_000, "gross": 16_000}[severity]
    if severity == "clear" and rng.uniform() < 0.5:
        rate_hz = 24_000
    if rng.uniform() < 0.5:
        lower = signal.resample(sound, sound.shape[1] * rate_hz // RATE_HZ, axis=1)
        made = signal.resample(lower, sound.shape[1], axis=1)
    else:
        made = soxr.resample(soxr.resample(sound.T, RATE_HZ, rate_hz), rate_hz, RATE_HZ).T
    made = np.pad(made, ((0, 0), (0, 16)))
    return Planted(sound=made[:, : sound.shape[1]], truth={"rate_hz": rate_hz})


# ---- voices


def sibilance(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Loud hiss before syllables."""
    level_db = {"subtle": -6.0, "clear": 2.0, "gross": 8.0}[severity]
    made, places, length = sound.copy(), loud_places(rng, sound, 5), round(0.11 * RATE_HZ)
    for at in places:
        hiss = faded(shaped_noise(rng, 0.11, 5000.0, 9500.0, 4), 0.015, 0.03)
        made[:, at - 2 * length : at + length] *= 1.0 - 0.9 * np.sqrt(np.hanning(3 * length))
        made[:, at - length : at] += hiss * rms(sound) * decibels(level_db) / rms(hiss)
    return Planted(sound=made, places=spans([at - length for at in places], length))


def plosives(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Puffs of air into a microphone."""
    level_db = {"subtle": 0.0, "clear": 8.0, "gross": 14.0}[severity]
    made, places, length = sound.copy(), loud_places(rng, sound, 3), round(0.09 * RATE_HZ)
    for at in places:
        t = times(0.09)
        puff = np.sin(2 * np.pi * (rng.uniform(28.0, 60.0) * t)) * np.exp(-t / 0.03)
        puff += 0.2 * shaped_noise(rng, 0.09, 20.0, 150.0) * np.exp(-t / 0.03)
        made[:, at - length : at + length] *= 1.0 - 0.8 * np.hanning(2 * length)
        made[:, at : at + length] += faded(puff, 0.004, 0.01) * rms(sound) * decibels(level_db) * 1.4
    return Planted(sound=np.clip(made, -0.99, 0.99), places=spans(places, length))


def breaths(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Air taken between phrases."""
    level_db = {"subtle": -36.0, "clear": -24.0, "gross": -14.0}[severity]
    made, places = sound.copy(), []
    for start, end in rests(sound, 0.45):
        length = min(round(rng.uniform(0.2, 0.4) * RATE_HZ), end - start - round(0.12 * RATE_HZ))
        at = end - length - round(0.06 * RATE_HZ)
        air = shaped_noise(rng, length / RATE_HZ, 900.0, 6500.0, 1)
        air = faded(air, 0.6 * length / RATE_HZ / 2, 0.05)
        made[:, at : at + air.size] += air * rms(sound) * decibels(level_db) / rms(air)
        places.append((at / RATE_HZ, (at + air.size) / RATE_HZ))
    return Planted(sound=made, places=tuple(places))


# ---- stereo


def dual_mono(rng: Rng, sound: Sound, severity: str) -> Planted:
    """Both channels alike; at ``subtle`` with converter noise of their own."""
    middle = sound.mean(axis=0)
    noise = {"subtle": 2e-5, "clear": 0.0, "gross": 0.0}[severity]
    return Planted(sound=np.stack([middle, middle]) + noise * rng.standard_normal((2, middle.size)))


def opposed(rng: Rng, sound: Sound, severity: str) -> Planted:
    """One side upside down all the time; less of it where each side has a room of its own."""
    room = {"subtle": 0.4, "clear": 0.2, "gross": 0.0}[severity]
    middle = sound.mean(axis=0)
    rooms = shaped_noise(rng, 0.05, 200.0, 12_000.0), shaped_noise(rng, 0.05, 200.0, 12_000.0)
    sides = np.stack([middle, -rng.uniform(0.7, 1.0) * middle])
    wet = np.stack([signal.oaconvolve(middle, each)[: middle.size] for each in rooms])
    return Planted(sound=sides + wet * room * rms(sides) / rms(wet))


def one_sided(rng: Rng, sound: Sound, severity: str) -> Planted:
    """A mono recording on one side of a stereo file; on the other what a converter adds, or nothing."""
    middle = sound.mean(axis=0)
    noise = rms(sound) * decibels(-70.0) * rng.standard_normal(middle.size)
    sides = np.stack([middle, {"subtle": noise, "clear": 0.1 * noise, "gross": 0.0 * noise}[severity]])
    return Planted(sound=sides[:: int(rng.choice([1, -1]))].copy())


def emptied(rng: Rng, sound: Sound, severity: str) -> Planted:
    """An export in which the track was muted: nothing, or what a dither or a converter adds."""
    noise = {"subtle": decibels(-78.0), "clear": decibels(-96.0), "gross": 0.0}[severity]
    return Planted(sound=noise * rng.standard_normal(sound.shape))


def fake_stereo(rng: Rng, sound: Sound, severity: str) -> Planted:
    """One signal made wide: late on one side, through combs, or through opposite equalisers."""
    middle = sound.mean(axis=0)
    late = round({"subtle": 0.004, "clear": 0.012, "gross": 0.025}[severity] * RATE_HZ * rng.uniform(0.8, 1.2))
    shifted = np.concatenate([np.zeros(late), middle[:-late]])
    if rng.uniform() < 0.5:
        sides = np.stack([middle, shifted * rng.uniform(0.7, 1.0)])
    else:
        sides = np.stack([middle + 0.6 * shifted, middle - 0.6 * shifted])
    return Planted(sound=sides * 0.35 / np.abs(sides).max(), truth={"delay_s": late / RATE_HZ})


def phase_flips(rng: Rng, sound: Sound, severity: str) -> Planted:
    """One channel upside down for a while."""
    length = round({"subtle": 0.6, "clear": 2.0, "gross": 5.0}[severity] * RATE_HZ)
    middle = sound.mean(axis=0)
    sides = np.stack([middle, 0.9 * middle])
    loud = loud_places(rng, sound[:, : -length - RATE_HZ], 1)[0]
    sides[1, loud : loud + length] *= -1.0
    return Planted(sound=sides, places=spans([loud], length))


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultClass:
    """A kind of fault: how it is planted, where that makes sense, and under which kinds it may be reported.

    ``soft`` ones swell and fade, so that they may be found anywhere between their start and end. ``length_s``: of the
    stems; what shows only over many notes needs as many as a part has. ``pitched``: its frequency has to be told.
    """

    plant: Callable[[Rng, Sound, str], Planted]
    kinds: tuple[str, ...]
    stems: tuple[str, ...] = (
        "voice", "guitar", "bass", "piano", "drums", "hats", "synth_bass", "sub", "pad", "strings",
    )  # fmt: skip
    placed: bool = False
    soft: bool = False
    length_s: float = 12.0
    pitched: bool = False


RESTING: Final = ("voice", "drums", "hats")
BRIGHT: Final = ("voice", "drums", "hats", "strings", "guitar")
FAULTS: Final[dict[str, FaultClass]] = {
    "clipping": FaultClass(plant=clipping, kinds=("clipping",), placed=True),
    "inter-sample": FaultClass(plant=inter_sample, kinds=("inter_sample",), placed=True),
    "clicks": FaultClass(plant=clicks, kinds=("clicks",), placed=True),
    "dropouts": FaultClass(plant=dropouts, kinds=("dropouts",), placed=True),
    "missing take": FaultClass(plant=missing_take, kinds=("gap",), placed=True),
    "missing fade": FaultClass(plant=missing_fade, kinds=("cut_edge",), placed=True),
    "hum": FaultClass(plant=hum, kinds=("hum",)),
    "noise floor": FaultClass(plant=noise_floor, kinds=("noise_floor",), stems=RESTING),
    "dc offset": FaultClass(plant=dc_offset, kinds=("dc_offset",)),
    "reverb": FaultClass(plant=printed_reverb, kinds=("wet",), stems=("voice", "drums", "hats")),
    "low crest": FaultClass(plant=squashed, kinds=("low_crest",), stems=("voice", "drums", "guitar")),
    "resonance": FaultClass(
        plant=resonance, kinds=("resonance",), stems=("voice", "strings"), length_s=40.0, pitched=True
    ),
    "resonance in 12 s": FaultClass(plant=resonance, kinds=("resonance",), stems=("voice", "strings"), pitched=True),
    # 15 kHz is where both end: a rate of 32 kHz and an encoder at 96 kbit/s. The question then names both.
    "lossy source": FaultClass(plant=lossy, kinds=("lossy_source", "upsampled"), stems=BRIGHT),
    "upsampled": FaultClass(plant=upsampled, kinds=("upsampled",), stems=BRIGHT),
    "sibilance": FaultClass(plant=sibilance, kinds=("sibilance",), stems=("voice",), placed=True, soft=True),
    "plosives": FaultClass(plant=plosives, kinds=("plosives",), stems=("voice",), placed=True, soft=True),
    "breaths": FaultClass(plant=breaths, kinds=("breaths",), stems=("voice",), placed=True, soft=True),
    "dual mono": FaultClass(plant=dual_mono, kinds=("dual_mono",)),
    "fake stereo": FaultClass(plant=fake_stereo, kinds=("fake_stereo",)),
    "opposed sides": FaultClass(plant=opposed, kinds=("anti_phase",)),
    "one side": FaultClass(plant=one_sided, kinds=("one_sided",)),
    "silence": FaultClass(plant=emptied, kinds=("silent",)),
    "phase flips": FaultClass(plant=phase_flips, kinds=("phase_flips",), placed=True),
}
