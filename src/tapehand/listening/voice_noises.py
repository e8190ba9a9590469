"""What a voice brings along beside its tones: sibilants, plosives and breaths.

All three are judged against the singer's own loud vowels, and only the outstanding ones are asked about: every voice
has them, and a breath is part of the performance.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tapehand.listening.kinds import clock_time, counted, finding, limit
from tapehand.listening.occurrences import Occurrence, marks, strongest
from tapehand.listening.trace import Levels, Trace, runs
from tapehand.song.finding import Fact, Finding

METHOD: Final = "voice_noises/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceNoises:
    """Places, each with its level against the loud vowels in dB."""

    sibilants: tuple[Occurrence, ...] = ()
    plosives: tuple[Occurrence, ...] = ()
    breaths: tuple[Occurrence, ...] = ()

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """One for each kind: questions about outstanding ones, a note about breaths."""
        found = [
            _grouped("sibilance", _outstanding("sibilance", self.sibilants), track, path, "sibilant"),
            _grouped("plosives", _outstanding("plosives", self.plosives), track, path, "plosive"),
            _grouped("breaths", self.breaths, track, path, "breath"),
        ]
        return tuple(each for each in found if each is not None)

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Each place."""
        return (
            *marks(_outstanding("sibilance", self.sibilants), "sibilant", "dB", track, METHOD),
            *marks(self.plosives, "plosive", "dB", track, METHOD),
            *marks(self.breaths, "breath", "dB", track, METHOD),
        )


def voice_noises(trace: Trace) -> VoiceNoises:
    """Sibilants, plosives and breaths of a voice; of anything else the answer means nothing."""
    level_db = trace.level_db()
    sounding = level_db[level_db > limit("sibilance", "silent_dbfs")]
    if sounding.size < limit("sibilance", "least_frames"):
        return VoiceNoises()
    vowels_db = float(np.percentile(sounding, limit("sibilance", "vowel_percentile")))
    return VoiceNoises(
        sibilants=_sibilants(trace, vowels_db),
        plosives=_plosives(trace, vowels_db),
        breaths=_breaths(trace, vowels_db, float(np.percentile(level_db, 5.0))),
    )


def _outstanding(kind: str, places: tuple[Occurrence, ...]) -> tuple[Occurrence, ...]:
    return tuple(place for place in places if place.value >= limit(kind, "outstanding_db"))


def _grouped(
    kind: str, places: tuple[Occurrence, ...], track: str | None, path: str | None, noun: str
) -> Finding | None:
    if len(places) < limit(kind, "least_places"):
        return None
    return finding(
        kind,
        track=track,
        path=path,
        value=strongest(places),
        start_s=places[0].start_s,
        end_s=places[-1].end_s,
        places=counted(len(places), noun),
        first=clock_time(places[0].start_s),
        loudest=f"{strongest(places):+.0f}",
    )


def _sibilants(trace: Trace, vowels_db: float) -> tuple[Occurrence, ...]:
    """Frames that lie mostly above 4.5 kHz, in runs of 30 to 300 ms."""
    high, low = trace.power(4500.0, 14_000.0), trace.power(120.0, 2500.0)
    level_db = trace.level_db(4500.0, 14_000.0)
    hissing = (high > limit("sibilance", "high_over_low") * low) & (level_db > vowels_db - 30.0)
    return _places(trace, level_db - vowels_db, hissing, "sibilance")


def _plosives(trace: Trace, vowels_db: float) -> tuple[Occurrence, ...]:
    """Sudden power below 120 Hz with little above it."""
    deep_db = trace.level_db(30.0, 120.0)
    before_db = np.concatenate([np.full(5, deep_db[0]), deep_db[:-5]])
    recent_db = np.minimum(before_db, np.concatenate([np.full(9, deep_db[0]), deep_db[:-9]]))
    sudden = np.convolve(deep_db - recent_db > limit("plosives", "rise_db"), np.ones(12), "full")[: deep_db.size] > 0
    puffing = (deep_db > trace.level_db(120.0, 600.0) + limit("plosives", "over_next_db")) & sudden
    return _places(trace, deep_db - vowels_db, puffing & (deep_db > vowels_db - 12.0), "plosives")


def _breaths(trace: Trace, vowels_db: float, floor_db: float) -> tuple[Occurrence, ...]:
    """Noise without tones or a hiss, well under the vowels and over the rest."""
    level_db, air = trace.level_db(), trace.power(600.0, 7000.0)
    calm = (level_db < vowels_db + limit("breaths", "most_db")) & (level_db > vowels_db + limit("breaths", "least_db"))
    airy = (air > 4.0 * trace.power(120.0, 300.0)) & (trace.power(7000.0, 14_000.0) < air)
    smooth = np.convolve(trace.peakiness, np.ones(5) / 5, "same") < limit("breaths", "most_peakiness")
    return _places(trace, level_db - vowels_db, calm & airy & smooth & (level_db > floor_db + 6.0), "breaths")


def _places(trace: Trace, level_db: Levels, mask: np.ndarray, kind: str) -> tuple[Occurrence, ...]:
    least, most = (round(limit(kind, key) * 100) for key in ("shortest_s", "longest_s"))
    return tuple(
        Occurrence(
            start_s=trace.time_s(first) - 0.005,
            end_s=trace.time_s(end - 1) + 0.005,
            value=float(level_db[first:end].max()),
        )
        for first, end in runs(mask, least, bridge=2)
        if end - first <= most
    )
