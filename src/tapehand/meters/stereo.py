"""The stereo picture in numbers: correlation, width, and what a mono fold-down loses."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.kernels import meter as kernels
from tapehand.units import SILENCE_DB, gain_to_db, power_to_db


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSums:
    """What one pass over one or two channels adds up: peaks (linear), sums of squares, sum of products, length."""

    peak: float
    square_left: float
    square_right: float
    cross: float
    length_samples: int
    channels: int

    @property
    def sample_peak_dbfs(self) -> float:
        """Highest absolute sample."""
        return gain_to_db(self.peak)

    @property
    def rms_dbfs(self) -> float:
        """Root mean square over both channels; a full-scale square wave is 0."""
        both = self.square_left + self.square_right
        return power_to_db(both / (2 * self.length_samples)) if self.length_samples else SILENCE_DB

    @property
    def correlation(self) -> float | None:
        """Correlation of left and right, -1..+1; None for mono, silence, or one silent side."""
        product = self.square_left * self.square_right
        if self.channels != 2 or product <= 0.0:
            return None
        return max(-1.0, min(1.0, self.cross / math.sqrt(product)))

    @property
    def side_to_mid_db(self) -> float | None:
        """Energy of the side against the mid; ``-inf`` for dual mono, None for mono and silence."""
        mid = self.square_left + self.square_right + 2.0 * self.cross
        side = self.square_left + self.square_right - 2.0 * self.cross
        if self.channels != 2 or mid + side <= 0.0:
            return None
        return math.inf if mid <= 0.0 else power_to_db(max(side, 0.0) / mid)

    @property
    def mono_fold_loss_db(self) -> float | None:
        """How much level (L+R)/2 has lost against the mean of left and right: 0 for dual mono, 3.01 for unrelated."""
        both = self.square_left + self.square_right
        if self.channels != 2 or both <= 0.0:
            return None
        mono = (both + 2.0 * self.cross) / 2.0
        return math.inf if mono <= 0.0 else power_to_db(both / mono)


class ChannelSumsStream:
    """``ChannelSums`` block by block; the blocks' sizes do not matter. Of more than two channels, front left and right
    carry the picture, and every channel the peak.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._sums = np.zeros((max(1, (channels + 1) // 2), 5))
        self._length = 0

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next block ``(channels, samples)``."""
        self._length += samples.shape[1]
        for pair, sums in enumerate(self._sums):
            first, second = samples[2 * pair], samples[min(2 * pair + 1, self._channels - 1)]
            kernels.add_sums(first, second, sums)

    def finish(self) -> ChannelSums:
        """The sums of all that was fed."""
        front = self._sums[0]
        return ChannelSums(
            peak=float(self._sums[:, :2].max()),
            square_left=float(front[2]),
            square_right=float(front[3]),
            cross=float(front[4]),
            length_samples=self._length,
            channels=self._channels,
        )


def channel_sums(audio: Audio) -> ChannelSums:
    """The sums of a whole ``audio``."""
    stream = ChannelSumsStream(audio.channels)
    stream.feed(audio.samples)
    return stream.finish()
