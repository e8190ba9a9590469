"""Rendered audio kept between runs, in the user's cache folder: found by what it was made of, dropped when old.

Losing any of it costs time and nothing else, so nothing in here raises: no room, no permission and a damaged file are
all the same as not having it.
"""

import contextlib
import os
import secrets
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import platformdirs

from tapehand.audio import Audio

MAGIC: Final = b"TPHCACH1"
HEADER: Final = struct.Struct("<8sIIQI")
DEFAULT_CAPACITY_MB: Final = 8_192
CAPACITY_VARIABLE: Final = "TAPEHAND_CACHE_MB"
ROOM_KEPT_FREE: Final = 0.1
UNFINISHED_AFTER_S: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class DiskRenderCache:
    """A ``render.cache.RenderCache`` in a folder that several processes share.

    Parameters
    ----------
    folder : where entries lie; made when needed.
    capacity_bytes : when more than that lies there, the longest unused entries go; 0 keeps nothing.
    """

    folder: Path
    capacity_bytes: int

    @classmethod
    def of_user(cls) -> "DiskRenderCache":
        """The cache of this user: 8 GB, or what ``TAPEHAND_CACHE_MB`` says."""
        megabytes = os.environ.get(CAPACITY_VARIABLE, "")
        capacity = int(megabytes) if megabytes.isdecimal() else DEFAULT_CAPACITY_MB
        return cls(Path(platformdirs.user_cache_dir("tapehand", appauthor=False)) / "renders", capacity << 20)

    def get(self, key: str) -> Audio | None:
        """What was put under ``key``, or None; an entry that is not whole is thrown away."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                magic, rate_hz, channels, length_samples, checksum = HEADER.unpack(file.read(HEADER.size))
                samples = np.fromfile(file, dtype="<f4")
            if magic != MAGIC or samples.size != channels * length_samples or zlib.crc32(samples.data) != checksum:
                path.unlink(missing_ok=True)
                return None
            os.utime(path)
            return Audio.of(samples.reshape(channels, length_samples), rate_hz)
        except (OSError, struct.error, ValueError):
            return None

    def put(self, key: str, audio: Audio) -> None:
        """Keeps ``audio`` under ``key`` as long as there is room."""
        size_bytes = HEADER.size + audio.samples.nbytes
        if size_bytes > self.capacity_bytes:
            return
        path = self._path(key)
        part = path.with_name(f"{secrets.token_hex(8)}.part")
        samples = audio.samples.astype("<f4", copy=False)
        header = HEADER.pack(MAGIC, audio.rate_hz, audio.channels, audio.length_samples, zlib.crc32(samples.data))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.write(header)
                file.write(samples.data)
            part.replace(path)
            self._make_room()
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.f32"

    def _make_room(self) -> None:
        entries = self._entries()
        total = sum(size for _, size, _ in entries)
        if total <= self.capacity_bytes:
            return
        wanted = self.capacity_bytes * (1.0 - ROOM_KEPT_FREE)
        for _, size, path in sorted(entries):
            if total <= wanted:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size

    def _entries(self) -> list[tuple[float, int, Path]]:
        """When each was used last, its size and its path; what a killed process left unfinished is removed."""
        entries = []
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):
                facts = path.stat()
                if path.suffix == ".f32":
                    entries.append((facts.st_mtime, facts.st_size, path))
                elif facts.st_mtime < time.time() - UNFINISHED_AFTER_S:
                    path.unlink()
        return entries
