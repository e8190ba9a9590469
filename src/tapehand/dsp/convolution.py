"""Convolution: with a user's impulse response as reverb, and with finite filters.

Uniformly partitioned overlap-save (W. G. Gardner, "Efficient convolution without input-output delay", JAES 43(3), 1995,
the uniform case): memory grows with the response, not with the sound.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.delay import blend
from tapehand.errors import InternalError
from tapehand.song.processors import Convolution
from tapehand.units import db_to_gain, seconds_to_samples

SMALLEST_PART: Final = 1_024
LARGEST_PART: Final = 32_768
PARTS: Final = 8


class Convolver:
    """One channel through one response, in blocks of ``part`` samples that begin with the sound."""

    def __init__(self, response: NDArray[np.float64]) -> None:
        self.part = _part_samples(response.size)
        count = max(1, -(-response.size // self.part))
        parts = np.zeros((count, 2 * self.part))
        for number in range(count):
            piece = response[number * self.part : (number + 1) * self.part]
            parts[number, : piece.size] = piece
        self._response = np.fft.rfft(parts)
        self._heard = np.zeros_like(self._response)
        self._window = np.zeros(2 * self.part)
        self._next = 0

    def follow(self, block: NDArray[np.floating]) -> NDArray[np.float64]:
        """The next ``part`` samples."""
        count = len(self._response)
        self._window[: self.part] = self._window[self.part :]
        self._window[self.part :] = block
        self._heard[self._next] = np.fft.rfft(self._window)
        total = np.zeros_like(self._response[0])
        for age in range(count):
            total += self._heard[(self._next - age) % count] * self._response[age]
        self._next = (self._next + 1) % count
        made: NDArray[np.float64] = np.fft.irfft(total)[self.part :]
        return made


def convolve(channel: NDArray[np.float32], response: NDArray[np.float64]) -> NDArray[np.float64]:
    """``channel`` through ``response``, cut to the length of ``channel``."""
    convolver = Convolver(response)
    made = np.empty(channel.size)
    for start in range(0, channel.size, convolver.part):
        piece = channel[start : start + convolver.part]
        block = np.zeros(convolver.part)
        block[: piece.size] = piece
        made[start : start + piece.size] = convolver.follow(block)[: piece.size]
    return made


def convolve_reverb(audio: Audio, settings: Convolution, impulse: Audio) -> Audio:
    """The sound of the place that ``impulse`` was recorded in; stereo out, as long as ``audio``, in time with it.

    A stereo response is heard left by the left side and right by the right side, a mono one by both.

    Raises
    ------
    InternalError
        ``dsp.impulse`` for a response of another rate or of more than two channels; ``render.not_finite``.
    """
    if impulse.rate_hz != audio.rate_hz or impulse.channels > 2:
        raise InternalError("dsp.impulse", f"An impulse response here is stereo at {audio.rate_hz} Hz")
    if not (np.isfinite(impulse.samples).all() and np.isfinite(audio.samples).all()):
        raise InternalError("render.not_finite", "The sound holds a value that is not a number", where="convolution")
    pre_delay = seconds_to_samples(settings.pre_delay_ms / 1e3, audio.rate_hz)
    used = max(1, seconds_to_samples(settings.length_s, audio.rate_hz))
    response = impulse.span(-pre_delay, used).stereo().samples.astype(np.float64) * db_to_gain(settings.gain_db)
    dry = audio.stereo()
    wet = [convolve(channel, side) for channel, side in zip(dry.samples, response, strict=True)]
    return blend(dry, Audio.of(np.stack(wet), audio.rate_hz), settings.mix)


def convolution_tail_s(settings: Convolution) -> float:
    """How long the reverb lasts after the sound has ended."""
    return settings.pre_delay_ms / 1e3 + settings.length_s


def _part_samples(response_samples: int) -> int:
    wanted = max(SMALLEST_PART, response_samples // PARTS)
    return min(1 << (wanted - 1).bit_length(), LARGEST_PART)
