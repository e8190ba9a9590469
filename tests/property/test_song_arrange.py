"""Stretches of a song: muted, automated, transposed there and nowhere else, and back again exactly."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapehand.errors import InputError
from tapehand.music.form import Section
from tapehand.music.notes import Note
from tapehand.music.time import TempoMap
from tapehand.song.arrange import muted_within, restored_within, sounding_within, transposed
from tapehand.song.lock import Lock
from tapehand.song.locked import broken_locks
from tapehand.song.mixer import AutomationPoint
from tapehand.song.op import SetAutomationWithin, SetFader, apply_all, inverse_all, scopes_overlap
from tapehand.song.region import NoteRegion, Patch, Span
from tapehand.song.song import Song, Track
from tapehand.song.within import inside, joined, outside

BAR = 4 * 960
NOTES = st.lists(
    st.builds(
        Note, start_tick=st.integers(0, 4 * BAR - 1), length_ticks=st.integers(1, BAR), pitch=st.integers(12, 115)
    ),
    max_size=12,
).map(tuple)
SPANS = st.tuples(st.integers(0, 20), st.integers(0, 8)).map(
    lambda ends: Span(start_samples=ends[0], end_samples=ends[0] + ends[1])
)


def song_of(notes: tuple[Note, ...], start_bar: int = 1) -> Song:
    region = NoteRegion(
        start_tick=(start_bar - 1) * BAR, length_ticks=4 * BAR, notes=notes, patch=Patch(instrument="x")
    )
    return Song(
        name="s", rate_hz=48_000, grid=TempoMap.steady(120.0), tracks=(Track(id="t01", name="Bass", regions=(region,)),)
    )


def pitches(song: Song) -> list[tuple[int, int]]:
    (region,) = song.tracks[0].regions
    assert isinstance(region, NoteRegion)
    return [(region.start_tick + note.start_tick, note.pitch) for note in region.notes]


@given(NOTES, st.integers(1, 3), st.integers(1, 6), st.integers(-12, 12))
def test_a_section_is_transposed_and_nothing_else(
    notes: tuple[Note, ...], start_bar: int, bar: int, semitones: int
) -> None:
    song = song_of(notes, start_bar)
    section = Section(name="A", kind="verse", start_bar=bar, bars=1)
    ops = transposed(song, ["t01"], section, semitones)
    after = apply_all(song, ops)
    begun = range((bar - 1) * BAR, bar * BAR)
    for (tick, before), (_, pitch) in zip(pitches(song), pitches(after), strict=True):
        assert pitch == before + (semitones if tick in begun else 0)
    assert apply_all(after, inverse_all(song, ops)) == song
    assert apply_all(after, transposed(after, ["t01"], section, -semitones)) == song


def test_what_cannot_be_transposed_is_said() -> None:
    song = song_of((Note(start_tick=0, length_ticks=10, pitch=120),))
    section = Section(name="A", kind="verse", start_bar=1, bars=1)
    for bad, code in ((song, "song.no_such_pitch"), (Song(name="s", rate_hz=1), "song.no_section")):
        with pytest.raises(InputError) as refusal:
            transposed(bad, ["t01"], section, 12)
        assert refusal.value.code == code


@given(st.lists(SPANS, max_size=5), SPANS)
def test_inside_and_outside_are_the_whole(spans: list[Span], span: Span) -> None:
    def samples(of: tuple[Span, ...]) -> set[int]:
        return {at for each in of for at in range(each.start_samples, each.end_samples)}

    whole = joined(spans)
    assert samples(whole) == samples(tuple(spans))
    assert all(one.end_samples < other.start_samples for one, other in pairwise(whole))
    within, without = samples(inside(whole, span)), samples(outside(whole, span))
    assert within | without == samples(whole)
    assert within == samples(whole) & samples((span,))
    assert not within & without


@given(st.lists(st.tuples(SPANS, st.booleans()), max_size=6), SPANS)
def test_one_stretch_is_restored_and_the_others_stay(steps: list[tuple[Span, bool]], span: Span) -> None:
    song = song_of(())
    for where, mute in steps:
        change = muted_within if mute else sounding_within
        song = change("t01", where).apply(song)
    later = apply_all(song, [muted_within("t01", Span(start_samples=0, end_samples=40))])
    back = apply_all(later, restored_within(song, later, "t01", span))
    before, after = song.strip("t01").muted, back.strip("t01").muted
    assert inside(after, span) == inside(before, span)
    assert outside(after, span) == outside(later.strip("t01").muted, span)


def test_stretches_overlap_where_they_meet() -> None:
    verse, hook = Span(start_samples=0, end_samples=10), Span(start_samples=10, end_samples=20)
    both = Span(start_samples=5, end_samples=15)
    assert not scopes_overlap([muted_within("t01", verse)], [muted_within("t01", hook)])
    assert scopes_overlap([muted_within("t01", verse)], [muted_within("t01", both)])
    assert not scopes_overlap([muted_within("t01", verse)], [muted_within("t02", verse)])


def test_a_lock_on_a_stretch_lets_the_rest_move() -> None:
    song = song_of((Note(start_tick=0, length_ticks=10, pitch=60), Note(start_tick=BAR, length_ticks=10, pitch=60)))
    first_bar = Span(start_samples=0, end_samples=96_000)
    lock = Lock(id="l1", target="t01", span=first_bar)
    locked = Song(name=song.name, rate_hz=song.rate_hz, grid=song.grid, tracks=song.tracks, locks=(lock,))
    bars = [Section(name=str(bar), kind="verse", start_bar=bar, bars=1) for bar in (1, 2)]
    touched = [apply_all(locked, transposed(locked, ["t01"], bar, 2)) for bar in bars]
    assert broken_locks(locked, touched[0]) == (lock,)
    assert broken_locks(locked, touched[1]) == ()
    later = Span(start_samples=96_000, end_samples=100_000)
    point = SetAutomationWithin(
        target="t01", parameter="pan", span=later, points=(AutomationPoint(at_samples=99_000, value=0.5),)
    )
    assert broken_locks(locked, muted_within("t01", later).apply(locked)) == ()
    assert broken_locks(locked, point.apply(locked)) == (lock,)  # it bends the line before it
    assert broken_locks(locked, SetFader(target="t01", fader_db=-1.0).apply(locked)) == (lock,)
