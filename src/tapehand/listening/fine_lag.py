"""The lag of two related tracks to within a sample of the song, its sign, and what undoing both would gain.

The average cross-spectrum of many pieces is weighted by how far it can be believed (the maximum likelihood weighting of
C. Knapp & G. C. Carter, IEEE Trans. ASSP 24, 1976), so that bands which only one of the microphones caught say nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.arrivals import Course
from tapehand.listening.correlation import summit
from tapehand.listening.frames import one_channel
from tapehand.listening.recordings import Recordings
from tapehand.units import power_to_db

Lines = NDArray[np.complex128]
Powers = NDArray[np.float64]

NOTHING: Final = 1e-20
MOST_COHERENCE: Final = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class FineLag:
    """Two tracks of one source.

    Parameters
    ----------
    lag_samples : by how much the second is late against the first, at the song's rate; fractions are believable.
    polarity : -1 where the second is upside down.
    gain_db : level gained, where it counts, by undoing both.
    flip_gain_db : level gained there by turning the second over alone.
    at_s : the middle of the loudest window that was measured.
    """

    lag_samples: float
    polarity: int
    gain_db: float
    flip_gain_db: float
    at_s: float


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for lags at full rate."""
    figures: Mapping[str, float] = load("between")["fine_lag"]
    return figures


def fine_lag(recordings: Recordings, first: str, second: str, course: Course) -> FineLag | None:
    """How the second track lies against the first, near what ``course`` says; None where neither sounds."""
    rate_hz = recordings.rate_hz
    starts_s = loudest_starts(recordings, (first, second), int(settings()["windows"]), settings()["window_s"])
    spectra = _Spectra(rate_hz)
    coarse = round(course.lag_at(0.5 * (course.first_s + course.last_s)) * rate_hz)
    for start_s in starts_s:
        start, length = round(start_s * rate_hz), round(settings()["window_s"] * rate_hz)
        own = one_channel(recordings.span(first, start, start + length))
        other = one_channel(recordings.span(second, start + coarse, start + coarse + length))
        spectra.add(own, other)
    found = spectra.lag()
    if found is None:
        return None
    rest, polarity = found
    return FineLag(
        lag_samples=coarse + rest,
        polarity=polarity,
        gain_db=spectra.gain_db(coarse, coarse + rest, polarity),
        flip_gain_db=spectra.gain_db(coarse, 0.0, -1),
        at_s=(starts_s[0] if starts_s else 0.0) + 0.5 * settings()["window_s"],
    )


def loudest_starts(recordings: Recordings, names: Sequence[str], count: int, window_s: float) -> list[float]:
    """Starts of up to ``count`` windows that do not overlap, where the quieter of the tracks is loudest."""
    compacts = [recordings.compact(name) for name in names]
    size = min((compact.levels.size for compact in compacts), default=0)
    frames_per_s = compacts[0].frames_per_s
    width = max(1, min(size, round(window_s * frames_per_s)))
    if not size:
        return []
    common = np.min([compact.levels[:size] / max(float(compact.levels.max()), NOTHING) for compact in compacts], axis=0)
    sums = np.concatenate([[0.0], np.cumsum(common, dtype=np.float64)])
    energies = (sums[width:] - sums[:-width])[::width]
    order = sorted(range(energies.size), key=lambda number: (-float(energies[number]), number))
    return [number * width / frames_per_s for number in order[:count] if energies[number] > 0.0]


class _Spectra:
    """Average spectra of the pieces of two windows."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._size = 2 ** math.ceil(math.log2(settings()["piece_s"] * rate_hz))
        self._taper = np.hanning(self._size + 2)[1:-1].astype(np.float32)
        lines = self._size // 2 + 1
        self._cross: Lines = np.zeros(lines, dtype=np.complex128)
        self._own, self._other = np.zeros(lines), np.zeros(lines)
        self._pieces = 0
        self._hz: Powers = np.arange(lines) * (rate_hz / self._size)

    def add(self, own: NDArray[np.float32], other: NDArray[np.float32]) -> None:
        if own.size < self._size:
            own, other = (np.pad(sound, (0, self._size - sound.size)) for sound in (own, other))
        pieces = [
            np.fft.rfft(np.lib.stride_tricks.sliding_window_view(sound, self._size)[:: self._size // 2] * self._taper)
            for sound in (own, other)
        ]
        self._cross += (pieces[0].conj() * pieces[1]).sum(axis=0)
        self._own += (np.abs(pieces[0]) ** 2).sum(axis=0)
        self._other += (np.abs(pieces[1]) ** 2).sum(axis=0)
        self._pieces += pieces[0].shape[0]

    def lag(self) -> tuple[float, int] | None:
        """Lag in samples beyond the coarse one, and sign."""
        coherence = np.abs(self._cross) ** 2 / (self._own * self._other + NOTHING)
        # So much coherence a few pieces have by chance.
        believed = np.clip((coherence - 1.0 / max(self._pieces, 2)), 0.0, MOST_COHERENCE)
        believed[(self._hz < settings()["low_hz"]) | (self._hz > settings()["high_hz"])] = 0.0
        weight = believed / (1.0 - believed) / (np.abs(self._cross) + NOTHING)
        if not float(weight.max(initial=0.0)) > 0.0:
            return None
        correlation = np.fft.irfft(self._cross * weight, self._size)
        reach = self._size // 8
        around = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
        peak = int(np.abs(around[1:-1]).argmax()) + 1
        left, at, right = (abs(float(value)) for value in around[peak - 1 : peak + 2])
        return peak - reach + summit(left, at, right), 1 if around[peak] > 0.0 else -1

    def gain_db(self, coarse: float, lag: float, polarity: int) -> float:
        """Level of the sum gained by ``lag`` and ``polarity`` undone, over the sum as it is.

        The spectra were taken with the coarse lag undone already.
        """
        low = (self._hz >= settings()["gain_low_hz"]) & (self._hz <= settings()["gain_high_hz"])
        total = float((self._own + self._other).sum())
        if float((self._own + self._other)[low].sum()) < settings()["least_low_share"] * total:
            low = self._hz >= settings()["low_hz"]
        energy = float((self._own + self._other)[low].sum())
        before = energy + 2.0 * self._product(low, -coarse)
        after = energy + 2.0 * polarity * self._product(low, lag - coarse)
        return power_to_db(max(after, NOTHING) / max(before, NOTHING)) if energy > NOTHING else 0.0

    def _product(self, chosen: NDArray[np.bool_], advance: float) -> float:
        turns = np.exp(2j * math.pi / self._size * advance * np.flatnonzero(chosen))
        return float((self._cross[chosen] * turns).real.sum())
