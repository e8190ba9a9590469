"""The log in ``log.db``: an append-only chain of events in SQLite.

Each row's id is the SHA-256 of the one JSON text of ``[parent, kind, actor, actor kind, time, body]``, and its
``parent`` is the id of the row before it: what was changed or taken out shows. The database itself refuses to change
or delete an event and to take a decision from anything but a person. A commit is synced to the disk (WAL,
``synchronous=FULL``) before it is acknowledged; the head moves only from where the writer believes it to be.
"""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tapehand.errors import Conflict, InputError, OutputError, Refused, TapehandError
from tapehand.song.event import ActorKind, Body
from tapehand.store.codecs import canonical, newer_version
from tapehand.store.durable import disk_full

APPLICATION_ID: Final = 0x54504844
VERSION: Final = 1
BUSY_TIMEOUT_S: Final = 10.0
MAIN: Final = "main"
_PERSONAL_KINDS: Final = "'decision.made', 'song.edited', 'event.undone'"
SCHEMA: Final = (
    """CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        parent TEXT NOT NULL,
        kind TEXT NOT NULL,
        actor TEXT NOT NULL CHECK (length(actor) > 0),
        actor_kind TEXT NOT NULL CHECK (actor_kind IN ('person', 'engine', 'agent')),
        at_s REAL NOT NULL,
        body TEXT NOT NULL)""",
    """CREATE TABLE head (
        branch TEXT PRIMARY KEY,
        event TEXT NOT NULL REFERENCES event (id),
        version INTEGER NOT NULL)""",
    """CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END""",
    """CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
        BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END""",
    f"""CREATE TRIGGER people_decide BEFORE INSERT ON event
        WHEN NEW.actor_kind <> 'person' AND NEW.kind IN ({_PERSONAL_KINDS})
        BEGIN SELECT RAISE(ABORT, 'only a person decides'); END""",
    """CREATE TRIGGER parent_comes_first BEFORE INSERT ON event
        WHEN (NEW.seq > 1 OR NEW.parent <> '') AND NOT EXISTS (SELECT 1 FROM event WHERE id = NEW.parent)
        BEGIN SELECT RAISE(ABORT, 'the event before this one is unknown'); END""",
)


ALL_ROWS: Final = "SELECT seq, id, parent, kind, actor, actor_kind, at_s, body FROM event WHERE seq > ? ORDER BY seq"
LAST_ROW: Final = "SELECT seq, id, parent, kind, actor, actor_kind, at_s, body FROM event ORDER BY seq DESC LIMIT 1"


class Row(NamedTuple):
    """An event as stored; ``body`` is canonical JSON."""

    seq: int
    id: str
    parent: str
    kind: str
    actor: str
    actor_kind: ActorKind
    at_s: float
    body: str

    def is_sound(self) -> bool:
        """Whether the id is the hash of what it stands for."""
        return self.id == row_id(self.parent, self.kind, self.actor, self.actor_kind, self.at_s, self.body)

    @classmethod
    def after(cls, last: "Row | None", body: Body, body_text: str, actor: str, kind: ActorKind, at_s: float) -> "Row":
        """The next row of a log whose last row is ``last``."""
        parent = last.id if last else ""
        identity = row_id(parent, body.KIND, actor, kind, at_s, body_text)
        return cls(last.seq + 1 if last else 1, identity, parent, body.KIND, actor, kind, at_s, body_text)


def row_id(parent: str, kind: str, actor: str, actor_kind: str, at_s: float, body: str) -> str:
    """The id of an event: SHA-256 over the canonical JSON of all it says."""
    front = canonical([parent, kind, actor, actor_kind, float(at_s)])
    return hashlib.sha256(f"{front[:-1]},{body}]".encode()).hexdigest()


def first_break(rows: Iterable[Row], last: Row | None = None) -> int | None:
    """The number of the first row that does not follow from the one before it, or None for a sound chain."""
    for row in rows:
        expected = (last.seq + 1, last.id) if last else (1, "")
        if (row.seq, row.parent) != expected or not row.is_sound():
            return row.seq
        last = row
    return None


