"""Sounds without end, for songs of any length that need no files."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.render.sounds import Sound, pieces

NOISE_SAMPLES: Final = 1 << 18
LEVEL: Final = 0.05
APART_SAMPLES: Final = 9_973


class EndlessNoise:
    """Stereo noise, a few seconds of it again and again; every ``number`` begins at another place of it."""

    channels = 2

    def __init__(self, number: int, rate_hz: int, length_samples: int) -> None:
        self.rate_hz, self.length_samples = rate_hz, length_samples
        self._first = APART_SAMPLES * number

    def read_into(self, start_sample: int, out: Samples) -> None:
        """As ``render.sounds.Sound``, for blocks that are shorter than the noise."""
        noise = _noise()
        at = (start_sample + self._first) % (noise.shape[1] - out.shape[1])
        out[...] = noise[:, at : at + out.shape[1]]
        out[:, : max(0, -start_sample)] = 0.0
        out[:, max(0, self.length_samples - start_sample) :] = 0.0


@dataclass(frozen=True, slots=True)
class EndlessSources:
    """The recordings ``t0``, ``t1`` ... of a song, of any length, made while they are read."""

    rate_hz: int
    length_samples: int

    def open(self, blob: str) -> Sound:
        """As ``render.sounds.Sources``."""
        return EndlessNoise(int(blob[1:]), self.rate_hz, self.length_samples)

    def blocks(self, blob: str) -> Iterator[Audio]:
        """As ``render.sounds.Sources``."""
        return pieces(self.open(blob))


@cache
def _noise() -> Samples:
    return np.float32(LEVEL) * np.random.default_rng(1).standard_normal((2, NOISE_SAMPLES), dtype=np.float32)
