"""The second-order section: what every filter design ends in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """``(b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2)``."""

    b0: float
    b1: float
    b2: float
    a1: float
    a2: float

    def is_stable(self) -> bool:
        """Whether both poles lie inside the unit circle."""
        return abs(self.a2) < 1.0 and abs(self.a1) < 1.0 + self.a2
