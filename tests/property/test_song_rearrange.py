"""Bars that come in another order: sample by sample and tick by tick what lay in them, by a reference that counts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.errors import InputError
from tapehand.music.form import Section
from tapehand.music.notes import Note
from tapehand.music.time import Metre, MetreChange, TempoChange, TempoMap
from tapehand.song.lock import Lock, Moment
from tapehand.song.mixer import Automation, AutomationPoint, Bus, Strip
from tapehand.song.op import apply_all, inverse_all
from tapehand.song.rearrange import Bars, at_tempo, rearranged, removed, repeated, swapped, with_empty_bars
from tapehand.song.region import AudioRegion, NoteRegion, Patch, Span
from tapehand.song.song import Song, Track
from tapehand.units import db_to_gain

RATE_HZ = 480  # at 240 BPM a bar of four is a second
BAR, BAR_SAMPLES, FADE = 3840, 480, 2
SONG_BARS = 6
GRID = TempoMap.steady(240.0)
SECTIONS = tuple(
    Section(name=name, kind=kind, start_bar=start, bars=bars)
    for name, kind, start, bars in (("Verse", "verse", 1, 2), ("Hook", "hook", 3, 1), ("Verse 2", "verse", 4, 2))
)

AT = st.integers(0, SONG_BARS * BAR_SAMPLES)
SPANS = st.tuples(AT, st.integers(1, 900)).map(lambda of: Span(start_samples=of[0], end_samples=of[0] + of[1]))
POINTS = st.dictionaries(AT, st.floats(-24, 6), max_size=5).map(
    lambda of: tuple(AutomationPoint(at_samples=at, value=of[at]) for at in sorted(of))
)
AUDIO = st.builds(
    AudioRegion,
    source=st.sampled_from("ab"),
    start_samples=AT,
    length_samples=st.integers(1, 2000),
    offset_samples=st.integers(0, 50),
)
NOTES = st.builds(Note, start_tick=st.integers(0, 3 * BAR), length_ticks=st.integers(1, BAR), pitch=st.integers(30, 90))
STRIPS = st.builds(
    Strip,
    muted=st.lists(SPANS, max_size=1).map(tuple),
    automation=POINTS.map(lambda points: (Automation(parameter="fader_db", points=points),) if points else ()),
)


@st.composite
def songs(draw: st.DrawFn) -> Song:
    notes = NoteRegion(
        start_tick=BAR * draw(st.integers(0, 2)),
        length_ticks=3 * BAR + 5,
        notes=tuple(draw(st.lists(NOTES, max_size=6))),
        patch=Patch(instrument="x"),
    )
    return Song(
        name="s",
        rate_hz=RATE_HZ,
        grid=GRID,
        sections=SECTIONS,
        tracks=(
            Track(id="t01", name="Vox", regions=(draw(AUDIO),), strip=draw(STRIPS)),
            Track(id="t02", name="Keys", regions=(notes,)),
        ),
        buses=(Bus(id="b01", name="Room", kind="return", strip=draw(STRIPS)),),
        mix=draw(STRIPS),
        moments=(Moment(id="m1", track="t01", span=draw(SPANS), text="crack"),),
        locks=(Lock(id="l1", target="t02", span=draw(SPANS)), Lock(id="l2", target="t01", aspect="pan")),
    )


BAR_NUMBERS = st.integers(1, SONG_BARS + 1)
ORDERS = st.lists(
    st.builds(Bars, start_bar=BAR_NUMBERS, bars=st.integers(1, 3), is_empty=st.booleans()), min_size=1, max_size=4
).flatmap(lambda front: BAR_NUMBERS.map(lambda bar: (*front, Bars(start_bar=bar))))


def bar_list(order: Sequence[Bars], most: int = 12) -> list[int | None]:
    """Which bar of the song as it was is heard in each bar; None is an empty one."""
    heard: list[int | None] = []
    for each in order:
        bars = most - len(heard) if each.bars is None else each.bars
        heard += [None if each.is_empty else each.start_bar + bar for bar in range(bars)]
    return heard


def samples_of(bars: Sequence[int | None]) -> list[int | None]:
    """Which sample of the song as it was is heard at each sample."""
    return [None if bar is None else (bar - 1) * BAR_SAMPLES + sample for bar in bars for sample in range(BAR_SAMPLES)]


def heard_at(song: Song, at: int) -> list[tuple[str, int]]:
    """Which samples of which sources sound at a sample of the song."""
    (track, *_) = song.tracks
    regions = [region for region in track.regions if isinstance(region, AudioRegion)]
    return [
        (region.source, region.offset_samples + at - region.start_samples)
        for region in regions
        if 0 <= at - region.start_samples < region.length_samples
    ]


def is_in(spans: Sequence[Span], at: int | None) -> bool:
    return at is not None and any(span.start_samples <= at < span.end_samples for span in spans)


def gain_at(points: Sequence[AutomationPoint], at: int) -> float:
    before = [point for point in points if point.at_samples <= at] or [points[0]]
    after = [point for point in points if point.at_samples >= at] or [points[-1]]
    one, other = before[-1], after[0]
    length = max(other.at_samples - one.at_samples, 1)
    share = min(max((at - one.at_samples) / length, 0.0), 1.0)
    return (1 - share) * db_to_gain(one.value) + share * db_to_gain(other.value)


@settings(max_examples=30, deadline=None)
@given(songs(), ORDERS)
def test_every_sample_is_the_one_that_lay_there(song: Song, order: tuple[Bars, ...]) -> None:
    after = apply_all(song, rearranged(song, order))
    cuts = {bar * BAR_SAMPLES for bar in range(13)}
    for new, old in enumerate(samples_of(bar_list(order))):
        wanted = [] if old is None else heard_at(song, old)
        if not any(new < cut <= new + FADE for cut in cuts):
            assert heard_at(after, new) == wanted
        for before, now in ((song.tracks[0], after.tracks[0]), (song.buses[0], after.buses[0])):
            assert is_in(now.strip.muted, new) == is_in(before.strip.muted, old)
            if old is not None and before.strip.automation:
                (lane,), (moved,) = before.strip.automation, now.strip.automation
                assert gain_at(moved.points, new) == pytest.approx(gain_at(lane.points, old), rel=1e-6)
        kept = [each.span for each in after.moments]
        locked = [each.span for each in after.locks if each.span is not None]
        assert is_in(kept, new) == is_in([song.moments[0].span], old)
        assert is_in(locked, new) == is_in([lock.span for lock in song.locks if lock.span], old)
    for track in after.tracks:
        assert all(region.fade_in_samples <= FADE for region in track.regions if isinstance(region, AudioRegion))
    ids = [each.id for each in (*after.locks, *after.moments)]
    assert len(ids) == len(set(ids))
    names = [section.name for section in after.sections]
    assert len(names) == len(set(names))


@settings(max_examples=60, deadline=None)
@given(songs(), ORDERS)
def test_taking_it_back_gives_the_song(song: Song, order: tuple[Bars, ...]) -> None:
    ops = rearranged(song, order)
    assert apply_all(apply_all(song, ops), inverse_all(song, ops)) == song
    assert rearranged(song, (Bars(start_bar=1),)) == ()


def onsets(song: Song) -> list[tuple[int, int, int]]:
    """Where notes begin, end and what they play."""
    return sorted(
        (region.start_tick + note.start_tick, region.start_tick + note.end_tick, note.pitch)
        for region in song.tracks[1].regions
        if isinstance(region, NoteRegion)
        for note in region.notes
    )


def on_bars(song: Song) -> Song:
    """The song with its notes where no player is early, each within a bar."""
    (region,) = song.tracks[1].regions
    assert isinstance(region, NoteRegion)
    notes = {}
    for note in region.notes:
        begun = note.start_tick % BAR % (BAR - 60)
        start = note.start_tick // BAR * BAR + begun
        notes[(start, note.pitch)] = replace(note, start_tick=start, length_ticks=min(note.length_ticks, BAR - begun))
    return song.with_track(replace(song.tracks[1], regions=(replace(region, notes=tuple(notes.values())),)))


@settings(max_examples=60, deadline=None)
@given(songs().map(on_bars), ORDERS)
def test_every_note_begins_where_its_bar_is(song: Song, order: tuple[Bars, ...]) -> None:
    bars = bar_list(order, most=24)  # twelve in front at most, and all that the song has behind
    wanted = sorted(
        (start + (new - old + 1) * BAR, end + (new - old + 1) * BAR, pitch)
        for new, old in enumerate(bars)
        if old is not None
        for start, end, pitch in onsets(song)
        if start // BAR == old - 1
    )
    assert onsets(apply_all(song, rearranged(song, order))) == wanted


def test_a_note_that_is_early_belongs_to_the_bar_it_means() -> None:
    notes = tuple(Note(start_tick=at, length_ticks=500, pitch=60) for at in (0, BAR - 20, 2 * BAR - 200))
    region = NoteRegion(start_tick=0, length_ticks=3 * BAR, notes=notes, patch=Patch(instrument="x"))
    tracks = (Track(id="t01", name="A"), Track(id="t02", name="B", regions=(region,)))
    song = Song(name="s", rate_hz=RATE_HZ, grid=GRID, sections=SECTIONS, tracks=tracks)
    after = apply_all(song, rearranged(song, (Bars(start_bar=1, bars=1), Bars(start_bar=3, bars=1), Bars(start_bar=2))))
    assert [start for start, _, _ in onsets(after)] == [0, 2 * BAR - 20, 3 * BAR - 200]


def named(song: Song) -> list[tuple[str, int, int]]:
    return [(section.name, section.start_bar, section.bars) for section in song.sections]


def bare() -> Song:
    return Song(name="s", rate_hz=RATE_HZ, grid=GRID, sections=SECTIONS)


def test_sections_go_with_their_bars_and_keep_names_of_their_own() -> None:
    verse, hook, second = SECTIONS
    song = bare()
    assert named(apply_all(song, rearranged(song, repeated(hook, 2)))) == [
        ("Verse", 1, 2),
        ("Hook", 3, 1),
        ("Hook 2", 4, 1),
        ("Hook 3", 5, 1),
        ("Verse 2", 6, 2),
    ]
    assert named(apply_all(song, rearranged(song, repeated(verse)))) == [
        ("Verse", 1, 2),
        ("Verse 2", 3, 2),
        ("Hook", 5, 1),
        ("Verse 3", 6, 2),
    ]
    assert named(apply_all(song, rearranged(song, swapped(second, verse)))) == [
        ("Verse 2", 1, 2),
        ("Hook", 3, 1),
        ("Verse", 4, 2),
    ]
    assert named(apply_all(song, rearranged(song, removed(verse)))) == [("Hook", 1, 1), ("Verse 2", 2, 2)]
    new = Section(name="Break", kind="break", start_bar=3, bars=4)
    assert named(apply_all(song, rearranged(song, with_empty_bars(3, 4), new))) == [
        ("Verse", 1, 2),
        ("Break", 3, 4),
        ("Hook", 7, 1),
        ("Verse 2", 8, 2),
    ]
    with pytest.raises(InputError) as refusal:
        swapped(verse, replace(hook, start_bar=2))
    assert refusal.value.code == "song.sections_overlap"


@given(songs())
def test_swapping_twice_is_the_song_again_for_the_ear(song: Song) -> None:
    verse, _, second = SECTIONS
    song = on_bars(song)
    once = apply_all(song, rearranged(song, swapped(verse, second)))
    back = apply_all(once, rearranged(once, swapped(once.sections[0], once.sections[2])))
    assert (back.sections, back.grid, onsets(back)) == (song.sections, song.grid, onsets(song))


def test_tempo_and_metre_go_with_their_bars() -> None:
    grid = TempoMap(
        tempos=(TempoChange(at=0, bpm=120.0), TempoChange(at=2 * BAR, bpm=90.0), TempoChange(at=3 * BAR, bpm=120.0)),
        metres=(
            MetreChange(at=0, metre=Metre()),
            MetreChange(at=2 * BAR, metre=Metre(beats=3)),
            MetreChange(at=2 * BAR + 2880, metre=Metre()),
        ),
    )
    song = replace(bare(), grid=grid)
    after = apply_all(song, rearranged(song, repeated(SECTIONS[1])))
    assert after.grid is not None
    assert [(change.at, change.bpm) for change in after.grid.tempos][:2] == [(0, 120.0), (2 * BAR, 90.0)]
    assert [change.metre.beats for change in after.grid.metres] == [4, 3, 4]
    assert after.grid.metres[2].at == 2 * BAR + 2 * 2880
    assert after.sections[3].start_bar == 5


@settings(max_examples=40, deadline=None)
@given(songs(), st.floats(30, 300), st.booleans())
def test_another_tempo_keeps_everything_at_its_bar(song: Song, bpm: float, only_hook: bool) -> None:
    song = song.with_track(replace(song.tracks[0], regions=()))
    ops = at_tempo(song, bpm, SECTIONS[1] if only_hook else None)
    after = apply_all(song, ops)
    assert after.grid is not None
    assert onsets(after) == onsets(song)
    for before, now in zip(song.tracks[0].strip.muted, after.tracks[0].strip.muted, strict=True):
        for old, new in ((before.start_samples, now.start_samples), (before.end_samples, now.end_samples)):
            assert (
                abs(GRID.tick_at(old / RATE_HZ) - after.grid.tick_at(new / RATE_HZ))
                <= 0.5 * 960 * bpm / 60 / RATE_HZ + 2
            )
    assert after.grid.bpm_at(2 * BAR) == bpm
    assert after.grid.bpm_at(0) == (240.0 if only_hook else bpm)
    assert after.grid.bpm_at(3 * BAR) == (240.0 if only_hook else bpm)
    assert apply_all(after, inverse_all(song, ops)) == song


def test_what_cannot_be_moved_is_said() -> None:
    recorded = Track(id="t01", name="Vox", regions=(AudioRegion(source="a", start_samples=0, length_samples=9),))
    for code, wrong in (
        ("song.no_grid", lambda: rearranged(replace(bare(), grid=None), (Bars(start_bar=1),))),
        ("song.no_grid", lambda: at_tempo(replace(bare(), grid=None), 120.0)),
        ("song.tempo", lambda: at_tempo(bare(), 4000.0)),
        ("song.recordings_keep_time", lambda: at_tempo(replace(bare(), tracks=(recorded,)), 100.0)),
    ):
        with pytest.raises(InputError) as refusal:
            wrong()
        assert refusal.value.code == code
