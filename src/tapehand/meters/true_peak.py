"""True peak: the standard's meter, and a finer scan to prove a ceiling with."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.interpolation import bs1770_bank
from tapehand.dsp.peak_envelope import coarse_envelope, raise_by_set
from tapehand.kernels import meter as kernels
from tapehand.units import db_to_gain, gain_to_db

SCAN_BLOCK: Final = 64
CHUNK_SAMPLES: Final = 512
# The filter rings before the first sample.
EDGE_SAMPLES: Final = 8
# At 4x a sine of half the rate is under-read by up to 20 log10 cos(pi / 8) = -0.69 dB, and the standard's filter droops
# up there as well. What lies further below the highest reading does not hold the true peak.
SCAN_REACH_DB: Final = 4.0


def true_peak(samples: NDArray[np.float32]) -> float:
    """Linear true peak of ``(channels, samples)`` by the 48-tap filter at 4x, never below the sample peak.

    Silence is taken to stand before and after (ITU-R BS.1770-5, annex 2).
    """
    peaks = [0.0]
    for channel in samples:
        peaks.append(float(_scan(channel).max(initial=0.0)))
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


def _scan(channel: NDArray[np.float32]) -> NDArray[np.float32]:
    return kernels.block_peaks(channel, bs1770_bank(), 0, channel.size, SCAN_BLOCK)


class TruePeakStream:
    """The standard's true peak, block by block; the blocks' sizes do not matter."""

    def __init__(self, channels: int) -> None:
        self._ahead = bs1770_bank().shape[1] // 2
        self._waiting = np.zeros((channels, self._ahead - 1 + EDGE_SAMPLES), dtype=np.float32)
        self._peaks: list[NDArray[np.float32]] = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next block ``(channels, samples)``; what fills no chunk waits for the block after it."""
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        whole = (self._waiting.shape[1] - 2 * self._ahead + 1) // CHUNK_SAMPLES * CHUNK_SAMPLES
        if whole > 0:
            self._read(whole)
            self._waiting = self._waiting[:, whole:].copy()

    def finish(self) -> NDArray[np.float32]:
        """Linear true peak of any channel for every chunk of ``CHUNK_SAMPLES``, from ``EDGE_SAMPLES`` early on."""
        self._waiting = np.pad(self._waiting, ((0, 0), (0, self._ahead)))
        self._read(self._waiting.shape[1] - 2 * self._ahead + 1)
        return np.concatenate(self._peaks)

    def _read(self, count: int) -> None:
        first = self._ahead - 1
        rows = [np.ascontiguousarray(row) for row in self._waiting]
        peaks = [kernels.block_peaks(row, bs1770_bank(), first, first + count, CHUNK_SAMPLES) for row in rows]
        self._peaks.append(np.max(peaks, axis=0))
