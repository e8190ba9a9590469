"""Kernels of the look-ahead limiter: envelope, attenuation, hold, release, smoothing."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter
from tapehand.kernels.meter import require_bank

_P = Parameter
_SAMPLE_PEAKS = Kernel("limiter_sample_peaks", _P.F32, _P.INT, _P.INT, _P.F32_OUT)
_ENVELOPE = Kernel(
    "limiter_envelope",
    *(_P.F32, _P.INT, _P.INT, _P.INT, _P.INT),
    *(_P.F32, _P.INT, _P.INT, _P.REAL, _P.F32_OUT, _P.INT),
)
_ATTENUATION = Kernel("limiter_attenuation", _P.F32, _P.INT, _P.REAL, _P.I32_OUT)
_HOLD = Kernel("limiter_hold", _P.I32, _P.INT, _P.INT, _P.INT, _P.I32_OUT, _P.I32_OUT)
_STEADY = Kernel("limiter_steady", _P.I32, _P.INT, _P.INT, _P.I32_OUT)
_RELEASE = Kernel("limiter_release", _P.I32_OUT, _P.INT, _P.F64, _P.F64_OUT)
_SMOOTH = Kernel("limiter_smooth", _P.I32, _P.INT, _P.INT, _P.I64_OUT, _P.F32_OUT)
UNITS_PER_OCTAVE = 1 << 24
UNITS_PER_DB = UNITS_PER_OCTAVE / (20.0 * math.log10(2.0))
EVERYWHERE = -1.0

Envelope = NDArray[np.float32]
Attenuation = NDArray[np.int32]


def sample_peaks(samples: NDArray[np.float32]) -> Envelope:
    """Largest absolute sample of any channel: ``(channels, samples)`` to ``(samples,)``."""
    channels, length = samples.shape
    envelope = np.zeros(length, dtype=np.float32)
    if length:
        _SAMPLE_PEAKS(samples, channels, length, envelope)
    return envelope


def raise_envelope(
    samples: NDArray[np.float32],
    bank: NDArray[np.float32],
    envelope: Envelope,
    threshold: float = EVERYWHERE,
    *,
    first: int = 0,
    steps: int = 1,
) -> None:
    """Raise ``envelope`` by what ``bank`` finds between the samples, where it stands above ``threshold`` already.

    ``samples`` may be a stream at ``steps`` (1, 2, 4, 8) times the envelope's rate, whose place ``first`` belongs to
    the envelope's start.
    """
    require_bank(bank)
    channels, length = samples.shape
    _require(steps in (1, 2, 4, 8) and 0 <= first <= length - envelope.size * steps, "envelope")
    if length:
        _ENVELOPE(samples, channels, length, first, steps, bank, *bank.shape, threshold, envelope, envelope.size)


def attenuation_of(envelope: Envelope, scale: float) -> Attenuation:
    """Attenuation (fixed point, ``UNITS_PER_OCTAVE`` to 6.02 dB) that brings ``envelope * scale`` to at most 1."""
    attenuation = np.zeros(envelope.shape, dtype=np.int32)
    _ATTENUATION(envelope, envelope.size, scale, attenuation)
    return attenuation


def hold(attenuation: Attenuation, back: int, ahead: int) -> Attenuation:
    """Largest attenuation of ``[i - back, i + ahead]`` for every i."""
    _require(back >= 0 and ahead >= 0, "window")
    held = np.zeros(attenuation.shape, dtype=np.int32)
    if attenuation.size:
        _HOLD(attenuation, attenuation.size, back, ahead, np.zeros(back + ahead + 1, dtype=np.int32), held)
    return held


def steady(lasting: Attenuation, band: int, held: Attenuation) -> None:
    """Keep ``held``, in place, at ``lasting`` where it lies at most ``band`` below; both fade together beyond that."""
    _require(lasting.shape == held.shape and band >= 0, "band")
    _STEADY(lasting, held.size, band, held)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTimes:
    """How attenuation falls back, in samples (1 or more).

    ``fast`` after a peak, ``slow`` after a passage that charged the slow part over ``charge``, and up to ``dense``
    where ``deep`` (fixed point) or more is asked nearly all the time, as seen over ``pressure``.
    """

    fast: float
    slow: float
    dense: float
    charge: float
    pressure: float
    deep: float

    def row(self) -> NDArray[np.float64]:
        """As the kernel takes them."""
        slow = math.exp(-1.0 / self.slow)
        return np.array([self.fast, self.dense, slow, 1.0 / self.charge, 1.0 / self.pressure, self.deep])


def release_state() -> NDArray[np.float64]:
    """What ``release`` remembers, at rest."""
    return np.zeros(3)


def release(held: Attenuation, times: ReleaseTimes, state: NDArray[np.float64]) -> None:
    """Let ``held`` fall back, in place, going on from ``state``."""
    row = times.row()
    _require(bool((row[[0, 1, 5]] >= 1.0).all()) and bool((row[2:5] <= 1.0).all()) and state.shape == (3,), "release")
    _RELEASE(held, held.size, row, state)


def smooth_gain(held: Attenuation, reach: int) -> NDArray[np.float32]:
    """Linear gain of ``held`` smoothed over ``[i - reach, i + reach]``; never above what ``held`` asks anywhere there.

    Raises
    ------
    InternalError
        For a negative ``reach``.
    """
    _require(reach >= 0, "reach")
    gain = np.ones(held.shape, dtype=np.float32)
    if held.size:
        _SMOOTH(held, held.size, reach, np.zeros(reach + 1, dtype=np.int64), gain)
    return gain


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise InternalError("kernels.argument", f"The limiter kernels cannot work with this {what}")
