"""Loudness of ITU-R BS.1770-5 and EBU R 128: momentary, short-term, integrated, and the loudness range.

All of it is drawn from K-weighted energies in hops of 1/50 s (``k_weighting``), so one pass over the samples gives
every figure, and a gain that changes the energies gives the new figures without another pass.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.meters.k_weighting import HOPS_PER_SECOND, Energies, KEnergyStream
from tapehand.units import SILENCE_DB, power_to_db

Powers = NDArray[np.float64]

OFFSET_DB: Final = -0.691
ABSOLUTE_GATE_LUFS: Final = -70.0
RELATIVE_GATE_LU: Final = -10.0
RANGE_GATE_LU: Final = -20.0
SURROUND_WEIGHT: Final = 1.41
MOMENTARY_HOPS: Final = HOPS_PER_SECOND * 2 // 5
SHORT_TERM_HOPS: Final = HOPS_PER_SECOND * 3
GATING_STEP_HOPS: Final = HOPS_PER_SECOND // 10

# By number of channels: mono, L R, L R C, L R Ls Rs, L R C Ls Rs, L R C LFE Ls Rs.
_WEIGHTS: Final = {
    1: (1.0,),
    2: (1.0, 1.0),
    3: (1.0, 1.0, 1.0),
    4: (1.0, 1.0, SURROUND_WEIGHT, SURROUND_WEIGHT),
    5: (1.0, 1.0, 1.0, SURROUND_WEIGHT, SURROUND_WEIGHT),
    6: (1.0, 1.0, 1.0, 0.0, SURROUND_WEIGHT, SURROUND_WEIGHT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """The figures of EBU R 128. ``-inf`` where nothing passes the gate or the sound is too short."""

    integrated_lufs: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    range_lu: float


def loudness(audio: Audio) -> Loudness:
    """Every loudness figure of ``audio``."""
    return loudness_of_powers(weighted_powers(k_energies(audio)))


def integrated_lufs(audio: Audio) -> float:
    """Gated loudness of the whole."""
    return integrated_of_powers(weighted_powers(k_energies(audio)))


def k_energies(audio: Audio) -> Energies:
    """K-weighted mean squares ``(channels, hops)`` of each 1/50 s."""
    return KEnergyStream(audio.channels, audio.rate_hz).feed(audio.samples)


def weighted_powers(energies: Energies) -> Powers:
    """Sum over channels with the standard's weights: ``(channels, hops)`` to ``(hops,)``. More than six count fully."""
    weights = _WEIGHTS.get(energies.shape[0], (1.0,) * energies.shape[0])
    powers = np.zeros(energies.shape[1])
    for weight, energy in zip(weights, energies, strict=True):
        powers += weight * energy
    return powers


def loudness_of_powers(powers: Powers) -> Loudness:
    """Every figure from the weighted powers of the hops."""
    return Loudness(
        integrated_lufs=integrated_of_powers(powers),
        max_momentary_lufs=_loudest(window_powers(powers, MOMENTARY_HOPS)),
        max_short_term_lufs=_loudest(window_powers(powers, SHORT_TERM_HOPS)),
        range_lu=range_of_powers(powers),
    )


def integrated_of_powers(powers: Powers) -> float:
    """Integrated loudness: blocks of 400 ms every 100 ms, gated at -70 LUFS, then 10 LU below what is left."""
    blocks = window_powers(powers, MOMENTARY_HOPS)[::GATING_STEP_HOPS]
    loud = blocks[blocks > power_of_lufs(ABSOLUTE_GATE_LUFS)]
    if loud.size == 0:
        return SILENCE_DB
    gate = _mean(loud) * 10.0 ** (RELATIVE_GATE_LU / 10.0)
    return lufs_of_power(_mean(loud[loud > gate]))


def range_of_powers(powers: Powers) -> float:
    """Loudness range in LU: 10th to 95th percentile of the short-term loudness (EBU Tech 3342), 3 s windows every 1 s.

    0 where fewer than one window passes the gates.
    """
    windows = window_powers(powers, SHORT_TERM_HOPS)[::HOPS_PER_SECOND]
    loud = windows[windows > power_of_lufs(ABSOLUTE_GATE_LUFS)]
    if loud.size == 0:
        return 0.0
    heard = np.sort(loud[loud >= _mean(loud) * 10.0 ** (RANGE_GATE_LU / 10.0)])
    low, high = (heard[int((heard.size - 1) * share + 0.5)] for share in (0.10, 0.95))
    return power_to_db(float(high)) - power_to_db(float(low))


def momentary_lufs(powers: Powers) -> list[float]:
    """Loudness of each 400 ms window, every 1/50 s, for pictures; the first value belongs to 0.4 s."""
    return [lufs_of_power(float(power)) for power in window_powers(powers, MOMENTARY_HOPS)]


def short_term_lufs(powers: Powers) -> list[float]:
    """Loudness of each 3 s window, every 1/50 s; the first value belongs to 3 s."""
    return [lufs_of_power(float(power)) for power in window_powers(powers, SHORT_TERM_HOPS)]


def step_lufs(powers: Powers) -> tuple[float, ...]:
    """Loudness of each 100 ms by itself, ungated."""
    return tuple(lufs_of_power(float(power)) for power in window_powers(powers, GATING_STEP_HOPS)[::GATING_STEP_HOPS])


def window_powers(powers: Powers, width: int) -> Powers:
    """Mean of every ``width`` neighbouring hops; empty where there are fewer."""
    if powers.size < width:
        return np.zeros(0)
    windows: Powers = np.lib.stride_tricks.sliding_window_view(powers, width).sum(axis=1) / width
    return windows


def lufs_of_power(power: float) -> float:
    """Loudness of a weighted power; ``-inf`` of none."""
    return OFFSET_DB + power_to_db(power)


def power_of_lufs(level_lufs: float) -> float:
    """Weighted power of a loudness."""
    return float(10.0 ** ((level_lufs - OFFSET_DB) / 10.0))


def _loudest(windows: Powers) -> float:
    return lufs_of_power(float(windows.max())) if windows.size else SILENCE_DB


def _mean(powers: Powers) -> float:
    return float(powers.sum()) / powers.size
