"""True peak: the standard's meter, and a finer scan to prove a ceiling with."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.interpolation import Bank, bs1770_bank
from tapehand.dsp.peak_envelope import coarse_envelope, raise_by_set
from tapehand.kernels import meter as kernels
from tapehand.units import db_to_gain, gain_to_db

SCAN_BLOCK: Final = 64
# At 4x a sine of half the rate is under-read by up to 20 log10 cos(pi / 8) = -0.69 dB, and the standard's filter droops
# up there as well. What lies further below the highest reading does not hold the true peak.
SCAN_REACH_DB: Final = 4.0


def true_peak(samples: NDArray[np.float32]) -> float:
    """Linear true peak of ``(channels, samples)`` by the 48-tap filter at 4x, never below the sample peak.

    Silence is taken to stand before and after (ITU-R BS.1770-5, annex 2).
    """
    peaks = [0.0]
    for channel in samples:
        peaks += [float(_scan(channel, bs1770_bank()).max(initial=0.0)), float(np.abs(channel).max(initial=0.0))]
    return max(peaks)


def true_peak_dbtp(audio: Audio) -> float:
    """True peak of ``audio`` by the standard's filter, in dBTP."""
    return gain_to_db(true_peak(audio.samples))


def finest_true_peak_dbtp(audio: Audio) -> float:
    """Highest reading of ``dsp.interpolation.BANKS``, the set of filters that a ceiling is proved under."""
    envelope = coarse_envelope(audio.samples)
    highest = float(envelope.max(initial=0.0))
    raise_by_set(audio.samples, envelope, highest * db_to_gain(-SCAN_REACH_DB))
    return gain_to_db(float(envelope.max(initial=0.0)))


def _scan(channel: NDArray[np.float32], bank: Bank) -> NDArray[np.float32]:
    return kernels.block_peaks(channel, bank, 0, channel.size, SCAN_BLOCK)


class TruePeakStream:
    """The standard's true peak, block by block; the blocks' sizes do not matter."""

    def __init__(self, channels: int) -> None:
        self._context = bs1770_bank().shape[1]
        self._tail = np.zeros((channels, self._context), dtype=np.float32)
        self._highest = 0.0

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next block ``(channels, samples)``; the last half filter waits for the block after it."""
        joined = np.concatenate([self._tail, samples], axis=1)
        self._read(joined, joined.shape[1] - self._context // 2)
        self._tail = np.ascontiguousarray(joined[:, -self._context :])

    def finish(self) -> float:
        """Linear true peak of all that was fed."""
        end = np.zeros_like(self._tail)
        self._read(np.concatenate([self._tail, end], axis=1), self._tail.shape[1])
        return self._highest

    def _read(self, joined: NDArray[np.float32], end: int) -> None:
        # Positions whose whole filter lies inside: earlier ones were read with the block before.
        start = self._context // 2 - 1
        for channel in joined:
            row = np.ascontiguousarray(channel)
            peaks = kernels.block_peaks(row, bs1770_bank(), start, max(start, end), SCAN_BLOCK)
            self._highest = max(self._highest, float(peaks.max(initial=0.0)), float(np.abs(row).max(initial=0.0)))
