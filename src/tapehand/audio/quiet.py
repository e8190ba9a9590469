"""Keeping the terminal clean of what C decoders print on their own."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_saved_descriptor = -1


@contextmanager
def native_stderr_muted() -> Generator[None, None, None]:
    """Send file descriptor 2 to nowhere while inside; nests, and holds over several threads.

    libmpg123 writes its notes on broken MP3 files straight to the descriptor. Our own findings say the same in words.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _depth, _saved_descriptor
    with _lock:
        _depth += 1
        if _depth == 1:
            _saved_descriptor = _mute()


def _leave() -> None:
    global _depth, _saved_descriptor
    with _lock:
        _depth -= 1
        if _depth == 0 and _saved_descriptor >= 0:
            os.dup2(_saved_descriptor, 2)
            os.close(_saved_descriptor)
            _saved_descriptor = -1


def _mute() -> int:
    """The kept copy of descriptor 2, or -1 where the process has none."""
    try:
        saved = os.dup(2)
    except OSError:
        return -1
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return saved
