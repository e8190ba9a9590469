"""A loudspeaker that feeds a string or a microphone: a tone that grows out of the sound until it is all there is."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.moment_kinds import Moment, settings
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact

Series = NDArray[np.float64]
Lines = NDArray[np.float32]

SIZE: Final = 2048
FRAMES_PER_S: Final = 20
HOP: Final = COMPACT_RATE_HZ // FRAMES_PER_S
WINDOW_FRAMES: Final = SIZE // HOP
BATCH: Final = 256
NOTHING: Final = 1e-12
# The lines that a held tone reaches under the window.
REACH: Final = 2


def feedback(name: str, compact: Compact) -> list[Moment]:
    """Tones that hold their pitch and grow steadily, while everything else dies away beside them."""
    limits = settings("feedback")
    powers = _powers(compact)
    if powers.shape[0] < round(limits["shortest_s"] * FRAMES_PER_S):
        return []
    total = powers.sum(axis=1, dtype=np.float64) + NOTHING
    least = float(total.max()) * 10.0 ** (-limits["least_below_loudest_db"] / 10.0)
    strongest = np.where(total > least, powers.argmax(axis=1), 0)
    found: list[Moment] = []
    for first, end in _held(strongest, round(limits["shortest_s"] * FRAMES_PER_S)):
        begin = int(found[-1].end_s * FRAMES_PER_S) if found else 0
        moment = _grown(name, powers, total, first, end, begin)
        if moment is not None:
            found.append(moment)
    return found


def _powers(compact: Compact) -> Lines:
    """Power by frame and line, ``(frames, SIZE / 2 + 1)``; nothing below the lowest pitch of a kind."""
    sound = compact.mono.samples[0]
    if sound.size < SIZE:
        return np.zeros((0, SIZE // 2 + 1), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, SIZE)[::HOP]
    window = np.hanning(SIZE).astype(np.float32)
    powers = np.zeros((frames.shape[0], SIZE // 2 + 1), np.float32)
    for first in range(0, frames.shape[0], BATCH):
        lines = np.fft.rfft(frames[first : first + BATCH] * window, axis=1)
        powers[first : first + BATCH] = lines.real**2 + lines.imag**2
    powers[:, : round(settings("feedback")["lowest_hz"] * SIZE / COMPACT_RATE_HZ)] = 0.0
    return powers


def _held(strongest: NDArray[np.int64], fewest: int) -> Iterator[tuple[int, int]]:
    """Stretches over which the strongest line stays where it is; the quiet and the low are no tone."""
    moves = np.flatnonzero(np.abs(np.diff(strongest)) > 1) + 1
    edges = [0, *moves.tolist(), strongest.size]
    for first, end in pairwise(edges):
        if end - first >= fewest and strongest[first] > 0:
            yield first, end


def _grown(name: str, powers: Lines, total: Series, first: int, end: int, begin: int) -> Moment | None:
    """The tone of a stretch, if it grew there, or into it from under louder sounds."""
    limits = settings("feedback")
    line = int(np.median(powers[first:end].argmax(axis=1)))
    tone = _tone(powers, line)
    top = first + int(tone[first:end].argmax())
    bottom = _growth_begins(tone, top, max(begin, first - round(limits["longest_growth_s"] * FRAMES_PER_S)))
    rise_db = 10.0 * float(np.log10(tone[top] / tone[bottom]))
    softer = np.flatnonzero(tone[bottom:top] <= tone[top] * 10.0 ** (-0.1 * limits["rise_db"]))
    if not softer.size:
        return None
    grows = bottom + int(softer[-1])
    share = tone / total
    # What is struck is there within a window; what swells under a pedal was all there was before it swelled.
    is_gradual = top - grows >= limits["shortest_growth_s"] * FRAMES_PER_S
    sounds = total[bottom : grows + 1] >= tone[top] * 10.0 ** (-0.1 * limits["beside_db"])
    was_beside = bool((sounds & (share[bottom : grows + 1] <= limits["most_share_before"])).any())
    takes_over = was_beside and float(share[top:end].max()) >= limits["share"]
    if not is_gradual or not takes_over or _wavers(powers, top, end, line):
        return None
    certain = min(1.0, rise_db / limits["surely_db"]) * min(1.0, (end - first) / (limits["surely_s"] * FRAMES_PER_S))
    return Moment(
        what="feedback",
        track=name,
        start_s=max(bottom, first - FRAMES_PER_S) / FRAMES_PER_S,
        end_s=end / FRAMES_PER_S,
        value=rise_db,
        confidence=limits["confidence"] * (0.5 + 0.5 * certain),
    )


def _tone(powers: Lines, line: int) -> Series:
    """Power of a tone and of its harmonics, which an overdriven amplifier adds."""
    course = np.full(powers.shape[0], NOTHING)
    for number in range(1, int(settings("feedback")["harmonics"]) + 1):
        low, high = number * (line - 1) - REACH + 1, number * (line + 1) + REACH
        if high < powers.shape[1]:
            course += powers[:, low:high].sum(axis=1, dtype=np.float64)
    return course


def _growth_begins(tone: Series, top: int, earliest: int) -> int:
    """Back from the top as long as it was softer before, but for what wavers, and never leapt: that was an attack."""
    steepest = 10.0 ** (0.1 * settings("feedback")["steepest_db"])
    best = top
    for frame in range(top - 1, earliest - 1, -1):
        leaps = tone[min(frame + WINDOW_FRAMES, top)] > steepest * tone[frame]
        if leaps or tone[frame] > 2.0 * tone[best]:
            break
        if tone[frame] < tone[best]:
            best = frame
    return best


def _wavers(powers: Lines, top: int, end: int, line: int) -> bool:
    """Whether its pitch moves as a finger or a throat moves it; a loop of air has one length."""
    if end - top < 4:
        return False
    below, at, above = (powers[top:end, line + shift].astype(np.float64) + NOTHING for shift in (-1, 0, 1))
    left, middle, right = np.log(below), np.log(at), np.log(above)
    places = line + 0.5 * (left - right) / np.minimum(left - 2.0 * middle + right, -1e-9)
    cents = 1200.0 * np.log2(np.clip(places, line - 1.0, line + 1.0) / line)
    most_cents: float = settings("feedback")["most_waver_cents"]
    return float(np.quantile(cents, 0.9) - np.quantile(cents, 0.1)) > most_cents
