"""What a file name says about a track: its role, and its side of a pair. Names lead; sound only helps (``roles``)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from rapidfuzz.distance import DamerauLevenshtein

from tapehand.catalogue.loading import load

Side = Literal["left", "right"]
Strength = Literal["word", "yielding", "hint"]

LONGEST_PHRASE: Final = 4
SHORTEST_PART: Final = 3
SHORTEST_TYPO: Final = 5
# How far each way of reading a name is believed; below 0.7 a person is asked.
_PLAIN: Final = 0.97
_ABBREVIATED: Final = 0.92
_COMBINED: Final = 0.92
_TYPO: Final = 0.75
_LAST_WORD: Final = 0.65
_HINT: Final = 0.55

_WORD_BORDERS: Final = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_LETTERS: Final = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "đ": "d"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NameReading:
    """What a name says. ``role`` is None where it says nothing; ``confidence`` 0..1; ``word`` is what said it."""

    role: str | None = None
    confidence: float = 0.0
    word: str = ""
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class _Hit:
    role: str
    strength: Strength
    word: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Lexicon:
    entries: dict[str, tuple[str, Strength]]
    ignored: frozenset[str]
    sides: dict[str, Side]
    long_words: tuple[str, ...]
    foreign_words: tuple[str, ...]
    combined: tuple[tuple[frozenset[str], str], ...]


def read_name(name: str) -> NameReading:
    """The role and side that a track or file name (without its suffix) speaks of."""
    tokens = _tokens(name)
    side = _side(tokens)
    hits = list(_hits(tokens))
    for strength in ("word", "yielding", "hint"):
        spoken = [hit for hit in hits if hit.strength == strength]
        if spoken:
            return _verdict([*spoken, *_refining(spoken, hits)], side)
    return NameReading(side=side)


def _refining(spoken: list[_Hit], hits: list[_Hit]) -> list[_Hit]:
    """Words that yield to others but make more of these: the "dbl" of "LdVox dbl", not that of "Gtr dbl"."""
    roles = {hit.role for hit in spoken}
    return [
        hit
        for hit in hits
        if hit.strength == "yielding"
        and hit.role not in roles
        and any(roles | {hit.role} <= members for members, _ in _lexicon().combined)
    ]


def _verdict(hits: list[_Hit], side: Side | None) -> NameReading:
    roles = {hit.role for hit in hits}
    word = " + ".join(dict.fromkeys(hit.word for hit in hits))
    least = min(hit.confidence for hit in hits)
    if len(roles) == 1:
        return NameReading(role=hits[0].role, confidence=max(h.confidence for h in hits), word=word, side=side)
    for members, whole in _lexicon().combined:
        if roles <= members:
            return NameReading(role=whole, confidence=min(least, _COMBINED), word=word, side=side)
    return NameReading(role=hits[-1].role, confidence=min(least, _LAST_WORD), word=word, side=side)


def _hits(tokens: list[str]) -> Iterator[_Hit]:
    place = 0
    while place < len(tokens):
        length, hits = _hits_at(tokens, place)
        yield from hits
        place += length


def _hits_at(tokens: list[str], place: int) -> tuple[int, list[_Hit]]:
    """The longest phrase that begins at ``place``, else what can be made of the one word: its length and hits."""
    for length in range(min(LONGEST_PHRASE, len(tokens) - place), 0, -1):
        hit = _phrase(" ".join(tokens[place : place + length]))
        if hit is not None:
            return length, [hit]
    token = tokens[place]
    if token in _lexicon().ignored or token.isdigit():
        return 1, []
    return 1, _foreign(token) or _compound(token) or _typo(token)


def _phrase(phrase: str) -> _Hit | None:
    entries = _lexicon().entries
    for form in (phrase, phrase.removesuffix("s") if len(phrase) > 3 else phrase):
        if form in entries:
            role, strength = entries[form]
            plain = _PLAIN if len(form) > 2 else _ABBREVIATED
            return _Hit(role, strength, form, _HINT if strength == "hint" else plain)
    return None


def _foreign(token: str) -> list[_Hit]:
    """Scripts that put no spaces between words: any known word inside counts."""
    if token.isascii():
        return []
    found = [word for word in _lexicon().foreign_words if word in token]
    return [_Hit(*_lexicon().entries[word], word, _ABBREVIATED) for word in found[:1]]


def _compound(token: str) -> list[_Hit]:
    """Words written together (``bassdrums``, ``snaretop``), if they account for every letter."""
    parts = _split(token)
    hits = [hit for part in parts if (hit := _phrase(part)) is not None and part not in _lexicon().ignored]
    return [_Hit(hit.role, hit.strength, hit.word, min(hit.confidence, _COMBINED)) for hit in hits]


@cache
def _split(token: str) -> tuple[str, ...]:
    if _is_part(token):
        return (token,)
    for end in range(len(token) - 1, 0, -1):
        if _is_part(token[:end]):
            rest = _split(token[end:])
            if rest:
                return (token[:end], *rest)
    return ()


def _is_part(text: str) -> bool:
    lexicon = _lexicon()
    known = len(text) >= SHORTEST_PART and (text in lexicon.entries or text.removesuffix("s") in lexicon.entries)
    return known or text in lexicon.ignored or text in lexicon.sides


def _typo(token: str) -> list[_Hit]:
    """A long word one slip of a finger away from a known one that begins alike."""
    if len(token) < SHORTEST_TYPO:
        return []
    for word in _lexicon().long_words:
        if word[0] == token[0] and any(_one_slip(form, token) for form in (word, word + "s")):
            return [_Hit(*_lexicon().entries[word], word, _TYPO)]
    return []


def _one_slip(word: str, token: str) -> bool:
    return DamerauLevenshtein.distance(word, token, score_cutoff=1) <= 1


def _side(tokens: list[str]) -> Side | None:
    """The last word that says a side, alone (``Gtr L``) or at the end of another (``overheadl``)."""
    lexicon = _lexicon()
    words = [token for token in tokens if not token.isdigit()]
    for token in reversed(words):
        parts = _split(token)
        last = parts[-1] if parts else token
        if last in lexicon.sides and (len(words) > 1 or len(parts) > 1 or token in lexicon.entries):
            return lexicon.sides[last]
    return None


def _tokens(name: str) -> list[str]:
    split = _WORD_BORDERS.sub(" ", unicodedata.normalize("NFKC", name))
    return [_folded(token) for token in _SEPARATORS.split(split) if token]


def _folded(text: str) -> str:
    """Lower case without accents; kana keep their marks, which are part of the letter."""
    lower = text.casefold().translate(_LETTERS)
    return "".join(
        unicodedata.normalize("NFKD", letter)[0] if ord(letter) < 0x250 else letter
        for letter in unicodedata.normalize("NFC", lower)
    )


def _forms(words: Iterable[str]) -> Iterator[str]:
    """Each word as a name would hold it once taken apart, with umlauts both dropped and written out."""
    for word in words:
        yield " ".join(_tokens(word))
        if word != (written_out := word.translate(_UMLAUTS)):
            yield " ".join(_tokens(written_out))


@cache
def _lexicon() -> _Lexicon:
    catalogue = load("roles")
    entries: dict[str, tuple[str, Strength]] = {}
    yielding = set(_forms(catalogue["yielding"]["words"]))
    for role, facts in catalogue["roles"].items():
        entries.update({form: (role, "hint") for form in _forms(facts.get("hints", ()))})
    for role, facts in catalogue["roles"].items():
        entries.update({form: (role, "yielding" if form in yielding else "word") for form in _forms(facts["words"])})
    sides: dict[str, Side] = {form: "left" for form in _forms(catalogue["ignored"]["left"])}
    sides.update({form: "right" for form in _forms(catalogue["ignored"]["right"])})
    return _Lexicon(
        entries=entries,
        ignored=frozenset(_forms(catalogue["ignored"]["words"])),
        sides=sides,
        long_words=tuple(sorted(word for word in entries if len(word) >= SHORTEST_TYPO and " " not in word)),
        foreign_words=tuple(sorted((w for w in entries if not w.isascii()), key=lambda w: (-len(w), w))),
        combined=tuple((frozenset(pair["roles"]), pair["is"]) for pair in catalogue["combined"]),
    )
