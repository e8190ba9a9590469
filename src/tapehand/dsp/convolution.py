"""Convolution: with a user's impulse response as reverb, and with finite filters.

Uniformly partitioned overlap-save (W. G. Gardner, "Efficient convolution without input-output delay", JAES 43(3), 1995,
the uniform case): memory grows with the response, not with the sound.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.node import require_finite
from tapehand.dsp.wiring import Blend, both_sides
from tapehand.errors import InternalError
from tapehand.kernels.library import NotFinite
from tapehand.song.processors import Convolution
from tapehand.units import db_to_gain, seconds_to_samples

SMALLEST_PART: Final = 1_024
LARGEST_PART: Final = 32_768
PARTS: Final = 8


class Convolver:
    """One channel through one response. The work is done whenever ``part`` samples have come together.

    Parameters
    ----------
    response : float64 ``(n,)``, at least one sample.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_entering", "_leaving", "_past", "_filled", "_newest")

    def __init__(self, response: NDArray[np.float64]) -> None:
        self.part = _part_samples(response.size)
        count = -(-response.size // self.part)
        parts = np.zeros((count, 2 * self.part))
        for number in range(count):
            piece = response[number * self.part : (number + 1) * self.part]
            parts[number, : piece.size] = piece
        self._response = np.fft.rfft(parts)
        # What was heard, part by part in a ring, and its spectra: part k together with the one before it.
        self._past = np.zeros((count + 1, self.part), dtype=np.float32)
        self._heard = np.zeros((count + 1, self.part + 1), dtype=np.complex128)
        self._entering, self._leaving = np.zeros(self.part, dtype=np.float32), np.zeros(self.part, dtype=np.float32)
        self._filled, self._newest = 0, 0
        self._two, self._made = np.zeros(2 * self.part), np.zeros(2 * self.part)
        self._total, self._product = np.zeros_like(self._heard[0]), np.zeros_like(self._heard[0])

    def follow(self, samples: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """The next samples ``(n,)``, and what comes out, ``part`` samples behind them."""
        done = 0
        while done < samples.size:
            count = min(samples.size - done, self.part - self._filled)
            stretch = slice(self._filled, self._filled + count)
            out[done : done + count] = self._leaving[stretch]
            self._entering[stretch] = samples[done : done + count]
            self._filled += count
            done += count
            if self._filled == self.part:
                self._turn()

    def after_restore(self) -> None:
        """Spectra are not kept, as they are made of what is."""
        for number in range(len(self._past)):
            self._hear(number)

    def _turn(self) -> None:
        """A part is full: what it becomes is what leaves next."""
        self._newest, self._filled = (self._newest + 1) % len(self._past), 0
        self._past[self._newest] = self._entering
        self._hear(self._newest)
        self._total.fill(0.0)
        for age, response in enumerate(self._response):
            self._total += np.multiply(self._heard[self._newest - age], response, out=self._product)
        np.fft.irfft(self._total, out=self._made)
        self._leaving[:] = self._made[self.part :]

    def _hear(self, number: int) -> None:
        self._two[: self.part], self._two[self.part :] = self._past[number - 1], self._past[number]
        np.fft.rfft(self._two, out=self._heard[number])


class ConvolverNode:
    """Each channel through a response of its own, in time but for the part that the work is done in, and the lead.

    Parameters
    ----------
    lead_samples : how much of the responses lies before the sound.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_convolvers",)

    def __init__(self, responses: Sequence[NDArray[np.float64]], lead_samples: int = 0) -> None:
        self.channels = len(responses)
        self._convolvers = [Convolver(response) for response in responses]
        self.look_ahead_samples = self._convolvers[0].part + lead_samples

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        require_finite(block)
        made = np.empty((self.channels, block.shape[1]), dtype=np.float32)
        for convolver, channel, out in zip(self._convolvers, block, made, strict=True):
            convolver.follow(channel, out)
        return made


class ConvolutionNode:
    """The sound of the place that an impulse response was recorded in; stereo out.

    A stereo response is heard left by the left side and right by the right side, a mono one by both.

    Raises
    ------
    InternalError
        ``dsp.impulse`` for a response of another rate or of more than two channels, ``render.not_finite`` for one that
        is broken.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_wet", "_blend")
    channels: Final = 2

    def __init__(self, channels: int, rate_hz: int, settings: Convolution, impulse: Audio) -> None:
        del channels  # mono and stereo alike
        if impulse.rate_hz != rate_hz or impulse.channels > 2:
            raise InternalError("dsp.impulse", f"An impulse response here is stereo at {rate_hz} Hz")
        pre_delay = seconds_to_samples(settings.pre_delay_ms / 1e3, rate_hz)
        used = max(1, seconds_to_samples(settings.length_s, rate_hz))
        sides = impulse.span(-pre_delay, min(used, max(1, impulse.length_samples))).stereo().samples
        try:
            require_finite(sides)
        except NotFinite as error:
            raise error.within(f"impulse response {settings.impulse}", -pre_delay) from None
        self._wet = ConvolverNode(list(sides.astype(np.float64) * db_to_gain(settings.gain_db)))
        self.look_ahead_samples = self._wet.look_ahead_samples
        self._blend = Blend(2, settings.mix, self.look_ahead_samples)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        dry = both_sides(block)
        return self._blend.follow(dry, self._wet.follow(dry))


def convolution_tail_s(settings: Convolution) -> float:
    """How long the reverb lasts after the sound has ended."""
    return settings.pre_delay_ms / 1e3 + settings.length_s


def _part_samples(response_samples: int) -> int:
    wanted = max(SMALLEST_PART, response_samples // PARTS)
    return min(1 << (wanted - 1).bit_length(), LARGEST_PART)
