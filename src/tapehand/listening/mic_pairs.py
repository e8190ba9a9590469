"""Two microphones of one source that work against each other: upside down, or at times that cancel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tapehand.listening.arrivals import Course
from tapehand.listening.fine_lag import FineLag, fine_lag
from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.recordings import Recordings
from tapehand.song.finding import Fact, Finding

# What stands at a distance on purpose keeps its distance.
KEEPS_ITS_DISTANCE: Final = frozenset({"overheads", "room"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MicPair:
    """A track, the one it follows, and how it lies against it."""

    track: str
    partner: str
    lag: FineLag
    coherence: float
    rate_hz: int

    @property
    def lag_ms(self) -> float:
        """How late the track is against its partner, in ms."""
        return 1000.0 * self.lag.lag_samples / self.rate_hz

    @property
    def confidence(self) -> float:
        """From 0.6 on; 0.8 where a third is shared, which two synthesisers on one line may reach, too; 0.95 at most."""
        return min(0.95, 0.45 + self.coherence)


def mic_pairs(recordings: Recordings, courses: Mapping[tuple[str, str], Course]) -> tuple[MicPair, ...]:
    """Each track that is related to others beside the one it is most like; pairs whose clocks drift are left out."""
    best: dict[str, tuple[float, str, Course, tuple[str, str]]] = {}
    for (first, second), course in courses.items():
        steady = abs(course.moved_s) < limit("clock_drift", "steady_s")
        if steady and (second not in best or course.coherence > best[second][0]):
            best[second] = (course.coherence, first, course, (first, second))
    found = []
    for second, (coherence, first, course, _) in best.items():
        lag = fine_lag(recordings, first, second, course)
        if lag is not None:
            found.append(MicPair(track=second, partner=first, lag=lag, coherence=coherence, rate_hz=recordings.rate_hz))
    return tuple(found)


def mic_pair_facts(pairs: tuple[MicPair, ...]) -> tuple[Fact, ...]:
    """How late each follower is, with its sign: what an alignment would start from."""
    return tuple(
        Fact(
            name=f"late against {pair.partner}" + (", upside down" if pair.lag.polarity < 0 else ""),
            value=pair.lag_ms,
            unit="ms",
            track=pair.track,
            confidence=pair.confidence,
            method="mic pair/1",
        )
        for pair in pairs
    )


def mic_pair_findings(recordings: Recordings, pairs: tuple[MicPair, ...]) -> tuple[Finding, ...]:
    """Questions about those of which the sum gains."""
    found = (_question(pair, _distant(recordings, pair)) for pair in pairs)
    return tuple(each for each in found if each is not None)


def _distant(recordings: Recordings, pair: MicPair) -> bool:
    return not KEEPS_ITS_DISTANCE.isdisjoint({recordings.role(pair.track), recordings.role(pair.partner)})


def _question(pair: MicPair, distant: bool) -> Finding | None:
    gain_db = pair.lag.flip_gain_db if distant else pair.lag.gain_db
    if pair.lag.polarity < 0 and gain_db >= threshold("upside_down"):
        return _finding("upside_down", pair, gain_db, gain_db)
    late = abs(pair.lag.lag_samples) >= limit("late_microphone", "least_samples")
    if pair.lag.polarity > 0 and not distant and late and gain_db >= limit("late_microphone", "least_gain_db"):
        return _finding("late_microphone", pair, pair.lag_ms, gain_db)
    return None


def _finding(kind: str, pair: MicPair, value: float, gain_db: float) -> Finding:
    return finding(
        kind,
        track=pair.track,
        path=None,
        value=value,
        start_s=pair.lag.at_s,
        confidence=pair.confidence,
        partner=pair.partner,
        lag=f"{abs(pair.lag_ms):.2f} ms {'later' if pair.lag_ms >= 0 else 'earlier'}",
        samples=f"{abs(pair.lag.lag_samples):.0f}",
        gain=f"{gain_db:.1f}",
    )
