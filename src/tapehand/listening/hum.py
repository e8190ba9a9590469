"""Mains hum: lines at 50 or 60 Hz and their multiples that never stop.

Spectra of four seconds, two seconds or more apart, of the sound at about 2 kHz. What is always there shows in the
quietest quarter of them, line for line: music changes its notes, mains does not. Within a window a moment weighs the
less the louder it is, so that a hum is measured between the strokes of a drum. The frequency is the one that fits all
of its multiples at once, which is as good as hundredths of a hertz.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.kernels import faults as kernels
from tapehand.kernels.spectra import PowerSpectra
from tapehand.listening.kinds import finding, limit
from tapehand.song.finding import Fact, Finding, Severity
from tapehand.units import power_to_db

Signal = NDArray[np.float32]
Lines = NDArray[np.float64]

METHOD: Final = "hum/2"
SLOW_RATE_HZ: Final = 2_000
TAPS_PER_STEP: Final = 10
HIGHEST_HZ: Final = 700.0
WINDOW_S: Final = 4.0
HOP_S: Final = 2.0
MOST_WINDOWS: Final = 100
SHORTEST_S: Final = 3.0
LONGEST_S: Final = 1200.0
# The teeth of a comb that lie so near and are so strong against a line, and how many of them make one.
COMB_HZ: Final = 6.0
COMB_SHARE: Final = 0.25
COMB_TEETH: Final = 2
MAINS_HZ: Final = (50.0, 60.0)
QUIET_SHARE: Final = 0.25
MOMENT_S: Final = 0.03
LEAST_OF_MEAN: Final = 1e-5
NOTHING: Final = 1e-16
# Half width, in lines, of the main lobe of a Hann window.
LOBE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hum:
    """A hum, or none.

    Parameters
    ----------
    frequency_hz : its fundamental, to about 0.02 Hz; None where there is no hum.
    level_dbfs : mean square of all its harmonics.
    below_db : how far it lies under the recording.
    harmonics : how many of them stand out.
    """

    frequency_hz: float | None
    level_dbfs: float = -math.inf
    below_db: float = math.inf
    harmonics: int = 0

    @property
    def severity(self) -> Severity:
        """Worth a question where it is loud enough to be heard in a mix."""
        loud = self.level_dbfs >= limit("hum", "ask_above_dbfs") and self.below_db <= limit("hum", "ask_within_db")
        return "ask" if loud else "note"

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """The question about it."""
        if self.frequency_hz is None:
            return ()
        return (
            finding(
                "hum",
                track=track,
                path=path,
                value=self.frequency_hz,
                severity=self.severity,
                frequency=f"{self.frequency_hz:.2f}",
                level=f"{self.level_dbfs:.0f}",
                below=f"{self.below_db:.0f}",
            ),
        )

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Its frequency and level."""
        if self.frequency_hz is None:
            return ()
        return (
            Fact(name="hum_frequency", value=self.frequency_hz, unit="Hz", track=track, method=METHOD),
            Fact(name="hum_level", value=self.level_dbfs, unit="dBFS", track=track, method=METHOD),
        )


