"""A song on disk: ``NAME.tapehand/`` with its log, the log's mirror, and its audio.

    NAME.tapehand/
      log.db              the log (``event_log``): the truth
      log.jsonl           the same, one event a line (``mirror``)
      branch              the name of the branch that is worked on, if it is not ``main``
      audio/ab/abcd.wav   recordings by hash (``media_pool``)
      sealed/abcd.json    what nobody is to read before the last vote of a trial (``sealed``)

A song folder appears whole or not at all; audio is on the disk before the event that names it is written.
"""

import contextlib
import gc
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tapehand.audio.atomic import AtomicFile
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.audio.unfinished import sweep
from tapehand.errors import InputError, InternalError, OutputError, Refused, TapehandError, safe_text
from tapehand.song.event import PERSONS_ONLY, ActorKind, AudioAdded, Body, BranchStarted, Event, SongCreated
from tapehand.song.fold import SongState, fold
from tapehand.store import mirror
from tapehand.store.chain import MAIN, Row
from tapehand.store.codecs import canonical, codec
from tapehand.store.durable import make_folder
from tapehand.store.event_log import EventLog, Tip, moved_on
from tapehand.store.media_pool import BlobPool
from tapehand.store.places import refuse_network_drive
from tapehand.store.sealed import SealedTexts
from tapehand.store.snapshots import EVERY_EVENTS, Snapshot, Snapshots
from tapehand.work import Clock

SUFFIX: Final = ".tapehand"
LOG: Final = "log.db"
MIRROR: Final = "log.jsonl"
AUDIO: Final = "audio"
SEALED: Final = "sealed"
BRANCH: Final = "branch"
LONGEST_BRANCH_NAME: Final = 60


