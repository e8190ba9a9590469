"""What waits for a person: open proposals, and findings as questions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tapehand.app.branches import MERGE
from tapehand.app.locks import moments_on
from tapehand.app.log_view import LogRow, rows_of
from tapehand.app.view import song_of
from tapehand.catalogue.loading import load
from tapehand.errors import InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.difference import parts
from tapehand.song.event import Edited, ProposalFiled
from tapehand.song.finding import Finding
from tapehand.song.fold import Filed, SongState
from tapehand.song.hearing import QuestionsAnswered
from tapehand.song.kept import KeptStretch, kept_stretches
from tapehand.song.region import Span
from tapehand.song.song import Song
from tapehand.units import samples_to_seconds, seconds_to_samples

SEVERITIES = ("serious", "ask", "note")
# People say a second; what they mean lies around it.
NEAR_S: Final = 0.5
MOMENTS: Final = "moments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A finding and the name of the track it is about.

    ``has_moved`` says that it names a place, and that since then other things lie on the track, or elsewhere.
    """

    finding: Finding
    track_name: str | None
    has_moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """All questions of one kind on one track, to be answered at once: hear, leave all, handle.

    ``tracks`` has several names where each of them raises the same question, or one of a kind that files of one origin
    share.
    """

    kind: str
    tracks: tuple[str, ...]
    questions: tuple[Question, ...]

    @property
    def severity(self) -> str:
        """The gravest of them."""
        return min((each.finding.severity for each in self.questions), key=SEVERITIES.index)

    @property
    def say(self) -> str:
        """The question, and how many more like it there are."""
        more = len(self.questions) - len(self.tracks or ("",))
        first = self.questions[0].finding.question
        return first if more <= 0 else f"{first} (and {more} more like it on this track)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What waits, the most consequential first, and what was done meanwhile.

    Parameters
    ----------
    proposals : open ones; where branches disagree first, then those that would change most of the song.
    hidden_proposals : how many are kept back until the song was heard once without them.
    moved_questions : how many are left out as their places have moved, until the song is listened to again.
    questions : findings nobody has answered.
    entries : the same questions, those of one kind on one track together.
    meanwhile : what engines and agents did since a person last did anything.
    """

    proposals: tuple[Filed, ...]
    questions: tuple[Question, ...]
    entries: tuple[Entry, ...] = ()
    meanwhile: tuple[LogRow, ...] = ()
    hidden_proposals: int = 0
    moved_questions: int = 0


def inbox(store: SongStore) -> Inbox:
    """Everything that waits."""
    state = store.state()
    waiting = sorted((filed for filed in state.proposals if filed.is_open), key=_by_reach)
    hidden = state.hearings.hides_proposals
    song = song_of(state)
    answered = kept_stretches(song), _dismissed(song)
    waiting_questions = [
        each
        for each in questions(state)
        if (each.finding.kind, each.finding.track) not in state.hearings.left and not _is_answered(each, *answered)
    ]
    asked = tuple(each for each in waiting_questions if not each.has_moved)
    return Inbox(
        proposals=() if hidden else tuple(waiting),
        hidden_proposals=len(waiting) if hidden else 0,
        questions=asked,
        entries=entries(asked),
        meanwhile=_meanwhile(store, with_proposals=not hidden),
        moved_questions=len(waiting_questions) - len(asked),
    )


def entries(asked: Sequence[Question]) -> tuple[Entry, ...]:
    """Questions of one kind on one track as one, the gravest first, then those with the most places."""
    groups: dict[tuple[str, str], list[Question]] = {}
    for each in asked:
        place = each.finding.track or each.finding.question  # what is about no track is not thrown together
        groups.setdefault((each.finding.kind, place), []).append(each)
    alike: dict[object, list[list[Question]]] = {}
    together = load("findings")["together"]
    for key, group in groups.items():
        first = group[0].finding
        same: object = (first.kind, first.question, first.start_s) if len(group) == 1 else key
        alike.setdefault((first.kind, first.severity) if first.kind in together else same, []).append(group)
    made = [_entry(group) for group in alike.values()]
    return tuple(sorted(made, key=lambda entry: (SEVERITIES.index(entry.severity), -len(entry.questions))))


def _is_answered(question: Question, kept: Sequence[KeptStretch], dismissed: Sequence[KeptStretch]) -> bool:
    """Whether its place is kept as it was played, or it is a moment that somebody had no use for."""
    found = question.finding
    places = (*kept, *(dismissed if found.kind == MOMENTS else ()))
    return any(place.holds(found.track, found.start_s, found.end_s) for place in places)


def _dismissed(song: Song) -> tuple[KeptStretch, ...]:
    let_go = tuple(replace(moment, kept=True) for moment in song.moments if not moment.kept)
    return kept_stretches(replace(song, moments=let_go))


def answer_questions(store: SongStore, kind: str, track: str | None, *, leave: bool, by: str) -> int:
    """Leave all questions of a kind (on one track, by its name) as they are, or ask them again; how many there are.

    Raises InputError (``inbox.no_question``) where nothing of that kind was found there.
    """
    meant = _meant(store.state(), kind, track)
    store.append(_answers(meant, leave=leave), actor=by, actor_kind="person")
    return len(meant)


def keep_found(store: SongStore, kind: str, track: str | None, *, by: str, at_s: float | None = None) -> int:
    """Keep what was found as it was played, against every proposal, and ask no more; how many moments that makes.

    ``at_s`` is a second of the song: only what lies there (or half a second beside it) is kept, and the question stays.

    Raises InputError (``inbox.no_question``), also where what was found has no place on a track.
    """
    state = store.state()
    song = song_of(state)
    meant = _meant(state, kind, track)
    kept = _places(song, meant, at_s)
    if not kept:
        raise InputError("inbox.no_question", f"There is no {kind} with a place there", where=track or "")
    answers = _answers(meant, leave=True) if at_s is None else []
    store.append(
        [Edited(ops=moments_on(song, kept), note=f"kept {kind.replace('_', ' ')}"), *answers],
        actor=by,
        actor_kind="person",
        expected_head=state.head,
    )
    return len(kept)


def dismiss_moments(store: SongStore, track: str | None, *, by: str, at_s: float) -> int:
    """Let go of what was pointed out at a second of the song: it is not told again; how many moments that makes.

    Raises InputError (``inbox.no_question``).
    """
    state = store.state()
    song = song_of(state)
    places = _places(song, _meant(state, MOMENTS, track), at_s, kept=False)
    if not places:
        raise InputError("inbox.no_question", "There are no moments with a place there", where=track or "")
    ops = moments_on(song, places, kept=False)
    store.append([Edited(ops=ops, note="let go of moments")], actor=by, actor_kind="person", expected_head=state.head)
    return len(places)


def _places(
    song: Song, meant: Sequence[Question], at_s: float | None, *, kept: bool = True
) -> list[tuple[str, Span, str]]:
    """Tracks and stretches that questions are about, near a second if one is said, of which it is not said yet."""
    spoken_of = {(moment.track, moment.span) for moment in song.moments if moment.kept == kept}
    return [
        (each.finding.track, span, each.finding.kind.replace("_", " "))
        for each in meant
        if each.finding.track is not None
        and not each.has_moved
        and (span := _span_of(each.finding, song.rate_hz)) is not None
        and (at_s is None or _is_near(span, at_s, song.rate_hz))
        and (each.finding.track, span) not in spoken_of
    ]


def _meant(state: SongState, kind: str, track: str | None) -> list[Question]:
    meant = [
        each
        for each in questions(state)
        if each.finding.kind == kind.replace(" ", "_") and track in (None, each.track_name, each.finding.track)
    ]
    if not meant:
        raise InputError("inbox.no_question", f"There is no question about {kind} there", where=track or "")
    return meant


def _answers(meant: Sequence[Question], *, leave: bool) -> list[QuestionsAnswered]:
    named = sorted({(each.finding.kind, each.finding.track) for each in meant}, key=str)
    return [QuestionsAnswered(kind=found, track=track, leave=leave) for found, track in named]


def _span_of(finding: Finding, rate_hz: int) -> Span | None:
    if finding.start_s is None or finding.end_s is None or finding.end_s <= finding.start_s:
        return None
    start, end = (seconds_to_samples(at_s, rate_hz) for at_s in (finding.start_s, finding.end_s))
    return Span(start_samples=start, end_samples=max(end, start + 1))


def _is_near(span: Span, at_s: float, rate_hz: int) -> bool:
    start_s, end_s = (samples_to_seconds(at, rate_hz) for at in (span.start_samples, span.end_samples))
    return start_s - NEAR_S <= at_s <= end_s + NEAR_S


def _entry(groups: Sequence[Sequence[Question]]) -> Entry:
    tracks = tuple(group[0].track_name for group in groups)
    return Entry(
        kind=groups[0][0].finding.kind,
        tracks=tuple(track for track in tracks if track is not None),
        questions=tuple(each for group in groups for each in group),
    )


def _by_reach(filed: Filed) -> tuple[bool, int, int]:
    """Before others: what two branches disagree on, what would change more tracks and buses, what waits longer."""
    reach = max(
        (len({part for op in option.ops for part in parts(op)}) for option in filed.proposal.options), default=0
    )
    return filed.proposal.kind != MERGE, -reach, filed.number


def _meanwhile(store: SongStore, *, with_proposals: bool) -> tuple[LogRow, ...]:
    events = store.events()
    last = max((place for place, event in enumerate(events) if event.actor_kind == "person"), default=-1)
    shown = {event.id for event in events[last + 1 :] if with_proposals or not isinstance(event.body, ProposalFiled)}
    return tuple(row for row in rows_of(events) if row.id in shown)


def questions(state: SongState) -> tuple[Question, ...]:
    """All findings of a song, the most consequential first, otherwise in the order of tracks."""
    song = song_of(state)
    asked = []
    for scope, findings in state.findings.items():
        relaid = state.relaid_since(scope)
        for finding in findings:
            has_moved = finding.start_s is not None and finding.track in relaid
            asked.append(Question(finding=finding, track_name=track_name(song, finding.track), has_moved=has_moved))
    return tuple(sorted(asked, key=lambda each: SEVERITIES.index(each.finding.severity)))


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


def entry_plain(entry: Entry) -> dict[str, object]:
    """One entry of ``Inbox.1``."""
    return {
        "kind": entry.kind,
        "tracks": list(entry.tracks),
        "count": len(entry.questions),
        "severity": entry.severity,
        "question": entry.say,
        "places": [[each.finding.start_s, each.finding.end_s] for each in entry.questions],
    }
