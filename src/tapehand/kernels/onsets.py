"""Kernels of hearing what begins: compressed levels of bands, and how far they rise."""

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_LEVELS = Kernel("onset_levels", _P.F32, _P.INT, _P.INT, _P.I64, _P.F32, _P.INT, _P.F32_OUT, _P.F32_OUT)
_RISES = Kernel("onset_rises", _P.F32, _P.INT, _P.INT, _P.INT, _P.I64, _P.INT, _P.F64_OUT)


def band_levels(
    powers: NDArray[np.float32], edges: NDArray[np.int64], gains: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compressed magnitude ``ln(1 + gain * sum of magnitudes)`` of bands, float32 ``(frames, bands)``.

    Parameters
    ----------
    powers : float32 ``(frames, lines)``, 0 and more.
    edges : int64 ``(bands + 1,)``, rising lines; a band ends before the next one's first.
    gains : float32 ``(bands,)``, 0 and more.
    """
    _require(powers.ndim == 2 and gains.shape == (edges.size - 1,) and _rise(edges, powers.shape[1]), "bands")
    levels = np.empty((powers.shape[0], gains.size), dtype=np.float32)
    _LEVELS(powers, *powers.shape, edges, gains, gains.size, np.empty(powers.shape[1], dtype=np.float32), levels)
    return levels


def rises(levels: NDArray[np.float32], back: int, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """What registers of neighbouring bands gain: float64 ``(frames, registers)``, sums over each register's bands.

    Parameters
    ----------
    levels : float32 ``(frames, bands)``.
    back : a band gains what it lies over the loudest of itself and its neighbours so many frames before.
    edges : int64 ``(registers + 1,)``, rising bands; a register ends before the next one's first.
    """
    _require(levels.ndim == 2 and back >= 0 and _rise(edges, levels.shape[1]), "registers")
    gained = np.empty((levels.shape[0], edges.size - 1))
    _RISES(levels, *levels.shape, back, edges, edges.size - 1, gained)
    return gained


def _rise(edges: NDArray[np.int64], most: int) -> bool:
    return edges.size > 0 and edges[0] >= 0 and edges[-1] <= most and bool((np.diff(edges) >= 0).all())


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise InternalError("kernels.argument", f"The kernels for onsets cannot work with these {what}")
