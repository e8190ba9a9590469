"""Form: where the sections of a song begin and what they are, from which tracks play in each bar.

A session has what a mix has not: tracks that rest. What plays in a bar, how loud, and with what spectrum makes the
bar's picture; the song is cut where pictures change, by the cheapest cut over the whole song (dynamic programming),
which prefers sections of whole phrases. Cuts with alike pictures are one kind of section, and kinds are named by rules
that can be said: the fullest that returns is the hook. Every name comes with its reason, and a person's word outranks
all of it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.recordings import Compact
from tapehand.listening.roles import group_of

Levels = NDArray[np.float64]

METHOD: Final = "form/1"
NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Line:
    """One track, or the whole mix, as form hears it."""

    role: str
    compact: Compact


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardSection:
    """A section that was heard.

    Parameters
    ----------
    kind : a kind of ``catalogue/form.toml``.
    name : what it would be called ("Verse 2").
    start_bar, bars : bars count from 1.
    energy : 0..1, against the fullest bar of the song.
    why : what the name rests on, in plain words.
    """

    kind: str
    name: str
    start_bar: int
    bars: int
    start_s: float
    end_s: float
    energy: float
    confidence: float
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class _Bars:
    """Pictures of all bars.

    ``playing`` (bars, tracks) 0..1; ``tone`` (bars, bands) in dB; ``level_db`` (bars,); ``voices`` and ``drums`` say
    which tracks are such; ``has_tracks`` is False for a mix.
    """

    playing: Levels
    tone: Levels
    level_db: Levels
    voices: NDArray[np.bool_]
    drums: NDArray[np.bool_]
    has_tracks: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A stretch between two cuts, with its mean picture and how full it is (0..1 of the fullest part)."""

    first: int
    last: int
    picture: Levels
    fullness: float
    voice: float
    drums: float

    @property
    def bars(self) -> int:
        return self.last - self.first


def find_form(lines: Sequence[Line], bars_s: Sequence[float]) -> tuple[HeardSection, ...]:
    """The sections of a song; ``bars_s`` are the starts of its bars and the end of the last, in seconds, rising.

    ``lines`` are its tracks, or one line that is the mix; with tracks the answer is better founded. Empty for silence.
    """
    if len(bars_s) < 2 or not lines:
        return ()
    hearing = load("form")["hearing"]
    bars = _pictures(lines, np.asarray(bars_s, dtype=np.float64), hearing)
    if not np.isfinite(bars.level_db).any():
        return ()
    points = _points(bars, hearing)
    limits = hearing["tracks" if bars.has_tracks else "mix"]
    unrest = _unrest(points)
    cuts = _cheapest_cuts(points, limits["cut_price"], hearing)
    parts = _parts(bars, points, cuts)
    families = _families(parts, _between(limits["alike"], limits["alike_of_unrest"] * math.sqrt(unrest)))
    return _named(parts, families, bars_s, has_tracks=bars.has_tracks)


