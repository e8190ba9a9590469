"""What was heard, kept between runs in the user's cache folder: never inside a song, found by what it was made of."""

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

CAPACITY_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class DiskTextCache:
    """A ``ports.text_cache.TextCache`` in a folder that several processes share. Nothing in here raises."""

    folder: Path
    capacity_bytes: int = CAPACITY_BYTES

    @classmethod
    def of_user(cls) -> "DiskTextCache":
        """The cache of this user."""
        return cls(Path(platformdirs.user_cache_dir("tapehand", appauthor=False)) / "listening")

    def get(self, key: str) -> str | None:
        """What was kept under ``key``; None where nothing is, or not the whole of it."""
        path = self._path(key)
        with contextlib.suppress(OSError, UnicodeDecodeError):
            digest, _, text = path.read_text(encoding="utf-8").partition("\n")
            if digest == _digest(text):
                os.utime(path)
                return text
        return None

    def put(self, key: str, text: str) -> None:
        """Keep ``text``; what was not used for longest goes where the room ends."""
        path = self._path(key)
        part = path.with_name(f"{secrets.token_hex(8)}.part")
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                part.write_text(f"{_digest(text)}\n{text}", encoding="utf-8")
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            self._make_room()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _make_room(self) -> None:
        kept_bytes = 0
        known = [(path.stat(), path) for path in self.folder.iterdir()]
        for facts, path in sorted(known, key=lambda each: each[0].st_mtime, reverse=True):
            kept_bytes += facts.st_size
            if kept_bytes > self.capacity_bytes:
                path.unlink(missing_ok=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
