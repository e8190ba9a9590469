"""Names that survive a power cut: folders are synced after something in them got its name."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tapehand.audio.atomic import NO_SPACE
from tapehand.errors import OutputError


def make_folder(folder: Path) -> None:
    """A folder, with its missing parents, each name synced; nothing happens where it exists."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk, where the system can do that."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse to sync a folder; the bytes of its files are synced by their writers.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def told_as_output_errors(place: Path) -> Iterator[None]:
    """Operating system errors of writing under ``place`` as OutputError: full, read-only, or something else."""
    try:
        yield
    except OSError as error:
        raise output_error(error, place) from None


def output_error(error: OSError, place: Path) -> OutputError:
    """The sentence for an operating system error met while writing under ``place``."""
    if error.errno in NO_SPACE:
        return disk_full(place)
    return OutputError(
        "output.not_writable",
        f"{place.name} cannot be written to: {(error.strerror or 'unknown reason').lower()}",
        where=str(place),
        hint="Copy the song to a folder you may write to.",
    )


def disk_full(place: Path) -> OutputError:
    """The sentence for a disk without room."""
    return OutputError(
        "output.full",
        f"There is no room left on the disk that holds {place.name}",
        where=str(place),
        hint="Free some space and try again; what was saved before is safe.",
    )
