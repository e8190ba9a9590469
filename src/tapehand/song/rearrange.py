"""Rearranging: the song put together anew from stretches of bars, with everything that lies in them.

Regions, notes, mutes, automation, moments, locks, sections, tempo and metre move along with their bars. What comes out
are the ops that lead there, so the log holds the result and not a recipe, and undoing restores the song exactly.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, pairwise
from typing import Final, TypeVar

from tapehand.catalogue.loading import load
from tapehand.errors import InputError
from tapehand.music.form import Section
from tapehand.music.time import MetreChange, Place, TempoChange, TempoMap, Tick
from tapehand.song.difference import difference
from tapehand.song.lock import Lock, Moment
from tapehand.song.mixer import AutomatedParameter, Automation, AutomationPoint, Strip
from tapehand.song.op import Op
from tapehand.song.region import AudioRegion, NoteRegion, Region, Span
from tapehand.song.song import Song, Track
from tapehand.song.within import inside, joined, points_inside
from tapehand.units import db_to_gain, gain_to_db, seconds_to_samples

# Later than any song: where its last stretch ends.
_FAR_TICK: Final = 1 << 40
_FAR_SAMPLE: Final = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars of the song as it is, from ``start_bar`` on; to its end where ``bars`` is None.

    ``is_empty`` stands for as many bars with nothing in them, in the tempo and metre of that place.
    """

    start_bar: int
    bars: int | None = None
    is_empty: bool = False


def repeated(section: Section, times: int = 1) -> tuple[Bars, ...]:
    """The order in which a section comes ``times`` more."""
    again = Bars(start_bar=section.start_bar, bars=section.bars)
    return (*_until(section.end_bar), *[again] * times, Bars(start_bar=section.end_bar))


def removed(section: Section) -> tuple[Bars, ...]:
    """The order without a section."""
    return (*_until(section.start_bar), Bars(start_bar=section.end_bar))


def swapped(one: Section, other: Section) -> tuple[Bars, ...]:
    """The order in which two sections have changed places. Raises InputError (``song.sections_overlap``)."""
    first, second = sorted((one, other), key=lambda section: section.start_bar)
    if first.end_bar > second.start_bar:
        raise InputError("song.sections_overlap", "These sections have bars in common", where=second.name)
    between = second.start_bar - first.end_bar
    return (
        *_until(first.start_bar),
        Bars(start_bar=second.start_bar, bars=second.bars),
        *([Bars(start_bar=first.end_bar, bars=between)] if between else []),
        Bars(start_bar=first.start_bar, bars=first.bars),
        Bars(start_bar=second.end_bar),
    )


def with_empty_bars(start_bar: int, bars: int) -> tuple[Bars, ...]:
    """The order with empty bars before bar ``start_bar``."""
    empty = Bars(start_bar=start_bar, bars=bars, is_empty=True)
    return (*_until(start_bar), empty, Bars(start_bar=start_bar))


def _until(bar: int) -> tuple[Bars, ...]:
    return (Bars(start_bar=1, bars=bar - 1),) if bar > 1 else ()


def rearranged(song: Song, order: Sequence[Bars], new: Section | None = None) -> tuple[Op, ...]:
    """The ops that put the song together in another order of bars, with a ``new`` section where there is one.

    Raises InputError (``song.no_grid``) where the tempo is not known.
    """
    pieces = _pieces(song, order)
    tracks = (replace(track, regions=_regions(track.regions, pieces)) for track in song.tracks)
    sections = _sections(song.sections, pieces)
    after = replace(
        song,
        grid=pieces[0].new_grid,
        sections=tuple(sorted((*sections, *([new] if new else [])), key=lambda section: section.start_bar)),
        tracks=tuple(replace(track, strip=_strip(track.strip, pieces)) for track in tracks),
        buses=tuple(replace(bus, strip=_strip(bus.strip, pieces)) for bus in song.buses),
        mix=_strip(song.mix, pieces),
        moments=_moments(song.moments, pieces),
        locks=_locks(song.locks, pieces),
    )
    return difference(song, after)


