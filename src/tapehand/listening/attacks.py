"""When things are struck: the times of attacks to about a millisecond, for judging whether parts are together.

A coarse look finds where the level rises within some milliseconds; a fine one takes the moment at which a tenth of the
power that follows is reached: early enough that a slow bass and a fast kick struck at once get the same time.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact

Series = NDArray[np.float64]

MOMENT_SAMPLES: Final = COMPACT_RATE_HZ // 1000
MOMENT_S: Final = MOMENT_SAMPLES / COMPACT_RATE_HZ
NOTHING: Final = 1e-20
LOUD_PERCENTILE: Final = 98.0


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for attacks."""
    figures: Mapping[str, float] = load("between")["attacks"]
    return figures


def attack_times_s(compact: Compact) -> Series:
    """Times of the attacks of a recording, ascending, float64 ``(n,)`` in seconds."""
    power = _moments(compact)
    if power.size < 100 or not float(power.max()) > NOTHING:
        return np.zeros(0)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    after = _mean_between(sums, 0, round(settings()["after_ms"]))
    before = _mean_between(sums, -round(settings()["before_ms"]), -round(settings()["gap_ms"]))
    loud = float(np.percentile(after, LOUD_PERCENTILE)) * settings()["least_power_share"]
    rise = np.where(after > loud, after / (before + 1e-3 * loud + NOTHING), 0.0)
    peaks = _peaks(rise, settings()["least_rise"], round(settings()["apart_ms"]))
    return _reached(power, peaks, settings()["begun_share"]) * MOMENT_S


def rise_s(compact: Compact, attacks_s: Series) -> float:
    """How long attacks take from where they are told to half of their power: the median, in seconds.

    A shaker or a bowed string takes so long that nobody can say to the millisecond when it begins.
    """
    power = _moments(compact)
    places = np.clip(np.round(attacks_s / MOMENT_S).astype(np.int64), 0, max(0, power.size - 1))
    if not places.size:
        return 0.0
    return float(np.median(_reached(power, places, settings()["risen_share"]) * MOMENT_S - attacks_s))


def _moments(compact: Compact) -> Series:
    """Mean power of each millisecond."""
    whole = compact.coded.size // MOMENT_SAMPLES * MOMENT_SAMPLES
    sound = compact.coded[:whole].astype(np.float32) * np.float32(compact.coding_gain)
    power: Series = np.square(sound).reshape(-1, MOMENT_SAMPLES).sum(axis=1).astype(np.float64) / MOMENT_SAMPLES
    return power


def _mean_between(sums: Series, first: int, last: int) -> Series:
    """Mean over ``[i + first, i + last)`` for every ``i``; outside there is silence."""
    size = sums.size - 1
    places = np.arange(size)
    mean: Series = (sums[np.clip(places + last, 0, size)] - sums[np.clip(places + first, 0, size)]) / (last - first)
    return np.maximum(mean, 0.0)


def _peaks(rise: Series, least: float, apart: int) -> NDArray[np.int64]:
    """Places of the highest rises, ``apart`` from any higher one."""
    candidates = np.flatnonzero((rise[1:-1] >= least) & (rise[1:-1] >= rise[:-2]) & (rise[1:-1] > rise[2:])) + 1
    kept: list[int] = []
    for place in candidates.tolist():
        if not kept or place - kept[-1] >= apart:
            kept.append(place)
        elif rise[place] > rise[kept[-1]]:
            kept[-1] = place
    return np.array(kept, dtype=np.int64)


def _reached(power: Series, peaks: NDArray[np.int64], share: float) -> Series:
    """Where, around each place, a share of the power that follows is first reached; between moments by a line."""
    reach = round(settings()["look_ms"])
    padded = np.pad(power, (reach, 2 * reach))
    around = np.lib.stride_tricks.sliding_window_view(padded, 3 * reach)[peaks]
    highest = around[:, reach // 2 :].max(axis=1, initial=0.0)
    floor = np.median(around[:, : reach // 2], axis=1)
    wanted = (floor + share * np.maximum(highest - floor, 0.0))[:, np.newaxis]
    reached = around >= wanted
    reached[:, : reach // 2] = False
    at = reached.argmax(axis=1)
    rows = np.arange(at.size)
    upper, lower = around[rows, at], around[rows, np.maximum(at - 1, 0)]
    part = np.clip((wanted[:, 0] - lower) / np.maximum(upper - lower, NOTHING), 0.0, 1.0)
    places: Series = peaks - reach + at + part - 0.5
    return np.maximum(places, 0.0)
