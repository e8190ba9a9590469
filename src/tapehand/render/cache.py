"""What is rendered once need not be rendered again: keys made of content, and the door a cache must fit.

An entry is a row of records, each a few arrays, written one after the other and read in any order. Sound is kept a
block a record, sums of buses a step a record, what the mixer remembers a moment a record.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from numpy.typing import NDArray

Arrays = Sequence[NDArray[Any]]


class Records(Protocol):
    """An entry that is whole.

    Attributes
    ----------
    facts : what was said about it when it was made.
    """

    facts: Mapping[str, int]

    def __len__(self) -> int:
        """How many records there are."""
        ...

    def read(self, number: int) -> list[NDArray[Any]]:
        """The arrays of a record. Raises ``LostRecord`` where they are not what was written (any more)."""
        ...

    def read_into(self, number: int, arrays: Arrays) -> None:
        """The same into arrays of the right shapes and types."""
        ...


class RecordWriter(Protocol):
    """An entry on its way."""

    def append(self, arrays: Arrays) -> None:
        """The next record."""
        ...

    def tell(self, **facts: int) -> None:
        """Facts that were not known at the beginning."""
        ...


class LostRecord(Exception):
    """A record of the cache is damaged or gone: what it held has to be made again."""


class RenderCache(Protocol):
    """Somewhere to keep what was rendered, by key. Losing an entry costs time, never correctness."""

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        ...

    def open(self, key: str) -> Records | None:
        """The entry under ``key``, or None."""
        ...

    def keep(self, key: str) -> AbstractContextManager[RecordWriter]:
        """A new entry under ``key``: there when the block ends well, as long as there is room; never in parts."""
        ...


class NoCache:
    """Forgets everything."""

    keeps = False

    def open(self, _key: str) -> Records | None:
        """Nothing."""
        return None

    def keep(self, _key: str) -> AbstractContextManager[RecordWriter]:
        """Keeps nothing."""
        return nullcontext(_Nowhere())


class _Nowhere:
    def append(self, arrays: Arrays) -> None:
        pass

    def tell(self, **facts: int) -> None:
        pass


def content_key(*parts: Any) -> str:
    """SHA-256 over the text of frozen nouns, hashes and numbers: equal exactly when what they say is equal."""
    return hashlib.sha256("\x1f".join(repr(part) for part in parts).encode()).hexdigest()
