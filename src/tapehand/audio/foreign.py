"""Foreign files: everything that is no plain WAV, decoded by libsndfile in a process of its own.

``TAPEHAND_DECODER=local`` decodes in this process instead, as systems do that cannot hand an open file to another one.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

import numpy as np

from tapehand.audio import headers
from tapehand.audio.facts import FileFacts, Told
from tapehand.audio.limited import LimitedDecoder
from tapehand.audio.quiet import native_stderr_muted
from tapehand.audio.refusals import refuse_unusable
from tapehand.audio.sources import Decoder, Frames

CAN_LIMIT: Final = bool(sys.executable) and hasattr(socket, "send_fds")


def foreign_decoder(path: Path, descriptor: int, content: str | None) -> Decoder:
    """Whoever decodes an open file.

    Raises
    ------
    NotReadable
        libsndfile does not take it.
    InputError
        Rate or channels cannot be worked with, or ``audio.decoder_died``.
    """
    if CAN_LIMIT and os.environ.get("TAPEHAND_DECODER") != "local":
        return LimitedDecoder(path, descriptor, facts_of)
    return LocalDecoder(path, descriptor, content)


class LocalDecoder:
    """A file decoded by libsndfile in this process; raises ``NotReadable`` where it is none of ours."""

    def __init__(self, path: Path, descriptor: int, content: str | None) -> None:
        from tapehand.audio.libsndfile import Stream

        self._noisy = content in ("MP3", None)
        self.stopped = False
        with self._quiet():
            self._stream = Stream(descriptor)
        self.facts = facts_of(path, descriptor, self._stream.told)
        self.blocks = self._decode()

    def close(self) -> None:
        """Let go of the file."""
        with self._quiet():
            self._stream.close()

    def _decode(self) -> Iterator[Frames]:
        shape = (self._stream.block_samples, self.facts.channels)
        while True:
            frames = np.empty(shape, dtype=np.float32)
            with self._quiet():
                count = self._stream.read_into(frames)
            self.stopped = count is None
            if not count:
                return
            yield frames[:count]

    def _quiet(self) -> AbstractContextManager[None]:
        return native_stderr_muted() if self._noisy else nullcontext()


def facts_of(path: Path, descriptor: int, told: Told) -> FileFacts:
    """The facts of an open file; raises InputError where they cannot be worked with."""
    claim = headers.announcement(descriptor, told.container, told.length_samples)
    facts = FileFacts(
        path=path,
        container="WAV" if told.container == "WAVEX" else told.container,
        subtype=told.subtype,
        rate_hz=told.rate_hz,
        channels=told.channels,
        announced_samples=claim.length_samples,
        end_missing=claim.end_missing,
        lossy=told.is_lossy,
        decoder="libsndfile",
    )
    refuse_unusable(facts)
    return facts
