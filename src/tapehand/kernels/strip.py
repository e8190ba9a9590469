"""The channel strip over eight lanes: second-order sections, then a compressor, for four stereo tracks a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.bus import BusInput, gain_points
from tapehand.kernels.library import Kernel, NotFinite, Parameter

PAIRS: Final = 4
LANES: Final = 2 * PAIRS
COMPRESSOR_ROWS: Final = 10
WHOLE: Final = 1 << 62

_P = Parameter
_SETTINGS = (_P.F64, _P.F64, _P.INT, _P.F64, _P.INT, _P.F64, _P.INT, _P.F64_OUT)
_CURVES = (_P.I64, _P.I64, _P.F64)
_STRIP8 = Kernel("strip8", _P.I64, _P.I64, _P.I64, _P.INT, *_SETTINGS, _P.INT, _P.INT)
_STRIP8_ONTO_BUS = Kernel(
    "strip8_onto_bus", _P.I64, _P.I64, _P.INT, *_SETTINGS, *_CURVES, _P.F64_OUT, _P.INT, _P.INT, _P.INT
)

Channels = NDArray[np.float32]
Table = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StripSettings:
    """The numbers of one pass over up to four tracks.

    Parameters
    ----------
    gains : float64 ``(8,)``.
    wide_coefficients, coefficients : float64 ``(sections, 4, 8)``, for the sections computed in float64 and in float32.
    compressor : float64 ``(10, 4)``, rows as in ``native/kernels/strip.cpp``; None for no compressor at all.
    """

    gains: NDArray[np.float64]
    wide_coefficients: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    compressor: NDArray[np.float64] | None

    def __post_init__(self) -> None:
        tables_fit = all(table.shape[1:] == (4, LANES) for table in (self.wide_coefficients, self.coefficients))
        compressor_fits = self.compressor is None or self.compressor.shape == (COMPRESSOR_ROWS, PAIRS)
        if self.gains.shape != (LANES,) or not tables_fit or not compressor_fits:
            raise InternalError("kernels.argument", "Strip settings of a wrong shape")

    def new_state(self) -> NDArray[np.float64]:
        """The state before the first sample."""
        return np.zeros((2 * (len(self.wide_coefficients) + len(self.coefficients)) + 1, LANES))

    def arguments(self) -> tuple[object, ...]:
        """As the kernels take them."""
        wide, fast = self.wide_coefficients, self.coefficients
        compressor = np.zeros((COMPRESSOR_ROWS, PAIRS)) if self.compressor is None else self.compressor
        return self.gains, wide, len(wide), fast, len(fast), compressor, self.compressor is not None


def run_strip8(
    pairs: Sequence[Channels],
    settings: StripSettings,
    *,
    keys: Sequence[Channels | None] = (),
    state: NDArray[np.float64] | None = None,
    out: Sequence[Channels] | None = None,
    names: Sequence[str] = (),
) -> list[Channels]:
    """Run up to four tracks of one length through the strip.

    Parameters and errors as ``Strip8`` and its ``bind``; ``state`` None begins with silence, ``out`` None makes new
    arrays, and every array has one length.
    """
    length = pairs[0].shape[1]
    made = [np.empty(pair.shape, dtype=np.float32) for pair in pairs] if out is None else list(out)
    heard = [key for key in keys if key is not None]
    if any(pair.shape[1] != length for pair in [*pairs, *heard, *made]):
        raise InternalError("kernels.argument", "A strip takes tracks of one length")
    state = settings.new_state() if state is None else state
    strip = Strip8(settings, state, tracks=len(pairs), names=names)
    strip.bind(pairs, made, keys)
    strip.run(length)
    return made


class Strip8:
    """One to four tracks in rooms that are filled again and again, each through the strip into another room.

    Parameters
    ----------
    state : from ``settings.new_state()``; carried on, so that blocks give the same bits as the whole.
    tracks : how many there are. One or two run in a form of their own, with the same bits.
    names : of the tracks, for messages.
    """

    def __init__(
        self, settings: StripSettings, state: NDArray[np.float64], *, tracks: int, names: Sequence[str] = ()
    ) -> None:
        self._tracks, self._names, self._capacity = tracks, names, 0
        self._signals, self._keys = np.zeros((3, LANES), dtype=np.int64), np.zeros((3, LANES), dtype=np.int64)
        self._written = np.zeros((3, LANES), dtype=np.int64)
        self._kept_alive = (*settings.arguments(), state)
        self._run = _STRIP8.prepared(self._signals, self._keys, self._written, tracks, *self._kept_alive, 0)

    def bind(self, pairs: Sequence[Channels], out: Sequence[Channels], keys: Sequence[Channels | None] = ()) -> None:
        """Say where the tracks lie from now on; the rooms stay, only their content changes.

        Parameters
        ----------
        pairs : for each track an array ``(1 or 2, capacity)``, float32; stretches ``[:, a:b]`` of longer ones are
            welcome.
        out : where to write, of the channels of ``pairs``; may be ``pairs`` themselves.
        keys : for each track the room of what its compressor listens to, or None. The compressor rows say whether it
            is used; where a key is shorter, the rest is silence.

        Raises
        ------
        InternalError
            ``kernels.argument`` for arrays that are none of these.
        """
        alike = len(pairs) == len(out) and all(a.shape[0] == b.shape[0] for a, b in zip(pairs, out, strict=True))
        if not 1 <= len(pairs) == self._tracks <= PAIRS or len(keys) > PAIRS or not alike:
            raise InternalError("kernels.argument", "A strip takes one to four tracks, and a room for each")
        self._capacity = min(room.shape[1] for room in [*pairs, *out])
        self._rooms = (pairs, out, keys)
        _lay_lanes(self._signals, pairs)
        _lay_lanes(self._keys, keys)
        _lay_lanes(self._written, out, mono_lanes=1)

    def run(self, count: int) -> None:
        """The next ``count`` samples, which begin every room.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the track and the sample of this block; ``kernels.argument`` for too many.
        """
        if not 0 <= count <= self._capacity:
            raise InternalError("kernels.argument", f"{count} samples do not fit into the rooms of a strip")
        _check(self._run(count), self._names)


class Strip8OntoBus:
    """One to four tracks, each through the strip, added to a bus block by block.

    The same bits as ``run_strip8`` of tracks that lie in silence, then ``mix_bus``.

    Parameters
    ----------
    signals, keys : from ``lane_table``; they must not outlive the arrays they were made of, and may change in content.
    inputs : the tracks again, with the gains at which they enter the bus.
    bus : float64 ``(2, n)``, where every block begins at 0.
    names : of the tracks, for messages.
    """

    def __init__(
        self,
        signals: Table,
        keys: Table,
        settings: StripSettings,
        inputs: Sequence[BusInput],
        bus: NDArray[np.float64],
        *,
        names: Sequence[str] = (),
    ) -> None:
        state, curves = settings.new_state(), gain_points(inputs)
        self._names = names
        self._kept_alive = (signals, keys, len(inputs), *settings.arguments(), state, *curves, bus, bus.shape[1])
        self._run = _STRIP8_ONTO_BUS.prepared(*self._kept_alive)

    def add(self, start_samples: int, count: int) -> None:
        """Add ``count`` samples from song position ``start_samples``; calls follow each other in time without a gap.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the track and the sample of this block.
        """
        _check(self._run(start_samples, count), self._names)


def lane_table(pairs: Sequence[Channels | None], starts: Sequence[int] = ()) -> Table:
    """Where each lane lies: int64 ``(3, 8)``, addresses, song positions of the first sample, lengths.

    A mono track is read by both lanes of its pair.
    """
    table = np.zeros((3, LANES), dtype=np.int64)
    _lay_lanes(table, pairs)
    for number, start in enumerate(starts):
        table[1, number::PAIRS] = start
    return table


def _lay_lanes(table: Table, pairs: Sequence[Channels | None], mono_lanes: int = 2) -> None:
    """Write where each lane lies; ``mono_lanes`` of a mono track are used."""
    addresses, lengths = [0] * LANES, [0] * LANES
    for number, pair in enumerate(pairs):
        if pair is None:
            continue
        _check_layout(pair)
        left, step = pair.ctypes.data, pair.strides[0] if pair.shape[0] == 2 else 0
        addresses[number] = left
        addresses[number + PAIRS] = left + step if step or mono_lanes == 2 else 0
        lengths[number] = lengths[number + PAIRS] = pair.shape[1]
    table[0] = addresses
    table[2] = lengths


def _check_layout(pair: Channels) -> None:
    in_rows = pair.ndim == 2 and (pair.strides[1] == pair.itemsize or pair.size == 0)
    if pair.dtype != np.float32 or not in_rows or pair.shape[0] not in (1, 2):
        raise InternalError("kernels.argument", f"A strip takes float32 mono or stereo, not {pair.dtype} {pair.shape}")


def _check(status: int, names: Sequence[str]) -> None:
    if status < 0:
        return
    sample, number = status // LANES, status % PAIRS
    name = names[number] if number < len(names) else f"track {number + 1} of the strip"
    raise NotFinite(name, sample)
