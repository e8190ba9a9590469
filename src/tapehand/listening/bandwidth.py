"""Where the spectrum ends, and what made it end there: a lossy encoder, a lower rate, or nothing but the sound.

A sound fades into its noise; an encoder or a converter puts up a wall: 20 dB and more within a few hundred hertz, and
nothing above. Which of the two it was shows in where the wall stands. The last partials of strings, brass or a synth
end as steeply, so that it is asked about only where something noise-like runs against the wall now and then, as
consonants, breaths, strokes and hats do, and is cut there; else it stays a note.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.frames import FrameGrid, Frames, Powers
from tapehand.listening.kinds import finding, kind, limit, threshold
from tapehand.song.finding import Fact, Finding, Severity
from tapehand.units import db_to_gain

METHOD: Final = "bandwidth/2"
LOUD_POWER: Final = 1e-7
EVERY: Final = 4
NOTHING: Final = 1e-20
GAP_LINES: Final = 14
GROUP_LINES: Final = 16
QUAD_LINES: Final = 4
# A line of a long frame is its power over the squared length: 3/8 over the length, where a short frame has 2.
HANN_SCALE: Final = 16.0 / 3.0
# Quads of lines right below a place, and a little above it, that are held against each other.
QUADS_BELOW: Final = slice(-3, 0)
QUADS_ABOVE: Final = slice(4, 7)
SHOULDER_DB: Final = 12.0
HALF_RATES_HZ: Final = (4_000.0, 5_512.5, 6_000.0, 8_000.0, 11_025.0, 12_000.0, 16_000.0, 22_050.0, 24_000.0)
Cause = Literal["none", "lossy", "rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """Where the spectrum ends.

    Parameters
    ----------
    wall_hz : the frequency of a wall; None where there is none.
    drop_db : how deep it is.
    cause : what such a wall comes from.
    reached : share of the sounding frames in which something noise-like is cut by it.
    reached_long : the same of frames of 0.17 s, in which partials of a low note or a chord are none such.
    """

    wall_hz: float | None = None
    drop_db: float = 0.0
    cause: Cause = "none"
    reached: float = 0.0
    reached_long: float = 0.0

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """The question about it."""
        if self.wall_hz is None or self.cause == "none":
            return ()
        khz = f"{self.wall_hz / 1000.0:.1f}"
        if self.cause == "lossy":
            severity: Severity = "ask" if self._is_evident(self.wall_hz) else "note"
            return (finding("lossy_source", track=track, path=path, value=self.wall_hz, severity=severity, khz=khz),)
        matters = self.wall_hz < limit("upsampled", "ask_below_hz") and self._is_evident(self.wall_hz)
        severity = "ask" if matters else "note"
        likely = f"{2.0 * min(hz for hz in HALF_RATES_HZ if hz + 60.0 >= self.wall_hz) / 1000.0:.0f}"
        return (
            finding("upsampled", track=track, path=path, value=self.wall_hz, severity=severity, khz=khz, likely=likely),
        )

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """The wall, if there is one."""
        if self.wall_hz is None:
            return ()
        return (Fact(name="bandwidth", value=self.wall_hz, unit="Hz", track=track, method=METHOD),)

    def _is_evident(self, wall_hz: float) -> bool:
        """Whether more than partials end there; few instruments have any that end as high as encoders do."""
        high = wall_hz >= limit("upsampled", "tones_below_hz")
        if high:
            return self.reached >= limit("upsampled", "least_reached_high")
        return min(self.reached, self.reached_long) >= limit("upsampled", "least_reached")


class BandwidthScan:
    """Collects every fourth frame that sounds."""

    def __init__(self, grid: FrameGrid) -> None:
        self._grid = grid
        self._total = np.zeros(grid.lines)
        self._count = 0
        self._groups = grid.lines // GROUP_LINES
        self._flatness = np.zeros(self._groups)
        self._reached = np.zeros(max(0, grid.lines // QUAD_LINES - QUADS_ABOVE.stop + 1), dtype=np.int64)
        self._reached_long = np.zeros_like(self._reached)
        self._count_long = 0
        limits = kind("upsampled")["limits"]
        self._least_flat = limits["reached_flatness"]
        self._least_loud = db_to_gain(limits["reached_dbfs"]) ** 2
        self._least_drop = db_to_gain(limits["reached_drop_db"]) ** 2

    def feed(self, frames: Frames) -> None:
        """Take the next frames."""
        some = frames.powers[-frames.first % EVERY :: EVERY]
        some = some[some.sum(axis=1) > LOUD_POWER]
        if not len(some):
            return
        self._total += some.sum(axis=0, dtype=np.float64)
        self._count += len(some)
        means, logs = self._quads(some, QUAD_LINES)
        whole = (len(some), self._groups, GROUP_LINES // QUAD_LINES)
        used = self._groups * whole[2]
        geometric = np.exp(logs[:, :used].reshape(whole).mean(axis=2))
        arithmetic = means[:, :used].reshape(whole).mean(axis=2)
        self._flatness += (geometric / (arithmetic + np.float32(NOTHING))).sum(axis=0, dtype=np.float64)
        self._reached += self._cut_at(means, logs).sum(axis=0)

    def feed_long(self, powers: Powers) -> None:
        """Take the next long frames, power per line, ``(frames, lines)`` up to half the rate."""
        times = (powers.shape[1] - 1) // (self._grid.lines - 1)
        # As much to each line as noise of that power has in a short frame, whose window and scale are others.
        some = powers * np.float32(HANN_SCALE * times)
        some = some[some.sum(axis=1) > LOUD_POWER * times]
        if not len(some):
            return
        self._count_long += len(some)
        self._reached_long += self._cut_at(*self._quads(some, QUAD_LINES * times)).sum(axis=0)

    def _quads(self, powers: Powers, width: int) -> tuple[Powers, Powers]:
        """Mean, and mean logarithm, of neighbouring lines, ``(frames, quads)``."""
        quads = powers[:, : self._grid.lines // QUAD_LINES * width].reshape(len(powers), -1, width)
        return quads.mean(axis=2), np.log(quads + np.float32(NOTHING)).mean(axis=2)

    def finish(self) -> Bandwidth:
        """The wall, if there is one."""
        if self._count < limit("upsampled", "least_frames"):
            return Bandwidth()
        level_db = 10.0 * np.log10(self._total / self._count + NOTHING)
        line, drop_db = _wall(level_db, self._grid)
        if drop_db < threshold("upsampled"):
            return Bandwidth()
        wall_hz = line * self._grid.line_hz
        if wall_hz < limit("upsampled", "tones_below_hz") and not self._ends_in_noise(line):
            return Bandwidth()
        quad = min((line - 2) // QUAD_LINES, self._reached.size - 1)
        reached = float(self._reached[quad]) / self._count
        reached_long = float(self._reached_long[quad]) / max(self._count_long, 1)
        return Bandwidth(
            wall_hz=wall_hz, drop_db=drop_db, cause=_cause(wall_hz), reached=reached, reached_long=reached_long
        )

    def _cut_at(self, means: Powers, logs: Powers) -> NDArray[np.bool_]:
        """In which frames something noise-like ends at each quad, ``(frames, places)``."""
        places = self._reached.size
        below, above = _moving(means, QUADS_BELOW, places), _moving(means, QUADS_ABOVE, places)
        flat = np.exp(_moving(logs, QUADS_BELOW, places)) > self._least_flat * below
        cut: NDArray[np.bool_] = flat & (below > self._least_loud) & (below > self._least_drop * above)
        return cut

    def _ends_in_noise(self, line: int) -> bool:
        """Whether there is noise under the wall, as in everything that was recorded, and not a last few partials."""
        group = max(0, (line - 2) // GROUP_LINES - 1)
        return float(self._flatness[group]) / self._count >= limit("upsampled", "least_flatness")


def _moving(quads: Powers, around: slice, places: int) -> Powers:
    """For each place the mean of the quads ``around`` it; 0 where they begin below the first."""
    made = np.zeros((len(quads), places), dtype=np.float32)
    first = max(0, -around.start)
    for shift in range(around.start, around.stop if places > first else around.start):
        made[:, first:] += quads[:, first + shift : places + shift]
    made *= np.float32(1.0 / (around.stop - around.start))
    return made


def _wall(level_db: NDArray[np.float64], grid: FrameGrid) -> tuple[int, float]:
    """The line at which the spectrum falls most, and by how many dB; above it nothing comes back."""
    best, deepest, foot_db = 0, 0.0, 0.0
    least_db = float(level_db.max()) - limit("upsampled", "within_db")
    for line in range(grid.line(limit("upsampled", "lowest_hz")), grid.lines - GAP_LINES - 4):
        # Over 0.4 kHz, and over 1.6 kHz, so that the last partial of a tone is no wall.
        below = min(float(level_db[line - 9 : line].mean()), float(level_db[line - 33 : line].mean()) + 4.0)
        above = float(level_db[line + GAP_LINES :].max())
        if below >= least_db and below - above > deepest:
            best, deepest, foot_db = line, below - above, above
    high = np.flatnonzero(level_db[: best + GAP_LINES] > foot_db + deepest - SHOULDER_DB)
    return int(high[-1]) if high.size else best, deepest


def _cause(wall_hz: float) -> Cause:
    """Converters end at half of a usual rate; encoders where their makers found that nobody minds."""
    usual = any(limit("upsampled", "passed_share") * hz <= wall_hz <= hz + 60.0 for hz in HALF_RATES_HZ)
    return "rate" if usual else "lossy"
