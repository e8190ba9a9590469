"""How two channels belong together every 10 ms: their energies and what they have in common."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.kernels import faults as kernels
from tapehand.listening.kinds import counted, limit, threshold
from tapehand.listening.occurrences import Occurrence, asked_once, marks
from tapehand.listening.trace import runs
from tapehand.song.finding import Fact, Finding

METHOD: Final = "phase_flips/1"
HOPS_PER_SECOND: Final = 100
NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChannelTrace:
    """Sums of left², right² and left · right for each hop, float64 ``(hops, 3)``; of mono both channels are one."""

    products: NDArray[np.float64]
    hop_s: float
    hop_samples: int

    @property
    def powers(self) -> NDArray[np.float64]:
        """Mean square of the louder channel in each hop."""
        powers: NDArray[np.float64] = self.products[:, :2].max(axis=1) / self.hop_samples
        return powers

    def flips(self) -> tuple[Occurrence, ...]:
        """Stretches in which one channel is the other upside down, where most of the recording is not."""
        left, right, both = self.products.T
        size = np.sqrt(left * right)
        loud = size > max(float(size.max(initial=0.0)) * 1e-4, NOTHING)
        correlation = np.where(loud, both / (size + NOTHING), 0.0)
        if not loud.any() or float(np.median(correlation[loud])) < limit("phase_flips", "usual_correlation"):
            return ()
        heard, least = np.flatnonzero(loud), round(limit("phase_flips", "shortest_s") / self.hop_s)
        # Rests say nothing: a stretch goes on across them.
        against = [
            (int(heard[first]), int(heard[end - 1]) + 1)
            for first, end in runs(correlation[heard] <= threshold("phase_flips"), 2, bridge=least // 2)
        ]
        return tuple(
            Occurrence(
                start_s=first * self.hop_s,
                end_s=end * self.hop_s,
                value=max(-1.0, float(np.median(correlation[first:end][loud[first:end]]))),
            )
            for first, end in against
            if end - first >= least
        )


class ChannelTraceScan:
    """Collects it; the blocks' sizes do not matter."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._hop = max(8, round(rate_hz / HOPS_PER_SECOND / 8) * 8)
        self._rate_hz = rate_hz
        self._kept = np.zeros((channels, 0), dtype=np.float32)
        self._made: list[NDArray[np.float64]] = [np.zeros((0, 3))]

    def feed(self, block: Audio) -> None:
        """Take the next stretch."""
        samples = np.concatenate([self._kept, block.samples], axis=1) if self._kept.size else block.samples
        whole = samples.shape[1] // self._hop * self._hop
        left, right = (np.ascontiguousarray(samples[channel, :whole]) for channel in (0, -1))
        self._made.append(kernels.products(left, right, self._hop))
        self._kept = samples[:, whole:].copy()

    def finish(self) -> ChannelTrace:
        """All whole hops that were fed."""
        return ChannelTrace(products=np.concatenate(self._made), hop_s=self._hop / self._rate_hz, hop_samples=self._hop)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFlips:
    """Where one channel turns upside down."""

    places: tuple[Occurrence, ...]

    def findings(self, track: str | None, path: str | None) -> tuple[Finding, ...]:
        """One question for all of them."""
        lowest = min((each.value for each in self.places), default=None)
        places = counted(len(self.places), "place")
        return asked_once("phase_flips", self.places, track, path, value=lowest, places=places)

    def facts(self, track: str | None) -> tuple[Fact, ...]:
        """Each place."""
        return marks(self.places, "phase_flip", "correlation", track, METHOD)
