"""Peaks between the samples that lie above full scale, where the samples themselves do not.

They cost nothing inside a mix that reckons in floats; a converter, a plug-in that clips or an encoder meets them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tapehand.dsp.interpolation import bs1770_bank
from tapehand.kernels import meter as kernels
from tapehand.listening.kinds import counted, limit, threshold
from tapehand.listening.occurrences import Occurrence, asked_once, marks, merged, strongest
from tapehand.listening.screens import Screen
from tapehand.listening.trace import runs
from tapehand.song.finding import Fact, Finding
from tapehand.units import db_to_gain, gain_to_db, samples_to_seconds

METHOD: Final = "inter_sample/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterSamplePeaks:
    """Places whose true peak passes full scale though no sample does; values in dBTP."""

    places: tuple[Occurrence, ...]

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """One note for all of them."""
        highest = f"{strongest(self.places):+.1f}" if self.places else ""
        places = counted(len(self.places), "place")
        return asked_once("inter_sample", self.places, track, path, places=places, highest=highest)

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Each place."""
        return marks(self.places, "inter_sample_peak", "dBTP", track, METHOD)


class InterSampleScan:
    """Interpolates where samples come close to full scale, and only there (ITU-R BS.1770-5, annex 2)."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._near = db_to_gain(limit("inter_sample", "from_dbfs"))
        self._over = db_to_gain(threshold("inter_sample"))
        self._found: list[Occurrence] = []

    def feed(self, screen: Screen) -> None:
        """Take the next segment."""
        core = screen.core
        for channel, peaks in enumerate(screen.peaks):
            for first, end in runs(peaks[core] >= self._near, bridge=2):
                self._look(screen, channel, first + core.start - 1, end + core.start + 1)

    def finish(self) -> InterSamplePeaks:
        """All places."""
        return InterSamplePeaks(places=merged(self._found, limit("inter_sample", "same_place_s")))

    def _look(self, screen: Screen, channel: int, first: int, end: int) -> None:
        """Read the true peak of each hop; those in which a sample itself is over belong to clipping."""
        start = screen.position(first) - screen.segment.start_samples
        stop = start + (end - first) * screen.hop
        wave = np.ascontiguousarray(screen.segment.samples[channel])
        highs = kernels.block_peaks(wave, bs1770_bank(), start, min(stop, wave.size), screen.hop)
        for hop in np.flatnonzero(highs > self._over).tolist():
            if screen.peaks[channel, max(0, first + hop - 1) : first + hop + 2].max(initial=0.0) > 1.0:
                continue
            at_s = samples_to_seconds(screen.position(first + hop), self._rate_hz)
            end_s = at_s + screen.hop / self._rate_hz
            self._found.append(Occurrence(start_s=max(at_s, 0.0), end_s=end_s, value=gain_to_db(float(highs[hop]))))
