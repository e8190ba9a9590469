"""Changing the sample rate, or the speed."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from tapehand.audio.buffer import Audio, Samples


def resample(audio: Audio, rate_hz: int) -> Audio:
    """``audio`` at ``rate_hz`` by soxr's very high quality filter, aligned, exactly ``round(n * ratio)`` samples long.

    Linear phase and delay-free: an event at ``t`` seconds stays at ``t`` seconds.
    """
    if rate_hz == audio.rate_hz:
        return audio
    length_samples = round(audio.length_samples * rate_hz / audio.rate_hz)
    return Audio(_converted(audio, audio.rate_hz, rate_hz, length_samples), rate_hz)


def resampled_blocks(blocks: Iterable[Audio], rate_hz: int) -> Iterator[Audio]:
    """The same for a sound that comes in stretches (at least one) and goes on in stretches, with the same bits."""
    waiting = iter(blocks)
    block = next(waiting)
    stream = soxr.ResampleStream(block.rate_hz, rate_hz, block.channels, dtype="float32", quality="VHQ")
    taken = given = 0
    while True:
        following = next(waiting, None)
        taken += block.length_samples
        frames = stream.resample_chunk(np.ascontiguousarray(block.samples.T), last=following is None)
        if following is None:
            missing = round(taken * rate_hz / block.rate_hz) - given
            samples = np.zeros((block.channels, max(missing, 0)), dtype=np.float32)
            kept = min(samples.shape[1], frames.shape[0])
            samples[:, :kept] = frames[:kept].T
            yield Audio(samples, rate_hz)
            return
        given += frames.shape[0]
        yield Audio.of(frames.T, rate_hz)
        block = following


def varispeed(audio: Audio, speed: float, length_samples: int) -> Audio:
    """``audio`` as a tape machine plays it at ``speed`` (above 0): pitch and time change together; cut or filled up
    with silence to ``length_samples``.
    """
    return Audio(_converted(audio, audio.rate_hz * speed, float(audio.rate_hz), length_samples), audio.rate_hz)


class StreamResampler:
    """One channel at another rate, block by block, aligned, exact to 16 bits: for listening, not for sound.

    The blocks' sizes do not matter.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._same = from_hz == to_hz
        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="LQ")

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What can be said once ``samples`` ``(n,)`` are known."""
        return samples if self._same else np.asarray(self._stream.resample_chunk(samples, last=False))

    def finish(self) -> NDArray[np.float32]:
        """The rest."""
        nothing = np.zeros(0, dtype=np.float32)
        return nothing if self._same else np.asarray(self._stream.resample_chunk(nothing, last=True))


def _converted(audio: Audio, from_hz: float, to_hz: float, length_samples: int) -> Samples:
    converted = np.zeros((audio.channels, length_samples), dtype=np.float32)
    if audio.length_samples:
        frames = soxr.resample(audio.samples.T, from_hz, to_hz, quality="VHQ")
        kept = min(length_samples, frames.shape[0])
        converted[:, :kept] = frames[:kept].T
    return converted
