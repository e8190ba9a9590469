"""Ten thousand things that may happen to a song, in an order nobody chose: only decisions of people change it."""

import hashlib
import random

import pytest

from tapehand.errors import Conflict, Refused
from tapehand.song.event import Body, Decided, Edited, Event, FindingsNoted, ProposalFiled, SongCreated, Undone
from tapehand.song.fold import SongState, fold
from tapehand.song.lock import Lock
from tapehand.song.op import Op, SetFader, SetLock, SetMute, SetPan
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.song import Song, Track
from tapehand.store.codecs import canonical, codec

SONGS, OPERATIONS = 20, 500
TRACKS = tuple(f"t{number:02d}" for number in range(1, 9))
PROVENANCE = Provenance(engine="test", version="1", maker="machine")


def state_hash(state: SongState) -> str:
    return hashlib.sha256(canonical(codec().encode(state.song)).encode()).hexdigest()


def some_ops(chance: random.Random) -> tuple[Op, ...]:
    made: list[Op] = []
    for target in chance.sample(TRACKS, chance.randint(1, 3)):
        made.append(
            chance.choice(
                (
                    SetFader(target=target, fader_db=chance.uniform(-30, 6)),
                    SetPan(target=target, pan=chance.uniform(-1, 1)),
                    SetMute(target=target, mute=chance.random() < 0.5),
                )
            )
        )
    return tuple(made)


def some_body(state: SongState, chance: random.Random) -> Body:
    """Anything that may be tried, whether or not it can be done."""
    kind = chance.randrange(8)
    number = chance.randint(max(len(state.proposals) - 5, 1), len(state.proposals) + 1)
    if kind <= 1:
        option = Option(id="a", name="A", why="", ops=some_ops(chance))
        proposal = Proposal(kind="mix", question="?", options=(option,), provenance=PROVENANCE)
        return ProposalFiled(proposal=proposal, base_event=state.head)
    if kind == 2:
        return FindingsNoted(scope=chance.choice("abc"), findings=())
    if kind <= 4:
        verdict = chance.choice(("accept", "reject", "later"))
        return Decided(number=number, verdict=verdict, option="a" if verdict == "accept" else None)  # type: ignore[arg-type]
    if kind == 5 and state.changes:
        change = state.changes[-1]
        return Undone(undone=change.event, ops=change.undo)
    if kind == 6 and chance.random() < 0.05:
        lock = Lock(id="l1", target=chance.choice(TRACKS)) if chance.random() < 0.5 else None
        return Edited(ops=(SetLock(id="l1", lock=lock),))
    return Edited(ops=some_ops(chance))


@pytest.mark.parametrize("seed", range(SONGS))
def test_only_accepting_editing_and_undoing_change_the_song(seed: int) -> None:
    chance = random.Random(seed)
    first = SongCreated(song=Song(name="s", rate_hz=44_100, tracks=tuple(Track(id=each, name=each) for each in TRACKS)))
    events = [event_after(SongState(), first)]
    state = fold(events)
    before_change: dict[str, str] = {}
    now, refused = state_hash(state), 0
    for _ in range(OPERATIONS):
        body = some_body(state, chance)
        event = event_after(state, body)
        try:
            after = fold([event], state)
        except (Conflict, Refused):
            refused += 1
            continue
        was, now = now, state_hash(after)
        changing = isinstance(body, Edited | Undone) or (isinstance(body, Decided) and body.verdict == "accept")
        assert changing or now == was
        if isinstance(body, Undone) and body.undone in before_change:
            assert now == before_change[body.undone]
        before_change[event.id] = was
        state = after
        events.append(event)
    assert refused > OPERATIONS // 20
    assert len(events) + refused == OPERATIONS + 1
    assert state_hash(fold(events)) == now
    half = len(events) // 2
    assert fold(events) == fold(events[half:], fold(events[:half]))


def event_after(state: SongState, body: Body) -> Event:
    seq = state.length + 1
    return Event(seq=seq, id=f"e{seq}", parent=state.head, body=body, actor="Ann", actor_kind="person", at_s=float(seq))
