"""Whether there is anything to hear time by: a held tone and a drone have no beats, strokes that are alike no bars."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.metre import strongest_onsets
from tapehand.listening.onsets import Onsets
from tapehand.listening.recordings import Compact

LOOK_BACK_FRAMES: Final = 2
COMPRESSION: Final = 48.0
LIVELIEST: Final = 25
NOTHING: Final = 1e-9


def stirs(heard: Compact) -> bool:
    """Whether sounds begin in it that could be beats; tempo, bars and what follows from them make no sense else."""
    return stirring(heard) >= float(load("rhythm")["stirring"]["least"])


def are_alike(beats_s: NDArray[np.float64], heard: Onsets) -> bool:
    """Whether every beat is as strong as the next in every register, as a metronome's are: they tell no bars."""
    strengths = strongest_onsets(beats_s, heard)[1:-1]
    if strengths.shape[0] < 2:
        return True
    spread = float(strengths.std(axis=0).sum()) / max(float(strengths.mean(axis=0).sum()), NOTHING)
    return spread < float(load("rhythm")["stirring"]["least_accents"])


def stirring(heard: Compact) -> float:
    """How much bands rise within 20 ms over what they and their neighbours were, in the liveliest 4 % of the time.

    Powers are compressed against the mean level, so that neither the level of the recording nor noise far under it
    counts. Held tones and sweeps reach 0.02, most drones 0.06, noise 0.12, bowed strings 0.15, drums 0.4 to 1.
    """
    bands = heard.bands
    if bands.shape[0] <= LOOK_BACK_FRAMES:
        return 0.0
    level = float(np.sqrt(heard.levels.mean(dtype=np.float64)))
    if level <= NOTHING:
        return 0.0
    compressed = np.log1p(np.sqrt(bands) * np.float32(COMPRESSION / level))
    before = compressed[:-LOOK_BACK_FRAMES].copy()
    np.maximum(before[:, 1:], compressed[:-LOOK_BACK_FRAMES, :-1], out=before[:, 1:])
    np.maximum(before[:, :-1], compressed[:-LOOK_BACK_FRAMES, 1:], out=before[:, :-1])
    rises = np.maximum(compressed[LOOK_BACK_FRAMES:] - before, 0.0).mean(axis=1)
    count = max(1, rises.size // LIVELIEST)
    return float(np.partition(rises, rises.size - count)[rises.size - count :].mean(dtype=np.float64))
