"""Writing what leaves: full scale is never crossed, every file is hashed into the log, places are told as final."""

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from tapehand.app.audition import file_name
from tapehand.app.studio import Studio
from tapehand.audio import Audio, io
from tapehand.audio.buffer import Samples
from tapehand.audio.wav import Subtype
from tapehand.errors import OutputError
from tapehand.ports.song_store import SongStore
from tapehand.render.assembly import stem_owners
from tapehand.render.mixer import OUT
from tapehand.render.renderer import Renderer
from tapehand.song.event import Rendered
from tapehand.song.provenance import Provenance
from tapehand.song.song import Song
from tapehand.work import Work

DITHERED: Final[Subtype] = "PCM_24"


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


def write_mix_and_stems(
    renderer: Renderer, mix: Path, stems: Mapping[str, Path], *, heard: Callable[[Samples], None] | None = None
) -> None:
    """The mix, and the stems of the strips named, into files as they are rendered; all as long as the mix.

    As ``write_native``: what turns out to go above full scale is rendered once more, into 32-bit float. ``heard`` gets
    every block of the mix.

    Raises OutputError as ``audio.io.Writer``.
    """
    files = {OUT: mix, **stems}
    loud = _write_pass(renderer, files, DITHERED, heard)
    if loud:
        _write_pass(renderer, {name: files[name] for name in loud}, "FLOAT", None)


def _write_pass(
    renderer: Renderer, files: Mapping[str, Path], subtype: Subtype, heard: Callable[[Samples], None] | None
) -> list[str]:
    """One time through the song; the names of the files that were not kept, as their format could not hold them."""
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(_Unclipped(path, renderer.song.rate_hz, subtype)) for name, path in files.items()
        }
        for block in renderer.blocks(stems=any(name != OUT for name in files)):
            for name, writer in writers.items():
                samples = block.mix if name == OUT else block.stems[name]
                writer.write(Audio.of(samples, renderer.song.rate_hz))
            if heard is not None:
                heard(block.mix)
    return [name for name, writer in writers.items() if writer.clipped]


class _Unclipped(io.Writer):
    """A stereo file that gets its name only if nothing in it had to be held at full scale."""

    def __init__(self, path: Path, rate_hz: int, subtype: Subtype) -> None:
        seed = dither_seed(path.name) if subtype == DITHERED else None
        super().__init__(path, rate_hz=rate_hz, channels=2, subtype=subtype, dither_seed=seed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self.clipped:
            error = OverflowError(self.path.name)
            kind = type(error)
        super().__exit__(kind, error, trace)


def stem_files(song: Song, folder: Path) -> dict[str, Path]:
    """A file in ``folder`` for each stem of a song, by the id of its strip."""
    paths: dict[str, Path] = {}
    for owner, name in stem_owners(song).items():
        paths[owner] = folder / file_name(name, owner, taken=[path.name for path in paths.values()])
    return paths


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
