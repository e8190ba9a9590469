"""What is always listened for in a recording, in one pass over its blocks."""

from collections.abc import Iterable
from dataclasses import dataclass

from tapehand.audio import Audio
from tapehand.audio.facts import Damage
from tapehand.listening.clipping import Clipping, ClippingScan, clipping_finding
from tapehand.listening.kinds import finding, kind
from tapehand.listening.levels import Levels, LevelScan, level_findings
from tapehand.song.finding import Finding
from tapehand.units import samples_to_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one pass over a recording told: its levels, and its clipping where there is any."""

    levels: Levels
    clipping: Clipping | None

    def findings(self, track: str | None = None, path: str | None = None) -> tuple[Finding, ...]:
        """The questions that follow from it."""
        clipped = () if self.clipping is None else (clipping_finding(self.clipping, track, path),)
        return clipped + level_findings(self.levels, track, path)


class FaultScan:
    """The pass itself, for a recording that arrives in blocks; their sizes do not matter."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._levels = LevelScan(channels, rate_hz)
        self._clipping = ClippingScan(channels, rate_hz)

    def feed(self, block: Audio) -> None:
        """Take the next stretch."""
        self._levels.feed(block)
        self._clipping.feed(block)

    def finish(self) -> Heard:
        """What was heard in all that was fed."""
        return Heard(levels=self._levels.finish(), clipping=self._clipping.finish())


def listen(audio: Audio) -> Heard:
    """One pass over a whole recording."""
    return listen_to_blocks([audio], audio.channels, audio.rate_hz)


def listen_to_blocks(blocks: Iterable[Audio], channels: int, rate_hz: int) -> Heard:
    """One pass over a recording that comes from a file or generator."""
    scan = FaultScan(channels, rate_hz)
    for block in blocks:
        scan.feed(block)
    return scan.finish()


def damage_finding(damage: Damage, rate_hz: int, track: str | None = None, path: str | None = None) -> Finding:
    """The question after a file that did not keep its word; the value is what is missing, in seconds, where known."""
    start_s = samples_to_seconds(damage.decoded_samples, rate_hz)
    missing_s, end_s = None, None
    if damage.announced_samples is not None:
        end_s = samples_to_seconds(damage.announced_samples, rate_hz)
        missing_s = end_s - start_s
    # A checksum says that something is wrong, not where.
    whole_file = damage.reason == "checksum"
    return finding(
        "damaged_file",
        track=track,
        path=path,
        value=None if whole_file else missing_s,
        start_s=None if whole_file else start_s,
        end_s=None if whole_file else end_s,
        amount=damage.amount.replace("?", "an unknown number"),
        reason=kind("damaged_file")["reasons"][damage.reason],
    )