def playing_map(lines: Sequence[Line], bars_s: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """How much each track plays in each bar, 0..1, ``[track][bar]``, to be drawn."""
    if len(bars_s) < 2 or not lines:
        return ()
    playing = _pictures(lines, np.asarray(bars_s, dtype=np.float64), load("form")["hearing"]).playing
    return tuple(tuple(round(float(share), 2) for share in track) for track in playing.T)


def _pictures(lines: Sequence[Line], bars_s: Levels, hearing: Mapping[str, Any]) -> _Bars:
    levels = np.stack([_bar_means(line.compact.levels[:, np.newaxis], line.compact, bars_s)[:, 0] for line in lines], 1)
    bands = np.zeros((bars_s.size - 1, lines[0].compact.bands.shape[1]))
    for line in lines:
        bands += _bar_means(line.compact.bands, line.compact, bars_s)
    groups = [group_of(line.role) for line in lines]
    total = bands.sum(axis=1)
    return _Bars(
        playing=_playing(levels, hearing),
        tone=_decibels(bands + 1e-9 * float(total.max(initial=0.0))),
        level_db=np.where(total > NOTHING, _decibels(total), -np.inf),
        voices=np.array([group == "vocals" for group in groups]),
        drums=np.array([group == "drums" for group in groups]),
        has_tracks=len(lines) > 1,
    )


def _bar_means(values: NDArray[np.float32], compact: Compact, bars_s: Levels) -> Levels:
    """Mean over each bar of values ``(frames, n)``; 0 after their end."""
    at = np.clip(np.rint(bars_s * compact.frames_per_s).astype(np.int64), 0, values.shape[0])
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    means: Levels = (sums[at[1:]] - sums[at[:-1]]) / np.maximum(np.diff(at), 1)[:, np.newaxis]
    return means


def _playing(levels: Levels, hearing: Mapping[str, Any]) -> Levels:
    """How much each track plays in each bar against its own loud bars: 1 near them, 0 ``rest_db`` under them."""
    loud_db = _decibels(np.quantile(levels, 0.9, axis=0))
    loud_db = np.where(loud_db > hearing["silent_db"], loud_db, _decibels(levels.max(axis=0)))
    share = (_decibels(levels) - loud_db + hearing["rest_db"]) / (hearing["rest_db"] - hearing["full_db"])
    playing: Levels = np.clip(share, 0.0, 1.0) * (loud_db > hearing["silent_db"])
    return playing


def _points(bars: _Bars, hearing: Mapping[str, Any]) -> Levels:
    """Each bar as a point ``(bars, n)``; bars that sound alike lie near each other."""
    tone = np.clip((bars.tone - bars.tone.mean(axis=0)) / hearing["tone_db"], -2.0, 2.0) / math.sqrt(bars.tone.shape[1])
    if not bars.has_tracks:
        whole: Levels = tone * hearing["mix"]["tone_weight"]
        return whole
    playing = bars.playing / math.sqrt(bars.playing.shape[1])
    return np.concatenate([playing, tone * hearing["tracks"]["tone_weight"]], axis=1)


def _unrest(points: Levels) -> float:
    """How much bars differ that follow each other inside a part: half the median squared step."""
    steps = np.square(np.diff(points, axis=0)).sum(axis=1)
    return 0.5 * float(np.median(steps)) if steps.size else 0.0


def _between(bounds: Sequence[float], value: float) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _cheapest_cuts(points: Levels, price: float, hearing: Mapping[str, Any]) -> list[int]:
    """The cuts, first and last bar line included, for which scatter inside parts and price of parts are least."""
    count, longest = points.shape[0], int(hearing["longest_bars"])
    sums = np.concatenate([np.zeros((1, points.shape[1])), np.cumsum(points, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum(np.square(points).sum(axis=1))])
    prices = np.array([0.0] + [price * _phrase(length, hearing) for length in range(1, longest + 1)])
    cheapest, came_from = np.full(count + 1, np.inf), np.zeros(count + 1, dtype=np.int64)
    cheapest[0] = 0.0
    for end in range(1, count + 1):
        starts = np.arange(max(0, end - longest), end)
        lengths = end - starts
        scatter = squares[end] - squares[starts] - np.square(sums[end] - sums[starts]).sum(axis=1) / lengths
        # The song may end inside a phrase.
        asked = prices[lengths] if end < count else np.minimum(prices[lengths], price * hearing["phrases"]["four"])
        costs = cheapest[starts] + scatter + asked
        best = int(costs.argmin())
        cheapest[end], came_from[end] = costs[best], starts[best]
    cuts = [count]
    while cuts[-1] > 0:
        cuts.append(int(came_from[cuts[-1]]))
    return cuts[::-1]


def _phrase(bars: int, hearing: Mapping[str, Any]) -> float:
    """What a part of so many bars costs, against one of eight."""
    phrases = hearing["phrases"]
    for divisor, name in ((8, "eight"), (4, "four"), (2, "two")):
        if bars % divisor == 0:
            return float(phrases[name])
    return float(phrases["odd"] if bars > 3 else phrases["shortest"])


def _parts(bars: _Bars, points: Levels, cuts: Sequence[int]) -> list[_Part]:
    loudest = float(bars.level_db.max())
    level = np.clip((bars.level_db - loudest) / 30.0 + 1.0, 0.0, 1.0)
    full = 0.5 * level + 0.5 * bars.playing.mean(axis=1) if bars.has_tracks else level
    full = full / max(float(full.max()), NOTHING)
    voice = bars.playing[:, bars.voices].max(axis=1, initial=0.0)
    drums = bars.playing[:, bars.drums].max(axis=1, initial=0.0)
    return [
        _Part(
            first,
            last,
            points[first:last].mean(axis=0),
            *(float(values[first:last].mean()) for values in (full, voice, drums)),
        )
        for first, last in pairwise(cuts)
    ]


def _families(parts: Sequence[_Part], alike: float) -> list[int]:
    """Which parts are one kind, by average linkage: parts join while their pictures lie nearer than ``alike``."""
    distance = np.array([[float(np.linalg.norm(a.picture - b.picture)) for b in parts] for a in parts])
    groups = [[place] for place in range(len(parts))]
    while len(groups) > 1:
        pairs = [(a, b) for a in range(len(groups)) for b in range(a + 1, len(groups))]
        nearest = min(pairs, key=lambda pair: float(distance[np.ix_(groups[pair[0]], groups[pair[1]])].mean()))
        if float(distance[np.ix_(groups[nearest[0]], groups[nearest[1]])].mean()) > alike:
            break
        groups[nearest[0]] += groups.pop(nearest[1])
    family = [0] * len(parts)
    for number, group in enumerate(groups):
        for place in group:
            family[place] = number
    return family


@dataclass(frozen=True, slots=True)
class _Label:
    kind: str
    confidence: float
    why: str


def _named(
    parts: Sequence[_Part], families: Sequence[int], bars_s: Sequence[float], *, has_tracks: bool
) -> tuple[HeardSection, ...]:
    labels = _labels(parts, families, has_tracks=has_tracks)
    kinds = load("form")["kinds"]
    counts, seen = Counter(label.kind for label in labels), Counter[str]()
    sections = []
    for part, label in zip(parts, labels, strict=True):
        seen[label.kind] += 1
        name = kinds[label.kind]["name"]
        sections.append(
            HeardSection(
                kind=label.kind,
                name=f"{name} {seen[label.kind]}" if counts[label.kind] > 1 else name,
                start_bar=part.first + 1,
                bars=part.bars,
                start_s=float(bars_s[part.first]),
                end_s=float(bars_s[part.last]),
                energy=round(part.fullness, 3),
                confidence=label.confidence,
                why=label.why,
            )
        )
    return tuple(sections)


def _labels(parts: Sequence[_Part], families: Sequence[int], *, has_tracks: bool) -> list[_Label]:
    if len(parts) < 3:
        return [_Label("groove", 0.3, "the song does not change enough to tell sections apart")] * len(parts)
    hook, sure = _hook(parts, families, has_tracks=has_tracks)
    return [_label(place, parts, families, hook, sure) for place in range(len(parts))]


def _hook(parts: Sequence[_Part], families: Sequence[int], *, has_tracks: bool) -> tuple[int, float]:
    """The family of the hook, and how far to believe it: the fullest that returns, against the next fullest."""
    scores = {}
    for family in set(families):
        members = [part for part, own in zip(parts, families, strict=True) if own == family]
        bars = sum(part.bars for part in members)
        fullness = sum(part.fullness * part.bars for part in members) / bars
        returns = min(len(members), 3) - 1
        only_edge = all(part is parts[0] or part is parts[-1] for part in members)
        scores[family] = fullness + 0.08 * returns - 0.3 * only_edge
    first, *others = sorted(scores.values(), reverse=True)
    margin = first - max(others, default=0.0)
    hook = max(scores, key=lambda family: (scores[family], -family))
    returns = families.count(hook) > 1
    most = 0.9 if has_tracks else 0.75
    return hook, round(min(most, 0.45 + 2.0 * margin + 0.15 * returns), 2)


def _label(place: int, parts: Sequence[_Part], families: Sequence[int], hook: int, sure: float) -> _Label:
    part, family = parts[place], families[place]
    times = families.count(family)
    hooks = [where for where, own in enumerate(families) if own == hook]
    if family == hook:
        return _Label("hook", sure, _hook_words(times))
    if place == 0 and part.bars <= 16:
        return _Label("intro", 0.7, "it comes first and is thinner than what follows")
    if place == len(parts) - 1 and part.bars <= 16:
        return _Label("outro", 0.7, "it comes last, after the fullest part")
    if times == 1 and place > hooks[0]:
        rests = max(part.drums, part.voice) < 0.3
        return _Label(*(("break", 0.6, "it comes once, and drums and voices rest") if rests else _ONCE))
    if part.bars <= 4 and families[place + 1] == hook and place > 1 and families[place - 1] != hook and times > 1:
        return _Label("pre", 0.6, "it is short and leads into the fullest part every time")
    again = f"it returns {times} times" if times > 1 else "it comes before the fullest part"
    return _Label("verse", min(sure, 0.8), f"{again} and is thinner than the fullest part")


_ONCE: Final = ("bridge", 0.6, "it comes once, after the fullest part was heard")


def _hook_words(times: int) -> str:
    return f"the fullest part, and it comes {times} times" if times > 1 else "the fullest part"


def _decibels(power: Levels) -> Levels:
    decibels: Levels = 10.0 * np.log10(np.maximum(power, NOTHING))
    return decibels
