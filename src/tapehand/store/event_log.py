"""The log in ``log.db``: an append-only chain of events in SQLite.

What was changed or taken out behind our back shows, as the rows no longer form a chain (``chain``). The database itself
refuses to change or delete an event and to take a decision from anything but a person. A commit is synced to the disk
(WAL, ``synchronous=FULL``) before it is acknowledged; the head moves only from where the writer believes it to be.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tapehand.errors import Conflict, InputError, OutputError, Refused, TapehandError
from tapehand.store.chain import MAIN, Beginning, Chain, Row, rows_digest
from tapehand.store.codecs import newer_version
from tapehand.store.durable import disk_full

APPLICATION_ID: Final = 0x54504844
VERSION: Final = 2
BUSY_TIMEOUT_S: Final = 10.0
# A list of what machines may write, so that whatever is added later is for people until somebody says otherwise.
_PEOPLE_DECIDE: Final = """CREATE TRIGGER people_decide BEFORE INSERT ON event
        WHEN NEW.actor_kind <> 'person'
            AND NEW.kind NOT IN ('audio.added', 'findings.noted', 'proposal.filed', 'audio.rendered')
        BEGIN SELECT RAISE(ABORT, 'only a person decides'); END"""
_PEOPLE_DECIDE_1: Final = """CREATE TRIGGER people_decide BEFORE INSERT ON event
        WHEN NEW.actor_kind <> 'person' AND NEW.kind IN ('decision.made', 'song.edited', 'event.undone')
        BEGIN SELECT RAISE(ABORT, 'only a person decides'); END"""
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
    _PEOPLE_DECIDE,
    """CREATE TRIGGER parent_comes_first BEFORE INSERT ON event
        WHEN (NEW.seq > 1 OR NEW.parent <> '') AND NOT EXISTS (SELECT 1 FROM event WHERE id = NEW.parent)
        BEGIN SELECT RAISE(ABORT, 'the event before this one is unknown'); END""",
)


# What earlier versions made, and the statements that bring a database of such a version to the next one.
EARLIER: Final[Mapping[int, Sequence[str]]] = {
    1: tuple(_PEOPLE_DECIDE_1 if statement is _PEOPLE_DECIDE else statement for statement in SCHEMA)
}
UPGRADES: Final[Mapping[int, Sequence[str]]] = {1: ("DROP TRIGGER people_decide", _PEOPLE_DECIDE)}

ALL_ROWS: Final = "SELECT seq, id, parent, kind, actor, actor_kind, at_s, body FROM event WHERE seq > ? ORDER BY seq"
ALL_ROWS_BACKWARDS: Final = "SELECT seq, id, parent, kind, actor, actor_kind, at_s, body FROM event ORDER BY seq DESC"
ONE_ROW: Final = "SELECT seq, id, parent, kind, actor, actor_kind, at_s, body FROM event WHERE id = ?"
ROWS_UNTIL: Final = """WITH RECURSIVE line (id) AS (
        VALUES (?)
        UNION ALL
        SELECT event.parent FROM line JOIN event ON event.id = line.id WHERE event.parent <> '' AND event.seq > ?)
    SELECT seq, event.id, parent, kind, actor, actor_kind, at_s, body
        FROM event WHERE id IN line AND seq > ? ORDER BY seq"""


class Tip(NamedTuple):
    """Where a writer stands: the number and time of the log's last event, and the last event of the writer's branch."""

    seq: int
    at_s: float
    head: str


class EventLog:
    """An open ``log.db``. Use from one thread at a time."""

    def __init__(self, path: Path, known: Beginning | None = None) -> None:
        """Open a log and check that it is one of ours, whole and unbent.

        ``known`` is a beginning that was found sound before: where the log still begins with it to the last bit, only
        what follows is looked at.

        Raises
        ------
        InputError
            ``store.damaged``, ``store.newer_version``, ``store.foreign_schema``.
        """
        self.path = path
        self._connection = _connect(path)
        self._known = known
        self._sound: Beginning
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

    def rows(self, after_seq: int = 0, branch: str | None = None) -> list[Row]:
        """All events after that number, oldest first; of one branch and what it came from, or of all branches."""
        with self._told():
            heads = self.heads()
            if branch is None or heads.keys() <= {branch}:
                return [Row(*row) for row in self._connection.execute(ALL_ROWS, (after_seq,))]
            return self.rows_until(heads[branch], after_seq)

    def rows_until(self, event: str, after_seq: int = 0) -> list[Row]:
        """The events that led to one, and itself, oldest first; those after a number only."""
        with self._told():
            return [Row(*row) for row in self._connection.execute(ROWS_UNTIL, (event, after_seq, after_seq))]

    def row(self, event: str) -> Row | None:
        """The event of that id."""
        with self._told():
            found = self._connection.execute(ONE_ROW, (event,)).fetchone()
            return Row(*found) if found else None

    def heads(self) -> dict[str, str]:
        """The last event of every branch, by its name."""
        with self._told():
            return dict(self._connection.execute("SELECT branch, event FROM head ORDER BY branch"))

    def append(self, make_rows: Callable[[Tip], Sequence[Row]], branch: str = MAIN) -> Sequence[Row]:
        """Append what ``make_rows(tip)`` gives to a branch, in one transaction that holds off every other writer.

        On return the rows survive power loss. An exception from ``make_rows`` leaves the log as it was.
        """
        with self.exclusive(), self._told():
            head, version = self._head(branch)
            rows = make_rows(self._tip(head))
            if rows:
                self._insert(rows)
                self._move_head(branch, rows[-1], version)
        return rows

    def restore(self, rows: Sequence[Row]) -> None:
        """Fill an empty log with the rows of another, which must be a sound chain."""
        chain = Chain()
        if not all(chain.takes(row) for row in rows):
            raise _damaged(self.path, "its events do not follow from each other")
        with self.exclusive(), self._told():
            self._insert(rows)
            for branch, head in chain.heads.items():
                self._connection.execute("INSERT INTO head (branch, event, version) VALUES (?, ?, 1)", (branch, head))

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

    def _head(self, branch: str) -> tuple[str, int]:
        found = self._connection.execute("SELECT event, version FROM head WHERE branch = ?", (branch,)).fetchone()
        event, version = found or ("", 0)
        return str(event), int(version)

    def _tip(self, head: str) -> Tip:
        found = self._connection.execute("SELECT seq, at_s FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        seq, at_s = found or (0, 0.0)
        return Tip(seq, at_s, head)

    def _move_head(self, branch: str, row: Row, version: int) -> None:
        if version == 0:
            self._connection.execute("INSERT INTO head (branch, event, version) VALUES (?, ?, 1)", (branch, row.id))
            return
        moved = self._connection.execute(
            "UPDATE head SET event = ?, version = version + 1 WHERE branch = ? AND version = ?",
            (row.id, branch, version),
        )
        if moved.rowcount != 1:
            raise moved_on(self.path)

    def begins_with(self, known: Beginning) -> bool:
        """Whether the log still begins with what was found sound before, to the last bit."""
        if known is self._known:
            return True
        with self._told():
            return known.begins(self._connection.execute(ALL_ROWS, (0,)).fetchmany(known.length))

    def beginning(self) -> Beginning:
        """All of the log as it is now, found sound; raises as opening it."""
        with self._told():
            self._sound = self._checked(self._sound)
            return self._sound

    def _check(self) -> None:
        application, version = (self._pragma(name) for name in ("application_id", "user_version"))
        if application != APPLICATION_ID:
            raise _damaged(self.path, "it is a database, but not one of ours")
        if version > VERSION:
            raise newer_version(f"{self.path}, version {version}")
        if self._pragma("quick_check") != "ok":
            raise _damaged(self.path, "its pages do not add up")
        self._refuse_foreign_schema(SCHEMA if version == VERSION else EARLIER.get(version, ()))
        self._sound = self._checked(self._known)
        if version < VERSION and self._is_writable():
            self._upgrade(version)

    def _refuse_foreign_schema(self, expected: Sequence[str]) -> None:
        found = {sql for (sql,) in self._connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        if {_squeezed(sql) for sql in found} != {_squeezed(sql) for sql in expected}:
            raise InputError(
                "store.foreign_schema",
                "The song's database holds tables or triggers that Tapehand did not make",
                where=str(self.path),
                hint="Rebuild it from log.jsonl with 'tapehand doctor --repair'.",
            )

    def _checked(self, known: Beginning | None) -> Beginning:
        with self._reading():
            rows = self._connection.execute(ALL_ROWS, (0,)).fetchall()
            heads = self.heads()
        self._known = known if known is not None and known.begins(rows) else None
        first = self._known.length if self._known else 0
        chain = Chain(self._known, (row[1] for row in rows[:first]))
        broken = next((row[0] for row in rows[first:] if not chain.takes(Row(*row))), None)
        if broken is not None:
            raise InputError(
                "store.chain_broken",
                f"Event {broken} of the song's log was changed, or one before it was taken out",
                where=str(self.path),
                hint="Rebuild it from log.jsonl with 'tapehand doctor --repair'.",
            )
        if chain.heads != heads:
            raise _damaged(self.path, "its branches do not end where its events end")
        if self._known is not None and chain.length == first:
            return self._known
        return Beginning(chain.length, rows_digest(rows), heads)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """One moment of the log for several questions, whoever writes meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def _upgrade(self, version: int) -> None:
        with self.exclusive():
            if self._pragma("user_version") != version:
                return
            for step in range(version, VERSION):
                for statement in UPGRADES[step]:
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def _is_writable(self) -> bool:
        return os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)

    def _pragma(self, name: str) -> Any:
        return self._connection.execute(f"PRAGMA {name}").fetchone()[0]

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return _explained(self.path)


def salvaged(path: Path) -> list[Row]:
    """Every sound event that a damaged database still gives."""
    rows: dict[int, Row] = {}
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(connection):
            connection.execute("PRAGMA trusted_schema = OFF")
            with contextlib.suppress(sqlite3.Error):
                rows.update((found[0], Row(*found)) for found in connection.execute(ALL_ROWS, (0,)))
            with contextlib.suppress(sqlite3.Error):
                rows.update((found[0], Row(*found)) for found in connection.execute(ALL_ROWS_BACKWARDS))
    return [row for _, row in sorted(rows.items()) if row.is_sound()]


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
        hint="Rebuild it from log.jsonl with 'tapehand doctor --repair'.",
    )
