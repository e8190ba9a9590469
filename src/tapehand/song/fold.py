"""Fold: from events to the song as it stands. Pure; ``fold(b, fold(a)) == fold(a + b)``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tapehand.errors import Conflict, InputError
from tapehand.song.event import (
    AudioAdded,
    Decided,
    Edited,
    Event,
    FindingsNoted,
    ProposalFiled,
    Rendered,
    SongCreated,
    Undone,
    Verdict,
)
from tapehand.song.finding import Finding
from tapehand.song.op import Op, apply_all, inverse_all
from tapehand.song.proposal import Proposal
from tapehand.song.song import Song
from tapehand.song.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A proposal in the log. ``number`` is what people call it; it counts from 1."""

    number: int
    event: str
    base_event: str
    proposal: Proposal
    verdict: Verdict | None = None
    option: str | None = None
    decided_by: str | None = None
    decided_in: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for a person."""
        return self.verdict in (None, "later")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one event did to the song, and what would take it back."""

    event: str
    ops: tuple[Op, ...]
    undo: tuple[Op, ...]
    undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SongState:
    """Everything the log adds up to."""

    song: Song | None = None
    head: str = ""
    length: int = 0
    sources: Mapping[str, Source] = field(default_factory=dict)
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    proposals: tuple[Filed, ...] = ()
    changes: tuple[Change, ...] = ()

    def filed(self, number: int) -> Filed:
        """The proposal of that number. Raises InputError (``proposal.unknown``)."""
        if not 1 <= number <= len(self.proposals):
            raise InputError(
                "proposal.unknown",
                f"There is no proposal {number}",
                hint=f"This song has {len(self.proposals)}; see 'tapehand inbox'.",
            )
        return self.proposals[number - 1]


@dataclass(slots=True)
class _Fold:
    song: Song | None
    head: str
    length: int
    sources: dict[str, Source]
    findings: dict[str, tuple[Finding, ...]]
    proposals: list[Filed]
    changes: list[Change]

    def take(self, event: Event) -> None:
        match event.body:
            case SongCreated(song=song):
                self.song = song
            case AudioAdded(source=source):
                self.sources[source.blob] = source
            case FindingsNoted(scope=scope, findings=findings):
                self.findings[scope] = findings
            case ProposalFiled(proposal=proposal, base_event=base):
                number = len(self.proposals) + 1
                self.proposals.append(Filed(number=number, event=event.id, base_event=base, proposal=proposal))
            case Decided() as decision:
                self.decide(event, decision)
            case Edited(ops=ops):
                self.change(event.id, ops)
            case Undone(undone=undone, ops=ops):
                self.undo(event.id, undone, ops)
            case Rendered():
                pass
        self.head, self.length = event.id, event.seq

    def decide(self, event: Event, decision: Decided) -> None:
        index = decision.number - 1
        filed = self.proposals[index]
        if not filed.is_open:
            raise Conflict("decision.made_already", f"Proposal {filed.number} was decided before")
        if decision.verdict == "accept":
            if decision.option is None:
                raise Conflict("decision.no_option", "An accepting decision names its option")
            self.change(event.id, filed.proposal.option(decision.option).ops)
        self.proposals[index] = replace(
            filed, verdict=decision.verdict, option=decision.option, decided_by=event.actor, decided_in=event.id
        )

    def change(self, event_id: str, ops: tuple[Op, ...]) -> None:
        if self.song is None:
            raise Conflict("log.no_song", "The log changes a song before it creates one")
        undo = inverse_all(self.song, ops)
        self.song = apply_all(self.song, ops)
        self.changes.append(Change(event=event_id, ops=ops, undo=undo))

    def undo(self, event_id: str, undone: str, ops: tuple[Op, ...]) -> None:
        self.change(event_id, ops)
        self.changes = [replace(c, undone=True) if c.event == undone else c for c in self.changes]
        self.proposals = [
            replace(p, verdict=None, option=None, decided_by=None, decided_in=None) if p.decided_in == undone else p
            for p in self.proposals
        ]


def fold(events: Iterable[Event], start: SongState | None = None) -> SongState:
    """The state after ``events``, from nothing or from ``start``. Raises Conflict for a log that cannot have happened."""
    state = start or SongState()
    folding = _Fold(
        song=state.song,
        head=state.head,
        length=state.length,
        sources=dict(state.sources),
        findings=dict(state.findings),
        proposals=list(state.proposals),
        changes=list(state.changes),
    )
    for event in events:
        folding.take(event)
    return SongState(
        song=folding.song,
        head=folding.head,
        length=folding.length,
        sources=folding.sources,
        findings=folding.findings,
        proposals=tuple(folding.proposals),
        changes=tuple(folding.changes),
    )
