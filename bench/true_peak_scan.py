"""True peak by the named set of filters, in code that shares nothing with the limiter or the meters.

Every filter is built here from its description, and run over the whole sound at 4, 16 or 32 times the rate.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, oaconvolve, upfirdn

Samples = NDArray[np.floating]
FFT_BLOCK = 65_536
FFT_CONTEXT = 8_192

# ITU-R BS.1770-5, annex 2, table of the 4-phase filter, phases 0 and 1; 3 and 2 are those backwards.
PHASE_0 = "0.0017089844 0.0109863281 -0.0196533203 0.0332031250 -0.0594482422 0.1373291016 0.9721679688 -0.1022949219"
PHASE_0_END = "0.0476074219 -0.0266113281 0.0148925781 -0.0083007813"
PHASE_1 = "-0.0291748047 0.0292968750 -0.0517578125 0.0891113281 -0.1665039063 0.4650878906 0.7797851563 -0.2003173828"
PHASE_1_END = "0.1015625000 -0.0582275391 0.0330810547 -0.0189208984"


def standard(samples: Samples) -> float:
    """The 48-tap filter at 4x."""
    first = np.array([float(word) for word in f"{PHASE_0} {PHASE_0_END}".split()])
    second = np.array([float(word) for word in f"{PHASE_1} {PHASE_1_END}".split()])
    taps = np.stack([first, second, second[::-1], first[::-1]], axis=1).ravel()
    return float(np.abs(upfirdn(taps, samples, up=4, axis=1)).max())


def kaiser(samples: Samples, taps_a_phase: int, cutoff: float, beta: float) -> float:
    """A windowed sinc at 16x, run by FFT over stretches that overlap by the filter."""
    taps = firwin(16 * taps_a_phase + 1, cutoff / 16, window=("kaiser", beta)) * 16
    highest = 0.0
    for block in _stretches(samples, 1 << 15, taps_a_phase):
        stuffed = np.zeros((block.shape[0], 16 * block.shape[1]))
        stuffed[:, ::16] = block
        highest = max(highest, float(np.abs(oaconvolve(stuffed, taps[np.newaxis], mode="valid", axes=1)).max()))
    return highest


def ideal(samples: Samples) -> float:
    """Band-limited at 32x by FFT, in blocks whose outer parts are thrown away."""
    highest = 0.0
    for block in _stretches(samples, FFT_BLOCK - 2 * FFT_CONTEXT, FFT_CONTEXT):
        lines = np.fft.rfft(block, axis=1)
        lines[:, -1] *= 0.5 if block.shape[1] % 2 == 0 else 1.0
        wide = np.fft.irfft(lines, 32 * block.shape[1], axis=1) * 32
        highest = max(highest, float(np.abs(wide[:, 32 * FFT_CONTEXT : -32 * FFT_CONTEXT]).max()))
    return highest


def _stretches(samples: Samples, hop: int, context: int) -> Iterator[Samples]:
    """Stretches of ``hop`` samples with ``context`` to each side; silence stands before and after."""
    padded = np.pad(samples.astype(np.float64), ((0, 0), (context, context + hop)))
    for start in range(0, samples.shape[1], hop):
        yield padded[:, start : start + hop + 2 * context]


def true_peaks_dbtp(samples: Samples) -> dict[str, float]:
    """Each filter's reading of ``(channels, samples)``."""
    linear = {
        "bs1770": standard(samples),
        "steep": kaiser(samples, 97, 0.98, 9.0),
        "flat": kaiser(samples, 513, 0.94, 10.0),
        "ideal": ideal(samples),
    }
    return {name: 20.0 * float(np.log10(max(peak, 1e-12))) for name, peak in linear.items()}
