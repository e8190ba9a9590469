"""The words of the catalogue found in a prompt: longest match first, with what turns their sense (no, only, less)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from tapehand.catalogue.loading import load

EntryKind = Literal[
    "genre", "near_genre", "nearest", "mood", "sound", "group", "unbuilt", "not_made", "person", "section", "intent",
    "negator", "only", "fewer", "more", "join", "stop",
]  # fmt: skip
Phrase = tuple[str, ...]

_TURNS: Final = frozenset({"negator", "only", "fewer", "more"})
_ONE_WORD_NAMES_NEED: Final = re.compile(
    r"type beat|style of|\blike\b|inspired|sounds? like|reminiscent|\bà la\b|\ba la\b", re.IGNORECASE
)
_LOOSE_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A word or phrase and what it names."""

    kind: EntryKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """An entry met in the prompt."""

    entry: Entry
    words: str
    negated: bool = False
    only: bool = False
    amount: float = 1.0


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    is_word: bool


@cache
def entries() -> Mapping[Phrase, tuple[Entry, ...]]:
    """Every phrase of the catalogue with what it may name."""
    found: dict[Phrase, list[Entry]] = {}
    for words, entry in _rows():
        phrase = tuple(token.text for token in tokens_of(words) if token.is_word)
        found.setdefault(phrase, []).append(entry)
        if len(phrase) == 1 and len(phrase[0]) > 3 and entry.kind in ("sound", "unbuilt", "genre"):
            found.setdefault((phrase[0] + "s",), []).append(entry)
    return {phrase: tuple(dict.fromkeys(named)) for phrase, named in found.items()}


@cache
def vocabulary() -> frozenset[str]:
    """Single words of five letters and more that a typo may hide, theory words included."""
    kinds = ("genre", "nearest", "mood", "sound", "group", "unbuilt", "section", "intent")
    phrases: list[Phrase] = [
        p for p, named in entries().items() if len(p) == 1 and any(entry.kind in kinds for entry in named)
    ]
    phrases += [p for p, named in entries().items() if any(entry.kind in ("genre", "sound") for entry in named)]
    words = {word for phrase in phrases for word in phrase}
    return frozenset(
        word for word in words | set(load("lexicon")["spelling"]["words"]) if len(word) >= 5 and word.isalpha()
    )


@cache
def right_words() -> frozenset[str]:
    """Words that are never read as a typo."""
    names = {word for phrase in entries() for word in phrase}
    return frozenset(load("lexicon")["spelling"]["keep"]) | names


def mentions(text: str) -> tuple[Mention, ...]:
    """What of the catalogue is in ``text``, in order, with the turn of phrase it stands in."""
    names_meant = _ONE_WORD_NAMES_NEED.search(text) is not None
    return tuple(_turned(_matched(tokens_of(text), names_meant)))


def unknown_words(text: str) -> tuple[str, ...]:
    """Words of three letters and more, of any script, that name nothing in the catalogue and are no filler."""
    named_words = {
        word for part in _matched(tokens_of(text), True) if isinstance(part, tuple) for word in part[0].split()
    }
    known = named_words | set(load("lexicon")["fillers"]["words"])
    found = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower())
    return tuple(dict.fromkeys(word for word in found if len(word) > 2 and word.replace("'", "") not in known))


def tokens_of(text: str) -> list[_Token]:
    """Words and the signs that end a clause; hyphens part words, apostrophes vanish."""
    plain = text.lower().replace("'", "").replace("-", " ")
    return [_Token(found, found[0].isalnum()) for found in re.findall(r"[a-z0-9à&#]+|[,.;!?:]", plain)]