class SongFolder:
    """An open song. Implements ``ports.song_store.SongStore``; may be used from several threads.

    Raises
    ------
    InputError
        ``store.not_a_song``, ``store.foreign_link``, ``store.damaged``, ``store.chain_broken``,
        ``store.foreign_schema``, ``store.newer_version``, ``branch.unknown``.
    Refused
        ``store.network_drive``.
    """

    def __init__(self, path: Path, clock: Clock | None = None, snapshots: Snapshots | None = None) -> None:
        refuse_strange_folder(path)
        refuse_network_drive(path)
        self._path = path
        self._clock = clock or Clock()
        self._lock = threading.RLock()
        self._snapshots = snapshots
        kept = snapshots.get(path, current_branch(path)) if snapshots else None
        self._log = EventLog(path / LOG, kept.beginning if kept else None)
        self._branch = self._known(current_branch(path))
        self._media = BlobPool(path / AUDIO)
        self._seals = SealedTexts(path / SEALED)
        self._begin(kept)
        for place in (path, path / AUDIO, path / SEALED):
            sweep(place)
        self._mirror()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._remember()
            self._log.close()

    @property
    def path(self) -> Path:
        """The song folder."""
        return self._path

    @property
    def media(self) -> BlobPool:
        """Its audio."""
        return self._media

    @property
    def branch(self) -> str:
        """The branch that is read and written."""
        return self._branch

    def branches(self) -> Mapping[str, str]:
        """The last event of every branch, by its name."""
        with self._lock:
            return self._log.heads()

    def start_branch(self, name: str, *, actor: str, at: str | None = None) -> SongState:
        """Let a branch begin after an event (the last one of this branch if None) and work on it from now on.

        Raises
        ------
        InputError
            ``branch.name``, ``branch.taken``, ``store.no_event``.
        """
        with self._lock:
            _refuse_branch_name(name, self._log.heads())
            start = self._log.heads()[self._branch] if at is None else at
            self._row_of(start)
            body = BranchStarted(name=name)
            _refuse_wrong_actor([body], actor, "person")
            self._log.append(lambda tip: self._rows(tip._replace(head=start), [body], actor, "person"), name)
            self._mirror()
            return self.switch(name)

    def switch(self, name: str) -> SongState:
        """Work on another branch from now on, in this and in later programs; raises InputError (``branch.unknown``)."""
        with self._lock:
            known = self._known(name)
            if known != self._branch:
                with AtomicFile(self._path / BRANCH, overwrite=True) as target:
                    target.file.write(f"{known}\n".encode())
                self._remember()
                self._branch = known
                self._begin(self._snapshots.get(self._path, known) if self._snapshots else None)
            return self.state()

    def state(self) -> SongState:
        """The fold of the branch as it is now."""
        with self._lock:
            self._catch_up(self._log.rows(self._state.length, self._branch))
            return self._state

    def state_at(self, event: str) -> SongState:
        """The song as it stood after that event, of whatever branch. Raises InputError (``store.no_event``)."""
        with self._lock:
            if event == self.state().head:
                return self._state
            with _no_collection():
                return fold(event_of(row) for row in self._log.rows_until(self._row_of(event).id))

    def seal(self, name: str, text: str) -> None:
        """Keep a text beside the log; raises OutputError as ``append``, and ``output.exists`` for a name in use."""
        self._seals.keep(name, text)

    def sealed(self, name: str) -> str:
        """What was sealed under a name. Raises InputError (``store.no_seal``, ``store.foreign_link``)."""
        return self._seals.text(name)

    def events(self, branch: str | None = None) -> tuple[Event, ...]:
        """All that led to the song as it is on a branch (this one if None), oldest first."""
        with self._lock:
            wanted = self._branch if branch is None else self._known(branch)
            return tuple(event_of(row) for row in self._log.rows(branch=wanted))

    def append(
        self, bodies: Sequence[Body], *, actor: str, actor_kind: ActorKind, expected_head: str | None = None
    ) -> SongState:
        """Appends events in one transaction and returns the state after them; on return they survive power loss.

        Raises
        ------
        Conflict
            ``store.moved_on``: ``expected_head`` is given and somebody wrote in between; ``store.busy``; or the
            events do not fold.
        Refused
            ``decision.not_a_person``: a decision, edit or undo by anything but a person.
        OutputError
            ``output.full``, ``output.not_writable``.
        """
        _refuse_wrong_actor(bodies, actor, actor_kind)
        self._refuse_unstored_audio(bodies)
        with self._lock:

            def rows_after(tip: Tip) -> list[Row]:
                if expected_head is not None and expected_head != tip.head:
                    raise moved_on(self._log.path)
                self._catch_up(self._log.rows(self._state.length, self._branch))
                rows = self._rows(tip, bodies, actor, actor_kind)
                fold((event_of(row) for row in rows), self._state)
                return rows

            appended = self._log.append(rows_after, self._branch)
            self._catch_up(appended)
            self._mirror()
            return self._state

    def _rows(self, tip: Tip, bodies: Sequence[Body], actor: str, actor_kind: ActorKind) -> list[Row]:
        rows: list[Row] = []
        # A clock set back must not make the log run backwards.
        at_s = max(self._clock.now_s(), tip.at_s)
        parent = tip.head
        for seq, body in enumerate(bodies, start=tip.seq + 1):
            rows.append(Row.after(seq, parent, body, canonical(codec().encode(body)), actor, actor_kind, at_s))
            parent = rows[-1].id
        return rows

    def _known(self, branch: str) -> str:
        heads = self._log.heads()
        if heads and branch not in heads:
            raise InputError(
                "branch.unknown",
                f"The song has no branch {branch}",
                where=self._path.name,
                hint=f"There are: {', '.join(heads)}.",
            )
        return branch

    def _row_of(self, event: str) -> Row:
        row = self._log.row(event)
        if row is None:
            raise InputError(
                "store.no_event",
                "There is no such event in the song's log",
                where=event[:12],
                hint="See 'tapehand log'.",
            )
        return row

    def _begin(self, kept: Snapshot | None) -> None:
        """Begin with a snapshot of a log that is the beginning of ours, else with nothing."""
        is_ours = kept is not None and self._log.begins_with(kept.beginning)
        self._state = kept.state if kept is not None and is_ours else SongState()
        self._kept_length = self._state.length

    def _remember(self) -> None:
        """Keep a snapshot when much was read since the last one; what cannot be kept is read again."""
        if self._snapshots is None or self._state.length - self._kept_length < EVERY_EVENTS:
            return
        with contextlib.suppress(TapehandError):
            beginning = self._log.beginning()
            if beginning.heads.get(self._branch) == self._state.head:
                self._snapshots.put(self._path, self._branch, Snapshot(beginning, self._state))
                self._kept_length = self._state.length

    def _catch_up(self, rows: Sequence[Row]) -> None:
        if rows:
            with _no_collection():
                self._state = fold((event_of(row) for row in rows), self._state)

    def _mirror(self) -> None:
        # The log itself is safe already; a mirror that lags is caught up at the next chance.
        with contextlib.suppress(OSError, OutputError):
            if os.access(self._path, os.W_OK):
                mirror.catch_up(self._path / MIRROR, self._log)

    def _refuse_unstored_audio(self, bodies: Sequence[Body]) -> None:
        for body in bodies:
            if isinstance(body, AudioAdded) and not self._media.holds(body.source):
                raise InternalError(
                    "store.audio_first", "Audio is stored before the log names it", where=body.source.name
                )


