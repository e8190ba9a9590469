"""Music with known truth: clips of every style in ``styles.toml``, played by ``sources``, each from its seed alone.

The truth is what was played: beats, bar lines, tempo, chords with bass, keys, tuning. Nothing here knows the listener.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.listening.sources import DRUMS, RATE_HZ, Kit, Rng, Sampler, Signal, band_noise, reverberated

LENGTH_S: Final = 24.0
QUALITIES: Final = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10),
    "sus4": (0, 5, 7), "dim": (0, 3, 6),
}  # fmt: skip
SCALES: Final = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# Degrees in semitones above the tonic, with qualities; the last figure is the bass, above the root.
PROGRESSIONS: Final[dict[str, tuple[tuple[tuple[int, str, int], ...], ...]]] = {
    "major": (
        ((0, "maj", 0), (7, "maj", 0), (9, "min", 0), (5, "maj", 0)),
        ((0, "maj", 0), (9, "min", 0), (5, "maj", 0), (7, "maj", 0)),
        ((0, "maj", 0), (5, "maj", 0), (0, "maj", 0), (7, "maj", 0)),
        ((0, "maj", 0), (7, "maj", 4), (9, "min", 0), (9, "min", 10), (5, "maj", 0), (0, "maj", 4), (2, "min", 0),
         (7, "maj", 0)),
        ((2, "min", 0), (7, "maj", 0), (0, "maj", 0), (9, "min", 0)),
        ((0, "maj", 0), (4, "min", 0), (5, "maj", 0), (7, "sus4", 0), (7, "maj", 0)),
        ((0, "maj", 0), (10, "maj", 0), (5, "maj", 0), (0, "maj", 0)),
        ((0, "maj", 0), (5, "maj", 7), (7, "maj", 0), (0, "maj", 0)),
        ((0, "maj", 0), (9, "maj", 4), (2, "min", 0), (7, "maj", 0)),
    ),
    "minor": (
        ((0, "min", 0), (8, "maj", 0), (3, "maj", 0), (10, "maj", 0)),
        ((0, "min", 0), (10, "maj", 0), (8, "maj", 0), (7, "maj", 0)),
        ((0, "min", 0), (5, "min", 0), (7, "maj", 0), (0, "min", 0)),
        ((0, "min", 0), (5, "min", 0), (10, "maj", 0), (3, "maj", 0)),
        ((0, "min", 0), (0, "min", 3), (5, "min", 0), (7, "maj", 4)),
        ((0, "min", 0), (3, "maj", 0), (10, "maj", 0), (5, "min", 0)),
        ((0, "min", 0), (8, "maj", 0), (5, "min", 0), (7, "min", 0)),
    ),
}  # fmt: skip
SEVENTHS: Final[dict[str, tuple[tuple[tuple[int, str, int], ...], ...]]] = {
    "major": (
        ((2, "min7", 0), (7, "7", 0), (0, "maj7", 0), (0, "maj7", 0)),
        ((0, "maj7", 0), (9, "min7", 0), (2, "min7", 0), (7, "7", 0)),
        ((0, "7", 0), (5, "7", 0), (0, "7", 0), (7, "7", 0)),
    ),
    "minor": (
        ((0, "min7", 0), (5, "min7", 0), (10, "7", 0), (3, "maj7", 0)),
        ((0, "min7", 0), (8, "maj7", 0), (5, "min7", 0), (7, "7", 0)),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChordTruth:
    """A chord that sounds from ``start_s`` to ``end_s``; ``bass`` is a pitch class."""

    start_s: float
    end_s: float
    root: int
    quality: str
    bass: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTruth:
    """A key and where it begins."""

    start_s: float
    tonic: int
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What was played, and the truth about it. ``beats_s`` are eighths where the unit is an eighth in odd metres."""

    name: str
    style: str
    seed: int
    stems: dict[str, Signal]
    tempo_bpm: float
    metre: tuple[int, int]
    odd: bool
    beats_s: Signal
    downbeats_s: Signal
    chords: tuple[ChordTruth, ...]
    keys: tuple[KeyTruth, ...]
    tuning_cents: float
    rate_hz: int = RATE_HZ
    traits: tuple[str, ...] = field(default=())

    @property
    def mix(self) -> Signal:
        """All of it, peak 0.7."""
        total = np.sum(list(self.stems.values()), axis=0)
        return 0.7 * total / max(float(np.abs(total).max()), 1e-9)


@cache
def styles() -> dict[str, dict[str, Any]]:
    """The table of styles."""
    return tomllib.loads(Path(__file__).with_name("styles.toml").read_text(encoding="utf-8"))


def clip(seed: int, style: str | None = None, length_s: float = LENGTH_S) -> Clip:
    """The clip of a seed; the style follows from the seed too unless it is named."""
    rng = np.random.default_rng([20261122, seed])
    name = style or sorted(styles())[seed % len(styles())]
    return _Player(name, styles()[name], rng, seed, length_s).play()


