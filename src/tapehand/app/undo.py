"""Taking back: a new event with the inverse steps. Nothing is deleted, and an undo can be undone."""

from tapehand.app.decide import song_after, touched_since
from tapehand.app.view import song_of
from tapehand.errors import Conflict, InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.event import Undone
from tapehand.song.fold import Change, SongState
from tapehand.song.op import untouched


def undo(store: SongStore, *, by: str, event: str | int | None = None) -> SongState:
    """Take back the last change, or that of one event (its number, or its id or the beginning of it).

    Raises
    ------
    Conflict
        ``undo.overlaps``: a later change stands on it; ``undo.done_already``; ``store.moved_on``.
    InputError
        ``undo.nothing``: there is no such change.
    """
    state = store.state()
    change = _last(state) if event is None else _of_event(store, state, event)
    if change.undone:
        raise Conflict("undo.done_already", "That change was taken back before", where=change.event[:12])
    events = store.events()
    if not untouched(song_after(events, change.event), song_of(state), change.undo):
        raise Conflict(
            "undo.overlaps",
            "A later change stands on what you want to take back",
            where=", ".join(touched_since(state, events, change.event, change.undo)),
            hint="Undo the later change first.",
        )
    undone = Undone(undone=change.event, ops=change.undo)
    return store.append([undone], actor=by, actor_kind="person", expected_head=state.head)


def _last(state: SongState) -> Change:
    for change in reversed(state.changes):
        if not change.undone and not change.undoes:
            return change
    raise InputError("undo.nothing", "There is nothing to undo", hint="See 'tapehand log'.")


def _of_event(store: SongStore, state: SongState, event: str | int) -> Change:
    wanted = str(event)
    found = [
        each.id
        for each in store.events()
        if str(each.seq) == wanted or (len(wanted) > 7 and each.id.startswith(wanted))
    ]
    if len(found) != 1:
        raise InputError("undo.nothing", f"There is no event {wanted}", hint="See 'tapehand log'.")
    return state.change(found[0])
