"""Branches: another way the same song could go. Compared, merged where they leave each other alone, asked where not."""

from dataclasses import dataclass
from typing import Final

from tapehand.app.parts import part_names
from tapehand.app.undo import event_named
from tapehand.app.view import song_of
from tapehand.errors import InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.difference import apart, difference
from tapehand.song.event import AudioAdded, Body, Event, Merged, ProposalFiled
from tapehand.song.fold import SongState, fold
from tapehand.song.hearing import TrialOpened
from tapehand.song.op import Op
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance

MERGE: Final = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two branches since they were one: what each changed, by the names of the parts, and what both did.

    ``base`` is the last event both share. ``free`` are the ops of the other branch that touch nothing of ours;
    ``contested`` are those that do.
    """

    base: Event
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    both: tuple[str, ...]
    free: tuple[Op, ...]
    contested: tuple[Op, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What came in from the other branch, and the number of the proposal that asks about the rest, if there is one.

    ``trials`` is how many blind trials stay in the other branch: they are about its proposals, which stay there too.
    """

    taken: tuple[str, ...]
    asked: tuple[str, ...]
    proposal: int | None
    trials: int = 0


def begin(store: SongStore, name: str, *, by: str, at: str | int | None = None) -> SongState:
    """Let a branch begin after an event (its number or id; the last one if None) and work on it from now on.

    Raises
    ------
    InputError
        ``branch.name``, ``branch.taken``, ``undo.nothing``: there is no such event.
    """
    return store.start_branch(name, actor=by, at=None if at is None else event_named(store, at))


def compare(store: SongStore, other: str) -> Compared:
    """The branch worked on beside another. Raises InputError (``branch.unknown``, ``branch.same``)."""
    if other == store.branch:
        raise InputError("branch.same", f"You are working on {other} already", hint="Name another branch.")
    here, there = store.events(), store.events(other)
    base = [ours for ours, theirs in zip(here, there, strict=False) if ours.id == theirs.id]
    start = song_of(fold(base))
    our_song, their_song = song_of(fold(here)), song_of(fold(there))
    ours, theirs = difference(start, our_song), difference(start, their_song)
    free, contested = apart(ours, theirs)
    return Compared(
        base=base[-1],
        ours=tuple(part_names(our_song, ours)),
        theirs=tuple(part_names(their_song, theirs)),
        both=tuple(part_names(their_song, contested)),
        free=free,
        contested=contested,
    )


def merge(store: SongStore, other: str, *, by: str, version: str) -> Merge:
    """Bring in what another branch changed where this one did not; the rest becomes one proposal, both ways audible.

    Raises
    ------
    InputError
        ``branch.unknown``, ``branch.same``.
    Conflict
        ``store.moved_on``.
    """
    state = store.state()
    compared = compare(store, other)
    head = store.branches()[other]
    bodies: list[Body] = [*_missing_audio(store, state, other)]
    if compared.free:
        bodies.append(Merged(branch=other, head=head, ops=compared.free))
    if bodies:
        state = store.append(bodies, actor=by, actor_kind="person", expected_head=state.head)
    number = _ask(store, state, other, compared.contested, by, version) if compared.contested else None
    names = part_names(song_of(state), compared.free)
    return Merge(taken=tuple(names), asked=compared.both, proposal=number, trials=_trials_there(store, other))


def _trials_there(store: SongStore, other: str) -> int:
    here = {event.id for event in store.events()}
    return sum(isinstance(event.body, TrialOpened) for event in store.events(other) if event.id not in here)


def _ask(store: SongStore, state: SongState, other: str, ops: tuple[Op, ...], by: str, version: str) -> int:
    """File the question which branch is right where both changed the same; the number of the proposal."""
    made_by = Provenance(engine="tapehand merge", version=version, maker="human", settings=(("branch", other),))
    names = ", ".join(part_names(song_of(state), ops))
    proposal = Proposal(
        kind=MERGE,
        question=f"{store.branch} and {other} both changed {names}. Which stays?",
        options=(
            Option(id="ours", name=f"As in {store.branch}", why="It stays as it is here.", ops=()),
            Option(id="theirs", name=f"As in {other}", why=f"It becomes what it is in {other}.", ops=ops),
        ),
        provenance=made_by,
    )
    filed = ProposalFiled(proposal=proposal, base_event=state.head)
    return store.append([filed], actor=by, actor_kind="person", expected_head=state.head).proposals[-1].number


def _missing_audio(store: SongStore, state: SongState, other: str) -> list[AudioAdded]:
    return [
        event.body
        for event in store.events(other)
        if isinstance(event.body, AudioAdded) and event.body.source.blob not in state.sources
    ]