class EventLog:
    """An open ``log.db``. Use from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open a log and check that it is one of ours, whole and unbent.

        Raises
        ------
        InputError
            ``store.damaged``, ``store.newer_version``, ``store.foreign_schema``.
        """
        self.path = path
        self._connection = _connect(path)
        try:
            with self._told():
                self._check()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, path: Path) -> "EventLog":
        """A new, empty log at a path where nothing is."""
        with _explained(path), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute("COMMIT")
        return cls(path)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(self, after_seq: int = 0) -> list[Row]:
        """All events after that one, oldest first."""
        with self._told():
            return [Row(*row) for row in self._connection.execute(ALL_ROWS, (after_seq,))]

    def last(self) -> Row | None:
        """The newest event."""
        with self._told():
            row = self._connection.execute(LAST_ROW).fetchone()
            return Row(*row) if row else None

    def append(self, make_rows: Callable[[Row | None], Sequence[Row]]) -> Sequence[Row]:
        """Append what ``make_rows(last row)`` gives, in one transaction that holds off every other writer.

        On return the rows survive power loss. An exception from ``make_rows`` leaves the log as it was.
        """
        with self.exclusive():
            last = self.last()
            version = self._head_version(last)
            rows = make_rows(last)
            if rows:
                with self._told():
                    self._insert(rows)
                    self._move_head(rows[-1], version)
        return rows

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """A transaction that no other process can write beside."""
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        with self._told():
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self._connection.rollback()
                raise

    def _insert(self, rows: Sequence[Row]) -> None:
        self._connection.executemany(
            "INSERT INTO event (seq, id, parent, kind, actor, actor_kind, at_s, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _head_version(self, last: Row | None) -> int:
        row = self._connection.execute("SELECT event, version FROM head WHERE branch = ?", (MAIN,)).fetchone()
        event, version = row or ("", 0)
        if event != (last.id if last else ""):
            raise _damaged(self.path, "its head is not its last event")
        return int(version)

    def _move_head(self, row: Row, version: int) -> None:
        if version == 0:
            self._connection.execute("INSERT INTO head (branch, event, version) VALUES (?, ?, 1)", (MAIN, row.id))
            return
        moved = self._connection.execute(
            "UPDATE head SET event = ?, version = version + 1 WHERE branch = ? AND version = ?", (row.id, MAIN, version)
        )
        if moved.rowcount != 1:
            raise moved_on(self.path)

    def _check(self) -> None:
        application, version = (self._pragma(name) for name in ("application_id", "user_version"))
        if application != APPLICATION_ID:
            raise _damaged(self.path, "it is a database, but not one of ours")
        if version > VERSION:
            raise newer_version(f"{self.path}, version {version}")
        if self._pragma("quick_check") != "ok":
            raise _damaged(self.path, "its pages do not add up")
        found = {sql for (sql,) in self._connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        if {_squeezed(sql) for sql in found} != {_squeezed(sql) for sql in SCHEMA}:
            raise InputError(
                "store.foreign_schema",
                "The song's database holds tables or triggers that Tapehand did not make",
                where=str(self.path),
                hint="Rebuild it from log.jsonl with 'tapehand doctor'.",
            )
        broken = first_break(self.rows())
        if broken is not None:
            raise InputError(
                "store.chain_broken",
                f"Event {broken} of the song's log was changed, or one before it was taken out",
                where=str(self.path),
                hint="Rebuild it from log.jsonl with 'tapehand doctor'.",
            )

    def _pragma(self, name: str) -> Any:
        return self._connection.execute(f"PRAGMA {name}").fetchone()[0]

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return _explained(self.path)


def salvaged(path: Path) -> list[Row]:
    """What a damaged database still gives, up to its first break."""
    rows: list[Row] = []
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(connection):
            connection.execute("PRAGMA trusted_schema = OFF")
            for found in connection.execute(ALL_ROWS, (0,)):
                row = Row(*found)
                if first_break([row], rows[-1] if rows else None) is not None:
                    break
                rows.append(row)
    return rows


def moved_on(path: Path) -> Conflict:
    """The error of a writer who came second."""
    return Conflict(
        "store.moved_on",
        "Somebody else changed the song in the meantime",
        where=path.parent.name,
        hint="Look at 'tapehand log' and do it again if it still makes sense.",
    )


def _connect(path: Path) -> sqlite3.Connection:
    with _explained(path):
        connection = sqlite3.connect(
            _address(path), uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA recursive_triggers = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cell_size_check = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def _address(path: Path) -> str:
    address = path.absolute().as_uri()
    waiting = path.with_name(path.name + "-wal")
    if not os.access(path.parent, os.W_OK) and not (waiting.is_file() and waiting.stat().st_size):
        return f"{address}?mode=ro&immutable=1"
    return f"{address}?mode=rw"


def _squeezed(sql: str) -> str:
    return " ".join(sql.split())


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Errors of SQLite as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _told_error(error, path) from error


def _told_error(error: sqlite3.Error, path: Path) -> TapehandError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return disk_full(path.parent)
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return OutputError(
            "output.not_writable",
            f"{path.parent.name} cannot be written to: it is read-only",
            where=str(path.parent),
            hint="Copy the song to a folder you may write to.",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Conflict(
            "store.busy",
            "Another program has been writing to the song for a long time",
            where=path.parent.name,
            hint="Wait for it to finish and try again.",
        )
    if name == "SQLITE_CONSTRAINT_TRIGGER" and "only a person" in str(error):
        return Refused("decision.not_a_person", "Only a person decides, edits or undoes", where=path.parent.name)
    if name.startswith("SQLITE_CONSTRAINT"):
        return Conflict("store.refused_event", f"The song's log refused an event: {error}", where=path.parent.name)
    if name.startswith("SQLITE_IOERR"):
        return OutputError(
            "output.not_writable",
            "The disk that holds the song reported an error",
            where=str(path),
            hint="Look after the disk first; then open the song again.",
        )
    return _damaged(path, str(error))


def _damaged(path: Path, what: str) -> InputError:
    return InputError(
        "store.damaged",
        f"The song's log is damaged: {what}",
        where=str(path),
        hint="Rebuild it from log.jsonl with 'tapehand doctor'.",
    )
