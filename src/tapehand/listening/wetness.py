"""Whether a stem comes with its room or its compressor printed.

Reverb: nothing in a reverberant recording can die away faster than the room. So the fastest falls tell: their time to
fall by 60 dB is the room's (R. Ratnam et al., J. Acoust. Soc. Am. 114, 2003, on blind estimates). Compression: how far
peaks stand over the mean of what sounds.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.channel_trace import ChannelTrace
from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.screens import Screen
from tapehand.listening.trace import Levels, Trace
from tapehand.song.finding import Fact, Finding

METHOD: Final = "wetness/1"
# What is sung without a rest dies away as slowly as a room.
CONFIDENCE: Final = 0.6
WINDOW_S: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wetness:
    """What was printed.

    Parameters
    ----------
    decay_s : time to fall by 60 dB, of the fastest falls; None where too few were heard.
    crest_db : median of peak over mean in windows of 0.4 s that sound; None for silence.
    """

    decay_s: float | None
    crest_db: float | None

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """A note for each; they mean something only for what dies away fast, or stands out, by itself."""
        found = []
        if self.decay_s is not None and self.decay_s >= threshold("wet"):
            found.append(
                finding(
                    "wet",
                    track=track,
                    path=path,
                    value=self.decay_s,
                    confidence=CONFIDENCE,
                    decay=f"{self.decay_s:.1f}",
                )
            )
        if self.crest_db is not None and self.crest_db <= threshold("low_crest"):
            found.append(
                finding("low_crest", track=track, path=path, value=self.crest_db, crest=f"{self.crest_db:.1f}")
            )
        return tuple(found)

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Both figures, where they could be had."""
        figures = (("decay", self.decay_s, "s"), ("crest", self.crest_db, "dB"))
        return tuple(
            Fact(name=name, value=value, unit=unit, track=track, method=METHOD)
            for name, value, unit in figures
            if value is not None
        )


class WetnessScan:
    """Collects peak and mean of 0.4 s each; the trace tells of the falls."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._peaks: list[NDArray[np.float32]] = [np.zeros((channels, 0), np.float32)]
        self._hop_s = 0.0

    def feed(self, screen: Screen) -> None:
        """Take the next segment."""
        self._peaks.append(screen.peaks[:, screen.core])
        self._hop_s = screen.hop / screen.rate_hz

    def finish(self, trace: Trace, channels: ChannelTrace) -> Wetness:
        """Both figures."""
        return Wetness(decay_s=decay_s(trace), crest_db=self._crest_db(channels))

    def _crest_db(self, channels: ChannelTrace) -> float | None:
        """Peak over the power of the louder channel, median of the windows that sound."""
        peaks = _windows(np.concatenate(self._peaks, axis=1).max(axis=0), self._hop_s).max(axis=1)
        powers = _windows(channels.powers, channels.hop_s).mean(axis=1)
        count = min(peaks.size, powers.size)
        peaks, powers = peaks[:count], powers[:count]
        sounding = (powers > powers.max(initial=0.0) * 0.01) & (peaks > 0.0)
        if not sounding.any():
            return None
        return float(np.median(10.0 * np.log10(peaks[sounding] ** 2 / powers[sounding])))


def _windows(values: Levels, hop_s: float) -> Levels:
    """Stretches of ``WINDOW_S`` as rows."""
    width = max(1, round(WINDOW_S / hop_s)) if hop_s else 1
    rows: Levels = values[: values.size // width * width].reshape(-1, width).astype(np.float64)
    return rows


def decay_s(trace: Trace) -> float | None:
    """Time to fall by 60 dB, by how far the level falls within 0.2 s where it falls fastest; None where it is short."""
    if trace.bands.shape[0] < limit("wet", "least_frames"):
        return None
    power = np.convolve(trace.power(600.0, 7000.0), np.ones(3) / 3, "same")
    level_db = 10.0 * np.log10(power + 1e-12)
    width = int(limit("wet", "window_frames"))
    falls_db = level_db[:-width] - level_db[width:]
    loud = level_db[:-width] > float(np.percentile(level_db, 95.0)) - limit("wet", "from_below_db")
    if not loud.any():
        return None
    fastest_db = float(np.percentile(falls_db[loud], limit("wet", "percentile")))
    return 0.01 * width * 60.0 / fastest_db if fastest_db > 1.0 else None
