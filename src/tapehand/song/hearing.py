"""What people heard: blind trials and their votes, when the song was played, what was remarked; and the fold of it.

None of it changes the song.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from tapehand.errors import Conflict
from tapehand.song.trial import Answer, HeldTrial, Trial, TrialKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOpened:
    """A blind trial was prepared; what is heard under which letter lies sealed beside the log."""

    KIND: ClassVar[str] = "trial.opened"
    trial: Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """Answers to the next rounds of a trial, in order."""

    KIND: ClassVar[str] = "trial.voted"
    trial: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialClosed:
    """The last vote was cast, or the voter stopped: the seal is broken and the key shown."""

    KIND: ClassVar[str] = "trial.closed"
    trial: str
    key: TrialKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPlayed:
    """A person got the song, as it stood, to listen to."""

    KIND: ClassVar[str] = "song.played"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remarked:
    """What a person noted while listening, at a time of the song if it is about one."""

    KIND: ClassVar[str] = "song.remarked"
    text: str
    at_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdListeningAsked:
    """Whether proposals stay hidden until the song was played once and remarks were left."""

    KIND: ClassVar[str] = "listening.cold"
    wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionsAnswered:
    """A person's answer to all questions of one kind on one track (None: on none): leave it as it is, or ask again."""

    KIND: ClassVar[str] = "questions.answered"
    kind: str
    track: str | None
    leave: bool


HearingBody = TrialOpened | Voted | TrialClosed | SongPlayed | Remarked | ColdListeningAsked | QuestionsAnswered
HEARING_BODIES: tuple[type[HearingBody], ...] = (
    TrialOpened,
    Voted,
    TrialClosed,
    SongPlayed,
    Remarked,
    ColdListeningAsked,
    QuestionsAnswered,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was noted while listening, and by whom."""

    by: str
    text: str
    at_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearings:
    """Everything that was heard and said about it.

    Plays and remarks are counted since cold listening was asked for; ``left`` holds kind and track of the questions
    that a person wants to leave as they are.
    """

    trials: tuple[HeldTrial, ...] = ()
    remarks: tuple[Remark, ...] = ()
    is_cold: bool = False
    plays_since: int = 0
    remarks_since: int = 0
    left: frozenset[tuple[str, str | None]] = frozenset()

    @property
    def hides_proposals(self) -> bool:
        """Whether somebody wanted to hear the song without suggestions first, and it has not been heard yet."""
        return self.is_cold and not (self.plays_since and self.remarks_since)

    def held(self, trial_id: str) -> HeldTrial:
        """The trial of that id. Raises Conflict (``trial.unknown``)."""
        for held in self.trials:
            if held.trial.id == trial_id:
                return held
        raise Conflict("trial.unknown", "There is no such trial", where=trial_id)

    def of_proposal(self, number: int) -> tuple[HeldTrial, ...]:
        """The trials of one proposal, oldest first."""
        return tuple(held for held in self.trials if held.trial.number == number)

    def after(self, body: HearingBody, by: str) -> "Hearings":
        """These with one more event; raises Conflict for what cannot have happened."""
        match body:
            case TrialOpened(trial=trial):
                return self._with_new(trial)
            case Voted():
                return self._with_votes(body, by)
            case TrialClosed():
                return self._closed(body)
            case SongPlayed():
                return replace(self, plays_since=self.plays_since + 1)
            case Remarked(text=text, at_s=at_s):
                remark = Remark(by=by, text=text, at_s=at_s)
                return replace(self, remarks=(*self.remarks, remark), remarks_since=self.remarks_since + 1)
            case ColdListeningAsked(wanted=wanted):
                return replace(self, is_cold=wanted, plays_since=0, remarks_since=0)
            case QuestionsAnswered(kind=kind, track=track, leave=leave):
                named = {(kind, track)}
                return replace(self, left=self.left | named if leave else self.left - named)

    def _with_new(self, trial: Trial) -> "Hearings":
        if any(held.trial.id == trial.id for held in self.trials):
            raise Conflict("trial.open_already", "That trial was opened before", where=trial.id)
        return replace(self, trials=(*self.trials, HeldTrial(trial=trial)))

    def _with_votes(self, voted: Voted, by: str) -> "Hearings":
        held = self._open(voted.trial)
        if by != held.trial.voter:
            raise Conflict("trial.other_voter", f"That trial was prepared for {held.trial.voter}", where=by)
        answers = (*held.answers, *voted.answers)
        if len(answers) > held.trial.rounds:
            raise Conflict("trial.no_such_round", f"The trial has {held.trial.rounds} rounds", where=held.trial.id)
        if held.trial.kind == "abx" and "same" in answers:
            raise Conflict("trial.abx_decides", "X is A or B; where you hear no difference, guess", where=held.trial.id)
        return self._with(replace(held, answers=answers))

    def _closed(self, closed: TrialClosed) -> "Hearings":
        held = self._open(closed.trial)
        if closed.key.seal() != held.trial.seal:
            raise Conflict("trial.seal_broken", "The key is not the one that was sealed", where=held.trial.id)
        return self._with(replace(held, key=closed.key))

    def _open(self, trial_id: str) -> HeldTrial:
        held = self.held(trial_id)
        if not held.is_open:
            raise Conflict("trial.closed", "That trial is closed: its key is known", where=trial_id)
        return held

    def _with(self, changed: HeldTrial) -> "Hearings":
        trials = tuple(changed if held.trial.id == changed.trial.id else held for held in self.trials)
        return replace(self, trials=trials)
