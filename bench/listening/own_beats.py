"""``python -m bench.listening.own_beats``: are the bars of the product's own beats heard where they were written?

Mixes of drafts by the built-in composer; the truth is the grid of the song that was written. Neither is known to the
listener, and no weight was found on them.
"""

import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.listening.scores import LEVELS, beat_f, key_points, within
from tapehand.app.beat import make_beat
from tapehand.app.studio import Studio
from tapehand.app.view import song_of
from tapehand.audio import io
from tapehand.bootstrap import make_studio
from tapehand.listening.harmony import Harmony, hear_harmony, hear_tones
from tapehand.listening.onsets import onsets
from tapehand.listening.recordings import compact_of
from tapehand.listening.rhythm import Rhythm, hear_rhythm
from tapehand.song.song import Song
from tapehand.work import Work

Values = NDArray[np.float64]

PROMPTS: Final = ("dark trap beat", "dusty boom bap beat", "deep house track")
SEEDS: Final = (1, 2, 3)
_COLUMNS: Final = ("acc1", "acc2", "beat", "downbeat", "key")


def heard_of(studio: Studio, prompt: str, seed: int, folder: Path) -> tuple[Song, Rhythm | None, Harmony]:
    """A beat that was written and what is heard of its mix."""
    out = folder / f"{prompt}-{seed}"
    make_beat(studio, prompt, out, by="bench", seed=seed, draft=True, work=Work())
    with studio.open_song(out / "song.tapehand") as store:
        song = song_of(store.state())
    kept = compact_of(io.read(out / "mix.wav", Work()))
    tones = hear_tones([kept])
    rhythm = hear_rhythm(onsets(kept), tones.chroma)
    return song, rhythm, hear_harmony(tones, rhythm)


def written(song: Song) -> tuple[float, Values, Values]:
    """Tempo, beats and bar lines of a song's grid."""
    grid = song.grid
    assert grid is not None
    metre = grid.metre_at(0)
    bars = max(section.end_bar for section in song.sections) - 1
    lines = np.array([grid.seconds_at(bar * metre.bar_ticks) for bar in range(bars)])
    beats = np.array([grid.seconds_at(beat * metre.beat_ticks) for beat in range(bars * metre.beats)])
    return grid.bpm_at(0), beats, lines


def scored(song: Song, rhythm: Rhythm | None, harmony: Harmony) -> dict[str, float]:
    """The figures of one beat."""
    bpm, beats_s, lines_s = written(song)
    heard = rhythm.tempo_bpm if rhythm else None
    key = max(harmony.keys, key=lambda each: each.end_s - each.start_s).key if harmony.keys else None
    truth = song.key
    return {
        "acc1": float(within(heard, bpm)),
        "acc2": float(within(heard, bpm, LEVELS)),
        "beat": beat_f(beats_s, rhythm.beats_s) if rhythm else 0.0,
        "downbeat": beat_f(lines_s, rhythm.downbeats_s) if rhythm else 0.0,
        "key": key_points(
            (key.tonic, "minor" if key.is_minor else "major") if key else None,
            (truth.tonic, "minor" if truth.is_minor else "major") if truth else (0, "major"),
        ),
    }


def measure() -> str:
    """The section of the results."""
    studio, lines = make_studio(), []
    with tempfile.TemporaryDirectory() as folder:
        for prompt in PROMPTS:
            rows = [scored(*heard_of(studio, prompt, seed, Path(folder))) for seed in SEEDS]
            means = [f"{np.mean([row[column] for row in rows]):.3f}" for column in _COLUMNS]
            lines.append(f"| {prompt} | {' | '.join(means)} |")
    return "\n".join([
        "## Our own beats, heard again",
        f"{len(SEEDS)} drafts each, mixes; the truth is the grid and key they were written with.",
        "", "| prompt | Acc1 | Acc2 | beat F | downbeat F | key |", "|---|---|---|---|---|---|", *lines,
    ])  # fmt: skip


if __name__ == "__main__":
    print(measure())
