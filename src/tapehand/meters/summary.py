"""Every meter at once: one pass, whole or block by block."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.meters.k_weighting import Energies, KEnergyStream
from tapehand.meters.loudness import Loudness, loudness_of_powers, weighted_powers
from tapehand.meters.stereo import ChannelSums, ChannelSumsStream
from tapehand.meters.true_peak import TruePeakStream
from tapehand.units import finite_or_none, gain_to_db

BLOCK_SAMPLES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What the meters read. ``-inf`` means silence or too short; None means that the figure has no meaning here."""

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

    def as_plain(self) -> dict[str, Any]:
        """The fields of ``Meter.1`` of the JSON interface; what is not a number is null."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: finite_or_none(value) if isinstance(value, float) else value for name, value in named.items()}


class MeterStream:
    """All meters, fed block by block. The blocks' sizes do not change a bit of the outcome."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz, self._channels, self._length = rate_hz, channels, 0
        self._energies: list[Energies] = []
        self._k_energy = KEnergyStream(channels, rate_hz)
        self._true_peak = TruePeakStream(channels)
        self._sums = ChannelSumsStream(channels)

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

    def finish(self) -> Meter:
        """The figures of all that was fed."""
        energies = np.concatenate([np.zeros((self._channels, 0)), *self._energies], axis=1)
        return self._meter(
            loudness_of_powers(weighted_powers(energies)), self._sums.finish(), gain_to_db(self._true_peak.finish())
        )

    def _meter(self, loud: Loudness, sums: ChannelSums, true_peak_dbtp: float) -> Meter:
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
        )


def measure(audio: Audio) -> Meter:
    """Every figure of ``audio``."""
    stream = MeterStream(audio.channels, audio.rate_hz)
    stream.feed(audio)
    return stream.finish()
