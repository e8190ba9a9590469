"""A sentence -> what was wished. Nothing is filled in here; that is ``brief.py``'s work."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tapehand.catalogue.loading import load
from tapehand.engines.composing.facts import Facts, Page, read_facts
from tapehand.engines.composing.lexicon import Mention, mentions, right_words, unknown_words, vocabulary
from tapehand.engines.composing.text import clean, correct
from tapehand.errors import InputError

EXAMPLE: Final = 'For example: "dusty boom bap, 88 bpm, F minor, two minutes, no lead".'
_NEAR_CONFIDENCE: Final = 0.7
_NEAREST_CONFIDENCE: Final = 0.3
_NAMED: Final = re.compile(
    r"\b(?:in the style of|sounds? like|inspired by|reminiscent of|(?:à|a) la)\s+"
    r"(?P<after>[A-Za-z][\w .'&-]{1,40}?)(?=,|\.|;|$| with | at | in )"
    r"|(?P<before>[A-Za-z][\w.'&-]*(?:\s+[A-Za-z][\w.'&-]*){0,2})\s+type\s+beat"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """An instrument that was asked for: its word, the part it plays in, and the patch or drum piece it asks for."""

    name: str
    part: str
    patch: str | None = None
    piece: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Everything that was said, and nothing that was not."""

    facts: Facts
    genre: str | None = None
    genre_confidence: float = 0.0
    moods: tuple[str, ...] = ()
    unmoods: tuple[str, ...] = ()
    sounds: tuple[Sound, ...] = ()
    parts: tuple[str, ...] = ()
    excluded_parts: tuple[str, ...] = ()
    excluded_sounds: tuple[Sound, ...] = ()
    excluded_words: tuple[str, ...] = ()
    only: bool = False
    instrument_words: tuple[str, ...] = ()
    amounts: tuple[tuple[str, float], ...] = ()
    sections: tuple[str, ...] = ()
    excluded_sections: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def parse(text: str) -> Wishes:
    """What a prompt asks for.

    Raises
    ------
    InputError : ``brief.empty`` for no words, ``brief.nothing_understood`` for words that name nothing of a beat.
    """
    plain = clean(text)
    if not plain:
        raise InputError("brief.empty", "The prompt is empty", hint=EXAMPLE)
    read, corrections = correct(plain, vocabulary(), right_words())
    page = Page(read)
    facts = read_facts(page)
    found = mentions(page.text)
    if not facts.any and not any(m.entry.kind not in ("not_made", "person") for m in found):
        raise InputError(
            "brief.nothing_understood", "Nothing in the prompt says what kind of beat is wanted", hint=EXAMPLE
        )
    notes = [f'"{c.typed}" was read as "{c.read}"' for c in corrections]
    notes += [*page.notes, *_strangers(read, found), *_unread(_NAMED.sub(" ", page.text))]
    return _gathered(facts, found, notes)


@cache
def sounds() -> Mapping[str, Sound]:
    """The instruments that words can ask for."""
    rows: Mapping[str, Any] = load("instrument_words")["sounds"]
    return {
        name: Sound(name=name, part=row["part"], patch=row.get("patch"), piece=row.get("piece"))
        for name, row in rows.items()
    }


def _gathered(facts: Facts, found: tuple[Mention, ...], notes: list[str]) -> Wishes:
    found, said = _with_people(found)
    notes += said
    genre, confidence, genre_notes = _genre(found)
    wanted = [m for m in found if not m.negated and m.amount >= 1.0]
    unwanted = [m for m in found if m.negated]
    excluded = [sounds()[m.entry.name] for m in unwanted if m.entry.kind == "sound"]
    groups: Mapping[str, Any] = load("instrument_words")["groups"]
    wished_sounds = [sounds()[m.entry.name] for m in wanted if m.entry.kind == "sound"]
    wished_parts = [part for m in wanted if m.entry.kind == "group" for part in groups[m.entry.name]["parts"]]
    excluded_parts = [part for m in unwanted if m.entry.kind == "group" for part in groups[m.entry.name]["parts"]]
    excluded_parts += [sound.part for sound in excluded if sound.name == sound.part]
    contradicted = {m.entry for m in wanted} & {m.entry for m in unwanted if m.entry.kind in ("sound", "group")}
    notes += [f"{entry.name} is both asked for and excluded; it is left out" for entry in sorted(contradicted, key=str)]
    silenced = [s for s in wished_sounds if s.part in excluded_parts and s not in excluded]
    notes += [
        f"{sound.name} is asked for, but {_group_of(sound, unwanted)} is excluded; it is left out" for sound in silenced
    ]
    notes += list(genre_notes) + _unmade(found)
    amounts = [(part, m.amount) for m in found if m.amount != 1.0 and not m.negated for part in _parts_of(m)]
    return Wishes(
        facts=facts,
        genre=genre,
        genre_confidence=confidence,
        moods=_names(wanted, "mood"),
        unmoods=_names(unwanted, "mood"),
        sounds=tuple(dict.fromkeys(s for s in wished_sounds if s not in excluded and s not in silenced)),
        parts=tuple(dict.fromkeys(part for part in wished_parts if part not in excluded_parts)),
        excluded_parts=tuple(dict.fromkeys(excluded_parts)),
        excluded_sounds=tuple(dict.fromkeys(excluded)),
        excluded_words=tuple(dict.fromkeys(m.entry.name for m in unwanted if m.entry.kind in ("sound", "group"))),
        only=any(m.only for m in wanted if m.entry.kind in ("sound", "group")),
        instrument_words=tuple(
            dict.fromkeys(
                m.entry.name
                for m in wanted
                if m.entry.kind in ("sound", "group")
                and m.entry not in contradicted
                and m.entry.name not in [sound.name for sound in silenced]
            )
        ),
        amounts=tuple(amounts),
        sections=_names(wanted, "section"),
        excluded_sections=_names(unwanted, "section"),
        notes=tuple(dict.fromkeys(notes)),
    )


