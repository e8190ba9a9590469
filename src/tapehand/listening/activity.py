"""When a track sounds, how loud, how peaky and how lively: one pass over its samples."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.meters.k_weighting import HOPS_PER_SECOND
from tapehand.meters.loudness import integrated_of_powers, k_energies, power_of_lufs, weighted_powers, window_powers
from tapehand.meters.stereo import ChannelSums, channel_sums
from tapehand.units import SILENCE_DB, power_to_db

Levels = NDArray[np.float64]
Mask = NDArray[np.bool_]

FRAMES_PER_SECOND: Final = 10
FAST_PER_SECOND: Final = 200
FAST_PER_MOMENT: Final = 4
SILENT_LUFS: Final = -70.0
ACTIVE_BELOW_LOUDNESS_LU: Final = 20.0
ONSET_RISE: Final = 4.0
ONSET_LOOK_BACK: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The course of one track.

    Parameters
    ----------
    powers : K-weighted power of each 100 ms, all channels, shape ``(frames,)``.
    fast_powers : plain mean square in each 5 ms, mean over the channels, shape ``(20 * frames,)`` or a few more.
    active : which of the 100 ms frames sound (within 20 LU of the track's own loudness), shape ``(frames,)``.
    integrated_lufs : gated loudness, so that rests do not count; ``-inf`` for silence.
    sums : peak, energies and correlation of the channels.
    """

    powers: Levels
    fast_powers: Levels
    active: Mask
    integrated_lufs: float
    sums: ChannelSums

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing that loudness could be measured of."""
        return self.integrated_lufs < SILENT_LUFS or not bool(self.active.any())

    @property
    def active_share(self) -> float:
        """Share of the time in which the track sounds, 0..1."""
        return float(self.active.mean()) if self.active.size else 0.0

    @property
    def peak_dbfs(self) -> float:
        """Highest absolute sample."""
        return self.sums.sample_peak_dbfs

    @property
    def moment_powers(self) -> Levels:
        """Plain mean square in each 20 ms."""
        return _means(self.fast_powers, FAST_PER_MOMENT)

    @property
    def active_moment_levels_db(self) -> Levels:
        """Levels in dB of the 20 ms frames that sound."""
        floor = power_of_lufs(self.integrated_lufs - ACTIVE_BELOW_LOUDNESS_LU)
        powers = self.moment_powers
        loud = powers[powers > floor]
        levels_db: Levels = 10.0 * np.log10(loud)
        return levels_db

    @property
    def crest_db(self) -> float:
        """Peak over the mean level of what sounds, in dB; 0 for silence."""
        levels = self.active_moment_levels_db
        if not levels.size:
            return 0.0
        return self.peak_dbfs - power_to_db(float((10.0 ** (levels / 10.0)).mean()))

    @property
    def spread_db(self) -> float:
        """How much the loudness of 400 ms windows varies while it sounds: standard deviation in dB."""
        windows = window_powers(self.powers, 4)[::4]
        loud = windows[windows > power_of_lufs(max(self.integrated_lufs - ACTIVE_BELOW_LOUDNESS_LU, SILENT_LUFS))]
        return float((10.0 * np.log10(loud)).std()) if loud.size > 1 else 0.0

    @property
    def onsets_per_s(self) -> float:
        """Sudden rises (6 dB and more within 100 ms) for each second that sounds."""
        power = self.moment_powers
        if power.size <= ONSET_LOOK_BACK or not self.active.any():
            return 0.0
        before = np.lib.stride_tricks.sliding_window_view(power[:-1], ONSET_LOOK_BACK).min(axis=1)
        now = power[ONSET_LOOK_BACK:]
        rising = (now > ONSET_RISE * before) & (now > power_of_lufs(self.integrated_lufs - 10.0))
        starts = int((rising[1:] & ~rising[:-1]).sum()) + int(rising[0])
        return starts / (float(self.active.sum()) / FRAMES_PER_SECOND)


def activity(audio: Audio) -> Activity:
    """The course of a track's level."""
    hops = weighted_powers(k_energies(audio))
    loudness = integrated_of_powers(hops) if hops.size else SILENCE_DB
    powers = _means(hops, HOPS_PER_SECOND // FRAMES_PER_SECOND)
    floor = power_of_lufs(max(loudness - ACTIVE_BELOW_LOUDNESS_LU, SILENT_LUFS))
    return Activity(
        powers=powers,
        fast_powers=_fast_powers(audio),
        active=powers > floor,
        integrated_lufs=loudness,
        sums=channel_sums(audio),
    )


def _means(values: Levels, count: int) -> Levels:
    """Mean of every ``count`` values; a rest that does not fill a group is padded with nothing."""
    padded = np.pad(values, (0, -values.size % count))
    means: Levels = padded.reshape(-1, count).sum(axis=1) / count
    return means


def _fast_powers(audio: Audio) -> Levels:
    length = max(1, audio.rate_hz // FAST_PER_SECOND)
    usable = audio.length_samples // length * length
    frames = audio.samples[:, :usable].reshape(audio.channels, -1, length)
    powers: Levels = np.square(frames).sum(axis=2, dtype=np.float64).sum(axis=0) / (audio.channels * length)
    return powers
