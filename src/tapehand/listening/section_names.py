"""What a marker, a region or a file name says about the form: "Vers 2", "GTR_chorus_01", "サビ"."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from tapehand.catalogue.loading import load

_BORDERS: Final = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_LETTER: Final = re.compile(r"(?P<letter>[A-H])(?P<number>\d?)'{0,3}")
_WITHOUT_SPACES: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionName:
    """A section as it was spoken of.

    Parameters
    ----------
    kind : of ``catalogue/form.toml``.
    word : what said so, as it is shown ("Chorus").
    number : which of its kind, where that was said.
    further_words : how many other words there are.
    """

    kind: str
    word: str
    number: int | None = None
    further_words: int = 0


def section_name(text: str) -> SectionName | None:
    """The section that ``text`` speaks of: the longest phrase of a known kind in it, the first among equals."""
    spoken = _spoken(text)
    words = [_bare(word) for word in spoken]
    for length in range(min(_longest_phrase(), len(words)), 0, -1):
        for place in range(len(words) - length + 1):
            phrase = " ".join(words[place : place + length])
            kind = _phrases().get(phrase)
            if kind is not None:
                rest = [each for each in words[:place] + words[place + length :] if _number_of(each) is None]
                number = _number_of(words[place + length]) if place + length < len(words) else None
                word = _shown(kind, phrase, spoken[place : place + length])
                return SectionName(kind=kind, word=word, number=number, further_words=len(rest))
    return _unspaced(text)


def kind_spoken_of(name: str, *, otherwise: str) -> str:
    """The kind of ``catalogue/form.toml`` that a section's name speaks of."""
    found = section_name(name)
    return otherwise if found is None else found.kind


def file_section_name(name: str) -> SectionName | None:
    """The same of a track or file name, without the words that mean something else there as often."""
    found = section_name(name)
    unsafe = load("form")["told"]["unsafe_in_files"]
    return None if found is None or found.word.casefold() in unsafe else found


def marker_section_name(text: str) -> SectionName | None:
    """The same of a marker, where it says little else; rehearsal letters ("A", "B2") name sections too."""
    letter = _LETTER.fullmatch(text.strip())
    if letter:
        return SectionName(kind="groove", word=letter["letter"], number=int(letter["number"] or 0) or None)
    found = section_name(text)
    most = load("form")["told"]["most_further_words"]
    return found if found is not None and found.further_words <= most else None


def says_end(text: str) -> bool:
    """Whether a marker says that the song is over."""
    return " ".join(_words(text)) in load("form")["told"]["ends"]


def _shown(kind: str, phrase: str, spoken: list[str]) -> str:
    """A phrase as the name of a section is written."""
    usual = str(load("form")["kinds"][kind]["name"])
    if phrase == " ".join(_words(usual)):
        return usual
    word = " ".join(spoken)
    return word[:1].upper() + word[1:]


def _unspaced(text: str) -> SectionName | None:
    """In scripts without spaces a word of a kind may stand anywhere."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    found = [word for word in _phrases() if _WITHOUT_SPACES.search(word) and word in folded]
    if not found:
        return None
    word = max(found, key=len)
    before, _, after = folded.partition(word)
    digits = re.match(r"\s*(\d{1,3})", after)
    return SectionName(
        kind=_phrases()[word],
        word=word[:1].upper() + word[1:],
        number=_number_of(digits[1]) if digits else None,
        further_words=len(re.findall(r"[^\W\d_]+", f"{before} {after}")),
    )


def _words(text: str) -> list[str]:
    """Without accents and case, split where signs, digits or capitals begin a new word."""
    return [_bare(word) for word in _spoken(text)]


def _spoken(text: str) -> list[str]:
    """The same with their accents."""
    composed = unicodedata.normalize("NFKC", text)
    return re.findall(r"[^\W_]+", _BORDERS.sub(" ", composed).casefold())


def _bare(word: str) -> str:
    """Without the accents of letters; the marks of kana make other syllables and stay."""
    opened = unicodedata.normalize("NFKD", word)
    return unicodedata.normalize("NFC", "".join(sign for sign in opened if not "\u0300" <= sign <= "\u036f"))


def _number_of(word: str) -> int | None:
    said = load("form")["told"]["numbers"].get(word, word)
    return int(said) if str(said).isdecimal() and 0 < int(said) < 100 else None


@cache
def _phrases() -> Mapping[str, str]:
    """Kinds by what they are called, as ``_words`` would leave it."""
    tables = load("form")
    spoken = [(kind, (*row["words"], row["name"])) for kind, row in tables["kinds"].items()]
    spoken += [(kind, tuple(words)) for kind, words in tables["spoken"].items()]
    return {" ".join(_words(phrase)): kind for kind, phrases in reversed(spoken) for phrase in phrases}


@cache
def _longest_phrase() -> int:
    return max(len(phrase.split()) for phrase in _phrases())
