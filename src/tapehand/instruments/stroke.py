"""A stroke: one note as a sound source sees it, in samples."""

from dataclasses import dataclass
from typing import Final

#: A gate that never closes, in samples.
NEVER: Final = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """From ``offset_samples`` on, this pitch, reached from ``from_pitch`` within ``glide_samples``."""

    offset_samples: int
    pitch: float
    from_pitch: float
    glide_samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One note, or several that glide into each other.

    Parameters
    ----------
    legs : pitches over time; the first starts at 0.
    gate_samples : until the note is let go.
    velocity : 0..1.
    take : which of the sound's performances, as a seed.
    """

    legs: tuple[Leg, ...]
    gate_samples: int
    velocity: float
    take: int
    rate_hz: int

    @property
    def pitch(self) -> float:
        """The pitch it begins with."""
        return self.legs[0].pitch
