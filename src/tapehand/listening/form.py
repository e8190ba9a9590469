"""Form: where the sections of a song begin and what they are, from which tracks play in each bar, and what returns.

A session has what a mix has not: tracks that rest. What plays in a bar, how loud, and with what spectrum makes the
bar's picture (``bar_pictures``); the song is cut where pictures change, or where it goes on otherwise than it went on
before (``repetition``), by the cheapest cut over the whole song (dynamic programming), which prefers sections of whole
phrases. Parts with alike pictures and the same chords in order are one kind of section, and kinds are named by rules
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
from tapehand.listening.bar_pictures import NOTHING, Bars, Line, pictures, points_of
from tapehand.listening.repetition import apart_in_order, progression, returns
from tapehand.listening.section_labels import Part, SpokenTrack, ToldBy, ToldSection, labels_of, names_of
from tapehand.listening.section_names import file_section_name
from tapehand.listening.tones import Chroma

Levels = NDArray[np.float64]

METHOD: Final = "form/3"


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


def find_form(
    lines: Sequence[Line],
    bars_s: Sequence[float],
    told: Sequence[ToldSection] = (),
    chroma: Chroma | None = None,
) -> tuple[HeardSection, ...]:
    """The sections of a song; ``bars_s`` are the starts of its bars and the end of the last, in seconds, rising.

    ``lines`` are its tracks, or one line that is the mix; with tracks the answer is better founded. ``chroma`` is what
    sounds in them. Sections that were ``told`` stay as they are, and what they leave is heard. Empty for silence of
    which nothing is told.
    """
    if len(bars_s) < 2 or not lines:
        return ()
    hearing = load("form")["hearing"]
    bars = pictures(lines, np.asarray(bars_s, dtype=np.float64), hearing)
    spoken = _spoken_tracks(lines, bars, bars_s)
    points = points_of(bars, hearing)
    tones = progression(chroma, bars_s) if chroma is not None else np.zeros((len(points), 1))
    fixed = _fixed(told, bars_s)
    cut_by = np.column_stack([_changes(points, tones, bars, hearing), *_spoken_columns(spoken, hearing)])
    parts = [_part(bars, points, *span) for span in _spans(fixed, bars, cut_by, hearing)]
    if not parts:
        return ()
    limits = hearing["tracks" if bars.has_tracks else "mix"]
    alike = _between(limits["alike"], limits["alike_of_unrest"] * math.sqrt(_unrest(points)))
    families = _families(_apart(parts, tones, hearing["order_weight"]), alike)
    named = {place: fixed[span] for place, part in enumerate(parts) if (span := (part.first, part.last)) in fixed}
    return _sections(parts, families, named, spoken, bars_s, has_tracks=bars.has_tracks)


def playing_map(lines: Sequence[Line], bars_s: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """How much each track plays in each bar, 0..1, ``[track][bar]``, to be drawn."""
    if len(bars_s) < 2 or not lines:
        return ()
    playing = pictures(lines, np.asarray(bars_s, dtype=np.float64), load("form")["hearing"]).playing
    return tuple(tuple(round(float(share), 2) for share in track) for track in playing.T)


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


def _part(bars: Bars, points: Levels, first: int, last: int) -> Part:
    loudest = float(bars.level_db.max())
    level = np.clip((bars.level_db - loudest) / 30.0 + 1.0, 0.0, 1.0) if np.isfinite(loudest) else np.zeros(len(points))
    full = 0.5 * level + 0.5 * bars.playing.mean(axis=1) if bars.has_tracks else level
    full = full / max(float(full.max()), NOTHING)
    voice = bars.playing[:, bars.voices].max(axis=1, initial=0.0)
    drums = bars.playing[:, bars.drums].max(axis=1, initial=0.0)
    means = (float(values[first:last].mean()) for values in (full, voice, drums))
    return Part(first, last, points[first:last].mean(axis=0), *means)


def _changes(points: Levels, tones: Levels, bars: Bars, hearing: Mapping[str, Any]) -> Levels:
    """Points to be cut by: how bars sound, and to which others their chords return.

    The less the sound tells (everybody plays all the time), the more the chords are asked.
    """
    weights = hearing["tracks" if bars.has_tracks else "mix"]
    scatter = float(np.square(points - points.mean(axis=0)).sum(axis=1).mean())
    asked = _between((1.0, hearing["most_asked"]), math.sqrt(weights["telling_scatter"] / max(scatter, NOTHING)))
    returning = returns(tones, hearing["tones_unit"], int(hearing["reach_bars"]), int(hearing["width_bars"]))
    return np.concatenate([points * weights["sound_weight"], returning * hearing["return_weight"] * asked], axis=1)


def _apart(parts: Sequence[Part], tones: Levels, order_weight: float) -> Levels:
    """How far parts lie from each other, ``(parts, parts)``: in their mean pictures, and in their tones in order."""
    apart = np.zeros((len(parts), len(parts)))
    for place, part in enumerate(parts):
        for before, other in enumerate(parts[:place]):
            order = apart_in_order(tones, (part.first, part.last), (other.first, other.last))
            pictures_apart = float(np.square(part.picture - other.picture).sum())
            apart[place, before] = apart[before, place] = math.sqrt(pictures_apart + order_weight**2 * order)
    return apart


def _families(apart: Levels, alike: float) -> list[int]:
    """Which parts are one kind, by average linkage: groups join while they lie nearer than ``alike``."""
    groups, between = [[place] for place in range(len(apart))], apart.copy()
    np.fill_diagonal(between, np.inf)
    while len(groups) > 1:
        one, other = sorted(divmod(int(between.argmin()), len(groups)))
        if between[one, other] > alike:
            break
        sizes = len(groups[one]), len(groups[other])
        mean = (sizes[0] * between[one] + sizes[1] * between[other]) / sum(sizes)
        between[one] = between[:, one] = mean
        between[one, one] = np.inf
        between = np.delete(np.delete(between, other, axis=0), other, axis=1)
        groups[one] += groups.pop(other)
    family = [0] * len(apart)
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
    fixed: Mapping[tuple[int, int], ToldSection], bars: Bars, points: Levels, hearing: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """First and last bar line of every part: the told ones, and the cheapest cuts of what they leave."""
    price = hearing["tracks" if bars.has_tracks else "mix"]["cut_price"]
    spans, place = [], 0
    for first, last in [*sorted(fixed), (len(points), len(points))]:
        if _is_worth_hearing(bars, place, first, hearing, is_all=not fixed):
            cuts = _cheapest_cuts(points[place:first], price, hearing)
            if len(cuts) > 2 and cuts[-1] - cuts[-2] < hearing["shortest_end_bars"] and first == len(points):
                del cuts[-2]  # the last chord and what rings on belong to what they end
            spans += [(place + start, place + end) for start, end in pairwise(cuts)]
        if last > first:
            spans.append((first, last))
        place = last
    return spans


def _is_worth_hearing(bars: Bars, first: int, last: int, hearing: Mapping[str, Any], *, is_all: bool) -> bool:
    """Whether bars that nobody named can be a section: neither a count-in nor what rings on after the last."""
    here = bars.level_db[first:last]
    if is_all or not here.size:
        return bool(np.isfinite(here).any())
    floor_db = float(bars.level_db.max()) - hearing["rest_db"]
    return bool(here.size >= hearing["shortest_unnamed_bars"] and np.median(here) > floor_db)


def _spoken_tracks(lines: Sequence[Line], bars: Bars, bars_s: Sequence[float]) -> list[SpokenTrack]:
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


def _spoken_columns(spoken: Sequence[SpokenTrack], hearing: Mapping[str, Any]) -> list[Levels]:
    """Further sides of points to be cut by: bars in which something else is spoken of lie further apart."""
    kinds = sorted({track.section.kind for track in spoken})
    return [
        np.max([track.playing for track in spoken if track.section.kind == kind], axis=0) * hearing["name_weight"]
        for kind in kinds
    ]
