"""Fold: from events to the song as it stands. Pure; ``fold(b, fold(a)) == fold(a + b)``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tapehand.errors import Conflict, InputError
from tapehand.song.event import (
    AudioAdded,
    BranchStarted,
    Decided,
    Edited,
    Event,
    FindingsNoted,
    Merged,
    OptionJoined,
    ProposalFiled,
    Rendered,
    SongCreated,
    Undone,
    Verdict,
)
from tapehand.song.finding import Fact, Finding
from tapehand.song.hearing import (
    ColdListeningAsked,
    Hearings,
    QuestionsAnswered,
    Remarked,
    SongPlayed,
    TrialClosed,
    TrialOpened,
    Voted,
)
from tapehand.song.locked import refuse_locked
from tapehand.song.op import Op, apply_with_undo
from tapehand.song.proposal import Option, Proposal
from tapehand.song.shelf import Shelf
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
    taken: tuple[int, ...] | None = None
    decided_by: str | None = None
    decided_in: str | None = None
    trial: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it still waits for a person."""
        return self.verdict in (None, "later")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one event did to the song, and what would take it back.

    ``decided`` is the decision that the event is, if it is one, and ``by`` who made it. ``undoes`` names the event
    whose effect this change took back; undoing such a change brings that effect again. ``parts_undone`` are the parts
    of the song on which its effect was taken back alone; ``part`` says so of the change that did it.
    """

    event: str
    by: str
    ops: tuple[Op, ...]
    undo: tuple[Op, ...]
    undone: bool = False
    undoes: str = ""
    decided: Decided | None = None
    parts_undone: frozenset[str] = frozenset()
    part: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SongState:
    """Everything the log adds up to.

    ``places`` says where among ``changes`` the change of an event stands; ``heard_after``, by the scope of a listening,
    how many changes there were when it was noted.
    """

    song: Song | None = None
    head: str = ""
    length: int = 0
    sources: Mapping[str, Source] = field(default_factory=dict)
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    facts: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict)
    heard_after: Mapping[str, int] = field(default_factory=dict)
    proposals: Sequence[Filed] = ()
    changes: Sequence[Change] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    hearings: Hearings = field(default_factory=Hearings)

    def filed(self, number: int) -> Filed:
        """The proposal of that number. Raises InputError (``proposal.unknown``)."""
        if not 1 <= number <= len(self.proposals):
            raise InputError(
                "proposal.unknown",
                f"There is no proposal {number}",
                hint=f"This song has {len(self.proposals)}; see 'tapehand inbox'.",
            )
        return self.proposals[number - 1]

    def relaid_since(self, scope: str) -> frozenset[str]:
        """The tracks on which other things lie, or elsewhere, than when that listening was noted."""
        later = self.changes[self.heard_after.get(scope, 0) :]
        events = {change.event for change in later}
        standing = (change for change in later if not change.undone and change.undoes not in events)
        names = {name for change in standing for op in change.ops for name in op.scope}
        return frozenset(name.split("/")[0] for name in names if name.split("/")[1] in ("", "regions"))

    def change(self, event: str) -> Change:
        """What that event did. Raises InputError (``undo.nothing``) where it did not change the song."""
        if event not in self.places:
            raise InputError("undo.nothing", "That event did not change the song", where=event[:12])
        return self.changes[self.places[event]]


@dataclass(slots=True)
class _Fold:
    song: Song | None
    head: str
    length: int
    sources: dict[str, Source]
    findings: dict[str, tuple[Finding, ...]]
    facts: dict[str, tuple[Fact, ...]]
    heard_after: dict[str, int]
    proposals: Shelf[Filed]
    changes: Shelf[Change]
    places: dict[str, int]
    hearings: Hearings

    def take(self, event: Event) -> None:
        match event.body:
            case SongCreated(song=song):
                self.song = song
            case AudioAdded(source=source):
                self.sources[source.blob] = source
            case FindingsNoted(scope=scope, findings=findings, facts=facts):
                self.findings[scope] = findings
                self.facts[scope] = facts
                self.heard_after[scope] = len(self.changes)
            case ProposalFiled(proposal=proposal, base_event=base):
                number = len(self.proposals) + 1
                self.proposals.append(Filed(number=number, event=event.id, base_event=base, proposal=proposal))
            case OptionJoined(number=number, option=option):
                self.join(number, option)
            case Decided() as decision:
                self.decide(event, decision)
            case Edited(ops=ops):
                self.change(event, ops)
            case Undone() as undoing:
                self.undo(event, undoing)
            case Merged(ops=ops):
                self.change(event, ops)
            case BranchStarted() | Rendered():
                pass
            case TrialOpened() | Voted() | TrialClosed() as hearing:
                self.hearings = self.hearings.after(hearing, event.actor)
            case SongPlayed() | Remarked() | ColdListeningAsked() | QuestionsAnswered() as hearing:
                self.hearings = self.hearings.after(hearing, event.actor)
        self.head, self.length = event.id, event.seq

    def join(self, number: int, option: Option) -> None:
        filed = self.filed(number)
        if not filed.is_open or any(each.id == option.id for each in filed.proposal.options):
            raise Conflict("proposal.cannot_join", "That option cannot join the proposal", where=option.id)
        proposal = replace(filed.proposal, options=(*filed.proposal.options, option))
        self.proposals[number - 1] = replace(filed, proposal=proposal)

    def decide(self, event: Event, decision: Decided) -> None:
        filed = self.filed(decision.number)
        if not filed.is_open:
            raise Conflict("decision.made_already", f"Proposal {filed.number} was decided before")
        if decision.verdict == "accept":
            before = self.song
            self.change(event, accepted_ops(filed.proposal, decision), decided=decision)
            if before is not None and self.song is not None:
                refuse_locked(before, self.song)
        self.proposals[filed.number - 1] = _as_decided(filed, decision, event.actor, event.id)

    def filed(self, number: int) -> Filed:
        if not 1 <= number <= len(self.proposals):
            raise Conflict("proposal.unknown", f"The log decides proposal {number} before it is filed")
        return self.proposals[number - 1]

    def change(
        self,
        event: Event,
        ops: tuple[Op, ...],
        *,
        undoes: str = "",
        decided: Decided | None = None,
        part: str | None = None,
    ) -> None:
        if self.song is None:
            raise Conflict("log.no_song", "The log changes a song before it creates one")
        self.song, undo = apply_with_undo(self.song, ops)
        self.places[event.id] = len(self.changes)
        self.changes.append(
            Change(event=event.id, by=event.actor, ops=ops, undo=undo, undoes=undoes, decided=decided, part=part)
        )

    def undo(self, event: Event, undoing: Undone) -> None:
        if undoing.part is None:
            self.put_in_force(undoing.undone, in_force=False)
        else:
            self.mark_part(undoing.undone, undoing.part, undone=True)
        self.change(event, undoing.ops, undoes=undoing.undone, part=undoing.part)

    def put_in_force(self, event_id: str, *, in_force: bool) -> None:
        """Take the change of an event back, or bring it again; what it had taken back itself goes the other way."""
        change = self.mark(event_id, undone=not in_force)
        if change.decided is not None:
            place = change.decided.number - 1
            again = _as_decided(self.proposals[place], change.decided, change.by, change.event)
            self.proposals[place] = again if in_force else _as_open(again)
        if change.undoes and change.part is not None:
            self.mark_part(change.undoes, change.part, undone=in_force)
        elif change.undoes:
            self.put_in_force(change.undoes, in_force=not in_force)

    def mark_part(self, event_id: str, part: str, *, undone: bool) -> None:
        """Mark what the change of an event did to one part as undone, or as in force again."""
        place = self.place(event_id)
        change = self.changes[place]
        if change.undone or (part in change.parts_undone) is undone:
            raise Conflict("undo.done_already", "That change was taken back before", where=event_id[:12])
        self.changes[place] = replace(change, parts_undone=change.parts_undone ^ {part})

    def mark(self, event_id: str, *, undone: bool) -> Change:
        """Mark the change of an event as undone, or as in force again; what it was before."""
        place = self.place(event_id)
        change = self.changes[place]
        if change.undone is undone:
            raise Conflict("undo.done_already", "That change was taken back before", where=event_id[:12])
        self.changes[place] = replace(change, undone=undone)
        return change

    def place(self, event_id: str) -> int:
        """Where the change of an event stands among all changes."""
        if event_id not in self.places:
            raise Conflict("undo.nothing", "The log undoes an event that did not change the song", where=event_id[:12])
        return self.places[event_id]


def _as_decided(filed: Filed, decision: Decided, by: str, event: str) -> Filed:
    """A proposal, with the options that have joined it so far, as a decision makes it."""
    return replace(
        filed,
        verdict=decision.verdict,
        option=decision.option,
        taken=decision.taken,
        decided_by=by,
        decided_in=event,
        trial=decision.trial,
    )


def _as_open(filed: Filed) -> Filed:
    return replace(filed, verdict=None, option=None, taken=None, decided_by=None, decided_in=None, trial="")


def accepted_ops(proposal: Proposal, decision: Decided) -> tuple[Op, ...]:
    """The ops that an accepting decision applies; raises Conflict (``decision.no_option``) where it names none."""
    if decision.option is None:
        raise Conflict("decision.no_option", "An accepting decision names its option")
    ops = proposal.option(decision.option).ops
    if decision.taken is None:
        return ops
    if any(not 0 <= place < len(ops) for place in decision.taken) or list(decision.taken) != sorted(
        set(decision.taken)
    ):
        raise Conflict("decision.no_such_op", "The decision takes ops that the option does not have")
    return tuple(ops[place] for place in decision.taken)


def fold(events: Iterable[Event], start: SongState | None = None) -> SongState:
    """The state after ``events``, from nothing or from ``start``; raises Conflict for what cannot have happened."""
    state = start or SongState()
    folding = _Fold(
        song=state.song,
        head=state.head,
        length=state.length,
        sources=dict(state.sources),
        findings=dict(state.findings),
        facts=dict(state.facts),
        heard_after=dict(state.heard_after),
        proposals=Shelf(state.proposals),
        changes=Shelf(state.changes),
        places=dict(state.places),
        hearings=state.hearings,
    )
    for event in events:
        folding.take(event)
    return SongState(
        song=folding.song,
        head=folding.head,
        length=folding.length,
        sources=folding.sources,
        findings=folding.findings,
        facts=folding.facts,
        heard_after=folding.heard_after,
        proposals=folding.proposals,
        changes=folding.changes,
        places=folding.places,
        hearings=folding.hearings,
    )
