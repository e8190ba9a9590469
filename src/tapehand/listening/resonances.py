"""Single frequencies that ring on whatever is played.

Notes change; a ring stays, between the notes as well. So a narrow band is looked for that stands out most of the time.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.listening.frames import one_channel
from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.segments import MARGIN_SAMPLES, Segment
from tapehand.song.finding import Fact, Finding

METHOD: Final = "resonances/1"
# In short recordings a note that is played again and again rings like a resonance.
CONFIDENCE: Final = 0.5
BANDS_PER_OCTAVE: Final = 24
LOWEST_HZ: Final = 150.0
OCTAVES: Final = 5
WINDOW_S: Final = 0.17
STEP_S: Final = 0.45
HIGHER: Final = 0.85
NOTHING: Final = 1e-14
Levels = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resonances:
    """Frequencies that stand out all the time: ``(frequency_hz, excess_db)``, the strongest first."""

    found: tuple[tuple[float, float], ...] = ()

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """One note. Many at once are the notes of the piece, not a resonance."""
        if not self.found or len(self.found) > limit("resonance", "most"):
            return ()
        frequencies = " and ".join(f"{hz:.0f} Hz" for hz, _excess_db in self.found)
        hz, excess_db = self.found[0]
        return (
            finding(
                "resonance",
                track=track,
                path=path,
                value=hz,
                confidence=CONFIDENCE,
                frequencies=frequencies,
                excess=f"{excess_db:.0f}",
            ),
        )

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Each of them."""
        return tuple(
            Fact(name="resonance", value=hz, unit="Hz", track=track, method=METHOD) for hz, _excess_db in self.found
        )


class ResonanceScan:
    """Looks at a long frame now and then."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._size = 2 ** round(math.log2(WINDOW_S * rate_hz))
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        edges_hz = [LOWEST_HZ * 2.0 ** (band / BANDS_PER_OCTAVE) for band in range(OCTAVES * BANDS_PER_OCTAVE + 1)]
        edges_hz = [hz for hz in edges_hz if hz < 0.45 * rate_hz]
        self._lines = np.array([round(hz * self._size / rate_hz) for hz in edges_hz])
        self._centres_hz = [math.sqrt(low * high) for low, high in pairwise(edges_hz)]
        self._frames: list[Levels] = []

    def feed(self, segment: Segment) -> Levels:
        """Take the next segment; the long frames that were made of it, power per line as of ``Frames``."""
        wave = one_channel(Audio(segment.samples, self._rate_hz))[MARGIN_SAMPLES:]
        starts = range(0, wave.size - self._size + 1, round(STEP_S * self._rate_hz))
        if not len(starts) or self._lines.size < 2:
            return np.zeros((0, self._size // 2 + 1))
        rows = np.fft.rfft(np.stack([wave[start : start + self._size] for start in starts]) * self._window, axis=1)
        powers = (rows.real**2 + rows.imag**2).astype(np.float64) / float(self._size) ** 2
        widths = np.maximum(np.diff(self._lines), 1)
        self._frames.append(np.add.reduceat(powers[:, : self._lines[-1]], self._lines[:-1], axis=1) / widths)
        return powers

    def finish(self) -> Resonances:
        """What stands out all the time."""
        if not self._frames:
            return Resonances()
        powers = np.concatenate(self._frames)
        totals = powers.sum(axis=1)
        sounding = totals > max(float(totals.max()) * 1e-4, NOTHING)
        # What rings on shows best when the rest is quiet.
        powers = powers[sounding & (totals <= np.percentile(totals[sounding], 60.0))] if sounding.any() else powers[:0]
        if len(powers) < limit("resonance", "least_frames"):
            return Resonances()
        excess_db = _excess_db(10.0 * np.log10(powers + NOTHING))
        mean_db = excess_db.mean(axis=0)
        often = (excess_db > limit("resonance", "often_db")).mean(axis=0)
        out = np.flatnonzero((mean_db >= threshold("resonance")) & (often >= limit("resonance", "often_share")))
        tops = [band for band in out.tolist() if mean_db[band] == mean_db[max(0, band - 4) : band + 5].max()]
        found = [(self._centres_hz[band], float(mean_db[band])) for band in tops]
        return Resonances(found=tuple(sorted(found, key=lambda each: -each[1])))


def _excess_db(levels_db: Levels) -> Levels:
    """How far each band lies over the higher ones of those up to half an octave away, the nearest two left out.

    The higher ones, as between the partials of a note there is nothing to compare with.
    """
    reach = BANDS_PER_OCTAVE // 2
    padded = np.pad(levels_db, ((0, 0), (reach, reach)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    beside = [at for at in range(2 * reach + 1) if abs(at - reach) > 2]
    higher = round(HIGHER * (len(beside) - 1))
    excess: Levels = levels_db - np.partition(windows[:, :, beside], higher, axis=2)[:, :, higher]
    return excess
