"""Form: where the sections of a song begin and what they are, from which tracks play in each bar.

A session has what a mix has not: tracks that rest. What plays in a bar, how loud, and with what spectrum makes the
bar's picture; the song is cut where pictures change, by the cheapest cut over the whole song (dynamic programming),
which prefers sections of whole phrases. Cuts with alike pictures are one kind of section, and kinds are named by rules
that can be said: the fullest that returns is the hook. Every name comes with its reason. A person's word outranks all
of it, then the DAW's markers, then the names of tracks and regions: what they name is cut out first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.marks import Mark
from tapehand.listening.recordings import Compact
from tapehand.listening.roles import group_of
from tapehand.listening.section_labels import Part, SpokenTrack, ToldBy, ToldSection, labels_of, names_of
from tapehand.listening.section_names import file_section_name

Levels = NDArray[np.float64]

METHOD: Final = "form/2"
NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Line:
    """One track, or the whole mix, as form hears it; ``spoken`` are its names, which may speak of sections."""

    role: str
    compact: Compact
    spoken: tuple[Mark, ...] = ()


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
    told_by : who said so; what is told by nobody is heard.
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
    told_by: ToldBy = "sound"


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


def find_form(
    lines: Sequence[Line], bars_s: Sequence[float], told: Sequence[ToldSection] = ()
) -> tuple[HeardSection, ...]:
    """The sections of a song; ``bars_s`` are the starts of its bars and the end of the last, in seconds, rising.

    ``lines`` are its tracks, or one line that is the mix; with tracks the answer is better founded. Sections that were
    ``told`` stay as they are, and what they leave is heard. Empty for silence of which nothing is told.
    """
    if len(bars_s) < 2 or not lines:
        return ()
    hearing = load("form")["hearing"]
    bars = _pictures(lines, np.asarray(bars_s, dtype=np.float64), hearing)
    spoken = _spoken_tracks(lines, bars, bars_s)
    points = _points(bars, hearing)
    limits = hearing["tracks" if bars.has_tracks else "mix"]
    fixed = _fixed(told, bars_s)
    parts = [_part(bars, points, *span) for span in _spans(fixed, bars, _with_names(points, spoken, hearing), hearing)]
    if not parts:
        return ()
    families = _families(parts, _between(limits["alike"], limits["alike_of_unrest"] * math.sqrt(_unrest(points))))
    named = {place: fixed[span] for place, part in enumerate(parts) if (span := (part.first, part.last)) in fixed}
    return _sections(parts, families, named, spoken, bars_s, has_tracks=bars.has_tracks)


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


def _part(bars: _Bars, points: Levels, first: int, last: int) -> Part:
    loudest = float(bars.level_db.max())
    level = np.clip((bars.level_db - loudest) / 30.0 + 1.0, 0.0, 1.0) if np.isfinite(loudest) else np.zeros(len(points))
    full = 0.5 * level + 0.5 * bars.playing.mean(axis=1) if bars.has_tracks else level
    full = full / max(float(full.max()), NOTHING)
    voice = bars.playing[:, bars.voices].max(axis=1, initial=0.0)
    drums = bars.playing[:, bars.drums].max(axis=1, initial=0.0)
    means = (float(values[first:last].mean()) for values in (full, voice, drums))
    return Part(first, last, points[first:last].mean(axis=0), *means)


def _families(parts: Sequence[Part], alike: float) -> list[int]:
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


def _sections(
    parts: Sequence[Part],
    families: Sequence[int],
    told: Mapping[int, ToldSection],
    spoken: Sequence[SpokenTrack],
    bars_s: Sequence[float],
    *,
    has_tracks: bool,
) -> tuple[HeardSection, ...]:
    labels = labels_of(parts, families, told, spoken, has_tracks=has_tracks)
    edges_s = list(bars_s)
    for place, section in told.items():  # a marker may stand a little beside the bar line
        edges_s[parts[place].first] = section.start_s
        edges_s[parts[place].last] = section.end_s
    energies = {place: section.energy for place, section in told.items() if section.energy is not None}
    return tuple(
        HeardSection(
            kind=label.kind,
            name=name,
            start_bar=part.first + 1,
            bars=part.bars,
            start_s=float(edges_s[part.first]),
            end_s=float(edges_s[part.last]),
            energy=energies.get(place, round(part.fullness, 3)),
            confidence=label.confidence,
            why=label.why,
            told_by=label.told_by,
        )
        for place, (part, label, name) in enumerate(zip(parts, labels, names_of(labels), strict=True))
    )


def _fixed(told: Sequence[ToldSection], bars_s: Sequence[float]) -> dict[tuple[int, int], ToldSection]:
    """Told sections by the bars ``(first, last)`` that they take; where two overlap the later one begins in time."""
    lines = np.asarray(bars_s, dtype=np.float64)
    starts = [(int(np.abs(lines - section.start_s).argmin()), section) for section in told]
    starts.sort(key=lambda each: (each[0], each[1].start_s))
    fixed = {}
    for number, (first, section) in enumerate(starts):
        following = starts[number + 1][0] if number + 1 < len(starts) else lines.size - 1
        last = min(int(np.abs(lines - section.end_s).argmin()), following)
        if last > first:
            fixed[first, last] = section
    return fixed


def _spans(
    fixed: Mapping[tuple[int, int], ToldSection], bars: _Bars, points: Levels, hearing: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """First and last bar line of every part: the told ones, and the cheapest cuts of what they leave."""
    price = hearing["tracks" if bars.has_tracks else "mix"]["cut_price"]
    spans, place = [], 0
    for first, last in [*sorted(fixed), (len(points), len(points))]:
        if _is_worth_hearing(bars, place, first, hearing, is_all=not fixed):
            cuts = _cheapest_cuts(points[place:first], price, hearing)
            spans += [(place + start, place + end) for start, end in pairwise(cuts)]
        if last > first:
            spans.append((first, last))
        place = last
    return spans


def _is_worth_hearing(bars: _Bars, first: int, last: int, hearing: Mapping[str, Any], *, is_all: bool) -> bool:
    """Whether bars that nobody named can be a section: neither a count-in nor what rings on after the last."""
    here = bars.level_db[first:last]
    if is_all or not here.size:
        return bool(np.isfinite(here).any())
    floor_db = float(bars.level_db.max()) - hearing["rest_db"]
    return bool(here.size >= hearing["shortest_unnamed_bars"] and np.median(here) > floor_db)


def _spoken_tracks(lines: Sequence[Line], bars: _Bars, bars_s: Sequence[float]) -> list[SpokenTrack]:
    """Names that speak of a section, each with the bars in which what bears it plays."""
    lines_s = np.asarray(bars_s, dtype=np.float64)
    spoken = []
    for line, playing in zip(lines, bars.playing.T, strict=True):
        for stretch in line.spoken:
            section = file_section_name(stretch.name)
            if section is not None and len(lines) > 1:
                inside = (lines_s[1:] > stretch.start_s) & (lines_s[:-1] < (stretch.end_s or math.inf))
                spoken.append(SpokenTrack(name=stretch.name, section=section, playing=playing * inside))
    return spoken


def _with_names(points: Levels, spoken: Sequence[SpokenTrack], hearing: Mapping[str, Any]) -> Levels:
    """Points to be cut by: bars in which something else is spoken of lie further apart."""
    kinds = sorted({track.section.kind for track in spoken})
    columns = [
        np.max([track.playing for track in spoken if track.section.kind == kind], axis=0) * hearing["name_weight"]
        for kind in kinds
    ]
    return np.column_stack([points, *columns])


def _decibels(power: Levels) -> Levels:
    decibels: Levels = 10.0 * np.log10(np.maximum(power, NOTHING))
    return decibels
