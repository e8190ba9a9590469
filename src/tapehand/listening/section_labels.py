"""What the parts of a song are called, and why: by a person, by the DAW's markers, by names of tracks, by their sound.

They are trusted in that order. A part that nobody speaks of takes the kind of one that sounds like it; what is left is
named by rules that can be said: the fullest that returns is the hook.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.section_names import SectionName

Levels = NDArray[np.float64]
ToldBy = Literal["person", "markers", "names", "sound"]

SUNG_AS_HOOK: Final = ("hook", "drop")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A stretch between two cuts, with its mean picture and how full it is (0..1 of the fullest part)."""

    first: int
    last: int
    picture: Levels
    fullness: float
    voice: float
    drums: float

    @property
    def bars(self) -> int:
        """How long it is."""
        return self.last - self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSection:
    """A stretch that somebody named: a person in the song, or the DAW by a marker."""

    name: str
    kind: str
    start_s: float
    end_s: float
    told_by: Literal["person", "markers"]
    energy: float | None = None

    @property
    def label(self) -> "Label":
        """What it says of the part that lies there."""
        if self.told_by == "person":
            return Label(self.kind, 1.0, "it is named so in the song", "person", name=self.name)
        confidence = float(load("form")["told"]["by_marker"])
        return Label(self.kind, confidence, f'a marker says "{self.name}"', "markers", name=self.name)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpokenTrack:
    """A track, or a region on it, whose name speaks of a section, and how much it plays in each bar, 0..1."""

    name: str
    section: SectionName
    playing: Levels


@dataclass(frozen=True, slots=True)
class Label:
    """What a part is. ``name`` is what it is called exactly; ``word`` and ``number`` what makes its name otherwise."""

    kind: str
    confidence: float
    why: str
    told_by: ToldBy = "sound"
    name: str = ""
    word: str = ""
    number: int | None = None


def labels_of(
    parts: Sequence[Part],
    families: Sequence[int],
    told: Mapping[int, ToldSection],
    spoken: Sequence[SpokenTrack],
    *,
    has_tracks: bool,
) -> list[Label]:
    """A label for each part; ``told`` are those of parts that were named outright."""
    known = _by_names(parts, spoken) | {place: section.label for place, section in told.items()}
    known |= _by_likeness(families, known)
    if len(known) == len(parts):
        return [known[place] for place in range(len(parts))]
    if len(parts) < 3:
        alike = Label("groove", 0.3, "the song does not change enough to tell sections apart")
        return [known.get(place, alike) for place in range(len(parts))]
    hook, sure = _hook(parts, families, known, has_tracks=has_tracks)
    return [known.get(place) or _label(place, parts, families, hook, sure) for place in range(len(parts))]


def names_of(labels: Sequence[Label]) -> list[str]:
    """What the parts are called: no two the same, those of a kind numbered where there are several."""
    kinds = load("form")["kinds"]
    words = {label.kind: label.word for label in labels if label.word}
    counts, seen = Counter(label.kind for label in labels), Counter[str]()
    names = []
    for label in labels:
        seen[label.kind] += 1
        word = label.word or words.get(label.kind) or kinds[label.kind]["name"]
        number = label.number or seen[label.kind]
        names.append(label.name or (f"{word} {number}" if label.number or counts[label.kind] > 1 else word))
    return _unlike(names)


def _unlike(names: Sequence[str]) -> list[str]:
    """Names that stand more than once get numbers that are free."""
    counts, taken, unlike = Counter(names), set(names), []
    for name in names:
        if counts[name] > 1:
            number = next(n for n in range(1, len(names) + len(taken) + 2) if f"{name} {n}" not in taken)
            name = f"{name} {number}"
            taken.add(name)
        unlike.append(name)
    return unlike


def _by_names(parts: Sequence[Part], spoken: Sequence[SpokenTrack]) -> dict[int, Label]:
    """Parts in which tracks play that are named after a section, and that rest elsewhere."""
    told = load("form")["told"]
    heard = [track for track in spoken if 0.0 < float(track.playing.mean()) <= told["most_of_song"]]
    labels = {}
    for place, part in enumerate(parts):
        here = {track: share for track in heard if (share := _share(track, part)) >= told["least_of_section"]}
        kinds = {track.section.kind for track in here}
        votes = {kind: sum(share for track, share in here.items() if track.section.kind == kind) for kind in kinds}
        most = [kind for kind, vote in votes.items() if vote == max(votes.values())]
        if len(most) != 1:
            continue
        kind = most[0]
        first = max((track for track in here if track.section.kind == kind), key=lambda track: here[track])
        labels[place] = _label_of_name(first, kind, parts, told)
    return labels


