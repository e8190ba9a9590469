"""From float to the integers of a file: rounding, and triangular dither from a seeded generator."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 1 << 32


class Codes(NamedTuple):
    """Integer samples, and how many values lay above full scale and had to be held there."""

    values: NDArray[np.int32]
    clipped: int


class TriangularDither:
    """Triangular noise of +-1 step (TPDF), the same for a seed whatever the block size.

    The sum of two uniform noises of one step makes the error's mean and power independent of the signal
    (Lipshitz, Wannamaker, Vanderkooy: "Quantization and Dither", JAES 40(5), 1992).
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.PCG64(seed)

    def random(self, shape: tuple[int, int]) -> NDArray[np.uint64]:
        """The next numbers of 64 random bits, shape ``(samples, channels)``: one for the noise of each sample."""
        return self._generator.random_raw(shape[0] * shape[1]).reshape(shape)

    def noise(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """The next noise in steps, strictly inside -1..+1, shape ``(samples, channels)``."""
        raw = self.random(shape)
        first, second = raw >> np.uint64(32), raw & np.uint64(STEPS - 1)
        return (first.astype(np.float64) - second.astype(np.float64)) / STEPS


def quantise(frames: NDArray[np.float32], bits: int, dither: TriangularDither | None = None) -> Codes:
    """Integers of ``bits`` (16 or 24) nearest to ``frames`` (full scale 1.0), held at the ends, never wrapped.

    Without dither a value that came from such an integer returns to it exactly.
    """
    full_scale = 1 << (bits - 1)
    clipped = int(np.count_nonzero(np.abs(frames) > 1.0))
    # A power of two scales exactly, so that float32 is enough until noise is added.
    scaled: NDArray[np.floating] = frames * np.float32(full_scale)
    if dither is not None:
        scaled = scaled + dither.noise((frames.shape[0], frames.shape[1]))
    np.rint(scaled, out=scaled)
    np.clip(scaled, -full_scale, full_scale - 1, out=scaled)
    return Codes(scaled.astype(np.int32), clipped)
