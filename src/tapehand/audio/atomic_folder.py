"""Folders that appear whole or not at all: built under a hidden name beside their place, renamed when finished.

What a killed program left half built is removed by the next one that builds in the same place (``unfinished``).
"""

import contextlib
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tapehand.audio.atomic import NO_SPACE
from tapehand.audio.unfinished import unfinished_folder
from tapehand.errors import OutputError


class AtomicFolder:
    """A folder that gets its name at the end of a ``with`` block; leaving by an exception leaves nothing.

    An empty folder of the name is replaced, anything else is refused.

    Raises
    ------
    OutputError
        ``output.exists``, ``output.no_folder``, ``output.not_writable``, ``output.full``.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._stack = ExitStack()
        self._building: Path | None = None

    @property
    def building(self) -> Path:
        """Where to write until the end of the ``with`` block."""
        assert self._building is not None, "used outside its with block"
        return self._building

    def __enter__(self) -> Self:
        self._refuse_taken()
        try:
            self._building = self._stack.enter_context(unfinished_folder(self.path.absolute().parent))
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
            self._stack.close()
        if isinstance(error, OSError):
            raise self._explain(error) from None

    def _publish(self) -> None:
        _sync_names(self.building)
        self._refuse_taken()
        if self.path.is_dir():
            self.path.rmdir()
        self.building.rename(self.path)
        _sync(self.building.parent)

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
