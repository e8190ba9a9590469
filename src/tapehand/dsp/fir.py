"""Equalisers as finite filters: linear phase, or the minimum phase of the same curve.

The curve is that of the analogue bands, to the top. Linear phase: sampled in frequency, windowed in time. Minimum
phase: the folded cepstrum (A. V. Oppenheim & R. W. Schafer, "Discrete-time signal processing", on the cepstrum).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.dsp.convolution import ConvolverNode
from tapehand.dsp.matched import analogue_power
from tapehand.song.processors import Band, FirEqualiser

LENGTH_S: Final = 0.18
# The length is rounded up to a power of two, to less than twice as much, and half of it lies behind the sound.
FIR_TAIL_S: Final = LENGTH_S
DEEPEST_POWER: Final = 1e-12
LOWEST_HZ: Final = 0.5
LOWEST_Q: Final = 0.05


class FirEqualiserNode(ConvolverNode):
    """Bands as a finite filter. Of linear phase, it rings as long before a sound as behind it: 90 ms on each side."""

    def __init__(self, channels: int, rate_hz: int, settings: FirEqualiser) -> None:
        response, lead = fir_response(settings, rate_hz)
        super().__init__([response] * channels, lead)


@lru_cache(maxsize=256)
def fir_response(settings: FirEqualiser, rate_hz: int) -> tuple[NDArray[np.float64], int]:
    """The filter and how many of its samples lie before the sound."""
    length = 1 << math.ceil(math.log2(LENGTH_S * rate_hz))
    power = [_power(settings.bands, k * rate_hz / length) for k in range(length // 2 + 1)]
    if settings.phase == "minimum":
        return _minimum_phase(power, length), 0
    centred = np.roll(np.fft.irfft(np.array([math.sqrt(each) for each in power])), length // 2)
    window = [0.5 - 0.5 * math.cos(2.0 * math.pi * k / length) for k in range(length)]
    return centred * np.array(window), length // 2


def _minimum_phase(power: Sequence[float], length: int) -> NDArray[np.float64]:
    cepstrum = np.fft.irfft(np.array([0.5 * math.log(each) for each in power]))
    fold = np.zeros(length)
    fold[0] = fold[length // 2] = 1.0
    fold[1 : length // 2] = 2.0
    logarithm = np.fft.rfft(cepstrum * fold)
    polar = [(math.exp(each.real), each.imag) for each in logarithm.tolist()]
    spectrum = np.array([complex(size * math.cos(angle), size * math.sin(angle)) for size, angle in polar])
    made: NDArray[np.float64] = np.fft.irfft(spectrum)[: length // 2]
    return made


def _power(bands: Sequence[Band], frequency_hz: float) -> float:
    power = 1.0
    for band in bands:
        square = (frequency_hz / max(band.frequency_hz, LOWEST_HZ)) ** 2
        power *= _band_power(band, square)
    return max(power, DEEPEST_POWER)


def _band_power(band: Band, square: float) -> float:
    """The squared gain of the analogue prototype at the square of frequency over band frequency."""
    q = max(band.q, LOWEST_Q)
    resonance = (1.0 - square) ** 2 + square / (q * q)
    match band.kind:
        case "low_pass":
            return 1.0 / resonance
        case "high_pass":
            return square * square / resonance
        case "notch":
            return (1.0 - square) ** 2 / resonance
        case _:
            above, below = analogue_power(band.kind, band.gain_db, q)
            return above.at(square) / below.at(square)
