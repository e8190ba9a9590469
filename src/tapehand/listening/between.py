"""What recordings of one session have to do with each other: everything that no recording tells alone."""

from collections.abc import Sequence

from tapehand.listening.arrivals import related_pairs
from tapehand.listening.bleed import bleed_findings, bleeds
from tapehand.listening.drift import drift_findings
from tapehand.listening.duplicates import copies, copy_findings
from tapehand.listening.intonation import intonation, intonation_facts, intonation_findings
from tapehand.listening.masking import masking_findings, maskings
from tapehand.listening.mic_pairs import mic_pair_facts, mic_pair_findings, mic_pairs
from tapehand.listening.mono_loss import mono_loss_findings
from tapehand.listening.recordings import Recordings
from tapehand.listening.timing import timing_findings
from tapehand.song.finding import Fact, Finding


def heard_between(
    recordings: Recordings, beats_s: Sequence[float] = ()
) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    """Facts and questions about copies, microphones, clocks, bleed, intonation, timing, masking and mono.

    ``beats_s`` are the song's beats where they are known with confidence; without them no part is held against bars.
    """
    same = copies(recordings)
    copied = {each.track for each in same}
    courses = {pair: course for pair, course in related_pairs(recordings).items() if copied.isdisjoint(pair)}
    pairs = mic_pairs(recordings, courses)
    pitch = intonation(recordings)
    findings = (
        *copy_findings(same),
        *mic_pair_findings(recordings, pairs),
        *drift_findings(courses),
        *bleed_findings(recordings, bleeds(recordings, [frozenset(pair) for pair in courses])),
        *intonation_findings(pitch),
        *timing_findings(recordings, beats_s),
        *masking_findings(maskings(recordings)),
        *mono_loss_findings(recordings),
    )
    return (*mic_pair_facts(pairs), *intonation_facts(pitch)), findings


def findings_between(recordings: Recordings, beats_s: Sequence[float] = ()) -> tuple[Finding, ...]:
    """The questions of ``heard_between``."""
    return heard_between(recordings, beats_s)[1]
