"""Sums and differences of sounds: parts that become one, mid and side, stereo width."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_WEIGHTED_SUM = Kernel("weighted_sum", _P.I64, _P.F64, _P.INT, _P.F32_OUT, _P.INT, _P.INT)
_SIDES = (_P.F32, _P.F32, _P.F32_OUT, _P.F32_OUT, _P.INT)
_MID_AND_SIDE = Kernel("mid_and_side", *_SIDES, _P.REAL)
_LEFT_AND_RIGHT = Kernel("left_and_right", *_SIDES)
_WIDEN = Kernel("widen", *_SIDES, _P.REAL)

Block = NDArray[np.float32]


def weighted_sum(parts: Sequence[Block], gains: Sequence[float]) -> Block:
    """The sum of parts ``(channels, n)`` of one shape, each by its gain, in float64 in the order given.

    Raises
    ------
    InternalError
        ``render.not_finite`` with the sample; ``kernels.argument`` for parts of different shapes.
    """
    shape, weights = parts[0].shape, np.array(gains, dtype=np.float64)
    if any(part.shape != shape or not _has_whole_rows(part) for part in parts) or weights.shape != (len(parts),):
        raise InternalError("kernels.argument", "A sum takes float32 parts of one shape, and a gain for each")
    places = [(part.ctypes.data, part.strides[0]) for part in parts]
    rows = np.array([[first + channel * step for first, step in places] for channel in range(shape[0])], dtype=np.int64)
    made = np.empty(shape, dtype=np.float32)
    _WEIGHTED_SUM(rows, weights, len(parts), made, *shape)
    return made


def _has_whole_rows(part: Block) -> bool:
    return part.dtype == np.float32 and part.ndim == 2 and (part.strides[1] == part.itemsize or part.shape[1] <= 1)


def mid_and_side(stereo: Block, side_gain: float = 1.0) -> tuple[Block, Block]:
    """Mid ``(l + r) / 2`` and side ``side_gain (l - r) / 2`` of ``(2, n)``, both ``(1, n)``."""
    mid, side = np.empty((1, stereo.shape[1]), dtype=np.float32), np.empty((1, stereo.shape[1]), dtype=np.float32)
    _MID_AND_SIDE(*_two(stereo), mid[0], side[0], stereo.shape[1], side_gain)
    return mid, side


def left_and_right(mid: Block, side: Block) -> Block:
    """Stereo again: ``mid + side`` and ``mid - side``, ``(2, n)``."""
    stereo = np.empty((2, mid.shape[1]), dtype=np.float32)
    _LEFT_AND_RIGHT(mid[0], side[0], *stereo, mid.shape[1])
    return stereo


def widened(stereo: Block, width: float) -> Block:
    """The side of ``(2, n)`` times ``width``; 1 changes no bit."""
    made = np.empty(stereo.shape, dtype=np.float32)
    _WIDEN(*_two(stereo), *made, stereo.shape[1], width)
    return made


def _two(stereo: Block) -> Block:
    if stereo.ndim != 2 or stereo.shape[0] != 2:
        raise InternalError("kernels.argument", f"Mid and side take (2, n) samples, not {stereo.shape}")
    return stereo
