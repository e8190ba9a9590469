"""Hidden folders in which something is built before it gets its name; none outlives its program for long.

A builder holds a lock on its folder, and the system lets go of the lock with the program. So a folder that nobody holds
was left by a program that was killed, and the next one that builds in the same place removes it.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, so nothing is swept either
    fcntl = None  # type: ignore[assignment]

UNFINISHED: Final = ".tapehand-unfinished-"
NAME: Final = re.compile(re.escape(UNFINISHED) + "[0-9a-f]{12}")


@contextlib.contextmanager
def unfinished_folder(place: Path) -> Iterator[Path]:
    """A hidden folder in ``place`` while something is built there; what is left in it goes. Raises OSError."""
    sweep(place)
    folder, lock = _held(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep(place: Path) -> None:
    """Remove what killed programs left unfinished in a folder."""
    with contextlib.suppress(OSError):
        for left in place.glob(f"{UNFINISHED}*"):
            if NAME.fullmatch(left.name):
                with contextlib.suppress(OSError):
                    _remove_if_left(left)


def _held(place: Path) -> tuple[Path, int | None]:
    """A new folder with its lock; another one if somebody swept it before we held it."""
    while True:
        folder = place / f"{UNFINISHED}{secrets.token_hex(6)}"
        folder.mkdir()
        if fcntl is None:
            return folder, None
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            if _hold(lock) and os.path.samestat(os.fstat(lock), folder.stat()):
                return folder, lock
            os.close(lock)


def _hold(lock: int) -> bool:
    """Whether the lock is ours now; where the file system has no locks it is, for then nobody else gets one."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _remove_if_left(left: Path) -> None:
    if fcntl is None:
        return
    lock = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(lock)
