"""Pitch names and MIDI numbers."""

from typing import Final

SHARP_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES: Final = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS: Final = {"#": 1, "♯": 1, "b": -1, "♭": -1}


def pitch_class(name: str) -> int:
    """0..11 of a note name such as ``"F#"``, ``"Bb"``, ``"E♭"``. Raises ValueError for anything else."""
    letter, accidentals = name[:1].upper(), name[1:]
    if letter not in _LETTERS or any(sign not in _ACCIDENTALS for sign in accidentals):
        raise ValueError(f"{name!r} is no note name")
    return (_LETTERS[letter] + sum(_ACCIDENTALS[sign] for sign in accidentals)) % 12


def pitch_class_name(value: int, *, flats: bool = False) -> str:
    """Name of a pitch class; sharps unless flats are asked for."""
    return (FLAT_NAMES if flats else SHARP_NAMES)[value % 12]


def note_name(pitch: int, *, flats: bool = False) -> str:
    """Name with octave, middle C (MIDI 60) being C4."""
    return f"{pitch_class_name(pitch, flats=flats)}{pitch // 12 - 1}"


def nearest_pitch(wanted_class: int, around: int) -> int:
    """The MIDI number of ``wanted_class`` nearest to ``around`` (the lower one on a tie)."""
    below = around - (around - wanted_class) % 12
    return below if around - below <= below + 12 - around else below + 12
