"""Examining and repairing a song that may not even open."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong with a song: what, where, what to do; and whether we can do it."""

    code: str
    what: str
    where: str = ""
    hint: str = ""
    can_repair: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One thing that was done about a trouble of that code."""

    code: str
    what: str


class ExamineSong(Protocol):
    """Looks a song folder over."""

    def __call__(self, path: Path) -> Sequence[Trouble]:
        """Everything that is wrong; nothing is changed. Raises InputError (``store.not_a_song``)."""
        ...


class RepairSong(Protocol):
    """Mends a song folder; it never throws anything away."""

    def __call__(self, path: Path, search: Sequence[Path] = ()) -> Sequence[Repair]:
        """Mend what can be mended, with audio found by its hash in ``search``; raises as the store does."""
        ...