def at_tempo(song: Song, bpm: float, section: Section | None = None) -> tuple[Op, ...]:
    """The ops that let the song, or one section, be played at another tempo; what lies at bars stays at its bars.

    Raises
    ------
    InputError
        ``song.no_grid``, ``song.tempo``, ``song.recordings_keep_time``: recordings would not follow.
    """
    grid = _grid(song)
    _refuse_odd_tempo(bpm)
    _refuse_recordings(song)
    start = grid.tick_of(Place(bar=section.start_bar)) if section else Tick(0)
    end = grid.tick_of(Place(bar=section.end_bar)) if section else None
    kept = [change for change in grid.tempos if change.at < start or (end is not None and change.at >= end)]
    new = [TempoChange(at=start, bpm=bpm)]
    if end is not None and all(change.at != end for change in kept):
        new.append(TempoChange(at=end, bpm=grid.bpm_at(end)))
    new_grid = replace(grid, tempos=_without_repeats(sorted((*kept, *new), key=lambda change: change.at)))
    return difference(song, _on_grid(song, grid, new_grid))


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Ticks ``start`` to ``end`` of the song as it is, which come to lie at ``new_start``."""

    start: int
    end: int
    new_start: int
    is_empty: bool
    rate_hz: int
    grid: TempoMap
    new_grid: TempoMap

    @property
    def is_last(self) -> bool:
        return self.end == _FAR_TICK

    @property
    def is_cut_before(self) -> bool:
        return self.start > 0 or self.new_start > 0

    @cached_property
    def new_span(self) -> Span:
        start = self.new_grid.samples_at(self.new_start, self.rate_hz)
        end = self.new_grid.samples_at(self.new_start + self.end - self.start, self.rate_hz)
        return Span(start_samples=start, end_samples=_FAR_SAMPLE if self.is_last else end)

    @cached_property
    def span(self) -> Span:
        """The stretch of the song as it is, as long to the sample as it will be in its new place."""
        start = self.grid.samples_at(self.start, self.rate_hz)
        return Span(start_samples=start, end_samples=start + self.new_span.length_samples)

    @property
    def shift_samples(self) -> int:
        return self.new_span.start_samples - self.span.start_samples

    @property
    def bars(self) -> tuple[int, int | None]:
        """Its first bar, and the bar after its last."""
        end = None if self.is_last else self.grid.place_at(self.end).bar
        return self.grid.place_at(self.start).bar, end

    @property
    def new_start_bar(self) -> int:
        return self.new_grid.place_at(self.new_start).bar


def _pieces(song: Song, order: Sequence[Bars]) -> tuple[_Piece, ...]:
    grid = _grid(song)
    ranges = _ranges(grid, order)
    starts = [0]
    for start, end, _ in ranges:
        starts.append(starts[-1] + end - start)
    placed = [(start, end, at) for (start, end, _), at in zip(ranges, starts, strict=False)]
    new_grid = TempoMap(
        tempos=_without_repeats(_moved_changes(grid.tempos, placed)),
        metres=_without_repeats(_moved_changes(grid.metres, placed)),
    )
    return tuple(
        _Piece(
            start=start,
            end=end,
            new_start=at,
            is_empty=is_empty,
            rate_hz=song.rate_hz,
            grid=grid,
            new_grid=new_grid,
        )
        for (start, end, is_empty), at in zip(ranges, starts, strict=False)
    )


def _ranges(grid: TempoMap, order: Sequence[Bars]) -> list[tuple[int, int, bool]]:
    """Ticks from and to, and whether they are empty; stretches that follow on each other as they did are one."""
    ranges: list[tuple[int, int, bool]] = []
    for each in order:
        start = grid.tick_of(Place(bar=each.start_bar))
        end = _FAR_TICK if each.bars is None else grid.tick_of(Place(bar=each.start_bar + each.bars))
        if ranges and ranges[-1][1] == start and not ranges[-1][2] and not each.is_empty:
            ranges[-1] = (ranges[-1][0], end, False)
        elif end > start:
            ranges.append((start, end, each.is_empty))
    return ranges


_Change = TypeVar("_Change", TempoChange, MetreChange)


def _moved_changes(changes: Sequence[_Change], placed: Iterable[tuple[int, int, int]]) -> list[_Change]:
    """What stands at the start of each stretch, and what changes within it, at their new ticks."""
    moved: list[_Change] = []
    for start, end, at in placed:
        standing = [change for change in changes if change.at <= start][-1]
        moved.append(replace(standing, at=at))
        moved += [replace(change, at=change.at - start + at) for change in changes if start < change.at < end]
    return moved


def _without_repeats(changes: Sequence[_Change]) -> tuple[_Change, ...]:
    """Without those that change nothing."""
    kept = list(changes[:1])
    kept += [later for before, later in pairwise(changes) if replace(later, at=before.at) != before]
    return tuple(kept)


def _sections(sections: Sequence[Section], pieces: Iterable[_Piece]) -> list[Section]:
    moved: list[Section] = []
    for piece in pieces:
        first, end = piece.bars
        for section in () if piece.is_empty else sections:
            start = max(section.start_bar, first)
            last = section.end_bar if end is None else min(section.end_bar, end)
            if start < last:
                name = _free_name(section.name, {each.name for each in moved})
                at = start - first + piece.new_start_bar
                moved.append(replace(section, name=name, start_bar=at, bars=last - start))
    return moved


def _free_name(name: str, taken: set[str]) -> str:
    """``name``, or what the next one of it is called: after "Verse 2" comes "Verse 3"."""
    stem, _, figure = name.rpartition(" ")
    stem, number = (stem, int(figure)) if stem and figure.isdecimal() else (name, 1)
    while name in taken:
        number += 1
        name = f"{stem} {number}"
    return name


def _regions(regions: Sequence[Region], pieces: Iterable[_Piece]) -> tuple[Region, ...]:
    placed: list[Region] = []
    for piece in pieces:
        for region in () if piece.is_empty else regions:
            placed += _audio(region, piece) if isinstance(region, AudioRegion) else _notes(region, piece)
    return tuple(placed)


def _audio(region: AudioRegion, piece: _Piece) -> Iterator[AudioRegion]:
    """What of a recording lies in a piece. A cut is faded over just before the bar line, which keeps its attack."""
    window, fade = piece.span, seconds_to_samples(load("arranging")["cuts"]["crossfade_ms"] / 1000, piece.rate_hz)
    region_end = region.start_samples + region.length_samples
    start, end = max(region.start_samples, window.start_samples), min(region_end, window.end_samples)
    if start >= end:
        return
    fade_in, fade_out = region.fade_in_samples, region.fade_out_samples
    if region.start_samples < start:
        lead = min(fade, start - region.start_samples, piece.new_span.start_samples)
        start -= lead
        fade_in = lead or fade
    if region_end > end:
        fade_out = fade
    yield replace(
        region,
        start_samples=start + piece.shift_samples,
        length_samples=end - start,
        offset_samples=region.offset_samples + start - region.start_samples,
        fade_in_samples=min(fade_in, end - start),
        fade_out_samples=min(fade_out, end - start),
    )


def _notes(region: NoteRegion, piece: _Piece) -> Iterator[NoteRegion]:
    """What of played notes begins in a piece; a note that is a little early belongs to the bar it means."""
    early = load("arranging")["cuts"]["early_ticks"]
    region_end = region.start_tick + region.length_ticks
    if max(region.start_tick, piece.start) >= min(region_end, piece.end):
        return
    before = min(early, piece.new_start, piece.start - region.start_tick) if region.start_tick < piece.start else 0
    start = max(region.start_tick, piece.start) - before
    end = min(region_end, piece.end)
    last = end - early if region_end > piece.end else region_end
    notes = tuple(
        replace(
            note,
            start_tick=note.start_tick + region.start_tick - start,
            length_ticks=note.length_ticks if region_end <= piece.end else min(note.length_ticks, end - begins),
        )
        for note in region.notes
        if start <= (begins := note.start_tick + region.start_tick) < last
    )
    new_start = start - piece.start + piece.new_start
    yield replace(region, start_tick=new_start, length_ticks=end - start, notes=notes)


def _strip(strip: Strip, pieces: Sequence[_Piece]) -> Strip:
    muted = joined(
        _shifted(span, piece) for piece in pieces if not piece.is_empty for span in inside(strip.muted, piece.span)
    )
    automation = tuple(
        replace(lane, points=tuple(point for piece in pieces for point in _points(lane, piece, pieces[-1])))
        for lane in strip.automation
    )
    return replace(strip, muted=muted, automation=automation)


def _points(lane: Automation, piece: _Piece, last: _Piece) -> list[AutomationPoint]:
    """The points within a piece, and at its cuts points that keep the line inside what it was."""
    if not lane.points:
        return []
    window, new = piece.span, piece.new_span
    ends = [new.start_samples] if piece.is_cut_before else []
    ends += [] if piece is last else [new.end_samples - 1]
    if piece.is_empty:
        held = _value_at(lane.points, lane.parameter, window.start_samples)
        return [AutomationPoint(at_samples=at, value=held) for at in ends]
    placed = {
        at: AutomationPoint(at_samples=at, value=_value_at(lane.points, lane.parameter, at - piece.shift_samples))
        for at in ends
    }
    for point in points_inside(lane.points, window):
        at = point.at_samples + piece.shift_samples
        placed[at] = replace(point, at_samples=at)
    return [placed[at] for at in sorted(placed)]


def _value_at(points: Sequence[AutomationPoint], parameter: AutomatedParameter, at_samples: int) -> float:
    """The value of a lane at a sample: the applied gain moves in a straight line, and so does the pan."""
    before = [point for point in points if point.at_samples <= at_samples]
    after = [point for point in points if point.at_samples > at_samples]
    if not before or not after:
        return (before or after)[-1 if before else 0].value
    one, other = before[-1], after[0]
    share = (at_samples - one.at_samples) / (other.at_samples - one.at_samples)
    if share == 0.0 or one.value == other.value:
        return one.value
    if parameter == "pan":
        return one.value + share * (other.value - one.value)
    first, second = db_to_gain(one.value), db_to_gain(other.value)
    return gain_to_db(first + share * (second - first))


def _shifted(span: Span, piece: _Piece) -> Span:
    start, end = span.start_samples + piece.shift_samples, span.end_samples + piece.shift_samples
    return Span(start_samples=start, end_samples=end)


_Placed = TypeVar("_Placed", Lock, Moment)


def _moments(moments: Sequence[Moment], pieces: Sequence[_Piece]) -> tuple[Moment, ...]:
    moved = [replace(each, span=span) for each in moments for span in _spans(each.span, pieces)]
    return tuple(sorted(_with_own_ids(moved), key=lambda each: each.id))


def _locks(locks: Sequence[Lock], pieces: Sequence[_Piece]) -> tuple[Lock, ...]:
    moved = [
        replace(each, span=span)
        for each in locks
        for span in ([None] if each.span is None else _spans(each.span, pieces))
    ]
    return tuple(sorted(_with_own_ids(moved), key=lambda each: each.id))


def _spans(span: Span, pieces: Iterable[_Piece]) -> list[Span]:
    """Where a stretch of the song comes to lie: once in each piece that holds some of it."""
    return [_shifted(part, piece) for piece in pieces if not piece.is_empty for part in inside([span], piece.span)]


def _with_own_ids(named: Sequence[_Placed]) -> list[_Placed]:
    """The first of an id keeps it; the others get the next free ones."""
    taken = {each.id for each in named}
    met: set[str] = set()
    own = []
    for each in named:
        identity = _free_id(each.id, taken) if each.id in met else each.id
        met.add(identity)
        taken.add(identity)
        own.append(replace(each, id=identity))
    return own


def _free_id(like: str, taken: set[str]) -> str:
    """An id with the same letter in front, and the lowest number that is free."""
    return next(name for number in count(1) if (name := f"{like[:1]}{number}") not in taken)


def _on_grid(song: Song, grid: TempoMap, new_grid: TempoMap) -> Song:
    """The song with everything that lies at samples moved to where its bars are now."""

    def at(position_samples: int) -> int:
        return new_grid.samples_at(grid.tick_at(position_samples / song.rate_hz), song.rate_hz)

    def span(old: Span) -> Span:
        return Span(start_samples=at(old.start_samples), end_samples=at(old.end_samples))

    def strip(old: Strip) -> Strip:
        automation = tuple(
            replace(lane, points=_rising(replace(point, at_samples=at(point.at_samples)) for point in lane.points))
            for lane in old.automation
        )
        return replace(old, muted=joined(map(span, old.muted)), automation=automation)

    return replace(
        song,
        grid=new_grid,
        tracks=tuple(replace(track, strip=strip(track.strip)) for track in song.tracks),
        buses=tuple(replace(bus, strip=strip(bus.strip)) for bus in song.buses),
        mix=strip(song.mix),
        moments=tuple(replace(each, span=span(each.span)) for each in song.moments),
        locks=tuple(replace(each, span=each.span and span(each.span)) for each in song.locks),
    )


def _rising(points: Iterable[AutomationPoint]) -> tuple[AutomationPoint, ...]:
    """Of points that fall on one sample the last."""
    return tuple({point.at_samples: point for point in points}.values())


def _grid(song: Song) -> TempoMap:
    if song.grid is None:
        raise InputError("song.no_grid", "Without a tempo the song has no bars to move", hint="Say the tempo first.")
    return song.grid


def _refuse_odd_tempo(bpm: float) -> None:
    limits = load("arranging")["tempo"]
    if not limits["slowest_bpm"] <= bpm <= limits["fastest_bpm"]:
        raise InputError(
            "song.tempo", f"A song is not played at {bpm:g} BPM", hint="Say 20 to 400 quarter notes a minute."
        )


def _refuse_recordings(song: Song) -> None:
    recorded = [track.name for track in song.tracks if _holds_recordings(track)]
    if recorded:
        raise InputError(
            "song.recordings_keep_time",
            f"Recordings would not follow another tempo: {', '.join(recorded)}",
            hint="Stretch them in your DAW, or remove those tracks first. 'listen --tempo' says how fast they are.",
        )


def _holds_recordings(track: Track) -> bool:
    return any(isinstance(region, AudioRegion) for region in track.regions)
