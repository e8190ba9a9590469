"""Deciding: a person accepts, rejects or puts off a proposal. The only way a proposal becomes song."""

from collections.abc import Sequence
from typing import Final

from tapehand.app.view import song_of
from tapehand.errors import Conflict, InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.event import Decided, Event, Verdict
from tapehand.song.fold import Filed, SongState, fold
from tapehand.song.op import Op, scopes_overlap, untouched
from tapehand.song.proposal import Option, Proposal
from tapehand.song.song import Song

RECOMMENDED: Final = "recommended"
PATIENCE: Final = 20


def decide(
    store: SongStore,
    number: int,
    verdict: Verdict,
    *,
    by: str,
    option: str | None = None,
    note: str = "",
    trial: str = "",
) -> SongState:
    """Write a person's decision on proposal ``number`` into the log; accepting applies the option's ops.

    ``option`` is an option's id or name, or ``"recommended"``; only accepting needs one.
    ``trial`` is the id of the blind trial of this proposal that the decision rests on.

    Raises
    ------
    Conflict
        ``decision.made_already``, or ``proposal.stale``: what the option would set was changed since it was proposed.
    InputError
        ``proposal.unknown``, ``proposal.no_option``, ``proposal.none_recommended``, ``decision.no_option``,
        ``decision.no_name``.
    """
    for _ in range(PATIENCE):
        state = store.state()
        filed = state.filed(number)
        _refuse_decided(filed)
        _refuse_other_trial(state, number, trial)
        chosen = _chosen(filed.proposal, verdict, option)
        if chosen is not None:
            refuse_stale(store, state, filed, chosen)
        decided = Decided(number=number, verdict=verdict, option=chosen.id if chosen else None, note=note, trial=trial)
        try:
            return store.append([decided], actor=by, actor_kind="person", expected_head=state.head)
        except Conflict as error:
            if error.code != "store.moved_on":
                raise
    raise Conflict("store.busy", "The song keeps being changed by somebody else", hint="Try again in a moment.")


def option_named(proposal: Proposal, wanted: str) -> Option:
    """The option of that id or name, or the recommended one; raises InputError as ``decide``."""
    if wanted == RECOMMENDED:
        if proposal.recommended is None:
            names = ", ".join(option.id for option in proposal.options)
            raise InputError(
                "proposal.none_recommended",
                "Nothing is recommended here, as there is no right answer",
                hint=f"Choose one of: {names}.",
            )
        return proposal.option(proposal.recommended)
    named = [option for option in proposal.options if option.name.casefold() == wanted.casefold()]
    return named[0] if len(named) == 1 else proposal.option(wanted)


def refuse_stale(store: SongStore, state: SongState, filed: Filed, option: Option) -> None:
    """Raise Conflict (``proposal.stale``) if what the option would set was changed since it was proposed."""
    now = song_of(state)
    events = store.events()
    if untouched(song_after(events, filed.base_event), now, option.ops):
        return
    raise Conflict(
        "proposal.stale",
        f"Proposal {filed.number} was made for a song that has changed since",
        where=", ".join(touched_since(state, events, filed.base_event, option.ops)),
        hint="Ask for it again, or undo what came in between.",
    )


def song_after(events: Sequence[Event], event_id: str) -> Song:
    """The song as it stood after that event."""
    until: list[Event] = []
    for event in events:
        until.append(event)
        if event.id == event_id:
            break
    return song_of(fold(until))


def touched_since(state: SongState, events: Sequence[Event], event_id: str, ops: tuple[Op, ...]) -> list[str]:
    """Names of what later changes have in common with ``ops``, for a person to read."""
    ids = [event.id for event in events]
    later = set(ids[ids.index(event_id) + 1 :])
    song = song_of(state)
    names = {owner.id: owner.name for owner in song.owners}
    scopes = {
        scope
        for change in state.changes
        if change.event in later and not change.undone and scopes_overlap(change.ops, ops)
        for op in change.ops
        for scope in op.scope
        if any(scope in other.scope or scopes_overlap([op], [other]) for other in ops)
    }
    return sorted({names.get(scope.split("/")[0], scope.split("/")[0]) for scope in scopes})


def _refuse_decided(filed: Filed) -> None:
    if not filed.is_open:
        raise Conflict(
            "decision.made_already",
            f"Proposal {filed.number} was decided already by {filed.decided_by}",
            hint="Undo that decision first if it should be another.",
        )


def _refuse_other_trial(state: SongState, number: int, trial: str) -> None:
    if trial and state.hearings.held(trial).trial.number != number:
        raise Conflict("trial.other_proposal", f"That trial was not about proposal {number}", where=trial)


def _chosen(proposal: Proposal, verdict: Verdict, option: str | None) -> Option | None:
    if verdict != "accept":
        return None
    if option is None:
        if len(proposal.options) == 1:
            return proposal.options[0]
        names = ", ".join(each.id for each in proposal.options)
        raise InputError("decision.no_option", "Say which option you accept", hint=f"Choose one of: {names}.")
    return option_named(proposal, option)
