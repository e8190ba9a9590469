"""What was rendered, kept between runs in the user's cache folder: found by what it was made of, dropped when old.

Losing any of it costs time and nothing else, so keeping never raises: no room, no permission and a damaged file are all
the same as not having it.

An entry is one file: ``MAGIC``, the bytes of the records one behind the other, an index in JSON (facts; place,
checksum, types and shapes of every record), and a tail that says where the index begins. It gets its name when it is
whole.
"""

import contextlib
import json
import os
import secrets
import struct
import time
import weakref
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import platformdirs
from numpy.typing import NDArray

from tapehand.render.cache import Arrays, LostRecord, RecordWriter

MAGIC: Final = b"TPHCACH2"
TAIL: Final = struct.Struct("<QI8s")
SUFFIX: Final = ".records"
DEFAULT_CAPACITY_MB: Final = 8_192
CAPACITY_VARIABLE: Final = "TAPEHAND_CACHE_MB"
ROOM_KEPT_FREE: Final = 0.1
UNFINISHED_AFTER_S: Final = 3_600.0
WORD_BYTES: Final = 8
# What one call of the system takes everywhere.
MOST_PARTS: Final = 512


@dataclass(frozen=True, slots=True)
class DiskRenderCache:
    """A ``render.cache.RenderCache`` in a folder that several processes share.

    Parameters
    ----------
    folder : where entries lie; made when needed.
    capacity_bytes : when more than that lies there, the longest unused entries go; 0 keeps nothing.
    """

    folder: Path
    capacity_bytes: int

    @classmethod
    def of_user(cls, name: str = "renders", share: float = 1.0) -> "DiskRenderCache":
        """A cache of this user under a name of its own: so much of 8 GB, or of what ``TAPEHAND_CACHE_MB`` says."""
        megabytes = os.environ.get(CAPACITY_VARIABLE, "")
        capacity = int(megabytes) if megabytes.isdecimal() else DEFAULT_CAPACITY_MB
        folder = Path(platformdirs.user_cache_dir("tapehand", appauthor=False)) / name
        return cls(folder, int(capacity * share) << 20)

    @property
    def keeps(self) -> bool:
        """Whether there is any room at all."""
        return self.capacity_bytes > 0

    def open(self, key: str) -> "KeptRecords | None":
        """The entry under ``key``, or None; one that is not whole is thrown away."""
        path = self._path(key)
        try:
            records = KeptRecords(path)
            os.utime(path)
        except OSError:
            return None
        except (struct.error, ValueError, KeyError, TypeError):
            _forget(path)
            return None
        return records

    @contextlib.contextmanager
    def keep(self, key: str) -> Iterator[RecordWriter]:
        """A new entry under ``key``: there when the block ends well, as long as there is room; never in parts."""
        path = self._path(key)
        entry = _Entry(path.with_name(f"{secrets.token_hex(8)}.part"), self.capacity_bytes)
        try:
            yield entry
            if entry.finish():
                with contextlib.suppress(OSError):
                    entry.path.replace(path)
                self._make_room()
        finally:
            entry.drop()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def _make_room(self) -> None:
        entries = self._entries()
        total = sum(size for _, size, _ in entries)
        if total <= self.capacity_bytes:
            return
        wanted = self.capacity_bytes * (1.0 - ROOM_KEPT_FREE)
        for _, size, path in sorted(entries):
            if total <= wanted:
                return
            _forget(path)
            total -= size

    def _entries(self) -> list[tuple[float, int, Path]]:
        """When each was used last, its size and its path; what a killed process left unfinished is removed."""
        entries = []
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):
                facts = path.stat()
                if path.suffix == SUFFIX:
                    entries.append((facts.st_mtime, facts.st_size, path))
                elif facts.st_mtime < time.time() - UNFINISHED_AFTER_S:
                    path.unlink()
        return entries


