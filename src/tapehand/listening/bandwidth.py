"""Where the spectrum ends, and what made it end there: a lossy encoder, a lower rate, or nothing but the sound.

A sound fades into its noise; an encoder or a converter puts up a wall: 20 dB and more within a few hundred hertz, and
nothing above. An encoder also leaves holes under its wall, where it saved bits in single frames.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.frames import FrameGrid, Frames
from tapehand.listening.kinds import finding, limit, threshold
from tapehand.song.finding import Fact, Finding

METHOD: Final = "bandwidth/1"
LOUD_POWER: Final = 1e-7
EVERY: Final = 4
NOTHING: Final = 1e-20
Cause = Literal["none", "lossy", "rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """Where the spectrum ends.

    Parameters
    ----------
    wall_hz : the frequency of a wall; None where there is none.
    drop_db : how deep it is.
    holes : share of the time-frequency cells under the wall that are empty, 0..1.
    cause : what such a wall comes from.
    """

    wall_hz: float | None = None
    drop_db: float = 0.0
    holes: float = 0.0
    cause: Cause = "none"

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """The question about it."""
        if self.wall_hz is None or self.cause == "none":
            return ()
        khz = f"{self.wall_hz / 1000.0:.1f}"
        if self.cause == "lossy":
            return (finding("lossy_source", track=track, path=path, value=self.wall_hz, khz=khz),)
        severity: Literal["ask", "note"] = "ask" if self.wall_hz < limit("upsampled", "ask_below_hz") else "note"
        likely = f"{2.0 * self.wall_hz / limit('upsampled', 'passed_share') / 1000.0:.0f}"
        return (
            finding("upsampled", track=track, path=path, value=self.wall_hz, severity=severity, khz=khz, likely=likely),
        )

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """The wall, if there is one."""
        if self.wall_hz is None:
            return ()
        return (Fact(name="bandwidth", value=self.wall_hz, unit="Hz", track=track, method=METHOD),)


class BandwidthScan:
    """Collects every fourth frame that sounds."""

    def __init__(self, grid: FrameGrid) -> None:
        self._grid = grid
        self._total = np.zeros(grid.lines)
        self._logs = np.zeros(grid.lines)
        self._count = 0
        self._holes = np.zeros(grid.lines)

    def feed(self, frames: Frames) -> None:
        """Take the next frames."""
        some = frames.powers[-frames.first % EVERY :: EVERY]
        some = some[some.sum(axis=1) > LOUD_POWER]
        if not len(some):
            return
        self._total += some.sum(axis=0, dtype=np.float64)
        self._count += len(some)
        high = self._grid.line(limit("lossy_source", "holes_from_hz"))
        if high < self._grid.lines - HOLE_LINES:
            self._holes[high:-HOLE_LINES] += _empty(some[:, high:]).sum(axis=0)

    def finish(self) -> Bandwidth:
        """The wall, if there is one."""
        if self._count < limit("upsampled", "least_frames"):
            return Bandwidth()
        level_db = 10.0 * np.log10(self._total / self._count + NOTHING)
        line, drop_db = _wall(level_db, self._grid)
        if drop_db < threshold("upsampled"):
            return Bandwidth()
        width = round(limit("lossy_source", "holes_width_hz") / self._grid.line_hz)
        under = self._holes[max(0, line - width - HOLE_LINES) : line - HOLE_LINES]
        holes = float(under.mean()) / self._count if under.size else 0.0
        return Bandwidth(
            wall_hz=line * self._grid.line_hz,
            drop_db=drop_db,
            holes=holes,
            cause="lossy" if holes >= threshold("lossy_source") else "rate",
        )


HOLE_LINES: Final = 8


def _empty(powers: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Groups of eight lines that hold a millionth of what the lines below them hold: ``(frames, lines - 8)``."""
    sums = np.cumsum(powers, axis=1, dtype=np.float64)
    groups = sums[:, HOLE_LINES:] - sums[:, :-HOLE_LINES]
    before = np.maximum.accumulate(groups[:, ::-1], axis=1)[:, ::-1]
    empty: NDArray[np.bool_] = groups < before * 1e-5
    return empty


def _wall(level_db: NDArray[np.float64], grid: FrameGrid) -> tuple[int, float]:
    """The line at which the spectrum falls most, and by how many dB; above it nothing comes back."""
    first, last = grid.line(limit("upsampled", "lowest_hz")), grid.lines - 6
    best, deepest = 0, 0.0
    loudest = float(level_db.max())
    for line in range(first, last):
        below = float(level_db[line - 9 : line - 1].mean())
        above = float(level_db[line + 4 : line + 16].mean())
        highest_above = float(level_db[line + 4 :].max())
        if below < loudest - limit("upsampled", "within_db") or highest_above > below - 0.8 * (below - above):
            continue
        if below - above > deepest:
            best, deepest = line, below - above
    return best, deepest
