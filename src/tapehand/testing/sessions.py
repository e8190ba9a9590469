"""The seeded session generator: multitrack sessions with a known human-like mix, for tests and benchmarks.

The reference levels are drawn here, not from the product's role table: within a song they spread with a standard
deviation of 3 to 6 dB, lead and kick tending to the front, and no further rule. Every part is synthesised by
``testing.voices``. The plain sum of the written stems **is** the reference mix.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.io import write
from tapehand.testing.voices import Hit, sounded

BEATS: Final = 4
PHRASE_BARS: Final = 4
_PROGRESSIONS: Final = ((0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 5, 4), (0, 4, 5, 3))
_SCALE: Final = (0, 2, 4, 5, 7, 9, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """What to generate. ``tracks`` beyond the list in ``sessions.toml`` repeat it with other notes and names."""

    seed: int
    tracks: int = 24
    length_s: float = 240.0
    rate_hz: int = 44_100
    bpm: float | None = None


LARGE: Final = SessionPlan(seed=1, tracks=24, length_s=240.0)
LARGEST: Final = SessionPlan(seed=2, tracks=40, length_s=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTruth:
    """What is known of a generated track: ``level_db`` is its RMS while it sounds, ``pan`` -1..+1."""

    name: str
    role: str
    level_db: float
    pan: float
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionTruth:
    """A section of the generated form; bars count from 1."""

    kind: str
    start_bar: int
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTruth:
    """Everything that is known of a generated session."""

    seed: int
    bpm: float
    key: int
    rate_hz: int
    sections: tuple[SectionTruth, ...]
    tracks: tuple[TrackTruth, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    truth: TrackTruth
    spec: Mapping[str, Any]
    seed: int


def generate_session(folder: Path, plan: SessionPlan) -> SessionTruth:
    """Writes one 24-bit stereo WAV a track into ``folder`` and ``truth.json`` beside the folder; returns the truth."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(plan.seed)
    bpm = plan.bpm or float(random.integers(78, 132))
    key = int(random.integers(12))
    sections = _form(plan, bpm)
    parts = _parts(plan, random)
    for part in parts:
        write(folder / f"{part.truth.name}.wav", _stem(part, sections, plan, bpm, key), subtype="PCM_24")
    truth = SessionTruth(
        seed=plan.seed,
        bpm=bpm,
        key=key,
        rate_hz=plan.rate_hz,
        sections=sections,
        tracks=tuple(part.truth for part in parts),
    )
    folder.with_name(f"{folder.name}.truth.json").write_text(json.dumps(asdict(truth), indent=1))
    return truth


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("tapehand.testing").joinpath("sessions.toml").read_text(encoding="utf-8"))


def _form(plan: SessionPlan, bpm: float) -> tuple[SectionTruth, ...]:
    """Sections in whole phrases that fill the asked length as nearly as they can."""
    kinds = _table()["forms"]["full" if plan.length_s > 100 else "short"]
    phrases = max(len(kinds), round(plan.length_s * bpm / 60 / BEATS / PHRASE_BARS))
    sections: list[SectionTruth] = []
    bar = 1
    for index, kind in enumerate(kinds):
        count = (phrases * (index + 1)) // len(kinds) - (phrases * index) // len(kinds)
        sections.append(SectionTruth(kind=kind, start_bar=bar, bars=count * PHRASE_BARS))
        bar += count * PHRASE_BARS
    return tuple(sections)


def _parts(plan: SessionPlan, random: np.random.Generator) -> list[_Part]:
    specs = _table()["track"]
    spread = random.uniform(3.0, 6.0)
    style = int(random.integers(5))
    chosen = [specs[index % len(specs)] for index in range(plan.tracks)]
    levels = np.array([_table()["places"][spec["place"]] for spec in chosen]) + random.normal(0, 3.0, plan.tracks)
    levels = (levels - levels.mean()) * (spread / max(float(levels.std()), 1e-9)) - 30.0
    parts = []
    for index, spec in enumerate(chosen):
        again = index // len(specs)
        name = spec["names"][style] + (f" {again + 1}" if again else "")
        truth = TrackTruth(
            name=name,
            role=spec["role"],
            level_db=round(float(levels[index]), 2),
            pan=round(float(random.uniform(-spec["pan"], spec["pan"])), 2),
            sections=tuple(spec["sections"]),
        )
        parts.append(_Part(truth, spec, int(random.integers(2**31))))
    return parts


