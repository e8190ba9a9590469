"""Pitch against truth that was generated, and against Praat on real voices: ``python -m bench.listening.pitch``.

Clips are melodies of formant voices (glides, vibrato of 0 to 45 cents, every note off by some cents) and of plucked
strings, with white noise at 40, 20 and 10 dB SNR. RPA: share of the frames with a true pitch that were heard within 50
cents; note error: distance of the medians over each note. Seeds from 500 on; those below are for developing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import parselmouth
from numpy.typing import NDArray

from bench.listening import odd_voices
from bench.listening.parts import RATE_HZ, VOWELS, levelled, song, string, vowel
from bench.recordings import FOLDER
from tapehand.audio import Audio, io
from tapehand.listening.intonation import heard_lines, intonation
from tapehand.listening.pitch import PitchRange, track_pitch
from tapehand.listening.recordings import recordings_of
from tapehand.work import Work

Signal = NDArray[np.float64]
HOP_S = 0.01
CLIPS = 24
ODD_CLIPS = 12
FIRST_SEED = 500
SNRS_DB = (40, 20, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A melody: what is heard, pitch every 10 ms (0: none), notes ``(start_s, end_s, hz)``."""

    kind: str
    sound: Signal
    hz: Signal
    notes: tuple[tuple[float, float, float], ...]


def clip(seed: int) -> Clip:
    """Five seconds or so; voices and strings in turn."""
    random = np.random.default_rng(seed)
    return _sung(random) if seed % 2 else _plucked(random)


def _course(random: np.random.Generator, length_s: float) -> Iterator[tuple[float, float, float]]:
    """Notes with their own cents off."""
    key, degree, start_s = song(random, length_s), int(random.integers(2, 6)), 0.15
    octave = int(random.integers(-1, 1))
    while start_s < length_s - 0.5:
        end_s = min(length_s - 0.1, start_s + float(random.uniform(0.25, 0.8)))
        degree = int(np.clip(degree + random.integers(-3, 4), 0, 9))
        yield start_s, end_s, key.hz(degree, octave) * 2 ** (random.normal(0, 25) / 1200)
        start_s = end_s + float(random.choice([0.0, 0.0, 0.12]))


def _sung(random: np.random.Generator) -> Clip:
    length_s = 5.0
    notes = list(_course(random, length_s))
    times = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    hz, loud = np.zeros(times.size), np.zeros(times.size)
    vibrato_cents = float(random.choice([0.0, 25.0, 45.0]))
    for number, (start_s, end_s, centre_hz) in enumerate(notes):
        inside = (times >= start_s) & (times < end_s)
        since = times[inside] - start_s
        follows = number and notes[number - 1][1] == start_s
        glide = 1200 * np.log2(notes[number - 1][2] / centre_hz) * np.exp(-since / 0.025) if follows else 0.0
        wave = vibrato_cents * np.minimum(1, since / 0.3) * np.sin(2 * np.pi * 5.6 * since)
        hz[inside] = centre_hz * 2 ** ((glide + wave) / 1200)
        loud[inside] = np.minimum(1, np.minimum(since / 0.03, (end_s - start_s - since) / 0.03 + 0.05 * bool(follows)))
    filled = np.interp(np.arange(hz.size), np.flatnonzero(hz), hz[hz > 0])
    sound = levelled(vowel(filled, VOWELS[int(random.integers(len(VOWELS)))], random) * loud)
    return Clip(kind="voice", sound=sound, hz=_framed(hz), notes=tuple(notes))


def _plucked(random: np.random.Generator) -> Clip:
    length_s = 5.0
    notes = list(_course(random, length_s))
    out, hz = np.zeros(round(length_s * RATE_HZ)), np.zeros(round(length_s * RATE_HZ))
    for start_s, end_s, centre_hz in notes:
        first, last = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
        out[first:last] += string(random, centre_hz, (last - first) / RATE_HZ, 0.998)[: last - first]
        hz[first:last] = centre_hz
    return Clip(kind="string", sound=levelled(out), hz=_framed(hz), notes=tuple(notes))


def _framed(hz: Signal) -> Signal:
    return hz[:: round(HOP_S * RATE_HZ)]


def noisy(clip: Clip, snr_db: float, seed: int) -> Audio:
    """With white noise so far under the mean level of the clip."""
    random = np.random.default_rng(seed + 10_000)
    noise = random.standard_normal(clip.sound.size) * np.sqrt(np.mean(clip.sound**2)) * 10 ** (-snr_db / 20)
    return Audio.of((clip.sound + noise)[np.newaxis], RATE_HZ)


def ours(audio: Audio) -> Signal:
    """Pitch every 10 ms as the product hears it."""
    return track_pitch(audio).hz


def praat(audio: Audio, lowest_hz: float = 65.0) -> Signal:
    """The same from Praat's autocorrelation method with its own constants."""
    sound = parselmouth.Sound(audio.samples.astype(np.float64), audio.rate_hz)
    pitch = sound.to_pitch_ac(time_step=HOP_S, pitch_floor=lowest_hz, pitch_ceiling=1200.0)
    values = pitch.selected_array["frequency"]
    nearest = np.round((np.arange(round(audio.duration_s / HOP_S)) * HOP_S - pitch.x1) / pitch.dx).astype(int)
    inside = (nearest >= 0) & (nearest < values.size)
    return np.where(inside, values[np.clip(nearest, 0, values.size - 1)], 0.0)


