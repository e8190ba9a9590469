"""What recordings of one session have to do with each other: everything that no recording tells alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tapehand.listening.arrivals import Course, related_pairs
from tapehand.listening.bleed import bleed_findings, bleeds
from tapehand.listening.drift import drift_findings
from tapehand.listening.duplicates import copies, copy_findings
from tapehand.listening.intonation import Intonation, intonation, intonation_facts, intonation_findings
from tapehand.listening.masking import masking_findings, maskings
from tapehand.listening.mic_pairs import mic_pair_facts, mic_pair_findings, mic_pairs
from tapehand.listening.mono_loss import mono_loss_findings
from tapehand.listening.notes import Note
from tapehand.listening.recordings import Among, Recordings
from tapehand.listening.roles import UNKNOWN
from tapehand.listening.timing import timing_findings
from tapehand.song.finding import Fact, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """What recordings tell together: facts, questions, and the notes of those that carry one voice, by their names."""

    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]
    notes: Mapping[str, tuple[Note, ...]]


def heard_between(
    recordings: Recordings, beats_s: Sequence[float] = (), pitch: Callable[[], Intonation] | None = None
) -> Between:
    """Facts and questions about copies, microphones, clocks, bleed, intonation, timing, masking and mono.

    ``beats_s`` are the song's beats where they are known with confidence; without them no part is held against bars.
    ``pitch`` gives what is listened to beside this; it is asked for last. What follows from one cause is asked once: a
    copy, or a second microphone of one source, is what its source is, so that all else is asked of the source.
    """
    same = copies(recordings)
    copied = {each.track for each in same}
    courses = {pair: course for pair, course in related_pairs(recordings).items() if copied.isdisjoint(pair)}
    followers = copied | {second for pair, course in courses.items() if (second := _follower(recordings, pair, course))}
    pairs = mic_pairs(recordings, courses)
    microphones = mic_pair_findings(recordings, pairs)
    asked = {each.track for each in microphones}
    followers |= {name for name in recordings.names if name in asked and recordings.role(name) == UNKNOWN}
    sources = Among(recordings, [name for name in recordings.names if name not in followers])
    parted = [
        *(frozenset(pair) for pair, course in courses.items() if course.is_one_source or course.has_drifted),
        *(frozenset((pair.track, pair.partner)) for pair in pairs if pair.track in asked),
    ]
    timing = timing_findings(sources, beats_s)
    layered = {each.track for each in timing if each.kind == "layers_apart"}
    lost = mono_loss_findings(recordings)
    # What is heard of a track that works against itself is only what is left of it in mono.
    works_against_itself = {each.track for each in lost}
    of_one_source = (
        *copy_findings(same),
        *(each for each in microphones if each.track not in layered),
        *drift_findings(courses),
        *bleed_findings(recordings, bleeds(sources, parted)),
    )
    masked = (each for each in masking_findings(maskings(sources)) if each.track not in works_against_itself)
    of_the_music = (*timing, *masked, *lost)
    heard = intonation(recordings) if pitch is None else pitch()
    return Between(
        facts=(*mic_pair_facts(pairs), *intonation_facts(heard)),
        findings=(*of_one_source, *intonation_findings(heard.among(sources.names)), *of_the_music),
        notes=heard.notes,
    )


def _follower(recordings: Recordings, pair: tuple[str, str], course: Course) -> str | None:
    """The second of two tracks that are one source caught twice; none where names call them two things."""
    roles = [recordings.role(name) for name in pair]
    return pair[1] if course.is_one_source and (roles[1] in (roles[0], UNKNOWN)) else None


def findings_between(recordings: Recordings, beats_s: Sequence[float] = ()) -> tuple[Finding, ...]:
    """The questions of ``heard_between``."""
    return heard_between(recordings, beats_s).findings
