"""What is known of one recording after its pass: its role, what it has on it, and what is kept small of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from tapehand.audio.facts import Damage
from tapehand.listening.faults import Heard, damage_finding
from tapehand.listening.recording_faults import RecordingFaults
from tapehand.listening.recordings import Compact
from tapehand.listening.roles import UNKNOWN, RoleGuess, group_of, guess_role
from tapehand.listening.sources import Recording
from tapehand.song.finding import Fact, Finding
from tapehand.units import finite_or_none

ROLE_METHOD: Final = "role/2"
LEVEL_METHOD: Final = "level/1"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HeardTrack:
    """One recording after its pass.

    Parameters
    ----------
    guess : its role, with why.
    faults : what it has on it, levels included.
    channels, length_samples : as it was really decoded, at its own rate.
    damage : what was wrong with its file.
    is_lossy : whether its file says itself that it lost something.
    """

    recording: Recording
    guess: RoleGuess
    faults: RecordingFaults
    compact: Compact
    channels: int
    length_samples: int
    damage: Damage | None = None
    is_lossy: bool = False

    def findings(self) -> tuple[Finding, ...]:
        """What this recording by itself gives reason to ask."""
        recording, damage = self.recording, self.damage
        found = self.faults.findings(recording.id, recording.path, self.sure_role)
        if self.is_lossy:
            found = tuple(_beside_lossy_format(found))
        if damage is None:
            return found
        return (damage_finding(damage, recording.rate_hz, recording.id, recording.path), *found)

    def facts(self) -> tuple[Fact, ...]:
        """Role, levels, and what was found where."""
        track = self.recording.id
        levels = _level_facts(track, self.faults.heard)
        return (role_fact(track, self.guess), *levels, *self.faults.facts(track, self.sure_role))

    @property
    def sure_role(self) -> str:
        """Its role; ``"unknown"`` where a person should be asked."""
        return UNKNOWN if self.guess.asks else self.guess.role

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.faults.heard.levels.is_silent


class Memory(Protocol):
    """Remembers what was heard of recordings; losing any of it costs time and nothing else."""

    def recall(self, recording: Recording) -> HeardTrack | None:
        """What was heard of the same sound before, as this recording's."""
        ...

    def keep(self, heard: HeardTrack) -> None:
        """Remember it, as long as there is room."""
        ...


class NoMemory:
    """Remembers nothing."""

    def recall(self, _recording: Recording) -> None:
        """Nothing."""

    def keep(self, _heard: HeardTrack) -> None:
        """Let it go."""


def named_role(recording: Recording) -> RoleGuess:
    """What is known of a role before anything is heard: what was said, else what the name says."""
    if recording.role is None:
        return guess_role(recording.name)
    role = recording.role
    return RoleGuess(role=role, group=group_of(role), confidence=1.0, told_by="name", why="it was said", side=None)


def role_fact(track: str, guess: RoleGuess) -> Fact:
    """A role as a fact."""
    return Fact(name="role", value=guess.role, track=track, confidence=guess.confidence, method=ROLE_METHOD)


def _beside_lossy_format(found: Sequence[Finding]) -> Iterator[Finding]:
    """Without asking what the file's format answers: what put up a wall in its spectrum."""
    for finding in found:
        if finding.kind != "lossy_source":
            yield replace(finding, severity="note") if finding.kind == "upsampled" else finding


def _level_facts(track: str, heard: Heard) -> Iterator[Fact]:
    levels = heard.levels
    figures: Mapping[str, tuple[float, str]] = {
        "integrated_lufs": (levels.integrated_lufs, "LUFS"),
        "sample_peak_dbfs": (levels.sums.sample_peak_dbfs, "dBFS"),
        "duration_s": (levels.duration_s, "s"),
    }
    for name, (value, unit) in figures.items():
        if finite_or_none(value) is not None:
            yield Fact(name=name, value=value, unit=unit, track=track, method=LEVEL_METHOD)
