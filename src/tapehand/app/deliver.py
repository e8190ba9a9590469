"""Writing what leaves: full scale is never crossed, every file is hashed into the log, places are told as final."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from tapehand.app.audition import file_name
from tapehand.app.studio import Studio
from tapehand.audio import Audio, io
from tapehand.errors import OutputError
from tapehand.ports.song_store import SongStore
from tapehand.song.event import Rendered
from tapehand.song.provenance import Provenance
from tapehand.work import Work

DITHERED: Final = "PCM_24"


def write_native(path: Path, audio: Audio, work: Work) -> None:
    """``audio`` as it is, never turned down: 24 bits with dither, or 32-bit float where it goes above full scale."""
    with native_writer(path, audio) as writer:
        for start in range(0, audio.length_samples, io.BLOCK_SAMPLES):
            work.report("audio.write", start, audio.length_samples)
            writer.write(audio.span(start, min(start + io.BLOCK_SAMPLES, audio.length_samples)))


def native_writer(path: Path, audio: Audio) -> io.Writer:
    """A file for ``audio`` that can hold it without clipping."""
    is_over = float(np.abs(audio.samples).max(initial=0.0)) >= 1.0
    return io.Writer(
        path,
        rate_hz=audio.rate_hz,
        channels=audio.channels,
        subtype="FLOAT" if is_over else DITHERED,
        dither_seed=None if is_over else dither_seed(path.name),
        expected_samples=audio.length_samples,
    )


class StemFiles:
    """Stems into a folder as they come from a mix, in the end all as long as the mix, so that they line up anywhere.

    Files get their names when the ``with`` block ends; ``written`` has the name of each part and its file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: list[tuple[str, str]] = []
        self._open: list[io.Writer] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self._stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def take(self, identity: str, name: str, audio: Audio) -> None:
        """Write a stem; what is missing at its end comes with ``fill``."""
        file = file_name(name, identity, taken=[taken for _, taken in self.written])
        writer = self._stack.enter_context(native_writer(self.folder / file, audio))
        writer.write(audio)
        self._open.append(writer)
        self.written.append((name, file))

    def fill(self, mix: Audio) -> None:
        """Silence after every stem until it is as long as the mix."""
        for writer in self._open:
            missing = mix.length_samples - writer.length_samples
            if missing > 0:
                writer.write(Audio.silence(mix.channels, missing, mix.rate_hz))


def dither_seed(name: str) -> int:
    """A seed of its own for every file name, so that the dither of stems does not add up, and the same in every run."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8], "big")


def note_rendered(
    studio: Studio, store: SongStore, path: Path, *, by: str, settings: Mapping[str, str] | None = None
) -> None:
    """Write into the log that a file left the song, and what it was made of."""
    state = store.state()
    provenance = Provenance(
        engine="tapehand render",
        version=studio.version,
        maker="machine",
        settings=tuple(sorted({**(settings or {}), "state": state.head}.items())),
        inputs=tuple(sorted(state.sources)),
        build=studio.build,
    )
    rendered = Rendered(name=path.name, sha256=file_sha256(path), provenance=provenance)
    store.append([rendered], actor=by, actor_kind="person")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_taken(path: Path) -> None:
    """Raise OutputError (``output.exists``, ``output.no_folder``) before long work for a file that cannot be made."""
    if os.path.lexists(path):
        raise OutputError(
            "output.exists",
            f"{path.name} exists already and is left as it is",
            where=str(path),
            hint="Choose another name.",
        )
    if not path.absolute().parent.is_dir():
        raise OutputError(
            "output.no_folder",
            f"The folder for {path.name} does not exist",
            where=str(path.parent),
            hint="Make the folder first or choose another.",
        )
