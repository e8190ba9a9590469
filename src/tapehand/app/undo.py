"""Taking back: a new event with the inverse steps. Nothing is deleted, and an undo can be undone."""

from tapehand.app.decide import touched_since
from tapehand.app.parts import part_named, section_span
from tapehand.app.view import song_of
from tapehand.errors import Conflict, InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.arrange import restored_within
from tapehand.song.difference import parts
from tapehand.song.event import Edited, Undone
from tapehand.song.fold import Change, SongState
from tapehand.song.op import Op, apply_all, untouched


def undo(store: SongStore, *, by: str, event: str | int | None = None, part: str | None = None) -> SongState:
    """Take back the last change, or that of one event (its number, or its id or the beginning of it).

    ``part`` names a track or bus (or ``"mix"``, ``"song"``): only what the change did to it is taken back; without
    ``event`` that is the last change that touched it.

    Raises
    ------
    Conflict
        ``undo.overlaps``: a later change stands on it; ``undo.done_already``; ``store.moved_on``.
    InputError
        ``undo.nothing``: there is no such change; ``song.no_target``.
    """
    state = store.state()
    wanted = part_named(song_of(state), part) if part is not None else None
    change = _last(state, wanted) if event is None else _of_event(store, state, event)
    if change.undone or wanted in change.parts_undone:
        raise Conflict("undo.done_already", "That change was taken back before", where=change.event[:12])
    ops = change.undo if wanted is None else tuple(op for op in change.undo if parts(op) == {wanted})
    if not ops and wanted is not None:
        raise InputError("undo.nothing", f"That event did nothing to {part} alone", where=change.event[:12])
    _refuse_built_upon(store, state, change, ops)
    undone = Undone(undone=change.event, ops=ops, part=wanted)
    return store.append([undone], actor=by, actor_kind="person", expected_head=state.head)


def undo_section(store: SongStore, section: str, *, by: str, event: str | int | None = None) -> SongState:
    """Take back what a change did within one section: mutes and automation there become what they were.

    Raises
    ------
    InputError
        ``undo.nothing``: the change did nothing there that can be told apart from the rest; ``song.no_section``.
    Conflict
        ``store.moved_on``.
    """
    state = store.state()
    song = song_of(state)
    span = section_span(song, section)
    change = _last(state, None) if event is None else _of_event(store, state, event)
    before = apply_all(song_of(store.state_at(change.event)), change.undo)
    touched = frozenset(part for op in change.ops for part in parts(op))
    ops: tuple[Op, ...] = tuple(op for part in sorted(touched) for op in restored_within(before, song, part, span))
    if not ops:
        raise InputError(
            "undo.nothing", f"That change did nothing that lies in {section} alone", hint="Undo all of it."
        )
    note = f"undid {section} of event {change.event[:12]}"
    return store.append([Edited(ops=ops, note=note)], actor=by, actor_kind="person", expected_head=state.head)


def _refuse_built_upon(store: SongStore, state: SongState, change: Change, ops: tuple[Op, ...]) -> None:
    then = song_of(store.state_at(change.event))
    if not untouched(then, song_of(state), ops):
        raise Conflict(
            "undo.overlaps",
            "A later change stands on what you want to take back",
            where=", ".join(touched_since(state, store.events(), change.event, ops, then)),
            hint="Undo the later change first.",
        )


def _last(state: SongState, part: str | None) -> Change:
    for change in reversed(state.changes):
        concerned = part is None or any(part in parts(op) for op in change.ops)
        if concerned and not change.undone and not change.undoes and part not in change.parts_undone:
            return change
    raise InputError("undo.nothing", "There is nothing to undo", hint="See 'tapehand log'.")


def _of_event(store: SongStore, state: SongState, event: str | int) -> Change:
    return state.change(event_named(store, event))


def event_named(store: SongStore, event: str | int) -> str:
    """The id of the event of that number, id, or beginning of an id. Raises InputError (``undo.nothing``)."""
    wanted = str(event)
    found = [
        each.id
        for each in store.events()
        if str(each.seq) == wanted or (len(wanted) > 7 and each.id.startswith(wanted))
    ]
    if len(found) != 1:
        raise InputError("undo.nothing", f"There is no event {wanted}", hint="See 'tapehand log'.")
    return found[0]
