"""What waits for a person: open proposals, and findings as questions."""

from collections.abc import Sequence
from dataclasses import dataclass

from tapehand.app.view import song_of
from tapehand.ports.song_store import SongStore
from tapehand.song.finding import Finding
from tapehand.song.fold import Filed, SongState
from tapehand.song.song import Song

SEVERITIES = ("serious", "ask", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A finding and the name of the track it is about."""

    finding: Finding
    track_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """Open proposals, oldest first, and questions, most consequential first."""

    proposals: tuple[Filed, ...]
    questions: tuple[Question, ...]


def inbox(store: SongStore) -> Inbox:
    """Everything that waits."""
    state = store.state()
    return Inbox(proposals=tuple(filed for filed in state.proposals if filed.is_open), questions=questions(state))


def questions(state: SongState) -> tuple[Question, ...]:
    """All findings of a song, the most consequential first, otherwise in the order of tracks."""
    song = song_of(state)
    found = [finding for findings in state.findings.values() for finding in findings]
    found.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return tuple(Question(finding=finding, track_name=track_name(song, finding.track)) for finding in found)


def track_name(song: Song, track_id: str | None) -> str | None:
    """The name of a track, or its id if it is not in the song any more."""
    names = {track.id: track.name for track in song.tracks}
    return None if track_id is None else names.get(track_id, track_id)


def findings_plain(asked: Sequence[Question]) -> list[dict[str, object]]:
    """The ``findings`` of ``Findings.1`` and ``Mix.1`` of the JSON interface."""
    return [finding_plain(question.finding, question.track_name) for question in asked]


def finding_plain(finding: Finding, track: str | None) -> dict[str, object]:
    """One finding of the JSON interface."""
    return {
        "kind": finding.kind,
        "path": finding.path,
        "track": track,
        "start_s": finding.start_s,
        "end_s": finding.end_s,
        "value": finding.value,
        "unit": finding.unit,
        "threshold": finding.threshold,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "question": finding.question,
    }
