"""Writing what leaves: full scale is never crossed, every file is hashed into the log, places are told as final."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from tapehand.app.studio import Studio
from tapehand.audio import Audio, io
from tapehand.errors import OutputError
from tapehand.ports.song_store import SongStore
from tapehand.song.event import Rendered
from tapehand.song.provenance import Provenance
from tapehand.work import Work

DITHERED: Final = "PCM_24"


def write_native(path: Path, audio: Audio, work: Work) -> Path:
    """``audio`` as it is, never turned down: 24 bits with dither, or 32-bit float where it goes above full scale."""
    peak = float(np.abs(audio.samples).max(initial=0.0))
    if peak >= 1.0:
        io.write(path, audio, "FLOAT", work=work)
    else:
        io.write(path, audio, DITHERED, dither_seed=dither_seed(path.name), work=work)
    return path


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