def _label_of_name(track: SpokenTrack, kind: str, parts: Sequence[Part], told: Mapping[str, Any]) -> Label:
    """Its number counts where it plays in one part alone: "Chorus Gtr 2" is the second guitar of all choruses."""
    alone = sum(_share(track, part) >= told["least_of_section"] for part in parts) == 1
    why = f'"{track.name}" plays here and rests elsewhere'
    number = track.section.number if alone else None
    return Label(kind, float(told["by_name"]), why, "names", word=track.section.word, number=number)


def _share(track: SpokenTrack, part: Part) -> float:
    return float(track.playing[part.first : part.last].mean())


def _by_likeness(families: Sequence[int], known: Mapping[int, Label]) -> dict[int, Label]:
    """Parts of which nobody speaks, but that sound like parts that all are called the same."""
    labels = {}
    for place, family in enumerate(families):
        models = [known[other] for other, own in enumerate(families) if own == family and other in known]
        if place in known or len({model.kind for model in models}) != 1:
            continue
        model = models[0]
        why = f"it sounds like {model.name or model.word}, which is named so"
        confidence = min(model.confidence, float(load("form")["told"]["by_likeness"]))
        labels[place] = replace(model, confidence=confidence, why=why, told_by="sound", name="", number=None)
    return labels


def _hook(
    parts: Sequence[Part], families: Sequence[int], known: Mapping[int, Label], *, has_tracks: bool
) -> tuple[int, float]:
    """The family of the hook, and how far to believe it: the one that is called so, else the fullest that returns."""
    scores = {}
    for family in set(families):
        members = [part for part, own in zip(parts, families, strict=True) if own == family]
        bars = sum(part.bars for part in members)
        fullness = sum(part.fullness * part.bars for part in members) / bars
        returns = min(len(members), 3) - 1
        only_edge = all(part is parts[0] or part is parts[-1] for part in members)
        scores[family] = fullness + 0.08 * returns - 0.3 * only_edge
    spoken = {families[place]: label.kind in SUNG_AS_HOOK for place, label in known.items()}
    called = [family for family, is_hook in spoken.items() if is_hook]
    free = called or [family for family in scores if family not in spoken] or list(scores)
    hook = max(free, key=lambda family: (scores[family], -family))
    margin = scores[hook] - max((score for family, score in scores.items() if family != hook), default=0.0)
    returns = families.count(hook) > 1
    most = 0.9 if has_tracks else 0.75
    return hook, round(min(most, max(0.3, 0.45 + 2.0 * margin + 0.15 * returns)), 2)


def _label(place: int, parts: Sequence[Part], families: Sequence[int], hook: int, sure: float) -> Label:
    part, family = parts[place], families[place]
    times = families.count(family)
    hooks = [where for where, own in enumerate(families) if own == hook]
    if family == hook:
        return Label("hook", sure, _hook_words(times))
    if place == 0 and part.bars <= 16:
        return Label("intro", 0.7, "it comes first and is thinner than what follows")
    if place == len(parts) - 1 and part.bars <= 16:
        return Label("outro", 0.7, "it comes last, after the fullest part")
    if times == 1 and place > hooks[0]:
        rests = max(part.drums, part.voice) < 0.3
        return Label(*(("break", 0.6, "it comes once, and drums and voices rest") if rests else _ONCE))
    leads = place > 1 and place + 1 < len(parts) and families[place + 1] == hook and families[place - 1] != hook
    if part.bars <= 4 and leads and times > 1:
        return Label("pre", 0.6, "it is short and leads into the fullest part every time")
    again = f"it returns {times} times" if times > 1 else "it comes before the fullest part"
    return Label("verse", min(sure, 0.8), f"{again} and is thinner than the fullest part")


_ONCE: Final = ("bridge", 0.6, "it comes once, after the fullest part was heard")


def _hook_words(times: int) -> str:
    return f"the fullest part, and it comes {times} times" if times > 1 else "the fullest part"
