"""Chords as a root, a quality and a bass."""

from dataclasses import dataclass
from typing import Final

from tapehand.music.pitch import pitch_class_name

QUALITIES: Final[dict[str, tuple[int, ...]]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mMaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "9": (0, 4, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "m9": (0, 3, 7, 10, 14),
    "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14),
    "m11": (0, 3, 7, 10, 14, 17),
    "13": (0, 4, 7, 10, 14, 21),
    "7sus4": (0, 5, 7, 10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """``root`` and ``bass`` are pitch classes; ``quality`` is a key of ``QUALITIES``."""

    root: int
    quality: str = ""
    bass: int | None = None

    @property
    def intervals(self) -> tuple[int, ...]:
        """Semitones above the root, rising."""
        return QUALITIES[self.quality]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Its tones as pitch classes, from the root up."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    @property
    def bass_class(self) -> int:
        """The pitch class at the bottom."""
        return self.root if self.bass is None else self.bass

    def symbol(self, *, flats: bool = False) -> str:
        """As on a lead sheet: ``Fm9``, ``Ab/C``."""
        name = pitch_class_name(self.root, flats=flats) + self.quality
        if self.bass is None or self.bass == self.root:
            return name
        return f"{name}/{pitch_class_name(self.bass, flats=flats)}"
