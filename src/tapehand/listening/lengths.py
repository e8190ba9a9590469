"""Lengths and rates of the files of one session, side by side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapehand.listening.kinds import counted, finding, threshold
from tapehand.song.finding import Finding
from tapehand.units import samples_to_seconds

RATE_RATIO: Final = 48_000 / 44_100


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackLength:
    """Name, place, length and rate of one file as it came."""

    track: str
    path: str
    length_samples: int
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length in seconds at the file's own rate."""
        return samples_to_seconds(self.length_samples, self.rate_hz)


def session_rate_hz(rates_hz: Sequence[int]) -> int:
    """The most common rate; among equally common ones the highest, so that nothing is lost."""
    counted = Counter(rates_hz)
    return max(counted, key=lambda rate_hz: (counted[rate_hz], rate_hz))


def session_findings(lengths: Sequence[TrackLength], rate_hz: int) -> tuple[Finding, ...]:
    """Files of another rate than the session's ``rate_hz``, files that say the wrong rate, files of another length."""
    if not lengths:
        return ()
    shared_s, sharing = _shared_duration_s(lengths)
    found: list[Finding] = []
    for each in lengths:
        wrong_rate = _mislabelled(each, shared_s) if sharing > 1 else None
        if wrong_rate is not None:
            found.append(wrong_rate)
        elif abs(each.duration_s - shared_s) > threshold("unequal_length"):
            found.append(_unequal(each, shared_s, sharing))
        if each.rate_hz != rate_hz:
            found.append(_resampled(each, rate_hz))
    return tuple(found)


def _shared_duration_s(lengths: Sequence[TrackLength]) -> tuple[float, int]:
    """The length that most files agree on (the longest of equally common ones), and how many do."""
    tolerance_s = threshold("unequal_length")

    def agreeing(one: TrackLength) -> int:
        return sum(abs(other.duration_s - one.duration_s) <= tolerance_s for other in lengths)

    common = max(lengths, key=lambda one: (agreeing(one), one.duration_s))
    return common.duration_s, agreeing(common)


def _mislabelled(each: TrackLength, shared_s: float) -> Finding | None:
    for ratio, likely_hz in ((RATE_RATIO, each.rate_hz * RATE_RATIO), (1 / RATE_RATIO, each.rate_hz / RATE_RATIO)):
        if shared_s > 0 and abs(each.duration_s / shared_s / ratio - 1) < threshold("mislabelled_rate"):
            return finding(
                "mislabelled_rate",
                track=each.track,
                path=each.path,
                value=ratio,
                confidence=0.8,
                rate=each.rate_hz,
                likely=round(likely_hz),
            )
    return None


def _unequal(each: TrackLength, shared_s: float, sharing: int) -> Finding:
    difference_s = each.duration_s - shared_s
    words = f"{abs(difference_s):.3f} s {'longer' if difference_s > 0 else 'shorter'}"
    return finding(
        "unequal_length",
        track=each.track,
        path=each.path,
        value=difference_s,
        start_s=min(each.duration_s, shared_s),
        end_s=max(each.duration_s, shared_s),
        difference=words,
        others=counted(sharing, "file"),
    )


def _resampled(each: TrackLength, rate_hz: int) -> Finding:
    return finding(
        "resampled",
        track=each.track,
        path=each.path,
        value=each.rate_hz,
        threshold=rate_hz,
        rate=each.rate_hz,
        session=rate_hz,
    )
