"""What a set of gains and positions will measure, reckoned from what was heard, so that no option needs rendering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tapehand.engines.mixing.heard import HeardTrack
from tapehand.engines.mixing.settings import bounds
from tapehand.engines.mixing.thumbnail import peak_of_sum
from tapehand.meters.loudness import integrated_of_powers
from tapehand.render.gains import pan_gains
from tapehand.units import SILENCE_DB, db_to_gain, gain_to_db, power_to_db

GATE_HOPS_PER_FRAME = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Figures of a mix: loudness and peak before the mix fader, and side against mid (None without any side)."""

    loudness_lufs: float
    peak_dbfs: float
    side_to_mid_db: float | None


def outlook(
    tracks: Sequence[HeardTrack],
    level_db: Mapping[str, float],
    peak_db: Mapping[str, float],
    pans: Mapping[str, float],
    wet_lu: float = SILENCE_DB,
) -> Outlook:
    """The figures of a sum.

    Parameters
    ----------
    level_db : change of each track's loudness.
    peak_db : change of each track's peaks: make-up lifts what a compressor was too slow for.
    pans : positions -1..+1.
    wet_lu : level of the room against the sum; it may fall onto the peak.
    """
    length = max(track.activity.powers.size for track in tracks)
    powers = np.zeros(length)
    mid = side = 0.0
    for track in tracks:
        gain = db_to_gain(level_db[track.id]) ** 2
        powers[: track.activity.powers.size] += gain * track.activity.powers
        track_mid, track_side = _mid_and_side(track, pans.get(track.id, 0.0))
        mid, side = mid + gain * track_mid, side + gain * track_side
    thumbnails = [track.thumbnail for track in tracks]
    peak = peak_of_sum(thumbnails, [_sides(track, peak_db, pans) for track in tracks]) * (1.0 + db_to_gain(wet_lu))
    return Outlook(
        loudness_lufs=integrated_of_powers(np.repeat(powers, GATE_HOPS_PER_FRAME)),
        peak_dbfs=gain_to_db(peak),
        side_to_mid_db=power_to_db(side / mid) if side > 0.0 and mid > 0.0 else None,
    )


def mix_fader_db(seen: Outlook) -> float:
    """The mix fader that leaves room for mastering: first the peak, then the loudness."""
    limits = bounds("headroom")
    wanted: float = min(limits["peak_dbfs"] - seen.peak_dbfs, limits["loudness_lufs"] - seen.loudness_lufs)
    lowest: float = limits["lowest_mix_fader_db"]
    highest: float = limits["highest_mix_fader_db"]
    return round(min(max(wanted, lowest), highest), 1)


def _sides(track: HeardTrack, gains_db: Mapping[str, float], pans: Mapping[str, float]) -> tuple[float, float]:
    gain = db_to_gain(gains_db[track.id])
    left, right = pan_gains(pans.get(track.id, 0.0), track.channels)
    return gain * left, gain * right


def _mid_and_side(track: HeardTrack, pan: float) -> tuple[float, float]:
    """Energies of (L+R)/2 and (L-R)/2 of a panned track."""
    left, right = pan_gains(pan, track.channels)
    sums = track.activity.sums
    square_left, square_right, cross = sums.square_left, sums.square_right, sums.cross
    both = left * left * square_left + right * right * square_right
    product = 2.0 * left * right * (cross if track.channels == 2 else square_left)
    return (both + product) / 4.0, max(0.0, both - product) / 4.0
