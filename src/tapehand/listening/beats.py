"""Beats: the sequence of moments that is regular and lies on onsets.

Dynamic programming after D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36,
2007, with a period that may change along the recording.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.onsets import FRAMES_PER_SECOND, Onsets, frame_times_s

Values = NDArray[np.float64]

REGISTER_WEIGHTS: Final = (1.2, 1.0, 1.0, 0.8)
STIFFNESS: Final = 100.0
SHORTEST_STEP: Final = 0.6
LONGEST_STEP: Final = 1.6
LEVELLING_FRAMES: Final = 4 * FRAMES_PER_SECOND
BLUR_FRAMES: Final = 1.5
QUIET: Final = 0.2
SILENT_BEAT: Final = 0.05


def track_beats(heard: Onsets, periods: Values) -> Values:
    """Times of the beats in seconds, rising; ``periods`` gives the beat's length in frames at each frame.

    Beats go on through rests inside the music, not before its first onset or after its last.
    """
    strength = _levelled(heard)
    if not strength.any():
        return np.zeros(0)
    score, came_from = _best_ways(strength, periods)
    last = max(0, strength.size - int(periods[-1]))
    frame = last + int(score[last:].argmax())
    frames = [frame]
    while came_from[frame] >= 0:
        frame = int(came_from[frame])
        frames.append(frame)
    kept = _without_silent_ends(np.array(frames[::-1]), strength)
    return frame_times_s(kept + _beside(strength, kept))


def _levelled(heard: Onsets) -> Values:
    """One strength of all registers, blurred, quiet stretches lifted."""
    strength = sum(weight * heard.registers[:, index] for index, weight in enumerate(REGISTER_WEIGHTS))
    bell = np.exp(-0.5 * np.square(np.arange(-4, 5) / BLUR_FRAMES))
    blurred = np.convolve(np.asarray(strength), bell, "full")[4:-4]
    width = 2 * LEVELLING_FRAMES + 1
    reflected = np.pad(np.square(blurred), (LEVELLING_FRAMES + 1, LEVELLING_FRAMES), mode="symmetric")
    sums = np.cumsum(reflected)
    rms = np.sqrt(np.maximum(sums[width:] - sums[:-width], 0.0) / width)
    levelled: Values = blurred / np.maximum(rms, QUIET * float(rms.max(initial=0.0)) + 1e-9)
    return levelled


def _best_ways(strength: Values, periods: Values) -> tuple[Values, NDArray[np.int64]]:
    """For each frame the score of the best sequence of beats that ends there, and the beat before.

    No beat lies nearer to the next than the shortest step, so that many frames are decided at once.
    """
    score, came_from = strength.copy(), np.full(strength.size, -1, dtype=np.int64)
    shortest = max(1, int(float(periods.min()) * SHORTEST_STEP))
    steps = np.arange(shortest, int(float(periods.max()) * LONGEST_STEP) + 1)
    for first in range(1, strength.size, shortest):
        frames = np.arange(first, min(first + shortest, strength.size))
        period = periods[frames][:, np.newaxis]
        before = frames[:, np.newaxis] - steps
        possible = (
            (before >= 0) & (steps >= (period * SHORTEST_STEP).astype(np.int64)) & (steps <= period * LONGEST_STEP)
        )
        ways = score[np.maximum(before, 0)] - STIFFNESS * np.square(np.log(steps / period))
        ways = np.where(possible, ways, 0.0)
        best = ways.argmax(axis=1)
        gained = ways[np.arange(frames.size), best]
        score[frames] += gained
        came_from[frames] = np.where(gained > 0.0, frames - steps[best], -1)
    return score, came_from


def _beside(strength: Values, frames: NDArray[np.int64]) -> Values:
    """Where the strength is really highest around each frame, in parts of a frame, by a parabola; 0 in no hump."""
    padded = np.pad(strength, 1, mode="edge")
    before, at, after = padded[frames], padded[frames + 1], padded[frames + 2]
    bend = before - 2.0 * at + after
    hump = (at >= before) & (at >= after) & (bend < 0.0)
    offset: Values = np.where(hump, 0.5 * (before - after) / np.where(hump, bend, -1.0), 0.0)
    return offset


def _without_silent_ends(frames: NDArray[np.int64], strength: Values) -> NDArray[np.int64]:
    """Without beats before the first and after the last onset."""
    audible = np.flatnonzero(strength > SILENT_BEAT * float(strength.max()))
    slack = FRAMES_PER_SECOND // 20
    kept: NDArray[np.int64] = frames[(frames >= audible[0] - slack) & (frames <= audible[-1] + slack)]
    return kept
