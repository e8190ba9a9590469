"""One room for everybody: a band-limited reverb on a return, with sends solved for how much of it is heard in all."""

import cmath
import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tapehand.engines.mixing.heard import HeardTrack
from tapehand.engines.mixing.settings import bounds, role_settings
from tapehand.listening.spectra import CENTRES_HZ
from tapehand.meters.k_weighting import sections
from tapehand.song.mixer import Bus, Insert, Send, Strip
from tapehand.song.processors import Reverb
from tapehand.units import db_to_gain, power_to_db


def reverb_bus() -> Bus:
    """The return, fed by sends only."""
    room = bounds("space")
    settings = Reverb(
        decay_s=room["decay_s"],
        pre_delay_ms=room["pre_delay_ms"],
        size=room["size"],
        damping_hz=room["damping_hz"],
        low_cut_hz=room["low_cut_hz"],
        high_cut_hz=room["high_cut_hz"],
    )
    strip = Strip(inserts=(Insert(name="reverb", processor=settings),))
    return Bus(id=room["bus"], name=room["bus_name"], kind="return", strip=strip)


def send_levels_db(tracks: Sequence[HeardTrack], gains_db: Mapping[str, float], wet_lu: float) -> dict[str, float]:
    """Post-fader send levels with which the reverb lies ``wet_lu`` against the dry mix.

    The tracks' shares are the catalogue's, less for those that came in wide, and less in all where much did; one common
    level then follows from the energies and the room's own gain.
    """
    shares = {track.id: share for track in tracks if (share := _share_db(track)) is not None}
    dry = math.fsum(_power(track, gains_db) for track in tracks)
    wet = math.fsum(
        _power(track, gains_db) * heard_share(track) * db_to_gain(shares[track.id]) ** 2
        for track in tracks
        if track.id in shares
    )
    if wet <= 0.0 or dry <= 0.0:
        return {}
    room = bounds("space")
    there_already = math.fsum(_power(track, gains_db) * wetness(track) for track in tracks) / dry
    wanted_lu = wet_lu - room["wet_reduction_db"] * there_already
    common_db = wanted_lu - room["return_gain_db"] - power_to_db(wet / dry)
    levels = {key: min(common_db + share, room["highest_send_db"]) for key, share in shares.items()}
    return {key: round(level, 1) for key, level in levels.items() if level >= room["lowest_send_db"]}


def sends(level_db: float | None) -> tuple[Send, ...]:
    """The send of one track."""
    return () if level_db is None else (Send(bus=bounds("space")["bus"], level_db=level_db),)


def heard_share(track: HeardTrack) -> float:
    """Share of a track's loudness that passes the return's filters."""
    room = bounds("space")
    weighted = track.spectra.mean * _k_gains()
    passing = [i for i, centre in enumerate(CENTRES_HZ) if room["low_cut_hz"] <= centre < room["high_cut_hz"]]
    total = float(weighted.sum())
    return float(weighted[passing].sum()) / total if total > 0.0 else 0.0


def _share_db(track: HeardTrack) -> float | None:
    """How much of the room a track wants against the others; None for one that stays dry."""
    send_db = role_settings(track.role).send_db
    if send_db is None:
        return None
    reduction_db: float = bounds("space")["wet_reduction_db"]
    return send_db - reduction_db * wetness(track)


def wetness(track: HeardTrack) -> float:
    """0 for a track that came in dry or mono, 1 for one as wide as only a room or an effect makes it."""
    room = bounds("space")
    side_to_mid_db = track.activity.sums.side_to_mid_db
    if track.is_mono or side_to_mid_db is None:
        return 0.0
    dry_db, wet_db = room["dry_side_to_mid_db"], room["wet_side_to_mid_db"]
    return float(min(max((side_to_mid_db - dry_db) / (wet_db - dry_db), 0.0), 1.0))


def _power(track: HeardTrack, gains_db: Mapping[str, float]) -> float:
    return float(track.activity.powers.sum()) * db_to_gain(gains_db[track.id]) ** 2


@cache
def _k_gains(rate_hz: int = 48_000) -> NDArray[np.float64]:
    """Power gain of the K-weighting at the bands' centres."""
    return np.array([_power_gain(centre, rate_hz) for centre in CENTRES_HZ])


def _power_gain(frequency_hz: float, rate_hz: int) -> float:
    z = cmath.exp(-2j * cmath.pi * frequency_hz / rate_hz)
    gain = 1.0
    for b0, b1, b2, a1, a2 in sections(rate_hz).tolist():
        gain *= abs((b0 + b1 * z + b2 * z * z) / (1.0 + a1 * z + a2 * z * z)) ** 2
    return gain
