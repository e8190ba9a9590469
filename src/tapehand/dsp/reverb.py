"""Algorithmic reverb: the numbers of a feedback delay network from what an engineer reads off a reverb.

The network: Jot & Chaigne, "Digital delay networks for designing artificial reverberators", AES 90th convention, 1991.
Line lengths are primes spread evenly in pitch; a shelf in every line sets its loss per pass so that all decay alike.
"""

import cmath
import math
from functools import cache
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.buffer import Samples
from tapehand.dsp.filters import reachable_hz
from tapehand.dsp.strip_node import StripNode
from tapehand.dsp.width import WidthNode
from tapehand.dsp.wiring import Blend, DelayLine, both_sides
from tapehand.kernels.effects import REVERB_LINES, Room
from tapehand.song.processors import Band, Equaliser, HighPass, Reverb, Width
from tapehand.units import seconds_to_samples

# The room itself. Lows decay a little longer and highs much faster than the middle, as air and walls make it.
SHORTEST_LINE_S: Final = 0.0233
LONGEST_LINE_S: Final = 0.0719
SMALLEST_SCALE: Final = 0.9
SCALE_PER_SIZE: Final = 1.0
LOW_DECAY: Final = 1.15
LOW_BELOW_HZ: Final = 200.0
HIGH_DECAY: Final = 0.4
# Where ``decay_s`` holds: 1 kHz, or lower where the damping begins so low that there is no middle left at 1 kHz.
DECAY_TOLD_HZ: Final = 1_000.0
HIGHEST_TOLD: Final = 1.0 / 6.0
# Far enough that the lowest modes meet in another way at every moment (a decay that is always bent at the same place is
# heard as a note), and so slowly that no pass turns the pitch by more than 3.4 cents.
SWAY_S: Final = 0.0005
SWAY_HZ: Final = (0.2, 0.62)
DIFFUSER_S: Final = (0.0021, 0.0034, 0.0055, 0.0089, 0.0024, 0.0031, 0.0059, 0.0083)
EARLY_S: Final = ((0.0113, 0.0171, 0.0242, 0.0327, 0.0398), (0.0129, 0.0157, 0.0263, 0.0309, 0.0417))
EARLY_GAINS: Final = ((0.30, -0.24, 0.19, -0.15, 0.11), (0.30, 0.23, -0.19, -0.14, 0.12))
LOUDEST_OUTPUT: Final = 4.0
SHORTEST_DECAY_S: Final = 0.05


