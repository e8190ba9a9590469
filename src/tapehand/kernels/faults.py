"""Kernels of the search for faults: a coarse picture of a channel, a slow copy of it, and what two have in common."""

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_SCREEN = Kernel("fault_screen", _P.F32, _P.INT, _P.INT, _P.F32_OUT, _P.F32_OUT)
_DECIMATE = Kernel("fault_decimate", _P.F32, _P.F32, _P.INT, _P.INT, _P.INT, _P.F32_OUT)
_PRODUCTS = Kernel("fault_products", _P.F32, _P.F32, _P.INT, _P.INT, _P.F64_OUT)
_MEANS = Kernel("fault_means", _P.F64, _P.INT, _P.INT, _P.F64_OUT, _P.F64_OUT)
LEAD_SAMPLES = 2


def screen(channel: NDArray[np.float32], hop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Highest size, and highest size of the second difference, of every whole ``hop`` (a multiple of 8) samples.

    ``channel`` begins ``LEAD_SAMPLES`` before the first hop.
    """
    _require(channel.ndim == 1 and hop > 0 and hop % 8 == 0 and channel.size >= LEAD_SAMPLES, "channel or hop")
    hops = (channel.size - LEAD_SAMPLES) // hop
    peaks, jumps = np.empty(hops, np.float32), np.empty(hops, np.float32)
    _SCREEN(channel, hops, hop, peaks, jumps)
    return peaks, jumps


def decimate(channel: NDArray[np.float32], weights: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Every ``factor``-th value of ``channel`` through ``weights`` (a multiple of 8), where the filter is filled."""
    _require(channel.ndim == 1 and weights.ndim == 1 and weights.size % 8 == 0 and factor > 0, "filter")
    count = max(0, (channel.size - weights.size) // factor + 1)
    made = np.empty(count, np.float32)
    _DECIMATE(channel, weights, weights.size, factor, count, made)
    return made


def products(left: NDArray[np.float32], right: NDArray[np.float32], hop: int) -> NDArray[np.float64]:
    """Sums of left², right² and left · right over every whole ``hop`` (a multiple of 8): float64 ``(hops, 3)``."""
    _require(left.shape == right.shape and left.ndim == 1 and hop > 0 and hop % 8 == 0, "channels or hop")
    hops = left.size // hop
    made = np.zeros((hops, 3))
    _PRODUCTS(left, right, hops, hop, made)
    return made


def means(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Mean of each value ``(count,)``, none below 0, and ``width`` to either side; at the ends of what there is."""
    _require(values.ndim == 1 and width >= 0, "width")
    made = np.empty(values.size)
    _MEANS(values, values.size, width, np.empty(values.size + 1), made)
    return made


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise InternalError("kernels.argument", f"The kernels for faults cannot work with this {what}")
