"""Beats: the sequence of moments that is regular and lies on onsets.

Dynamic programming after D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36,
2007, with a period that may change along the recording.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.kernels.rhythm import best_beats
from tapehand.listening.onsets import FRAMES_PER_SECOND, Onsets, frame_times_s

Values = NDArray[np.float64]

REGISTER_WEIGHTS: Final = (1.2, 1.0, 1.0, 0.8)
# Of a step an octave beside the period; 100 for one that is e times too long.
STIFFNESS: Final = 100.0 * math.log(2.0) ** 2
SHORTEST_STEP: Final = 0.6
LONGEST_STEP: Final = 1.6
LEVELLING_FRAMES: Final = 4 * FRAMES_PER_SECOND
BLUR_FRAMES: Final = 1.5
QUIET: Final = 0.2
SILENT_BEAT: Final = 0.05


def beat_strength(heard: Onsets) -> Values:
    """What a beat in each frame gains: one strength of all registers, blurred, quiet stretches lifted."""
    strength = sum(weight * heard.registers[:, index] for index, weight in enumerate(REGISTER_WEIGHTS))
    bell = np.exp(-0.5 * np.square(np.arange(-4, 5) / BLUR_FRAMES))
    blurred = np.convolve(np.asarray(strength), bell, "full")[4:-4]
    width = 2 * LEVELLING_FRAMES + 1
    reflected = np.pad(np.square(blurred), (LEVELLING_FRAMES + 1, LEVELLING_FRAMES), mode="symmetric")
    sums = np.cumsum(reflected)
    rms = np.sqrt(np.maximum(sums[width:] - sums[:-width], 0.0) / width)
    levelled: Values = blurred / np.maximum(rms, QUIET * float(rms.max(initial=0.0)) + 1e-9)
    return levelled


def track_beats(strength: Values, periods: Values) -> Values:
    """Times of the beats in seconds, rising.

    Parameters
    ----------
    strength : what a beat in each frame gains.
    periods : the beat's length in frames at each frame.

    Returns
    -------
    Beats go on through rests inside the music, not before its first onset or after its last.
    """
    if not strength.any():
        return np.zeros(0)
    score, came_from = best_beats(strength, periods, SHORTEST_STEP, LONGEST_STEP, STIFFNESS)
    last = max(0, strength.size - int(periods[-1]))
    frame = last + int(score[last:].argmax())
    frames = [frame]
    while came_from[frame] >= 0:
        frame = int(came_from[frame])
        frames.append(frame)
    kept = _without_silent_ends(np.array(frames[::-1]), strength)
    return frame_times_s(kept + _beside(strength, kept))


def _beside(strength: Values, frames: NDArray[np.int64]) -> Values:
    """Where the strength is really highest around each frame, in parts of a frame, by a parabola; 0 in no hump."""
    at = strength[frames]
    before, after = strength[np.maximum(frames - 1, 0)], strength[np.minimum(frames + 1, strength.size - 1)]
    bend = before - 2.0 * at + after
    hump = (at >= before) & (at >= after) & (bend < 0.0)
    offset: Values = np.where(hump, 0.5 * (before - after) / np.where(hump, bend, -1.0), 0.0)
    return offset


def _without_silent_ends(frames: NDArray[np.int64], strength: Values) -> NDArray[np.int64]:
    """Without beats before the first and after the last onset."""
    audible = strength > SILENT_BEAT * float(strength.max())
    first, last = int(audible.argmax()), audible.size - 1 - int(audible[::-1].argmax())
    slack = FRAMES_PER_SECOND // 20
    kept: NDArray[np.int64] = frames[(frames >= first - slack) & (frames <= last + slack)]
    return kept