class ReverbNode:
    """The sound of a room; stereo out.

    What lies below the damping comes back at about its own level (within 3 dB) whatever the decay, so that a send keeps
    its meaning. ``mix`` blends linearly.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_pre_delay", "_cuts", "_room", "_width", "_blend")
    channels: Final = 2
    look_ahead_samples: Final = 0

    def __init__(self, channels: int, rate_hz: int, settings: Reverb) -> None:
        self._pre_delay = DelayLine(channels, seconds_to_samples(settings.pre_delay_ms / 1e3, rate_hz))
        self._cuts = StripNode(channels, rate_hz, _cuts(settings))
        self._room = room(settings, rate_hz)
        self._width = WidthNode(2, rate_hz, Width(width=settings.width))
        self._blend = Blend(2, settings.mix)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        entering = self._pre_delay.follow(self._cuts.follow(block))
        wet = self._width.follow(self._room.follow(both_sides(entering)))
        return self._blend.follow(both_sides(block), wet)


def reverb_tail_s(settings: Reverb) -> float:
    """How long the reverb stays above -60 dB after the sound has ended."""
    lowest_s = max(settings.decay_s, SHORTEST_DECAY_S) * LOW_DECAY
    return settings.pre_delay_ms / 1e3 + lowest_s + LONGEST_LINE_S * _scale(settings)


def room(settings: Reverb, rate_hz: int) -> Room:
    """A silent room of these settings."""
    scale = _scale(settings)
    lines = _line_lengths(scale, rate_hz)
    diffusers = [_prime_from(max(3, seconds_to_samples(time_s, rate_hz))) for time_s in DIFFUSER_S]
    sway = min(SWAY_S * rate_hz, lines[0] / 4)
    taps = [[max(3, seconds_to_samples(time_s * scale, rate_hz)) for time_s in side] for side in EARLY_S]
    return Room.silent(
        _settings_table(lines, settings, sway, rate_hz),
        np.array([*lines, *diffusers], dtype=np.int64),
        np.array(taps, dtype=np.int64),
        np.array(EARLY_GAINS),
        reach_samples=lines[-1] + math.ceil(2 * sway),
    )


def _scale(settings: Reverb) -> float:
    """Lines of a small room are hardly shorter: too few modes would ring."""
    return SMALLEST_SCALE + SCALE_PER_SIZE * min(max(settings.size, 0.0), 1.0)


def _cuts(settings: Reverb) -> list[HighPass | Equaliser]:
    low_cut = HighPass(cutoff_hz=settings.low_cut_hz)
    return [low_cut, Equaliser(bands=(Band(kind="low_pass", frequency_hz=settings.high_cut_hz),))]


def _settings_table(lines: tuple[int, ...], settings: Reverb, sway: float, rate_hz: int) -> NDArray[np.float64]:
    decay_s = max(settings.decay_s, SHORTEST_DECAY_S)
    passes_s = [(length + sway) / rate_hz for length in lines]
    shelves = [_line_shelves(pass_s, decay_s, settings.damping_hz, rate_hz) for pass_s in passes_s]
    kept = sum(_gain_per_pass(pass_s, decay_s) ** 2 for pass_s in passes_s) / REVERB_LINES
    # What leaves the lines is the sum of a geometric series that begins after one pass; half of it goes to each side.
    out_gain = min(math.sqrt((1.0 - kept) / (2.0 * kept)), LOUDEST_OUTPUT)
    in_gain = 1.0 / math.sqrt(REVERB_LINES)
    signs = [[_hadamard_sign(row, line) for line in range(REVERB_LINES)] for row in (5, 10, 3, 12)]
    swing = [SWAY_HZ[0] * (SWAY_HZ[1] / SWAY_HZ[0]) ** (line / (REVERB_LINES - 1)) for line in range(REVERB_LINES)]
    return np.array(
        [
            *([shelf[k] for shelf in shelves] for k in range(6)),
            *([in_gain * sign for sign in row] for row in signs[:2]),
            *([out_gain * sign for sign in row] for row in signs[2:]),
            [rate / rate_hz for rate in swing],
            [line * 7 % REVERB_LINES / REVERB_LINES for line in range(REVERB_LINES)],
            [sway] * REVERB_LINES,
        ]
    )


def _line_shelves(pass_s: float, decay_s: float, damping_hz: float, rate_hz: int) -> tuple[float, ...]:
    """Two first-order shelves, ``b0 b1 a1`` each, whose product is the loss of one pass at each frequency."""
    wanted = _gain_per_pass(pass_s, decay_s)
    low = _gain_per_pass(pass_s, decay_s * LOW_DECAY)
    high = _gain_per_pass(pass_s, decay_s * HIGH_DECAY)
    # The treble's shelf reaches down to where the decay is told; what it takes there is given back.
    told_hz = min(DECAY_TOLD_HZ, reachable_hz(damping_hz, rate_hz) * HIGHEST_TOLD)
    treble_loss = _first_order_gain(_first_order_shelf(wanted, high, damping_hz, rate_hz), told_hz, rate_hz) / wanted
    bass_rise = _first_order_gain(_first_order_shelf(low / wanted, 1.0, LOW_BELOW_HZ, rate_hz), told_hz, rate_hz)
    middle = wanted / (treble_loss * bass_rise)
    low_shelf = _first_order_shelf(low / middle, 1.0, LOW_BELOW_HZ, rate_hz)
    return *low_shelf, *_first_order_shelf(middle, high, damping_hz, rate_hz)


def _first_order_shelf(low_gain: float, high_gain: float, corner_hz: float, rate_hz: int) -> tuple[float, float, float]:
    """Bilinear ``(high s + low w) / (s + w)``, ``w`` set so that the corner has the geometric mean of both gains."""
    warped = math.tan(math.pi * reachable_hz(corner_hz, rate_hz) / rate_hz) * math.sqrt(high_gain / low_gain)
    scale = 1.0 / (1.0 + warped)
    return (high_gain + low_gain * warped) * scale, (low_gain * warped - high_gain) * scale, (warped - 1.0) * scale


def _first_order_gain(shelf: tuple[float, float, float], frequency_hz: float, rate_hz: int) -> float:
    b0, b1, a1 = shelf
    turn = cmath.exp(-2j * math.pi * frequency_hz / rate_hz)
    return abs((b0 + b1 * turn) / (1.0 + a1 * turn))


def _gain_per_pass(pass_s: float, decay_s: float) -> float:
    return math.exp2(-3.0 * math.log2(10.0) * pass_s / decay_s)


@cache
def _line_lengths(scale: float, rate_hz: int) -> tuple[int, ...]:
    ratio = LONGEST_LINE_S / SHORTEST_LINE_S
    times = [SHORTEST_LINE_S * scale * ratio ** (k / (REVERB_LINES - 1)) for k in range(REVERB_LINES)]
    lengths: list[int] = []
    for time_s in times:
        lengths.append(_prime_from(max(seconds_to_samples(time_s, rate_hz), lengths[-1] + 1 if lengths else 5)))
    return tuple(lengths)


def _prime_from(number: int) -> int:
    """The first prime that is not below ``number``."""
    while any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


def _hadamard_sign(row: int, column: int) -> int:
    return -1 if (row & column).bit_count() % 2 else 1
