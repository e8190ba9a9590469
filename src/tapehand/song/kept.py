"""Stretches of tracks that a person keeps as they were played: nothing within them is asked about as a fault."""

from collections.abc import Iterable
from dataclasses import dataclass

from tapehand.song.finding import Finding
from tapehand.song.song import Song
from tapehand.units import samples_to_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStretch:
    """A kept moment of a track, in seconds of the song."""

    track: str
    start_s: float
    end_s: float

    def holds(self, track: str | None, start_s: float | None, end_s: float | None) -> bool:
        """Whether a place lies wholly within it."""
        if track != self.track or start_s is None:
            return False
        return self.start_s - SLACK_S <= start_s and (start_s if end_s is None else end_s) <= self.end_s + SLACK_S


# Half a sample at any rate, and rounding.
SLACK_S = 1e-3


def kept_stretches(song: Song) -> tuple[KeptStretch, ...]:
    """What is kept of a song."""
    return tuple(
        KeptStretch(
            track=moment.track,
            start_s=samples_to_seconds(moment.span.start_samples, song.rate_hz),
            end_s=samples_to_seconds(moment.span.end_samples, song.rate_hz),
        )
        for moment in song.moments
        if moment.kept
    )


def beside_kept(findings: Iterable[Finding], kept: tuple[KeptStretch, ...]) -> tuple[Finding, ...]:
    """Those whose place is not wholly within something kept."""
    return tuple(each for each in findings if not any(one.holds(each.track, each.start_s, each.end_s) for one in kept))
