"""The difference of two songs leads from one to the other; parts of a proposal can be taken with what they need."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.test_song_fold import OPS, START, applied, fits_all_ops

from tapehand.song.difference import apart, closed, difference
from tapehand.song.op import AddBus, AddTrack, Op, RemoveBus, RemoveTrack, apply_all
from tapehand.song.song import Song


def without_order_of_buses(song: Song) -> tuple[object, ...]:
    """Buses have no order that anybody hears: they may come back elsewhere in the list."""
    return (song.tracks, sorted(song.buses, key=lambda bus: bus.id), song.mix, song.grid, song.sections, song.locks)


@settings(max_examples=150, deadline=None)
@given(OPS, OPS)
def test_the_difference_leads_from_one_song_to_the_other(first: list[Op], second: list[Op]) -> None:
    before = apply_all(START, applied(START, first))
    after = apply_all(before, applied(before, second))
    assert without_order_of_buses(apply_all(before, difference(before, after))) == without_order_of_buses(after)
    assert difference(after, after) == ()


@settings(max_examples=150, deadline=None)
@given(OPS, OPS)
def test_what_does_not_overlap_merges_either_way(first: list[Op], second: list[Op]) -> None:
    one, other = (apply_all(START, applied(START, ops)) for ops in (first, second))
    ours, theirs = difference(START, one), difference(START, other)
    free, bound = apart(ours, theirs)
    assert {*free, *bound} <= {*theirs}
    structural = AddBus | AddTrack | RemoveBus | RemoveTrack
    if not bound and not any(isinstance(op, structural) for op in (*ours, *theirs)):
        merged = apply_all(one, free)
        assert merged == apply_all(other, apart(theirs, ours)[0])


@settings(max_examples=200, deadline=None)
@given(OPS, st.sets(st.integers(0, 11)))
def test_part_of_a_proposal_is_taken_with_what_it_needs(ops: list[Op], wanted: set[int]) -> None:
    ops = applied(START, ops)
    chosen = sorted(place for place in wanted if place < len(ops))
    taken = closed(START, ops, chosen)
    assert set(chosen) <= set(taken)
    assert closed(START, ops, taken) == taken
    assert fits_all_ops(START, [ops[place] for place in taken])
