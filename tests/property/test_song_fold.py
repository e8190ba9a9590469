"""The song is the fold of its log: whatever happens, in whatever portions it is read, and however much is undone."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.errors import Conflict, InputError, Refused
from tapehand.music.form import Section
from tapehand.music.time import TempoMap
from tapehand.song.event import Body, Decided, Edited, Event, ProposalFiled, SongCreated, Undone
from tapehand.song.fold import SongState, fold
from tapehand.song.lock import Lock, Moment
from tapehand.song.locked import broken_locks
from tapehand.song.mixer import AutomationPoint, Bus, Insert, Send, Strip, net_gain_db
from tapehand.song.op import (
    AddBus,
    AddTrack,
    Op,
    RemoveBus,
    RemoveTrack,
    SetAutomationWithin,
    SetFader,
    SetGrid,
    SetInserts,
    SetLock,
    SetMoment,
    SetMute,
    SetMutedWithin,
    SetOutput,
    SetPan,
    SetRole,
    SetSections,
    SetSends,
    SetText,
    apply_all,
    inverse_all,
    scopes_overlap,
    untouched,
)
from tapehand.song.processors import Compressor, Gain, HighPass
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import Span
from tapehand.song.song import Song, Track

TRACKS = ("t01", "t02", "t03", "t04")
BUSES = ("b01", "b02")
LEVELS = st.floats(-40, 12) | st.just(float("-inf"))
PROVENANCE = Provenance(engine="test", version="1", maker="machine")
START = Song(name="s", rate_hz=44_100, tracks=tuple(Track(id=i, name=i) for i in TRACKS[:2]), buses=())


SPANS = st.tuples(st.integers(0, 8), st.integers(1, 5)).map(
    lambda ends: Span(start_samples=1000 * ends[0], end_samples=1000 * (ends[0] + ends[1]))
)


def points_in(span: Span) -> st.SearchStrategy[tuple[AutomationPoint, ...]]:
    places = st.sets(st.integers(span.start_samples, span.end_samples - 1), max_size=3)
    return places.map(lambda places: tuple(AutomationPoint(at_samples=at, value=0.5) for at in sorted(places)))


def op_strategy() -> st.SearchStrategy[Op]:
    """Ops of every shape, of which many do not fit the song at hand."""
    target = st.sampled_from((*TRACKS, *BUSES, "mix"))
    track, bus = st.sampled_from(TRACKS), st.sampled_from(BUSES)
    index = st.none() | st.integers(0, 3)
    made: list[st.SearchStrategy[Any]] = [
        st.builds(SetFader, target=target, fader_db=LEVELS),
        st.builds(SetPan, target=target, pan=st.floats(-1, 1)),
        st.builds(SetMute, target=target, mute=st.booleans()),
        st.builds(SetOutput, target=st.sampled_from(TRACKS), output=st.sampled_from((*BUSES, "mix"))),
        st.builds(
            SetSends, target=track, sends=st.lists(st.builds(Send, bus=bus, level_db=LEVELS), max_size=2).map(tuple)
        ),
        st.builds(
            SetInserts,
            target=target,
            inserts=st.lists(
                st.builds(Insert, name=st.just("hp"), processor=st.builds(HighPass, cutoff_hz=st.floats(20, 200))),
                max_size=1,
            ).map(tuple),
        ),
        st.builds(SetRole, track=track, role=st.sampled_from(("kick", "bass")), group=st.just("drums")),
        st.builds(SetGrid, grid=st.none() | st.builds(TempoMap.steady, st.floats(60, 180))),
        st.builds(SetSections, sections=st.just((Section(name="A", kind="verse", start_bar=1, bars=8),))),
        st.builds(SetMutedWithin, target=target, span=SPANS, muted=st.lists(SPANS, max_size=2).map(tuple)),
        SPANS.flatmap(
            lambda span: st.builds(
                SetAutomationWithin,
                target=target,
                parameter=st.sampled_from(("fader_db", "pan")),
                span=st.just(span),
                points=points_in(span),
            )
        ),
        st.builds(
            SetMoment, id=st.just("m1"), moment=st.none() | st.builds(Moment, id=st.just("m1"), track=track, span=SPANS)
        ),
        st.builds(SetText, name=st.sampled_from(("title", "notes")), text=st.none() | st.just("words")),
        st.builds(SetLock, id=st.just("l1"), lock=st.none() | st.builds(Lock, id=st.just("l1"), target=target)),
        st.builds(AddTrack, track=st.builds(Track, id=track, name=st.just("new")), index=index),
        st.builds(RemoveTrack, track=track),
        st.builds(AddBus, bus=st.builds(Bus, id=bus, name=st.just("Bus"), kind=st.just("group")), index=index),
        st.builds(RemoveBus, bus=bus),
    ]
    return st.one_of(made)


def fits(song: Song, op: Op) -> bool:
    try:
        op.apply(song)
    except (InputError, Conflict):
        return False
    return True


def applied(song: Song, ops: list[Op]) -> list[Op]:
    """Those of ``ops`` that fit, one after the other."""
    kept = []
    for op in ops:
        if fits(song, op):
            song = op.apply(song)
            kept.append(op)
    return kept


OPS = st.lists(op_strategy(), max_size=12)


@settings(max_examples=150, deadline=None)
@given(OPS)
def test_the_inverse_restores_the_song(ops: list[Op]) -> None:
    kept = applied(START, ops)
    after = apply_all(START, kept)
    assert apply_all(after, inverse_all(START, kept)) == START


@settings(max_examples=100, deadline=None)
@given(OPS, op_strategy())
def test_setting_twice_is_setting_once(ops: list[Op], op: Op) -> None:
    song = apply_all(START, applied(START, ops))
    if fits(song, op) and not isinstance(op, AddTrack | RemoveTrack | AddBus | RemoveBus):
        once = op.apply(song)
        assert op.apply(once) == once


@settings(max_examples=150, deadline=None)
@given(OPS, OPS)
def test_disjoint_changes_leave_a_proposal_fresh(proposed: list[Op], meanwhile: list[Op]) -> None:
    proposed, meanwhile = applied(START, proposed), applied(START, meanwhile)
    now = apply_all(START, meanwhile)
    assert untouched(START, START, proposed)
    structural = any(isinstance(op, AddTrack | RemoveTrack | AddBus | RemoveBus) for op in meanwhile)
    if not structural and not scopes_overlap(proposed, meanwhile):
        assert untouched(START, now, proposed)
    if untouched(START, now, proposed):
        # Taking it back later must give the song that was there before it.
        assert apply_all(apply_all(now, proposed), inverse_all(now, proposed)) == now


class History:
    """A log in memory, with ids that are counted instead of hashed."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.state = SongState()
        self.add(SongCreated(song=START))

    def add(self, body: Body) -> str:
        seq = len(self.events) + 1
        event = Event(
            seq=seq,
            id=f"e{seq}",
            parent=f"e{seq - 1}" if seq > 1 else "",
            body=body,
            actor="Ann",
            actor_kind="person",
            at_s=float(seq),
        )
        self.state = fold([event], self.state)
        self.events.append(event)
        return event.id

    @property
    def song(self) -> Song:
        assert self.state.song is not None
        return self.state.song


