"""Sealed texts: the keys of blind trials, ``sealed/ID.json`` in a song folder.

They lie beside the log, not in it, so that nobody meets one by reading on; the log holds their hashes.
"""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapehand.audio.atomic import AtomicFile
from tapehand.errors import InputError
from tapehand.store.durable import make_folder, sync_folder, told_as_output_errors

NAME: Final = re.compile(r"[0-9a-f]{8,64}")
LONGEST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class SealedTexts:
    """Texts by name in a folder, each written once."""

    folder: Path

    def keep(self, name: str, text: str) -> None:
        """Write a text so that it survives power loss. Raises OutputError (``output.exists``, ``output.full`` ...)."""
        path = self._path(name)
        with told_as_output_errors(self.folder):
            make_folder(self.folder)
            with AtomicFile(path) as target:
                target.file.write(text.encode())
            sync_folder(self.folder)

    def text(self, name: str) -> str:
        """What was written. Raises InputError (``store.no_seal``, ``store.foreign_link``)."""
        path = self._path(name)
        if path.is_symlink() or self.folder.is_symlink():
            raise InputError(
                "store.foreign_link",
                "A link lies where the song keeps its seals; links are not followed",
                where=str(path),
                hint="Put the file itself there.",
            )
        try:
            with path.open("rb") as file:
                return file.read(LONGEST_BYTES).decode()
        except (OSError, UnicodeDecodeError):
            raise _no_seal(name) from None

    def names(self) -> list[str]:
        """Everything that was kept, in the order of names; links and other files are not counted."""
        found = self.folder.glob("*.json") if not self.folder.is_symlink() else ()
        return sorted(path.stem for path in found if NAME.fullmatch(path.stem) and not path.is_symlink())

    def age_s(self, name: str) -> float:
        """How long ago a text was written; 0 where it is gone."""
        with contextlib.suppress(OSError):
            return time.time() - self._path(name).stat().st_mtime
        return 0.0

    def put_back(self, name: str, text: str) -> None:
        """Write a text again; what lies there under its name is kept beside it. Raises OutputError as ``keep``."""
        self.set_aside(name)
        self.keep(name, text)

    def set_aside(self, name: str) -> None:
        """Take a text out of the way; it stays in the folder as ``NAME.unused``."""
        path = self._path(name)
        with told_as_output_errors(self.folder):
            if path.is_file():
                path.replace(path.with_suffix(".unused"))
                sync_folder(self.folder)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise _no_seal(name)
        return self.folder / f"{name}.json"


def _no_seal(name: str) -> InputError:
    return InputError(
        "store.no_seal",
        "The key of that trial is not in the song folder any more",
        where=name,
        hint="Its votes stay in the log but cannot be read; open another trial.",
    )
