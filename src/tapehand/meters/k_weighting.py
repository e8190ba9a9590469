"""K-weighting of ITU-R BS.1770-5 at any rate, and the energies that every loudness figure is made of."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.kernels import meter as kernels

Energies = NDArray[np.float64]
HOPS_PER_SECOND: Final = 50

# The analogue prototypes behind the standard's 48 kHz coefficients: a high shelf, then a second-order high-pass.
_SHELF_HZ: Final = 1681.974450955533
_SHELF_GAIN_DB: Final = 3.999843853973347
_SHELF_Q: Final = 0.7071752369554196
_SHELF_SLOPE: Final = 0.4996667741545416
_HIGH_PASS_HZ: Final = 38.13547087602444
_HIGH_PASS_Q: Final = 0.5003270373238773


def sections(rate_hz: int) -> NDArray[np.float64]:
    """The two second-order sections at a rate: float64 ``(2, 5)``, rows b0 b1 b2 a1 a2.

    Redesigned by the bilinear transform from the analogue prototype, so that every rate follows the curve that the
    standard tabulates at 48 kHz (ITU-R BS.1770-5, annex 1).
    """
    return np.array([_shelf(rate_hz), _high_pass(rate_hz)])


def _shelf(rate_hz: int) -> tuple[float, ...]:
    k = math.tan(math.pi * min(_SHELF_HZ / rate_hz, 0.49))
    high = 10.0 ** (_SHELF_GAIN_DB / 20.0)
    band = high**_SHELF_SLOPE
    norm = 1.0 + k / _SHELF_Q + k * k
    return (
        (high + band * k / _SHELF_Q + k * k) / norm,
        2.0 * (k * k - high) / norm,
        (high - band * k / _SHELF_Q + k * k) / norm,
        2.0 * (k * k - 1.0) / norm,
        (1.0 - k / _SHELF_Q + k * k) / norm,
    )


def _high_pass(rate_hz: int) -> tuple[float, ...]:
    k = math.tan(math.pi * _HIGH_PASS_HZ / rate_hz)
    norm = 1.0 + k / _HIGH_PASS_Q + k * k
    return (1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / _HIGH_PASS_Q + k * k) / norm)


class KEnergyStream:
    """K-weighted energy of each channel in hops of 1/50 s, block by block; the blocks' sizes do not matter.

    ``hop_samples`` sets another length of the hops.
    """

    def __init__(self, channels: int, rate_hz: int, hop_samples: int | None = None) -> None:
        self.hop_samples = hop_samples or max(1, round(rate_hz / HOPS_PER_SECOND))
        self._sections = sections(rate_hz)
        self._state = np.zeros((channels, kernels.STATE_PER_CHANNEL))
        self._filled = 0

    def feed(self, samples: NDArray[np.float32]) -> Energies:
        """Mean squares of the hops that end inside ``samples`` ``(channels, samples)``: ``(channels, hops)``."""
        energies = kernels.k_energy(samples, self._sections, self._state, self._filled, self.hop_samples)
        self._filled = (self._filled + samples.shape[1]) % self.hop_samples
        return energies / self.hop_samples