def create_song_folder(
    path: Path,
    bodies: Callable[[BlobPool], Sequence[Body]],
    *,
    actor: str,
    clock: Clock | None = None,
    snapshots: Snapshots | None = None,
) -> SongFolder:
    """A new song. It is built beside ``path`` and gets its name when everything is on the disk.

    ``bodies`` stores audio in the pool it is given and returns the first events, of which the first is SongCreated.

    Raises
    ------
    OutputError
        ``output.exists``, ``output.no_folder``, ``output.full``, ``output.not_writable``, ``store.suffix``.
    """
    path = Path(path)
    _refuse_other_suffix(path)
    refuse_network_drive(path.absolute().parent)
    with AtomicFolder(path) as folder:
        make_folder(folder.building / AUDIO)
        EventLog.create(folder.building / LOG).close()
        first_events = bodies(BlobPool(folder.building / AUDIO))
        if not first_events or not isinstance(first_events[0], SongCreated):
            raise InternalError("store.first_event", "A log begins by creating its song")
        with SongFolder(folder.building, clock) as song:
            song.append(first_events, actor=actor, actor_kind="person")
    return SongFolder(path, clock, snapshots)


def current_branch(path: Path) -> str:
    """The name of the branch that a song folder says is worked on."""
    try:
        named = (path / BRANCH).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return MAIN
    except (OSError, ValueError):
        named = ""
    return named[: LONGEST_BRANCH_NAME + 1] or MAIN


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Reading a log makes many nouns and no rubbish: looking for some after every few hundred costs a third of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def event_of(row: Row) -> Event:
    """The event of a row; raises InputError (``store.damaged_record``, ``store.newer_version``)."""
    body = codec().decode(json.loads(row.body))
    if row.kind != body.KIND:
        raise InputError("store.damaged_record", "An event is not of the kind it says", where=f"event {row.seq}")
    return Event(
        seq=row.seq,
        id=row.id,
        parent=row.parent,
        body=body,
        actor=row.actor,
        actor_kind=row.actor_kind,
        at_s=row.at_s,
    )


def _refuse_wrong_actor(bodies: Sequence[Body], actor: str, actor_kind: ActorKind) -> None:
    if not actor.strip():
        raise InputError("decision.no_name", "Say who is doing this", hint="Use --by NAME.")
    if actor_kind != "person" and any(isinstance(body, PERSONS_ONLY) for body in bodies):
        raise Refused("decision.not_a_person", "Only a person decides, edits or undoes", where=actor)


def refuse_strange_folder(path: Path) -> None:
    """Raise InputError for no song folder (``store.not_a_song``) and for one with links (``store.foreign_link``)."""
    if not (path / LOG).is_file():
        what = "is not a Tapehand song" if path.exists() else "does not exist"
        raise InputError(
            "store.not_a_song",
            f"{path.name} {what}",
            where=str(path),
            hint=_hint_for_no_log(path),
        )
    for name in (LOG, f"{LOG}-wal", f"{LOG}-shm", f"{LOG}-journal", MIRROR, AUDIO, SEALED, BRANCH):
        if (path / name).is_symlink():
            raise InputError(
                "store.foreign_link",
                f"{name} of the song is a link; links are not followed",
                where=safe_text(str(path)),
                hint="Put the file itself there.",
            )


def _hint_for_no_log(path: Path) -> str:
    if (path / MIRROR).is_file():
        return "Its log can be rebuilt from log.jsonl with 'tapehand doctor --repair'."
    return "Name a folder that ends in .tapehand, or make one with 'tapehand new'."


def _refuse_branch_name(name: str, heads: Mapping[str, str]) -> None:
    if name in heads:
        raise InputError("branch.taken", f"The song already has a branch {name}", hint="Choose another name.")
    if not name.strip() or name != name.strip() or len(name) > LONGEST_BRANCH_NAME or not name.isprintable():
        raise InputError(
            "branch.name",
            f"A branch cannot be called {name!r}",
            hint=f"Use up to {LONGEST_BRANCH_NAME} letters, figures and spaces.",
        )


def _refuse_other_suffix(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise OutputError(
            "store.suffix",
            "A song folder's name ends in .tapehand",
            where=str(path),
            hint=f"Call it {path.name}{SUFFIX}.",
        )
