"""How high the signal reaches between its samples, sample by sample, by every filter of ``interpolation.BANKS``.

An envelope is float32 ``(samples,)``: at i, the largest peak of any channel in ``[i - 1, i + 1)``.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.dsp.interpolation import LONG_FILTERS, bs1770_bank, half_step_bank, hann_bank
from tapehand.kernels import limiter as kernels

Samples = NDArray[np.float32]
Spectrum = NDArray[np.complex128]

BLOCK_SAMPLES: Final = 32_768
CONTEXT_SAMPLES: Final = 4_096
# Before the first and after the last sample the filters ring; what they read there binds the sample at the edge.
EDGE_SAMPLES: Final = 16


def coarse_envelope(samples: Samples) -> kernels.Envelope:
    """The envelope of ``(channels, samples)`` by the standard's filter, never below the samples."""
    envelope = kernels.sample_peaks(samples)
    kernels.raise_envelope(samples, bs1770_bank(), envelope)
    return envelope


def raise_by_set(samples: Samples, envelope: kernels.Envelope, threshold: float, caution: float = 0.0) -> None:
    """Raise ``envelope``, in place, to what the rest of the set reads wherever it stands above ``threshold``.

    Silence is taken to stand before and after. What the ideal filter reads above all others is energy at half the
    rate, where the reading depends on how much of the sound is looked at; ``caution`` times as much is put on top.
    """
    kernels.raise_envelope(samples, hann_bank(), envelope, threshold)
    if not envelope.size:
        return
    wide = np.pad(envelope, EDGE_SAMPLES, mode="edge")
    for start, end, size in _blocks(wide.size):
        part = wide[start:end]
        if part.max() > threshold:
            spectrum = _mirrored_spectrum(samples, start - EDGE_SAMPLES - CONTEXT_SAMPLES, size)
            _raise_block(part, spectrum, threshold, caution)
    envelope[:] = wide[EDGE_SAMPLES:-EDGE_SAMPLES]
    envelope[0] = wide[: EDGE_SAMPLES + 1].max()
    envelope[-1] = wide[-EDGE_SAMPLES - 1 :].max()


def _raise_block(part: kernels.Envelope, spectrum: Spectrum, threshold: float, caution: float) -> None:
    for long_filter in LONG_FILTERS:
        before = part.copy()
        _raise(part, spectrum * long_filter.doubling_response(spectrum.shape[1] - 1), threshold)
    part += (part - before) * np.float32(caution)


def _raise(part: kernels.Envelope, spectrum: Spectrum, threshold: float) -> None:
    doubled = np.fft.irfft(spectrum, 2 * spectrum.shape[1] - 2)
    stream = np.ascontiguousarray(doubled, dtype=np.float32)
    kernels.raise_envelope(stream, half_step_bank(), part, threshold, first=2 * CONTEXT_SAMPLES, steps=2)


def _blocks(length: int) -> Iterator[tuple[int, int, int]]:
    """Start and end of each stretch that is read at once, and the size of its transform, on a grid from sample 0."""
    hop = BLOCK_SAMPLES - 2 * CONTEXT_SAMPLES - 1
    for start in range(0, length, hop):
        # One more, as a peak behind the last sample of a stretch binds the next one too.
        end = min(start + hop + 1, length)
        yield start, end, _transform_size(end - start)


def _transform_size(length: int) -> int:
    size = BLOCK_SAMPLES
    while size // 2 >= length + 2 * CONTEXT_SAMPLES:
        size //= 2
    return size


def _mirrored_spectrum(samples: Samples, first: int, size: int) -> Spectrum:
    """Spectrum of ``size`` samples from ``first`` on with a zero put between every two: ``(channels, size + 1)``."""
    # In double precision: what rings out into silence would be denormal, and slow, in single.
    block = np.zeros((samples.shape[0], size))
    start, end = max(first, 0), min(first + size, samples.shape[1])
    block[:, start - first : end - first] = samples[:, start:end]
    lines = np.fft.rfft(block)
    return np.concatenate([lines, lines[:, -2::-1].conj()], axis=1)
