"""The levels of one recording: peak, loudness, offset, and what its two channels have to do with each other."""

from dataclasses import dataclass

import numpy as np

from tapehand.audio import Audio
from tapehand.listening.kinds import finding, limit, threshold
from tapehand.meters.k_weighting import KEnergyStream
from tapehand.meters.loudness import integrated_of_powers, weighted_powers
from tapehand.meters.stereo import ChannelSums, ChannelSumsStream
from tapehand.song.finding import Finding
from tapehand.units import gain_to_db, power_to_db, samples_to_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Levels of a recording.

    Parameters
    ----------
    sums : peak, energies and correlation of the channels.
    integrated_lufs : gated loudness; ``-inf`` where no 400 ms pass -70 LUFS, or there are none.
    offset : mean of the wave, linear, the largest of the channels, with its sign.
    """

    rate_hz: int
    sums: ChannelSums
    integrated_lufs: float
    offset: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return samples_to_seconds(self.sums.length_samples, self.rate_hz)

    @property
    def is_silent(self) -> bool:
        """Digital silence, or nothing that the loudness gate lets pass.

        A recording too short for one gating block (400 ms) is judged by its plain level.
        """
        if self.duration_s >= 0.4:
            return self.integrated_lufs < threshold("silent")
        return self.sums.rms_dbfs < threshold("silent")

    @property
    def channel_difference_db(self) -> float | None:
        """Level of left over right; infinite where one is digitally silent, None for mono and silence."""
        left, right = self.sums.square_left, self.sums.square_right
        if self.sums.channels != 2 or left + right == 0.0:
            return None
        if left == 0.0 or right == 0.0:
            return float("inf") if right == 0.0 else float("-inf")
        return power_to_db(left / right)


class LevelScan:
    """One pass over a recording that arrives in blocks; their sizes do not matter."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._loudness = KEnergyStream(channels, rate_hz)
        self._energies = [np.zeros((channels, 0))]
        self._sums = ChannelSumsStream(channels)
        self._totals = np.zeros(channels)

    def feed(self, block: Audio) -> None:
        """Take the next stretch."""
        self._energies.append(self._loudness.feed(block.samples))
        self._sums.feed(block.samples)
        self._totals += block.samples.sum(axis=1, dtype=np.float64)

    def finish(self) -> Levels:
        """The levels of all that was fed."""
        sums = self._sums.finish()
        offsets = self._totals / max(sums.length_samples, 1)
        return Levels(
            rate_hz=self._rate_hz,
            sums=sums,
            integrated_lufs=integrated_of_powers(weighted_powers(np.concatenate(self._energies, axis=1))),
            offset=float(offsets[np.argmax(np.abs(offsets))]),
        )


def level_findings(levels: Levels, track: str | None, path: str | None) -> tuple[Finding, ...]:
    """What the levels give reason to ask. Of a silent recording only that it is silent."""
    if levels.is_silent:
        heard = levels.integrated_lufs if levels.integrated_lufs > float("-inf") else None
        return (finding("silent", track=track, path=path, value=heard, start_s=0.0, end_s=levels.duration_s),)
    found = [_offset(levels, track, path), _one_sided(levels, track, path)]
    if found[1] is None:
        found += [_dual_mono(levels, track, path), _anti_phase(levels, track, path)]
    return tuple(each for each in found if each is not None)


def _offset(levels: Levels, track: str | None, path: str | None) -> Finding | None:
    offset_dbfs = gain_to_db(levels.offset)
    # A short or cut-off note has a mean of its own; only a long one tells of an offset.
    if offset_dbfs < threshold("dc_offset") or levels.duration_s < limit("dc_offset", "shortest_s"):
        return None
    percent = f"{100 * levels.offset:.2f}"
    return finding("dc_offset", track=track, path=path, value=offset_dbfs, percent=percent)


def _one_sided(levels: Levels, track: str | None, path: str | None) -> Finding | None:
    difference_db = levels.channel_difference_db
    if difference_db is None or abs(difference_db) < threshold("one_sided"):
        return None
    side = "left" if difference_db > 0 else "right"
    value = abs(difference_db) if abs(difference_db) != float("inf") else None
    return finding("one_sided", track=track, path=path, value=value, side=side)


def _dual_mono(levels: Levels, track: str | None, path: str | None) -> Finding | None:
    side_to_mid_db = levels.sums.side_to_mid_db
    if side_to_mid_db is None or side_to_mid_db > threshold("dual_mono"):
        return None
    value = side_to_mid_db if side_to_mid_db > float("-inf") else None
    return finding("dual_mono", track=track, path=path, value=value)


def _anti_phase(levels: Levels, track: str | None, path: str | None) -> Finding | None:
    correlation, loss_db = levels.sums.correlation, levels.sums.mono_fold_loss_db
    if correlation is None or loss_db is None or correlation > threshold("anti_phase"):
        return None
    return finding("anti_phase", track=track, path=path, value=correlation, loss=_decibels(loss_db))


def _decibels(loss_db: float) -> str:
    return f"{loss_db:.1f}" if loss_db < 100.0 else "more than 100"
