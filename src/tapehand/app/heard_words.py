"""What was heard of a song as a whole, in plain words: what is not known is told as that, not as a figure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tapehand.catalogue.loading import load

if TYPE_CHECKING:
    from tapehand.listening.session import Listening
    from tapehand.song.finding import Fact

SURE: Final = 0.8
PERHAPS: Final = 0.5
# Below this a figure would be chance; there is nothing of the kind to be heard.
NOTHING: Final = 0.2
NOT_SURE: Final = "not sure, please tell me"
TOLD_BY: Final = "tempo map"
A4_HZ: Final = 440.0
EDGES: Final = 10
LONGEST_SONG_S: Final = 1800.0
LEAST_RANGE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line about the song: what, how it was heard, from where to where if not all of it, and how sure that is.

    ``brief`` is the value in two words.
    """

    what: str
    value: str
    brief: str
    start_s: float | None = None
    end_s: float | None = None
    sure: str = ""


def sure_words(confidence: float) -> str:
    """How far to believe what was heard, in words."""
    if confidence >= SURE:
        return "confident"
    return "perhaps" if confidence >= PERHAPS else NOT_SURE


def kind_words(kind: str) -> str:
    """What a kind of finding is called."""
    return str(load("findings")["kinds"].get(kind, {}).get("name", kind.replace("_", " ")))


def said_of_song(heard: "Listening") -> tuple[Said, ...]:
    """Tempo, metre, keys and tuning, as far as there are any; nothing of a song in which there is nothing to hear."""
    if all(track.silent for track in heard.tracks):
        return ()
    told: dict[str, list[Fact]] = {}
    for fact in heard.facts:
        if fact.track is None:
            told.setdefault(fact.name, []).append(fact)
    return (*_tempo(told), *_metre(told.get("metre", ())), *_keys(told.get("key", ())), *_tuning(told))


def form_is_told(heard: "Listening") -> bool:
    """Whether any section is more than a guess; a set or a side of a record has songs, and no sections."""
    is_a_song = bool(heard.bars_s) and heard.bars_s[-1] <= LONGEST_SONG_S
    return is_a_song and any(section.confidence >= PERHAPS for section in heard.sections)


def _tempo(told: "dict[str, list[Fact]]") -> Iterator[Said]:
    tempos = [fact for fact in told.get("tempo_bpm", ()) if fact.confidence >= NOTHING]
    if not tempos:
        yield Said(what="tempo", value="no beat that holds", brief="none")
    for fact in tempos:
        if fact.method.startswith(TOLD_BY):
            yield _said("tempo", f"{fact.value:.2f} BPM", fact, sure=fact.method)
        elif fact.confidence >= PERHAPS:
            value, brief = _tempo_words(fact, told)
            yield _said("tempo", value, fact, brief=brief)
        else:
            yield _said("tempo", f"{fact.value:.1f} BPM?", fact)


def _tempo_words(fact: "Fact", told: "dict[str, list[Fact]]") -> tuple[str, str]:
    """One figure where one tempo holds, else from where to where it moves; and the same in brief."""
    keeps = next((str(each.value) for each in told.get("tempo_keeps", ())), "")
    moves = _range([float(each.value) for each in told.get("tempo_at", ())])
    if keeps == "steady" or moves is None:
        exact = f"{fact.value:.2f} BPM"
        return f"{exact}{', steady' if keeps == 'steady' else ''}", exact
    slow, fast = moves
    if keeps == "free":
        return f"no single one: between {slow:.0f} and {fast:.0f} BPM", f"{slow:.0f}-{fast:.0f} BPM"
    about = f"{fact.value:.1f} BPM"
    if fast / slow < 1.0 + LEAST_RANGE:
        return f"{about}, nearly steady", about
    return f"{about}, moving between {slow:.0f} and {fast:.0f}", about


def _range(values: Sequence[float]) -> tuple[float, float] | None:
    """Without a tenth at either end."""
    if not values:
        return None
    ordered, cut = sorted(values), len(values) // EDGES
    return ordered[cut], ordered[len(ordered) - 1 - cut]


def _metre(facts: "Sequence[Fact]") -> Iterator[Said]:
    for fact in facts:
        if fact.method.startswith(TOLD_BY):
            yield _said("metre", str(fact.value), fact, sure=fact.method)
        elif fact.confidence >= NOTHING:
            yield _said("metre", _doubted(str(fact.value), fact), fact)


def _keys(facts: "Sequence[Fact]") -> Iterator[Said]:
    clear = [fact for fact in facts if fact.confidence >= NOTHING]
    if not clear:
        yield Said(what="key", value="none that is clear", brief="none clear")
    for fact in clear:
        told = _said("key", _doubted(str(fact.value), fact), fact)
        yield told if len(facts) > 1 else replace(told, start_s=None, end_s=None)


def _tuning(told: "dict[str, list[Fact]]") -> Iterator[Said]:
    for fact in told.get("tuning_hz", ()):
        if fact.confidence >= PERHAPS:
            cents = 1200.0 * math.log2(float(fact.value) / A4_HZ)
            yield _said("tuning", f"A = {fact.value:.1f} Hz ({cents:+.0f} cents)", fact)


def _doubted(words: str, fact: "Fact") -> str:
    return words if fact.confidence >= PERHAPS else f"{words}?"


def _said(what: str, value: str, fact: "Fact", **more: Any) -> Said:
    sure = more.get("sure", sure_words(fact.confidence))
    brief = more.get("brief", value)
    return Said(what=what, value=value, brief=brief, start_s=fact.start_s, end_s=fact.end_s, sure=sure)
