"""The channel strip over eight lanes: second-order sections, then a compressor, for four stereo tracks a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

PAIRS: Final = 4
LANES: Final = 2 * PAIRS
COMPRESSOR_ROWS: Final = 10

_STRIP8 = Kernel(
    "strip8",
    Parameter.I64,
    Parameter.I64,
    Parameter.I64,
    Parameter.F64,
    Parameter.F64,
    Parameter.INT,
    Parameter.F64,
    Parameter.INT,
    Parameter.F64_OUT,
    Parameter.INT,
)

Channels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class StripSettings:
    """What one call does to its eight lanes; lane ``p`` is the left and ``p + 4`` the right channel of pair ``p``.

    Parameters
    ----------
    gains : float64 ``(8,)``, before the sections.
    coefficients : float64 ``(sections, 4, 8)``: rows ``b1 - a1, b2 - a2, a1, a2`` of sections scaled to ``b0 = 1``.
        All zero is a wire.
    compressor : float64 ``(10, 4)``, rows as in ``native/kernels/strip.cpp``; None for no compressor at all.
    """

    gains: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    compressor: NDArray[np.float64] | None

    def __post_init__(self) -> None:
        sections = self.coefficients.shape[0]
        compressor_fits = self.compressor is None or self.compressor.shape == (COMPRESSOR_ROWS, PAIRS)
        if self.gains.shape != (LANES,) or self.coefficients.shape != (sections, 4, LANES) or not compressor_fits:
            raise InternalError("kernels.argument", "Strip settings of a wrong shape")

    def new_state(self) -> NDArray[np.float64]:
        """The state before the first sample."""
        return np.zeros((2 * self.coefficients.shape[0] + 1, LANES))


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

    Parameters
    ----------
    pairs : 1 to 4 arrays ``(1 or 2, n)``, float32; stretches ``[:, a:b]`` of longer ones are welcome.
    keys : for each track the sound its compressor listens to, of the same length, or None. The compressor rows say
        whether it is used.
    state : from ``settings.new_state()``; carried on, so that blocks give the same bits as the whole.
    out : where to write, of the shapes of ``pairs``; may be ``pairs`` themselves. New arrays otherwise.
    names : of the tracks, for messages.

    Raises
    ------
    InternalError
        ``render.not_finite`` with the track and the sample; ``kernels.argument`` for lengths that differ.
    """
    length = pairs[0].shape[1]
    made = [np.empty(pair.shape, dtype=np.float32) for pair in pairs] if out is None else list(out)
    heard = [key for key in keys if key is not None]
    if not 1 <= len(pairs) <= PAIRS or any(pair.shape[1] != length for pair in [*pairs, *heard, *made]):
        raise InternalError("kernels.argument", "A strip takes one to four tracks of one length")
    if length == 0:
        return made
    compressor = np.zeros((COMPRESSOR_ROWS, PAIRS)) if settings.compressor is None else settings.compressor
    status = _STRIP8.status(
        _lane_addresses(pairs, written=False),
        _lane_addresses(keys, written=False),
        _lane_addresses(made, written=True),
        settings.gains,
        settings.coefficients,
        settings.coefficients.shape[0],
        compressor,
        settings.compressor is not None,
        settings.new_state() if state is None else state,
        length,
    )
    if status >= 0:
        sample, pair_number = status // LANES, status % PAIRS
        name = names[pair_number] if pair_number < len(names) else f"track {pair_number + 1} of the strip"
        raise InternalError(
            "render.not_finite", "The sound holds a value that is not a number", where=f"{name}, sample {sample}"
        )
    return made


def _lane_addresses(pairs: Sequence[Channels | None], *, written: bool) -> NDArray[np.int64]:
    """Where each lane lies; a mono track is read by both lanes of its pair but written by one."""
    addresses = np.zeros(LANES, dtype=np.int64)
    for number, pair in enumerate(pairs):
        if pair is None:
            continue
        if (
            pair.dtype != np.float32
            or pair.ndim != 2
            or pair.strides[1] != pair.itemsize
            or pair.shape[0] not in (1, 2)
        ):
            raise InternalError(
                "kernels.argument", f"A strip takes float32 mono or stereo, not {pair.dtype} {pair.shape}"
            )
        first = pair.ctypes.data
        addresses[number] = first
        if pair.shape[0] == 2:
            addresses[number + PAIRS] = first + pair.strides[0]
        elif not written:
            addresses[number + PAIRS] = first
    return addresses
