"""The engine door: one Protocol for mixing, mastering, composing, directing, comping and clearing engines alike.

An engine reads a SongView and returns a Proposal. It has no way to change a song: what it returns waits for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from tapehand.audio import Audio
from tapehand.song.brief import Brief
from tapehand.song.finding import Fact, Finding
from tapehand.song.op import Op
from tapehand.song.proposal import Proposal
from tapehand.song.region import Span
from tapehand.song.song import Song
from tapehand.song.source import Source
from tapehand.work import Work

EngineKind = Literal["mixing", "mastering", "composing", "directing", "comping", "clearing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What an engine says of itself.

    ``needs`` names weights or programs it cannot do without, "" for none. ``options`` are all ids and names that its
    options can have, where it always gives the same ones, so that a wrong one is told before the work.
    """

    name: str
    version: str
    kind: EngineKind
    licence: str
    needs: str = ""
    deterministic: bool = True
    options: tuple[str, ...] = ()


class SongView(Protocol):
    """A song to read, not to write. Picklable, so that an engine can run in a process of its own."""

    @property
    def state(self) -> Song:
        """The song as it stands."""
        ...

    @property
    def sources(self) -> Mapping[str, Source]:
        """Stored audio by hash."""
        ...

    @property
    def facts(self) -> Sequence[Fact]:
        """What was measured."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """What a person was asked about."""
        ...

    @property
    def vision(self) -> str:
        """What the whole record is about, in its maker's words; "" until somebody has said it."""
        ...

    def audio(self, track: str, span: Span | None = None) -> Audio:
        """What lies on a track, before any insert: regions placed and played, at the song's rate, from sample 0."""
        ...

    def render(self, ops: Sequence[Op] = (), span: Span | None = None) -> Audio:
        """The mix (before the master chain) as it would sound with ``ops`` applied."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Anything that proposes."""

    def describe(self) -> EngineFacts:
        """Name, version, kind, needs, licence."""
        ...

    def propose(self, view: SongView, brief: Brief, seed: int, work: Work) -> Proposal:
        """Options for what ``brief`` asks. Same view, brief and seed give the same proposal.

        Raises
        ------
        InputError : the song or brief cannot be worked with.
        Refused : what is asked would do harm; the cost is in the error.
        Cancelled : ``work`` was cancelled.
        """
        ...
