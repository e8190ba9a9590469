"""Kernels that follow the periods of a voice and lay grains of it."""

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter
from tapehand.kernels.meter import require_bank

_P = Parameter
_FOLLOW = Kernel(
    "follow_periods",
    *(_P.F32, _P.INT, _P.F64, _P.INT, _P.REAL, _P.REAL, _P.REAL, _P.REAL, _P.REAL, _P.F64_OUT, _P.INT, _P.I64_OUT),
)
_LAY = Kernel(
    "lay_grains",
    *(_P.F32, _P.INT, _P.F64, _P.F64, _P.F64, _P.F64, _P.F64, _P.INT, _P.F32, _P.INT, _P.INT, _P.F64_OUT),
)

Places = NDArray[np.float64]


def follow_periods(
    channel: NDArray[np.float32], periods: Places, hop: float, start: float, first: float, last: float
) -> Places:
    """Positions one period apart, before and after ``start``, within ``first`` to ``last`` (all in samples), ascending.

    ``periods`` holds the expected period every ``hop`` samples; each mark is where the period before it comes again
    (highest correlation within a sixth of the expected period), between samples by a parabola.
    """
    if channel.ndim != 1 or periods.ndim != 1 or not periods.size or not periods.min() > 2.0 or not hop > 0.0:
        raise InternalError("kernels.argument", "Periods are followed in one channel, each above 2 samples")
    most = int((last - first) / (0.75 * float(periods.min()))) + 8
    found: list[Places] = []
    for direction in (-1.0, 1.0):
        marks, count = np.zeros(most), np.zeros(1, dtype=np.int64)
        span = (start, direction, first, last)
        _FOLLOW(channel, channel.size, periods, periods.size, hop, *span, marks, most, count)
        found.append(marks[: int(count[0])])
    return np.concatenate([found[0][::-1], [start], found[1]])


def lay_grains(
    channel: NDArray[np.float32],
    source: Places,
    place: Places,
    left: Places,
    right: Places,
    gain: Places,
    bank: NDArray[np.float32],
) -> Places:
    """The sum of grains of ``channel``, as float64 of its length, silent where there is no grain.

    Each grain is the sound around ``source``, from ``left`` before to ``right`` after it (in samples), under a Hann
    window, times ``gain``, moved to ``place``; between samples by ``bank``, ``(phases, taps)`` with taps up to 64.
    """
    require_bank(bank)
    shapes = {array.shape for array in (source, place, left, right, gain)}
    if channel.ndim != 1 or len(shapes) != 1 or source.ndim != 1 or bank.shape[1] % 8 or bank.shape[1] > 64:
        raise InternalError("kernels.argument", "Grains take one channel, five arrays of one length and up to 64 taps")
    if source.size and not (left.min() > 0.0 and right.min() > 0.0):
        raise InternalError("kernels.argument", "A grain reaches to both sides of its middle")
    made = np.zeros(channel.size)
    if channel.size:
        _LAY(channel, channel.size, source, place, left, right, gain, source.size, bank, *bank.shape, made)
    return made
