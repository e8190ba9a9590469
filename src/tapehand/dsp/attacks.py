"""Strong attacks: where they are, and laying them over a stretched sound as they were.

Every phase vocoder blurs a drum's attack over the length of its window. Before a strong attack the old sound is so much
quieter, and right after it masked, that a short stretch of the original can stand there as it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.units import db_to_gain

Curve = NDArray[np.float64]

HOP_S: Final = 0.001
AFTER_S: Final = 0.010
BEFORE_S: Final = 0.030
RISE_DB: Final = 10.0
# Attacks more than this below the loudest are left to the vocoder.
FLOOR_DB: Final = -50.0
SHORTEST_GAP_S: Final = 0.050


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackShape:
    """How much of the original is kept around an attack, in seconds: fades included, and at most half the way to the
    next attack on either side.
    """

    before_s: float = 0.060
    after_s: float = 0.030
    fade_in_s: float = 0.012
    fade_out_s: float = 0.015


def find_attacks(audio: Audio) -> list[int]:
    """Positions in samples at which the power of all channels together jumps by 10 dB or more, within 1 ms."""
    hop = max(1, round(HOP_S * audio.rate_hz))
    steps = audio.length_samples // hop
    power = np.square(audio.samples[:, : steps * hop], dtype=np.float64).sum(axis=0).reshape(steps, hop).sum(axis=1)
    if not power.any():
        return []
    rise, after = _rises(power)
    strong = (rise >= db_to_gain(RISE_DB) ** 2) & (after > after.max() * db_to_gain(FLOOR_DB) ** 2)
    starts: list[int] = []
    for step in _summits(np.where(strong, rise, 0.0)):
        loud = power[step : step + round(AFTER_S / HOP_S)]
        start = (step + int(np.argmax(loud > 0.1 * loud.max()))) * hop
        if not starts or start - starts[-1] >= SHORTEST_GAP_S * audio.rate_hz:
            starts.append(start)
    return starts


def _rises(power: Curve) -> tuple[Curve, Curve]:
    """Mean power of the 10 ms from each step on, over that of the 30 ms before it; and the former."""
    until = np.concatenate([[0.0], np.cumsum(power)])
    steps = np.arange(power.size)
    first, end = np.maximum(steps - round(BEFORE_S / HOP_S), 0), np.minimum(steps + round(AFTER_S / HOP_S), power.size)
    after = (until[end] - until[steps]) / (end - steps)
    before = (until[steps] - until[first]) / np.maximum(steps - first, 1)
    return after / np.maximum(before, 1e-9 * after.max()), after


def _summits(rise: Curve) -> list[int]:
    """The step of the steepest rise within each stretch that rises, no two closer than the shortest gap."""
    reach = round(SHORTEST_GAP_S / HOP_S) // 2
    rising = np.flatnonzero(rise > 0.0)
    return [int(step) for step in rising if rise[step] >= rise[max(0, step - reach) : step + reach + 1].max()]


def lay_attacks(over: Audio, original: Audio, attacks: Sequence[int], ratio: float, shape: AttackShape) -> Audio:
    """``over`` with the surroundings of each attack of ``original`` laid over it, ``ratio`` times later.

    Fades are held to constant power for the likeness of what they join (M. Fink, M. Holters, U. Zoelzer,
    "Signal-matched power-complementary cross-fading and dry-wet mixing", DAFx-16).
    """
    made = over.samples.copy()
    places = [round(attack * ratio) for attack in attacks]
    for number, (attack, place) in enumerate(zip(attacks, places, strict=True)):
        gap_before = _half(attacks, places, number - 1) if number else math.inf
        gap_after = _half(attacks, places, number) if number + 1 < len(attacks) else math.inf
        before = int(min(shape.before_s * over.rate_hz, gap_before, attack, place))
        room = min(original.length_samples - attack, over.length_samples - place)
        after = int(min(shape.after_s * over.rate_hz, gap_after, room))
        if before + after > 1:
            _lay(
                made[:, place - before : place + after],
                original.samples[:, attack - before : attack + after],
                min(before, round(shape.fade_in_s * over.rate_hz)),
                min(after, round(shape.fade_out_s * over.rate_hz)),
            )
    return Audio(made, over.rate_hz)


def _half(attacks: Sequence[int], places: Sequence[int], number: int) -> float:
    return 0.5 * min(attacks[number + 1] - attacks[number], places[number + 1] - places[number])


def _lay(under: NDArray[np.float32], kept: NDArray[np.float32], fade_in: int, fade_out: int) -> None:
    """Replace ``under`` by ``kept``, fading at both ends."""
    length = kept.shape[1]
    joined = kept.astype(np.float64)
    if fade_in:
        joined[:, :fade_in] = _faded(under[:, :fade_in], kept[:, :fade_in])
    if fade_out:
        joined[:, length - fade_out :] = _faded(kept[:, length - fade_out :], under[:, length - fade_out :])
    under[:] = joined


def _faded(old: NDArray[np.float32], new: NDArray[np.float32]) -> Curve:
    rising = (np.arange(old.shape[1]) + 0.5) / old.shape[1]
    falling = 1.0 - rising
    likeness = _likeness(old.astype(np.float64), new.astype(np.float64))
    gain = 1.0 / np.sqrt(rising**2 + falling**2 + 2.0 * likeness * rising * falling)
    faded: Curve = gain * (falling * old + rising * new)
    return faded


def _likeness(a: Curve, b: Curve) -> float:
    """Correlation of two stretches, 0..1; what is opposed counts as unlike."""
    energy = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return min(1.0, max(0.0, float((a * b).sum()) / energy)) if energy > 0.0 else 1.0
