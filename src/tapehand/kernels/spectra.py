"""Kernels of short-time spectra: powers of windowed frames, and their sums over bands."""

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_POWERS = Kernel(
    "spectra_powers", _P.F32, _P.F32, _P.INT, _P.INT, _P.INT, _P.I32, _P.F32, _P.REAL, _P.F32_OUT, _P.F32_OUT
)
_BANDS = Kernel("spectra_bands", _P.F32, _P.INT, _P.INT, _P.I64, _P.INT, _P.F32_OUT)
SMALLEST: Final = 16
# Real and imaginary part of eight frames beside each other.
FLOATS_PER_POINT: Final = 16


class PowerSpectra:
    """Power spectra of frames of one size; the result for a frame does not depend on its neighbours.

    One caller at a time, as the memory to work in is kept.

    Parameters
    ----------
    window : float32 ``(size,)``, the size a power of two from 16 on.
    scale : what the squared size of each line is multiplied with.
    """

    def __init__(self, window: NDArray[np.float32], scale: float) -> None:
        size = window.size
        _require(window.ndim == 1 and size >= SMALLEST and size & (size - 1) == 0, "window")
        self._window = np.ascontiguousarray(window, dtype=np.float32)
        self._scale = scale
        self._work = np.empty((size // 2 + 1) * FLOATS_PER_POINT, dtype=np.float32)
        self._places, self._turns = _places(size // 2), _turns(size)

    @property
    def lines(self) -> int:
        """How many lines a frame has."""
        return self._window.size // 2 + 1

    def of(self, sound: NDArray[np.float32], hop: int, count: int) -> NDArray[np.float32]:
        """Powers of ``count`` frames of ``sound``, one every ``hop`` samples: float32 ``(count, lines)``."""
        reach = (count - 1) * hop + self._window.size if count else 0
        _require(sound.ndim == 1 and count >= 0 and hop > 0 and sound.size >= reach, "sound")
        powers = np.empty((count, self.lines), dtype=np.float32)
        _POWERS(
            sound,
            self._window,
            self._window.size,
            hop,
            count,
            self._places,
            self._turns,
            self._scale,
            self._work,
            powers,
        )
        return powers


def band_sums(powers: NDArray[np.float32], edges: NDArray[np.int64]) -> NDArray[np.float32]:
    """Sums of ``powers (frames, lines)`` over the lines between neighbouring rising ``edges``, ``(frames, bands)``."""
    frames, lines = powers.shape
    _require(edges.size > 1 and edges[0] >= 0 and edges[-1] <= lines and bool((np.diff(edges) >= 0).all()), "edges")
    sums = np.empty((frames, edges.size - 1), dtype=np.float32)
    _BANDS(powers, frames, lines, edges, edges.size - 1, sums)
    return sums


@cache
def _places(points: int) -> NDArray[np.int32]:
    """Each number with its bits in reverse."""
    places = np.zeros(1, dtype=np.int32)
    while places.size < points:
        places = np.concatenate([2 * places, 2 * places + 1]).astype(np.int32)
    return places


@cache
def _turns(size: int) -> NDArray[np.float32]:
    """The unit roots in the order of their use: three a point for each step, then one for each line."""
    points = size // 2
    apart = 2 if points.bit_length() % 2 == 0 else 4
    numbers: list[float] = []
    while apart < points:
        numbers += [share * i / (4 * apart) for i in range(apart) for share in (2, 1, 3)]
        apart *= 4
    numbers += [line / size for line in range(points)]
    pairs = [(math.cos(2.0 * math.pi * turn), -math.sin(2.0 * math.pi * turn)) for turn in numbers]
    return np.array(pairs, dtype=np.float32)


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise InternalError("kernels.argument", f"The kernels for spectra cannot work with this {what}")