STEPS = st.lists(
    st.tuples(st.sampled_from(("edit", "propose", "accept", "reject", "undo")), OPS, st.integers(0, 9)), max_size=14
)


def lived(steps: list[tuple[str, list[Op], int]]) -> History:
    """A history of whatever of ``steps`` can happen."""
    history = History()
    for kind, ops, choice in steps:
        state, kept = history.state, tuple(applied(history.song, ops))
        waiting = [filed for filed in state.proposals if filed.is_open and fits_all(history.song, filed.proposal)]
        if kind == "edit":
            history.add(Edited(ops=kept))
        elif kind == "propose":
            option = Option(id="a", name="A", why="", ops=kept)
            proposal = Proposal(kind="mix", question="?", options=(option,), provenance=PROVENANCE)
            history.add(ProposalFiled(proposal=proposal, base_event=state.head))
        elif kind in ("accept", "reject") and waiting:
            filed = waiting[choice % len(waiting)]
            verdict, option_id = ("accept", "a") if kind == "accept" else ("reject", None)
            history.add(Decided(number=filed.number, verdict=verdict, option=option_id))  # type: ignore[arg-type]
        elif kind == "undo" and state.changes and not state.changes[-1].undone:
            history.add(Undone(undone=state.changes[-1].event, ops=state.changes[-1].undo))
    return history


