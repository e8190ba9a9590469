"""Whether two tracks are the same source caught twice, and if so by how much and with which sign they differ.

Two detectors (both generalised cross-correlation, Knapp & Carter, 1976): a half-whitened one inside 100 Hz - 4 kHz says
**whether** the tracks are related, since only there do related and unrelated pairs fall apart; a fully whitened one
(PHAT) says by **how much**, since its peak is the sharpest. Nothing is said unless putting them together would gain
level where it matters, 60-500 Hz.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.units import power_to_db

Mono = NDArray[np.float32]
Lines = NDArray[np.complex128]

GATE_WHITENING: Final = 0.7
GATE_LOW_HZ: Final = 100.0
GATE_HIGH_HZ: Final = 4000.0
GATE_PEAK_TO_MEDIAN: Final = 10.0
LONGEST_LAG_S: Final = 0.008
LEAST_GAIN_DB: Final = 1.0
GAIN_LOW_HZ: Final = 60.0
GAIN_HIGH_HZ: Final = 500.0
WINDOW_S: Final = 6.0
MOST_WINDOWS: Final = 3
NOTHING: Final = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Two tracks of the same source.

    Parameters
    ----------
    lag_s : by how much the second is late against the first (negative: early).
    polarity : -1 when the second is upside down against the first.
    relation : peak over median of the gating correlation; 10 and more means the same source.
    gain_db : level gained in 60-500 Hz by undoing both.
    """

    lag_s: float
    polarity: int
    relation: float
    gain_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Spectra of the windows of one track in which a group is compared."""

    lines: tuple[Lines, ...]
    size: int
    rate_hz: float


def loudest_windows(powers: Sequence[NDArray[np.float64]], frames_per_second: int) -> tuple[float, ...]:
    """Starts in seconds of up to three windows of 6 s in which the quietest of the tracks is loudest."""
    width = int(WINDOW_S * frames_per_second)
    length = max((power.size for power in powers), default=0)
    if length < width:
        return (0.0,)
    common = np.min([np.pad(power, (0, length - power.size)) for power in powers], axis=0)
    sums = np.concatenate([[0.0], np.cumsum(common)])
    energies = (sums[width:] - sums[:-width])[:: max(1, width // 2)]
    best = sorted(range(energies.size), key=lambda index: (-float(energies[index]), index))
    return tuple(index * (width // 2) / frames_per_second for index in sorted(best[:MOST_WINDOWS]))


def windows_of(mono: Mono, rate_hz: float, starts_s: Sequence[float]) -> Windows:
    """The spectra of one track at those windows, ready to be compared with others."""
    length = int(WINDOW_S * rate_hz)
    size = 1 << (length + int(2 * LONGEST_LAG_S * rate_hz)).bit_length()
    pieces = [mono[int(start * rate_hz) : int(start * rate_hz) + length] for start in starts_s]
    return Windows(lines=tuple(np.fft.rfft(piece, size) for piece in pieces), size=size, rate_hz=rate_hz)


def align(first: Windows, second: Windows) -> Alignment | None:
    """How the second track lies against the first; None unless they are one source and alignment gains 1 dB."""
    cross = sum(
        (a * b.conj() for a, b in zip(first.lines, second.lines, strict=True)), np.zeros(1, dtype=np.complex128)
    )
    magnitude = np.abs(cross)
    if float(magnitude.max(initial=0.0)) <= NOTHING:
        return None
    relation = _relation(cross, magnitude, first)
    if relation < GATE_PEAK_TO_MEDIAN:
        return None
    lag, polarity = _lag(cross / (magnitude + NOTHING), first)
    gain_db = _gain_db(first, second, lag, polarity)
    if gain_db < LEAST_GAIN_DB:
        return None
    return Alignment(lag_s=lag / first.rate_hz, polarity=polarity, relation=relation, gain_db=gain_db)


def _relation(cross: Lines, magnitude: NDArray[np.float64], windows: Windows) -> float:
    frequency = np.arange(cross.size) * windows.rate_hz / windows.size
    band = (frequency >= GATE_LOW_HZ) & (frequency <= GATE_HIGH_HZ)
    weighted = np.where(band, cross / np.power(magnitude + NOTHING, GATE_WHITENING), 0.0)
    around = np.abs(_around_zero(weighted, windows))
    return float(around.max() / max(float(np.median(around)), NOTHING))


def _lag(whitened: Lines, windows: Windows) -> tuple[float, int]:
    """Lag in samples of the windows' rate (how late the second is), refined by a parabola, and sign."""
    around = _around_zero(whitened, windows)
    peak = int(np.abs(around).argmax())
    polarity = 1 if around[peak] > 0 else -1
    middle = around.size // 2
    if not 0 < peak < around.size - 1:
        return float(middle - peak), polarity
    before, at, after = (abs(float(value)) for value in around[peak - 1 : peak + 2])
    bend = before - 2.0 * at + after
    offset = 0.5 * (before - after) / bend if bend else 0.0
    return middle - (peak + offset), polarity


def _around_zero(cross: Lines, windows: Windows) -> NDArray[np.float64]:
    """Correlation at lags of at most 8 ms, zero in the middle."""
    reach = int(LONGEST_LAG_S * windows.rate_hz)
    correlation = np.fft.irfft(cross, windows.size)
    return np.concatenate([correlation[-reach:], correlation[: reach + 1]])


def _gain_db(first: Windows, second: Windows, lag: float, polarity: int) -> float:
    frequency = np.arange(first.lines[0].size) * first.rate_hz / first.size
    band = (frequency >= GAIN_LOW_HZ) & (frequency <= GAIN_HIGH_HZ)
    turn = polarity * np.exp(2j * np.pi * np.arange(frequency.size)[band] * lag / first.size)
    before = after = 0.0
    for a, b in zip(first.lines, second.lines, strict=True):
        before += float((np.abs(a[band] + b[band]) ** 2).sum())
        after += float((np.abs(a[band] + b[band] * turn) ** 2).sum())
    return power_to_db(after / before) if before > NOTHING else 0.0
