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
    """What one pass over one or two channels adds up: peaks (linear), sums of squares, sum of products, length.

    ``largest_mean`` is the mean of the channel that lies furthest from zero (linear, with its sign).
    """

    peak: float
    square_left: float
    square_right: float
    cross: float
    largest_mean: float
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
    def dc_dbfs(self) -> float:
        """Level of the offset of the channel that has most of it; ``-inf`` for none."""
        return gain_to_db(abs(self.largest_mean))

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
        self._lanes = np.zeros((max(1, (channels + 1) // 2), 7, 8))
        self._length = 0

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next block ``(channels, samples)``."""
        for pair, lanes in enumerate(self._lanes):
            first, second = samples[2 * pair], samples[min(2 * pair + 1, self._channels - 1)]
            kernels.add_sums(first, second, self._length, lanes)
        self._length += samples.shape[1]

    def finish(self) -> ChannelSums:
        """The sums of all that was fed."""
        front = self._lanes[0].sum(axis=1)
        means = self._lanes[:, 5:].sum(axis=2).ravel() / max(1, self._length)
        return ChannelSums(
            peak=float(self._lanes[:, :2].max()),
            square_left=float(front[2]),
            square_right=float(front[3]),
            cross=float(front[4]),
            largest_mean=float(means[np.abs(means).argmax()]),
            length_samples=self._length,
            channels=self._channels,
        )


def channel_sums(audio: Audio) -> ChannelSums:
    """The sums of a whole ``audio``."""
    stream = ChannelSumsStream(audio.channels)
    stream.feed(audio.samples)
    return stream.finish()