def _stem(part: _Part, sections: Sequence[SectionTruth], plan: SessionPlan, bpm: float, key: int) -> Audio:
    bar_samples = BEATS * 60.0 / bpm * plan.rate_hz
    total = round(sum(section.bars for section in sections) * bar_samples) + plan.rate_hz
    line = np.zeros(total)
    active = np.zeros(total, dtype=bool)
    random = np.random.default_rng(part.seed)
    phrases = {
        kind: _phrase(part, bar_samples, plan.rate_hz, key, salt)
        for salt, kind in enumerate(sorted({section.kind for section in sections} & set(part.truth.sections)))
    }
    for section in sections:
        if section.kind not in phrases:
            continue
        for repeat in range(section.bars // PHRASE_BARS):
            start = round((section.start_bar - 1 + repeat * PHRASE_BARS) * bar_samples)
            phrase = phrases[section.kind][: total - start]
            line[start : start + phrase.size] += phrase * 10.0 ** (random.normal(0, 0.6) / 20)
            active[start : start + phrase.size] = True
    line += 10.0 ** (-84 / 20) * random.standard_normal(total)
    return _placed(line, active, part.truth, plan.rate_hz, random)


def _placed(
    line: NDArray[np.float64],
    active: NDArray[np.bool_],
    truth: TrackTruth,
    rate_hz: int,
    random: np.random.Generator,
) -> Audio:
    """On its reference level and place: constant-power pan, and a decorrelated 3 % so that it is no dual mono."""
    rms = float(np.sqrt(np.mean(line[active] ** 2))) if active.any() else 1.0
    line = line * 10.0 ** (truth.level_db / 20) / rms
    angle = (truth.pan + 1) * np.pi / 4
    late = np.roll(line, int(random.integers(200, 500)))
    left = np.cos(angle) * (line + 0.03 * late)
    right = np.sin(angle) * (line - 0.03 * late)
    return Audio.of(np.stack([left, right]), rate_hz)


def _phrase(part: _Part, bar_samples: float, rate_hz: int, key: int, salt: int) -> NDArray[np.float64]:
    random = np.random.default_rng((part.seed, salt))
    hits = _hits(part, bar_samples, key, random)
    tail = rate_hz // 2
    return sounded(part.spec["voice"], hits, round(PHRASE_BARS * bar_samples) + tail, rate_hz, part.seed + salt)


_DRUM_STEPS: Final[dict[str, tuple[int, ...]]] = {
    "kick": (0, 7, 8),
    "snare": (4, 12),
    "hats": (0, 2, 4, 6, 8, 10, 12, 14),
    "shaker": tuple(range(16)),
    "tom": (13, 14, 15),
    "overheads": (0, 4, 8, 12),
}


def _hits(part: _Part, bar_samples: float, key: int, random: np.random.Generator) -> list[Hit]:
    voice = part.spec["voice"]
    if voice in _DRUM_STEPS:
        return _drum_hits(_DRUM_STEPS[voice], part.spec, bar_samples, random)
    if voice == "noise":
        return [Hit(start_samples=0, length_samples=int(2 * bar_samples), pitch=60, velocity=1.0)]
    chords = _PROGRESSIONS[int(random.integers(len(_PROGRESSIONS)))]
    if voice in ("pad", "organ", "keys", "pluck", "guitar"):
        return _chord_hits(part.spec, chords, bar_samples, key, random)
    return _line_hits(part.spec, chords, bar_samples, key, random)


def _drum_hits(
    steps: Sequence[int], spec: Mapping[str, Any], bar_samples: float, random: np.random.Generator
) -> list[Hit]:
    hits = []
    for bar in range(PHRASE_BARS):
        for step in steps:
            late = random.normal(0, 0.004) * bar_samples / 2
            start = max(0, round((bar + step / 16) * bar_samples + late))
            velocity = float(np.clip(random.normal(0.85 if step % 4 == 0 else 0.6, 0.1), 0.15, 1.0))
            pitch = int(random.integers(spec["low"], spec["high"] + 1))
            hits.append(Hit(start_samples=start, length_samples=1000, pitch=pitch, velocity=velocity))
    return hits


def _pitch(degree: int, key: int, low: int, high: int) -> int:
    pitch = 12 * (low // 12) + key + _SCALE[degree % 7] + 12 * (degree // 7)
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def _chord_hits(
    spec: Mapping[str, Any], chords: Sequence[int], bar_samples: float, key: int, random: np.random.Generator
) -> list[Hit]:
    strokes = 1 if spec["voice"] in ("pad", "organ") else int(random.choice([2, 4]))
    hits = []
    for bar, root in enumerate(chords):
        for stroke in range(strokes):
            start = round((bar + stroke / strokes) * bar_samples + abs(random.normal(0, 0.002)) * bar_samples)
            for step in (0, 2, 4):
                pitch = _pitch(root + step, key, spec["low"], spec["high"])
                length = round(bar_samples / strokes * 0.9)
                hits.append(Hit(start_samples=start, length_samples=length, pitch=pitch, velocity=0.7))
    return hits


def _line_hits(
    spec: Mapping[str, Any], chords: Sequence[int], bar_samples: float, key: int, random: np.random.Generator
) -> list[Hit]:
    """A melody or a bass line: chord tones on the beat, steps between, a rest now and then."""
    hits = []
    for bar, root in enumerate(chords):
        degree = root
        for beat in range(BEATS):
            if spec["voice"] != "bass" and random.random() < 0.25:
                continue
            degree = root if beat == 0 else degree + int(random.integers(-1, 2))
            start = round((bar + beat / BEATS) * bar_samples + abs(random.normal(0, 0.002)) * bar_samples)
            length = round(bar_samples / BEATS * random.uniform(0.6, 0.95))
            pitch = _pitch(degree, key, spec["low"], spec["high"])
            velocity = float(random.uniform(0.5, 0.95))
            hits.append(Hit(start_samples=start, length_samples=length, pitch=pitch, velocity=velocity))
    return hits
