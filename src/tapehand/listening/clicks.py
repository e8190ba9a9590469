"""Clicks: something sharp that stands alone.

A drum is sharp as well, but what follows it is sharp too; the corners of a low saw wave stand alone, but there is one
in every period. A click bends the wave several times as much as anything within 8 ms on either side, and no less than
what lies 60 ms around it (the isolation that A. Czyzewski and others look for in a predictor's residue, here in the
second difference, which is the residue of the simplest predictor).
"""

from dataclasses import dataclass

import numpy as np

from tapehand.listening.kinds import counted, limit
from tapehand.listening.occurrences import Occurrence, asked_once, marks, merged, strongest
from tapehand.listening.screens import Levels, Screen, highest_between
from tapehand.song.finding import Fact, Finding
from tapehand.units import db_to_gain, gain_to_db, samples_to_seconds

METHOD = "clicks/1"
SMALLEST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicks:
    """Clicks of a recording; the value of each is how far it stands out, in dB."""

    places: tuple[Occurrence, ...]

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """One question for all of them."""
        clear = bool(self.places) and strongest(self.places) >= limit("clicks", "ask_above_db")
        clicks = counted(len(self.places), "click")
        return asked_once("clicks", self.places, track, path, severity="ask" if clear else "note", clicks=clicks)

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Each place."""
        return marks(self.places, "click", "dB", track, METHOD)


class ClickScan:
    """Looks for clicks segment by segment."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._near = limit("clicks", "near_ratio")
        self._far = limit("clicks", "far_ratio")
        self._least = db_to_gain(limit("clicks", "least_dbfs"))
        self._quiet = db_to_gain(limit("clicks", "quiet_dbfs"))
        self._found: list[Occurrence] = []
        self._heights: list[float] = []
        self._peak = 0.0

    def feed(self, screen: Screen) -> None:
        """Take the next segment."""
        jumps = screen.jumps
        near = screen.hops(limit("clicks", "near_s"))
        before, after = highest_between(jumps, -near, -1), highest_between(jumps, 2, near + 1)
        alone = (jumps > self._least) & (jumps > self._near * np.maximum(before, after))
        self._peak = max(self._peak, float(screen.peaks[:, screen.core].max(initial=0.0)))
        for channel, hop in np.argwhere(alone[:, screen.core]):
            at = int(hop) + screen.core.start
            around = max(float(before[channel, at]), float(after[channel, at]))
            if self._stays_alone(screen, int(channel), at) and self._goes_on(screen, int(channel), at):
                self._keep(screen, int(channel), at, around)

    def finish(self) -> Clicks:
        """All clicks that can be heard beside the loudest sound."""
        least = self._peak * db_to_gain(limit("clicks", "least_below_peak_db"))
        heard = [click for click, height in zip(self._found, self._heights, strict=True) if height >= least]
        return Clicks(places=merged(heard, limit("clicks", "same_place_s")))

    def _stays_alone(self, screen: Screen, channel: int, hop: int) -> bool:
        """Whether nothing further off is as sharp, and the recording does not begin or end here."""
        jumps, far = screen.jumps[channel], screen.hops(limit("clicks", "far_s"))
        around = np.concatenate([jumps[max(0, hop - far) : hop - 1], jumps[hop + 2 : hop + far + 1]])
        at, reach = screen.position(hop), round(limit("clicks", "edge_s") * self._rate_hz)
        at_end = screen.segment.is_last and at + screen.hop + reach >= screen.segment.core_end
        return bool(jumps[hop] > self._far * around.max(initial=0.0)) and at > reach and not at_end

    def _goes_on(self, screen: Screen, channel: int, hop: int) -> bool:
        """Whether the sound is as loud before as after: what begins or ends here makes a click of its own kind.

        Compared right beside it, as the sound may be dying away, and a little off, as a jump dies away as well.
        """
        beside, off, far = (screen.hops(limit("clicks", key)) for key in ("near_s", "off_s", "level_s"))
        return any(self._is_level(screen.peaks[channel], hop, *span) for span in ((2, far), (2, beside), (off, far)))

    def _is_level(self, peaks: Levels, hop: int, first: int, last: int) -> bool:
        """Whether it is as loud from ``last`` to ``first`` hops before as after, or hardly there."""
        before = float(peaks[max(0, hop - last) : max(0, hop + 1 - first)].max(initial=0.0))
        after = float(peaks[hop + first : hop + last].max(initial=0.0))
        change_db = abs(gain_to_db(max(before, SMALLEST) / max(after, SMALLEST)))
        return max(before, after) < self._quiet or change_db <= limit("clicks", "most_change_db")

    def _keep(self, screen: Screen, channel: int, hop: int, around: float) -> None:
        start = screen.position(hop) - screen.segment.start_samples
        wave = screen.segment.samples[channel, start - 8 : start + screen.hop + 8].astype(np.float64)
        bends = np.abs(np.diff(wave, 2))
        at = int(bends.argmax())
        where_s = samples_to_seconds(screen.segment.start_samples + start + at - 7, self._rate_hz)
        height = float(bends[at])
        if abs(float(np.diff(wave, 2)[max(0, at - 4) : at + 5].sum())) > limit("clicks", "most_turn") * height:
            return  # the wave goes on in another direction: the corner of an envelope or of a triangle
        stands_out_db = min(gain_to_db(height / max(around, SMALLEST)), limit("clicks", "most_db"))
        self._found.append(Occurrence(start_s=max(where_s, 0.0), end_s=max(where_s, 0.0), value=stands_out_db))
        self._heights.append(height)
