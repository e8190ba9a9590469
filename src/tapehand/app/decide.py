"""Deciding: a person accepts, rejects or puts off a proposal. The only way a proposal becomes song."""

from collections.abc import Callable, Sequence
from typing import Final

from tapehand.app.locks import locks_on, touched_aspects
from tapehand.app.parts import part_named, part_names
from tapehand.app.view import song_of
from tapehand.errors import Conflict, InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.difference import closed, parts
from tapehand.song.event import Body, Decided, Edited, Event, Verdict
from tapehand.song.fold import Filed, SongState
from tapehand.song.op import Op, scopes_overlap, untouched
from tapehand.song.proposal import Option, Proposal
from tapehand.song.song import Song

RECOMMENDED: Final = "recommended"
PATIENCE: Final = 100


def decide(
    store: SongStore,
    number: int,
    verdict: Verdict,
    *,
    by: str,
    option: str | None = None,
    only: Sequence[str] = (),
    note: str = "",
    trial: str = "",
) -> SongState:
    """Write a person's decision on proposal ``number`` into the log; accepting applies the option's ops.

    ``option`` is an option's id or name, or ``"recommended"``; only accepting needs one. ``only`` names tracks and
    buses (or ``"mix"``, ``"song"``): of the option just what concerns them is accepted, and what that needs.
    ``trial`` is the id of the blind trial of this proposal that the decision rests on.

    Raises
    ------
    Conflict
        ``decision.made_already``, or ``proposal.stale``: what the option would set was changed since it was proposed.
    Refused
        ``lock.holds``: a person locked what the option would change.
    InputError
        ``proposal.unknown``, ``proposal.no_option``, ``proposal.none_recommended``, ``decision.no_option``,
        ``decision.no_name``, ``decision.nothing_taken``, ``song.no_target``.
    """

    def bodies(state: SongState, filed: Filed) -> list[Body]:
        _refuse_other_trial(state, number, trial)
        chosen = _chosen(filed.proposal, verdict, option)
        taken = taken_ops(state, chosen, only) if chosen and only else None
        if chosen is not None:
            ops = chosen.ops if taken is None else tuple(chosen.ops[place] for place in taken)
            refuse_stale(store, state, filed, ops)
        name = chosen.id if chosen else None
        return [Decided(number=number, verdict=verdict, option=name, note=note, trial=trial, taken=taken)]

    return _decided(store, number, bodies, by)


def lock_against(store: SongStore, number: int, *, by: str, note: str = "") -> SongState:
    """Reject proposal ``number`` and lock all that any of its options would change; raises as ``decide``."""

    def bodies(state: SongState, filed: Filed) -> list[Body]:
        song = song_of(state)
        ops = [op for option in filed.proposal.options for op in option.ops]
        locks = locks_on(song, touched_aspects(song, ops), reason=note or f"proposal {number}")
        rejected = Decided(number=number, verdict="reject", note=note)
        return [rejected, Edited(ops=locks, note=note)] if locks else [rejected]

    return _decided(store, number, bodies, by)


def _decided(store: SongStore, number: int, bodies: Callable[[SongState, Filed], list[Body]], by: str) -> SongState:
    """Append what ``bodies`` makes of the song as it is, again where somebody wrote something else meanwhile."""
    for _ in range(PATIENCE):
        state = store.state()
        filed = state.filed(number)
        _refuse_decided(filed)
        try:
            return store.append(bodies(state, filed), actor=by, actor_kind="person", expected_head=state.head)
        except Conflict as error:
            if error.code != "store.moved_on":
                raise
    raise Conflict("store.busy", "The song keeps being changed by somebody else", hint="Try again in a moment.")


def taken_ops(state: SongState, option: Option, names: Sequence[str]) -> tuple[int, ...]:
    """The places of the ops that concern the parts of those names, and of what they need; raises as ``decide``."""
    song = song_of(state)
    wanted = {part_named(song, name, option.ops) for name in names}
    places = [place for place, op in enumerate(option.ops) if parts(op) & wanted]
    if not places:
        raise InputError(
            "decision.nothing_taken",
            f"Option {option.id} changes nothing on {', '.join(names)}",
            hint=f"It changes: {', '.join(part_names(song, option.ops))}.",
        )
    return closed(song, option.ops, places)


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


def refuse_stale(store: SongStore, state: SongState, filed: Filed, ops: Sequence[Op]) -> None:
    """Raise Conflict (``proposal.stale``) if what ``ops`` would set was changed since it was proposed."""
    ops = tuple(ops)
    if filed.base_event == state.head:
        return
    before = song_of(store.state_at(filed.base_event))
    if untouched(before, song_of(state), ops):
        return
    raise Conflict(
        "proposal.stale",
        f"Proposal {filed.number} was made for a song that has changed since",
        where=", ".join(touched_since(state, store.events(), filed.base_event, ops, before)),
        hint="Ask for it again, so that it is measured again; or accept the other parts with --only.",
    )


def touched_since(
    state: SongState, events: Sequence[Event], event_id: str, ops: tuple[Op, ...], before: Song
) -> list[str]:
    """Names of what later changes have in common with ``ops``, for a person to read; ``before`` is the song then."""
    ids = [event.id for event in events]
    later = set(ids[ids.index(event_id) + 1 :])
    names = {owner.id: owner.name for song in (before, song_of(state)) for owner in song.owners}
    scopes = {
        scope
        for change in state.changes
        if change.event in later and not change.undone and change.undoes not in later
        if scopes_overlap(change.ops, ops)
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
