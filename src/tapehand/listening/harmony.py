"""The harmony of a recording: what it is tuned to, its keys, its chords with their basses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.chords import HeardChord, beat_chords, chord_line, steps_of
from tapehand.listening.keys import HeardKey, key_line, key_steps, movement
from tapehand.listening.recordings import Compact
from tapehand.listening.rhythm import Rhythm
from tapehand.listening.tones import FRAMES_PER_SECOND, Chroma, Peaks, Tuning, chroma, peaks, tuning

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tones:
    """What sounds in a recording: its peaks' reference and its chroma."""

    tuning: Tuning
    chroma: Chroma


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmony:
    """Tuning, keys in time, chords in time; no keys and no chords where there are no tones.

    ``moves`` is 0 where one tone or chord is held throughout, to 1 where the tones change as in music.
    """

    tuning: Tuning
    moves: float
    keys: tuple[HeardKey, ...]
    chords: tuple[HeardChord, ...]


def hear_tones(recordings: Sequence[Compact]) -> Tones:
    """The tones of recordings that sound together; leave out drums where they can be told apart."""
    found = [peaks(each) for each in recordings]
    reference = tuning(_all(found))
    folded = [chroma(each, reference) for each in found]
    frames = max(each.frames for each in folded)
    treble, bass = np.zeros((frames, 12)), np.zeros((frames, 12))
    for each in folded:
        treble[: each.frames] += each.treble
        bass[: each.frames] += each.bass
    return Tones(tuning=reference, chroma=Chroma(treble=treble, bass=bass))


def hear_harmony(tones: Tones, rhythm: Rhythm | None) -> Harmony:
    """Keys and chords, beat by beat where the beat is known."""
    folded = tones.chroma
    if not folded.treble.any() and not folded.bass.any():
        return Harmony(tuning=tones.tuning, moves=0.0, keys=(), chords=())
    beats_s = rhythm.beats_s if rhythm is not None else None
    lines_s = rhythm.downbeats_s if rhythm is not None else np.zeros(0)
    heard = beat_chords(folded, steps_of(folded.frames / FRAMES_PER_SECOND, beats_s))
    return Harmony(
        tuning=tones.tuning,
        moves=movement(key_steps(folded, heard)),
        keys=key_line(folded, heard),
        chords=chord_line(heard, lines_s),
    )


def _all(found: Sequence[Peaks]) -> Peaks:
    return Peaks(
        frame=np.concatenate([each.frame for each in found]),
        pitch=np.concatenate([each.pitch for each in found]),
        weight=np.concatenate([each.weight for each in found]),
        frames=max(each.frames for each in found),
    )
