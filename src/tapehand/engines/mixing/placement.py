"""Pan: what carries the song stays in the middle, partners part to the sides, and the sides weigh the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from tapehand.engines.mixing.heard import HeardTrack
from tapehand.engines.mixing.settings import bounds, role_settings
from tapehand.units import db_to_gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A pan position -1..+1 and why."""

    pan: float
    why: str


def places(tracks: Sequence[HeardTrack], gains_db: dict[str, float], width: float) -> dict[str, Place]:
    """Positions for the mono tracks that may leave the centre; all others are left where they are.

    Tracks are ordered by how they sound, not by name or number, so that neither decides who goes left.
    """
    movable = sorted((track for track in tracks if _may_move(track)), key=_by_sound)
    found: dict[str, Place] = {}
    balance = 0.0
    for role in sorted({track.role for track in movable}):
        same = [track for track in movable if track.role == role]
        reach = min(1.0, role_settings(role).width * width)
        sided = [track for track in same if track.guess.side is not None]
        for track in sided:
            sign = -1.0 if track.guess.side == "left" else 1.0
            found[track.id] = Place(pan=round(sign * reach, 2), why="its name says on which side it was recorded")
        free = [track for track in same if track.guess.side is None]
        for first, second in zip(free[::2], free[1::2], strict=False):
            found[first.id] = Place(pan=round(-reach, 2), why=f'it shares its part with "{second.name}"')
            found[second.id] = Place(pan=round(reach, 2), why=f'it shares its part with "{first.name}"')
        if len(free) % 2:
            single = free[-1]
            sign = -1.0 if balance > 0.0 else 1.0
            pan = round(sign * reach * bounds("placement")["single_share"], 2)
            found[single.id] = Place(
                pan=pan, why="so that it does not stand in the lead's place, and the sides weigh alike"
            )
            balance += pan * _weight(single, gains_db)
    return {key: place for key, place in found.items() if place.pan != 0.0}


def _may_move(track: HeardTrack) -> bool:
    limits = bounds("placement")
    return (
        track.is_mono
        and not track.guess.asks
        and track.strip.pan == 0.0
        and role_settings(track.role).width > 0.0
        and track.spectra.share_between(0.0, limits["low_hz"]) < limits["low_share"]
    )


def _by_sound(track: HeardTrack) -> tuple[float, float, float]:
    return (-track.activity.integrated_lufs, -track.activity.peak_dbfs, track.spectra.centroid_octaves)


def _weight(track: HeardTrack, gains_db: dict[str, float]) -> float:
    power = db_to_gain(track.activity.integrated_lufs + gains_db[track.id]) ** 2
    return power * track.activity.active_share
