"""Summing into a bus: float64, in the order of the calls, as long as the longest thing in it."""

from collections.abc import Sequence

import numpy as np

from tapehand.audio import Audio
from tapehand.kernels.bus import BusInput, mix_bus, narrow_bus
from tapehand.render.gains import GainPoint


class BusSum:
    """What has been sent to a bus so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._samples = np.zeros((2, 0))

    def add(self, audio: Audio, gains: Sequence[GainPoint], offset_samples: int = 0) -> None:
        """Adds ``audio`` (mono or stereo) from song position ``offset_samples`` on, each side by its gain."""
        if audio.length_samples == 0:
            return
        self._grow(offset_samples + audio.length_samples)
        track = BusInput(
            samples=audio.samples,
            gain_at_samples=np.array([point.at_samples for point in gains], dtype=np.int64),
            gains=np.array([(point.left, point.right) for point in gains], dtype=np.float64),
            offset_samples=offset_samples,
        )
        mix_bus([track], self._samples.shape[1], onto=self._samples, where=self.name)

    def audio(self, rate_hz: int) -> Audio:
        """The sum so far."""
        return Audio(narrow_bus(self._samples, where=self.name), rate_hz)

    def _grow(self, length_samples: int) -> None:
        known = self._samples.shape[1]
        if length_samples > known:
            grown = np.zeros((2, length_samples))
            grown[:, :known] = self._samples
            self._samples = grown