class _Player:
    """One clip in the making."""

    def __init__(self, name: str, style: dict[str, Any], rng: Rng, seed: int, length_s: float) -> None:
        self.name, self.style, self.rng, self.seed = name, style, rng, seed
        self.metre: tuple[int, int] = tuple(style.get("metre", (4, 4)))
        self.steps: int = style.get("steps", 16)
        self.tempo_bpm = float(rng.uniform(*style["tempo"]))
        self.odd: bool = style.get("odd", False)
        # In 7/8 the tempo is that of the quarter, and there are 3.5 to the bar.
        quarter = 60.0 / self.tempo_bpm
        self.bar_s = quarter * (3.5 if self.metre == (7, 8) else self.metre[0])
        self.bars = max(4, int(length_s / self.bar_s))
        self.start_s = float(rng.uniform(0.0, 1.2))
        self.length = round((self.start_s + self.bars * self.bar_s * 1.05 + 0.4) * RATE_HZ)
        self.tuning_cents = float(rng.choice([0.0, 0.0, rng.uniform(-40.0, 40.0)]))
        self.traits: list[str] = []
        self.lines = self._bar_lines()
        self.swing = float(rng.uniform(*style["swing"])) if "swing" in style else 0.0
        self.jitter_s = float(rng.uniform(0.001, 0.008))

    def _bar_lines(self) -> Signal:
        """Times of step boundaries at bars, with drift where the band drifts."""
        kind = str(self.rng.choice(["steady", "steady", "sway", "rush"]))
        positions = np.arange(self.bars * self.steps + 1) / self.steps
        speed = np.ones(positions.size)
        if kind == "sway":
            turns = positions / self.bars * self.rng.uniform(1.0, 2.0) + self.rng.uniform()
            speed += 0.02 * np.sin(2 * np.pi * turns)
        if kind == "rush":
            speed += np.linspace(-0.02, 0.02, positions.size) * self.rng.choice([-1.0, 1.0])
        if kind != "steady":
            self.traits.append(kind)
        lengths = self.bar_s / self.steps / speed[:-1]
        return self.start_s + np.concatenate([[0.0], np.cumsum(lengths)])

    def time(self, bar: int, step: float) -> float:
        """When a step sounds before the hand's own error: swung where the style swings."""
        place = bar * self.steps + step
        whole = min(int(place), self.lines.size - 2)
        length_s = float(self.lines[whole + 1] - self.lines[whole])
        late = self.swing * length_s if int(step) % 2 == 1 and self.steps == 16 else 0.0
        return float(self.lines[whole]) + (place - whole) * length_s + late

    def play(self) -> Clip:
        """All players, and what they played."""
        chords = self._harmony()
        stems = {
            "drums": self._drums(), "bass": self._bass(chords), "harmony": self._comp(chords),
            "melody": self._melody(chords),
        }  # fmt: skip
        stems = {name: self._placed(name, stem) for name, stem in stems.items() if np.abs(stem).max() > 0.0}
        if self.rng.uniform() < 0.3:
            self.traits.append("noise")
            floor = band_noise(self.rng, self.length / RATE_HZ, 60.0, 9000.0)[: self.length]
            stems["noise"] = np.pad(floor, (0, self.length - floor.size)) * 10 ** (self.rng.uniform(-45.0, -32.0) / 20)
        units = self.metre[0]
        count = self.bars * units
        places = np.arange(count) * self.steps / units
        beats = np.interp(places, np.arange(self.lines.size), self.lines)
        return Clip(
            name=f"{self.name}-{self.seed}", style=self.name, seed=self.seed, stems=stems, tempo_bpm=self.tempo_bpm,
            metre=(6, 8) if self.metre == (2, 8) else self.metre, odd=self.odd, beats_s=beats,
            downbeats_s=beats[::units], chords=tuple(self._truth(chords)), keys=tuple(self._keys(chords)),
            tuning_cents=self.tuning_cents, traits=tuple(self.traits),
        )  # fmt: skip

    # ---- what is played

    def _harmony(self) -> list[tuple[float, float, int, str, int, int, str]]:
        """Chords as (start place, end place in bars, root, quality, bass, tonic, mode)."""
        mode = str(self.rng.choice(["major", "minor"]))
        tonic = int(self.rng.integers(12))
        table = SEVENTHS if self.style.get("sevenths") else PROGRESSIONS
        progression = table[mode][int(self.rng.integers(len(table[mode])))]
        if self.rng.uniform() < 0.4:  # not every song opens on its tonic
            first = int(self.rng.integers(len(progression)))
            progression = progression[first:] + progression[:first]
        beats = self.metre[0] if self.metre != (2, 8) else 2
        length = self.style.get("chord_beats", beats) / beats
        if length == 1.0 and self.tempo_bpm < 90 and beats == 4 and self.rng.uniform() < 0.35:
            length = 0.5
        elif length == 1.0 and self.bar_s < 1.7 and self.rng.uniform() < 0.4:
            length = 2.0
        turn = self.bars
        if self.rng.uniform() < 0.15 and self.bars >= 10:
            turn = self.bars // 2 // 2 * 2
            self.traits.append("modulation")
        made, place, number, step_up = [], 0.0, 0, 0
        while place < self.bars:
            if place >= turn and not step_up:
                step_up, number = int(self.rng.choice([1, 2, 3, 5])), 0
            degree, quality, bass = progression[number % len(progression)]
            here = (tonic + step_up) % 12
            root = (here + degree) % 12
            end = min(place + length, float(self.bars), turn if place < turn else np.inf)
            made.append((place, end, root, quality, (root + bass) % 12, here, mode))
            place, number = end, number + 1
        return made

    def _hits(self, patterns: Sequence[str]) -> list[tuple[float, float]]:
        """Times and strengths of a pattern through the clip; a second pattern comes in now and then."""
        first = str(self.rng.choice(list(patterns)))
        hits = []
        for bar in range(self.bars):
            pattern = str(self.rng.choice(list(patterns))) if self.rng.uniform() < 0.12 else first
            for step, mark in enumerate(pattern):
                if mark != ".":
                    level = {"X": 1.15, "x": 1.0 if step % 4 == 0 else 0.82, "g": 0.3, "a": 0.85}[mark]
                    hits.append((self._by_hand(bar, step), level * self.rng.uniform(0.85, 1.1)))
        return hits

    def _by_hand(self, bar: int, step: float) -> float:
        return max(0.0, self.time(bar, step) + float(self.rng.normal(0.0, self.jitter_s)))

    def _drums(self) -> Signal:
        track, kit = np.zeros(self.length), Kit(self.rng)
        begin_s = 0.0
        if self.rng.uniform() < 0.15 and self.bars >= 8:
            begin_s = self.time(self.bars // 4, 0) - 0.05
            self.traits.append("late drums")
        for name in DRUMS:
            if name in self.style:
                loudness = 10 ** (self.rng.normal(0.0, 2.5) / 20)
                for at_s, level in self._hits(self.style[name]):
                    if at_s >= begin_s:
                        _add(track, kit.stroke(name), at_s, level * loudness)
        if "snare" in self.style:
            self._fills(track, kit, begin_s)
        return track

    def _fills(self, track: Signal, kit: Kit, begin_s: float) -> None:
        """Every fourth bar may end in a fill, and a crash follows."""
        for bar in range(3, self.bars - 1, 4):
            if self.rng.uniform() < 0.5 and self.time(bar, 0) >= begin_s:
                for step in range(self.steps * 3 // 4, self.steps):
                    if self.rng.uniform() < 0.75:
                        drum = str(self.rng.choice(["snare", "tom", "tom"]))
                        _add(track, kit.stroke(drum), self._by_hand(bar, step), self.rng.uniform(0.4, 0.9))
                _add(track, kit.stroke("crash"), self._by_hand(bar + 1, 0), 0.8)

    def _bass(self, chords: Sequence[tuple[float, float, int, str, int, int, str]]) -> Signal:
        track = np.zeros(self.length)
        if not self.style.get("low") or not self.style.get("bass"):
            return track
        sampler = Sampler(str(self.rng.choice(self.style["low"])), self.rng, self.tuning_cents)
        walking, hits = self.style.get("walking", False), self._hits(self.style["bass"])
        for number, (at_s, level) in enumerate(hits):
            start, end, root, quality, bass, _, _ = self._chord_at(chords, at_s + 0.03)
            first = abs(at_s - self._at(start)) < 0.06
            choices = [bass, bass, bass, (root + 7) % 12, bass]
            if walking:
                choices = [(root + interval) % 12 for interval in QUALITIES[quality]] + [(root + 2) % 12]
            tone = bass if first or bass != root else int(self.rng.choice(choices))
            until_s = min(hits[number + 1][0] if number + 1 < len(hits) else at_s + 1.0, self._at(end))
            pitch = 28 + (tone - 28) % 12
            pitch += 12 if self.rng.uniform() < 0.1 else 0
            _add(track, sampler.note(pitch, max(0.08, (until_s - at_s) * self.rng.uniform(0.7, 0.98))), at_s, level)
        return track

    def _comp(self, chords: Sequence[tuple[float, float, int, str, int, int, str]]) -> Signal:
        track = np.zeros(self.length)
        sampler = Sampler(str(self.rng.choice(self.style["harmony"])), self.rng, self.tuning_cents)
        pattern = str(self.rng.choice(self.style["comp"]))
        low = int(self.rng.integers(52, 61))
        hits, turn, strum_s = self._hits([pattern]), 0, float(self.rng.choice([0.0, 0.0, 0.008, 0.015]))
        if "a" not in pattern:
            hits = sorted(hits + [(self._at(start), 1.0) for start, *_ in chords if pattern[0] == "x"])
            hits = [hit for number, hit in enumerate(hits) if number == 0 or hit[0] - hits[number - 1][0] > 0.05]
        for number, (at_s, level) in enumerate(hits):
            _, end, root, quality, _, _, _ = self._chord_at(chords, at_s + 0.03)
            until_s = min(hits[number + 1][0] if number + 1 < len(hits) else at_s + 2.0, self._at(end))
            voicing = sorted(low + (root + interval - low) % 12 for interval in QUALITIES[quality])
            if "a" in pattern:
                order = [*voicing, *voicing[-2:0:-1]]
                voicing, turn = [order[turn % len(order)]], turn + 1
                until_s = min(at_s + 2.5 * (until_s - at_s), self._at(end))
            for string, pitch in enumerate(voicing):
                length_s = max(0.06, (until_s - at_s) * self.rng.uniform(0.75, 1.0))
                _add(track, sampler.note(pitch, length_s), at_s + strum_s * string, 0.5 * level)
        return track

    def _melody(self, chords: Sequence[tuple[float, float, int, str, int, int, str]]) -> Signal:
        track = np.zeros(self.length)
        if self.rng.uniform() < 0.3:
            return track
        name = str(self.rng.choice(["voice", "voice", "lead_synth", "piano", "plucked", "strings"]))
        sampler = Sampler(name, self.rng, self.tuning_cents)
        pitch, place = int(self.rng.integers(64, 74)), 0.0
        unit = self.steps / (self.metre[0] * 2) if self.steps in (16, 14, 20) else self.steps / (self.metre[0] * 3)
        unit = unit if self.steps != 6 else 1.0
        total = self.bars * self.steps
        while place < total - 1:
            length = unit * float(self.rng.choice([1, 1, 2, 2, 3, 4]))
            at_s = self._by_hand(int(place // self.steps), place % self.steps)
            if self.rng.uniform() < 0.78:
                _, _, root, quality, _, tonic, mode = self._chord_at(chords, at_s + 0.03)
                tones = [(root + interval) % 12 for interval in QUALITIES[quality]]
                if length <= unit and self.rng.uniform() < 0.7:
                    tones = [(tonic + interval) % 12 for interval in SCALES[mode]]
                near = [p for p in range(pitch - 5, pitch + 6) if p % 12 in tones and 60 <= p <= 80] or [pitch]
                pitch = int(self.rng.choice(near))
                end_s = self._at(min(place + length, total) / self.steps)
                _add(track, sampler.note(pitch, max(0.08, end_s - at_s)), at_s, self.rng.uniform(0.7, 1.1))
            place += length
        return track

    # ---- where and what is true

    def _at(self, bar_place: float) -> float:
        return float(np.interp(bar_place * self.steps, np.arange(self.lines.size), self.lines))

    def _chord_at(
        self, chords: Sequence[tuple[float, float, int, str, int, int, str]], time_s: float
    ) -> tuple[float, float, int, str, int, int, str]:
        return next((chord for chord in chords if time_s < self._at(chord[1])), chords[-1])

    def _placed(self, name: str, stem: Signal) -> Signal:
        """At its level in the mix, in its room."""
        level_db = {"drums": -14.0, "bass": -17.0, "harmony": -19.0, "melody": -18.0}[name] + self.rng.normal(0.0, 3.0)
        wet = reverberated(stem, self.rng, float(self.rng.uniform(0.3, 1.6)), float(self.rng.uniform(0.03, 0.3)))
        return wet * 10 ** (level_db / 20) / max(float(np.sqrt((wet**2).mean())), 1e-9)

    def _truth(self, chords: Sequence[tuple[float, float, int, str, int, int, str]]) -> list[ChordTruth]:
        return [
            ChordTruth(start_s=self._at(start), end_s=self._at(end), root=root, quality=quality, bass=bass)
            for start, end, root, quality, bass, _, _ in chords
        ]

    def _keys(self, chords: Sequence[tuple[float, float, int, str, int, int, str]]) -> list[KeyTruth]:
        keys: list[KeyTruth] = []
        for start, *_, tonic, mode in chords:
            if not keys or keys[-1].tonic != tonic:
                keys.append(KeyTruth(start_s=self._at(start), tonic=tonic, mode=mode))
        return keys


def _add(track: Signal, sound: Signal, at_s: float, level: float) -> None:
    start = round(at_s * RATE_HZ)
    kept = min(sound.size, track.size - start)
    if kept > 0:
        track[start : start + kept] += level * sound[:kept]
