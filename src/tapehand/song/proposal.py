"""Proposals: what an engine or a person suggests. A proposal changes nothing until a person decides."""

from dataclasses import dataclass
from typing import Protocol

from tapehand.errors import InputError
from tapehand.song.brief import Brief
from tapehand.song.finding import Finding
from tapehand.song.op import Op
from tapehand.song.provenance import Provenance


class NewAudio(Protocol):
    """The shape of sound that an option may bring along; ``audio.Audio`` has it. The app stores it by hash."""

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        ...

    @property
    def channels(self) -> int:
        """1 or 2."""
        ...

    @property
    def length_samples(self) -> int:
        """Length of each channel."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One measurement before and after, so that a reason can be checked."""

    name: str
    unit: str
    before: float | None = None
    after: float | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something about ``target`` (a track, a bus, ``"mix"``, ``"master"``) is proposed, in plain words."""

    target: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to go: ops, why, and what they would change measurably."""

    id: str
    name: str
    why: str
    ops: tuple[Op, ...]
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    new_audio: tuple[tuple[str, NewAudio], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Options for one question.

    ``recommended`` names an option only where there is a right answer or a natural starting point, and
    ``recommended_because`` says which; never a judgement of taste. ``brief`` is what the engine understood.
    ``not_made`` names, in plain words, what was asked for and is not in any option.
    """

    kind: str
    question: str
    options: tuple[Option, ...]
    provenance: Provenance
    recommended: str | None = None
    recommended_because: str = ""
    brief: Brief | None = None
    findings: tuple[Finding, ...] = ()
    not_made: tuple[str, ...] = ()

    def option(self, option_id: str) -> Option:
        """The option of that id. Raises InputError (``proposal.no_option``) with the ids there are."""
        for option in self.options:
            if option.id == option_id:
                return option
        known = ", ".join(option.id for option in self.options)
        raise InputError("proposal.no_option", f"There is no option {option_id!r}", hint=f"Options are: {known}.")