def fits_all(song: Song, proposal: Proposal) -> bool:
    """Whether a person could accept it: its ops can be carried out, and break no lock."""
    ops = proposal.options[0].ops
    return fits_all_ops(song, ops) and not broken_locks(song, apply_all(song, ops))


def fits_all_ops(song: Song, ops: Iterable[Op]) -> bool:
    try:
        apply_all(song, ops)
    except (InputError, Conflict):
        return False
    return True


@settings(max_examples=100, deadline=None)
@given(STEPS, st.integers(0, 20))
def test_a_log_read_in_portions_is_the_same_song(steps: list[tuple[str, list[Op], int]], cut: int) -> None:
    events = lived(steps).events
    assert fold(events) == fold(events[cut:], fold(events[:cut]))


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_only_accepting_editing_and_undoing_change_the_song(steps: list[tuple[str, list[Op], int]]) -> None:
    events = lived(steps).events
    state = SongState()
    for event in events:
        before, state = state.song, fold([event], state)
        changing = isinstance(event.body, Edited | Undone) or (
            isinstance(event.body, Decided) and event.body.verdict == "accept"
        )
        assert before is None or changing or state.song == before


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_undoing_everything_restores_the_first_song(steps: list[tuple[str, list[Op], int]]) -> None:
    history = lived(steps)
    for change in reversed(history.state.changes):
        if not change.undone and not change.undoes:
            history.add(Undone(undone=change.event, ops=change.undo))
    assert history.song == START
    assert all(filed.verdict != "accept" for filed in history.state.proposals if filed.option)


def test_an_undo_can_be_undone_and_brings_the_decision_back() -> None:
    history = History()
    proposal = Proposal(
        kind="mix",
        question="?",
        options=(Option(id="a", name="A", why="", ops=(SetFader(target="t01", fader_db=-6.0),)),),
        provenance=PROVENANCE,
    )
    history.add(ProposalFiled(proposal=proposal, base_event=history.state.head))
    accepted = history.add(Decided(number=1, verdict="accept", option="a"))
    decided = history.state.filed(1)
    undone = history.add(Undone(undone=accepted, ops=history.state.change(accepted).undo))
    assert history.song == START
    assert history.state.filed(1).is_open
    history.add(Undone(undone=undone, ops=history.state.change(undone).undo))
    assert history.song.strip("t01").fader_db == -6.0
    assert history.state.filed(1) == decided


def test_undoing_on_and_on_goes_back_and_forth() -> None:
    history = History()
    edited = history.add(Edited(ops=(AddTrack(track=Track(id="t03", name="new")),)))
    last, songs = edited, [history.song]
    for _ in range(5):
        last = history.add(Undone(undone=last, ops=history.state.change(last).undo))
        songs.append(history.song)
        assert history.state.change(edited).undone is (history.song == START)
    assert songs == [songs[0], START] * 3


def test_a_change_is_undone_part_by_part() -> None:
    history = History()
    ops = (SetFader(target="t01", fader_db=-6.0), SetFader(target="t02", fader_db=-3.0))
    edited = history.add(Edited(ops=ops))
    first = history.add(Undone(undone=edited, ops=history.state.change(edited).undo[1:], part="t01"))
    assert [track.strip.fader_db for track in history.song.tracks] == [0.0, -3.0]
    assert history.state.change(edited).parts_undone == {"t01"}
    assert not history.state.change(edited).undone
    with pytest.raises(Conflict):
        history.add(Undone(undone=edited, ops=ops[:1], part="t01"))
    history.add(Undone(undone=first, ops=history.state.change(first).undo))
    assert [track.strip.fader_db for track in history.song.tracks] == [-6.0, -3.0]
    assert history.state.change(edited).parts_undone == frozenset()


