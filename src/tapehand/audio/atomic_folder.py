"""Folders that appear whole or not at all: built under a hidden name beside their place, renamed when finished.

What a killed program left half built is removed by the next one that builds in the same place: a build holds a lock
that the system lets go of with the program.
"""

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tapehand.audio.atomic import NO_SPACE
from tapehand.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, so nothing is swept either
    fcntl = None  # type: ignore[assignment]

UNFINISHED: Final = ".tapehand-unfinished-"
LOCK: Final = ".building"


class AtomicFolder:
    """A folder that gets its name at the end of a ``with`` block; leaving by an exception leaves nothing.

    ``building`` is where to write meanwhile. An empty folder of the name is replaced, anything else is refused.

    Raises
    ------
    OutputError
        ``output.exists``, ``output.no_folder``, ``output.not_writable``, ``output.full``.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.building = self.path.absolute().parent / f"{UNFINISHED}{secrets.token_hex(6)}"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self._refuse_taken()
        _sweep(self.building.parent)
        try:
            self.building.mkdir()
            self._lock = _hold(self.building / LOCK)
        except OSError as error:
            raise self._explain(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
        except OSError as trouble:
            raise self._explain(trouble) from None
        finally:
            self._abandon()
        if isinstance(error, OSError):
            raise self._explain(error) from None

    def _publish(self) -> None:
        _sync_names(self.building)
        self._refuse_taken()
        if self.path.is_dir():
            self.path.rmdir()
        (self.building / LOCK).unlink()
        self.building.rename(self.path)
        _sync(self.building.parent)

    def _abandon(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        shutil.rmtree(self.building, ignore_errors=True)

    def _refuse_taken(self) -> None:
        if os.path.lexists(self.path) and not _is_empty_folder(self.path):
            raise OutputError(
                "output.exists",
                f"{self.path.name} exists already and is left as it is",
                where=str(self.path),
                hint="Choose another name or an empty folder.",
            )

    def _explain(self, error: OSError) -> OutputError:
        name, place = self.path.name, str(self.path)
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            hint = "Make the folder first or choose another."
            return OutputError(
                "output.no_folder", f"The folder for {name} does not exist", where=str(self.path.parent), hint=hint
            )
        if error.errno in NO_SPACE:
            return OutputError(
                "output.full",
                f"There is no room on the disk for {name}",
                where=place,
                hint="Free some space or choose another disk; nothing was left behind.",
            )
        return OutputError(
            "output.not_writable",
            f"{name} cannot be written: {(error.strerror or 'unknown reason').lower()}",
            where=place,
            hint="Choose a folder you may write to.",
        )


def _is_empty_folder(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink() and next(path.iterdir(), None) is None
    except OSError:
        return False


def _hold(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _sweep(folder: Path) -> None:
    """Remove builds beside us whose builder is gone."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for left in folder.glob(f"{UNFINISHED}*"):
            with contextlib.suppress(OSError):
                _remove_if_left(left)


def _remove_if_left(left: Path) -> None:
    descriptor = os.open(left / LOCK, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(descriptor)


def _sync_names(folder: Path) -> None:
    for place, _, _ in os.walk(folder):
        _sync(Path(place))


def _sync(folder: Path) -> None:
    """Make names survive a power cut, where the system can sync folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
