"""Two sounds of one length, compared: how late one is, which way up, and and how much both share.

Generalised cross-correlation (C. Knapp & G. C. Carter, "The generalized correlation method for estimation of time
delay", IEEE Trans. ASSP 24, 1976) of spectra that are mostly whitened: related sounds show one sharp peak, whatever
was done to their tone. Coherence is taken over bands, so that what a room or a microphone does within some
milliseconds is no difference; two drums that always come together stay below 0.15.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.units import power_to_db

Mono = NDArray[np.float32]
Lines = NDArray[np.complex64]
Series = NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.complex128)

NOTHING: Final = 1e-20
HEARD_SHARE: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The highest place of a correlation: how late the second sound is, its sign, and peak over median."""

    lag_s: float
    polarity: int
    relation: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Likeness:
    """Sums over bands: products of both sounds, and the powers of each. They add up over windows."""

    cross: NDArray[np.complex128]
    own: Series
    other: Series

    def __add__(self, more: "Likeness") -> "Likeness":
        return Likeness(cross=self.cross + more.cross, own=self.own + more.own, other=self.other + more.other)

    @property
    def coherence(self) -> float:
        """Mean over the bands in which both are within 40 dB of their strongest, 0..1."""
        own, other = self.own, self.other
        heard = (own > HEARD_SHARE * own.max(initial=0.0)) & (other > HEARD_SHARE * other.max(initial=0.0))
        if not heard.any():
            return 0.0
        return float((self._cross_power[heard] / (own * other)[heard]).mean())

    @property
    def gain_db(self) -> float:
        """Level of the part of the second sound that comes from the first, over the first; ``-inf`` for silence."""
        heard = self.own > HEARD_SHARE * self.own.max(initial=0.0)
        if not heard.any():
            return float("-inf")
        return power_to_db(float((self._cross_power[heard] / self.own[heard]).sum() / self.own[heard].sum()))

    @property
    def _cross_power(self) -> Series:
        power: Series = self.cross.real**2 + self.cross.imag**2
        return power


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for comparing two sounds."""
    figures: Mapping[str, float] = load("between")["comparison"]
    return figures


class Comparison:
    """Compares sounds of ``size`` samples (or fewer, filled up with silence) at one rate."""

    def __init__(self, size: int, rate_hz: int) -> None:
        self.size, self.rate_hz = size, rate_hz
        self._taper: Mono = np.hanning(size + 2)[1:-1].astype(np.float32)
        line_hz = rate_hz / size
        self._band = slice(
            math.ceil(settings()["low_hz"] / line_hz), math.ceil(min(settings()["high_hz"], 0.48 * rate_hz) / line_hz)
        )
        self._width = max(2, round(settings()["band_hz"] / line_hz))

    def spectrum(self, sound: Mono) -> Lines:
        """The lines in which sounds are compared."""
        filled = sound if sound.size == self.size else np.pad(sound, (0, self.size - sound.size))
        lines: Lines = np.fft.rfft(filled * self._taper)[self._band].astype(np.complex64)
        return lines

    def peak(self, cross: Lines, earliest_s: float, latest_s: float) -> Peak | None:
        """Of a product of whitened spectra (the second times the conjugate first) within two lags; None at an edge."""
        whole = np.zeros(self.size // 2 + 1, dtype=np.complex64)
        whole[self._band] = cross
        correlation = np.fft.irfft(whole, self.size)
        first, last = (
            round(max(-0.25 * self.size, min(0.25 * self.size, lag * self.rate_hz))) for lag in (earliest_s, latest_s)
        )
        around = np.take(correlation, np.arange(first, last + 1), mode="wrap").astype(np.float64)
        heights = np.abs(around)
        peak = int(heights.argmax())
        if not 0 < peak < heights.size - 1:
            return None
        return Peak(
            lag_s=(first + peak + summit(*(float(height) for height in heights[peak - 1 : peak + 2]))) / self.rate_hz,
            polarity=1 if around[peak] > 0.0 else -1,
            relation=float(heights[peak]) / max(float(np.median(heights)), NOTHING),
        )

    def likeness(self, first: Lines, second: Lines, lag_s: float) -> Likeness:
        """Sums over bands with the second sound's lag undone."""
        step = 2.0 * math.pi * self.rate_hz / self.size * lag_s
        turns = np.exp(1j * step * np.arange(self._band.start, self._band.start + first.size))
        return Likeness(
            cross=self._in_bands(first.conj() * second * turns),
            own=self._in_bands(_power(first)),
            other=self._in_bands(_power(second)),
        )

    def _in_bands(self, values: NDArray[Number]) -> NDArray[Number]:
        whole = values.size // self._width * self._width
        sums: NDArray[Number] = values[:whole].reshape(-1, self._width).sum(axis=1)
        return sums


def whitened(lines: Lines) -> Lines:
    """Each line divided by the power 3/4 of its size."""
    magnitude = np.abs(lines)
    floor = np.float32(1e-4) * magnitude.max(initial=np.float32(0.0)) + np.float32(NOTHING)
    root = np.sqrt(np.sqrt(magnitude + floor))
    flat: Lines = lines / (root * root * root)
    return flat


def _power(lines: Lines) -> Series:
    power: Series = lines.real.astype(np.float64) ** 2 + lines.imag.astype(np.float64) ** 2
    return power


def summit(before: float, at: float, after: float) -> float:
    """Where a parabola through three neighbours is highest, -0.5..0.5 from the middle one."""
    bend = before - 2.0 * at + after
    return max(-0.5, min(0.5, 0.5 * (before - after) / bend)) if bend else 0.0
