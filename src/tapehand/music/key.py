"""Keys and modes."""

from dataclasses import dataclass
from typing import Final

from tapehand.music.pitch import pitch_class, pitch_class_name

MODES: Final[dict[str, tuple[int, ...]]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
_FLAT_MAJORS: Final = frozenset({5, 10, 3, 8, 1, 6})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A tonic (pitch class 0..11) and a mode of ``MODES``."""

    tonic: int
    mode: str = "major"

    @classmethod
    def named(cls, tonic: str, mode: str = "major") -> "Key":
        """From names, e.g. ``("F#", "minor")``. Raises ValueError for unknown ones."""
        if mode not in MODES:
            raise ValueError(f"{mode!r} is no mode")
        return cls(tonic=pitch_class(tonic), mode=mode)

    @property
    def steps(self) -> tuple[int, ...]:
        """The mode's semitones above the tonic."""
        return MODES[self.mode]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The seven pitch classes, from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in self.steps)

    @property
    def is_minor(self) -> bool:
        """Whether the third is minor."""
        return self.steps[2] == 3

    @property
    def relative_major(self) -> int:
        """Tonic of the major key with the same signature (harmonic minor counts as minor)."""
        offsets = {"dorian": 10, "phrygian": 8, "lydian": 7, "mixolydian": 5, "locrian": 1, "major": 0}
        return (self.tonic + offsets.get(self.mode, 3)) % 12

    @property
    def uses_flats(self) -> bool:
        """Whether its signature is written with flats."""
        return self.relative_major in _FLAT_MAJORS

    def degree(self, degree: int) -> int:
        """Semitones above the tonic of a scale degree counted from 1; 8 is the octave, 0 the step below the tonic."""
        octave, index = divmod(degree - 1, len(self.steps))
        return 12 * octave + self.steps[index]

    def __str__(self) -> str:
        return f"{pitch_class_name(self.tonic, flats=self.uses_flats)} {self.mode}"
