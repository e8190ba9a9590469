"""The log in words: one row for each event."""

from collections.abc import Iterable
from dataclasses import dataclass

from tapehand.ports.song_store import SongStore
from tapehand.song.event import (
    AudioAdded,
    Body,
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
)
from tapehand.song.hearing import (
    ColdListeningAsked,
    HearingBody,
    QuestionsAnswered,
    Remarked,
    SongPlayed,
    TrialClosed,
    TrialOpened,
    Voted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """What happened, when, and who did it. ``at_s`` counts from 1970, UTC."""

    seq: int
    id: str
    at_s: float
    actor: str
    actor_kind: str
    what: str


def log_rows(store: SongStore) -> list[LogRow]:
    """Everything that ever happened to a song, oldest first."""
    return rows_of(store.events())


def rows_of(events: Iterable[Event]) -> list[LogRow]:
    """Events in words."""
    numbers: dict[str, int] = {}
    rows = []
    filed = 0
    for event in events:
        numbers[event.id] = event.seq
        filed += isinstance(event.body, ProposalFiled)
        rows.append(
            LogRow(
                seq=event.seq,
                id=event.id,
                at_s=event.at_s,
                actor=event.actor,
                actor_kind=event.actor_kind,
                what=_said(event.body, filed, numbers),
            )
        )
    return rows


def _said(body: Body, filed: int, numbers: dict[str, int]) -> str:
    match body:
        case SongCreated(song=song):
            return f"started the song {song.name} with {_count(len(song.tracks), 'track')} at {song.rate_hz} Hz"
        case AudioAdded(source=source):
            return f"stored {source.name} ({source.origin})"
        case FindingsNoted(scope=scope, findings=findings):
            return f"noted {_count(len(findings), 'finding')} ({scope})"
        case ProposalFiled(proposal=proposal):
            options = ", ".join(option.name for option in proposal.options)
            return f"proposed {proposal.kind} as proposal {filed}: {options}"
        case OptionJoined(number=number, option=joined):
            return f"put {joined.name} beside the options of proposal {number}"
        case Decided(number=number, verdict="accept", option=option, note=note, taken=None):
            return f"accepted option {option} of proposal {number}{_noted(note)}"
        case Decided(number=number, verdict="accept", option=option, note=note, taken=tuple(taken)):
            return f"accepted {_count(len(taken), 'step')} of option {option} of proposal {number}{_noted(note)}"
        case Decided(number=number, verdict="reject", note=note):
            return f"rejected proposal {number}{_noted(note)}"
        case Decided(number=number, note=note):
            return f"put off proposal {number}{_noted(note)}"
        case Edited(ops=ops, note=note):
            return f"made {_count(len(ops), 'change')} by hand{_noted(note)}"
        case Undone(undone=undone, part=part):
            return f"undid event {numbers.get(undone, 0) or undone[:12]}{f' on {part}' if part else ''}"
        case BranchStarted(name=name):
            return f"began the branch {name}"
        case Merged(branch=branch, ops=ops):
            return f"merged {_count(len(ops), 'change')} from the branch {branch}"
        case Rendered(name=name, sha256=sha256):
            return f"rendered {name} ({sha256[:12]})"
        case TrialOpened() | Voted() | TrialClosed() as hearing:
            return _heard(hearing)
        case SongPlayed() | Remarked() | ColdListeningAsked() | QuestionsAnswered() as hearing:
            return _heard(hearing)


def _heard(body: HearingBody) -> str:
    match body:
        case TrialOpened(trial=trial):
            return f"opened the blind trial {trial.id} on proposal {trial.number} ({trial.kind})"
        case Voted(trial=trial_id, answers=answers):
            return f"cast {_count(len(answers), 'vote')} in trial {trial_id}"
        case TrialClosed(trial=trial_id):
            return f"closed trial {trial_id} and broke its seal"
        case SongPlayed():
            return "listened to the song as it stands"
        case Remarked(text=text, at_s=at_s):
            return f"remarked{'' if at_s is None else f' at {at_s:.1f} s'}: {text}"
        case ColdListeningAsked(wanted=wanted):
            return "asked to listen cold, without suggestions" if wanted else "asked to see suggestions at once"
        case QuestionsAnswered(kind=kind, leave=leave):
            return f"{'left as it is' if leave else 'wants to be asked again'}: {kind.replace('_', ' ')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _noted(note: str) -> str:
    return f": {note}" if note else ""