def _group_of(sound: Sound, unwanted: list[Mention]) -> str:
    """The excluded word whose part ``sound`` would have played."""
    return next(m.entry.name for m in unwanted if sound.part in _parts_of(m))


def _names(found: list[Mention], kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mention.entry.name for mention in found if mention.entry.kind == kind))


def _parts_of(mention: Mention) -> tuple[str, ...]:
    if mention.entry.kind == "sound":
        return (sounds()[mention.entry.name].part,)
    if mention.entry.kind == "group":
        return tuple(load("instrument_words")["groups"][mention.entry.name]["parts"])
    return ()


def _genre(found: tuple[Mention, ...]) -> tuple[str | None, float, list[str]]:
    built = load("lexicon")["genres"]
    said = [m for m in found if not m.negated and m.entry.kind in ("genre", "near_genre", "nearest")]
    ranked = sorted(said, key=lambda m: ("genre", "nearest", "near_genre").index(m.entry.kind))
    if not ranked:
        return None, 0.0, []
    first = ranked[0]
    exact = list(dict.fromkeys(m.entry.name for m in said if m.entry.kind == "genre"))
    notes = []
    if len(exact) > 1:
        names = " and ".join(built[name]["name"] for name in exact)
        notes.append(f"several genres were asked for ({names}); the beat is {built[exact[0]]['name']}")
    if first.entry.kind == "genre":
        notes += [
            f"{m.entry.name} is not built yet; the beat is {built[first.entry.name]['name']}"
            for m in said
            if m.entry.kind == "nearest"
        ]
        return first.entry.name, 0.95, notes
    if first.entry.kind == "near_genre":
        return first.entry.name, _NEAR_CONFIDENCE, notes
    nearest = load("lexicon")["nearest"][first.entry.name]["genre"]
    notes.append(f"{first.entry.name} is not built yet; nearest: {built[nearest]['name']}")
    return nearest, _NEAREST_CONFIDENCE, notes


def _unmade(found: tuple[Mention, ...]) -> list[str]:
    notes = [m.entry.name for m in found if m.entry.kind == "not_made" and not m.negated]
    notes += [
        f"{m.entry.name} is not built yet; nothing plays in its place"
        for m in found
        if m.entry.kind == "unbuilt" and not m.negated
    ]
    return notes


def _with_people(found: tuple[Mention, ...]) -> tuple[tuple[Mention, ...], list[str]]:
    """People replaced by the plain words that stand for them."""
    people: Mapping[str, list[str]] = load("lexicon")["people"]
    out, notes = [], []
    for mention in found:
        if mention.entry.kind != "person":
            out.append(mention)
            continue
        words = people[mention.entry.name]
        notes.append(f"nobody is imitated: {mention.entry.name.title()} is taken as {', '.join(words)}")
        out += [described for word in words for described in mentions(word)]
    return tuple(out), notes


def _unread(text: str) -> list[str]:
    """Words that steered nothing, said so that nobody waits for what they asked."""
    words = unknown_words(text)
    return [f"not understood, so without effect: {', '.join(words)}"] if words else []


def _strangers(text: str, found: tuple[Mention, ...]) -> list[str]:
    """Names of people or songs that were given as a model and are not known."""
    notes = []
    if any(mention.entry.kind == "person" for mention in found):
        return []
    for match in _NAMED.finditer(text):
        name = (match["after"] or match["before"]).strip()
        if not any(m.entry.kind in ("genre", "near_genre", "nearest", "mood") for m in mentions(name)):
            notes.append(
                f'nobody is imitated: "{name}" is not known here, so genre, mood and instruments steer the beat'
            )
    return notes
