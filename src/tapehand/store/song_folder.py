"""A song on disk: ``NAME.tapehand/`` with its log, the log's mirror, and its audio.

    NAME.tapehand/
      log.db              the log (``event_log``): the truth
      log.jsonl           the same, one event a line (``mirror``)
      audio/ab/abcd.wav   recordings by hash (``media_pool``)
      sealed/abcd.json    what nobody is to read before the last vote of a trial (``sealed``)

A song folder appears whole or not at all; audio is on the disk before the event that names it is written.
"""

import contextlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.errors import InputError, InternalError, OutputError, Refused, safe_text
from tapehand.song.event import PERSONS_ONLY, ActorKind, AudioAdded, Body, Event, SongCreated
from tapehand.song.fold import SongState, fold
from tapehand.store import mirror
from tapehand.store.codecs import canonical, codec
from tapehand.store.durable import make_folder, sync_folder, told_as_output_errors
from tapehand.store.event_log import EventLog, Row, moved_on, salvaged
from tapehand.store.media_pool import BlobPool
from tapehand.store.sealed import SealedTexts
from tapehand.work import Clock

SUFFIX: Final = ".tapehand"
LOG: Final = "log.db"
MIRROR: Final = "log.jsonl"
AUDIO: Final = "audio"
SEALED: Final = "sealed"


class SongFolder:
    """An open song. Implements ``ports.song_store.SongStore``; may be used from several threads.

    Raises
    ------
    InputError
        ``store.not_a_song``, ``store.foreign_link``, ``store.damaged``, ``store.chain_broken``,
        ``store.foreign_schema``, ``store.newer_version``.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        _refuse_strange_folder(path)
        self._path = path
        self._clock = clock or Clock()
        self._lock = threading.RLock()
        self._log = EventLog(path / LOG)
        self._media = BlobPool(path / AUDIO)
        self._seals = SealedTexts(path / SEALED)
        self._state = SongState()
        self._media.forget_unfinished()
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
            self._log.close()

    @property
    def path(self) -> Path:
        """The song folder."""
        return self._path

    @property
    def media(self) -> BlobPool:
        """Its audio."""
        return self._media

    def state(self) -> SongState:
        """The fold of the whole log as it is now."""
        with self._lock:
            self._catch_up(self._log.rows(self._state.length))
            return self._state

    def seal(self, name: str, text: str) -> None:
        """Keep a text beside the log; raises OutputError as ``append``, and ``output.exists`` for a name in use."""
        self._seals.keep(name, text)

    def sealed(self, name: str) -> str:
        """What was sealed under a name. Raises InputError (``store.no_seal``, ``store.foreign_link``)."""
        return self._seals.text(name)

    def events(self) -> tuple[Event, ...]:
        """The whole log, oldest first."""
        with self._lock:
            return tuple(_event(row) for row in self._log.rows())

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

            def rows_after(last: Row | None) -> list[Row]:
                if expected_head is not None and expected_head != (last.id if last else ""):
                    raise moved_on(self._log.path)
                self._catch_up(self._log.rows(self._state.length))
                rows = self._rows(last, bodies, actor, actor_kind)
                fold((_event(row) for row in rows), self._state)
                return rows

            appended = self._log.append(rows_after)
            self._catch_up(appended)
            self._mirror()
            return self._state

    def _rows(self, last: Row | None, bodies: Sequence[Body], actor: str, actor_kind: ActorKind) -> list[Row]:
        rows: list[Row] = []
        # A clock set back must not make the log run backwards.
        at_s = max(self._clock.now_s(), last.at_s if last else 0.0)
        for body in bodies:
            last = Row.after(last, body, canonical(codec().encode(body)), actor, actor_kind, at_s)
            rows.append(last)
        return rows

    def _catch_up(self, rows: Sequence[Row]) -> None:
        if rows:
            self._state = fold((_event(row) for row in rows), self._state)

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
    path: Path, bodies: Callable[[BlobPool], Sequence[Body]], *, actor: str, clock: Clock | None = None
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
    with AtomicFolder(path) as folder:
        make_folder(folder.building / AUDIO)
        EventLog.create(folder.building / LOG).close()
        first_events = bodies(BlobPool(folder.building / AUDIO))
        if not first_events or not isinstance(first_events[0], SongCreated):
            raise InternalError("store.first_event", "A log begins by creating its song")
        with SongFolder(folder.building, clock) as song:
            song.append(first_events, actor=actor, actor_kind="person")
    return SongFolder(path, clock)


def rebuild_log(path: Path) -> int:
    """Make ``log.db`` anew from the mirror (and from what the old one still gives); the number of events saved.

    The old database is kept beside it as ``log.damaged-N.db``.

    Raises
    ------
    InputError
        ``store.no_mirror``, or ``store.nothing_to_rebuild`` when not even the first event is sound.
    """
    mirrored = mirror.read(path / MIRROR) if (path / MIRROR).is_file() else []
    rows = max(mirrored, salvaged(path / LOG), key=len)
    if not rows:
        raise InputError(
            "store.nothing_to_rebuild",
            "Neither log.db nor log.jsonl holds one sound event",
            where=str(path),
            hint="Take the song from a backup; its audio is still in the folder.",
        )
    with told_as_output_errors(path):
        fresh = path / f".{secrets.token_hex(6)}.db"
        try:
            log = EventLog.create(fresh)
            log.append(lambda _last: rows)
            log.close()
            _set_aside(path / LOG)
            fresh.rename(path / LOG)
            sync_folder(path)
        finally:
            for leftover in path.glob(f"{fresh.name}*"):
                leftover.unlink()
    SongFolder(path).close()
    return len(rows)


def _set_aside(path: Path) -> None:
    number = 1
    while path.with_name(f"log.damaged-{number}.db").exists():
        number += 1
    for ending in ("", "-wal", "-shm"):
        old = path.with_name(path.name + ending)
        if old.exists():
            old.rename(path.with_name(f"log.damaged-{number}.db{ending}"))


def _event(row: Row) -> Event:
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


def _refuse_strange_folder(path: Path) -> None:
    if not (path / LOG).is_file():
        what = "is not a Tapehand song" if path.exists() else "does not exist"
        raise InputError(
            "store.not_a_song",
            f"{path.name} {what}",
            where=str(path),
            hint="Name a folder that ends in .tapehand, or make one with 'tapehand new'.",
        )
    for name in (LOG, MIRROR, AUDIO):
        if (path / name).is_symlink():
            raise InputError(
                "store.foreign_link",
                f"{name} of the song is a link; links are not followed",
                where=safe_text(str(path)),
                hint="Put the file itself there.",
            )


def _refuse_other_suffix(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise OutputError(
            "store.suffix",
            "A song folder's name ends in .tapehand",
            where=str(path),
            hint=f"Call it {path.name}{SUFFIX}.",
        )
