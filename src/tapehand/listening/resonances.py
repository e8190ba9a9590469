"""Single frequencies that ring or boom on whatever is played.

Notes change; a resonance stays. Two things tell it. Its line never falls quiet: what is least there, over all frames,
stands out from its surroundings and from every other line (it rings on between the notes). Or the notes that meet it
are so much louder than all others that one place towers over the mean spectrum (it booms). A note of the piece that is
played again and again has both only by halves, and brings its overtones with it.
"""

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.kernels.spectra import SMALLEST, PowerSpectra
from tapehand.listening.frames import one_channel
from tapehand.listening.kinds import finding, kind, limit, threshold
from tapehand.listening.segments import MARGIN_SAMPLES, Segment
from tapehand.song.finding import Fact, Finding

METHOD: Final = "resonances/2"
LOWEST_HZ: Final = 150.0
HIGHEST_HZ: Final = 5000.0
# What lies above the highest is still compared with.
KEPT_HZ: Final = 7000.0
WINDOW_S: Final = 0.17
STEP_S: Final = 0.225
# Those who share the frames need no more than every second.
SHARED: Final = 2
# In long recordings frames are left out evenly; that many say as much.
MOST_FRAMES: Final = 512
NOTHING: Final = 1e-14
RANGE_DB: Final = 80.0
OWN_LINES: Final = 7.0
OWN_SHARE: Final = 0.122
LEAST_LINES: Final = 8
OCTAVES_AROUND: Final = 1 / 3
TALLEST_DB: Final = 30.0
DEEPEST_DB: Final = -15.0
Levels = NDArray[np.float64]
Powers = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What speaks for a resonance at one frequency; all in dB over its surroundings.

    Parameters
    ----------
    floor : what is exceeded in all but a twentieth of the frames; ``floor_nearby`` and ``floor_lead`` are how far that
        stands over every other line of the octaves beside it, and over every other line.
    low : what is exceeded in all but 15 % of the frames.
    steady_lead : in how many more of the frames a peak lies exactly there than at any other line, as a share.
    overtones, below : ``low`` where its overtones would lie, and an octave below.
    boom_nearby, boom : how far the mean spectrum stands there over every other place within an octave, and everywhere.
    """

    floor: float
    floor_nearby: float
    floor_lead: float
    low: float
    steady_lead: float
    overtones: float
    below: float
    boom_nearby: float
    boom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resonance:
    """One frequency that rings: how far it stands out in dB, and how sure that is, 0 to 1."""

    frequency_hz: float
    excess_db: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resonances:
    """Frequencies that stand out all the time, the surest first."""

    found: tuple[Resonance, ...] = ()

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """One note."""
        if not self.found:
            return ()
        first = self.found[0]
        frequencies = " and ".join(f"{each.frequency_hz:.0f} Hz" for each in self.found)
        return (
            finding(
                "resonance",
                track=track,
                path=path,
                value=first.frequency_hz,
                confidence=first.confidence,
                frequencies=frequencies,
                excess=f"{first.excess_db:.0f}",
            ),
        )

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Each of them."""
        return tuple(
            Fact(
                name="resonance",
                value=each.frequency_hz,
                unit="Hz",
                track=track,
                confidence=each.confidence,
                method=METHOD,
            )
            for each in self.found
        )


