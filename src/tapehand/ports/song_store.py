"""Where a song lives: its log and its audio."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tapehand.audio import Audio
from tapehand.song.event import ActorKind, Body, Event
from tapehand.song.fold import SongState
from tapehand.song.provenance import Provenance
from tapehand.song.source import Origin, Source


class MediaPool(Protocol):
    """Audio by hash: what goes in is copied, never changed, never written to again."""

    def add_file(self, path: Path) -> Source:
        """Copies a file in, bit by bit, and says what it decodes to. The original is only read."""
        ...

    def add_audio(self, name: str, audio: Audio, origin: Origin, provenance: Provenance) -> Source:
        """Stores sound that has no file yet, as 32-bit float WAV."""
        ...

    def read(self, source: Source) -> Audio:
        """The decoded source at its own rate. Raises InputError (``store.audio_missing``) when the blob is gone."""
        ...


class SongStore(Protocol):
    """A song folder."""

    @property
    def path(self) -> Path: ...

    @property
    def media(self) -> MediaPool: ...

    def state(self) -> SongState:
        """The fold of the whole log as it is now."""
        ...

    def events(self) -> Sequence[Event]:
        """The whole log, oldest first."""
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