def figures(tracker: Callable[[Audio], Signal], seeds: range, snr_db: float) -> dict[str, float]:
    """RPA, octave errors, false alarms, and note errors in cents."""
    hits = octaves = voiced = false = unvoiced = 0
    errors: list[float] = []
    for seed in seeds:
        made = clip(seed)
        heard = tracker(noisy(made, snr_db, seed))
        count = min(heard.size, made.hz.size)
        heard, true = heard[:count], made.hz[:count]
        both = (true > 0) & (heard > 0)
        cents = 1200 * np.log2(heard[both] / true[both])
        hits += int((np.abs(cents) < 50).sum())
        octaves += int((np.abs(np.abs(cents) - 1200) < 50).sum())
        voiced += int((true > 0).sum())
        false += int(((true == 0) & (heard > 0)).sum())
        unvoiced += int((true == 0).sum())
        errors += _note_errors(made, heard)
    absolute = np.abs(errors)
    return {
        "rpa": hits / voiced,
        "octave": octaves / voiced,
        "false": false / max(unvoiced, 1),
        "cents": float(np.median(absolute)),
        "under10": float(np.mean(absolute < 10)),
    }


def _note_errors(made: Clip, heard: Signal) -> list[float]:
    errors = []
    for start_s, end_s, _ in made.notes:
        frames = slice(round((start_s + 0.05) / HOP_S), round((end_s - 0.03) / HOP_S))
        true, mine = made.hz[frames], heard[frames]
        if (mine > 0).any():
            errors.append(float(1200 * np.log2(np.median(mine[mine > 0]) / np.median(true[true > 0]))))
    return errors


def agreement_with_praat() -> list[tuple[str, float, float, float]]:
    """Of each real recording of a voice: name, share of frames within 50 cents, median distance, frames shared."""
    rows = []
    for path in sorted((FOLDER / "voices").iterdir()):
        audio = io.read(path, Work())
        mine, theirs = ours(audio), praat(audio)
        count = min(mine.size, theirs.size)
        both = (mine[:count] > 0) & (theirs[:count] > 0)
        if both.sum() < 50:
            continue
        cents = np.abs(1200 * np.log2(mine[:count][both] / theirs[:count][both]))
        rows.append((path.stem, float(np.mean(cents < 50)), float(np.median(cents)), int(both.sum())))
    return rows


def odd_rows(seeds: range) -> Iterator[str]:
    """Voices that are hard to follow: ours and Praat's share of the frames within 50 cents, and an octave down."""
    yield "| odd voices | RPA | an octave down | Praat: RPA | an octave down | lines told as |"
    yield "|---|---|---|---|---|---|"
    for name, voice in odd_voices.SINGLE.items():
        made = [voice(np.random.default_rng(seed)) for seed in seeds]
        mine = [_hits(track_pitch(each.sound, PitchRange(low_hz=each.lowest_hz)).hz, each.hz) for each in made]
        theirs = [_hits(praat(each.sound, each.lowest_hz), each.hz) for each in made]
        cells = " | ".join(f"{value:.3f}" for pairs in (mine, theirs) for value in np.mean(pairs, axis=0))
        yield f"| {name} | {cells} | {_told_as([each.sound for each in made])} |"
    for name, voice in (("whisper", odd_voices.whisper), ("choir", odd_voices.choir)):
        yield f"| {name} | - | - | - | - | {_told_as([voice(np.random.default_rng(seed)).sound for seed in seeds])} |"


def _hits(heard: Signal, true: Signal) -> tuple[float, float]:
    count = min(heard.size, true.size)
    both = (true[:count] > 0) & (heard[:count] > 0)
    cents = 1200 * np.log2(np.where(both, heard[:count], 1.0) / np.where(both, true[:count], 1.0))
    frames = max(int((true > 0).sum()), 1)
    return int((both & (np.abs(cents) < 50)).sum()) / frames, int((np.abs(cents + 1200) < 60).sum()) / frames


def _told_as(sounds: list[Audio]) -> str:
    kinds = [
        heard_lines(intonation(recordings_of({"v": sound}, roles={"v": "lead_vocal"})))[0].kind for sound in sounds
    ]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds), key=kinds.count, reverse=True))


def measure(seeds: range = range(FIRST_SEED, FIRST_SEED + CLIPS)) -> str:
    """The tables."""
    lines = [
        "## Pitch",
        "| tracker | SNR | RPA | octave errors | false alarms | note error, cents | under 10 | x real time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, tracker in (("ours", ours), ("Praat", praat)):
        for snr_db in SNRS_DB:
            begun = time.process_time()
            row = figures(tracker, seeds, snr_db)
            speed = 5.0 * len(seeds) / (time.process_time() - begun)
            lines.append(
                f"| {name} | {snr_db} dB | {row['rpa']:.3f} | {row['octave']:.3f} | {row['false']:.3f} |"
                f" {row['cents']:.2f} | {row['under10']:.3f} | {speed:.0f} (with making the clips) |"
            )
    lines += ["", *odd_rows(range(seeds.start, seeds.start + ODD_CLIPS))]
    lines += ["", "| real voice | within 50 cents of Praat | median cents | frames |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {share:.3f} | {cents:.2f} | {count} |" for name, share, cents, count in agreement_with_praat()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(measure())
