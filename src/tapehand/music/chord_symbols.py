"""Chords as people write them: letters (``Fm9``, ``Db/F``) and Roman numerals (``i``, ``bVII``, ``ii7``)."""

import re
from typing import Final

from tapehand.music.chord import QUALITIES, Chord
from tapehand.music.key import MODES, Key
from tapehand.music.pitch import pitch_class

_ALIASES: Final = {
    "maj": "", "M": "", "major": "", "min": "m", "-": "m", "minor": "m", "mi": "m",
    "M7": "maj7", "Maj7": "maj7", "ma7": "maj7", "Δ": "maj7", "Δ7": "maj7", "major7": "maj7", "^7": "maj7",
    "M9": "maj9",
    "min7": "m7", "-7": "m7", "mi7": "m7", "minor7": "m7", "min9": "m9", "-9": "m9", "mi9": "m9", "min6": "m6",
    "min11": "m11", "mM7": "mMaj7", "mmaj7": "mMaj7", "minmaj7": "mMaj7",
    "o": "dim", "°": "dim", "o7": "dim7", "°7": "dim7", "ø": "m7b5", "ø7": "m7b5", "m7-5": "m7b5", "m7(b5)": "m7b5",
    "min7b5": "m7b5", "+": "aug", "sus": "sus4", "7sus": "7sus4", "2": "sus2", "4": "sus4", "madd9": "madd9",
    "m(add9)": "madd9", "(add9)": "add9", "add2": "add9", "dom7": "7",
}  # fmt: skip
_LETTER: Final = re.compile(r"([A-G])([#b♯♭]?)([^/\s]*)(?:/([A-G])([#b♯♭]?))?$")
_ROMAN: Final = re.compile(r"([#b♯♭]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)([^/\s]*)$")
_DEGREES: Final = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}


def chord_named(symbol: str) -> Chord:
    """The chord of a lead-sheet symbol. Raises ValueError for what is none."""
    match = _LETTER.match(symbol.strip())
    if match is None:
        raise ValueError(f"{symbol!r} is no chord symbol")
    letter, sign, quality, bass_letter, bass_sign = match.groups()
    bass = None if bass_letter is None else pitch_class(bass_letter + (bass_sign or ""))
    return Chord(root=pitch_class(letter + sign), quality=_quality(quality), bass=bass)


def chord_of_numeral(numeral: str, key: Key) -> Chord:
    """The chord of a Roman numeral in a key: upper case is major, lower case minor.

    A plain numeral stands on the key's own degree (``VI`` in F minor is Db); one with a sign is read against the major
    scale of the tonic (``bVI`` in F minor is Db as well). Raises ValueError for what is no numeral.
    """
    match = _ROMAN.match(numeral.strip())
    if match is None:
        raise ValueError(f"{numeral!r} is no Roman numeral")
    sign, letters, suffix = match.groups()
    steps = MODES["major"] if sign else key.steps
    root = key.tonic + steps[_DEGREES[letters.upper()] - 1] + {"b": -1, "♭": -1, "#": 1, "♯": 1}.get(sign, 0)
    quality = _quality(suffix)
    if letters.islower() and not quality.startswith(("m", "dim")):
        quality = _quality("m" + quality)
    return Chord(root=root % 12, quality=quality)


def diatonic_chord(key: Key, degree: int, size: int) -> Chord:
    """The chord of thirds on a scale degree (from 1) with ``size`` 3, 7 or 9; smaller where the size has no name."""
    root = key.degree(degree)
    stack = [key.degree(degree + third) - root for third in (0, 2, 4, 6, 8)]
    for notes in range({3: 3, 7: 4, 9: 5}[size], 2, -1):
        for quality, intervals in QUALITIES.items():
            if intervals == tuple(stack[:notes]):
                return Chord(root=(key.tonic + root) % 12, quality=quality)
    return Chord(root=(key.tonic + root) % 12, quality="5")


def _quality(written: str) -> str:
    quality = _ALIASES.get(written, written)
    if quality not in QUALITIES:
        raise ValueError(f"{written!r} is no chord quality")
    return quality
