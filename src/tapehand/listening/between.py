"""What recordings of one session have to do with each other: everything that no recording tells alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tapehand.listening.arrivals import related_pairs
from tapehand.listening.bleed import bleed_findings, bleeds
from tapehand.listening.drift import drift_findings
from tapehand.listening.duplicates import copies, copy_findings
from tapehand.listening.intonation import Intonation, intonation, intonation_facts, intonation_findings
from tapehand.listening.masking import masking_findings, maskings
from tapehand.listening.mic_pairs import mic_pair_facts, mic_pair_findings, mic_pairs
from tapehand.listening.mono_loss import mono_loss_findings
from tapehand.listening.notes import Note
from tapehand.listening.recordings import Recordings
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
    ``pitch`` gives what is listened to beside this; it is asked for last.
    """
    same = copies(recordings)
    copied = {each.track for each in same}
    courses = {pair: course for pair, course in related_pairs(recordings).items() if copied.isdisjoint(pair)}
    one_source = [frozenset(pair) for pair, course in courses.items() if course.is_one_source]
    pairs = mic_pairs(recordings, courses)
    of_one_source = (
        *copy_findings(same),
        *mic_pair_findings(recordings, pairs),
        *drift_findings(courses),
        *bleed_findings(recordings, bleeds(recordings, one_source)),
    )
    of_the_music = (
        *timing_findings(recordings, beats_s),
        *masking_findings(maskings(recordings)),
        *mono_loss_findings(recordings),
    )
    heard = intonation(recordings) if pitch is None else pitch()
    return Between(
        facts=(*mic_pair_facts(pairs), *intonation_facts(heard)),
        findings=(*of_one_source, *intonation_findings(heard), *of_the_music),
        notes=heard.notes,
    )


def findings_between(recordings: Recordings, beats_s: Sequence[float] = ()) -> tuple[Finding, ...]:
    """The questions of ``heard_between``."""
    return heard_between(recordings, beats_s).findings