class KeptRecords:
    """An entry that is open; it stays readable when its file is dropped meanwhile.

    Raises OSError where there is none, and errors of parsing where it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._descriptor)
        index = _index(self._descriptor)
        self.facts: Mapping[str, int] = index["facts"]
        self._records: list[list[Any]] = index["records"]

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._records)

    def read(self, number: int) -> list[NDArray[Any]]:
        """The arrays of a record; raises ``LostRecord`` where they are not what was written."""
        arrays = [np.empty(shape, dtype=dtype) for dtype, shape in self._records[number][2]]
        self.read_into(number, arrays)
        return arrays

    def read_into(self, number: int, arrays: Arrays) -> None:
        """The same into arrays of the right shapes and types, C-contiguous each."""
        place, checksum, _ = self._records[number]
        if not self._filled(place, arrays) or _checksum(arrays) != checksum:
            _forget(self._path)
            raise LostRecord(self._path.name)

    def _filled(self, place: int, arrays: Arrays) -> bool:
        parts = [_bytes_of(array) for array in arrays if array.nbytes]
        for first in range(0, len(parts), MOST_PARTS):
            some = parts[first : first + MOST_PARTS]
            wanted = sum(map(len, some))
            with contextlib.suppress(OSError):
                if os.preadv(self._descriptor, some, place) == wanted:
                    place += wanted
                    continue
            return False
        return True


class _Entry:
    """A new entry in a file of its own. The first thing that goes wrong ends it."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path = path
        self._room = most_bytes
        self._facts: dict[str, int] = {}
        self._records: list[Any] = []
        self._place = len(MAGIC)
        self._file = self._opened()

    def append(self, arrays: Arrays) -> None:
        """The next record."""
        if self._file is None:
            return
        layout = [[array.dtype.str, list(array.shape)] for array in arrays]
        self._records.append([self._place, _checksum(arrays), layout])
        self._place += sum(array.nbytes for array in arrays)
        if self._place > self._room:
            self.drop()
        self._write([_bytes_of(array) for array in arrays if array.nbytes])

    def tell(self, **facts: int) -> None:
        """Facts for the index."""
        self._facts |= facts

    def finish(self) -> bool:
        """Write the index; whether all of the entry is there."""
        index = json.dumps({"facts": self._facts, "records": self._records}).encode()
        self._write([index, TAIL.pack(self._place, zlib.crc32(index), MAGIC)])
        if self._file is None:
            return False
        self._file.close()
        self._file = None
        return True

    def drop(self) -> None:
        """Forget it, if it has not got its name."""
        if self._file is not None:
            self._file.close()
            self._file = None
        _forget(self.path)

    def _opened(self) -> IO[bytes] | None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("xb", buffering=0)
            file.write(MAGIC)
        except OSError:
            return None
        return file

    def _write(self, parts: Sequence[Any]) -> None:
        if self._file is None:
            return
        try:
            for part in parts:
                written = self._file.write(part)
                if written != len(part):
                    raise OSError
        except OSError:
            self.drop()


def _index(descriptor: int) -> Any:
    size = os.fstat(descriptor).st_size
    start, checksum, magic = TAIL.unpack(os.pread(descriptor, TAIL.size, max(size - TAIL.size, 0)))
    if magic != MAGIC or start > size:
        raise ValueError("not an entry")
    index = os.pread(descriptor, size - TAIL.size - start, start)
    if zlib.crc32(index) != checksum:
        raise ValueError("a damaged index")
    return json.loads(index)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return _flat(array).data


def _flat(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _checksum(arrays: Arrays) -> int:
    """Tells damage, not forgery: sums of words, at the speed of memory."""
    total = 0
    for array in arrays:
        flat = _flat(array)
        words = flat[: flat.size - flat.size % WORD_BYTES].view(np.uint64)
        total = (31 * total + int(words.sum(dtype=np.uint64)) + zlib.crc32(flat[words.nbytes :].data)) % (1 << 64)
    return total


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
