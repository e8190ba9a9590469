"""Where a song lives: its log and its audio."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tapehand.audio import Audio
from tapehand.render.sounds import Sound
from tapehand.song.event import ActorKind, Body, Event
from tapehand.song.fold import SongState
from tapehand.song.provenance import Provenance
from tapehand.song.source import Origin, Source


class SourceReader(Protocol):
    """Reads the audio of a song, and cannot write it; picklable."""

    def __call__(self, source: Source) -> Audio:
        """The decoded source at its own rate. Raises InputError (``store.audio_missing``) when the blob is gone."""
        ...

    def open(self, source: Source) -> Sound | None:
        """The source to be read at any place; None where its format has to be decoded from the start."""
        ...

    def blocks(self, source: Source) -> Iterator[Audio]:
        """The decoded source from start to end."""
        ...


class MediaPool(Protocol):
    """Audio by hash: what goes in is copied, never changed, never written to again."""

    @property
    def reader(self) -> SourceReader:
        """Reads and cannot write; picklable, for those who may only listen."""
        ...

    def add_file(self, path: Path, decoded: Audio | None = None) -> Source:
        """Copies a file in, bit by bit, and says what it decodes to. The original is only read.

        ``decoded`` saves decoding it once more.
        """
        ...

    def add_audio(self, name: str, audio: Audio, origin: Origin, provenance: Provenance) -> Source:
        """Stores sound that has no file yet, as 32-bit float WAV."""
        ...

    def read(self, source: Source) -> Audio:
        """The decoded source at its own rate. Raises InputError (``store.audio_missing``) when the blob is gone."""
        ...

    def path(self, source: Source) -> Path:
        """Where a source lies, to be read a stretch at a time; raises as ``read``."""
        ...


class SongStore(Protocol):
    """A song folder, open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def media(self) -> MediaPool:
        """Its audio."""
        ...

    def state(self) -> SongState:
        """The fold of the branch's log as it is now."""
        ...

    def state_at(self, event: str) -> SongState:
        """The song as it stood after an event, of whatever branch. Raises InputError (``store.no_event``)."""
        ...

    def seal(self, name: str, text: str) -> None:
        """Keeps a text beside the log, out of it; on return it survives power loss. A name is sealed once."""
        ...

    def sealed(self, name: str) -> str:
        """What was sealed under a name. Raises InputError (``store.no_seal``)."""
        ...

    def events(self, branch: str | None = None) -> Sequence[Event]:
        """All that led to the song as it is on a branch (the one worked on if None), oldest first."""
        ...

    @property
    def branch(self) -> str:
        """The branch that is read and written."""
        ...

    def branches(self) -> Mapping[str, str]:
        """The last event of every branch, by its name."""
        ...

    def start_branch(self, name: str, *, actor: str, at: str | None = None) -> SongState:
        """Let a branch begin after an event (the last one if None) and work on it from now on.

        Raises InputError (``branch.name``, ``branch.taken``, ``store.no_event``).
        """
        ...

    def switch(self, name: str) -> SongState:
        """Work on another branch from now on, in this and in later programs; raises InputError (``branch.unknown``)."""
        ...

    def append(
        self, bodies: Sequence[Body], *, actor: str, actor_kind: ActorKind, expected_head: str | None = None
    ) -> SongState:
        """Appends events in one transaction and returns the state after them; on return they survive power loss.

        Raises
        ------
        Conflict : ``expected_head`` is given and somebody wrote in between, or the events do not fold.
        Refused : a decision, edit or undo by anything but a person.
        """
        ...


class SongMaker(Protocol):
    """Makes a song folder, whole or not at all."""

    def __call__(self, path: Path, bodies: Callable[[MediaPool], Sequence[Body]], *, actor: str) -> SongStore:
        """A new song at ``path``; ``bodies`` stores audio in the pool it is given and returns the first events."""
        ...
