"""Audio: samples with their rate, in the one layout the product knows."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError

Samples = NDArray[np.float32]
MINIMUM_RATE_HZ: Final = 1_000
MAXIMUM_RATE_HZ: Final = 768_000


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A stretch of sound.

    Parameters
    ----------
    samples : float32, C-contiguous, shape ``(channels, samples)``; mono is ``(1, n)``. Full scale is 1.0; values
        above it are legal. Treated as immutable: no function of this project writes into an Audio it was given.
    rate_hz : samples per second.
    """

    samples: Samples
    rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32 or not self.samples.flags.c_contiguous:
            raise InternalError(
                "audio.layout",
                f"Audio must be C-contiguous float32 (channels, samples): {self.samples.dtype} {self.samples.shape}",
            )
        if not MINIMUM_RATE_HZ <= self.rate_hz <= MAXIMUM_RATE_HZ:
            raise InternalError("audio.rate", f"A rate of {self.rate_hz} Hz is outside what Tapehand works with")

    @classmethod
    def of(cls, samples: NDArray[np.floating], rate_hz: int) -> Self:
        """Audio from any float array ``(channels, samples)``, converted and laid out as needed."""
        return cls(np.ascontiguousarray(samples, dtype=np.float32), rate_hz)

    @classmethod
    def silence(cls, channels: int, length_samples: int, rate_hz: int) -> Self:
        """Digital silence."""
        return cls(np.zeros((channels, length_samples), dtype=np.float32), rate_hz)

    @property
    def channels(self) -> int:
        """1 for mono, 2 for stereo."""
        return int(self.samples.shape[0])

    @property
    def length_samples(self) -> int:
        """Samples per channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.length_samples / self.rate_hz

    def span(self, start_samples: int, end_samples: int) -> "Audio":
        """The half-open stretch ``[start, end)``, silent where it reaches outside this audio."""
        first, last = max(start_samples, 0), min(end_samples, self.length_samples)
        if first == start_samples and last == end_samples:
            return Audio.of(self.samples[:, first:last], self.rate_hz)
        out = Audio.silence(self.channels, end_samples - start_samples, self.rate_hz)
        if last > first:
            out.samples[:, first - start_samples : last - start_samples] = self.samples[:, first:last]
        return out

    def stereo(self) -> "Audio":
        """Two channels: mono is doubled at equal level, stereo is itself."""
        if self.channels == 2:
            return self
        if self.channels == 1:
            return Audio.of(np.repeat(self.samples, 2, axis=0), self.rate_hz)
        raise InternalError("audio.layout", f"{self.channels} channels have no stereo form without a decision")
