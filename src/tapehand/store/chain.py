"""The chain of events: what makes a row an event, and which row may follow on which.

A log is a tree of branches. The first event of a branch names it and may follow on any event; every other event follows
on the last one of its branch. So the branches and their ends can be told from the events alone.
"""

import hashlib
import json
import marshal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tapehand.song.event import ActorKind, Body, BranchStarted
from tapehand.store.codecs import canonical

MAIN: Final = "main"


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
        try:
            return self.id == row_id(self.parent, self.kind, self.actor, self.actor_kind, self.at_s, self.body)
        except (TypeError, ValueError):
            return False

    @classmethod
    def after(
        cls, seq: int, parent: str, body: Body, body_text: str, actor: str, actor_kind: ActorKind, at_s: float
    ) -> "Row":
        """The row of number ``seq`` that follows on event ``parent``."""
        identity = row_id(parent, body.KIND, actor, actor_kind, at_s, body_text)
        return cls(seq, identity, parent, body.KIND, actor, actor_kind, at_s, body_text)


def row_id(parent: str, kind: str, actor: str, actor_kind: str, at_s: float, body: str) -> str:
    """The id of an event: SHA-256 over the canonical JSON of all it says."""
    front = canonical([parent, kind, actor, actor_kind, float(at_s)])
    return hashlib.sha256(f"{front[:-1]},{body}]".encode()).hexdigest()


class Beginning(NamedTuple):
    """The first rows of a log that was found sound: how many, the hash of all they hold, where branches ended."""

    length: int
    digest: str
    heads: Mapping[str, str]

    def begins(self, rows: list[tuple[Any, ...]]) -> bool:
        """Whether ``rows``, plain tuples, begin with exactly these."""
        return len(rows) >= self.length and rows_digest(rows[: self.length]) == self.digest


class Chain:
    """The rows taken so far: how many, and where the branches end.

    ``known`` is a beginning that need not be looked at again; ``ids`` are the ids of its rows.
    """

    def __init__(self, known: Beginning | None = None, ids: Iterable[str] = ()) -> None:
        self.length = known.length if known else 0
        self.heads = dict(known.heads) if known else {}
        self._ends = {event: branch for branch, event in self.heads.items()}
        self._ids = set(ids)

    def takes(self, row: Row) -> bool:
        """Whether ``row`` is the next event of this log; if it is, it is taken in."""
        if row.seq != self.length + 1 or not row.is_sound():
            return False
        branch = self._branch_for(row)
        if branch is None:
            return False
        self.length = row.seq
        if row.kind != BranchStarted.KIND:
            self._ends.pop(row.parent, None)
        self.heads[branch] = row.id
        self._ends[row.id] = branch
        self._ids.add(row.id)
        return True

    def _branch_for(self, row: Row) -> str | None:
        if self.length == 0:
            return MAIN if row.parent == "" else None
        if row.kind != BranchStarted.KIND:
            return self._ends.get(row.parent)
        name = _branch_name(row)
        return None if row.parent not in self._ids or name in self.heads else name


def rows_digest(rows: list[tuple[Any, ...]]) -> str:
    """SHA-256 over all that plain rows hold. Another Python may write another; then all is looked at again."""
    return hashlib.sha256(marshal.dumps(rows, 2)).hexdigest()


def first_break(rows: Iterable[Row]) -> int | None:
    """The number of the first row that does not follow from those before it, or None for a sound chain."""
    chain = Chain()
    return next((row.seq for row in rows if not chain.takes(row)), None)


def assembled(*copies: Sequence[Row]) -> list[Row]:
    """The longest sound chain that the rows of several copies of a log make together."""
    chain, rows = Chain(), []
    known: dict[int, list[Row]] = {}
    for copy in copies:
        for row in copy:
            known.setdefault(row.seq, []).append(row)
    while following := next((row for row in known.get(chain.length + 1, ()) if chain.takes(row)), None):
        rows.append(following)
    return rows


def _branch_name(row: Row) -> str | None:
    try:
        name = json.loads(row.body)["name"]
    except (ValueError, TypeError, KeyError):
        return None
    return name if isinstance(name, str) and name else None
