"""The pitch tracker of the package swift-f0, where somebody installed it (``pip install "tapehand[swift-f0]"``).

L. Nieradzik, "SwiftF0: fast and accurate monophonic pitch detection", arXiv 2508.18440, 2025: a small network on a
spectrogram, its weights in the package. Nothing is imported before the first note is asked about.
"""

from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.dsp.psola import PitchCurve

DISTRIBUTION: Final = "swift-f0"
RATE_HZ: Final = 16_000
LOW_HZ: Final = 65.0
HIGH_HZ: Final = 1200.0
# Its authors count a frame as voiced from here on.
VOICED: Final = 0.5


def installed_version() -> str | None:
    """The version that is installed; None where none is."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return None


class SwiftF0Tracker:
    """A ``PitchTracker``; one thread, so that what it says does not depend on how many there are."""

    @property
    def name(self) -> str:
        """Package and version."""
        return f"{DISTRIBUTION}/{installed_version()}"

    def pitch(self, sound: Audio) -> PitchCurve:
        """Its pitch every 16 ms, where it counts a frame as voiced."""
        heard = resample(sound, RATE_HZ)
        if not heard.length_samples:
            return PitchCurve(times_s=np.zeros(0), hz=np.zeros(0))
        mono = heard.samples.mean(axis=0, dtype=np.float64).astype(np.float32)
        told = self._network.detect(mono, RATE_HZ, LOW_HZ, HIGH_HZ)
        return PitchCurve(times_s=told.timestamps, hz=np.where(told.confidence >= VOICED, told.pitch_hz, 0.0))

    @cached_property
    def _network(self) -> Any:
        from swift_f0 import SwiftF0

        return SwiftF0(threads=1, spin=False)
