"""Randomness for triangular dither, from a seeded generator; the kernel that rounds turns it into noise."""

import numpy as np
from numpy.typing import NDArray


class TriangularDither:
    """Random numbers for triangular noise of +-1 step (TPDF), the same for a seed whatever the block size.

    The sum of two uniform noises of one step makes the error's mean and power independent of the signal
    (Lipshitz, Wannamaker, Vanderkooy: "Quantization and Dither", JAES 40(5), 1992).
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.PCG64(seed)

    def random(self, shape: tuple[int, int]) -> NDArray[np.uint64]:
        """The next numbers of 64 random bits, shape ``(samples, channels)``: one for the noise of each sample."""
        return self._generator.random_raw(shape[0] * shape[1]).reshape(shape)
