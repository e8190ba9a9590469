"""The only place where concrete things meet: which store, which engines, which cache."""

import hashlib
import os
import platform
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Final, cast

from tapehand.app.studio import EngineDoor, Studio
from tapehand.errors import InputError
from tapehand.interchange.folder import list_session, read_stem
from tapehand.interchange.midi import write_midi
from tapehand.kernels.library import simd_level
from tapehand.listening.swift_f0 import SwiftF0Tracker, installed_version
from tapehand.ports.engine import Engine
from tapehand.store.health import examine, repair
from tapehand.store.render_cache import DiskRenderCache
from tapehand.store.snapshots import Snapshots
from tapehand.store.song_folder import SongFolder, create_song_folder
from tapehand.store.text_cache import DiskTextCache

ENGINES: Final = "tapehand.engines"
DISTRIBUTION: Final = "tapehand"
SOUNDING: Final = ("music", "kernels", "audio", "dsp", "instruments", "render", "catalogue")
HEARING: Final = ("music", "song", "kernels", "audio", "dsp", "meters", "listening", "catalogue")
# Of the room for renders; 24 tracks of four minutes take 130 MB.
HEARINGS_SHARE: Final = 0.25
SOUNDING_FILES: Final = frozenset({".py", ".toml", ".so", ".dylib", ".dll"})


def make_studio(threads: int | None = None) -> Studio:
    """The studio of this computer, with every engine that is installed."""
    own_version = version(DISTRIBUTION)
    snapshots = Snapshots.of_user()
    return Studio(
        create_song=partial(create_song_folder, snapshots=snapshots),
        open_song=partial(SongFolder, snapshots=snapshots),
        list_stems=list_session,
        read_stem=read_stem,
        write_midi=write_midi,
        engines=installed_engines(),
        version=own_version,
        examine_song=examine,
        repair_song=repair,
        cache=DiskRenderCache.of_user(),
        listenings=DiskTextCache.of_user(),
        hearings=DiskRenderCache.of_user("hearings", HEARINGS_SHARE),
        ears=hearing_fingerprint(),
        build=f"{own_version}/{platform.machine()}/{simd_level()}/{sound_fingerprint()}",
        threads=threads or os.cpu_count() or 1,
        second_ear=SwiftF0Tracker() if installed_version() else None,
    )


@cache
def sound_fingerprint() -> str:
    """A hash over everything that turns a song into samples: kernels, code and tables, in 12 hex digits.

    The version alone would let a changed kernel find what an older one left in the cache.
    """
    return _fingerprint(SOUNDING)


@cache
def hearing_fingerprint() -> str:
    """The same over everything that listens."""
    return _fingerprint(HEARING)


def _fingerprint(floors: tuple[str, ...]) -> str:
    package = Path(__file__).parent
    files = sorted(path for name in floors for path in (package / name).rglob("*") if path.suffix in SOUNDING_FILES)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def installed_engines() -> dict[str, EngineDoor]:
    """Engines by name, as entry points of the group ``tapehand.engines`` name them; ours keep their names."""
    doors: dict[str, EngineDoor] = {}
    for entry in sorted(entry_points(group=ENGINES), key=lambda entry: (not _is_built_in(entry), entry.name)):
        distribution = entry.dist.name if entry.dist else ""
        name = entry.name if entry.name not in doors else f"{entry.name} of {distribution}"
        doors[name] = EngineDoor(
            name=name,
            reference=entry.value,
            distribution=distribution,
            version=entry.dist.version if entry.dist else "",
            is_built_in=_is_built_in(entry),
            load=_loader(entry),
        )
    return doors


def _is_built_in(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == DISTRIBUTION and entry.module.startswith("tapehand.engines.")


def _loader(entry: EntryPoint) -> Callable[[], Engine]:
    def load() -> Engine:
        try:
            return cast("Engine", entry.load()())
        except ImportError as error:
            raise InputError(
                "engine.not_loadable",
                f"The engine {entry.name} cannot be loaded: {error}",
                hint="Install it again.",
            ) from error

    return load
