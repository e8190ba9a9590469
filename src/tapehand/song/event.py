"""Events: everything that ever happened to a song, in order. The song is what they add up to (``song.fold``)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from tapehand.song.finding import Fact, Finding
from tapehand.song.hearing import HEARING_BODIES, HearingBody
from tapehand.song.op import Op
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.song import Song
from tapehand.song.source import Source

ActorKind = Literal["person", "engine", "agent"]
Verdict = Literal["accept", "reject", "later"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SongCreated:
    """The first event of every log."""

    KIND: ClassVar[str] = "song.created"
    song: Song


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioAdded:
    """Audio came into the store. It is on no track until an op puts it there."""

    KIND: ClassVar[str] = "audio.added"
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsNoted:
    """What a listening found and measured; it replaces what an earlier one of the same ``scope`` did."""

    KIND: ClassVar[str] = "findings.noted"
    scope: str
    findings: tuple[Finding, ...]
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalFiled:
    """A proposal, made against the song as it stood after ``base_event``."""

    KIND: ClassVar[str] = "proposal.filed"
    proposal: Proposal
    base_event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionJoined:
    """A person put another option beside those of an open proposal: the best idea wins, whoever had it."""

    KIND: ClassVar[str] = "option.joined"
    number: int
    option: Option
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A person decided on proposal ``number``. Accepting applies the ops of ``option``.

    ``taken`` holds the places (from 0) of the ops that were accepted; None is all of them. ``trial`` is the id of the
    blind trial that it rests on, if one was held.
    """

    KIND: ClassVar[str] = "decision.made"
    number: int
    verdict: Verdict
    option: str | None = None
    note: str = ""
    trial: str = ""
    taken: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A person's own hand: ops without a proposal."""

    KIND: ClassVar[str] = "song.edited"
    ops: tuple[Op, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """The ops that took the effect of event ``undone`` back, or only its effect on ``part``. Nothing is deleted."""

    KIND: ClassVar[str] = "event.undone"
    undone: str
    ops: tuple[Op, ...]
    part: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchStarted:
    """The first event of a branch; it follows the event from which the branch goes its own way."""

    KIND: ClassVar[str] = "branch.started"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What another branch changed, as it stood at its event ``head``, came in where this branch had left it alone."""

    KIND: ClassVar[str] = "branch.merged"
    branch: str
    head: str
    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A file left the song: what it was made of and what its bytes hash to."""

    KIND: ClassVar[str] = "audio.rendered"
    name: str
    sha256: str
    provenance: Provenance


Body = (
    SongCreated
    | AudioAdded
    | FindingsNoted
    | ProposalFiled
    | OptionJoined
    | Decided
    | Edited
    | Undone
    | BranchStarted
    | Merged
    | Rendered
    | HearingBody
)
BODIES: tuple[type[Body], ...] = (
    SongCreated,
    AudioAdded,
    FindingsNoted,
    ProposalFiled,
    OptionJoined,
    Decided,
    Edited,
    Undone,
    BranchStarted,
    Merged,
    Rendered,
    *HEARING_BODIES,
)
PERSONS_ONLY: tuple[type[Body], ...] = (OptionJoined, Decided, Edited, Undone, BranchStarted, Merged, *HEARING_BODIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A body with its place in the log.

    ``id`` is the SHA-256 over parent, kind, body, actor and time; ``parent`` is the id of the event before it on its
    branch ("" for the first): a chain, so that a changed or missing event shows. ``seq`` counts over all branches.
    """

    seq: int
    id: str
    parent: str
    body: Body
    actor: str
    actor_kind: ActorKind
    at_s: float
