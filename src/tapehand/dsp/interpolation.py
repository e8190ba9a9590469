"""Banks of filters that give the signal between its samples: the standard's, and Kaiser-windowed ones at 16x.

A bank is float32 ``(phases, taps)``; row p, laid over the samples ``i - taps/2 + 1 .. i + taps/2``, gives the signal
at a fixed place in ``[i, i + 1)``. What "true peak" is near the Nyquist frequency depends on the filter, so Tapehand
names its filters: see ``BANKS``.
"""

import math
from collections.abc import Mapping
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


def _frozen(bank: Bank) -> Bank:
    bank = np.ascontiguousarray(bank, dtype=np.float32)
    bank.flags.writeable = False
    return bank


def short_bank() -> Bank:
    """16x with a gentle slope, as simple resamplers have it."""
    return kaiser_bank(16, 20, 5.0)


def steep_bank() -> Bank:
    """16x close to the ideal: flat to 0.49 of the rate."""
    return kaiser_bank(16, 256, 8.0)


def converter_bank() -> Bank:
    """16x as converters and good resamplers have it: flat to 0.46 of the rate, nothing above 0.5."""
    return kaiser_bank(16, 128, 8.0, 0.96)


@cache
def hann_bank() -> Bank:
    """4x, 49 taps under a Hann window, not evened out: as libebur128 and the many meters built on it read."""
    rows = [[_hann_weight(k - 5 - row / 4) for k in range(12)] for row in range(4)]
    return _frozen(np.array(rows, dtype=np.float64).astype(np.float32))


def _hann_weight(time: float) -> float:
    return _sinc(time) * (0.5 + 0.5 * math.cos(math.pi * time / 6.0))


def fine_banks() -> tuple[Bank, ...]:
    """Every bank but the standard's."""
    return hann_bank(), short_bank(), steep_bank(), converter_bank()


BANKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bs1770": "ITU-R BS.1770-5 annex 2: 4x, 48 taps",
        "hann": "4x, 49 taps, Hann window, as libebur128 reads",
        "short": "16x, 20 taps a phase, Kaiser window with beta 5, half gain at half the rate",
        "steep": "16x, 256 taps a phase, Kaiser window with beta 8, half gain at half the rate",
        "converter": "16x, 128 taps a phase, Kaiser window with beta 8, half gain at 0.48 of the rate",
    }
)
