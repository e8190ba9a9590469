"""A prompt made readable: one kind of quotes and dashes, numbers as digits, small typos read as the word meant."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

_UNIFIED: Final = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "→": ">", "×": "x"}
)
_UNITS: Final = dict(zero=0, one=1, two=2, three=3, four=4, five=5, six=6, seven=7, eight=8, nine=9, ten=10, eleven=11)
_TEENS: Final = dict(
    twelve=12, thirteen=13, fourteen=14, fifteen=15, sixteen=16, seventeen=17, eighteen=18, nineteen=19
)
_TENS: Final = dict(twenty=20, thirty=30, forty=40, fifty=50, sixty=60, seventy=70, eighty=80, ninety=90)
_NUMBERS: Final = _UNITS | _TEENS | _TENS
_NUMBER_WORD: Final = "|".join((*_NUMBERS, "hundred"))
_SPELLED: Final = re.compile(
    rf"\b(?P<number>(?:a\s+hundred|{_NUMBER_WORD})(?:[\s-]+(?:and[\s-]+)?(?:{_NUMBER_WORD}))*)"
    r"(?P<half>\s+and\s+a\s+half)?(?=[\s-]*(?:bpm|beats? per|minutes?|mins?|seconds?|secs?|bars?|hours?)\b)",
    re.IGNORECASE,
)
_HALVES: Final = (
    (re.compile(r"\b(?:a\s+)?minute\s+and\s+a\s+half\b", re.IGNORECASE), "1.5 minutes"),
    (re.compile(r"\bhalf\s+(?:a|an)\s+(minute|hour)\b", re.IGNORECASE), r"0.5 \1"),
    (re.compile(r"\b(\d+)\s+and\s+a\s+half\s+(minutes|hours)\b", re.IGNORECASE), r"\1.5 \2"),
    (re.compile(r"\ba(?:n)?\s+(?=(?:minute|hour)\b)", re.IGNORECASE), "1 "),
    (re.compile(r"\b(minute)-long\b", re.IGNORECASE), "1 minute"),
)
_LONG_WORD: Final = 10
_LESS: Final = (
    (re.compile(r"\b(?:drumless|beatless)\b", re.IGNORECASE), "no drums"),
    (re.compile(r"\b(bass|drum|hat|vocal|melody)less\b", re.IGNORECASE), r"no \1"),
    (re.compile(r"\b(\w+)-free\b", re.IGNORECASE), r"no \1"),
)


@dataclass(frozen=True, slots=True)
class Correction:
    """A word as it was typed, and as it was read."""

    typed: str
    read: str


def clean(text: str) -> str:
    """``text`` with unified signs, single spaces, and spelled numbers before a unit as digits."""
    text = unicodedata.normalize("NFKC", text).translate(_UNIFIED)
    text = " ".join(text.split())
    text = _SPELLED.sub(_as_digits, text)
    for pattern, replacement in (*_HALVES, *_LESS):
        text = pattern.sub(replacement, text)
    return text


def correct(text: str, vocabulary: Collection[str], known: Collection[str]) -> tuple[str, tuple[Correction, ...]]:
    """``text`` with words of five letters and more that are one slip (two from ten letters on) off ``vocabulary``.

    A word of ``known`` or with another first letter is left alone: a wrong guess is worse than none.
    """
    corrections: list[Correction] = []

    def read(match: re.Match[str]) -> str:
        word = match.group().lower()
        if word in vocabulary or word in known or word.rstrip("s") in vocabulary:
            return match.group()
        meant = _nearest(word, vocabulary)
        if meant is None:
            return match.group()
        corrections.append(Correction(match.group(), meant))
        return meant

    return re.sub(r"[A-Za-z]{5,}", read, text), tuple(corrections)


def _nearest(word: str, vocabulary: Collection[str]) -> str | None:
    slips = 1 if len(word) < _LONG_WORD else 2
    found = [
        (OSA.distance(word, candidate, score_cutoff=slips), candidate)
        for candidate in sorted(vocabulary)
        if candidate[0] == word[0] and abs(len(candidate) - len(word)) <= slips and len(candidate) >= 5
    ]
    best = min(found, default=(slips + 1, ""))
    return best[1] if best[0] <= slips else None


def _as_digits(match: re.Match[str]) -> str:
    total = 0
    for word in re.findall(r"[a-z]+", match.group("number").lower()):
        if word == "hundred":
            total = max(total, 1) * 100
        elif word not in ("and", "a"):
            total += _NUMBERS[word]
    return f"{total}.5" if match.group("half") else str(total)