def _rows() -> Iterator[tuple[str, Entry]]:
    lexicon, words_of = load("lexicon"), load("instrument_words")
    for identity, row in lexicon["genres"].items():
        yield from ((word, Entry("genre", identity)) for word in row["exact"])
        yield from ((word, Entry("near_genre", identity)) for word in row["near"])
    for name, row in lexicon["nearest"].items():
        yield from ((word, Entry("nearest", name)) for word in row["words"])
    yield from ((name, Entry("person", name)) for name in lexicon["people"])
    for sentence, words in lexicon["not_made"].items():
        yield from ((word, Entry("not_made", sentence)) for word in words)
    yield from ((word, Entry("intent", word)) for word in lexicon["intent"]["words"])
    turns = lexicon["turns"]
    for kind, key in (
        ("negator", "negators"),
        ("only", "only"),
        ("fewer", "fewer"),
        ("more", "more"),
        ("join", "joins"),
        ("stop", "stops"),
    ):
        yield from ((word, Entry(kind, word)) for word in turns[key])  # type: ignore[arg-type]
    for name, row in load("moods")["moods"].items():
        yield from ((word, Entry("mood", name)) for word in row["words"])
    for name, row in words_of["groups"].items():
        yield from ((word, Entry("group", name)) for word in row["words"])
    for name, row in words_of["sounds"].items():
        yield from ((word, Entry("sound", name)) for word in row["words"])
    for name, words in words_of["unbuilt"].items():
        yield from ((word, Entry("unbuilt", name)) for word in words)
    for name, row in load("form")["kinds"].items():
        yield from ((word, Entry("section", name)) for word in row["words"])


def _matched(tokens: list[_Token], names_meant: bool) -> Iterator[_Token | tuple[str, tuple[Entry, ...]]]:
    """Tokens, with the longest phrases of the catalogue in place of the words they cover."""
    known, place = entries(), 0
    while place < len(tokens):
        for length in range(min(4, len(tokens) - place), 0, -1):
            phrase = tuple(token.text for token in tokens[place : place + length])
            named = known.get(phrase, ())
            if not names_meant and length == 1:
                named = tuple(entry for entry in named if entry.kind != "person")
            if named:
                yield " ".join(phrase), named
                place += length
                break
        else:
            yield tokens[place]
            place += 1


def _turned(stream: Iterator[_Token | tuple[str, tuple[Entry, ...]]]) -> Iterator[Mention]:
    rest = list(stream)
    turn, met, loose = "", 0, 0
    for place, part in enumerate(rest):
        if isinstance(part, _Token):
            if not part.is_word:
                turn = turn if part.text == "," and turn and met and _list_goes_on(rest, place, turn) else ""
            elif met or loose >= _LOOSE_WORDS:
                turn = ""
            else:
                loose += 1
            continue
        words, named = part
        turns = [entry for entry in named if entry.kind in _TURNS]
        content = [entry for entry in named if entry.kind not in (*_TURNS, "join", "stop")]
        if turns and not (turn == "negator" and content):
            turn, met, loose = turns[0].kind, 0, 0
        elif not content:
            turn = "" if _ends_turn(named, rest, place, met) else turn
        for entry in content:
            if entry.kind == "intent" and turn == "only":
                turn = ""
            yield Mention(
                entry=entry, words=words, negated=turn == "negator", only=turn == "only",
                amount={"fewer": 0.5, "more": 1.5}.get(turn, 1.0),
            )  # fmt: skip
            met += 1


def _ends_turn(
    named: tuple[Entry, ...], rest: list[_Token | tuple[str, tuple[Entry, ...]]], place: int, met: int
) -> bool:
    """Whether a small word ends the turn: "but" does; "and a ..." after a negated thing starts something new."""
    kinds = {entry.kind for entry in named}
    if "stop" in kinds and met:
        return True
    words = {entry.name for entry in named}
    following = rest[place + 1] if place + 1 < len(rest) else None
    new_start = isinstance(following, tuple) and following[0] in ("a", "an", "the", "with")
    return "and" in words and met > 0 and new_start


def _list_goes_on(rest: list[_Token | tuple[str, tuple[Entry, ...]]], place: int, turn: str) -> bool:
    """Whether the comma at ``place`` stands inside a list that an "or" ("and" after "only" too) closes."""
    closers = {"or", "nor"} | ({"and"} if turn == "only" else set())
    for part in rest[place + 1 :]:
        if isinstance(part, _Token):
            if part.text != ",":
                return False
            continue
        if part[0] in closers:
            return True
        if not any(entry.kind in ("sound", "group", "unbuilt", "not_made", "mood") for entry in part[1]):
            return False
    return False
