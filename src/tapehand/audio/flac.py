"""The checksum that a FLAC file carries of its own sound, which tells silent damage from a good copy."""

import hashlib
import os
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from tapehand.kernels.pcm import packed

STREAMINFO_BYTES: Final = 34


class FlacChecksum:
    """MD5 of the samples as the encoder had them: interleaved, little-endian, whole bytes (RFC 9639, section 8.2)."""

    def __init__(self, bits: int, expected: bytes) -> None:
        self._bits = bits
        self._expected = expected
        self._digest = hashlib.md5(usedforsecurity=False)

    @classmethod
    def of(cls, descriptor: int) -> Self | None:
        """The checksum to be met by an open file; None where it carries none."""
        start = os.pread(descriptor, 8 + STREAMINFO_BYTES, 0)
        if len(start) < 8 + STREAMINFO_BYTES or start[:4] != b"fLaC" or start[4] & 0x7F != 0:
            return None
        info = start[8:]
        bits = ((info[12] & 1) << 4 | info[13] >> 4) + 1
        expected = info[18:34]
        # libsndfile gives float32, which holds 24 bits exactly and no more.
        return cls(bits, expected) if any(expected) and bits in (8, 16, 24) else None

    def feed(self, frames: NDArray[np.float32]) -> None:
        """Take the next samples ``(samples, channels)``, in full scale 1.0."""
        self._digest.update(packed(frames, self._bits).data)

    def is_met(self) -> bool:
        """Whether all that was fed is the sound that was encoded."""
        return self._digest.digest() == self._expected
