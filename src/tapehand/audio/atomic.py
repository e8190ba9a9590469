"""Files that appear whole or not at all: written in a hidden folder beside their place, fsync, then the final name."""

import errno
import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from tapehand.audio.unfinished import unfinished_folder
from tapehand.errors import OutputError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class AtomicFile:
    """A binary file that gets its name at the end of a ``with`` block; leaving by an exception leaves nothing.

    Parameters
    ----------
    path : the final name; its folder must exist.
    overwrite : replace a file of that name; otherwise it is refused, also when it appears while we write.
    needed_bytes : size known beforehand, checked against the free space and named in a disk-full message; 0 if unknown.

    Raises
    ------
    OutputError
        ``output.exists``, ``output.no_folder``, ``output.not_writable``, ``output.full``.
    """

    def __init__(self, path: Path, *, overwrite: bool = False, needed_bytes: int = 0) -> None:
        self.path = Path(path)
        self._overwrite = overwrite
        self._needed_bytes = needed_bytes
        self._stack = ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            self._refuse_early()
            folder = self._stack.enter_context(unfinished_folder(self.path.parent))
            # Short, so that a name of the greatest length a file system allows still has a temporary one.
            self._temporary = folder / "new"
            self._file = self._temporary.open("x+b")
        except OSError as error:
            self._stack.close()
            raise self.explain(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
        except OSError as trouble:
            raise self.explain(trouble) from None
        finally:
            self._abandon()
        if isinstance(error, OSError):
            raise self.explain(error) from None

    @property
    def file(self) -> BinaryIO:
        """The open file, at whatever position it is."""
        assert self._file is not None, "used outside its with block"
        return self._file

    def explain(self, error: OSError) -> OutputError:
        """The sentence for an operating system error met while writing this file."""
        name, place = self.path.name, str(self.path)
        if isinstance(error, FileExistsError):
            return OutputError(
                "output.exists", f"{name} exists already and is left as it is", where=place, hint="Choose another name"
            )
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return OutputError(
                "output.no_folder",
                f"The folder for {name} does not exist",
                where=str(self.path.parent),
                hint="Make the folder first or choose another",
            )
        if error.errno in NO_SPACE:
            need = f"; it needs {self._needed_bytes:,} bytes" if self._needed_bytes else ""
            return OutputError(
                "output.full",
                f"There is no room on the disk for {name}{need}",
                where=place,
                hint="Free some space or choose another disk; nothing was left behind",
            )
        return OutputError(
            "output.not_writable",
            f"{name} cannot be written: {(error.strerror or 'unknown reason').lower()}",
            where=place,
            hint="Choose a folder you may write to",
        )

    def _refuse_early(self) -> None:
        if self.path.is_dir() or (not self._overwrite and os.path.lexists(self.path)):
            raise FileExistsError(errno.EEXIST, "exists", str(self.path))
        if self._needed_bytes > shutil.disk_usage(self.path.parent).free:
            raise OSError(errno.ENOSPC, "no space left")

    def _publish(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        if self._overwrite:
            os.replace(self._temporary, self.path)
        else:
            _rename_to_free_name(self._temporary, self.path)
        _sync_folder(self.path.parent)

    def _abandon(self) -> None:
        if self._file is not None:
            # Where the disk is full the buffered rest cannot be written either; the file goes away in any case.
            with suppress(OSError):
                self._file.close()
        self._stack.close()


def _rename_to_free_name(temporary: Path, path: Path) -> None:
    """A hard link fails where the name is taken, atomically; file systems without links get the next best."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "exists", str(path)) from None
        os.rename(temporary, path)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut, where the system can open folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the file's own bytes are already synced
    finally:
        os.close(descriptor)
