"""The noise that stays when the music rests."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.trace import Trace
from tapehand.song.finding import Fact, Finding
from tapehand.units import power_to_db

METHOD: Final = "noise_floor/2"
# Without what leaks from a wave beside its centre line.
HEARD_HZ: Final = (120.0, 20_000.0)
SMOOTHED: Final = 5
NOTHING: Final = 1e-12
NONE: Final = np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """Level of the noise, and how far the sound lies over it; ``-inf`` and ``inf`` where no rest was heard."""

    level_dbfs: float = -math.inf
    under_sound_db: float = math.inf

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """A question where the noise comes close to the sound."""
        if self.under_sound_db > threshold("noise_floor"):
            return ()
        asks = self.under_sound_db <= limit("noise_floor", "ask_within_db")
        return (
            finding(
                "noise_floor",
                track=track,
                path=path,
                value=self.under_sound_db,
                severity="ask" if asks else "note",
                level=f"{self.level_dbfs:.0f}",
                below=f"{self.under_sound_db:.0f}",
            ),
        )

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """The level, where there was a rest to measure it in."""
        if not math.isfinite(self.level_dbfs):
            return ()
        return (Fact(name="noise_floor", value=self.level_dbfs, unit="dBFS", track=track, method=METHOD),)


def noise_floor(trace: Trace) -> NoiseFloor:
    """The level at which a recording rests, if it rests, and if that is noise.

    Noise keeps its level: it is told from the tail of a note in that many frames lie within a few dB of the lowest,
    most of them at its level, and from a quiet tone in that no line stands out.
    """
    smooth = np.convolve(trace.power(*HEARD_HZ), np.ones(SMOOTHED) / SMOOTHED, "same") if trace.bands.size else NONE
    audible = smooth > 10.0 ** (limit("noise_floor", "least_dbfs") / 10.0)
    levels_db = 10.0 * np.log10(smooth[audible]) if audible.any() else NONE
    if levels_db.size < limit("noise_floor", "least_frames"):
        return NoiseFloor()
    lowest_db = float(np.percentile(levels_db, limit("noise_floor", "percentile")))
    resting = np.abs(levels_db - lowest_db - 1.0) <= limit("noise_floor", "steady_db")
    needed = max(limit("noise_floor", "least_frames"), limit("noise_floor", "least_share") * levels_db.size)
    if resting.sum() < needed or not _piles_up(levels_db[resting] - lowest_db):
        return NoiseFloor()
    if not _is_noise(trace, np.flatnonzero(audible)[resting]):
        return NoiseFloor()
    powers = smooth[audible]
    floor_db = power_to_db(float(powers[resting].mean()))
    sounding = powers[levels_db > lowest_db + limit("noise_floor", "sound_above_db")]
    if not sounding.size:
        return NoiseFloor()
    return NoiseFloor(level_dbfs=floor_db, under_sound_db=power_to_db(float(sounding.mean())) - floor_db)


def _piles_up(above_db: NDArray[np.float64]) -> bool:
    """Whether most of what rests lies at one level: noise does, reverberation and cymbals fall through all levels."""
    return float((above_db < limit("noise_floor", "pile_db")).mean()) >= limit("noise_floor", "least_pile")


def _is_noise(trace: Trace, frames: NDArray[np.intp]) -> bool:
    """Whether no line stands out, and the sound is more than the tail of a low tone."""
    high, low = (trace.power(*band)[frames] for band in ((600.0, 20_000.0), (30.0, 600.0)))
    # A single click in a rest is loud above, and is no noise.
    tilt_db = float(np.median(10.0 * np.log10((low + NOTHING) / (high + NOTHING))))
    is_broad = tilt_db < limit("noise_floor", "most_tilt_db")
    return is_broad and float(np.median(trace.peakiness[frames])) <= limit("noise_floor", "most_peakiness")
