"""Every meter at once: one pass, whole or block by block."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.meters.k_weighting import HOPS_PER_SECOND, Energies, KEnergyStream
from tapehand.meters.loudness import (
    ABSOLUTE_GATE_LUFS,
    GATING_STEP_HOPS,
    SHORT_TERM_HOPS,
    Powers,
    loudness_of_powers,
    lufs_of_power,
    power_of_lufs,
    step_lufs,
    weighted_powers,
    window_powers,
)
from tapehand.meters.spectrum import Spectrum, SpectrumStream
from tapehand.meters.stereo import ChannelSumsStream
from tapehand.meters.true_peak import CHUNK_SAMPLES, TruePeakStream
from tapehand.units import finite_or_none, gain_to_db

BLOCK_SAMPLES: Final = 1 << 16
_LISTS: Final = ("third_octaves", "bark", "loudness_steps_lufs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What the meters read. ``-inf`` means silence or too short; None means that the figure has no meaning here.

    ``psr_db`` is the smallest distance from the true peak of 3 s to their loudness: how dense the densest place is.
    ``dc_dbfs`` is the offset of the channel that has most of it. ``loudness_steps_lufs`` is the K-weighted loudness of
    every 100 ms, ungated.
    """

    rate_hz: int
    channels: int
    duration_s: float
    integrated_lufs: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    lra_lu: float
    sample_peak_dbfs: float
    true_peak_dbtp: float
    plr_db: float | None
    crest_db: float | None
    correlation: float | None
    side_to_mid_db: float | None
    mono_fold_loss_db: float | None
    psr_db: float | None
    dc_dbfs: float
    third_octaves: Spectrum
    bark: Spectrum
    loudness_steps_lufs: tuple[float, ...]

    def as_plain(self) -> dict[str, Any]:
        """The fields of ``Meter.1`` of the JSON interface, without spectra and steps; what is not a number is null."""
        named = {name: getattr(self, name) for name in self.__slots__ if name not in _LISTS}
        return {name: finite_or_none(value) if isinstance(value, float) else value for name, value in named.items()}


class MeterStream:
    """All meters, fed block by block. The blocks' sizes do not change a bit of the outcome."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz, self._channels, self._length = rate_hz, channels, 0
        self._energies: list[Energies] = []
        self._k_energy = KEnergyStream(channels, rate_hz)
        self._true_peak = TruePeakStream(channels)
        self._sums = ChannelSumsStream(channels)
        self._spectrum = SpectrumStream(channels, rate_hz)

    def feed(self, block: Audio) -> None:
        """Take the next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` for NaN or infinity.
        """
        for start in range(0, block.length_samples, BLOCK_SAMPLES):
            self._feed(np.ascontiguousarray(block.samples[:, start : start + BLOCK_SAMPLES]))

    def _feed(self, samples: NDArray[np.float32]) -> None:
        self._length += samples.shape[1]
        self._energies.append(self._k_energy.feed(samples))
        self._true_peak.feed(samples)
        self._sums.feed(samples)
        self._spectrum.feed(samples)

    def finish(self) -> Meter:
        """The figures of all that was fed."""
        powers = weighted_powers(np.concatenate([np.zeros((self._channels, 0)), *self._energies], axis=1))
        loud, sums, long_term = loudness_of_powers(powers), self._sums.finish(), self._spectrum.finish()
        peaks = self._true_peak.finish()
        true_peak_dbtp = gain_to_db(float(peaks.max(initial=0.0)))
        measurable = np.isfinite(loud.integrated_lufs)
        return Meter(
            rate_hz=self._rate_hz,
            channels=self._channels,
            duration_s=self._length / self._rate_hz,
            integrated_lufs=loud.integrated_lufs,
            max_momentary_lufs=loud.max_momentary_lufs,
            max_short_term_lufs=loud.max_short_term_lufs,
            lra_lu=loud.range_lu,
            sample_peak_dbfs=sums.sample_peak_dbfs,
            true_peak_dbtp=true_peak_dbtp,
            plr_db=true_peak_dbtp - loud.integrated_lufs if measurable else None,
            crest_db=sums.sample_peak_dbfs - sums.rms_dbfs if sums.peak > 0.0 else None,
            correlation=sums.correlation,
            side_to_mid_db=sums.side_to_mid_db,
            mono_fold_loss_db=sums.mono_fold_loss_db,
            psr_db=_smallest_psr_db(powers, peaks, self._rate_hz),
            dc_dbfs=sums.dc_dbfs,
            third_octaves=long_term.third_octaves(),
            bark=long_term.bark(),
            loudness_steps_lufs=step_lufs(powers),
        )


def _smallest_psr_db(powers: Powers, peaks: NDArray[np.float32], rate_hz: int) -> float | None:
    """Smallest peak to short-term loudness of the 3 s windows every 100 ms; None where all is silent or too short."""
    windows = window_powers(powers, SHORT_TERM_HOPS)[::GATING_STEP_HOPS]
    chunks_per_hop = rate_hz / HOPS_PER_SECOND / CHUNK_SAMPLES
    found = []
    for step in np.flatnonzero(windows > power_of_lufs(ABSOLUTE_GATE_LUFS)):
        start = int(step) * GATING_STEP_HOPS
        first, last = int(start * chunks_per_hop), int((start + SHORT_TERM_HOPS) * chunks_per_hop) + 1
        found.append(gain_to_db(float(peaks[first:last].max())) - lufs_of_power(float(windows[step])))
    return min(found, default=None)


def measure(audio: Audio) -> Meter:
    """Every figure of ``audio``."""
    stream = MeterStream(audio.channels, audio.rate_hz)
    stream.feed(audio)
    return stream.finish()
