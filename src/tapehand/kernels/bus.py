"""The bus: tracks with gains that may move, summed in float64 in a fixed order."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_MIX_BUS = Kernel("mix_bus", _P.I64, _P.I64, _P.I64, _P.I64, _P.I64, _P.F64, _P.INT, _P.INT, _P.INT, _P.F64_OUT, _P.INT)
_NARROW_BUS = Kernel("narrow_bus", _P.F64, _P.F32_OUT, _P.INT)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BusInput:
    """One track on its way into a bus.

    Parameters
    ----------
    samples : float32 ``(1 or 2, n)``; mono feeds both sides. Stretches ``[:, a:b]`` of longer arrays are welcome.
    gain_at_samples : int64 ``(points,)``, strictly rising song positions. Between points gains move in a straight line,
        before the first and after the last they stay. Two neighbouring samples make a step.
    gains : float64 ``(points, 2)``, linear, left and right; a negative gain turns the polarity.
    offset_samples : song position of the first sample; this is the delay of the track and may be negative.
    """

    samples: NDArray[np.float32]
    gain_at_samples: NDArray[np.int64]
    gains: NDArray[np.float64]
    offset_samples: int = 0

    def __post_init__(self) -> None:
        sound, at = self.samples, self.gain_at_samples
        sound_fits = sound.dtype == np.float32 and sound.ndim == 2 and sound.shape[0] in (1, 2)
        rising = at.ndim == 1 and at.size > 0 and bool(np.all(at[1:] > at[:-1]))
        if not sound_fits or sound.strides[1] != sound.itemsize or not rising or self.gains.shape != (at.size, 2):
            raise InternalError("kernels.argument", "A bus takes float32 mono or stereo, and gains at rising positions")


def steady(samples: NDArray[np.float32], left: float, right: float, offset_samples: int = 0) -> BusInput:
    """A track whose gains do not move."""
    at, gains = np.zeros(1, dtype=np.int64), np.array([[left, right]], dtype=np.float64)
    return BusInput(samples=samples, gain_at_samples=at, gains=gains, offset_samples=offset_samples)


def mix_bus(
    inputs: Sequence[BusInput],
    length_samples: int,
    *,
    start_samples: int = 0,
    onto: NDArray[np.float64] | None = None,
    where: str = "bus",
) -> NDArray[np.float64]:
    """The sum of ``inputs`` from ``start_samples`` on, float64 ``(2, length_samples)``; order of sum = order given.

    ``onto`` is a bus of that shape to go on adding to (changed in place); None begins with silence. Any stretch of a
    song gives the same bits as the whole song cut to it.

    Raises
    ------
    InternalError
        ``render.not_finite`` with ``where`` and the sample.
    """
    bus = np.zeros((2, length_samples)) if onto is None else onto
    if not inputs:
        return bus
    lengths = np.array([track.samples.shape[1] for track in inputs], dtype=np.int64)
    offsets = np.array([track.offset_samples for track in inputs], dtype=np.int64)
    points, at, gains = gain_points(inputs)
    for side in range(2):
        addresses = np.array([_address(track.samples, side) for track in inputs], dtype=np.int64)
        curves = (lengths, offsets, points, at, gains)
        _MIX_BUS(addresses, *curves, len(inputs), side, start_samples, bus[side], length_samples, where=where)
    return bus


def gain_points(inputs: Sequence[BusInput]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The gain points of all inputs in a row: where each input's begin, positions, gains."""
    points = np.array([0, *accumulate(track.gain_at_samples.size for track in inputs)], dtype=np.int64)
    at = np.concatenate([track.gain_at_samples for track in inputs]).astype(np.int64)
    gains = np.ascontiguousarray(np.concatenate([track.gains for track in inputs]), dtype=np.float64)
    return points, at, gains


def narrow_bus(bus: NDArray[np.float64], *, where: str = "bus") -> NDArray[np.float32]:
    """The bus as float32, of the same shape.

    Raises
    ------
    InternalError
        ``render.not_finite`` where a value is not finite, or too large for float32.
    """
    samples = np.empty(bus.shape, dtype=np.float32)
    narrow_bus_into(bus, samples, where=where)
    return samples


def narrow_bus_into(bus: NDArray[np.float64], samples: NDArray[np.float32], *, where: str = "bus") -> None:
    """The first samples of a bus ``(2, n)``, as many as ``samples`` takes, as float32. Raises as ``narrow_bus``."""
    for side, row in zip(bus, samples, strict=True):
        _NARROW_BUS(side, row, row.size, where=where)


def _address(samples: NDArray[np.float32], side: int) -> int:
    return int(samples.ctypes.data + (samples.strides[0] if side and samples.shape[0] == 2 else 0))
