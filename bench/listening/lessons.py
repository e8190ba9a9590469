"""What is heard of the dev clips, kept in a folder between runs: what weights are found on."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.listening.clips import ChordTruth, KeyTruth, clip
from bench.listening.sources import RATE_HZ
from bench.listening.unmusical import unmusical
from tapehand.audio import Audio
from tapehand.listening.onsets import Onsets, onsets
from tapehand.listening.recordings import compact_of
from tapehand.listening.tones import Chroma, chroma, peaks, tuning

Values = NDArray[np.float64]

DEV_SEEDS: Final = range(560)
UNMUSICAL_SEEDS: Final = range(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What was heard of a clip, and what is true of it; an unmusical sound has no tempo, no metre, no chords."""

    style: str
    heard: Onsets
    tones: Chroma
    tempo_bpm: float | None = None
    metre: tuple[int, int] | None = None
    beats_s: Values
    downbeats_s: Values
    chords: tuple[ChordTruth, ...] = ()
    keys: tuple[KeyTruth, ...] = ()

    @property
    def period(self) -> float:
        """True beat in frames."""
        assert self.tempo_bpm is not None
        return 6000.0 / self.tempo_bpm


def lesson(seed: int, folder: Path) -> Lesson:
    """The lesson of a dev clip."""
    kept = folder / f"clip-{seed}.pickle"
    if not kept.exists():
        played = clip(seed)
        heard, tones = listen(played.mix)
        made = Lesson(
            style=played.style, heard=heard, tones=tones, tempo_bpm=played.tempo_bpm, metre=played.metre,
            beats_s=played.beats_s, downbeats_s=played.downbeats_s, chords=played.chords, keys=played.keys,
        )  # fmt: skip
        kept.write_bytes(pickle.dumps(made))
    found: Lesson = pickle.loads(kept.read_bytes())
    return found


def without_music(seed: int) -> Lesson:
    """A lesson in not being sure."""
    name, sound = unmusical(seed)
    heard, tones = listen(sound)
    return Lesson(style=name, heard=heard, tones=tones, beats_s=np.zeros(0), downbeats_s=np.zeros(0))


def listen(sound: Values) -> tuple[Onsets, Chroma]:
    """Onsets and chroma of a mono sound."""
    kept = compact_of(Audio.of(sound[np.newaxis], RATE_HZ))
    found = peaks(kept)
    return onsets(kept), chroma(found, tuning(found))
