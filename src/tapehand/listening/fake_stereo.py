"""Stereo that was made from one channel by a delay: one side late, or a late copy added here and taken off there.

Both show as a delay: of the right channel against the left, or of the side (their difference) against the middle (their
sum). Every line of the spectrum then turns in step with its frequency, and the correlation with all lines made equally
strong (C. Knapp & G. Carter, IEEE ASSP-24, 1976) stands up at one lag. Two microphones, two oscillators or a stereo
reverb do not agree on one, and what is merely panned agrees on a lag of nothing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.segments import MARGIN_SAMPLES, Segment
from tapehand.song.finding import Fact, Finding

METHOD: Final = "fake_stereo/1"
SIZE: Final = 1 << 16
SPARSE: Final = 24
FIRST: Final = 3
NOTHING: Final = 1e-12
Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeStereo:
    """The delay that makes two channels of one.

    Parameters
    ----------
    agreement : how much of the spectrum agrees on it, 0..1; 0 where there is nothing to compare.
    delay_s : the delay; above 0 where the right channel (or the side) is late.
    """

    agreement: float = 0.0
    delay_s: float = 0.0

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """The question, where both channels are one."""
        if self.agreement < threshold("fake_stereo"):
            return ()
        delay = f"{1000.0 * abs(self.delay_s):.1f}"
        return (finding("fake_stereo", track=track, path=path, value=self.agreement, delay=delay),)

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """The delay."""
        if self.agreement < threshold("fake_stereo"):
            return ()
        return (Fact(name="stereo_delay", value=self.delay_s, unit="s", track=track, method=METHOD),)


class FakeStereoScan:
    """Adds up spectra of a few segments that sound: the first ones, then every 24th."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._wanted = channels == 2
        self._rate_hz = rate_hz
        self._least_power = limit("fake_stereo", "least_power")
        self._seen = 0
        self._window = np.hanning(SIZE + 1)[:-1].astype(np.float32)
        self._left = np.zeros(SIZE // 2 + 1)
        self._right = np.zeros(SIZE // 2 + 1)
        self._cross: Spectrum = np.zeros(SIZE // 2 + 1, dtype=np.complex128)

    def feed(self, segment: Segment) -> None:
        """Take the next segment, if it is one of those looked at."""
        if self._wanted and self._is_looked_at(segment):
            for start in range(MARGIN_SAMPLES, segment.samples.shape[1] - SIZE + 1, SIZE):
                self._add(segment.samples[:, start : start + SIZE])

    def finish(self) -> FakeStereo:
        """What all of them tell together."""
        middle = self._left + self._right + 2.0 * self._cross.real
        side = self._left + self._right - 2.0 * self._cross.real
        between = self._left - self._right - 2.0j * self._cross.imag
        sides = self._delay(self._left, self._right, self._cross)
        return max(sides, self._delay(middle, side, between), key=lambda fake: fake.agreement)

    def _is_looked_at(self, segment: Segment) -> bool:
        sounds = bool(np.square(segment.samples[:, ::16]).mean(axis=1).min() > self._least_power)
        looked_at = sounds and (self._seen < FIRST or self._seen % SPARSE == 0)
        self._seen += sounds
        return looked_at

    def _add(self, stretch: NDArray[np.float32]) -> None:
        left, right = np.fft.rfft(stretch * self._window, axis=1).astype(np.complex128)
        self._left += left.real**2 + left.imag**2
        self._right += right.real**2 + right.imag**2
        self._cross += left * right.conj()

    def _delay(self, first: NDArray[np.float64], second: NDArray[np.float64], cross: Spectrum) -> FakeStereo:
        """The lag on which the lines that sound agree best, and how many of them do."""
        energy = np.sqrt(np.maximum(first * second, 0.0))
        own = np.maximum(self._left, self._right)
        sounding = (own > float(own.max(initial=0.0)) * limit("fake_stereo", "least_share")) & (energy > own * 1e-3)
        sounding &= energy > NOTHING
        if sounding.sum() < limit("fake_stereo", "least_lines"):
            return FakeStereo()
        equal = np.where(sounding, cross.conj() / np.where(sounding, energy, 1.0), 0.0)
        correlation = np.fft.irfft(equal, SIZE) * (SIZE / 2.0) / float(sounding.sum())
        reach, least = (round(limit("fake_stereo", key) * self._rate_hz) for key in ("longest_s", "shortest_s"))
        around = np.abs(np.concatenate([correlation[-reach:], correlation[: reach + 1]]))
        at = int(around.argmax())
        if abs(at - reach) < least:
            return FakeStereo()
        return FakeStereo(agreement=min(1.0, float(around[at])), delay_s=(at - reach) / self._rate_hz)
