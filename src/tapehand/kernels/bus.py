"""The bus: tracks with gains that may move, summed in float64, exactly.

Every contribution is rounded to a whole number of 2^-40 of full scale (-241 dBFS). Sums of such numbers are exact in
float64 up to +78 dBFS, so order, grouping and threads change no bit, and a track that is added once more with its gains
negated leaves the bus as it was. See ``native/bus.hpp``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, NotFinite, Parameter

_P = Parameter
_TRACKS = (_P.I64, _P.I64, _P.I64, _P.I64, _P.I64, _P.F64, _P.INT)
_MIX_BUS = Kernel("mix_bus", *_TRACKS, _P.F64_OUT, _P.INT, _P.INT, _P.INT, _P.INT)
_NARROW_BUS = Kernel("narrow_bus", _P.F64, _P.INT, _P.F32_ROWS_OUT, _P.INT, _P.INT, _P.INT, _P.INT, _P.INT)

# Gains that may move: where the points lie, and the gains there, as in ``BusInput``.
Curve = tuple[NDArray[np.int64], NDArray[np.float64]]


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
        in_rows = sound_fits and (sound.strides[1] == sound.itemsize or sound.size == 0)
        if not in_rows or not rising or self.gains.shape != (at.size, 2):
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
    """The sum of ``inputs`` from ``start_samples`` on, float64 ``(2, length_samples)``, in whatever order they come.

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
    tables = (_addresses([track.samples for track in inputs]), lengths, offsets, *gain_points(inputs), len(inputs))
    _MIX_BUS(*tables, bus, bus.shape[1], 0, start_samples, length_samples, where=where)
    return bus


class BusAdder:
    """Rooms that are filled block by block, ready to be added to a bus: a call costs next to nothing beside the sum.

    Parameters
    ----------
    rooms : float32 ``(1 or 2, capacity)``; mono feeds both sides. They stay where they are, only their content changes.
    curves : for each room its gains. Given with the signs turned, they take from the bus what was added before.
    bus : float64 ``(2, any length)``, C-contiguous, likewise.
    where : the name of the bus, for messages.
    """

    def __init__(
        self,
        rooms: Sequence[NDArray[np.float32]],
        curves: Sequence[Curve],
        bus: NDArray[np.float64],
        *,
        where: str = "bus",
    ) -> None:
        inputs = [
            BusInput(samples=room, gain_at_samples=at, gains=gains)
            for room, (at, gains) in zip(rooms, curves, strict=True)
        ]
        self._where, self._length = where, bus.shape[1]
        self._capacity = min(room.shape[1] for room in rooms)
        self._starts, self._lengths = np.zeros(len(rooms), dtype=np.int64), np.zeros(len(rooms), dtype=np.int64)
        tables = (_addresses(rooms), self._lengths, self._starts, *gain_points(inputs), len(rooms))
        self._kept_alive = (rooms, tables, bus)
        self._mix = _MIX_BUS.prepared(*tables, bus, bus.shape[1])

    def add(self, start_samples: int, count: int, bus_at: int = 0) -> None:
        """Add the first ``count`` samples of the rooms, which lie at song position ``start_samples``, to the bus.

        They go to ``bus[:, bus_at : bus_at + count]``.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the bus and its sample; ``kernels.argument`` where rooms or bus are too short.
        """
        _require(0 <= count <= self._capacity and 0 <= bus_at <= self._length - count)
        self._starts.fill(start_samples)
        self._lengths.fill(count)
        _check(self._mix(bus_at, start_samples, count), self._where)


class BusNarrower:
    """Stretches of a float64 bus to float32, again and again into one room.

    Parameters
    ----------
    bus : float64 ``(1 or 2, any length)``, C-contiguous.
    room : float32, as many rows.
    where : the name of the bus, for messages.
    """

    def __init__(self, bus: NDArray[np.float64], room: NDArray[np.float32], *, where: str = "bus") -> None:
        _require(bus.ndim == room.ndim == 2 and len(bus) == len(room))
        self._where, self._lengths = where, (bus.shape[1], room.shape[1])
        self._kept_alive = (bus, room)
        self._narrow = _NARROW_BUS.prepared(bus, bus.shape[1], room, room.strides[0] // room.itemsize, len(bus))

    def narrow(self, count: int, bus_at: int = 0, room_at: int = 0) -> None:
        """Write ``bus[:, bus_at : bus_at + count]`` to ``room[:, room_at : room_at + count]``.

        Raises
        ------
        InternalError
            ``render.not_finite`` where a value is not finite, or too large for float32; ``kernels.argument``.
        """
        long, short = self._lengths
        _require(count >= 0 and 0 <= bus_at <= long - count and 0 <= room_at <= short - count)
        _check(self._narrow(bus_at, room_at, count), self._where)


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
    BusNarrower(bus, samples, where=where).narrow(bus.shape[1])
    return samples


def _addresses(rooms: Sequence[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Where the left and the right side of each begin, ``(rooms, 2)``; a mono one is both."""
    steps = [room.strides[0] if room.shape[0] == 2 else 0 for room in rooms]
    first = [room.ctypes.data for room in rooms]
    return np.array([(at, at + step) for at, step in zip(first, steps, strict=True)], dtype=np.int64)


def _require(fits: bool) -> None:
    if not fits:
        raise InternalError("kernels.argument", "A stretch does not fit into its bus or its room")


def _check(status: int, where: str) -> None:
    if status >= 0:
        raise NotFinite(where, status)
