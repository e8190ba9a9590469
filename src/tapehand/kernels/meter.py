"""Kernels of the meters: K-weighted energy, sums for level and correlation, peaks between samples."""

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_K_ENERGY = Kernel("meter_k_energy", _P.F32, _P.INT, _P.INT, _P.F64, _P.F64_OUT, _P.INT, _P.INT, _P.F64_OUT, _P.INT)
_SUMS = Kernel("meter_sums", _P.F32, _P.F32, _P.INT, _P.INT, _P.F64_OUT)
_ADD_POWER = Kernel("meter_add_power", _P.F64, _P.INT, _P.INT, _P.F64_OUT)
_BLOCK_PEAKS = Kernel("meter_block_peaks", _P.F32, _P.INT, _P.INT, _P.INT, _P.F32, _P.INT, _P.INT, _P.INT, _P.F32_OUT)
STATE_PER_CHANNEL = 5
MOST_TAPS = 256


def k_energy(
    samples: NDArray[np.float32],
    sections: NDArray[np.float64],
    state: NDArray[np.float64],
    filled: int,
    hop: int,
) -> NDArray[np.float64]:
    """Energy (sum of squares) of each hop that ends inside this block, through two second-order sections.

    Parameters
    ----------
    samples : float32 ``(channels, samples)``.
    sections : float64 ``(2, 5)``, rows b0 b1 b2 a1 a2.
    state : float64 ``(channels, 5)``, zeros at the start; carried on from block to block.
    filled : samples of the first hop that came with earlier blocks.
    hop : samples of a hop.

    Returns
    -------
    float64 ``(channels, hops)``.
    """
    channels, length = samples.shape
    _require(sections.shape == (2, 5) and state.shape == (channels, STATE_PER_CHANNEL), "K-weighting state or sections")
    _require(0 <= filled < hop, "hop")
    energies = np.zeros((channels, (filled + length) // hop))
    if length:
        _K_ENERGY(samples, channels, length, sections, state, filled, hop, energies, energies.shape[1])
    return energies


def add_sums(
    first: NDArray[np.float32], second: NDArray[np.float32], position: int, lanes: NDArray[np.float64]
) -> None:
    """Carry on ``lanes``, float64 ``(7, 8)``: peaks, sums of squares, sum of products, sums of two channels.

    ``position`` counts the samples that came before; the rows are summed over their lanes (peaks: the highest) at the
    end.
    """
    _require(first.shape == second.shape and first.ndim == 1 and lanes.shape == (7, 8), "channels or sums")
    _SUMS(first, second, first.size, position, lanes)


def add_power(spectra: NDArray[np.complex128], power: NDArray[np.float64]) -> None:
    """Add the squared sizes of ``spectra`` ``(rows, lines)`` to ``power`` ``(lines,)``, row by row."""
    rows, lines = spectra.shape
    _require(power.shape == (lines,), "spectra or power")
    _ADD_POWER(spectra.view(np.float64), rows, lines, power)


def block_peaks(
    channel: NDArray[np.float32], bank: NDArray[np.float32], start: int, end: int, block: int
) -> NDArray[np.float32]:
    """Largest size, on the samples and between them, per ``block`` positions of ``[start, end)`` of one channel.

    ``bank`` is float32 ``(phases, taps)``: phases a multiple of 4, taps even and at most 256. ``block``: of 8.
    """
    require_bank(bank)
    _require(channel.ndim == 1 and 0 <= start <= end <= channel.size and block % 8 == 0 and block > 0, "block")
    peaks = np.zeros(-(-(end - start) // block), dtype=np.float32)
    _BLOCK_PEAKS(channel, channel.size, start, end, bank, *bank.shape, block, peaks)
    return peaks


def require_bank(bank: NDArray[np.float32]) -> None:
    """Refuse a bank of interpolation filters that the kernels cannot walk."""
    phases, taps = bank.shape
    _require(phases % 4 == 0 and taps % 2 == 0 and taps <= MOST_TAPS, "bank of interpolation filters")


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise InternalError("kernels.argument", f"The meter kernels cannot work with this {what}")
