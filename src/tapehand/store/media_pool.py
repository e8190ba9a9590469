"""Audio in a song folder: ``audio/ab/abcd....wav``, named by the SHA-256 of its bytes, copied in and never written to.

A file gets its name only when all its bytes are on the disk, so a name is a promise. Whoever may only listen gets a
``BlobReader``; adding takes a ``BlobPool``.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from tapehand.audio import Audio, io
from tapehand.audio.pcm_wav import Sound
from tapehand.audio.unfinished import unfinished_folder
from tapehand.errors import InputError, TapehandError
from tapehand.song.provenance import Provenance
from tapehand.song.source import Origin, Source
from tapehand.store.durable import make_folder, sync_folder, told_as_output_errors

CHUNK_BYTES: Final = 1 << 20
SUFFIX: Final = re.compile(r"[a-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class BlobReader:
    """Reads stored audio. Picklable; it has no way to add or change anything."""

    folder: Path

    def __call__(self, source: Source) -> Audio:
        """The decoded source at its own rate.

        Raises
        ------
        InputError
            ``store.audio_missing`` when the blob is gone, ``store.foreign_link`` when a link lies in its place,
            ``store.audio_changed`` when it no longer decodes to what it was.
        """
        path = self.safe_path(source)
        audio = _decoded(source, path)
        if (audio.rate_hz, audio.channels, audio.length_samples) != _shape(source):
            raise _changed(source, path)
        return audio

    def safe_path(self, source: Source) -> Path:
        """Where the bytes of a source lie, once it is sure that they are there and no link; raises as a call does."""
        path = self.path_of(source)
        if path.is_symlink() or path.parent.is_symlink():
            raise InputError(
                "store.foreign_link",
                "A link lies where the song keeps its audio; links are not followed",
                where=f"{source.name} at {path}",
                hint="Put the file itself there.",
            )
        if not path.is_file():
            raise _missing(source, path)
        return path

    def open(self, source: Source) -> Sound | None:
        """A plain WAV, to be read at any place; None for others. Raises as a call, but for what only decoding shows."""
        path = self.safe_path(source)
        try:
            sound = io.open_sound(path)
        except TapehandError as error:
            raise _changed(source, path) from error
        if sound is not None and (sound.rate_hz, sound.channels, sound.length_samples) != _shape(source):
            raise _changed(source, path)
        return sound

    def blocks(self, source: Source) -> Iterator[Audio]:
        """A decoded source from start to end; raises as a call."""
        path = self.safe_path(source)
        try:
            yield from io.blocks(path)
        except TapehandError as error:
            raise _changed(source, path) from error

    def path_of(self, source: Source) -> Path:
        """Where the bytes of a source lie."""
        if not re.fullmatch(r"[0-9a-f]{64}", source.blob) or not SUFFIX.fullmatch(source.media):
            raise InputError("store.damaged_record", "A source does not name a stored file", where=source.name)
        return self.folder / source.blob[:2] / f"{source.blob}.{source.media}"

    def holds(self, source: Source) -> bool:
        """Whether the bytes of a source are there (not whether they are right)."""
        return self.path_of(source).is_file()

    def unsound(self, sources: Iterable[Source]) -> Iterator[tuple[Source, str]]:
        """Every source whose bytes are ``"missing"`` or ``"changed"``, by reading all of them."""
        for source in sources:
            path = self.path_of(source)
            if not path.is_file():
                yield source, "missing"
            elif file_sha256(path) != source.blob:
                yield source, "changed"


class BlobPool:
    """Stores audio by its hash. Implements ``ports.song_store.MediaPool``."""

    def __init__(self, folder: Path) -> None:
        self.reader = BlobReader(folder)

    @property
    def folder(self) -> Path:
        """The ``audio`` folder of the song."""
        return self.reader.folder

    def read(self, source: Source) -> Audio:
        """The decoded source; raises as ``BlobReader``."""
        return self.reader(source)

    def path(self, source: Source) -> Path:
        """Where the bytes of a source lie, to be read a stretch at a time; raises as ``BlobReader``."""
        return self.reader.safe_path(source)

    def holds(self, source: Source) -> bool:
        """Whether the bytes of a source are there."""
        return self.reader.holds(source)

    def add_file(self, path: Path, decoded: Audio | None = None) -> Source:
        """Copies a file in, bit by bit. ``decoded`` is what it decodes to, if that is known already.

        Raises
        ------
        InputError
            As ``audio.io.read``.
        OutputError
            ``output.full``, ``output.not_writable``.
        """
        audio = io.read(path) if decoded is None else decoded
        suffix = path.suffix.lower().removeprefix(".")
        media = suffix if SUFFIX.fullmatch(suffix) else "audio"
        with self._temporary() as part:
            blob = self._copy(path, part)
            self._name(part, blob, media)
        return _source(blob, path.name, media, audio, "original", None)

    def add_audio(self, name: str, audio: Audio, origin: Origin, provenance: Provenance) -> Source:
        """Stores sound that has no file yet, as 32-bit float WAV; raises OutputError as ``add_file``."""
        with self._temporary() as part:
            io.write(part, audio, "FLOAT")
            blob = file_sha256(part)
            self._name(part, blob, "wav")
        return _source(blob, name, "wav", audio, origin, provenance)

    def put_back(self, path: Path, source: Source) -> None:
        """Copies the bytes of a source in again, from a file that holds them; a wrong copy is replaced.

        Raises
        ------
        InputError
            ``store.audio_changed``: the file does not hold them (any more).
        """
        with self._temporary() as part:
            if self._copy(path, part) != source.blob:
                raise _changed(source, path)
            self._name(part, source.blob, source.media, replace=True)

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        with told_as_output_errors(self.folder.parent):
            make_folder(self.folder)
            with unfinished_folder(self.folder) as folder:
                yield folder / "new.wav"

    def _copy(self, path: Path, part: Path) -> str:
        digest = hashlib.sha256()
        try:
            source = path.open("rb")
        except OSError as error:
            raise InputError("audio.unreadable", f"{path.name} cannot be read", where=str(path)) from error
        with source, part.open("xb") as target:
            for chunk in _chunks(source):
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        return digest.hexdigest()

    def _name(self, part: Path, blob: str, media: str, *, replace: bool = False) -> None:
        folder = self.folder / blob[:2]
        path = folder / f"{blob}.{media}"
        if not replace and path.is_file() and path.stat().st_size == part.stat().st_size:
            return
        make_folder(folder)
        part.chmod(0o444)
        part.replace(path)
        sync_folder(folder)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in _chunks(file):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _source(blob: str, name: str, media: str, audio: Audio, origin: Origin, provenance: Provenance | None) -> Source:
    return Source(
        blob=blob,
        name=name,
        media=media,
        rate_hz=audio.rate_hz,
        channels=audio.channels,
        length_samples=audio.length_samples,
        origin=origin,
        provenance=provenance,
    )


def _shape(source: Source) -> tuple[int, int, int]:
    return source.rate_hz, source.channels, source.length_samples


def _decoded(source: Source, path: Path) -> Audio:
    try:
        return io.read(path)
    except TapehandError as error:
        raise _changed(source, path) from error


def _missing(source: Source, path: Path) -> InputError:
    return InputError(
        "store.audio_missing",
        f"The song's copy of {source.name} is gone",
        where=str(path),
        hint="Put a backup of that file back; its name is its fingerprint.",
    )


def _changed(source: Source, path: Path) -> InputError:
    return InputError(
        "store.audio_changed",
        f"The song's copy of {source.name} is not what it was",
        where=str(path),
        hint="Put a backup of that file back; its name is its fingerprint.",
    )
