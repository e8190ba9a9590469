"""Stereo that was made from one channel: by a delay, by combs, by an equaliser on one side.

Where both channels come from one by any linear means, each line of the one follows from the same line of the other:
their coherence is 1 at every frequency (J. S. Bendat & A. G. Piersol, Random Data, 2010, chapter 6). Two microphones
in a room, two oscillators, two voices are not coherent. A recording that is merely panned is coherent as well, but
with one and the same ratio at all frequencies; that is not called fake here.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.segments import Segment
from tapehand.song.finding import Finding

SIZE: Final = 1 << 16
LOW_HZ: Final = 200.0
HIGH_HZ: Final = 9_000.0
SPARSE: Final = 12
FIRST: Final = 4
NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeStereo:
    """How far the channels follow from one another.

    Parameters
    ----------
    coherence : median over the lines that sound, 0..1; None for mono, silence, and what is too short to say.
    one_ratio : 1 where the channels differ by level alone, 0 where their relation changes all over the spectrum.
    delay_s : how late the right channel is where a delay explains it; None otherwise.
    """

    coherence: float | None = None
    one_ratio: float = 1.0
    delay_s: float | None = None

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """The question, where both channels are one."""
        if self.coherence is None or self.coherence < threshold("fake_stereo"):
            return ()
        if self.one_ratio > limit("fake_stereo", "most_one_ratio"):
            return ()
        how = "by a filter"
        if self.delay_s is not None:
            how = f"the {'right' if self.delay_s > 0 else 'left'} one {1000.0 * abs(self.delay_s):.1f} ms later"
        return (finding("fake_stereo", track=track, path=path, value=self.coherence, how=how),)


class FakeStereoScan:
    """Adds up cross-spectra of a few segments: the first ones, then every twelfth."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._wanted = channels == 2
        self._rate_hz = rate_hz
        self._seen = 0
        self._windows = 0
        self._window = np.hanning(SIZE + 1)[:-1].astype(np.float32)
        self._left = np.zeros(SIZE // 2 + 1)
        self._right = np.zeros(SIZE // 2 + 1)
        self._cross = np.zeros(SIZE // 2 + 1, dtype=np.complex128)

    def feed(self, segment: Segment) -> None:
        """Take the next segment, if it is one of those looked at and has sound on both sides."""
        if not self._wanted or not self._is_looked_at(segment):
            return
        for start in range(0, segment.samples.shape[1] - SIZE + 1, SIZE // 2):
            self._add(segment.samples[:, start : start + SIZE])

    def finish(self) -> FakeStereo:
        """What all of them tell together."""
        if self._windows < limit("fake_stereo", "least_windows"):
            return FakeStereo()
        lines = slice(*(round(hz * SIZE / self._rate_hz) for hz in (LOW_HZ, min(HIGH_HZ, 0.45 * self._rate_hz))))
        left, right, cross = self._left[lines], self._right[lines], self._cross[lines]
        energies = np.sqrt(left * right)
        sounding = energies > float(energies.max(initial=0.0)) * limit("fake_stereo", "least_share") + NOTHING
        if sounding.sum() < limit("fake_stereo", "least_lines"):
            return FakeStereo()
        size = np.abs(cross[sounding])
        coherence = np.square(size) / (left[sounding] * right[sounding] + NOTHING**2)
        return FakeStereo(
            coherence=float(np.median(coherence)),
            one_ratio=_one_ratio(left[sounding], right[sounding], cross[sounding]),
            delay_s=self._delay_s(),
        )

    def _is_looked_at(self, segment: Segment) -> bool:
        left, right = segment.samples[:, ::16]
        sounds = min(float(np.square(left).mean()), float(np.square(right).mean())) > limit(
            "fake_stereo", "least_power"
        )
        looked_at = sounds and (self._seen < FIRST or self._seen % SPARSE == 0)
        self._seen += sounds
        return looked_at

    def _add(self, stretch: NDArray[np.float32]) -> None:
        left, right = np.fft.rfft(stretch * self._window, axis=1).astype(np.complex128)
        self._left += left.real**2 + left.imag**2
        self._right += right.real**2 + right.imag**2
        self._cross += left * right.conj()
        self._windows += 1

    def _delay_s(self) -> float | None:
        """The lag at which the whole spectra agree, if they do at one."""
        total = float(np.sqrt(self._left * self._right).sum())
        correlation = np.fft.irfft(self._cross.conj(), SIZE) * (SIZE / 2.0) / max(total, NOTHING)
        reach = round(limit("fake_stereo", "longest_s") * self._rate_hz)
        around = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
        at = int(np.abs(around).argmax())
        alike = float(abs(around[at])) >= limit("fake_stereo", "alike")
        return (at - reach) / self._rate_hz if alike and at != reach else None


def _one_ratio(left: NDArray[np.float64], right: NDArray[np.float64], cross: NDArray[np.complex128]) -> float:
    """How much of what is in common keeps one ratio and one phase, the line's own energy left out: each counts alike."""
    normal = cross / (np.sqrt(left * right) + NOTHING)
    levels = 0.5 * np.log(left / right)
    spread = float(np.median(np.abs(levels - np.median(levels))))
    return float(np.abs(normal.mean())) / (float(np.abs(normal).mean()) + NOTHING) / (1.0 + spread)
