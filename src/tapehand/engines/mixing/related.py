"""Tracks that caught the same source twice (two microphones, microphone and direct box): delay and polarity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.engines.mixing.heard import HeardTrack
from tapehand.listening.activity import FRAMES_PER_SECOND
from tapehand.listening.alignment import Alignment, Windows, align, loudest_windows, windows_of
from tapehand.units import seconds_to_samples

# What was placed at a distance on purpose keeps its distance.
KEEPS_ITS_DISTANCE: Final = frozenset({"overheads", "room"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What brings a track together with its partner: delay in samples of the song's rate, polarity, and why."""

    delay_samples: int
    polarity: int
    why: str


def shifts(tracks: Sequence[HeardTrack], rate_hz: int) -> dict[str, Shift]:
    """Delays and polarities for pairs that are one source; nothing for all others."""
    found: dict[str, Shift] = {}
    candidates = [track for track in tracks if track.is_mono and track.role not in KEEPS_ITS_DISTANCE]
    for group in sorted({track.group for track in candidates}):
        members = sorted((track for track in candidates if track.group == group), key=_loudest_first)
        if len(members) > 1:
            found.update(_shifts_within(members, rate_hz))
    return found


def _shifts_within(members: Sequence[HeardTrack], rate_hz: int) -> dict[str, Shift]:
    """Each track follows the loudest one that it belongs to; who leads does not follow anybody."""
    starts_s = loudest_windows([track.activity.powers for track in members], FRAMES_PER_SECOND)
    heard = [windows_of(track.thumbnail.mono(), track.thumbnail.rate_hz, starts_s) for track in members]
    found: dict[str, Shift] = {}
    taken: set[int] = set()
    for first in range(len(members)):
        followers = _followers(first, heard, taken)
        if followers:
            taken |= {first, *followers}
            found.update(_shifts_to(first, followers, members, rate_hz))
    return found


def _followers(first: int, heard: Sequence[Windows], taken: set[int]) -> dict[int, Alignment]:
    if first in taken:
        return {}
    pairs = {
        second: align(heard[first], heard[second]) for second in range(first + 1, len(heard)) if second not in taken
    }
    return {second: alignment for second, alignment in pairs.items() if alignment is not None}


def _shifts_to(
    first: int, followers: dict[int, Alignment], members: Sequence[HeardTrack], rate_hz: int
) -> dict[str, Shift]:
    """Delays that let all of them arrive with the latest."""
    latest_s = max(0.0, *(alignment.lag_s for alignment in followers.values()))
    leader = members[first]
    waits = "it waits for the later microphone of the same source"
    found = {leader.id: Shift(delay_samples=seconds_to_samples(latest_s, rate_hz), polarity=1, why=waits)}
    for second, alignment in followers.items():
        delay = seconds_to_samples(latest_s - alignment.lag_s, rate_hz)
        found[members[second].id] = Shift(
            delay_samples=delay, polarity=alignment.polarity, why=_words(leader.name, alignment)
        )
    return {key: shift for key, shift in found.items() if shift.delay_samples or shift.polarity < 0}


def _words(leader: str, alignment: Alignment) -> str:
    late = "later" if alignment.lag_s > 0 else "earlier"
    turned = " and upside down" if alignment.polarity < 0 else ""
    return (
        f'it is the same source as "{leader}", {abs(alignment.lag_s) * 1000:.1f} ms {late}{turned}; '
        f"together they gain {alignment.gain_db:.1f} dB between 60 and 500 Hz"
    )


def _loudest_first(track: HeardTrack) -> tuple[float, float]:
    return (-track.activity.integrated_lufs, -track.activity.peak_dbfs)