class ResonanceScan:
    """Looks at a long frame now and then."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._size = max(SMALLEST, 2 ** round(math.log2(WINDOW_S * rate_hz)))
        self._spectra = PowerSpectra(np.hanning(self._size + 1)[:-1].astype(np.float32), self._size**-2.0)
        self._lines = min(self._spectra.lines, round(KEPT_HZ * self._size / rate_hz))
        self._frames: list[Powers] = []
        self._every, self._seen, self._kept = 1, 0, 0

    @property
    def frames_kept(self) -> int:
        """How many frames wait for the end, ``MOST_FRAMES`` at most."""
        return self._kept

    def feed(self, segment: Segment) -> Powers:
        """Take the next segment; some of the long frames that were made of it, power per line as of ``Frames``."""
        wave = one_channel(Audio(segment.samples, self._rate_hz))[MARGIN_SAMPLES:]
        hop = round(STEP_S * self._rate_hz)
        count = max(0, (wave.size - self._size) // hop + 1)
        if not count or not wave.any():
            return np.zeros((0, self._spectra.lines), dtype=np.float32)
        powers = self._spectra.of(np.ascontiguousarray(wave), hop, count)
        self._keep(powers[:, : self._lines])
        return powers[::SHARED]

    def finish(self) -> Resonances:
        """What stands out all the time."""
        if not self._frames:
            return Resonances()
        powers = np.concatenate(self._frames)
        totals = powers.sum(axis=1)
        powers = powers[totals > max(float(totals.max()) * 1e-4, NOTHING)]
        line_hz = self._rate_hz / self._size
        if len(powers) < limit("resonance", "least_frames") or self._lines * line_hz < 2.0 * LOWEST_HZ:
            return Resonances()
        told = [(hz, signs, certainty(signs)) for hz, signs in candidates(powers, line_hz)]
        sure = [each for each in told if each[2] >= limit("resonance", "least_confidence")]
        found = [
            Resonance(frequency_hz=hz, excess_db=max(signs.low, signs.boom_nearby), confidence=confidence)
            for hz, signs, confidence in sorted(sure, key=lambda each: -each[2])
        ]
        return Resonances(found=tuple(found[: int(limit("resonance", "most"))]))

    def _keep(self, powers: Powers) -> None:
        first = -self._seen % self._every
        self._seen += len(powers)
        kept = powers[first :: self._every].copy()
        self._frames.append(kept)
        self._kept += len(kept)
        while self._kept > MOST_FRAMES:
            self._every *= 2
            self._frames = [np.concatenate(self._frames)[::2].copy()]
            self._kept = len(self._frames[0])


def certainty(signs: Signs) -> float:
    """How likely there is a resonance, 0 to 1: it rings by the weights of the catalogue, or it plainly booms."""
    weights = kind("resonance")["weights"]
    rings = weights["bias"] + sum(
        weights[each.name] * getattr(signs, each.name) for each in fields(signs) if each.name in weights
    )
    towers = min(signs.boom, signs.boom_nearby) - threshold("resonance")
    booms = towers * limit("resonance", "sure_per_db") + limit("resonance", "sure_at_threshold")
    return 1.0 / (1.0 + math.exp(-max(rings, booms)))


def candidates(powers: Powers, line_hz: float) -> list[tuple[float, Signs]]:
    """Frequencies that stand out most in one way or another, and what speaks for each.

    Parameters
    ----------
    powers : ``(frames, lines)`` of the frames that sound.
    line_hz : from one line to the next.
    """
    spectrum = _Spectrum(powers, line_hz)
    tops = [top for way in (spectrum.floor, spectrum.low, spectrum.hill, spectrum.mean) for top in spectrum.tops(way)]
    chosen: list[int] = []
    for top in tops:
        if all(abs(top - other) > 2 for other in chosen):
            chosen.append(top)
    return [(top * line_hz, spectrum.signs(top)) for top in chosen]


class _Spectrum:
    """How each line stands over its surroundings, over all frames: dB, one figure a line."""

    def __init__(self, powers: Powers, line_hz: float) -> None:
        self._line_hz = line_hz
        self._hz = np.arange(powers.shape[1]) * line_hz
        totals = powers.sum(axis=1, keepdims=True)
        levels_db = 10.0 * np.log10(np.maximum(powers, totals * 10.0 ** (-RANGE_DB / 10.0)) + NOTHING)
        broad_db = _widened(levels_db, 1)
        excess_db = np.clip(broad_db - _around(broad_db), DEEPEST_DB, TALLEST_DB)
        places = [round(share * (len(powers) - 1)) for share in (0.05, 0.15)]
        self.floor, self.low = np.partition(excess_db, places, axis=0)[places]
        self.mean = _widened(10.0 * np.log10(powers.mean(axis=0, dtype=np.float64) + NOTHING)[np.newaxis], 2)[0]
        self.hill = self.mean - _around(self.mean[np.newaxis])[0]
        self.steady = _steady(levels_db, excess_db)
        self._wanted = (self._hz >= LOWEST_HZ) & (self._hz <= HIGHEST_HZ)

    def tops(self, way: Levels) -> list[int]:
        """The two lines that stand out most, apart from each other."""
        left = np.where(self._wanted, way, -np.inf)
        tops = []
        for _ in range(2):
            top = int(left.argmax())
            beside = np.abs(self._hz - self._hz[top])
            level = np.flatnonzero(
                (beside <= max(4.0 * self._line_hz, 0.01 * self._hz[top])) & (left > left[top] - 1.0)
            )
            tops.append(round(float(level.mean())))
            left[self._own(top)] = -np.inf
        return tops

    def signs(self, line: int) -> Signs:
        """What speaks for a resonance there."""
        hz = self._hz[line]
        others = ~self._own(line) & (self._hz >= 0.8 * LOWEST_HZ)
        nearby = others & (self._hz > 0.5 * hz) & (self._hz < 2.0 * hz)
        floor, boom = _at(self.floor, line), _at(self.mean, line)
        return Signs(
            floor=floor,
            floor_nearby=floor - float(self.floor[nearby].max(initial=DEEPEST_DB)),
            floor_lead=floor - float(self.floor[others].max(initial=DEEPEST_DB)),
            low=_at(self.low, line),
            steady_lead=_at(self.steady, line) - float(self.steady[others].max(initial=0.0)),
            overtones=max(self._low_at(2.0 * hz), self._low_at(3.0 * hz)),
            below=self._low_at(0.5 * hz),
            boom_nearby=boom - float(self.mean[nearby].max(initial=-200.0)),
            boom=boom - float(self.mean[others].max(initial=-200.0)),
        )

    def _own(self, line: int) -> NDArray[np.bool_]:
        own: NDArray[np.bool_] = np.abs(self._hz - self._hz[line]) <= max(
            OWN_LINES * self._line_hz, OWN_SHARE * self._hz[line]
        )
        return own

    def _low_at(self, hz: float) -> float:
        """What lies around a frequency that may not fall on a line; that of nothing outside."""
        line = round(hz / self._line_hz)
        if not 100.0 < hz < self._hz[-3]:
            return -5.0
        return float(self.low[max(0, line - 2) : line + 3].max())


def _at(way: Levels, line: int) -> float:
    return float(way[max(0, line - 1) : line + 2].max())


def _widened(levels_db: Levels, reach: int) -> Levels:
    """The highest of each line and ``reach`` to either side, as a ring swings about its own line."""
    widened = levels_db.copy()
    for shift in range(1, reach + 1):
        np.maximum(widened[:, shift:], levels_db[:, :-shift], out=widened[:, shift:])
        np.maximum(widened[:, :-shift], levels_db[:, shift:], out=widened[:, :-shift])
    return widened


def _around(levels_db: Levels) -> Levels:
    """The mean over a third of an octave to either side."""
    lines = np.arange(levels_db.shape[1])
    first = np.maximum(np.minimum((lines * 2.0**-OCTAVES_AROUND).astype(np.int64), lines - LEAST_LINES), 1)
    last = np.maximum((lines * 2.0**OCTAVES_AROUND).astype(np.int64) + 1, lines + LEAST_LINES + 1)
    last = np.minimum(last, lines.size)
    sums = np.cumsum(np.pad(levels_db, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    mean: Levels = (sums[:, last] - sums[:, first]) / np.maximum(last - first, 1)
    return mean


def _steady(levels_db: Levels, excess_db: Levels) -> Levels:
    """Share of the frames in which a peak lies at each line, and not half way to the next."""
    below, here, above = levels_db[:, :-2], levels_db[:, 1:-1], levels_db[:, 2:]
    peaks = (here >= below) & (here > above) & (excess_db[:, 1:-1] > limit("resonance", "peak_db"))
    # A parabola through three lines has its summit within 0.6 of the middle one.
    exact = np.abs(below - above) < 1.2 * (2.0 * here - below - above)
    steady = np.zeros(levels_db.shape[1])
    steady[1:-1] = (peaks & exact).mean(axis=0)
    return steady
