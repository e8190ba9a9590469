"""A small copy of a track: a quarter of the rate, 16 bits. Enough for peaks of a sum and for comparing arrivals.

All tracks of a large session fit into memory in this form, so each is read once and options can be added up at will.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio

FACTOR: Final = 4
FULL_SCALE: Final = 32_767.0
# A short low-pass in front of the decimation: Hann-weighted, 12 taps, sum 1.
_TAPS: Final = tuple(0.5 * (1.0 - c) / 6.5 for c in (
    0.8854560, 0.5680647, 0.1205367, -0.3546049, -0.7485107, -0.9709418,
    -0.9709418, -0.7485107, -0.3546049, 0.1205367, 0.5680647, 0.8854560,
))  # fmt: skip
_BLOCK: Final = 1 << 18
_CACHED: Final = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """Int16 samples ``(channels, samples / 4)``; times ``scale`` they are the sound. ``peak`` is of the whole sound."""

    samples: NDArray[np.int16]
    scale: float
    rate_hz: float
    peak: float

    def mono(self) -> NDArray[np.float32]:
        """Mean of the channels, float32."""
        total = self.samples.astype(np.float32).sum(axis=0)
        mono: NDArray[np.float32] = total * np.float32(self.scale / self.samples.shape[0])
        return mono


def thumbnail(audio: Audio) -> Thumbnail:
    """The small copy of the first two channels of ``audio``."""
    small = np.stack([_decimated(channel) for channel in audio.samples[:2]])
    peak = max(float(audio.samples.max(initial=0.0)), -float(audio.samples.min(initial=0.0)))
    highest = float(np.abs(small).max(initial=0.0))
    scale = highest / FULL_SCALE if highest > 0.0 else 1.0
    return Thumbnail(
        samples=np.rint(small / np.float32(scale)).astype(np.int16),
        scale=scale,
        rate_hz=audio.rate_hz / FACTOR,
        peak=peak,
    )


def _decimated(channel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every fourth sample behind a short low-pass, in blocks that stay in the processor's cache."""
    kept = -(-channel.size // FACTOR)
    small = np.zeros(kept, dtype=np.float32)
    before = len(_TAPS) // 2
    for start in range(0, kept, _CACHED):
        count = min(_CACHED, kept - start)
        first = start * FACTOR - before
        piece = channel[max(0, first) : first + (count - 1) * FACTOR + len(_TAPS)]
        piece = np.pad(piece, (max(0, -first), 0))
        piece = np.pad(piece, (0, (count - 1) * FACTOR + len(_TAPS) - piece.size))
        for shift, tap in enumerate(_TAPS):
            small[start : start + count] += np.float32(tap) * piece[shift : shift + count * FACTOR : FACTOR]
    return small


def peak_of_sum(thumbnails: Sequence[Thumbnail], gains: Iterable[tuple[float, float]]) -> float:
    """Highest absolute value of the sum, each track with its left and right gain.

    The small copies have lost their highest frequencies; what the loudest track lost at its own peak is added again.
    """
    pairs = list(zip(thumbnails, gains, strict=True))
    length = max((small.samples.shape[1] for small in thumbnails), default=0)
    highest = 0.0
    for start in range(0, length, _BLOCK):
        highest = max(highest, _peak_of_block(pairs, start, min(_BLOCK, length - start)))
    lost = (max(left, right) * (small.peak - small.scale * FULL_SCALE) for small, (left, right) in pairs)
    return highest + max(lost, default=0.0)


def _peak_of_block(pairs: Sequence[tuple[Thumbnail, tuple[float, float]]], start: int, length: int) -> float:
    total = np.zeros((2, length), dtype=np.float32)
    for small, gains in pairs:
        part = small.samples[:, start : start + length]
        for side, gain in enumerate(gains):
            total[side, : part.shape[1]] += part[min(side, part.shape[0] - 1)] * np.float32(gain * small.scale)
    return float(np.abs(total).max(initial=0.0))