def test_part_of_an_option_is_accepted_and_undone() -> None:
    history = History()
    ops = (SetFader(target="t01", fader_db=-6.0), SetFader(target="t02", fader_db=-3.0))
    option = Option(id="a", name="A", why="", ops=ops)
    proposal = Proposal(kind="mix", question="?", options=(option,), provenance=PROVENANCE)
    history.add(ProposalFiled(proposal=proposal, base_event=history.state.head))
    for wrong in ((2,), (-1,), (1, 0), (0, 0)):
        with pytest.raises(Conflict):
            history.add(Decided(number=1, verdict="accept", option="a", taken=wrong))
    decided = history.add(Decided(number=1, verdict="accept", option="a", taken=(1,)))
    assert [track.strip.fader_db for track in history.song.tracks] == [0.0, -3.0]
    history.add(Undone(undone=decided, ops=history.state.change(decided).undo))
    assert history.song == START
    assert history.state.filed(1).is_open


def test_a_lock_refuses_proposals_and_lets_hands_through() -> None:
    history = History()
    lock = Lock(id="l1", target="t01", aspect="fader_db")
    history.add(Edited(ops=(SetLock(id="l1", lock=lock),)))
    options: dict[str, tuple[Op, ...]] = {
        "a": (SetFader(target="t01", fader_db=-6.0),),
        "b": (SetLock(id="l1", lock=None), SetFader(target="t01", fader_db=-6.0)),
        "c": (RemoveTrack(track="t01"),),
        "d": (SetPan(target="t01", pan=0.5), SetFader(target="t02", fader_db=-6.0)),
    }
    made = tuple(Option(id=name, name=name, why="", ops=ops) for name, ops in options.items())
    proposal = Proposal(kind="mix", question="?", options=made, provenance=PROVENANCE)
    history.add(ProposalFiled(proposal=proposal, base_event=history.state.head))
    for refused in "abc":
        with pytest.raises(Refused) as refusal:
            history.add(Decided(number=1, verdict="accept", option=refused))
        assert refusal.value.code == "lock.holds"
    history.add(Decided(number=1, verdict="accept", option="d"))
    history.add(Edited(ops=(SetFader(target="t01", fader_db=-1.0),)))
    assert history.song.strip("t01").fader_db == -1.0


def bad_logs() -> list[tuple[str, Callable[[History], Body]]]:
    return [
        ("proposal.unknown", lambda _: Decided(number=0, verdict="reject")),
        ("proposal.unknown", lambda _: Decided(number=1, verdict="reject")),
        ("undo.nothing", lambda history: Undone(undone=history.state.head, ops=())),
    ]


@pytest.mark.parametrize(("code", "body"), bad_logs())
def test_a_log_that_cannot_have_happened_is_refused(code: str, body: Callable[[History], Body]) -> None:
    history = History()
    before = history.state
    with pytest.raises(Conflict) as refusal:
        history.add(body(history))
    assert refusal.value.code == code
    assert history.state == before


def test_net_gain_is_trim_make_up_and_fader() -> None:
    compressor = Compressor(threshold_db=-20, ratio=2, attack_ms=10, release_ms=100, make_up_db=2.5)
    strip = Strip(
        fader_db=-3.0,
        inserts=(
            Insert(name="trim", processor=Gain(gain_db=-4.0)),
            Insert(name="compressor", processor=compressor),
            Insert(name="off", processor=Gain(gain_db=9.0), on=False),
            Insert(name="high-pass", processor=HighPass(cutoff_hz=80)),
        ),
    )
    assert net_gain_db(strip) == -4.5
    assert net_gain_db(Strip(fader_db=float("-inf"))) == float("-inf")
