"""What recordings of one session have to do with each other: everything that no recording tells alone."""

from tapehand.listening.arrivals import related_pairs
from tapehand.listening.bleed import bleed_findings, bleeds
from tapehand.listening.drift import drift_findings
from tapehand.listening.duplicates import copies, copy_findings
from tapehand.listening.intonation import intonation, intonation_findings
from tapehand.listening.mic_pairs import mic_pair_findings, mic_pairs
from tapehand.listening.recordings import Recordings
from tapehand.song.finding import Finding


def findings_between(recordings: Recordings) -> tuple[Finding, ...]:
    """Questions about copies, microphones of one source, clocks and bleed."""
    same = copies(recordings)
    copied = {each.track for each in same}
    courses = {pair: course for pair, course in related_pairs(recordings).items() if copied.isdisjoint(pair)}
    return (
        *copy_findings(same),
        *mic_pair_findings(recordings, mic_pairs(recordings, courses)),
        *drift_findings(courses),
        *bleed_findings(recordings, bleeds(recordings, [frozenset(pair) for pair in courses])),
        *intonation_findings(intonation(recordings)),
    )
