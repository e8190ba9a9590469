"""Snapshots: what a long log adds up to, kept so that opening a song does not read its whole past again.

A snapshot belongs to this computer and lies in its user's cache, not in the song: a song from elsewhere cannot bring
one along, so what a stranger's log says is always worked out from the log. It holds the hash of every row it was made
from and of the code that reads them. Where either differs, or a bit of the file is wrong, it is as if there were none.
"""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import platformdirs

from tapehand.errors import TapehandError
from tapehand.song import op as ops
from tapehand.song.event import BODIES
from tapehand.song.fold import Change, Filed, SongState
from tapehand.song.processors import PROCESSORS
from tapehand.song.shelf import Shelf, Unread
from tapehand.store.chain import Beginning
from tapehand.store.codecs import Codec, canonical

SCHEMA: Final = "Snapshot.1"
# A shorter past is read faster than a snapshot is looked up.
EVERY_EVENTS: Final = 500
CAPACITY_BYTES: Final = 256 << 20
READERS: Final = ("song", "music", "store/codecs.py", "store/snapshots.py")


class Snapshot(NamedTuple):
    """The state of a branch after the log that begins, and ends, with ``beginning``."""

    beginning: Beginning
    state: SongState


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Snapshots by song and branch, in a folder. Losing them costs time and nothing else, so nothing here raises."""

    folder: Path

    @classmethod
    def of_user(cls) -> "Snapshots":
        """Those of this user."""
        return cls(Path(platformdirs.user_cache_dir("tapehand", appauthor=False)) / "snapshots")

    def get(self, song: Path, branch: str) -> Snapshot | None:
        """The snapshot of a branch of the song folder at a place, if there is a whole one that this code made."""
        path = self._path(song, branch)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, TapehandError):
            front, _, rest = path.read_bytes().partition(b"\n")
            if json.loads(front) == _front(rest):
                os.utime(path)
                return _snapshot(rest.decode().split("\n"))
        return None

    def put(self, song: Path, branch: str, snapshot: Snapshot) -> None:
        """Keep a snapshot in the place of the one before."""
        path = self._path(song, branch)
        part = path.with_name(f"{secrets.token_hex(8)}.part")
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            rest = "\n".join(_lines(snapshot)).encode()
            try:
                part.write_bytes(canonical(_front(rest)).encode() + b"\n" + rest)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            self._make_room()

    def _path(self, song: Path, branch: str) -> Path:
        place = f"{song.resolve()}\n{branch}".encode(errors="surrogateescape")
        return self.folder / f"{hashlib.sha256(place).hexdigest()[:32]}.jsonl"

    def _make_room(self) -> None:
        """The latest stay; what a killed program left unfinished goes with the oldest."""
        kept_bytes = 0
        known = [(path.stat(), path) for path in self.folder.iterdir()]
        for facts, path in sorted(known, key=lambda each: each[0].st_mtime, reverse=True):
            kept_bytes += facts.st_size
            if kept_bytes > CAPACITY_BYTES:
                path.unlink(missing_ok=True)


def _front(rest: bytes) -> dict[str, str]:
    return {"schema": SCHEMA, "read_by": _readers(), "sha256": hashlib.sha256(rest).hexdigest()}


@cache
def _readers() -> str:
    """A hash over the code that makes a state out of a log."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for name in READERS:
        place = package / name
        for path in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _codec() -> Codec:
    return Codec((*BODIES, *PROCESSORS, *get_args(ops.Op), SongState, Filed, Change))


def _lines(snapshot: Snapshot) -> list[str]:
    """One line of all that is read at once, then a line for each proposal and each change."""
    state = snapshot.state
    first = {
        "beginning": snapshot.beginning._asdict(),
        "state": _codec().encode(replace(state, proposals=(), changes=(), places={})),
        "places": list(state.places),
        "proposals": len(state.proposals),
    }
    return [canonical(first), *_texts(state.proposals), *_texts(state.changes)]


def _texts(nouns: Sequence[Any]) -> list[str]:
    return Shelf(nouns).texts(lambda noun: canonical(_codec().encode(noun)))


def _snapshot(lines: Sequence[str]) -> Snapshot:
    plain = json.loads(lines[0])
    first_change = 1 + plain["proposals"]
    state = replace(
        _codec().decode(plain["state"]),
        proposals=Shelf(Unread(line, _read) for line in lines[1:first_change]),
        changes=Shelf(Unread(line, _read) for line in lines[first_change:]),
        places={event: place for place, event in enumerate(plain["places"])},
    )
    return Snapshot(Beginning(**plain["beginning"]), state)


def _read(text: str) -> Any:
    return _codec().decode(json.loads(text))