class HumScan:
    """Slows the recording down as it comes; 8 kB a second are kept, of the first twenty minutes: a hum never stops."""

    def __init__(self, rate_hz: int) -> None:
        self._factor = max(1, rate_hz // SLOW_RATE_HZ)
        self._rate_hz = rate_hz / self._factor
        self._weights = _low_pass(self._factor)
        self._kept = np.zeros(self._weights.size - 1, dtype=np.float32)
        self._slow: list[Signal] = []
        self._kept_s = 0.0

    def feed(self, sound: Signal) -> None:
        """Take the next stretch, one channel of all ``(samples,)``."""
        if self._kept_s >= LONGEST_S:
            return
        wave = np.concatenate([self._kept, sound])
        made = kernels.decimate(wave, self._weights, self._factor)
        self._slow.append(made)
        self._kept_s += made.size / self._rate_hz
        self._kept = wave[made.size * self._factor :]

    def finish(self) -> Hum:
        """What never stops in all that was fed."""
        slow = np.concatenate([np.zeros(0, np.float32), *self._slow])
        if slow.size < SHORTEST_S * self._rate_hz:
            return Hum(frequency_hz=None)
        return _hum(slow, self._rate_hz)


@cache
def _low_pass(factor: int) -> Signal:
    """A Hann-windowed sinc that passes what lies under 0.4 of the slow rate; the sum is 1."""
    taps = -(-TAPS_PER_STEP * factor // 8) * 8
    middle, cutoff = 0.5 * (taps - 1), 0.8 / factor
    weights = [
        cutoff * _sinc(cutoff * (tap - middle)) * 0.5 * (1.0 - math.cos(2.0 * math.pi * (tap + 0.5) / taps))
        for tap in range(taps)
    ]
    total = math.fsum(weights)
    return np.array([weight / total for weight in weights], dtype=np.float32)


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


def _hum(slow: Signal, rate_hz: float) -> Hum:
    """The better of the two mains, if one of them hums."""
    powers, line_hz, lobe = _spectra(slow, rate_hz)
    sounding = powers.sum(axis=1)
    powers = powers[sounding > NOTHING]
    if not len(powers):
        return Hum(frequency_hz=None)
    quiet, steady = _always_there(powers)
    total = float(np.square(slow, dtype=np.float64).mean())
    found = [_mains(quiet, steady, line_hz, lobe, mains_hz, total) for mains_hz in MAINS_HZ]
    return max(found, key=lambda hum: (hum.harmonics, hum.level_dbfs))


def _spectra(slow: Signal, rate_hz: float) -> tuple[Lines, float, int]:
    """Mean square of every line of each window, as a tone would have that is always there; how far the lines lie apart,
    and how many of them half of a tone's main lobe takes.
    """
    size = min(round(WINDOW_S * rate_hz), slow.size)
    hop = max(1, round(HOP_S * rate_hz), slow.size // MOST_WINDOWS)
    count = (slow.size - size) // hop + 1
    # At least twice as long as the window, so that a line's top can be read off between two lines.
    padded = 2 ** math.ceil(math.log2(2 * size))
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    weights = _weights_of_moments(slow, max(1, round(MOMENT_S * rate_hz)))
    weighted = np.pad((slow * weights).astype(np.float32), (0, padded))
    powers = PowerSpectra(np.pad(window, (0, padded - size)), 2.0).of(weighted, hop, count).astype(np.float64)
    shares = [float((window * weights[first : first + size]).sum()) for first in range(0, count * hop, hop)]
    powers /= np.square(np.array(shares) + NOTHING)[:, np.newaxis]
    return powers, rate_hz / padded, round(LOBE * padded / size)


def _weights_of_moments(slow: Signal, width: int) -> Lines:
    """For each sample one over the power around it, which is the best weight against noise that comes and goes."""
    around = kernels.means(np.square(slow, dtype=np.float64), width)
    floor = max(float(around.mean()) * LEAST_OF_MEAN, NOTHING)
    smooth = kernels.means(1.0 / (around + floor), width)
    # What is digitally still says nothing about a hum; it must not outweigh the rest.
    return np.where(around > NOTHING, smooth / max(float(smooth.max(initial=0.0)), NOTHING), 0.0)


def _always_there(powers: Lines) -> tuple[Lines, Lines]:
    """Power of each line in the quietest quarter of the windows, and its spread among the quieter half in dB."""
    ordered = np.sort(powers, axis=0)
    count = len(ordered)
    low, quiet, middle = (ordered[int(share * (count - 1))] for share in (0.1, QUIET_SHARE, 0.5))
    return quiet, 10.0 * np.log10((middle + NOTHING) / (low + NOTHING))


def _mains(quiet: Lines, steady: Lines, line_hz: float, lobe: int, mains_hz: float, total: float) -> Hum:
    """The hum near one mains frequency."""
    numbers = [n for n in range(1, int(limit("hum", "harmonics")) + 1) if n * mains_hz < HIGHEST_HZ]
    strong: list[tuple[int, float, float]] = []
    for number in numbers:
        reach = limit("hum", "within_hz") * number
        first, last = (round((number * mains_hz + side * reach) / line_hz) for side in (-1, 1))
        top = first + int(quiet[first : last + 1].argmax())
        around = np.concatenate([quiet[top - 10 * lobe : top - lobe], quiet[top + lobe + 1 : top + 10 * lobe + 1]])
        prominence_db = power_to_db(float(quiet[top]) / (float(np.median(around)) + NOTHING))
        stands_out = prominence_db >= limit("hum", "prominence_db") and steady[top] <= limit("hum", "steady_db")
        # Beside a note next to the mains lie its side lobes; only what is highest far and wide is a line of its own.
        is_top = bool(quiet[top] >= quiet[max(0, top - 4 * lobe) : top + 4 * lobe + 1].max())
        if stands_out and is_top and not _is_of_a_comb(quiet, top, line_hz, lobe):
            strong.append((number, _top_hz(quiet, top, line_hz), float(quiet[top])))
    return _fitting(strong, mains_hz, total)


def _is_of_a_comb(quiet: Lines, top: int, line_hz: float, lobe: int) -> bool:
    """Whether a line has neighbours nearly as strong on both sides, as far off on one as on the other.

    A beat that a machine repeats is a comb of lines, one for each multiple of its rate; some lie beside the mains.
    """
    nearest, farthest = 3 * lobe, round(COMB_HZ / line_hz)
    if top - farthest - lobe < 0 or top + farthest + lobe >= quiet.size:
        return False
    below = quiet[top - nearest - np.arange(farthest - nearest)]
    above = quiet[top + nearest + np.arange(farthest - nearest)]
    least = quiet[top] * COMB_SHARE
    apart = np.minimum(below, above)
    return int(_tops(apart, least, lobe)) >= COMB_TEETH


def _tops(values: Lines, least: float, lobe: int) -> int:
    """How many maxima of at least ``least`` there are, each the highest within ``lobe`` to either side."""
    padded = np.pad(values, lobe, mode="constant")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * lobe + 1).max(axis=1)
    return int(((values >= least) & (values == highest)).sum())


def _top_hz(quiet: Lines, top: int, line_hz: float) -> float:
    """Frequency of a peak by a parabola through the logarithms of three lines."""
    below, at, above = (math.log(float(value) + NOTHING) for value in quiet[top - 1 : top + 2])
    bend = below - 2.0 * at + above
    return (top + (0.5 * (below - above) / bend if bend else 0.0)) * line_hz


def _fitting(strong: list[tuple[int, float, float]], mains_hz: float, total: float) -> Hum:
    """The fundamental that most of the peaks are multiples of, each weighing as its number."""
    best: list[tuple[int, float, float]] = []
    for number, top_hz, _power in strong:
        base_hz = top_hz / number
        fits = [each for each in strong if abs(each[1] - each[0] * base_hz) <= 0.08 + 0.02 * each[0]]
        best = max(best, fits, key=len)
    low = [number for number, _hz, _power in best if number <= 3]
    if len(best) < limit("hum", "least_harmonics") or not low:
        return Hum(frequency_hz=None)
    base_hz = sum(number * top_hz for number, top_hz, _power in best) / sum(number**2 for number, _hz, _power in best)
    level_dbfs = power_to_db(sum(power for _number, _hz, power in best))
    if level_dbfs < limit("hum", "least_dbfs") or abs(base_hz - mains_hz) > limit("hum", "within_hz"):
        return Hum(frequency_hz=None)
    return Hum(
        frequency_hz=base_hz,
        level_dbfs=level_dbfs,
        below_db=power_to_db(total) - level_dbfs,
        harmonics=len(best),
    )
