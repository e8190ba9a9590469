"""What the use cases work with: the song store, the engines, the cache. ``bootstrap`` fills it with concrete things."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tapehand.errors import InputError
from tapehand.listening.second_opinion import PitchTracker
from tapehand.ports.engine import Engine, EngineKind
from tapehand.ports.song_doctor import ExamineSong, RepairSong
from tapehand.ports.song_store import SongMaker, SongStore
from tapehand.ports.stem_folder import ListStems, ReadStem
from tapehand.ports.text_cache import NoTexts, TextCache
from tapehand.render.cache import NoCache, RenderCache
from tapehand.song.song import Song

WriteMidi = Callable[[Song, Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDoor:
    """An engine that is installed, not loaded yet.

    Parameters
    ----------
    name : what people call it; ``"mixing"`` is the one that comes with the product.
    reference : ``"module:attribute"`` of its class.
    distribution, version : the package it comes from.
    is_built_in : whether it is ours; others run in a process of their own.
    """

    name: str
    reference: str
    distribution: str
    version: str
    is_built_in: bool
    load: Callable[[], Engine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """Everything a use case may need.

    Parameters
    ----------
    create_song, open_song : song folders.
    list_stems, read_stem : multitrack folders.
    write_midi : a song as a Standard MIDI File.
    engines : the installed engines by name.
    examine_song, repair_song : for songs that may not even open.
    listenings : what was heard before, of whole sessions.
    hearings : what was heard before, of single recordings.
    ears : names the code that hears; what other ears heard is not taken from there.
    build : names the native library and CPU class; part of the provenance of every render.
    threads : how many tracks are prepared at once.
    second_ear : who is asked about notes that are not sure, where somebody is installed.
    """

    create_song: SongMaker
    open_song: Callable[[Path], SongStore]
    list_stems: ListStems
    read_stem: ReadStem
    write_midi: WriteMidi
    engines: Mapping[str, EngineDoor]
    version: str
    examine_song: ExamineSong
    repair_song: RepairSong
    cache: RenderCache = field(default_factory=NoCache)
    listenings: TextCache = field(default_factory=NoTexts)
    hearings: RenderCache = field(default_factory=NoCache)
    ears: str = ""
    build: str = ""
    threads: int = 1
    second_ear: PitchTracker | None = None

    def engine(self, name: EngineKind | str) -> EngineDoor:
        """The engine of that name. Raises InputError (``engine.unknown``)."""
        if name not in self.engines:
            known = ", ".join(sorted(self.engines)) or "none"
            raise InputError("engine.unknown", f"There is no engine called {name}", hint=f"Installed: {known}.")
        return self.engines[name]
