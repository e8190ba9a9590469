"""A prompt made readable: one kind of quotes and dashes, numbers as digits, small typos read as the word meant."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

_UNIFIED: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "→": ">", "×": "x"})
_UNITS: Final = {word: value for value, word in enumerate(
    ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
     "eighteen nineteen").split()
)}  # fmt: skip
_TENS: Final = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_NUMBER_WORD: Final = "|".join((*_UNITS, *_TENS, "hundred"))
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
    """``text`` with words of five letters and more that are one slip (two from eight letters on) off ``vocabulary``.

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
    slips = 1 if len(word) < 8 else 2
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
            total += _UNITS.get(word, _TENS.get(word, 0))
    return f"{total}.5" if match.group("half") else str(total)
