"""Filters that give the signal between its samples: the standard's, and the set that a ceiling is proved under.

A bank is float32 ``(phases, taps)``; row p, laid over the samples ``i - taps/2 + 1 .. i + taps/2``, gives the signal
at a fixed place in ``[i, i + 1)``. What "true peak" is near half the rate depends on the filter, so Tapehand names its
filters: see ``BANKS``. The long ones are run in two steps that are cheaper together: spectra double the rate, and
a short bank fills in the rest. ``peak_envelope`` does so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bank = NDArray[np.float32]

# ITU-R BS.1770-5, annex 2: phases 0 and 1 of the 48-tap filter for 4 times the rate; 2 and 3 are their mirror images.
_BS1770_PHASES: Final = (
    (
        *(0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625),
        *(0.97216796875, -0.102294921875, 0.047607421875, -0.026611328125, 0.014892578125, -0.00830078125),
    ),
    (
        *(-0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625),
        *(0.77978515625, -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375),
    ),
)


@cache
def bs1770_bank() -> Bank:
    """The standard's filter: 4 phases of 12 taps, at 1/8, 3/8, 5/8 and 7/8 of the way (ITU-R BS.1770-5, annex 2)."""
    forward = np.array(_BS1770_PHASES, dtype=np.float32)
    return _frozen(np.concatenate([forward[:, ::-1], forward[::-1]]))


@cache
def kaiser_bank(phases: int, taps: int, beta: float, cutoff: float = 1.0) -> Bank:
    """Windowed-sinc interpolation at 0, 1/phases, 2/phases ... of the way; half gain at ``cutoff`` (1 = Nyquist).

    ``taps`` per phase, even; ``beta`` of the Kaiser window (J. F. Kaiser, 1974). Each row sums to 1.
    """
    rows = [_kaiser_row(row / phases, taps, beta, cutoff) for row in range(phases)]
    return _frozen(np.array(rows, dtype=np.float64).astype(np.float32))


def _kaiser_row(offset: float, taps: int, beta: float, cutoff: float) -> list[float]:
    times = [k - (taps // 2 - 1) - offset for k in range(taps)]
    weights = [_sinc(cutoff * time) * _kaiser(time / (taps / 2), beta) for time in times]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _sinc(x: float) -> float:
    return 1.0 if x == 0.0 else math.sin(math.pi * x) / (math.pi * x)


def _kaiser(x: float, beta: float) -> float:
    return _bessel_i0(beta * math.sqrt(max(0.0, 1.0 - x * x))) / _bessel_i0(beta)


def _bessel_i0(x: float) -> float:
    term = total = 1.0
    for k in range(1, 60):
        term *= (x / (2 * k)) ** 2
        total += term
    return total


def _frozen(bank: NDArray[np.floating]) -> Bank:
    frozen = np.ascontiguousarray(bank, dtype=np.float32)
    frozen.flags.writeable = False
    return frozen


@cache
def hann_bank() -> Bank:
    """4x, 49 taps under a Hann window, not evened out: as libebur128 and the many meters built on it read."""
    rows = [[_hann_weight(k - 5 - row / 4) for k in range(12)] for row in range(4)]
    return _frozen(np.array(rows, dtype=np.float64).astype(np.float32))


def _hann_weight(time: float) -> float:
    return _sinc(time) * (0.5 + 0.5 * math.cos(math.pi * time / 6.0))


@cache
def half_step_bank() -> Bank:
    """Fills in a signal that is already doubled in rate: 16 places in each of its steps, true to 0.001 dB."""
    return kaiser_bank(16, 12, 8.0)


@dataclass(frozen=True, slots=True)
class LongFilter:
    """A filter too long to lay over the samples one by one: it is run by spectra, over blocks.

    ``taps`` per phase under a Kaiser window with ``beta``, half gain at ``cutoff`` (1 = half the rate). Without taps
    it is the ideal: everything below half the rate, nothing above.
    """

    name: str
    words: str
    taps: int = 0
    beta: float = 0.0
    cutoff: float = 1.0

    def doubling_response(self, size: int) -> Bank:
        """Its real, zero-phase response for doubling the rate of a block of ``size`` samples: ``(size + 1,)``."""
        return _doubling_response(self, size)


@cache
def _doubling_response(long_filter: LongFilter, size: int) -> Bank:
    if not long_filter.taps:
        ideal = np.zeros(size + 1)
        ideal[: size // 2], ideal[size // 2] = 2.0, 1.0
        return _frozen(ideal)
    kernel = np.zeros(2 * size)
    for step in range(-long_filter.taps, long_filter.taps + 1):
        kernel[step] = _long_weight(long_filter, step / 2.0)
    return _frozen(np.fft.rfft(2.0 * kernel / kernel.sum()).real)


def _long_weight(long_filter: LongFilter, time: float) -> float:
    reach = long_filter.taps / 2.0
    if abs(time) > reach:
        return 0.0
    return _sinc(long_filter.cutoff * time) * _kaiser(time / reach, long_filter.beta)


SHORT_BANKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bs1770": "ITU-R BS.1770-5 annex 2: 4x, 48 taps",
        "hann": "4x, 49 taps, Hann window, as libebur128 reads",
    }
)
LONG_FILTERS: Final = (
    LongFilter(
        "steep", "16x, 97 taps a phase, Kaiser window with beta 9, cut-off 0.98 of half the rate", 97, 9.0, 0.98
    ),
    LongFilter("flat", "16x, 513 taps a phase, Kaiser window with beta 10, cut-off 0.94", 513, 10.0, 0.94),
    LongFilter("ideal", "32x, band-limited by FFT, blocks of 65536 samples that overlap by 8192"),
)
BANKS: Final[Mapping[str, str]] = MappingProxyType(
    {**SHORT_BANKS, **{long_filter.name: long_filter.words for long_filter in LONG_FILTERS}}
)
