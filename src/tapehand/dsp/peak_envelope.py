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
Spectrum = NDArray[np.complex64]

BLOCK_SAMPLES: Final = 65_536
CONTEXT_SAMPLES: Final = 4_096
# Before the first and after the last sample the filters ring; what they read there binds the sample at the edge.
EDGE_SAMPLES: Final = 16


def coarse_envelope(samples: Samples) -> kernels.Envelope:
    """The envelope of ``(channels, samples)`` by the standard's filter, never below the samples."""
    envelope = kernels.sample_peaks(samples)
    kernels.raise_envelope(samples, bs1770_bank(), envelope)
    return envelope


def coarse_stretch(stretch: Samples, first: int, count: int) -> kernels.Envelope:
    """As ``coarse_envelope``, at ``count`` places of a stretch from ``first`` (1 or more) on."""
    envelope = kernels.sample_peaks(np.ascontiguousarray(stretch[:, first - 1 : first + count]))
    kernels.raise_envelope(stretch, bs1770_bank(), envelope, first=first - 1)
    return envelope[1:]


def raise_by_set(samples: Samples, envelope: kernels.Envelope, threshold: float, caution: float = 0.0) -> None:
    """Raise ``envelope``, in place, to what the rest of the set reads wherever it stands above ``threshold``.

    Silence is taken to stand before and after. What the ideal filter reads above all others is energy at half the
    rate, where the reading depends on how much of the sound is looked at; ``caution`` times as much is put on top.
    """
    if not envelope.size:
        return
    wide = np.pad(envelope, EDGE_SAMPLES, mode="edge")
    for start, end, size in _blocks(wide.size):
        stretch = _stretch(samples, start - EDGE_SAMPLES - CONTEXT_SAMPLES, size)
        raise_stretch(stretch, CONTEXT_SAMPLES, wide[start:end], threshold, caution)
    envelope[:] = wide[EDGE_SAMPLES:-EDGE_SAMPLES]
    envelope[0] = wide[: EDGE_SAMPLES + 1].max()
    envelope[-1] = wide[-EDGE_SAMPLES - 1 :].max()


def raise_stretch(
    stretch: Samples, first: int, envelope: kernels.Envelope, threshold: float, caution: float = 0.0
) -> None:
    """As ``raise_by_set``, for an envelope that begins at the place ``first`` of a stretch, which is read at once.

    A power of two of samples is fastest; ``CONTEXT_SAMPLES`` or more should stand to both sides. The envelope's first
    place lacks what lies before it.
    """
    if envelope.max() > threshold:
        kernels.raise_envelope(stretch, hann_bank(), envelope, threshold, first=first)
        spectrum = _mirrored_spectrum(stretch)
        for long_filter in LONG_FILTERS:
            before = envelope.copy()
            response = long_filter.doubling_response(stretch.shape[1])
            doubled = np.fft.irfft(spectrum * response, 2 * stretch.shape[1]).astype(np.float32, copy=False)
            kernels.raise_envelope(doubled, half_step_bank(), envelope, threshold, first=2 * first, steps=2)
        envelope += (envelope - before) * np.float32(caution)


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


def _stretch(samples: Samples, first: int, size: int) -> Samples:
    """``size`` samples from ``first`` on, silent where there are none."""
    stretch = np.zeros((samples.shape[0], size), dtype=np.float32)
    start, end = max(first, 0), min(first + size, samples.shape[1])
    stretch[:, start - first : end - first] = samples[:, start:end]
    return stretch


def _mirrored_spectrum(stretch: Samples) -> Spectrum:
    """Spectrum of a stretch with a zero put between every two samples: ``(channels, samples + 1)``."""
    lines = np.fft.rfft(stretch.astype(np.float64)).astype(np.complex64)
    return np.concatenate([lines, lines[:, -2::-1].conj()], axis=1)
