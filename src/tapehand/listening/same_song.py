"""Whether a file from elsewhere is the same song, by how much it starts late, and whether it keeps time with ours.

Two steps of generalised cross-correlation (Knapp & Carter, 1976), half whitened, so that another balance or master of
the song still shows one sharp peak: one over both whole sounds at a low rate, then windows of some seconds at the full
rate along the song. Windows that do not agree in their lag mean that one of the two drifts or was edited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.catalogue.loading import load

Mono = NDArray[np.float64]

COARSE_RATE_HZ: Final = 4_000
WHITENING: Final = 0.7
FINE_REACH_S: Final = 0.05
QUIET_SHARE: Final = 1e-3
NOTHING: Final = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True)
class SameSong:
    """How a file lies against the song, in samples of the song's rate.

    Parameters
    ----------
    lag_samples : by how much the file is late against the song (negative: early); the median over windows.
    drift_samples : how far the windows' lags lie apart at most.
    relation : peak over median of the correlation of the whole; unrelated sounds stay below about 6.
    windows : how many windows were measured.
    """

    lag_samples: int
    drift_samples: float
    relation: float
    windows: int


def same_song(song: Audio, other: Audio) -> SameSong | None:
    """How ``other`` lies against ``song`` (any rate, mono or stereo); None where it is not the same song."""
    settings = load("trials")["foreign"]
    other = resample(other, song.rate_hz)
    coarse = _coarse_lag(song, other, settings["longest_lag_s"])
    if coarse is None or coarse[1] < settings["least_relation"]:
        return None
    lags = _window_lags(_mono(song), _mono(other), coarse[0], song.rate_hz)
    if not lags:
        return None
    lag = round(float(np.median(lags)))
    return SameSong(lag_samples=lag, drift_samples=max(lags) - min(lags), relation=coarse[1], windows=len(lags))


def _coarse_lag(song: Audio, other: Audio, longest_s: float) -> tuple[int, float] | None:
    """Lag in samples of the song's rate to within 1/4000 s, and peak over median."""
    first, second = (_mono(resample(each, COARSE_RATE_HZ)) for each in (song, other))
    reach = min(round(longest_s * COARSE_RATE_HZ), max(first.size, second.size) - 1)
    found = _correlated(first, second, reach)
    if found is None:
        return None
    lag, relation = found
    return round(lag * song.rate_hz / COARSE_RATE_HZ), relation


def _window_lags(song: Mono, other: Mono, coarse: int, rate_hz: int) -> list[float]:
    """Lags of windows spread over what both have in common, where there is something to hear."""
    settings = load("trials")["foreign"]
    width = round(settings["window_s"] * rate_hz)
    begin, end = max(0, -coarse), min(song.size, other.size - coarse)
    width = min(width, end - begin)
    if width <= 0:
        return []
    loud = QUIET_SHARE * float((song * song).mean())
    lags = []
    for start in _spread(begin, end - width, settings["windows"]):
        piece, opposite = song[start : start + width], other[start + coarse : start + coarse + width]
        if min(float((piece * piece).mean()), float((opposite * opposite).mean())) <= loud:
            continue
        found = _correlated(piece, opposite, min(round(FINE_REACH_S * rate_hz), width - 1))
        if found is not None and found[1] >= settings["least_relation"]:
            lags.append(coarse + found[0])
    return lags


def _spread(first: int, last: int, count: int) -> Sequence[int]:
    return sorted({round(first + (last - first) * step / max(count - 1, 1)) for step in range(count)})


def _correlated(first: Mono, second: Mono, reach: int) -> tuple[float, float] | None:
    """How late the second is, in samples within ``reach``, refined by a parabola; and peak over median."""
    size = 1 << (first.size + second.size).bit_length()
    cross = np.fft.rfft(second, size) * np.fft.rfft(first, size).conj()
    magnitude = np.abs(cross)
    strongest = float(magnitude.max(initial=0.0))
    if strongest <= NOTHING:
        return None
    weighted = cross / np.power(magnitude + 1e-9 * strongest, WHITENING)
    correlation = np.fft.irfft(weighted, size)
    around = np.abs(np.concatenate([correlation[size - reach :], correlation[: reach + 1]]))
    peak = int(around.argmax())
    relation = float(around[peak]) / max(float(np.median(around)), NOTHING)
    return peak - reach + _bend(around, peak), relation


def _bend(around: Mono, peak: int) -> float:
    if not 0 < peak < around.size - 1:
        return 0.0
    before, at, after = (float(value) for value in around[peak - 1 : peak + 2])
    bend = before - 2.0 * at + after
    return 0.5 * (before - after) / bend if bend else 0.0


def _mono(audio: Audio) -> Mono:
    mono: Mono = audio.samples.mean(axis=0, dtype=np.float64)
    return mono
